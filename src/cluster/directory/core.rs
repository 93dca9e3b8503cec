//! What the lock protects: the log, and the operations on it.

use std::{fmt::Write as _, io, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Clock, Ids,
    declared::Declared,
    log::{Happened, Log, Past, Stored},
    scan::Stamps,
    serve::{self, Kind},
};
use crate::{
    cluster::{Error, ListOptions, Reference},
    object::{GroupKind, Gvk, Object, ObjectId},
};

/// One directory, open and locked.
pub(super) struct Core {
    pub(super) root: PathBuf,
    pub(super) log: Log,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn Ids>,
    pub(super) declared: Declared,
    pub(super) stamps: Stamps,
    /// Something may have to go: an object that is being deleted, or one whose owner went.
    pub(super) unsettled: bool,
    /// A file holds no object at the moment, and may be in somebody's hands.
    pub(super) unfinished: bool,
}

impl Core {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// RFC 3339 in whole seconds, as all of Kubernetes' times.
    pub(super) fn now_text(&self) -> String {
        seconds(self.now())
    }

    pub(super) fn disk(&self, source: io::Error) -> Error {
        Error::Disk { path: self.root.display().to_string(), source }
    }

    pub(super) fn kind(&self, gvk: &Gvk) -> Result<Kind, Error> {
        serve::kind(&self.log.state, gvk)
    }

    pub(super) fn stored(&self, id: &ObjectId) -> Option<&Stored> {
        self.log.state.objects.get(id)
    }

    pub(super) fn live(&self, id: &ObjectId) -> Option<Arc<Object>> {
        self.stored(id).map(|stored| stored.object.clone())
    }

    /// The id of a place, if an object of that kind can be there.
    pub(super) fn place(&self, reference: &Reference) -> Result<(Kind, ObjectId), Error> {
        let kind = self.kind(&reference.gvk)?;
        if kind.resource.namespaced && reference.namespace.is_empty() {
            let text = "an empty namespace may not be set when a resource name is provided";
            return Err(refuse(400, "BadRequest", text.to_owned()));
        }
        if !kind.resource.namespaced && !reference.namespace.is_empty() {
            let text = "namespace may not be set for a resource that is not namespaced";
            return Err(refuse(400, "BadRequest", text.to_owned()));
        }
        let namespace = reference.namespace.clone();
        let id = ObjectId { namespace, name: reference.name.clone(), group_kind: reference.gvk.group_kind() };
        Ok((kind, id))
    }

    pub(super) fn get(&mut self, reference: &Reference) -> Result<Object, Error> {
        let (kind, id) = self.place(reference)?;
        self.scan_one(&id)?;
        let live = self.live(&id).ok_or_else(|| not_found(&kind, &id.name))?;
        Ok(in_version(&live, &reference.gvk))
    }

    pub(super) fn list(&mut self, gvk: &Gvk, options: &ListOptions) -> Result<Vec<Object>, Error> {
        self.kind(gvk)?;
        self.scan()?;
        let group_kind = gvk.group_kind();
        let selected = |(id, stored): (&ObjectId, &Stored)| {
            (id.group_kind == group_kind && selects(options, &stored.object))
                .then(|| in_version(&stored.object, gvk))
        };
        Ok(self.log.state.objects.iter().filter_map(selected).collect())
    }

    /// Changes of one kind after a version.
    pub(super) fn since(&self, gvk: &GroupKind, version: u64) -> Result<Vec<Past>, Error> {
        let state = &self.log.state;
        if version < state.expired {
            let text = format!("too old resource version: {version} ({})", state.expired + 1);
            return Err(refuse(410, "Expired", text));
        }
        if version > state.version {
            let text = format!("Too large resource version: {version}, current: {}", state.version);
            return Err(refuse(410, "Expired", text));
        }
        let wanted = |past: &&Past| past.version > version && past.object.gvk().group_kind() == *gvk;
        Ok(state.past.iter().filter(wanted).cloned().collect())
    }

    /// Makes a change with the next version, which the object then carries.
    pub(super) fn change(&mut self, happened: Happened, object: Value) -> Result<Arc<Object>, Error> {
        self.change_shown(happened, object, None)
    }

    pub(super) fn change_shown(
        &mut self,
        happened: Happened,
        mut object: Value,
        shown: Option<crate::digest::Digest>,
    ) -> Result<Arc<Object>, Error> {
        let version = (self.log.state.version + 1).to_string();
        metadata(&mut object).insert("resourceVersion".to_owned(), version.into());
        let object = Object::new(object, "stored").map_err(|error| Error::Malformed(error.to_string()))?;
        let object = Arc::new(object);
        self.log.change(happened, object.clone(), shown).map_err(|error| self.disk(error))?;
        Ok(object)
    }
}

/// Whether the options select an object of the right kind.
pub(super) fn selects(options: &ListOptions, object: &Object) -> bool {
    let namespace = options.namespace.as_deref();
    namespace.is_none_or(|it| object.namespace() == Some(it))
        && options.labels.matches(|key| object.label(key))
        && options.fields.iter().all(|(path, value)| {
            let path: Vec<&str> = path.split('.').collect();
            object.text(&path).unwrap_or("") == value
        })
}

/// Versions of a kind differ in their name alone here, as those of a definition without conversion do.
pub(super) fn in_version(object: &Object, gvk: &Gvk) -> Object {
    if object.gvk() == gvk {
        return object.clone();
    }
    let mut value = object.clone().into_value();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("apiVersion".to_owned(), gvk.api_version().into());
    }
    Object::new(value, "stored").unwrap_or_else(|_| object.clone())
}

pub(super) fn seconds(time: Timestamp) -> String {
    format!("{time:.0}")
}

/// `metadata`, made where there is none.
pub(super) fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    map_at(object, "metadata")
}

/// The map at a key, made where there is none.
pub(super) fn map_at<'a>(object: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let fields = object.as_object_mut().expect("a map was put there");
    let value = fields.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("a map was put there")
}

/// An answer that says no, by the way that a server's would take.
pub(super) fn refuse(code: u16, reason: &str, message: String) -> Error {
    Error::from_status(&json!({"code": code, "reason": reason, "message": message}), None)
}

pub(super) fn not_found(kind: &Kind, name: &str) -> Error {
    refuse(404, "NotFound", format!("{} {name:?} not found", kind.qualified()))
}

pub(super) fn conflict(kind: &Kind, name: &str, why: &str) -> Error {
    let what = kind.qualified();
    refuse(409, "Conflict", format!("Operation cannot be fulfilled on {what} {name:?}: {why}"))
}

pub(super) fn forbidden(kind: &Kind, name: &str, why: &str) -> Error {
    refuse(403, "Forbidden", format!("{} {name:?} is forbidden: {why}", kind.qualified()))
}

/// `Deployment.apps "x" is invalid: …` with one or all causes, as `NewInvalid` words it.
pub(super) fn invalid(gvk: &Gvk, name: &str, causes: &[String]) -> Error {
    let mut what = gvk.kind.clone();
    if !gvk.group.is_empty() {
        let _ = write!(what, ".{}", gvk.group);
    }
    let causes = match causes {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    refuse(422, "Invalid", format!("{what} {name:?} is invalid: {causes}"))
}
