use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    content::Content,
    object::{GroupKind, Gvk, Object, scope::Scope},
};

/// All that a render may depend on beside its content.
#[derive(Clone, Debug)]
pub struct Inputs {
    time: Timestamp,
    /// What the site answers to the bundle's questions: `site.yaml` over the bundle's defaults, checked against its schema.
    pub site: Map<String, Value>,
    /// What random names and passwords are derived from: the secret that the nodes of a cluster share. Without it a
    /// chart that needs one is not rendered.
    pub secret: Option<[u8; 32]>,
    /// What the cluster answered to [`Needs`] of earlier rounds.
    pub answers: Answers,
}

impl Inputs {
    /// Inputs for one bundle. The time that templates see is the signed one, so all nodes see the same.
    pub fn new(content: &Content, site: Map<String, Value>) -> Self {
        Self { time: content.root().statement.created, site, secret: None, answers: Answers::default() }
    }

    /// The time that templates see: when the bundle was made.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The objects of the cluster that were read, in words; no signature covers what they say.
    pub fn read(&self) -> Vec<String> {
        self.answers.lookups.keys().map(Lookup::to_string).collect()
    }
}

/// What a render must know of the cluster before it can go on. The edge asks, adds the [`Answers`], and renders again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Kinds of which only the cluster knows where they live.
    pub scopes: BTreeSet<GroupKind>,
    /// Objects that a template looks up, or that hold values.
    pub lookups: BTreeSet<Lookup>,
}

/// One question of Helm's `lookup`. An empty name asks for all of a kind, an empty namespace for all namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// The kind.
    pub gvk: Gvk,
    /// The namespace; may be empty.
    pub namespace: String,
    /// The name; may be empty.
    pub name: String,
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gvk, namespace, name } = self;
        match (namespace.as_str(), name.as_str()) {
            ("", "") => write!(f, "all of kind {}", gvk.kind),
            ("", name) => write!(f, "{} {name}", gvk.kind),
            (namespace, "") => write!(f, "all of kind {} in {namespace}", gvk.kind),
            (namespace, name) => write!(f, "{} {namespace}/{name}", gvk.kind),
        }
    }
}

/// What the cluster answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Where a kind lives; none: the cluster does not serve it.
    pub scopes: BTreeMap<GroupKind, Option<Scope>>,
    /// What was found, by question.
    pub lookups: BTreeMap<Lookup, Vec<Object>>,
}

impl Answers {
    /// Takes in the answers of another round.
    pub fn extend(&mut self, other: Self) {
        self.scopes.extend(other.scopes);
        self.lookups.extend(other.lookups);
    }
}
