//! Writing: create, apply, update, patch, and the status.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::{
    core::{Core, conflict, metadata, not_found, refuse},
    json_patch,
    layout::HIDDEN_METADATA,
    log::Happened,
    managed::{self, Manager, Write},
    serve::Kind,
    validate,
};
use crate::{
    cluster::{ApplyOptions, Error, FieldConflict, Reference, Status},
    digest::Digest,
    object::{Object, ObjectId},
};

/// Kinds whose objects have no generation.
const WITHOUT_GENERATION: [&str; 22] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "Endpoints",
    "Event",
    "IngressClass",
    "Lease",
    "LimitRange",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PriorityClass",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "RuntimeClass",
    "Secret",
    "Service",
    "ServiceAccount",
    "StorageClass",
    "VolumeAttachment",
];

/// The part of an object that a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Everything but the status.
    Main,
    /// The status alone.
    Status,
}

impl Part {
    fn subresource(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Status => "status",
        }
    }
}

/// Who writes, and whether for real.
#[derive(Clone, Copy, Debug)]
pub(super) struct By<'a> {
    pub(super) manager: &'a str,
    pub(super) dry_run: bool,
}

impl Core {
    pub(super) fn create(&mut self, object: &Object, by: By<'_>) -> Result<Object, Error> {
        let (kind, id) = self.place(&Reference::of(object))?;
        self.scan_one(&id)?;
        if self.live(&id).is_some() {
            let text = format!("{} {:?} already exists", kind.qualified(), id.name);
            return Err(refuse(409, "AlreadyExists", text));
        }
        if object.resource_version().is_some() {
            let text = "resourceVersion should not be set on objects to be created".to_owned();
            return Err(refuse(400, "BadRequest", text));
        }
        let new = sent(object, &kind, Part::Main);
        let time = self.now_text();
        let write = written(by.manager, false, Part::Main, object.api_version(), &time);
        let new = managed::update(&skeleton(object), &new, &kind.schema(), &write);
        self.store(&kind, &id, None, new, Part::Main, by.dry_run)
    }

    pub(super) fn apply(
        &mut self,
        object: &Object,
        options: &ApplyOptions,
        part: Part,
    ) -> Result<Object, Error> {
        let (kind, id) = self.place(&Reference::of(object))?;
        if options.field_manager.is_empty() {
            let text = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
            return Err(refuse(422, "Invalid", text.to_owned()));
        }
        if object
            .get(&["metadata", "managedFields"])
            .and_then(Value::as_array)
            .is_some_and(|it| !it.is_empty())
        {
            return Err(refuse(400, "BadRequest", "metadata.managedFields must be nil".to_owned()));
        }
        self.scan_one(&id)?;
        let live = self.live(&id);
        preconditions(object, live.as_deref(), &kind, part)?;
        let base = live.as_ref().map_or_else(|| skeleton(object), |it| (**it).clone().into_value());
        let mut base = base;
        set(&mut base, "apiVersion", object.api_version().into());
        let config = managed::without_nulls(&sent(object, &kind, part));
        let time = self.now_text();
        let write = written(&options.field_manager, true, part, object.api_version(), &time);
        let new =
            managed::apply(&base, &config, &kind.schema(), &write, options.force).map_err(|conflicts| {
                let message = managed::conflict_message(&conflicts);
                let fields: Vec<FieldConflict> =
                    conflicts.into_iter().map(|(_, conflict)| conflict).collect();
                let causes = vec!["FieldManagerConflict".to_owned(); fields.len()];
                let status = Status { code: 409, reason: "Conflict".to_owned(), message, causes };
                Error::Conflict { status, fields }
            })?;
        self.store(&kind, &id, live, new, part, options.dry_run)
    }

    pub(super) fn update(&mut self, object: &Object, by: By<'_>, part: Part) -> Result<Object, Error> {
        let (kind, id) = self.place(&Reference::of(object))?;
        self.scan_one(&id)?;
        let live = self.live(&id).ok_or_else(|| not_found(&kind, &id.name))?;
        preconditions(object, Some(&live), &kind, part)?;
        self.replace(&kind, &id, live, object, by, part)
    }

    pub(super) fn patch(
        &mut self,
        reference: &Reference,
        operations: &[Value],
        by: By<'_>,
    ) -> Result<Object, Error> {
        let (kind, id) = self.place(reference)?;
        self.scan_one(&id)?;
        let live = self.live(&id).ok_or_else(|| not_found(&kind, &id.name))?;
        let mut value = (*live).clone().into_value();
        set(&mut value, "apiVersion", reference.gvk.api_version().into());
        json_patch::apply(&mut value, operations).map_err(|why| {
            refuse(
                422,
                "Invalid",
                format!("the server rejected our request due to an error in our request: {why}"),
            )
        })?;
        let patched =
            Object::new(value, "patched").map_err(|error| refuse(422, "Invalid", error.to_string()))?;
        if patched.id() != id {
            return Err(refuse(
                400,
                "BadRequest",
                "the name of the object does not match the name on the URL".to_owned(),
            ));
        }
        preconditions(&patched, Some(&live), &kind, Part::Main)?;
        self.replace(&kind, &id, live, &patched, by, Part::Main)
    }

    fn replace(
        &mut self,
        kind: &Kind,
        id: &ObjectId,
        live: Arc<Object>,
        object: &Object,
        by: By<'_>,
        part: Part,
    ) -> Result<Object, Error> {
        let mut new = match part {
            Part::Main => {
                let mut new = sent(object, kind, part);
                if let Some(status) = live.get(&["status"]).filter(|_| kind.has_status()) {
                    set(&mut new, "status", status.clone());
                }
                new
            }
            Part::Status => {
                let mut new = (*live).clone().into_value();
                set(&mut new, "status", object.get(&["status"]).cloned().unwrap_or(Value::Null));
                new
            }
        };
        if let Some(fields) = object.get(&["metadata", "managedFields"]).filter(|_| part == Part::Main) {
            metadata(&mut new).insert("managedFields".to_owned(), fields.clone());
        }
        let (mut base, time) = ((*live).clone().into_value(), self.now_text());
        // What only the server writes is the same on both sides of the comparison.
        keep_servers(&base, &mut new);
        set(&mut base, "apiVersion", object.api_version().into());
        let write = written(by.manager, false, part, object.api_version(), &time);
        let new = managed::update(&base, &new, &kind.schema(), &write);
        self.store(kind, id, Some(live), new, part, by.dry_run)
    }

    /// The last steps of every write: the server's own fields, the rules, and the log.
    fn store(
        &mut self,
        kind: &Kind,
        id: &ObjectId,
        live: Option<Arc<Object>>,
        mut new: Value,
        part: Part,
        dry_run: bool,
    ) -> Result<Object, Error> {
        match &live {
            Some(live) => {
                let before = (**live).clone().into_value();
                let managed = metadata(&mut new).remove("managedFields");
                keep_servers(&before, &mut new);
                metadata(&mut new).remove("managedFields");
                if let Some(managed) = managed {
                    metadata(&mut new).insert("managedFields".to_owned(), managed);
                }
                if part == Part::Main {
                    validate::change(&kind.resource.gvk, live, &new)?;
                }
                if managed::same_but_times(&before, &new) {
                    return Ok(super::core::in_version(live, &kind.resource.gvk));
                }
                if part == Part::Main {
                    self.count(kind, live, &mut new);
                }
            }
            None if part == Part::Status => return Err(not_found(kind, &id.name)),
            None => {
                self.admits(kind, id)?;
                self.make(kind, id, &mut new);
            }
        }
        if part == Part::Main {
            give_address(kind, &mut new);
            validate::object(kind, &new)?;
        }
        if dry_run {
            return Object::new(new, "dry-run").map_err(|error| refuse(422, "Invalid", error.to_string()));
        }
        let happened = if live.is_some() { Happened::Modified } else { Happened::Added };
        let stored = self.change(happened, new)?;
        self.wrote(&stored)?;
        Ok((*stored).clone())
    }

    /// What the server adds to a new object.
    pub(super) fn make(&mut self, kind: &Kind, id: &ObjectId, new: &mut Value) {
        let (uid, now) = (self.ids.uid(), self.now_text());
        let fields = metadata(new);
        fields.insert("uid".to_owned(), uid.into());
        fields.insert("creationTimestamp".to_owned(), now.into());
        if has_generation(kind) {
            fields.insert("generation".to_owned(), 1.into());
        }
        initial(id, new);
    }

    /// A generation counts the changes of what is wanted.
    pub(super) fn count(&self, kind: &Kind, live: &Object, new: &mut Value) {
        if has_generation(kind) && body_differs(&live.clone().into_value(), new, kind) {
            let generation = live.generation().unwrap_or(0) + 1;
            metadata(new).insert("generation".to_owned(), generation.into());
        }
    }

    /// What follows from a write.
    pub(super) fn wrote(&mut self, object: &Arc<Object>) -> Result<(), Error> {
        self.unsettled |=
            object.deleted().is_some() || object.get(&["metadata", "ownerReferences"]).is_some();
        self.declare(&object.id())
    }

    /// Whether a namespace takes a new object.
    pub(super) fn admits(&self, kind: &Kind, id: &ObjectId) -> Result<(), Error> {
        if id.namespace.is_empty() {
            return Ok(());
        }
        let namespace = self.live(&namespace_id(&id.namespace));
        let Some(namespace) = namespace else {
            return Err(refuse(404, "NotFound", format!("namespaces {:?} not found", id.namespace)));
        };
        if namespace.deleted().is_some() {
            let why = format!(
                "unable to create new content in namespace {} because it is being terminated",
                id.namespace
            );
            return Err(super::core::forbidden(kind, &id.name, &why));
        }
        Ok(())
    }
}

pub(super) fn namespace_id(name: &str) -> ObjectId {
    let group_kind = crate::object::GroupKind { group: String::new(), kind: "Namespace".to_owned() };
    ObjectId { namespace: String::new(), name: name.to_owned(), group_kind }
}

fn written<'a>(manager: &str, applies: bool, part: Part, api_version: &'a str, time: &'a str) -> Write<'a> {
    let who = Manager { name: manager.to_owned(), applies, subresource: part.subresource().to_owned() };
    Write { who, api_version, time }
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        if value.is_null() {
            fields.remove(key);
        } else {
            fields.insert(key.to_owned(), value);
        }
    }
}

/// What identifies an object, and nothing else.
fn skeleton(object: &Object) -> Value {
    let mut skeleton = json!({"apiVersion": object.api_version(), "kind": object.kind(), "metadata": {"name": object.name()}});
    if let Some(namespace) = object.namespace() {
        metadata(&mut skeleton).insert("namespace".to_owned(), namespace.into());
    }
    skeleton
}

/// The part of what was sent that a write is about.
fn sent(object: &Object, kind: &Kind, part: Part) -> Value {
    if part == Part::Status {
        let mut sent = skeleton(object);
        set(&mut sent, "status", object.get(&["status"]).cloned().unwrap_or(Value::Null));
        return sent;
    }
    let mut sent = object.clone().into_value();
    metadata(&mut sent).retain(|key, _| !HIDDEN_METADATA.contains(&key.as_str()));
    if kind.has_status() {
        set(&mut sent, "status", Value::Null);
    }
    if object.gvk().is("", "Secret") {
        encode_string_data(&mut sent);
    }
    sent
}

/// `stringData` is write-only: the server keeps it as `data`.
fn encode_string_data(secret: &mut Value) {
    let Some(Value::Object(texts)) = secret.as_object_mut().and_then(|it| it.remove("stringData")) else {
        return;
    };
    let data = super::core::map_at(secret, "data");
    for (key, text) in texts {
        data.insert(key, BASE64_STANDARD.encode(text.as_str().unwrap_or("")).into());
    }
}

fn keep_servers(before: &Value, new: &mut Value) {
    let empty = Map::new();
    let before = before.get("metadata").and_then(Value::as_object).unwrap_or(&empty);
    let fields = metadata(new);
    for key in HIDDEN_METADATA.iter().filter(|key| **key != "managedFields") {
        fields.remove(*key);
        if let Some(value) = before.get(*key) {
            fields.insert((*key).to_owned(), value.clone());
        }
    }
}

/// `metadata.uid` and `metadata.resourceVersion` in what is sent say which object, and which version of it, is meant.
fn preconditions(object: &Object, live: Option<&Object>, kind: &Kind, part: Part) -> Result<(), Error> {
    let Some(live) = live else {
        if part == Part::Status {
            return Err(not_found(kind, object.name()));
        }
        return match object.uid() {
            Some(uid) => {
                let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: ");
                Err(conflict(kind, object.name(), &why))
            }
            None => Ok(()),
        };
    };
    if let Some(uid) = object.uid().filter(|uid| Some(*uid) != live.uid()) {
        let there = live.uid().unwrap_or("");
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {there}");
        return Err(conflict(kind, object.name(), &why));
    }
    if object.resource_version().is_some_and(|version| Some(version) != live.resource_version()) {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        return Err(conflict(kind, object.name(), why));
    }
    Ok(())
}

fn has_generation(kind: &Kind) -> bool {
    kind.is_custom() || !WITHOUT_GENERATION.contains(&kind.resource.gvk.kind.as_str())
}

/// Whether anything but metadata and status differs; that is what a generation counts.
fn body_differs(before: &Value, new: &Value, kind: &Kind) -> bool {
    let body = |object: &Value| {
        let mut object = object.clone();
        set(&mut object, "metadata", Value::Null);
        set(&mut object, "apiVersion", Value::Null);
        if kind.has_status() {
            set(&mut object, "status", Value::Null);
        }
        object
    };
    body(before) != body(new)
}

/// Gives a load balancer's Service an address, which is how its health is told. Other Services are shown as they were written.
fn give_address(kind: &Kind, object: &mut Value) {
    let spec = |key: &str| object.pointer(&format!("/spec/{key}")).and_then(Value::as_str);
    if !kind.resource.gvk.is("", "Service")
        || spec("type") != Some("LoadBalancer")
        || spec("clusterIP").is_some()
    {
        return;
    }
    let uid = object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or("");
    let digest = Digest::of(uid.as_bytes());
    let [first, second, ..] = digest.as_bytes();
    let address = format!("10.96.{first}.{second}");
    super::core::map_at(object, "spec").insert("clusterIP".to_owned(), address.into());
}

/// What the server adds to a new object by itself.
fn initial(id: &ObjectId, object: &mut Value) {
    if *id == namespace_id(&id.name) {
        let fields = metadata(object);
        let labels = fields.entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert("kubernetes.io/metadata.name".to_owned(), id.name.clone().into());
        }
        set(object, "status", json!({"phase": "Active"}));
    }
}
