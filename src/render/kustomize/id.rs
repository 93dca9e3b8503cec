//! What resources are called, and what they were called.

use std::{fmt, rc::Rc};

/// Group, version and kind. Empty words stand for anything where something is selected.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Gvk {
    pub(super) group: Rc<str>,
    pub(super) version: Rc<str>,
    pub(super) kind: Rc<str>,
}

/// The name of a resource at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ResId {
    pub(super) gvk: Gvk,
    /// Whether the kind is known to live outside of namespaces.
    pub(super) cluster: bool,
    pub(super) name: Rc<str>,
    pub(super) namespace: Rc<str>,
}

/// What two identities share when the original takes them for equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    gvk: Gvk,
    name: Rc<str>,
    namespace: Rc<str>,
}

/// The namespace of what lives in none.
const NO_NAMESPACE: &str = "_non_namespaceable_";

/// `group` and `version` of an `apiVersion`.
pub(super) fn split_api_version(text: &str) -> (&str, &str) {
    text.split_once('/').unwrap_or(("", text))
}

impl Gvk {
    pub(super) fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// `group/version`.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Whether `selector` selects this: its words are equal or empty.
    pub(super) fn is_selected_by(&self, selector: &Self) -> bool {
        let fits = |own: &Rc<str>, wanted: &Rc<str>| wanted.is_empty() || own == wanted;
        fits(&self.group, &selector.group)
            && fits(&self.version, &selector.version)
            && fits(&self.kind, &selector.kind)
    }

    /// The order of the original's own lists of field specs: kinds in the order of creation, then by all words.
    pub(super) fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |it: &Self| super::sort::default_rank(&it.kind);
        rank(self).cmp(&rank(other)).then_with(|| self.sort_text().cmp(&other.sort_text()))
    }

    /// The words with placeholders, as the original sorts them.
    pub(super) fn sort_text(&self) -> String {
        let or = |word: &Rc<str>, other: &'static str| -> Rc<str> {
            if word.is_empty() { other.into() } else { Rc::clone(word) }
        };
        format!("{}_{}_{}", or(&self.group, "~G"), or(&self.version, "~V"), or(&self.kind, "~K"))
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |word: &Rc<str>, other: &'static str| -> Rc<str> {
            if word.is_empty() { other.into() } else { Rc::clone(word) }
        };
        let (kind, version) = (or(&self.kind, "[noKind]"), or(&self.version, "[noVer]"));
        write!(f, "{kind}.{version}.{}", or(&self.group, "[noGrp]"))
    }
}

impl ResId {
    /// The namespace with `default` written out, and a word of its own for what lives in none.
    pub(super) fn effective_namespace(&self) -> &str {
        if self.cluster {
            NO_NAMESPACE
        } else if self.namespace.is_empty() {
            "default"
        } else {
            &self.namespace
        }
    }

    /// The same, and nothing for what lives in none.
    pub(super) fn namespace_or_nothing(&self) -> &str {
        if self.cluster { "" } else { self.effective_namespace() }
    }

    /// The name of a file that holds it alone.
    pub(super) fn file_name(&self) -> String {
        let words = [&self.gvk.group, &self.gvk.version, &self.gvk.kind];
        let words: Vec<&str> =
            words.into_iter().map(|word| &**word).filter(|word| !word.is_empty()).collect();
        format!("{}_{}.yaml", words.join("_").to_lowercase(), self.name.to_lowercase())
    }

    pub(super) fn key(&self) -> Key {
        let namespace = if !self.cluster && !self.namespace.is_empty() {
            Rc::clone(&self.namespace)
        } else {
            self.effective_namespace().into()
        };
        Key { gvk: self.gvk.clone(), name: Rc::clone(&self.name), namespace }
    }

    /// Whether both live in the same namespace, or neither in one.
    pub(super) fn same_namespace(&self, other: &Self) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    /// Whether both are the same to the original.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.same_namespace(other) && self.same_but_namespace(other)
    }

    /// Whether all but the namespaces are equal.
    pub(super) fn same_but_namespace(&self, other: &Self) -> bool {
        self.name == other.name && self.gvk == other.gvk
    }

    /// Whether `selector` selects this: its words are equal or empty.
    pub(super) fn is_selected_by(&self, selector: &Self) -> bool {
        (selector.name.is_empty() || selector.name == self.name)
            && (selector.namespace.is_empty() || selector.same_namespace(self))
            && self.gvk.is_selected_by(&selector.gvk)
    }

    /// Whether nothing is said.
    pub(super) fn is_blank(&self) -> bool {
        *self == Self::default()
    }

    /// `%#v`, which stands in two messages of the original.
    pub(super) fn go_syntax(&self) -> String {
        let quote = super::text::quote;
        format!(
            "resid.ResId{{Gvk:resid.Gvk{{Group:{}, Version:{}, Kind:{}, isClusterScoped:{}}}, Name:{}, Namespace:{}}}",
            quote(&self.gvk.group),
            quote(&self.gvk.version),
            quote(&self.gvk.kind),
            self.cluster,
            quote(&self.name),
            quote(&self.namespace),
        )
    }
}

impl fmt::Display for ResId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "[noName]" } else { &self.name };
        let namespace = if self.namespace.is_empty() { "[noNs]" } else { &self.namespace };
        write!(f, "{}/{name}.{namespace}", self.gvk)
    }
}
