use std::collections::{BTreeMap, BTreeSet};

use super::{Inventory, Owners};
use crate::object::{Gvk, Object, ObjectId, health::Health};

/// What the cluster says, as far as a plan needs it. [`super::questions`] tells what is missing.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The entry's inventory; none where it was never applied.
    pub inventory: Option<Inventory>,
    /// The objects of the render, those of the inventory, and those of health checks.
    pub objects: BTreeMap<ObjectId, Live>,
    /// What the inventories of all other entries, of this and of other channels, hold.
    pub owners: Owners,
    /// What other entries of the same bundle render. An object that left this entry for one of them is handed over
    /// instead of deleted.
    pub claims: Owners,
    /// Objects that somebody else changes back again and again. They are left as they are for a while, and told.
    pub contested: BTreeSet<ObjectId>,
    /// For namespaces, definitions and whatever else takes others along when it is deleted: those others, as far as
    /// they are listed. What inventories hold is counted without being listed here.
    pub contents: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
}

/// One object of the cluster.
#[derive(Clone, Debug)]
pub struct Live {
    /// What is there; none where nothing is.
    pub object: Option<Object>,
    /// How it is, by [`crate::object::health::flux`] or, where no controller runs, by declaration.
    pub health: Health,
    /// What a server-side apply of the desired object would make of it.
    pub dry_run: DryRun,
}

/// What a server-side apply would do.
#[derive(Clone, Debug)]
pub enum DryRun {
    /// Nothing was asked: the object is not in the render.
    NotAsked,
    /// Nothing needs to be asked: what is desired and what is there are both those of a comparison that found
    /// nothing to do.
    Settled,
    /// This object would be there.
    Would(Object),
    /// The server refuses.
    Refused(ApiError),
    /// The cluster does not serve the kind in this version, though something may still define it: a definition that is
    /// not established, another API server that does not answer.
    NotServed,
    /// No definition of the kind is there, in any version, and no other API server has its group: nothing of it can be
    /// there either.
    NotDefined,
}

/// What an API server says against a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP status.
    pub code: u16,
    /// The reason of the `Status`, such as `Invalid`; may be empty.
    pub reason: String,
    /// The message.
    pub message: String,
    /// The types of its causes, such as `FieldManagerConflict`.
    pub causes: Vec<String>,
}

/// Something that a plan must know.
#[derive(Clone, Debug, PartialEq)]
pub enum Question<'a> {
    /// The live object, its health, and a dry-run of this one.
    DryRun(&'a Object),
    /// The live object and its health.
    Live(ObjectId, Gvk),
    /// All that goes with a namespace, a definition or a Flux object when it is deleted; for [`Observed::contents`].
    Contents(ObjectId),
}
