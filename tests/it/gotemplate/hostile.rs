//! Templates that would not end, and values that hold themselves.

use std::rc::Rc;

use airlock::{
    limits,
    render::gotemplate::{Budget, Exhausted, Render, Str, Templates, Value, fmt},
};

use super::functions;

fn set(text: &str) -> Templates {
    let mut set = Templates::new("t", std::sync::Arc::new(functions::table()));
    set.parse("t", text).unwrap();
    set
}

/// Executes within a small budget and gives the part of it that was used up, and the message.
#[track_caller]
fn check(text: &str, budget: Budget, expected: Exhausted, message: &str) {
    let set = set(text);
    let mut render = Render::new(&set, budget, Rc::new(()));
    let error = render.output(b"t", &Value::Nil).unwrap_err();
    assert_eq!(error.exhausted(), Some(&expected), "{error}");
    let shown = error.to_string();
    assert!(shown.contains(message), "{shown}");
    if matches!(expected, Exhausted::Steps(_) | Exhausted::Bytes(_)) {
        // Whoever swallows the error gets no further.
        assert!(render.output(b"t", &Value::Nil).unwrap_err().exhausted().is_some());
    }
}

const ENDLESS: u64 = 1 << 62;

#[test]
fn a_loop_without_end_is_ended() {
    let steps = Budget { steps: 10_000, ..Budget::default() };
    let used = Exhausted::Steps(10_000);
    check(
        &format!("a\n{{{{ range {ENDLESS} }}}}{{{{ end }}}}"),
        steps,
        used,
        "template: t:2:9: executing \"t\" at <4611",
    );
    let nested = "{{ range 100000 }}\n{{ range 100000 }}{{ $x := . }}{{ end }}{{ end }}";
    check(nested, steps, used, "t:2:");
    let within = "{{ define \"a\" }}{{ range 100000 }}{{ end }}{{ end }}\n\n{{ include \"a\" . }}";
    check(
        within,
        steps,
        used,
        "t:3:3: executing \"t\" at <include \"a\" .>: error calling include: template: t:1:25:",
    );
}

#[test]
fn what_a_step_costs_is_paid_for() {
    let steps = Budget { steps: 100_000, ..Budget::default() };
    let used = Exhausted::Steps(100_000);
    // The variable that is looked for lies behind a thousand others.
    let variables: String = (0..1_000).map(|at| format!("{{{{ $v{at} := 1 }}}}")).collect();
    check(
        &format!("{{{{ $a := 1 }}}}{variables}{{{{ range 2000 }}}}{{{{ $a }}}}{{{{ end }}}}"),
        steps,
        used,
        "t:1:",
    );
    let text = "{{ $x := printf \"%100000d\" 1 }}{{ range 100 }}{{ $_ := eq $x $x }}{{ end }}";
    check(text, steps, used, "at <eq $x $x>");
    // A text that is made up anew each time is read each time.
    check(
        "{{ range 5000 }}{{ tpl (printf \"text number %d\" .) $ }}{{ end }}",
        steps,
        used,
        "error calling tpl",
    );
}

#[test]
fn many_definitions_and_variables_are_read_in_time() {
    let many = 20_000;
    let definitions: String =
        (0..many).map(|at| format!("{{{{ define \"d{at}\" }}}}x{{{{ end }}}}")).collect();
    let variables: String =
        (0..many).map(|at| format!("{{{{ $v{at} := $ }}}}{{{{ $v{} }}}}", at / 2)).collect();
    let set = set(&(definitions + &variables));
    assert_eq!(set.names().count(), many + 1);
}

#[test]
fn output_without_end_is_ended() {
    let bytes = Budget { bytes: 10_000, ..Budget::default() };
    let used = Exhausted::Bytes(10_000);
    check("\n{{ range 100000 }}xxxxxxxxx{{ end }}", bytes, used, "t:2:");
    check("{{ range 100000 }}{{ print . }}{{ end }}", bytes, used, "writes more than 10000 bytes");
    check("{{ printf \"%100000d\" 1 }}", bytes, used, "t:1:3: executing \"t\" at <printf \"%100000d\" 1>:");
    check("{{ printf \"%.100000f\" 1.5 }}", bytes, used, "t:1:3:");
    check("{{ printf \"%0100000x\" 1 }}", bytes, used, "t:1:3:");
    check("{{ printf \"%.100000U\" 1 }}", bytes, used, "t:1:3:");
    check("{{ list (printf \"%9000d\" 1) (printf \"%9000d\" 1) }}", bytes, used, "t:1:29:");
    // What is written into a string counts too, or a thousand of them would fill the memory.
    let within = "{{ define \"a\" }}{{ range 100000 }}xxxxxxxxx{{ end }}{{ end }}{{ $_ := include \"a\" . }}";
    check(within, bytes, used, "error calling include");
}

#[test]
fn templates_that_call_themselves_are_ended() {
    let depth = Budget { depth: 20, ..Budget::default() };
    for text in [
        "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}",
        "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}",
        "{{ define \"a\" }}{{ tpl \"{{ template `a` . }}\" . }}{{ end }}{{ include \"a\" . }}",
    ] {
        check(text, depth, Exhausted::Depth(20), "more than 20 deep");
        let stack = Budget { stack: 128 * 1024, ..Budget::default() };
        check(text, stack, Exhausted::Stack(128 * 1024), "of stack");
        // Within the usual budget the smallest stack suffices, however large the frames are.
        let set = set(text);
        let error = Render::new(&set, Budget::default(), Rc::new(())).output(b"t", &Value::Nil).unwrap_err();
        assert!(error.exhausted().is_some(), "{error}");
    }
}

#[test]
fn text_is_nested_only_so_deep() {
    let many = limits::TEMPLATE_NESTING * 100;
    for (open, close) in [
        ("(", ")"),
        ("{{ if 1 }}", "{{ end }}"),
        ("{{ range 1 }}", "{{ end }}"),
        ("{{ block \"a\" . }}", "{{ end }}"),
    ] {
        let inner = format!("{}1{}", open.repeat(many), close.repeat(many));
        let text = if open == "(" { format!("{{{{ {inner} }}}}") } else { inner };
        let error =
            Templates::new("t", std::sync::Arc::new(functions::table())).parse("t", text).unwrap_err();
        assert!(error.to_string().starts_with("template: t:1: "), "{error}");
    }
    let chain = format!("{{{{ if 0 }}}}{}{{{{ end }}}}", "{{ else if 0 }}".repeat(many));
    assert!(Templates::new("t", std::sync::Arc::new(functions::table())).parse("t", chain).is_err());
    // What people write is far from it: as deep as is allowed, on the stack of a test.
    let deep = limits::TEMPLATE_NESTING - 10;
    let text = format!("{}x{}", "{{ if 1 }}".repeat(deep), "{{ end }}".repeat(deep));
    assert_eq!(
        Render::new(&set(&text), Budget::default(), Rc::new(())).output(b"t", &Value::Nil).unwrap(),
        b"x"
    );
    let text = format!("{{{{ {}1{} }}}}", "(".repeat(deep), ")".repeat(deep));
    assert_eq!(
        Render::new(&set(&text), Budget::default(), Rc::new(())).output(b"t", &Value::Nil).unwrap(),
        b"1"
    );
}

#[test]
fn a_map_that_holds_itself_is_not_printed() {
    let text = "{{ $d := dict }}{{ $_ := set $d \"self\" $d }}\n{{ $d }}";
    let error =
        Render::new(&set(text), Budget::default(), Rc::new(())).output(b"t", &Value::Nil).unwrap_err();
    assert!(
        error.to_string().starts_with("template: t:2:3: executing \"t\" at <{{$d}}>: a value lies more than")
    );
    let same = Value::map([(Str::from("a"), Value::Nil)].into());
    let Value::Map(map) = &same else { panic!() };
    map.insert("a".into(), same.clone()).unwrap();
    assert!(fmt::sprint(std::slice::from_ref(&same)).is_err());
    map.remove(b"a");
}

#[test]
fn doubling_does_not_fill_the_memory() {
    let text = "{{ $x := \"x\" }}{{ range 60 }}{{ $x = list $x $x }}{{ end }}{{ len (print $x) }}";
    let bytes = Budget { bytes: 1 << 20, ..Budget::default() };
    check(text, bytes, Exhausted::Bytes(1 << 20), "at <print $x>: the render writes");
}

#[test]
fn values_that_lie_deep_within_each_other_are_dropped() {
    let mut value = Value::Nil;
    for at in 0..300_000 {
        value = match at % 3 {
            0 => Value::list(vec![value]),
            1 => Value::map([(Str::from("a"), value)].into()),
            _ => Value::list(vec![value, Value::list(Vec::new())]),
        };
    }
    drop(value);
}
