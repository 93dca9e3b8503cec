//! Go's own tables. `go test -overlay` lays a file of ours beside each package's tests, which prints the table with what
//! the original makes of each row now; nothing of Go's is kept here. It takes a minute, and runs where `AIRLOCK_ORACLE`
//! is set.

use std::{path::Path, process::Command};

use airlock::render::gotemplate::{
    self, Function, Functions,
    strconv::{
        self, FloatFormat, can_backquote, format_float, quote_rune, quote_rune_to_ascii, quote_to_ascii,
        unquote,
    },
    value::FloatKind,
};
use serde_json::{Value as Json, json};

use super::{decode, differ, done, executed, functions, printed, text};

/// Compares all rows of a package's tables with what `judge` makes of them.
#[track_caller]
fn check(package: &str, dump: &str, judge: impl Fn(&Json) -> Json) {
    if std::env::var_os("AIRLOCK_ORACLE").is_none() {
        println!("skipped: AIRLOCK_ORACLE is not set");
        return;
    }
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/gotemplate");
    let folder = tempfile::tempdir().unwrap();
    let root = Command::new("go").args(["env", "GOROOT"]).output().expect("`go` is there").stdout;
    let package_folder = Path::new(str::from_utf8(&root).unwrap().trim()).join("src").join(package);
    let source = std::fs::read_to_string(oracle.join("own").join(dump).join("dump_test.go")).unwrap();
    let name = source.lines().find(|it| it.starts_with("package ")).unwrap();
    let values = std::fs::read_to_string(oracle.join("value/value.go")).unwrap();
    let mut overlay = json!({"Replace": {}});
    for (file, source) in [("dump", &source), ("value", &values.replace("package value", name))] {
        let path = folder.path().join(format!("{file}_test.go"));
        std::fs::write(&path, source).unwrap();
        let over = package_folder.join(format!("airlock_{file}_test.go"));
        overlay["Replace"][over.to_str().unwrap()] = path.to_str().unwrap().into();
    }
    let overlay_path = folder.path().join("overlay.json");
    std::fs::write(&overlay_path, overlay.to_string()).unwrap();
    let rows = folder.path().join("rows.json");
    let status = Command::new("go")
        .args(["test", "-vet=off", "-count=1", "-run", "^TestDump$", "-overlay"])
        .args([overlay_path.as_os_str(), package.as_ref()])
        .env("AIRLOCK_ROWS", &rows)
        .status()
        .unwrap();
    assert!(status.success(), "`go test {package}` fails");
    let rows: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(rows).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for row in &rows {
        differ(&mut wrong, row, &row["expected"], &judge(row));
    }
    done(package, rows.len(), &wrong);
}

#[test]
fn fmt() {
    check("fmt", "fmt", printed);
}

#[test]
fn template() {
    check("text/template", "template", executed);
}

/// The table knows one function more than the engine; parsing asks for no more than its name.
struct Contains;

impl Functions for Contains {
    fn find(&self, name: &str) -> Option<&'static Function> {
        (name == "contains").then_some(&functions::ALL[0])
    }
}

#[test]
fn parse() {
    check("text/template/parse", "parse", |row| {
        match gotemplate::parse("t", decode::bytes(&row["text"]), &Contains) {
            Ok(unit) => json!({"source": text(&unit.source(b"t").unwrap())}),
            Err(error) => json!({"error": error.to_string()}),
        }
    });
}

#[test]
fn quoting() {
    check("strconv", "strconv", |row| {
        if let Some(rune) = row.get("rune") {
            let rune = u32::try_from(rune.as_i64().unwrap()).unwrap();
            return json!({"quote": text(&quote_rune(rune)), "ascii": text(&quote_rune_to_ascii(rune))});
        }
        let bytes = decode::bytes(&row["in"]);
        if row["expected"].get("quote").is_some() {
            let (quote, ascii) = (strconv::quote(&bytes), quote_to_ascii(&bytes));
            return json!({"quote": quote, "ascii": ascii, "raw": can_backquote(&bytes)});
        }
        match unquote(&bytes) {
            Ok(value) => json!({"unquote": text(&value)}),
            Err(error) => json!({"error": error.to_string()}),
        }
    });
}

#[test]
fn numbers() {
    check("internal/strconv", "numbers", |row| {
        if let Some(input) = row.get("in") {
            let input = decode::bytes(input);
            let mut found = json!({});
            if let Some(float) = strconv::parse_float(&input) {
                found["float"] = float.to_bits().to_string().into();
            }
            if let Some(int) = strconv::parse_int(&input) {
                found["int"] = int.to_string().into();
            }
            if let Some(uint) = strconv::parse_uint(&input) {
                found["uint"] = uint.to_string().into();
            }
            return found;
        }
        let float = f64::from_bits(row["bits"].as_str().unwrap().parse().unwrap());
        let verb = row["format"].as_str().unwrap();
        let upper = verb.chars().all(char::is_uppercase);
        let format = match verb {
            "e" | "E" => FloatFormat::Exponent { upper },
            "f" => FloatFormat::Plain,
            "g" | "G" => FloatFormat::General { upper },
            "b" => FloatFormat::Binary,
            "x" | "X" => FloatFormat::Hexadecimal { upper },
            // The original says so of a verb that there is not, which ours has no word for.
            other => return format!("%{other}").into(),
        };
        let precision = usize::try_from(row["precision"].as_i64().unwrap()).ok();
        let kind = if row["kind"] == 32 { FloatKind::Float32 } else { FloatKind::Float64 };
        format_float(float, format, precision, kind).into()
    });
}
