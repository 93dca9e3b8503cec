//! Charts against what Helm itself printed (`tests/oracle/helm`): our own cases, and a corpus of real charts.

use std::{collections::BTreeMap, path::Path, rc::Rc};

use airlock::{
    archive::{Node, SafePath, Tree, Unpacked, read_tgz},
    fault::Fault as _,
    render::{
        gotemplate::{Budget, Map, Value, sprig::clock::Time, value::ANY_MAP},
        helm::{
            Capabilities, Chart, Error, Options, Randomness, Release, Rendered, World,
            chart::{self, Rules},
            check, glob, install,
            lint::{self, Lint, Severity},
            manifest::split,
            record,
            values::{Kind, Overrides, from_map, set},
        },
    },
    yaml,
};
use flate2::{Compression, write::GzEncoder};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Value as Json, json};

mod corpus;
mod own;

/// The rows of a file of ours, each with what the original made of it.
fn rows(kind: &str, name: &str) -> Vec<(Json, Json)> {
    let folder = format!("{}/tests/data/helm/{kind}", env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var("AIRLOCK_HELM_DATA").map_or(folder, |it| format!("{it}/{kind}"));
    let input = std::fs::read_to_string(format!("{folder}/{name}.yaml")).unwrap();
    let input: Vec<Json> = serde_yaml::from_str(&input).unwrap();
    let expected = std::fs::read_to_string(format!("{folder}/{name}.expected.json")).unwrap();
    let expected: Vec<Json> = serde_json::from_str(&expected).unwrap();
    assert_eq!(input.len(), expected.len(), "the oracle saw other rows: cargo xtask golden helm");
    input.into_iter().zip(expected).collect()
}

/// Runs every row and tells of all that differ at once.
#[track_caller]
fn check_rows(kind: &str, name: &str, least: usize, ours: impl Fn(&Json) -> Json) {
    let rows = rows(kind, name);
    assert!(rows.len() >= least, "only {} rows", rows.len());
    let mut wrong = Vec::new();
    for (row, expect) in &rows {
        let found = numbers(ours(row));
        let expect = &numbers(expect.clone());
        if found != *expect {
            let about = row.get("about").unwrap_or(row);
            wrong.push(format!("{about}\n{}", difference(expect, &found)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// The two, or where texts are long the first line that differs.
fn difference(expect: &Json, found: &Json) -> String {
    let text = |it: &Json| it["output"].as_str().or(it["json"].as_str()).map(str::to_owned);
    match (text(expect), text(found)) {
        (Some(expect), Some(found)) => first_difference(&expect, &found),
        _ => format!("    original {expect}\n    ours     {found}"),
    }
}

fn first_difference(expect: &str, found: &str) -> String {
    let (mut a, mut b) = (expect.lines(), found.lines());
    let mut line = 0;
    loop {
        line += 1;
        match (a.next(), b.next()) {
            (None, None) => return "    only in how lines end".to_owned(),
            (a, b) if a == b => (),
            (a, b) => return format!("    line {line}\n    original {a:?}\n    ours     {b:?}"),
        }
    }
}

fn texts<'j>(row: &'j Json, key: &str) -> Vec<&'j str> {
    row[key].as_array().map_or_else(Vec::new, |it| it.iter().map(|it| it.as_str().unwrap()).collect())
}

/// A file's content: text, a link, or an archive of files.
fn node(content: &Json) -> Node {
    match content {
        Json::String(text) => Node::file(text.as_bytes()),
        Json::Object(map) => match map.get("link") {
            Some(target) if target.is_string() => {
                Node::Symlink { target: target.as_str().unwrap().to_owned() }
            }
            _ => Node::file(pack(map)),
        },
        other => panic!("{other} is no content"),
    }
}

/// A chart archive as the oracle makes it.
fn pack(files: &serde_json::Map<String, Json>) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        match node(content) {
            Node::File { bytes, .. } => {
                header.set_size(bytes.len() as u64);
                tar.append_data(&mut header, name, &bytes[..]).unwrap();
            }
            Node::Symlink { target } => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                tar.append_link(&mut header, name, target).unwrap();
            }
        }
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn load(case: &Json) -> Result<Chart, Error> {
    let files = case["files"].as_object().unwrap();
    if case["archive"] == true {
        return chart::read_archive(&pack(files));
    }
    chart::read_directory(&tree(case), "chart")
}

fn tree(case: &Json) -> Tree {
    let files = case["files"].as_object().unwrap();
    let path = |name: &str| SafePath::new(&format!("chart/{name}")).unwrap();
    Tree::new(files.iter().map(|(name, content)| (path(name), node(content)))).unwrap()
}

fn given(case: &Json) -> Result<Map, Error> {
    let owned = |key: &str| texts(case, key).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let files = texts(case, "values").into_iter().enumerate();
    let overrides = Overrides {
        files: files.map(|(at, it)| (format!("values-{at}.yaml"), it.as_bytes().to_vec())).collect(),
        json: owned("setJson"),
        typed: owned("set"),
        text: owned("setString"),
        file: Vec::new(),
        literal: owned("setLiteral"),
    };
    overrides.values(&|name| Err(format!("open {name}: no such file")))
}

fn world() -> World {
    World {
        now: Time::unix(1_770_000_000),
        random: Randomness::Drawn(Box::new(ChaCha20Rng::from_seed([7; 32]))),
        cluster: None,
        budget: Budget { stack: 48 << 20, ..Budget::default() },
        lenient: false,
    }
}

fn release(case: &Json) -> Release {
    let text = |key: &str, default: &str| case[key].as_str().unwrap_or(default).to_owned();
    Release {
        name: text("release", "rel"),
        namespace: text("namespace", "default"),
        revision: 1,
        is_upgrade: case["isUpgrade"] == true,
    }
}

fn rendered(case: &Json) -> Result<Rendered, Error> {
    let given = given(case)?;
    let chart = load(case)?;
    check(&chart)?;
    let mut capabilities = Capabilities::default();
    if let Some(version) = case["kubeVersion"].as_str() {
        capabilities.kube_version = version.parse().unwrap();
    }
    capabilities
        .api_versions
        .extend(texts(case, "apiVersions").iter().flat_map(|it| it.split(',')).map(str::to_owned));
    let options = Options {
        include_crds: case["includeCrds"] == true,
        skip_schema: case["skipSchema"] == true,
        sub_notes: false,
    };
    install(&chart, &given, &release(case), &capabilities, options, world())
}

/// Nested templates need more stack than a test's thread has.
fn with_stack<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, body).unwrap();
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[track_caller]
fn check_render(name: &str, least: usize) {
    with_stack(|| {
        check_rows("render", name, least, printed);
    });
}

/// What a case prints, or its error.
fn printed(case: &Json) -> Json {
    match rendered(case) {
        Ok(rendered) => {
            json!({ "output": rendered.text(case["noHooks"] == true, case["skipTests"] == true) })
        }
        Err(error) => {
            let debug = if error.is_late() { "\n\nUse --debug flag to render out invalid YAML" } else { "" };
            json!({ "error": format!("{error}{debug}") })
        }
    }
}

#[test]
fn charts_are_loaded() {
    check_render("load", 20);
}

#[test]
fn values_are_coalesced() {
    check_render("values", 15);
}

#[test]
fn schemas_are_held() {
    check_render("schema", 20);
    check_render("schema_own", 119);
    check_render("schema_random", 780);
    check_render("schema_names", 150);
}

#[test]
fn formats_are_held() {
    check_render("formats", 344);
}

#[test]
fn templates_see_what_helm_shows_them() {
    check_render("engine", 15);
}

#[test]
fn errors_are_worded_as_helm_words_them() {
    check_render("errors", 20);
}

/// What people get wrong: the original's words, and what is ours beside them.
#[test]
fn mistakes_are_told_with_the_next_step() {
    check_render("mistakes", 23);
    for (case, _) in rows("render", "mistakes") {
        let error = with_stack(|| rendered(&case).unwrap_err());
        assert_eq!(
            (json!(error.code()), json!(error.hint())),
            (case["code"].clone(), case["hint"].clone()),
            "{error}"
        );
    }
}

#[test]
fn documents_are_split_and_sorted() {
    check_render("manifests", 8);
}

#[test]
fn charts_are_linted() {
    with_stack(|| {
        check_rows("lint", "charts", 19, |case| {
            let given = given(case).unwrap();
            let lint = Lint {
                given: &given,
                namespace: "default",
                capabilities: Capabilities::default(),
                skip_schema: false,
                place: "chart",
                world: world(),
            };
            let findings = lint::lint(&tree(case), "chart", lint);
            let mut output = "==> Linting chart\n".to_owned();
            for finding in &findings {
                output += &format!("{finding}\n");
            }
            let tolerated = if case["strict"] == true { Severity::Info } else { Severity::Warning };
            match findings.iter().any(|it| it.severity > tolerated) {
                true => {
                    json!({ "output": output + "\n", "error": "1 chart(s) linted, 1 chart(s) failed" })
                }
                false => json!({ "output": output + "\n1 chart(s) linted, 0 chart(s) failed\n" }),
            }
        });
    });
}

#[test]
fn flags_are_read() {
    check_rows("set", "flags", 70, set_of);
}

/// What a flag makes of a text.
fn set_of(row: &Json) -> Json {
    let base: yaml::Value = row.get("base").cloned().unwrap_or(json!({})).into();
    let base = from_map(base.as_map().unwrap());
    let text = row["text"].as_str().unwrap();
    let file = |name: &str| match name.starts_with("missing") {
        true => Err(format!("open {name}: no such file")),
        false => Ok(format!("content of {name}").into_bytes()),
    };
    let kind = match row["kind"].as_str().unwrap() {
        "set" => Kind::Typed,
        "string" => Kind::Text,
        "json" => Kind::Json,
        "literal" => Kind::Literal,
        _ => Kind::File(&file),
    };
    match set(kind, text, &base) {
        Ok(()) => json!({ "values": typed(&base.into()) }),
        Err(error) => json!({ "error": error }),
    }
}

/// Numbers with their types, as the oracle prints them.
fn typed(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Str(text) => text.to_text().into(),
        Value::Int(number, kind) => json!({ kind.name(): number }),
        Value::Float(number, kind) => json!({ kind.name(): number }),
        Value::List(list) => list.to_vec().iter().map(typed).collect(),
        Value::Map(map) => Json::Object(
            map.to_vec().iter().map(|(key, value)| (key.to_text().into(), typed(value))).collect(),
        ),
        other => panic!("{other:?} is no value"),
    }
}

#[test]
fn helmignore_leaves_out() {
    check_rows("ignore", "rules", 12, |row| match Rules::parse(row["rules"].as_str().unwrap().as_bytes()) {
        Err(error) => json!({ "error": error }),
        Ok(rules) => {
            let mut paths = texts(row, "paths");
            paths.retain(|it| rules.ignores(it.strip_suffix('/').unwrap_or(it), it.ends_with('/')));
            json!({ "ignored": paths })
        }
    });
}

#[test]
fn files_are_globbed() {
    for (row, expect) in rows("glob", "patterns") {
        let found = glob(row["pattern"].as_str().unwrap(), &texts(&row, "names"));
        match expect.get("taken") {
            Some(taken) => assert_eq!(json!(found), *taken, "{row}"),
            None => assert_eq!(found, None, "{row}"),
        }
    }
}

#[test]
fn versions_of_kubernetes_are_read() {
    check_rows("kube", "versions", 15, |row| {
        match row.as_str().unwrap().parse::<airlock::render::helm::KubeVersion>() {
            Ok(it) => json!([it.version, it.normalized, it.major, it.minor]),
            Err(error) => json!({ "error": error.to_string() }),
        }
    });
}

/// Without what a tree does not keep: when files were written.
fn without_times(json: &mut Json) {
    match json {
        Json::Object(map) => {
            map.remove("modtime");
            if let Some(time) = map.get_mut("schemamodtime") {
                *time = "0001-01-01T00:00:00Z".into();
            }
            map.values_mut().for_each(without_times);
        }
        Json::Array(items) => items.iter_mut().for_each(without_times),
        _ => (),
    }
}

/// The record that a case comes to.
fn recorded(case: &Json) -> serde_json::Map<String, Json> {
    with_stack(|| {
        let rendered = rendered(case).unwrap();
        let body = record::body(&rendered, &given(case).unwrap(), &release(case));
        let info = record::Info {
            first_deployed: "2026-01-02T03:04:05Z".parse().unwrap(),
            last_deployed: "2026-01-02T04:04:05.001234567Z".parse().unwrap(),
            status: record::Status::Deployed,
            description: "Install complete".into(),
        };
        record::complete(&body, 1, &info)
    })
}

#[test]
fn records_are_those_of_helm() {
    for (case, expect) in rows("record", "releases") {
        let ours = recorded(&case);
        let mut original: Json = serde_json::from_str(expect["json"].as_str().unwrap()).unwrap();
        // What Helm stored is read to the same.
        let stored = record::decode(expect["stored"].as_str().unwrap()).unwrap();
        assert_eq!(Json::Object(stored), original);
        without_times(&mut original);
        assert_eq!(numbers(Json::Object(ours.clone())), numbers(original), "{}", case["about"]);
        assert_eq!(record::decode(&record::encode(&ours)).unwrap(), ours);
    }
}

/// `tests/data/helm/read/ours.yaml` holds what we store, and its neighbour what Helm reads of it.
#[test]
fn helm_reads_our_records() {
    let cases = rows("record", "releases");
    let path = format!("{}/tests/data/helm/read/ours.yaml", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("AIRLOCK_UPDATE").is_some() {
        let ours = cases.iter().map(|(case, _)| format!("- stored: {}\n", record::encode(&recorded(case))));
        std::fs::write(path, ours.collect::<String>()).unwrap();
    }
    let read = rows("read", "ours");
    assert_eq!(read.len(), cases.len());
    for ((case, _), (stored, expect)) in cases.iter().zip(read) {
        let ours = recorded(case);
        assert_eq!(
            record::decode(stored["stored"].as_str().unwrap()).unwrap(),
            ours,
            "run with AIRLOCK_UPDATE"
        );
        let mut helms: Json = serde_json::from_str(expect["json"].as_str().unwrap()).unwrap();
        without_times(&mut helms);
        let mut ours = Json::Object(ours);
        // A time that was never set is left out or written, as each likes.
        without_times(&mut ours);
        assert_eq!(numbers(ours), numbers(helms), "{}", case["about"]);
    }
}

/// Go has one kind of number.
fn numbers(json: Json) -> Json {
    match json {
        Json::Number(number) => json!(number.as_f64()),
        Json::Array(items) => items.into_iter().map(numbers).collect(),
        Json::Object(map) => Json::Object(map.into_iter().map(|(key, it)| (key, numbers(it))).collect()),
        other => other,
    }
}

#[test]
fn a_record_that_is_none_is_refused() {
    for stored in ["", "!", "bm9uZQ==", "H4sIAAAAAAAC/3SQ"] {
        assert!(matches!(record::decode(stored), Err(Error::Record(_))), "{stored:?}");
    }
}

#[test]
fn what_lookup_asks_is_gathered_and_then_answered() {
    let case = json!({ "files": {
        "Chart.yaml": "{apiVersion: v2, name: asks, version: 0.1.0}",
        "templates/a.yaml": "a: {{ (lookup \"v1\" \"Secret\" \"ns\" \"one\").data.x }}\n\
            b: {{ len (lookup \"v1\" \"Secret\" \"ns\" \"\").items }}",
    }});
    let chart = load(&case).unwrap();
    let render = |cluster| {
        let world = World { cluster: Some(cluster), ..world() };
        let values = Map::new(&ANY_MAP, BTreeMap::new());
        install(&chart, &values, &release(&case), &Capabilities::default(), Options::default(), world)
    };
    // The first question fails the render, and is asked all the same.
    let asked = render(Rc::new(|_: &_| None)).unwrap().needs;
    assert_eq!(asked.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["one"]);
    let known = |lookup: &airlock::render::helm::Lookup| {
        let found = match lookup.name.as_str() {
            "one" => json!({ "data": { "x": "eA==" } }),
            _ => json!({ "items": [{}, {}] }),
        };
        Some(from_map(yaml::Value::from(found).as_map().unwrap()))
    };
    let rendered = render(Rc::new(known)).unwrap();
    assert!(rendered.needs.is_empty());
    assert!(rendered.manifest().contains("a: eA==\nb: 2"), "{}", rendered.manifest());
}

#[test]
fn a_text_that_is_read_again_gives_what_it_says() {
    let read = "fromYaml \"{a: {b: 1}, c: [{d: 1}]}\"";
    let template = format!(
        "{{{{ $one := {read} }}}}{{{{ $_ := set $one.a \"b\" 2 }}}}{{{{ $_ := set (first $one.c) \"d\" 2 }}}}\
         {{{{ $two := {read} }}}}{{{{ $_ := set $two.a \"b\" 3 }}}}\
         all: {{{{ list $one $two ({read}) | toJson }}}}"
    );
    let case = json!({ "files": {
        "Chart.yaml": "{apiVersion: v2, name: reads, version: 0.1.0}",
        "templates/a.yaml": template,
    }});
    let manifest = rendered(&case).unwrap().manifest();
    let (a, b, c) = (
        r#"{"a":{"b":2},"c":[{"d":2}]}"#,
        r#"{"a":{"b":3},"c":[{"d":1}]}"#,
        r#"{"a":{"b":1},"c":[{"d":1}]}"#,
    );
    assert!(manifest.contains(&format!("all: [{a},{b},{c}]")), "{manifest}");
}

#[test]
fn no_chart_breaks_out_of_its_budget() {
    let case = |template: &str| {
        json!({ "files": {
            "Chart.yaml": "{apiVersion: v2, name: greedy, version: 0.1.0}",
            "templates/a.yaml": template,
        }})
    };
    for template in [
        "{{ range $i := until 1000000 }}{{ range until 1000000 }}{{ end }}{{ end }}",
        "{{ repeat 2000000000 \"x\" }}",
        "{{ define \"f\" }}{{ tpl \"{{ template \\\"f\\\" . }}\" . }}{{ end }}{{ template \"f\" . }}",
        "{{ $x := \"x\" }}{{ range until 64 }}{{ $x = printf \"%s%s\" $x $x }}{{ end }}",
    ] {
        let error = with_stack(|| rendered(&case(template)).unwrap_err());
        assert!(matches!(error, Error::Limit(_)), "{template}: {error}");
    }
}

#[test]
fn archives_within_archives_end() {
    // Twenty archives, each of which holds twenty more, and so on: small outside, endless inside.
    let name = |it: usize| format!("bomb/charts/c{it}.tgz");
    let chart = json!("{apiVersion: v2, name: bomb, version: 1.0.0}");
    let mut files = serde_json::Map::new();
    files.insert("bomb/Chart.yaml".into(), chart.clone());
    let lines = (0..20_000).map(|it| format!("{it:0>200}\n"));
    files.insert("bomb/zeros".into(), json!(lines.collect::<String>()));
    let mut inner = pack(&files);
    for _ in 0..2 {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
        let mut add = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, name, bytes).unwrap();
        };
        add("bomb/Chart.yaml", chart.as_str().unwrap().as_bytes());
        for it in 0..20 {
            add(&name(it), &inner);
        }
        inner = tar.into_inner().unwrap().finish().unwrap();
    }
    let error = chart::read_archive(&inner).unwrap_err().to_string();
    assert!(error.contains("unpack to more than"), "{error}");
    // And indexes behind indexes.
    let into = from_map(&yaml::Map::new());
    let error = set(Kind::Typed, &format!("a{}=1", "[0]".repeat(100_000)), &into).unwrap_err();
    assert!(error.contains("indexes"), "{error}");
}

#[test]
fn what_the_tests_split_is_what_charts_write() {
    assert_eq!(split(b"a: 1\n---\nb: 2\n"), [&b"a: 1"[..], b"b: 2\n"]);
}

#[allow(dead_code, reason = "shared with the corpus")]
fn read_corpus_chart(path: &Path) -> Tree {
    let bytes = std::fs::read(path).unwrap();
    read_tgz(bytes.as_slice(), bytes.len() as u64, Unpacked::AtMost(1 << 30)).unwrap()
}
