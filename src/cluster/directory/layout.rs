//! Which file shows which object, and what it shows.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::{
    digest::Digest,
    limits,
    object::{GroupKind, Object, ObjectId},
    yaml::{self, Version},
};

/// Where everything hidden is.
pub(super) const HIDDEN: &str = ".airlock";
pub(super) const NAMESPACES: &str = "namespaces";
pub(super) const CLUSTER: &str = "cluster";

/// Longer names would not fit a file's name with its extension.
const STEM: usize = limits::PATH_NAME_BYTES - ".yaml".len();

/// What only the server writes and nobody edits: it is kept beside the file, not in it.
pub(super) const HIDDEN_METADATA: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The path below the root; nothing for kinds that would only be noise to a reader.
pub(super) fn path(id: &ObjectId) -> Option<PathBuf> {
    let GroupKind { group, kind } = &id.group_kind;
    if kind == "Event" {
        return None;
    }
    let folder = if group.is_empty() { kind.clone() } else { format!("{kind}.{group}") };
    let base = if id.namespace.is_empty() {
        PathBuf::from(CLUSTER)
    } else {
        Path::new(NAMESPACES).join(&id.namespace)
    };
    Some(base.join(folder).join(format!("{}.yaml", stem(&id.name))))
}

fn stem(name: &str) -> String {
    const HASH: usize = 16;
    if name.len() <= STEM {
        return name.to_owned();
    }
    let begin: String = name.chars().take(STEM / 2).collect();
    let hash: String = Digest::of(name.as_bytes()).hex().chars().take(HASH).collect();
    format!("{begin}~{hash}")
}

/// The kind of a folder's objects.
pub(super) fn folder_kind(folder: &str) -> GroupKind {
    let (kind, group) = folder.split_once('.').unwrap_or((folder, ""));
    GroupKind { group: group.to_owned(), kind: kind.to_owned() }
}

/// The bytes of an object's file.
pub(super) fn show(object: &Object) -> Vec<u8> {
    let mut fields = object.fields().clone();
    fields.remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| !HIDDEN_METADATA.contains(&key.as_str()));
    }
    to_yaml(&fields).into_bytes()
}

/// The object of a file that a person may have written: with `shown` at its place, and what is hidden from `before`.
/// Nothing when it is not the object that its path says.
pub(super) fn read(bytes: &[u8], id: &ObjectId, before: Option<&Object>) -> Option<Object> {
    let mut document = from_yaml(bytes)?;
    let metadata = document.get_mut("metadata")?.as_object_mut()?;
    metadata.retain(|key, _| !HIDDEN_METADATA.contains(&key.as_str()));
    let hidden = before.and_then(|it| it.get(&["metadata"])?.as_object());
    for (key, value) in hidden.into_iter().flatten() {
        if HIDDEN_METADATA.contains(&key.as_str()) {
            metadata.insert(key.clone(), value.clone());
        }
    }
    if !id.namespace.is_empty() {
        metadata.entry("namespace").or_insert_with(|| id.namespace.clone().into());
    }
    let fields = document.as_object_mut()?;
    fields.remove("status");
    if let Some(status) = before.and_then(|it| it.get(&["status"])) {
        fields.insert("status".to_owned(), status.clone());
    }
    let object = Object::new(document, "file").ok()?;
    (object.id() == *id).then_some(object)
}

/// The id that a file's path and content agree on.
pub(super) fn identify(bytes: &[u8], namespace: &str, kind: &GroupKind, file: &str) -> Option<ObjectId> {
    let document = from_yaml(bytes)?;
    let name = document.get("metadata")?.get("name")?.as_str()?.to_owned();
    let id = ObjectId { namespace: namespace.to_owned(), name, group_kind: kind.clone() };
    (path(&id)?.file_name()?.to_str()? == file).then_some(id)
}

/// Writes a file so that a reader sees all of it or what was there before.
pub(super) fn replace(root: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = root.join(path);
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let temporary = root.join(HIDDEN).join("tmp");
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, &target)
}

/// Removes a file, and the folders that it leaves empty.
pub(super) fn remove(root: &Path, path: &Path) -> io::Result<()> {
    match std::fs::remove_file(root.join(path)) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    for folder in path.ancestors().skip(1).filter(|it| it.components().count() > 1) {
        // Another file in it is the ordinary case.
        if std::fs::remove_dir(root.join(folder)).is_err() {
            break;
        }
    }
    Ok(())
}

/// The bytes of a file; nothing where there is none.
pub(super) fn load(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) if bytes.len() <= limits::YAML_BYTES => Ok(Some(bytes)),
        Ok(_) => Err(io::Error::new(io::ErrorKind::FileTooLarge, "no manifest is that large")),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// As `kubectl get --output yaml` writes it.
fn to_yaml(fields: &Map<String, Value>) -> String {
    let json = serde_json::to_string(fields).unwrap_or_default();
    yaml::json::from_json(&json).map(|value| yaml::emit::emit(&value)).unwrap_or_default()
}

/// As `kubectl apply` reads it.
fn from_yaml(bytes: &[u8]) -> Option<Value> {
    let document = yaml::parse_first(bytes, Version::V2).ok()?;
    document.to_value(Version::V2).map(Value::from).ok()
}
