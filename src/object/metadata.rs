//! What `metadata` says: the check at the door, reading, and the few changes that planning makes.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Gvk, Object, ObjectError, type_of};

/// One of `metadata.ownerReferences`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerReference {
    /// The owner's group, version and kind.
    pub gvk: Gvk,
    /// The owner's name, in the same namespace or without one.
    pub name: String,
    /// The owner's UID.
    pub uid: String,
    /// Whether it is the managing controller.
    pub controller: bool,
}

/// The check of [`Object::new`].
pub(super) fn check(fields: &Map<String, Value>, origin: &str) -> Result<Gvk, ObjectError> {
    let door = Door { fields, origin };
    let kind = door.required(fields.get("kind"), "kind")?;
    let api_version = door.required(fields.get("apiVersion"), "apiVersion")?;
    let Some(gvk) = Gvk::parse(api_version, kind) else {
        let (origin, text) = (origin.to_owned(), api_version.to_owned());
        return Err(ObjectError::ApiVersion { origin, subject: door.subject(), text });
    };
    let empty = Map::new();
    let metadata = match fields.get("metadata") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(metadata)) => metadata,
        Some(other) => return Err(door.wrong("metadata", other, "a map")),
    };
    if let (None | Some(Value::Null), Some(prefix)) =
        (metadata.get("name"), metadata.get("generateName").and_then(Value::as_str))
    {
        let (origin, prefix) = (origin.to_owned(), prefix.to_owned());
        return Err(ObjectError::Generated { origin, subject: door.subject(), prefix });
    }
    let name = door.required(metadata.get("name"), "metadata.name")?;
    let namespace = match metadata.get("namespace") {
        None | Some(Value::Null) => "",
        Some(Value::String(namespace)) => namespace,
        Some(other) => return Err(door.wrong("metadata.namespace", other, "a string")),
    };
    for (text, field) in [(name, "metadata.name"), (namespace, "metadata.namespace"), (kind, "kind")] {
        if !safe(text) {
            return Err(ObjectError::Unsafe { origin: origin.to_owned(), subject: door.subject(), field });
        }
    }
    for field in ["labels", "annotations"] {
        match metadata.get(field) {
            None | Some(Value::Null) => (),
            Some(Value::Object(texts)) => {
                let wrong = texts.iter().find(|(_, value)| !value.is_string() && !value.is_null());
                if let Some((key, value)) = wrong {
                    return Err(door.wrong(&format!("metadata.{field}[{key}]"), value, "a string"));
                }
            }
            Some(other) => return Err(door.wrong(&format!("metadata.{field}"), other, "a map")),
        }
    }
    Ok(gvk)
}

/// API servers refuse `.`, `..`, `/` and `%` in names (`path.IsValidPathSegmentName`); a control character or a
/// backslash would hide in a file name.
fn safe(text: &str) -> bool {
    text != "." && text != ".." && !text.contains(|c: char| matches!(c, '/' | '%' | '\\') || c.is_control())
}

struct Door<'a> {
    fields: &'a Map<String, Value>,
    origin: &'a str,
}

impl<'a> Door<'a> {
    /// As much of `Kind/namespace/name` as is there.
    fn subject(&self) -> String {
        let of = |parent: Option<&Value>, key| parent?.get(key)?.as_str().map(str::to_owned);
        let metadata = self.fields.get("metadata");
        let kind = self.fields.get("kind").and_then(Value::as_str).map(str::to_owned);
        let parts = [kind, of(metadata, "namespace"), of(metadata, "name")];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { "the document".to_owned() } else { parts.join("/") }
    }

    fn required(&self, value: Option<&'a Value>, field: &'static str) -> Result<&'a str, ObjectError> {
        match value {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            None | Some(Value::Null | Value::String(_)) => {
                Err(ObjectError::Missing { origin: self.origin.to_owned(), subject: self.subject(), field })
            }
            Some(other) => Err(self.wrong(field, other, "a string")),
        }
    }

    fn wrong(&self, field: &str, found: &Value, wanted: &'static str) -> ObjectError {
        ObjectError::WrongType {
            origin: self.origin.to_owned(),
            subject: self.subject(),
            field: field.to_owned(),
            found: type_of(found),
            wanted,
        }
    }
}

impl Object {
    /// `metadata.name`, never empty.
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"]).unwrap_or("")
    }

    /// `metadata.namespace`, where it is there and not empty.
    pub fn namespace(&self) -> Option<&str> {
        self.text(&["metadata", "namespace"]).filter(|namespace| !namespace.is_empty())
    }

    /// One label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.text(&["metadata", "labels", key])
    }

    /// One annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.text(&["metadata", "annotations", key])
    }

    /// All labels; a null is an empty text, as the API machinery reads it.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts("labels")
    }

    /// All annotations; a null is an empty text.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts("annotations")
    }

    fn texts(&self, field: &str) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.get(&["metadata", field]).and_then(Value::as_object);
        texts.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or("")))
    }

    /// `metadata.uid`: there once a server has the object.
    pub fn uid(&self) -> Option<&str> {
        self.text(&["metadata", "uid"]).filter(|uid| !uid.is_empty())
    }

    /// `metadata.resourceVersion`.
    pub fn resource_version(&self) -> Option<&str> {
        self.text(&["metadata", "resourceVersion"]).filter(|version| !version.is_empty())
    }

    /// `metadata.generation`.
    pub fn generation(&self) -> Option<i64> {
        self.get(&["metadata", "generation"])?.as_i64()
    }

    /// When the server made it.
    pub fn created(&self) -> Option<Timestamp> {
        self.text(&["metadata", "creationTimestamp"])?.parse().ok()
    }

    /// When someone asked for its deletion; it is there until its finalizers are done.
    pub fn deleted(&self) -> Option<Timestamp> {
        self.text(&["metadata", "deletionTimestamp"])?.parse().ok()
    }

    /// The owners. One entry of another form makes all of them unreadable, as in the API machinery.
    pub fn owner_references(&self) -> Vec<OwnerReference> {
        let list = self.get(&["metadata", "ownerReferences"]).and_then(Value::as_array);
        let read = |entry: &Value| {
            let text = |key| entry.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
            Some(OwnerReference {
                gvk: Gvk::parse(&text("apiVersion"), &text("kind"))?,
                name: text("name"),
                uid: text("uid"),
                controller: entry.get("controller").and_then(Value::as_bool).unwrap_or(false),
            })
        };
        list.into_iter().flatten().map(read).collect::<Option<_>>().unwrap_or_default()
    }

    /// Moves it into a namespace; an empty one takes the field away.
    pub fn set_namespace(&mut self, namespace: &str) {
        let metadata = child(&mut self.fields, "metadata");
        if namespace.is_empty() {
            metadata.remove("namespace");
        } else {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
    }

    /// Sets one label.
    pub fn set_label(&mut self, key: &str, value: &str) {
        child(child(&mut self.fields, "metadata"), "labels").insert(key.to_owned(), value.into());
    }

    /// Sets one annotation.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        child(child(&mut self.fields, "metadata"), "annotations").insert(key.to_owned(), value.into());
    }

    /// Takes the status away, as everything that is applied comes without one.
    pub fn remove_status(&mut self) {
        self.fields.remove("status");
    }
}

/// The map at `key`, made where there is none. Only null could stand in its way: the door checked the type.
fn child<'a>(fields: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = fields.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("a map was put there")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(document: Value, expect: &str) {
        let text = match Object::new(document, "a.yaml") {
            Ok(object) => object.id().to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expect);
    }

    #[test]
    fn the_door() {
        check(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}), "Node/n");
        check(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "n", "namespace": "s", "labels": null}}),
            "Deployment/s/n",
        );
        check(json!([]), "a.yaml: the document is a list, not an object");
        check(json!({}), "a.yaml: the document has no `kind`");
        check(json!({"kind": ""}), "a.yaml: the document has no `kind`");
        check(json!({"kind": 1}), "a.yaml: `kind` of the document is a number, not a string");
        check(
            json!({"kind": "Pod", "metadata": {"name": "n", "namespace": "s"}}),
            "a.yaml: Pod/s/n has no `apiVersion`",
        );
        check(
            json!({"kind": "Pod", "apiVersion": "a/b/c", "metadata": {"name": "n"}}),
            "a.yaml: `a/b/c` of Pod/n is not an apiVersion",
        );
        check(json!({"kind": "Pod", "apiVersion": "v1"}), "a.yaml: Pod has no `metadata.name`");
        check(
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": []}),
            "a.yaml: `metadata` of Pod is a list, not a map",
        );
        check(
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": 7}}),
            "a.yaml: `metadata.name` of Pod is a number, not a string",
        );
        check(
            json!({"kind": "Job", "apiVersion": "batch/v1", "metadata": {"generateName": "run-"}}),
            "a.yaml: Job has `metadata.generateName` (`run-`) and no name, so it cannot be applied",
        );
        check(
            json!({"kind": "Job", "apiVersion": "batch/v1", "metadata": {"generateName": "run-", "name": "x"}}),
            "Job/x",
        );
        for (name, namespace, field) in [("..", "s", "name"), ("a/b", "s", "name"), ("a", "s\n", "namespace")]
        {
            let error = Object::new(
                json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "namespace": namespace}}),
                "a.yaml",
            );
            assert!(error.unwrap_err().to_string().contains(&format!("`metadata.{field}`")), "{name:?}");
        }
        check(
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "n", "labels": {"a": true}}}),
            "a.yaml: `metadata.labels[a]` of Pod/n is a boolean, not a string",
        );
        check(
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "n", "annotations": "a"}}),
            "a.yaml: `metadata.annotations` of Pod/n is a string, not a map",
        );
    }

    #[test]
    fn reading_and_changing() {
        let mut object = Object::new(
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": {
                "name": "n", "uid": "u", "resourceVersion": "7", "generation": 3, "labels": {"a": null},
                "creationTimestamp": "2026-01-02T03:04:05Z", "deletionTimestamp": null,
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "v", "controller": true}],
            }, "status": {"phase": "Running"}}),
            "cluster",
        )
        .unwrap();
        assert_eq!(
            (object.uid(), object.resource_version(), object.generation()),
            (Some("u"), Some("7"), Some(3))
        );
        assert_eq!((object.deleted(), object.created().unwrap().as_second()), (None, 1_767_323_045));
        assert_eq!(object.labels().collect::<Vec<_>>(), [("a", "")]);
        let owners = object.owner_references();
        assert_eq!(
            owners.first().map(|it| (it.gvk.to_string(), it.controller)),
            Some(("apps/v1 ReplicaSet".into(), true))
        );
        object.set_namespace("s");
        object.set_label("a", "b");
        object.set_annotation("c", "d");
        object.remove_status();
        assert_eq!(object.id().to_string(), "Pod/s/n");
        assert_eq!(
            (object.label("a"), object.annotation("c"), object.get(&["status"])),
            (Some("b"), Some("d"), None)
        );
        object.set_namespace("");
        assert_eq!(object.namespace(), None);
    }
}
