//! What the site answers to the bundle's questions.

use serde_json::{Map, Value};

use crate::{
    bundle::Site,
    fault::{Class, Fault},
};

/// The answers do not fit the questions. The bundle stays staged and is tried again when the file changes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {why}")]
pub(super) struct Error {
    /// The file.
    pub(super) file: String,
    /// What is wrong.
    pub(super) why: String,
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        "site_input"
    }

    fn class(&self) -> Class {
        Class::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some(
            "`airlock inspect` prints what the bundle asks; the bundle stays staged until the answers fit"
                .into(),
        )
    }
}

/// Checks a site's answers against a bundle's questions and fills in what they leave open.
///
/// `text` is the file's content, none where there is no file; `file` names it in errors. A bundle that asks nothing
/// gets nothing, whatever the file says, so that a file cannot reach further than a signed schema lets it.
///
/// # Errors
/// When the file is no map, or the answers with the defaults do not fit the schema.
pub(super) fn answers(
    site: Option<&Site>,
    file: &str,
    text: Option<&str>,
) -> Result<Map<String, Value>, Error> {
    let wrong = |why: String| Error { file: file.to_owned(), why };
    let Some(site) = site else { return Ok(Map::new()) };
    let own: Map<String, Value> = match text.filter(|it| !it.trim().is_empty()) {
        Some(text) => serde_yaml::from_str(text).map_err(|error| wrong(error.to_string()))?,
        None => Map::new(),
    };
    let mut all = site.defaults.clone();
    merge(&mut all, own);
    let all = Value::Object(all);
    check(&site.schema, &all).map_err(wrong)?;
    let Value::Object(all) = all else { return Ok(Map::new()) };
    Ok(all)
}

/// Maps are merged; anything else of the site replaces the default.
fn merge(into: &mut Map<String, Value>, own: Map<String, Value>) {
    for (key, value) in own {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(own)) => merge(into, own),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

fn check(schema: &Value, answers: &Value) -> Result<(), String> {
    const NAME: &str = "site.schema.json";
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.set_default_draft(boon::Draft::V2020_12);
    compiler
        .add_resource(NAME, schema.clone())
        .map_err(|error| format!("the bundle's schema is none: {error}"))?;
    // A reference to anywhere else finds no loader: a bundle's schema is whole.
    let index = compiler
        .compile(NAME, &mut schemas)
        .map_err(|error| format!("the bundle's schema is none: {error}"))?;
    schemas.validate(answers, index).map_err(|error| {
        let text = error.to_string();
        // The first line names the schema and not the answer.
        let rest: Vec<&str> = text.lines().skip(1).map(|line| line.trim_start_matches([' ', '-'])).collect();
        if rest.is_empty() { text.clone() } else { rest.join("; ") }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: Option<&str>, expect: Result<Value, &str>) {
        let site = Site {
            schema: json!({"type": "object", "required": ["harbour"], "additionalProperties": false,
                "properties": {"harbour": {"type": "string"}, "replicas": {"type": "integer", "maximum": 5},
                    "tls": {"type": "object"}}}),
            defaults: json!({"replicas": 2, "tls": {"on": true, "days": 9}}).as_object().unwrap().clone(),
        };
        match (answers(Some(&site), "site.yaml", text), expect) {
            (Ok(found), Ok(expect)) => assert_eq!(Value::Object(found), expect),
            (Err(error), Err(expect)) => assert!(error.why.contains(expect), "{error}"),
            (found, expect) => panic!("{found:?}, not {expect:?}"),
        }
    }

    #[test]
    fn answers_fill_defaults_and_fit_the_schema() {
        let all = |replicas: u8, days: u8| json!({"harbour": "Kiel", "replicas": replicas, "tls": {"on": true, "days": days}});
        check(Some("harbour: Kiel"), Ok(all(2, 9)));
        check(Some("harbour: Kiel\nreplicas: 3\ntls: {days: 7}"), Ok(all(3, 7)));
        check(None, Err("harbour"));
        check(Some("harbour: 7"), Err("want string"));
        check(Some("harbour: Kiel\nreplicas: 9"), Err("replicas"));
        check(Some("harbour: Kiel\nrepicas: 3"), Err("repicas"));
        check(Some("- harbour"), Err("invalid type"));
        check(Some("harbour: ["), Err("line 2"));
    }

    #[test]
    fn a_bundle_that_asks_nothing_gets_nothing() {
        assert_eq!(answers(None, "site.yaml", Some("harbour: Kiel")), Ok(Map::new()));
    }
}
