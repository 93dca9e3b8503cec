//! Who owns which field of an object, and what an apply or an update makes of it.

use serde_json::{Map, Value, json};

use super::{
    field_set::FieldSet,
    merge::{compare, field_set, merge, remove},
    schema::Schema,
};
use crate::cluster::FieldConflict;

/// One line of `metadata.managedFields`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Managed {
    pub(super) who: Manager,
    pub(super) api_version: String,
    pub(super) time: String,
    pub(super) fields: FieldSet,
}

/// Whom a line is about. An applier is the same whatever version it uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manager {
    pub(super) name: String,
    pub(super) applies: bool,
    pub(super) subresource: String,
}

/// A write, as far as ownership is concerned.
#[derive(Clone, Debug)]
pub(super) struct Write<'a> {
    pub(super) who: Manager,
    pub(super) api_version: &'a str,
    /// RFC 3339, whole seconds.
    pub(super) time: &'a str,
}

/// What identifies an object and what only the server writes belongs to nobody (`stripMeta`).
const UNOWNED: [&[&str]; 11] = [
    &["apiVersion"],
    &["kind"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "creationTimestamp"],
    &["metadata", "deletionTimestamp"],
    &["metadata", "uid"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
    &["metadata", "selfLink"],
];

/// The lines of an object; an entry that cannot be read owns nothing.
pub(super) fn managers(object: &Value) -> Vec<Managed> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let read = |entry: &Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        let applies = text("operation") == "Apply";
        let fields = entry.get("fieldsV1").map(FieldSet::from_json).unwrap_or_default();
        let who = Manager { name: text("manager"), applies, subresource: text("subresource") };
        Managed { who, api_version: text("apiVersion"), time: text("time"), fields }
    };
    entries.into_iter().flatten().map(read).filter(|it| !it.fields.is_empty()).collect()
}

/// Writes the lines down: appliers first, then by time, name and version.
pub(super) fn set_managers(object: &mut Value, managers: &[Managed]) {
    let mut sorted: Vec<&Managed> = managers.iter().filter(|it| !it.fields.is_empty()).collect();
    sorted.sort_by_key(|it| {
        let who = &it.who;
        (!who.applies, &it.time, &who.name, &it.api_version, &who.subresource)
    });
    let entry = |it: &Managed| {
        let mut entry = json!({
            "manager": it.who.name,
            "operation": if it.who.applies { "Apply" } else { "Update" },
            "apiVersion": it.api_version,
            "time": it.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": it.fields.to_json(),
        });
        if let (false, Some(map)) = (it.who.subresource.is_empty(), entry.as_object_mut()) {
            map.insert("subresource".to_owned(), it.who.subresource.clone().into());
        }
        entry
    };
    let entries: Vec<Value> = sorted.into_iter().map(entry).collect();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if !entries.is_empty() {
            metadata.insert("managedFields".to_owned(), Value::Array(entries));
        }
    }
}

/// Server-side apply: the object as it will be, with its managers; or the conflicts.
///
/// As structured-merge-diff `Updater.Apply`. Departs: managers of other versions are taken at their paths, since nothing
/// converts here.
pub(super) fn apply(
    live: &Value,
    config: &Value,
    schema: &Schema<'_>,
    write: &Write<'_>,
    force: bool,
) -> Result<Value, Vec<(String, FieldConflict)>> {
    let before = without_managers(live);
    let mut managers = managers(live);
    // What the configuration names stays whether it is owned or not: its name, above all.
    let named = field_set(config, schema);
    let own = owned(named.clone(), &write.who);
    let position = managers.iter().position(|it| it.who == write.who);
    let last = position.map(|at| managers.remove(at));
    let merged = merge(Some(&before), Some(config), schema);
    let after = match &last {
        Some(last) => prune(&merged, &last.fields, &named, &managers, schema),
        None => merged,
    };
    let mut comparison = compare(&before, &after, schema);
    for set in [&mut comparison.added, &mut comparison.modified, &mut comparison.removed] {
        *set = owned(std::mem::take(set), &write.who);
    }
    let touched = comparison.modified.union(&comparison.added);
    let mut conflicts = Vec::new();
    for other in &mut managers {
        let taken = other.fields.intersection(&touched);
        if !force {
            let message = format!("conflict with {}", printed(other));
            conflicts.extend(
                taken
                    .paths()
                    .into_iter()
                    .map(|field| (printed(other), FieldConflict { message: message.clone(), field })),
            );
        }
        other.fields = other.fields.difference(&taken).difference(&comparison.removed);
    }
    if !conflicts.is_empty() {
        return Err(conflicts);
    }
    let kept =
        last.filter(|last| last.fields == own && last.api_version == write.api_version && before == after);
    let time = kept.map_or_else(|| write.time.to_owned(), |last| last.time);
    managers.push(Managed {
        who: write.who.clone(),
        api_version: write.api_version.to_owned(),
        time,
        fields: own,
    });
    let mut after = after;
    set_managers(&mut after, &managers);
    Ok(after)
}

/// The whole object by one manager: it owns what it changed, and others lose what it changed or took away.
pub(super) fn update(live: &Value, new: &Value, schema: &Schema<'_>, write: &Write<'_>) -> Value {
    let (before, mut after) = (without_managers(live), without_managers(new));
    let mut managers = given(live, new, &write.who);
    let comparison = compare(&before, &after, schema);
    let modified = comparison.modified.union(&comparison.added);
    for other in managers.iter_mut().filter(|it| it.who != write.who) {
        let lost = owned(modified.union(&comparison.removed), &write.who);
        other.fields = other.fields.difference(&lost);
    }
    let at = managers.iter().position(|it| it.who == write.who);
    let last = at.map(|at| managers.remove(at));
    let had = last.as_ref().map(|it| it.fields.clone()).unwrap_or_default();
    let fields = owned(had.difference(&comparison.removed).union(&modified), &write.who);
    let time = match &last {
        Some(last) if last.fields == fields => last.time.clone(),
        _ => write.time.to_owned(),
    };
    managers.push(Managed {
        who: write.who.clone(),
        api_version: write.api_version.to_owned(),
        time,
        fields,
    });
    set_managers(&mut after, &managers);
    after
}

/// The managers that an update starts from: those it brings along, unless it brings none or writes a subresource; one empty entry
/// resets them (`decodeLiveOrNew`).
fn given(live: &Value, new: &Value, who: &Manager) -> Vec<Managed> {
    let brought = new.pointer("/metadata/managedFields").and_then(Value::as_array);
    let reset = brought.is_some_and(|it| matches!(it.as_slice(), [Value::Object(it)] if it.is_empty()));
    let managed = managers(new);
    if who.subresource.is_empty() && (reset || !managed.is_empty()) { managed } else { managers(live) }
}

/// Takes away what the manager owned and does not name any more, unless others own it or nobody did
/// (`Updater.prune`, `addBackOwnedItems`, `addBackDanglingItems`).
fn prune(
    merged: &Value,
    last: &FieldSet,
    named: &FieldSet,
    others: &[Managed],
    schema: &Schema<'_>,
) -> Value {
    let last = last.with_parents();
    let all = field_set(merged, schema).with_parents();
    let pruned = field_set(&remove(merged, &last, schema), schema).with_parents();
    let managed = others.iter().fold(named.clone(), |all, it| all.union(&it.fields)).with_parents();
    let kept = remove(merged, &all.difference(&pruned.union(&managed)), schema);
    let kept = field_set(&kept, schema).with_parents();
    remove(merged, &all.difference(&kept).intersection(&last), schema)
}

/// What a write may own: on the object itself everything but the status, on the status nothing else.
fn owned(mut set: FieldSet, who: &Manager) -> FieldSet {
    for path in UNOWNED {
        set.remove_all(path);
    }
    match who.subresource.as_str() {
        "status" => set.retain_fields(|field| field == "status"),
        _ => set.remove_all(&["status"]),
    }
    set.remove_bare("f:metadata");
    set
}

fn without_managers(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// As the server names a manager in a conflict.
fn printed(manager: &Managed) -> String {
    let who = &manager.who;
    let mut text = format!("{:?}", who.name);
    if !who.subresource.is_empty() {
        text += &format!(" with subresource {:?}", who.subresource);
    }
    if !who.applies {
        text += &format!(" using {}", manager.api_version);
    }
    text
}

/// The server's sentence about conflicts.
pub(super) fn conflict_message(conflicts: &[(String, FieldConflict)]) -> String {
    if let [(manager, conflict)] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {manager}: {}", conflict.field);
    }
    let mut managers: Vec<&String> = conflicts.iter().map(|(manager, _)| manager).collect();
    managers.sort_unstable();
    managers.dedup();
    let mut lines = Vec::new();
    for manager in managers {
        lines.push(format!("conflicts with {manager}:"));
        let fields = conflicts.iter().filter(|(it, _)| it == manager);
        lines.extend(fields.map(|(_, conflict)| format!("- {}", conflict.field)));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

/// Whether two objects are the same but for the times in their managed fields.
pub(super) fn same_but_times(a: &Value, b: &Value) -> bool {
    let strip = |object: &Value| -> (Value, Vec<Managed>) {
        let mut managers = managers(object);
        for manager in &mut managers {
            manager.time.clear();
        }
        managers.sort_by(|a, b| {
            (&a.who.name, a.who.applies, &a.who.subresource).cmp(&(
                &b.who.name,
                b.who.applies,
                &b.who.subresource,
            ))
        });
        (without_managers(object), managers)
    };
    strip(a) == strip(b)
}

/// A configuration without nulls in its maps: the server's decoders drop them before anything is merged.
pub(super) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept: Map<String, Value> = map
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), without_nulls(value)))
                .collect();
            Value::Object(kept)
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::object::Gvk;

    /// Sequences of writes, and what Kubernetes' own field manager makes of them.
    #[test]
    fn as_the_api_server() {
        let cases: Value =
            serde_yaml::from_str(include_str!("../../../tests/data/cluster/apply.yaml")).unwrap();
        let expected: Value =
            serde_json::from_str(include_str!("../../../tests/data/cluster/apply.json")).unwrap();
        let mut wrong = Vec::new();
        for case in cases.as_array().unwrap() {
            let name = case["name"].as_str().unwrap();
            let steps = case["steps"].as_array().unwrap();
            let mut live = Value::Null;
            for (at, step) in steps.iter().enumerate() {
                let object = step.get("apply").or_else(|| step.get("update")).unwrap();
                if live.is_null() {
                    live = json!({"apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": {"name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"]}});
                    live = without_nulls(&live);
                }
                let api_version = object["apiVersion"].as_str().unwrap();
                let gvk = Gvk::parse(api_version, object["kind"].as_str().unwrap()).unwrap();
                let schema = Schema::of(&gvk, None);
                let applies = step.get("apply").is_some();
                let who = Manager {
                    name: step["manager"].as_str().unwrap().to_owned(),
                    applies,
                    subresource: String::new(),
                };
                let write = Write { who, api_version, time: "2026-01-02T03:04:05Z" };
                let result = if applies {
                    let force = step.get("force").and_then(Value::as_bool).unwrap_or(false);
                    apply(&live, object, &schema, &write, force)
                } else {
                    Ok(update(&live, object, &schema, &write))
                };
                let found = match result {
                    Ok(object) => {
                        live = object;
                        let mut managed = BTreeMap::new();
                        for it in managers(&live) {
                            let operation = if it.who.applies { "Apply" } else { "Update" };
                            managed.insert(format!("{} {operation}", it.who.name), it.fields.to_json());
                        }
                        let mut found = json!({"object": without_managers(&live)});
                        if !managed.is_empty() {
                            found["managed"] = json!(managed);
                        }
                        found
                    }
                    Err(conflicts) => json!({"error": conflict_message(&conflicts)}),
                };
                if found != expected[name][at] {
                    wrong.push(format!(
                        "{name}, step {}:\n  found {found}\n  wants {}",
                        at + 1,
                        expected[name][at]
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{} steps differ\n{}", wrong.len(), wrong.join("\n"));
        assert!(cases.as_array().unwrap().len() >= 40);
    }
}
