use super::{AGENT_NAMESPACE, Place, helm, kustomize};
use crate::{
    archive::{self, Unresolved},
    content,
    digest::Digest,
    fault::{Class, Fault},
    name::EntryName,
    object::{ObjectError, ObjectId},
    yaml,
};

/// Why an entry is not rendered.
#[derive(Debug, thiserror::Error)]
#[error("entry `{entry}` cannot be rendered")]
pub struct Error {
    /// The entry.
    pub entry: EntryName,
    /// Why.
    #[source]
    pub why: Why,
}

impl Error {
    /// Whether it may go away by itself, as something comes that is not there yet.
    pub fn waits(&self) -> bool {
        matches!(self.why, Why::ValuesFrom { missing: true, .. })
    }
}

/// What is wrong with an entry.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The content is missing or altered.
    #[error(transparent)]
    Content(#[from] content::Error),
    /// The content is no tree.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// The blob is not one that the bundle's release names.
    #[error("its content {0} is not part of the bundle")]
    NotSigned(Digest),
    /// The path leads nowhere.
    #[error("path `{path}` leads nowhere in its tree")]
    Path {
        /// The path.
        path: String,
        /// Why it leads nowhere.
        #[source]
        why: Unresolved,
    },
    /// The path is a file of another kind.
    #[error("file `{0}` is neither YAML nor JSON by its name")]
    Form(String),
    /// A file is no YAML.
    #[error("file `{file}` cannot be read as YAML")]
    Yaml {
        /// The file.
        file: String,
        /// The parser's words.
        #[source]
        why: yaml::Error,
    },
    /// A file is no JSON.
    #[error("file `{file}` cannot be read as JSON")]
    Json {
        /// The file.
        file: String,
        /// The parser's words.
        #[source]
        why: serde_json::Error,
    },
    /// A chart that Helm would refuse.
    #[error(transparent)]
    Chart(#[from] helm::Error),
    /// A document is no object.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// More than a limit allows.
    #[error("{what} has more than {limit} {unit}")]
    Limit {
        /// What is too large.
        what: String,
        /// How much is allowed.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// Two documents are the same object.
    #[error("{id} is written twice: in {first} and in {second}")]
    Duplicate {
        /// The object.
        id: Box<ObjectId>,
        /// Where it stands first.
        first: Place,
        /// Where it stands again.
        second: Place,
    },
    /// An object without a namespace, of a kind that lives in one.
    #[error("{id} ({place}) lives in a namespace and names none")]
    NoNamespace {
        /// The object.
        id: Box<ObjectId>,
        /// Where it stands.
        place: Place,
    },
    /// Nobody knows whether the kind lives in a namespace, and the channel's reach depends on it.
    #[error("{id} ({place}) is of a kind that neither the bundle nor the cluster defines")]
    UnknownKind {
        /// The object.
        id: Box<ObjectId>,
        /// Where it stands.
        place: Place,
    },
    /// Outside the channel's reach.
    #[error("{id} ({place}) is out of the reach of its channel: {why}")]
    Scope {
        /// The object.
        id: Box<ObjectId>,
        /// Where it stands.
        place: Place,
        /// What the channel may not do.
        why: OutOfReach,
    },
    /// What is read is outside the channel's reach.
    #[error("reading {what} is out of the reach of its channel: {why}")]
    Reads {
        /// What is read.
        what: String,
        /// What the channel may not do.
        why: OutOfReach,
    },
    /// Values that are to come from the cluster or the site are not there, or cannot be read.
    #[error("{what}")]
    ValuesFrom {
        /// What is wrong, in the words of Flux.
        what: String,
        /// Whether something that is not there may come yet.
        missing: bool,
    },
    /// A kustomization cannot be built.
    #[error("kustomization `{path}` cannot be built")]
    Kustomize {
        /// Its directory.
        path: String,
        /// In Kustomize's words.
        #[source]
        why: Box<kustomize::Error>,
    },
    /// Not a single object.
    #[error("it renders to nothing")]
    Empty,
}

/// What a channel may not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfReach {
    /// Objects of this namespace.
    #[error("it has no objects in namespace `{0}`")]
    Namespace(String),
    /// Objects of the cluster as a whole.
    #[error("it has no cluster-scoped objects")]
    Cluster,
    /// The agent's own namespace, which no channel has.
    #[error("namespace `{AGENT_NAMESPACE}` is the agent's own")]
    Agent,
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match &self.why {
            Why::Content(error) => error.code(),
            Why::Archive(error) => error.code(),
            Why::NotSigned(_) => "not_signed",
            Why::Path { .. } | Why::Form(_) => "path",
            Why::Yaml { .. } => "yaml",
            Why::Json { .. } => "json",
            Why::Chart(error) => error.code(),
            Why::Object(error) => error.code(),
            Why::Limit { .. } => "limit",
            Why::Duplicate { .. } => "duplicate",
            Why::NoNamespace { .. } => "no_namespace",
            Why::UnknownKind { .. } => "unknown_kind",
            Why::Scope { .. } | Why::Reads { .. } => "scope",
            Why::ValuesFrom { .. } => "values_from",
            Why::Kustomize { why, .. } => why.code(),
            Why::Empty => "empty_render",
        }
    }

    fn class(&self) -> Class {
        match &self.why {
            Why::Content(error) => error.class(),
            Why::Archive(error) => error.class(),
            Why::Chart(error) => error.class(),
            Why::Object(error) => error.class(),
            Why::Kustomize { why, .. } => why.class(),
            Why::UnknownKind { .. } | Why::ValuesFrom { missing: true, .. } => Class::Unavailable,
            Why::NotSigned(_) | Why::Scope { .. } | Why::Reads { .. } | Why::Empty => Class::Denied,
            _ => Class::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        let entry = &self.entry;
        Some(match &self.why {
            Why::Content(error) => return error.hint(),
            Why::Archive(error) => return error.hint(),
            Why::Chart(error) => return error.hint(),
            Why::Object(error) => return error.hint(),
            Why::NotSigned(_) => return None,
            Why::Path { .. } | Why::Form(_) => {
                format!("correct `path` of entry `{entry}` in bundle.yaml and build again")
            }
            Why::Yaml { .. } | Why::Json { .. } => "correct the file and build the bundle again".into(),
            Why::Kustomize { why, .. } => why.hint().into(),
            Why::Limit { .. } => format!("split entry `{entry}`"),
            Why::Duplicate { .. } => "take one of the two out and build the bundle again".into(),
            Why::NoNamespace { .. } => {
                format!("write the namespace into the object, or give entry `{entry}` a `targetNamespace`")
            }
            Why::UnknownKind { .. } => {
                format!("let entry `{entry}` depend on the entry that brings the CustomResourceDefinition")
            }
            Why::ValuesFrom { missing: true, .. } => {
                format!(
                    "bring what is missing, and entry `{entry}` goes on; or write `optional: true` beside it in bundle.yaml"
                )
            }
            Why::ValuesFrom { missing: false, .. } => {
                "correct what it holds, or `targetPath` in bundle.yaml".into()
            }
            Why::Scope { why: OutOfReach::Agent, .. } | Why::Reads { why: OutOfReach::Agent, .. } => {
                "use another namespace".into()
            }
            Why::Scope { .. } | Why::Reads { .. } => {
                "the trust root says how far a channel reaches; `airlock trust show` lists it".into()
            }
            Why::Empty => format!(
                "nothing is deleted because something is missing; to retire entry `{entry}` take it out of bundle.yaml"
            ),
        })
    }
}
