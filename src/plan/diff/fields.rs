//! Which fields of an object change.

use std::{collections::BTreeSet, fmt::Write as _};

use serde::Serialize;
use serde_json::{Map, Value};
use similar::TextDiff;

use crate::{object::Object, plan::mask};

/// A field that changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// Where it is: `spec.containers[web].image`, `metadata.labels["a.b/c"]`.
    pub path: String,
    /// What it was; none where it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it will be; none where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// The fields that differ, without what only the server writes.
pub(super) fn between(before: &Object, after: &Object) -> Vec<Field> {
    let (mut old, mut new) = mask::pair(before, after);
    for fields in [&mut old, &mut new] {
        fields.remove("status");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            metadata.retain(|key, _| matches!(key.as_str(), "labels" | "annotations"));
        }
    }
    // A mask that is the same on both sides says nothing; one that differs has said all.
    let mut found = Vec::new();
    maps("", &old, &new, &mut found);
    found
}

fn maps(path: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Field>) {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        values(&child(path, key), old.get(key), new.get(key), found);
    }
}

fn values(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Field>) {
    match (old, new) {
        (Some(old), Some(new)) if old == new => (),
        (Some(Value::Object(old)), Some(Value::Object(new))) => maps(path, old, new, found),
        (Some(Value::Array(old)), Some(Value::Array(new))) => lists(path, old, new, found),
        (old, new) => {
            found.push(Field { path: path.to_owned(), before: old.cloned(), after: new.cloned() });
        }
    }
}

/// Lists whose items have names are compared by name, others by place.
fn lists(path: &str, old: &[Value], new: &[Value], found: &mut Vec<Field>) {
    let (Some(old_names), Some(new_names)) = (names(old), names(new)) else {
        for at in 0..old.len().max(new.len()) {
            values(&format!("{path}[{at}]"), old.get(at), new.get(at), found);
        }
        return;
    };
    let get = |items: &'_ [Value], names: &[&str], name: &str| {
        names.iter().position(|it| *it == name).and_then(|at| items.get(at)).cloned()
    };
    let mut all = old_names.clone();
    all.extend(new_names.iter().filter(|name| !old_names.contains(name)));
    for name in all {
        let (before, after) = (get(old, &old_names, name), get(new, &new_names, name));
        values(&format!("{path}[{name}]"), before.as_ref(), after.as_ref(), found);
    }
}

/// The names of all items, where all have one and no two the same.
fn names(items: &[Value]) -> Option<Vec<&str>> {
    let names: Option<Vec<&str>> = items.iter().map(|item| item.get("name")?.as_str()).collect();
    let names = names?;
    let distinct: BTreeSet<&&str> = names.iter().collect();
    (distinct.len() == names.len()).then_some(names)
}

fn child(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    match (path.is_empty(), plain) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{key:?}]"),
    }
}

impl Field {
    /// The path, then what goes and what comes. Texts of several lines are shown with three lines around what changes.
    pub(super) fn write(&self, out: &mut String) {
        _ = writeln!(out, "    {}", self.path);
        if let (Some(Value::String(old)), Some(Value::String(new))) = (&self.before, &self.after)
            && (old.contains('\n') || new.contains('\n'))
        {
            let diff = TextDiff::from_lines(old.as_str(), new.as_str());
            for hunk in diff.unified_diff().context_radius(3).missing_newline_hint(false).iter_hunks() {
                for line in hunk.to_string().lines() {
                    _ = writeln!(out, "      {line}");
                }
            }
            return;
        }
        for (sign, value) in [('-', &self.before), ('+', &self.after)] {
            let Some(value) = value else { continue };
            let text = match value {
                Value::String(text) if !text.is_empty() => text.clone(),
                other => other.to_string(),
            };
            for line in text.lines() {
                _ = writeln!(out, "      {sign} {line}");
            }
        }
    }
}
