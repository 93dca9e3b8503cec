//! What a request is about.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    object::{Gvk, Object, ObjectError},
    render::ServiceAccount,
};

/// A kind as discovery lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// Its name in paths: `deployments`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What can be done with it: `get`, `list`, `patch`.
    pub verbs: Vec<String>,
}

impl Resource {
    /// Whether its objects can be listed: reviews, for one, cannot.
    pub fn is_listed(&self) -> bool {
        self.verbs.iter().any(|verb| verb == "list")
    }
}

/// One object's place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The namespace; empty for cluster-wide objects.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Reference {
    /// A place by its parts.
    pub fn new(gvk: Gvk, namespace: &str, name: &str) -> Self {
        Self { gvk, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Where an object is.
    pub fn of(object: &Object) -> Self {
        Self::new(object.gvk().clone(), object.namespace().unwrap_or(""), object.name())
    }
}

impl fmt::Display for Reference {
    /// `Kind/namespace/name`, as Flux names objects.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.gvk.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// A point in the server's history. Opaque: equal or not, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ResourceVersion(pub String);

impl fmt::Display for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An object's `apiVersion`, `kind` and `metadata`, and no more. Nothing about its state can be read from it by mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata(Object);

impl Metadata {
    /// Leaves everything else out.
    pub fn of(object: &Object) -> Self {
        let fields = ["apiVersion", "kind", "metadata"].into_iter();
        let kept =
            fields.filter_map(|key| Some((key.to_owned(), object.fields().get(key)?.clone()))).collect();
        Self(Object::new(Value::Object(kept), "metadata").expect("what made it an object is still there"))
    }

    /// Reads an item of a `PartialObjectMetadataList`, which says its own kind in the place of the object's.
    ///
    /// # Errors
    /// When it has no name.
    pub fn parse(gvk: &Gvk, metadata: Value) -> Result<Self, ObjectError> {
        let document =
            serde_json::json!({"apiVersion": gvk.api_version(), "kind": gvk.kind, "metadata": metadata});
        Object::new(document, "metadata").map(Self)
    }

    /// Where the object is.
    pub fn reference(&self) -> Reference {
        Reference::of(&self.0)
    }

    /// The readers of metadata.
    pub fn as_object(&self) -> &Object {
        &self.0
    }
}

/// The server's version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerVersion {
    /// `1`.
    pub major: String,
    /// `37`; some servers add a `+`.
    pub minor: String,
    /// `v1.37.2`.
    pub git_version: String,
}

/// The groups that a server gives every service account; who impersonates one must name them.
pub fn groups(account: &ServiceAccount) -> [String; 3] {
    [
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{}", account.namespace),
        "system:authenticated".to_owned(),
    ]
}
