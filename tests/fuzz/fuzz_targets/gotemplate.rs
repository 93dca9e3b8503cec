//! Whatever the text is, it is refused or executed, within the budget and without a panic; what the parser understood can
//! be written down, and a format string is never too much. Run it with
//! `cargo xtask fuzz gotemplate --max-len 4096`.

#![no_main]

use std::{rc::Rc, sync::Arc};

use airlock::render::gotemplate::{Budget, Builtins, Render, Str, Templates, Value, fmt, parse, strconv, value::INTS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = fmt::sprintf(input, &[Value::int(-7), Value::float(1.5), "é\u{0}".into(), data()]);
    if let Ok(value) = strconv::unquote(input) {
        assert_eq!(strconv::unquote(strconv::quote(&value).as_bytes()).as_deref(), Ok(value.as_slice()));
    }
    let Ok(unit) = parse("t", input, &Builtins) else { return };
    let names: Vec<Str> = unit.defines().cloned().collect();
    for name in &names {
        assert!(unit.source(name).is_some());
    }
    let mut set = Templates::new("t", Arc::new(Builtins));
    set.add(&Arc::new(unit));
    let budget = Budget { steps: 20_000, bytes: 100_000, ..Budget::default() };
    let mut render = Render::new(&set, budget, Rc::new(()));
    for name in &names {
        if let Ok(out) = render.output(name, &data()) {
            assert!(out.len() as u64 <= budget.bytes);
        }
    }
});

/// One of each kind of value.
fn data() -> Value {
    let list: Value = [Value::Nil, Value::Bool(true), "two".into(), Value::Complex(1.0, -1.0)].into_iter().collect();
    let ints = airlock::render::gotemplate::List::new(&INTS, vec![Value::int(1), Value::int(2)]);
    let entries = [
        ("s", Value::Str(Str::from(&b"\xff\xc3\xa9 text"[..]))),
        ("n", Value::float(1e6)),
        ("l", list.clone()),
        ("i", ints.into()),
        ("m", [(Str::from("x"), list)].into_iter().collect()),
    ];
    entries.into_iter().map(|(key, value)| (Str::from(key), value)).collect()
}
