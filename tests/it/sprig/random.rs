use serde_json::{Value as Json, json};

use super::functions::{ask, render};

#[track_caller]
fn drawn(name: &str, args: &[Json]) -> String {
    ask(name, args).as_str().unwrap_or_else(|| panic!("{name}: {}", ask(name, args))).to_owned()
}

#[test]
fn text_of_chance_has_its_alphabet_and_length() {
    type Accept = fn(&u8) -> bool;
    let kinds: [(&str, Accept); 4] = [
        ("randAlphaNum", u8::is_ascii_alphanumeric),
        ("randAlpha", u8::is_ascii_alphabetic),
        ("randNumeric", u8::is_ascii_digit),
        ("randAscii", |it| (b' '..=b'~').contains(it)),
    ];
    for (name, accept) in kinds {
        for length in [0, 1, 500] {
            let text = drawn(name, &[json!(length)]);
            assert_eq!(text.len(), length);
            assert!(text.bytes().all(|it| accept(&it)), "{name}: {text}");
        }
        let text = drawn(name, &[json!(5000)]);
        let seen = text.bytes().collect::<std::collections::BTreeSet<_>>().len();
        let alphabet = (b' '..=b'~').filter(accept).count();
        assert_eq!(seen, alphabet, "every letter comes up");
        assert_eq!(drawn(name, &[json!(-1)]), "");
    }
    assert_eq!(drawn("randBytes", &[json!(10)]).len(), 16);
}

#[test]
fn the_same_generator_gives_the_same_and_goes_on() {
    let template = "{{ randAlphaNum 20 }} {{ randAlphaNum 20 }}";
    let once = render(template).unwrap();
    assert_eq!(once, render(template).unwrap());
    let (first, second) = once.split_once(' ').unwrap();
    assert_ne!(first, second);
}

#[test]
fn numbers_and_letters() {
    for _ in 0..3 {
        let all = render("{{ range until 300 }}{{ randInt 5 8 }}{{ end }}").unwrap();
        assert!(["5", "6", "7"].iter().all(|it| all.contains(it)) && !all.contains('8'));
    }
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    let shuffled = drawn("shuffle", &[json!("héllo wörld")]);
    assert_ne!(shuffled, "héllo wörld");
    assert_eq!(sorted(&shuffled), sorted("héllo wörld"));
    let id = drawn("uuidv4", &[]);
    let form: String = id.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
    assert_eq!(form, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
    assert!(id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]));
}

#[test]
fn the_clock_is_an_argument() {
    assert_eq!(render("{{ now }}").unwrap(), "2024-02-29 13:04:05.123456789 +0000 UTC");
    assert_eq!(render(r#"{{ ago (toDate "2006-01-02" "2024-02-29") }}"#).unwrap(), "13h4m5s");
    assert_eq!(render(r#"{{ date "2006" "no date" }} {{ now | unixEpoch }}"#).unwrap(), "2024 1709211845");
    assert_eq!(
        render("{{ now.Year }} {{ now.Month }} {{ now.Weekday }} {{ now.YearDay }}").unwrap(),
        "2024 February Thursday 60"
    );
    assert_eq!(render("{{ (now.AddDate 1 0 0).Format \"2006-01-02\" }}").unwrap(), "2025-03-01");
    assert_eq!(render(r#"{{ now.Sub (toDate "2006-01-02" "2024-02-29") }}"#).unwrap(), "13h4m5.123456789s");
    assert_eq!(render(r#"[{{ getHostByName "localhost" }}]"#).unwrap(), "[]");
}

/// Numbers at their ends, none of which may end the process.
#[test]
fn numbers_at_their_ends() {
    let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    let calls = [
        "abbrev N \"hello world of words\"",
        "abbrevboth N M \"hello world of words\"",
        "trunc N \"abc\"",
        "substr N M \"abc\"",
        "wrap N \"a b c\"",
        "wrapWith N \"x\" \"a b c\"",
        "repeat N \"\"",
        "splitn \",\" N \"a,b\"",
        "plural \"a\" \"b\" N",
        "slice (list 1 2 3) N M",
        "chunk N (list 1 2 3)",
        "untilStep N M 1000000000000000000",
        "untilStep N N M",
        "seq N M N",
        "div N M",
        "mod N M",
        "add N M",
        "sub N M",
        "mul N M",
        "round N 2",
        "round 1.5 N",
        "date \"2006-01-02 MST\" (int64 N)",
        "dateInZone \"2006\" (int64 N) \"Europe/Berlin\"",
        "ago (int64 N)",
        "duration (int64 N)",
        "durationRound (int64 N)",
        "(now.AddDate N M N)",
        "(now.AddDate 0 N M).Unix",
        "randInt N M",
        "randAlpha N | trunc 3",
        "regexFindAll \"a\" \"aaa\" N",
        "regexSplit \"a\" \"aaa\" N",
        "addf N M",
        "divf N M",
        "toDecimal N",
        "htmlDate (int64 N)",
        "int (float64 N)",
    ];
    for call in calls {
        for n in ends {
            for m in ends {
                let call = call.replace('N', &n.to_string()).replace('M', &m.to_string());
                // An error will do, a panic will not.
                let _ = render(&format!("{{{{ {call} }}}}"));
            }
        }
    }
}

#[test]
fn keys_are_made_and_read_again() {
    for kind in ["ed25519", "ecdsa"] {
        let key = drawn("genPrivateKey", &[json!(kind)]);
        let again = ask("genCAWithKey", &[json!("name"), json!(1), json!(key)]);
        assert_eq!(again[1], json!(key), "{kind}");
    }
    let template = r#"{{ $ca := genCA "ca" 1 }}{{ $c := genSignedCert "c" (list "10.0.0.1") (list "a.b") 1 $ca }}{{ $c.Cert }}{{ $c.Key }}"#;
    let made = render(template);
    assert_eq!(made, render(template), "nodes with one secret agree");
    let made = made.unwrap();
    assert!(
        made.starts_with("-----BEGIN CERTIFICATE-----\n")
            && made.ends_with("-----END RSA PRIVATE KEY-----\n")
    );
}

#[test]
fn versions_have_methods() {
    let of = |text: &str| render(text).unwrap();
    assert_eq!(
        of(
            r#"{{ $v := semver "v1.2.3-rc.1+b" }}{{ $v.Major }}.{{ $v.Minor }} {{ $v.Prerelease }} {{ $v.Metadata }} {{ $v.Original }} {{ $v }}"#
        ),
        "1.2 rc.1 b v1.2.3-rc.1+b 1.2.3-rc.1+b"
    );
    assert_eq!(
        of(
            r#"{{ (semver "1.2.3").IncMinor }} {{ (semver "v1.2.3-x").IncPatch.String }} {{ (semver "1.2.3").LessThan (semver "1.10") }}"#
        ),
        "1.3.0 1.2.3 true"
    );
}

#[test]
fn what_is_deep_or_large_ends_in_an_error() {
    let calls = ["deepCopy $d", "deepEqual $d $e", "mustToJson $d", "mustMerge $d $e", "mustToPrettyJson $e"];
    for (depth, good) in [(190, true), (5000, false)] {
        let deep = format!(
            "{{{{ $d := dict }}}}{{{{ $e := dict }}}}{{{{ range until {depth} }}}}{{{{ $d = dict \"a\" $d \"b\" 1 }}}}\
             {{{{ $e = dict \"a\" $e \"b\" 1 }}}}{{{{ end }}}}"
        );
        for call in calls {
            let outcome = render(&format!("{deep}{{{{ $x := {call} }}}}"));
            assert_eq!(outcome.is_ok(), good, "{depth} {call}: {outcome:?}");
        }
    }
    let cycle = "{{ $d := dict }}{{ $_ := set $d \"a\" $d }}";
    for call in ["deepCopy $d", "mustToJson $d"] {
        let error = render(&format!("{cycle}{{{{ $x := {call} }}}}")).unwrap_err();
        assert!(error.contains("deep"), "{call}: {error}");
    }
    for call in [
        "repeat 2000000000 \"ab\"",
        "until 2000000000",
        "untilStep 0 9000000000 1",
        "randAlpha 2000000000",
        "indent 2000000000 \"a\\nb\"",
        "seq 1 2000000000",
        "randBytes 2000000000",
    ] {
        let error = render(&format!("{{{{ $x := {call} }}}}")).unwrap_err();
        assert!(error.contains("more than"), "{call}: {error}");
    }
}
