//! What other tools left on a live object, and the JSON patch that takes it away (fluxcd/pkg/ssa `cleanupMetadata`).
//!
//! Fields that `kubectl` or an older controller manages would stay for ever once they leave a render, since
//! server-side apply removes only what the applier owned. So their claims are folded into ours before the apply.

use serde_json::{Map, Value, json};

use super::FIELD_MANAGER;
use crate::object::Object;

/// Annotations that are taken away.
const ANNOTATIONS: [&str; 3] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/checksum",
    "fluxcd.io/sync-checksum",
];

/// Labels that are taken away.
const LABELS: [&str; 1] = ["fluxcd.io/sync-gc-mark"];

/// Managers whose fields become ours: the beginning of a name, and what the manager did.
const MANAGERS: [(&str, &str); 4] = [
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    (FIELD_MANAGER, "Update"),
];

/// The patch; empty where nothing was left.
pub(super) fn patch(live: &Object) -> Vec<Value> {
    let mut patch = Vec::new();
    for (field, keys) in [("annotations", ANNOTATIONS.as_slice()), ("labels", LABELS.as_slice())] {
        let found = |key: &&&str| live.get(&["metadata", field, key]).is_some();
        patch.extend(keys.iter().filter(found).map(|key| {
            let path = format!("/metadata/{field}/{}", key.replace('~', "~0").replace('/', "~1"));
            json!({"op": "remove", "path": path})
        }));
    }
    if let Some(managers) = managers(live) {
        patch.push(json!({"op": "replace", "path": "/metadata/managedFields", "value": managers}));
    }
    patch
}

/// The managers with those of [`MANAGERS`] folded into ours (`PatchReplaceFieldsManagers`); none where there are none.
fn managers(live: &Object) -> Option<Vec<Value>> {
    let entries = live.get(&["metadata", "managedFields"])?.as_array()?;
    let text =
        |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_ours =
        |entry: &Value| text(entry, "manager") == FIELD_MANAGER && text(entry, "operation") == "Apply";
    let folds = |entry: &Value| {
        text(entry, "subresource").is_empty()
            && MANAGERS.iter().any(|(name, operation)| {
                text(entry, "manager").starts_with(name) && text(entry, "operation") == *operation
            })
    };
    let mut ours = entries.iter().rfind(|it| is_ours(it)).cloned();
    let before = ours.clone();
    let mut edited = false;
    let mut rest = Vec::new();
    for entry in entries {
        if before.as_ref() == Some(entry) {
            continue;
        }
        if !folds(entry) {
            rest.push(entry.clone());
            continue;
        }
        edited = true;
        match &mut ours {
            Some(ours) => {
                let fields = entry.get("fieldsV1").cloned().unwrap_or(Value::Null);
                if let Some(ours) = ours.as_object_mut() {
                    let mine = ours.remove("fieldsV1").unwrap_or(Value::Null);
                    match all_fields(mine, fields) {
                        Value::Null => None,
                        fields => ours.insert("fieldsV1".to_owned(), fields),
                    };
                }
            }
            // The first one becomes ours as it is.
            None => {
                let mut renamed = entry.clone();
                if let Some(fields) = renamed.as_object_mut() {
                    fields.insert("manager".to_owned(), FIELD_MANAGER.into());
                    fields.insert("operation".to_owned(), "Apply".into());
                }
                ours = Some(renamed);
            }
        }
    }
    edited.then(|| rest.into_iter().chain(ours).collect())
}

/// The fields of both. At the top an empty set is empty.
fn all_fields(mine: Value, theirs: Value) -> Value {
    let empty = |fields: &Value| fields.as_object().is_none_or(Map::is_empty);
    match (empty(&mine), empty(&theirs)) {
        (_, true) => mine,
        (true, false) => theirs,
        (false, false) => union(mine, theirs),
    }
}

/// The union of two sets that stand below a field. In this form a field without anything below it is one that is owned itself; with
/// something below it, it is owned itself only where it has the member `.`.
fn union(mine: Value, theirs: Value) -> Value {
    let (Value::Object(mut mine), Value::Object(theirs)) = (mine, theirs) else {
        // No server writes anything but maps.
        return json!({});
    };
    // Two leaves stay one; a leaf that meets a branch becomes its `.`.
    let itself = || (".".to_owned(), Value::Object(Map::new()));
    match (mine.is_empty(), theirs.is_empty()) {
        (true, true) => return Value::Object(mine),
        (true, false) => return Value::Object(theirs.into_iter().chain([itself()]).collect()),
        (false, true) => return Value::Object(mine.into_iter().chain([itself()]).collect()),
        (false, false) => (),
    }
    for (key, value) in theirs {
        let merged = match mine.remove(&key) {
            Some(known) => union(known, value),
            None => value,
        };
        mine.insert(key, merged);
    }
    Value::Object(mine)
}
