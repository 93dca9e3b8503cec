//! The tables of `tests/data/ssa`: inputs of ours, and beside them what fluxcd/pkg/ssa makes of them, as printed by
//! `tests/oracle/plan`.

use serde_json::{Map, Value, json};

use super::{ApiError, clean_up, drift, mask, stages};
use crate::object::Object;

#[track_caller]
fn check(input: &str, expected: &str, judge: impl Fn(&Value) -> Value) {
    let rows: Map<String, Value> =
        serde_json::to_value(serde_yaml::from_str::<serde_yaml::Value>(input).unwrap())
            .and_then(serde_json::from_value)
            .unwrap();
    let expected: Map<String, Value> = serde_json::from_str(expected).unwrap();
    assert_eq!(rows.len(), expected.len());
    let mut wrong = String::new();
    for (name, row) in &rows {
        let found = judge(row);
        if expected[name] != found {
            wrong += &format!("{name}:\n  wanted {}\n  found  {found}\n", expected[name]);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

macro_rules! table {
    ($name:literal, $judge:expr) => {
        check(
            include_str!(concat!("../../tests/data/ssa/", $name, ".yaml")),
            include_str!(concat!("../../tests/data/ssa/", $name, ".expected.json")),
            $judge,
        )
    };
}

fn object(row: &Value, key: &str) -> Object {
    Object::new(row[key].clone(), key).unwrap()
}

fn error(row: &Value) -> ApiError {
    let status = &row["status"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let causes = status["details"]["causes"].as_array().into_iter().flatten();
    ApiError {
        code: status["code"].as_u64().unwrap_or(0).try_into().unwrap(),
        reason: text(&status["reason"]),
        message: text(&status["message"]),
        causes: causes.map(|cause| text(&cause["reason"])).collect(),
    }
}

#[test]
fn what_is_cleaned_up_before_an_apply() {
    table!("cleanup", |row| match clean_up::patch(&object(row, "live")) {
        patch if patch.is_empty() => Value::Null,
        patch => Value::Array(patch),
    });
}

#[test]
fn what_counts_as_drift() {
    table!("drift", |row| drift::differs(&object(row, "live"), &object(row, "would")).into());
}

#[test]
fn which_errors_are_about_immutable_fields() {
    table!("immutable", |row| drift::is_immutable(&error(row)).into());
}

#[test]
fn the_texts_of_dry_run_errors() {
    table!("text", |row| stages::text_of(&object(row, "object").id(), &error(row)).into());
}

#[test]
fn how_secrets_are_masked() {
    table!("mask", |row| {
        let (before, after) = mask::pair(&object(row, "before"), &object(row, "after"));
        json!([before.get("data"), after.get("data")])
    });
}
