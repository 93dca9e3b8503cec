//! Kubernetes objects: what they are called, in which order they are applied, and whether they are well.
//!
//! An [`Object`] is JSON with the few fields checked that everything later relies on. All of this stage follows
//! fluxcd/pkg/ssa 0.76 and cli-utils 1.2 (Flux 2.9), and is compared with them on the tables in `tests/data/object`.

pub mod gvk;
pub mod id;
pub mod health;
pub mod images;
pub mod list;
mod metadata;
pub mod normalize;
pub mod optout;
pub mod order;
pub mod scope;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::fault::{Class, Fault};

pub use self::{
    gvk::{GroupKind, Gvk},
    id::ObjectId,
    metadata::OwnerReference,
};

/// A Kubernetes object: a JSON map with `apiVersion`, `kind` and `metadata.name`, and with labels and annotations
/// that are text.
///
/// ```
/// use airlock::object::Object;
/// use serde_json::json;
/// let object = Object::new(
///     json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}}),
///     "base/a.yaml",
/// )?;
/// assert_eq!(object.id().to_string(), "ConfigMap/b/a");
/// let error = Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap"}), "base/b.yaml").unwrap_err();
/// assert_eq!(error.to_string(), "base/b.yaml: ConfigMap has no `metadata.name`");
/// # Ok::<(), airlock::object::ObjectError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    fields: Map<String, Value>,
    gvk: Gvk,
}

/// Why a document is no object. `origin` says where it stands: a file, a chart's template, an answer of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// Text, a list, a number.
    #[error("{origin}: {subject} is {found}, not an object")]
    NotAMap {
        /// Where it stands.
        origin: String,
        /// What it is part of.
        subject: String,
        /// Its JSON type.
        found: &'static str,
    },
    /// A field that every object has is missing or empty.
    #[error("{origin}: {subject} has no `{field}`")]
    Missing {
        /// Where it stands.
        origin: String,
        /// As much of its name as is known.
        subject: String,
        /// The field.
        field: &'static str,
    },
    /// A field has another type than Kubernetes gives it.
    #[error("{origin}: `{field}` of {subject} is {found}, not {wanted}")]
    WrongType {
        /// Where it stands.
        origin: String,
        /// As much of its name as is known.
        subject: String,
        /// The field.
        field: String,
        /// The JSON type that it has.
        found: &'static str,
        /// The JSON type that it should have.
        wanted: &'static str,
    },
    /// `apiVersion` is neither `version` nor `group/version`.
    #[error("{origin}: `{text}` of {subject} is not an apiVersion")]
    ApiVersion {
        /// Where it stands.
        origin: String,
        /// As much of its name as is known.
        subject: String,
        /// What stands there.
        text: String,
    },
    /// The name cannot be part of a path, neither of an API server's nor of a file's.
    #[error("{origin}: `{field}` of {subject} cannot be part of a path")]
    Unsafe {
        /// Where it stands.
        origin: String,
        /// Its name.
        subject: String,
        /// The field.
        field: &'static str,
    },
    /// Only the server knows the name, so a second apply would make a second object.
    #[error(
        "{origin}: {subject} has `metadata.generateName` (`{prefix}`) and no name, so it cannot be applied"
    )]
    Generated {
        /// Where it stands.
        origin: String,
        /// Its kind.
        subject: String,
        /// What the name would begin with.
        prefix: String,
    },
}

impl Fault for ObjectError {
    fn code(&self) -> &'static str {
        match self {
            Self::Generated { .. } => "object_generate_name",
            _ => "object",
        }
    }

    fn class(&self) -> Class {
        Class::Invalid
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Generated { .. } => Some("give the object a `metadata.name`".to_owned()),
            Self::WrongType { wanted: "a string", .. } => Some("put the value in quotes".to_owned()),
            _ => None,
        }
    }
}

impl Object {
    /// Checks one document. `origin` is only for the error.
    ///
    /// # Errors
    /// Where `apiVersion`, `kind` or `metadata.name` is missing or of another type, where labels or annotations are
    /// not text, and where a name could not be part of a path.
    pub fn new(document: Value, origin: &str) -> Result<Self, ObjectError> {
        let fields = match document {
            Value::Object(fields) => fields,
            other => {
                let (origin, subject) = (origin.to_owned(), "the document".to_owned());
                return Err(ObjectError::NotAMap { origin, subject, found: type_of(&other) });
            }
        };
        let gvk = metadata::check(&fields, origin)?;
        Ok(Self { fields, gvk })
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> &Gvk {
        &self.gvk
    }

    /// `apiVersion` as it is written.
    pub fn api_version(&self) -> &str {
        self.text(&["apiVersion"]).unwrap_or("")
    }

    /// The kind.
    pub fn kind(&self) -> &str {
        &self.gvk.kind
    }

    /// What identifies it in inventories and events.
    pub fn id(&self) -> ObjectId {
        ObjectId {
            namespace: self.namespace().unwrap_or("").to_owned(),
            name: self.name().to_owned(),
            group_kind: self.gvk.group_kind(),
        }
    }

    /// The value at a path of map keys; a null is a value.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.fields.get(*first)?, |value, key| value.get(key))
    }

    /// The text at a path of map keys.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.get(path)?.as_str()
    }

    /// All fields.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The same without who set which field, which is often most of an answer and of no use where nothing is taken from anybody.
    #[must_use]
    pub fn without_managers(mut self) -> Self {
        if let Some(Value::Object(metadata)) = self.fields.get_mut("metadata") {
            metadata.remove("managedFields");
        }
        self
    }

    /// All fields, as JSON.
    pub fn into_value(self) -> Value {
        Value::Object(self.fields)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}

/// The JSON type in words.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
