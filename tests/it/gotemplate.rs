//! The template engine against Go's own: every file of rows has beside it what `tests/oracle/gotemplate` printed for them
//! (`cargo xtask golden gotemplate`).

mod charts;
mod decode;
mod functions;
mod hostile;
mod objects;
mod own;

use std::{path::PathBuf, rc::Rc, sync::Arc};

use airlock::render::gotemplate::{Budget, Builtins, Functions, MissingKey, Render, Templates, Value, fmt};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};

/// Compares all rows of a kind with what the original made of them.
#[track_caller]
fn check(kind: &str, judge: impl Fn(&Json) -> Json) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/gotemplate").join(kind);
    let (mut rows, mut wrong) = (0, Vec::new());
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.to_string_lossy().ends_with(".expected.json") {
            continue;
        }
        let read = |path: PathBuf| -> Vec<Json> {
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
        };
        let expected = read(path.with_extension("expected.json"));
        let inputs = read(path.clone());
        assert_eq!(inputs.len(), expected.len(), "{}", path.display());
        for (input, expected) in inputs.iter().zip(expected) {
            rows += 1;
            differ(&mut wrong, input, &expected, &judge(input));
        }
    }
    done(kind, rows, &wrong);
}

fn differ(wrong: &mut Vec<String>, input: &Json, expected: &Json, found: &Json) {
    let mut expected = expected.clone();
    if let Some(error) = expected.get_mut("error") {
        // Messages of ours are text, whatever they quote.
        *error = String::from_utf8_lossy(&decode::bytes(error)).into();
    }
    if *found != expected {
        wrong.push(format!("{input}\n  wanted {expected}\n  found  {found}"));
    }
}

#[track_caller]
fn done(kind: &str, rows: usize, wrong: &[String]) {
    let shown = wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {rows} rows of {kind} differ\n{shown}", wrong.len());
    assert!(rows > 0, "no rows of {kind}");
    println!("{kind}: {rows} rows");
}

/// Output as a row writes it: as bytes where it is no text.
fn text(bytes: &[u8]) -> Json {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({"$string": STANDARD.encode(bytes)}),
    }
}

fn templates(row: &Json) -> Templates {
    let missing = match row["missing"].as_str() {
        Some("zero") => MissingKey::Zero,
        Some("error") => MissingKey::Error,
        _ => MissingKey::Default,
    };
    let functions: Arc<dyn Functions> = match row["builtins"] {
        Json::Bool(true) => Arc::new(Builtins),
        _ => Arc::new(functions::table()),
    };
    Templates::new("t", functions).missing_key(missing)
}

fn executed(row: &Json) -> Json {
    let mut set = templates(row);
    for before in row["before"].as_array().into_iter().flatten() {
        if let Err(error) = set.parse(before[0].as_str().unwrap(), decode::bytes(&before[1])) {
            return json!({"error": error.to_string()});
        }
    }
    if let Err(error) = set.parse("t", decode::bytes(&row["template"])) {
        return json!({"error": error.to_string()});
    }
    on_large_stack(|| {
        let mut render = Render::new(&set, Budget::default(), Rc::new(()));
        let data = if row["objects"] == true { objects::data() } else { decode::value(&row["data"]) };
        match render.partial_output(b"t", &data) {
            Ok(out) => json!({"out": text(&out)}),
            Err((error, out)) => json!({"out": text(&out), "error": error.to_string()}),
        }
    })
}

/// Executes where frames without optimisation have room.
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(64 * 1024 * 1024);
        builder.spawn_scoped(scope, work).unwrap().join().unwrap()
    })
}

fn printed(row: &Json) -> Json {
    let args: Vec<Value> = row["args"].as_array().unwrap().iter().map(decode::value).collect();
    match row.get("format") {
        Some(format) => text(&fmt::sprintf(&decode::bytes(format), &args).unwrap()),
        None => json!([text(&fmt::sprint(&args).unwrap()), text(&fmt::sprintln(&args).unwrap())]),
    }
}

#[test]
fn templates_give_what_go_gives() {
    check("template", executed);
}

#[test]
fn objects_have_methods_fields_and_data() {
    check("objects", executed);
}

#[test]
fn values_are_formatted_as_go_formats_them() {
    check("fmt", printed);
}

#[test]
fn rows_of_the_corpus() {
    let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS").map(PathBuf::from) else {
        println!("skipped: AIRLOCK_CORPUS is not set");
        return;
    };
    let table = std::fs::read_to_string(corpus.join("tables/gotemplate.json")).unwrap();
    let table: Json = serde_json::from_str(&table).unwrap();
    let (mut rows, mut wrong) = (0, Vec::new());
    for case in table["cases"].as_array().unwrap() {
        let row = json!({"template": case["template"], "data": table["data"], "missing": "zero"});
        let mut found = executed(&row);
        let mut expected = json!({"out": case["expected"]["out"]});
        if let Some(error) = case["expected"].get("err") {
            expected["error"] = error.clone();
            // The table has an empty output where a text was not parsed.
            found["out"] = found.get("out").cloned().unwrap_or_else(|| "".into());
        }
        rows += 1;
        differ(&mut wrong, &row["template"], &expected, &found);
    }
    done("corpus", rows, &wrong);
}
