//! Sprig's functions against the rows that the originals printed (`tests/oracle/sprig`).

use serde_json::Value;

mod corpus;
mod crypto;
mod functions;
mod names;
mod random;
mod regexp;
mod semver;

/// The rows of one suite: what was asked, then what the original said.
fn rows(text: &str) -> impl Iterator<Item = Vec<Value>> {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

/// Runs every row and tells of all that differ at once.
#[track_caller]
fn check(text: &str, least: usize, mut ask: impl FnMut(&[Value], &Value) -> Value) {
    let (mut count, mut wrong) = (0, Vec::new());
    for row in rows(text) {
        count += 1;
        let (expect, asked) = row.split_last().unwrap();
        let found = ask(asked, expect);
        if found != *expect {
            let asked = Value::Array(asked.to_vec());
            wrong.push(format!("{asked}\n    original {expect}\n    ours     {found}"));
        }
    }
    assert!(count >= least, "only {count} rows");
    let shown: Vec<_> = wrong.iter().take(25).cloned().collect();
    assert!(wrong.is_empty(), "{} of {count} rows differ:\n{}", wrong.len(), shown.join("\n"));
}

/// An outcome as the rows have it.
fn outcome<T: Into<Value>>(result: Result<T, impl std::fmt::Display>) -> Value {
    match result {
        Ok(value) => value.into(),
        Err(error) => serde_json::json!({ "error": error.to_string() }),
    }
}

/// Bytes as the rows have them: text, or base64 where they are no UTF-8.
fn bytes(cell: &Value) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    match cell {
        Value::String(text) => text.clone().into_bytes(),
        Value::Object(map) => STANDARD.decode(map["bytes"].as_str().unwrap()).unwrap(),
        other => panic!("{other} is no text"),
    }
}

/// The same the other way round.
fn text(bytes: &[u8]) -> Value {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => serde_json::json!({ "bytes": STANDARD.encode(bytes) }),
    }
}
