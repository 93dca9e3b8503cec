use std::{collections::BTreeSet, fmt};

use super::{Owner, Spec};
use crate::{
    bundle::Floor,
    digest::Digest,
    object::{Object, ObjectId, order},
};

/// What an engine made of verified content: everything that is applied, and where it comes from.
///
/// Only [`super::render`] makes one, and [`crate::plan::plan`] takes nothing else, so nothing can be applied that no
/// signature covers. A preview may look at loose objects; it cannot apply them:
///
/// ```
/// fn apply(rendered: &airlock::render::Rendered) -> usize {
///     rendered.objects().len()
/// }
/// ```
///
/// ```compile_fail
/// fn apply(objects: Vec<airlock::object::Object>) -> airlock::render::Rendered {
///     airlock::render::Rendered { objects }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Rendered {
    spec: Spec,
    origin: Origin,
    objects: Vec<Object>,
    files: Vec<Place>,
    definitions: Vec<Object>,
    hooks: Vec<Hook>,
    notes: Option<String>,
    release: Option<ReleaseRecord>,
    asked: bool,
}

/// Whose word a render is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The channel and the entry.
    pub owner: Owner,
    /// The bundle: the digest of its payload.
    pub bundle: Digest,
    /// Where the bundle stands in its channel.
    pub position: Floor,
    /// The generation of the spec, for what may change without its bundle.
    pub generation: i64,
}

/// Where an object was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file within the tree or chart.
    pub file: String,
    /// The number of the document in it, from 1.
    pub document: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, document {}", self.file, self.document)
    }
}

/// An object that is applied at a point of a release's life instead of with the rest: Helm's hooks.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// The object.
    pub object: Object,
    /// Where it was written.
    pub place: Place,
    /// When.
    pub events: BTreeSet<HookEvent>,
    /// Lower ones come first.
    pub weight: i64,
    /// When it is deleted.
    pub delete: BTreeSet<HookDeletion>,
}

/// The points of a release's life (`helm.sh/hook`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "Helm's own words")]
pub enum HookEvent {
    PreInstall,
    PostInstall,
    PreUpgrade,
    PostUpgrade,
    PreRollback,
    PostRollback,
    PreDelete,
    PostDelete,
    Test,
}

/// When a hook's object is deleted (`helm.sh/hook-delete-policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "Helm's own words")]
pub enum HookDeletion {
    BeforeHookCreation,
    HookSucceeded,
    HookFailed,
}

/// What Helm's storage keeps of a release, without its number and status, which only the reconciler knows.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseRecord {
    /// The release.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The chart, its values, the manifest and the hooks, in the JSON form that Helm stores.
    pub body: serde_json::Map<String, serde_json::Value>,
}

/// What an engine hands to [`super::render`].
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) objects: Vec<(Object, Place)>,
    pub(super) definitions: Vec<(Object, Place)>,
    pub(super) hooks: Vec<Hook>,
    pub(super) notes: Option<String>,
    pub(super) release: Option<ReleaseRecord>,
    /// Whether it depends on what the cluster held.
    pub(super) asked: bool,
}

impl Parts {
    /// Takes out all objects, definitions and hooks too, which the same rules are held against.
    pub(super) fn take(&mut self) -> Vec<(Object, Place)> {
        let hooks = self.hooks.iter().map(|it| (it.object.clone(), it.place.clone()));
        let mut all = self.definitions.clone();
        all.append(&mut self.objects);
        all.extend(hooks);
        all
    }

    /// Puts back what [`take`](Self::take) took.
    pub(super) fn put_back(&mut self, all: Vec<(Object, Place)>) {
        let mut all = all.into_iter();
        self.definitions = all.by_ref().take(self.definitions.len()).collect();
        let hooks = all.len().saturating_sub(self.hooks.len());
        self.objects = all.by_ref().take(hooks).collect();
        for (hook, (object, _)) in self.hooks.iter_mut().zip(all) {
            hook.object = object;
        }
    }
}

impl Rendered {
    /// Puts objects into the order of apply and closes the lid.
    pub(super) fn seal(spec: &Spec, origin: Origin, parts: Parts) -> Self {
        let Parts { mut objects, definitions, hooks, notes, release, asked } = parts;
        objects.sort_by_cached_key(|(object, _)| order::Key(object.id()));
        let (objects, files) = objects.into_iter().unzip();
        let definitions = definitions.into_iter().map(|(object, _)| object).collect();
        Self { spec: spec.clone(), origin, objects, files, definitions, hooks, notes, release, asked }
    }

    /// How to keep it.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Whose word it is.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Channel and entry.
    pub fn owner(&self) -> &Owner {
        &self.origin.owner
    }

    /// All objects, in the order in which they are applied.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Where an object was written.
    pub fn place(&self, id: &ObjectId) -> Option<&Place> {
        let at = self.objects.binary_search_by(|object| order::compare(&object.id(), id)).ok()?;
        self.files.get(at)
    }

    /// The definitions of a chart's `crds/`, which are created and never changed. Other engines have theirs among the objects.
    pub fn definitions(&self) -> &[Object] {
        &self.definitions
    }

    /// The hooks of a chart.
    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// What a chart says to its user.
    pub fn notes(&self) -> Option<&str> {
        self.notes.as_deref()
    }

    /// What Helm's storage keeps, where a chart was rendered.
    pub fn release(&self) -> Option<&ReleaseRecord> {
        self.release.as_ref()
    }

    /// Whether objects of the cluster were read for it, so that the same bundle may say something else later.
    pub fn asked(&self) -> bool {
        self.asked
    }
}
