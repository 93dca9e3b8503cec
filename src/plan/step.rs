use std::{fmt, time::Duration};

use serde_json::Value;

use super::Inventory;
use crate::{
    object::{Gvk, Object, ObjectId, order::Stage},
    render::{Owner, ServiceAccount},
};

/// One thing to do. It is complete: whoever executes it chooses nothing.
///
/// Steps are done in their order, and the first that fails ends the plan, except that neighbouring [`Step::Delete`]s
/// are all tried before the plan ends. What was done stays done: the recorded inventory covers it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Write the inventory, as the agent itself and not as the entry's service account. The first one of a plan holds
    /// all that was kept and all that is about to be, so that nothing is ever forgotten; the last one what is kept.
    Record(Box<Inventory>),
    /// Delete the inventory of an entry that has nothing left.
    Forget(Owner),
    /// Create or change an object by server-side apply, with force.
    Apply(Box<Apply>),
    /// Delete an object, wait until it is gone, and create it anew: an immutable field changes.
    Recreate(Box<Recreate>),
    /// Delete what left the render. "Not found" is success, another UID is a conflict.
    Delete(Box<Delete>),
    /// Wait until objects are well.
    Wait(Wait),
    /// Observe and plan again: what comes next could not be tried before.
    Replan(Vec<Deferred>),
}

/// What happens to an object, in Flux's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// It was not there.
    Created,
    /// It is there and becomes another.
    Configured,
    /// It is deleted and made again. (Flux says `created`.)
    Recreated,
    /// It is deleted.
    Deleted,
    /// It is as it should be.
    Unchanged,
    /// It wants to be left alone.
    Skipped,
}

impl Verb {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Recreated => "recreated",
            Self::Deleted => "deleted",
            Self::Unchanged => "unchanged",
            Self::Skipped => "skipped",
        }
    }
}

/// An object to be created or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Apply {
    /// What is sent.
    pub object: Object,
    /// The stage that it belongs to.
    pub stage: Stage,
    /// Created or configured.
    pub verb: Verb,
    /// A JSON patch (RFC 6902) that is sent first, with the same field manager: it takes away what other tools left.
    /// Empty: none.
    pub clean_up: Vec<Value>,
    /// What is there, for the diff; none where nothing is.
    pub before: Option<Object>,
    /// What will be there, as the dry-run says.
    pub after: Object,
}

/// An object to be deleted and made again.
#[derive(Clone, Debug, PartialEq)]
pub struct Recreate {
    /// What is sent.
    pub object: Object,
    /// The stage that it belongs to.
    pub stage: Stage,
    /// What is there.
    pub before: Object,
    /// The UID that the deletion insists on.
    pub uid: String,
    /// How dependants go.
    pub propagation: Propagation,
    /// How long it may take until it is gone.
    pub timeout: Duration,
    /// What the server said against a change in place.
    pub because: String,
}

/// An object to be deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    /// The object.
    pub id: ObjectId,
    /// The kind with the version by which it is asked for.
    pub gvk: Gvk,
    /// The UID that the deletion insists on.
    pub uid: String,
    /// How dependants go.
    pub propagation: Propagation,
    /// What is there, for the diff.
    pub before: Object,
}

/// How the dependants of a deleted object go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// After it, by the cluster's garbage collector. What Flux asks for.
    Background,
    /// Before it.
    Foreground,
    /// They stay.
    Orphan,
}

impl Propagation {
    /// The word of Kubernetes' API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
            Self::Orphan => "Orphan",
        }
    }
}

/// Objects that must become well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What for.
    pub purpose: Purpose,
    /// The objects.
    pub objects: Vec<Awaited>,
    /// How long.
    pub timeout: Duration,
    /// Whether one that failed ends the wait.
    pub fail_fast: bool,
}

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The next stage stands on this one.
    Stage(Stage),
    /// The entry is ready when they are well.
    Health,
}

/// An object that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// The object. A health check's namespace is taken as written.
    pub id: ObjectId,
    /// The kind with the version by which it is asked for.
    pub gvk: Gvk,
    /// Whether "not found" means that it is done: a Job with a time to live.
    pub gone_is_done: bool,
}

/// An object whose turn comes after another round of observing.
#[derive(Clone, Debug, PartialEq)]
pub struct Deferred {
    /// What will be sent.
    pub object: Object,
    /// The stage that it belongs to.
    pub stage: Stage,
    /// What will happen, as far as it can be told now.
    pub verb: Verb,
    /// What is there.
    pub before: Option<Object>,
    /// What will be there, where the dry-run could say it.
    pub after: Option<Object>,
    /// Why it has to wait.
    pub why: Why,
}

/// Why an object has to wait for another round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The entry brings the definition of its kind, and the cluster does not serve it yet.
    NotServed,
    /// The entry brings its namespace, and it is not there yet.
    Namespace,
    /// The server refused the dry-run, maybe because an earlier stage is missing: its words.
    Refused(String),
    /// Its stage is applied as a whole, and another object of it has to wait.
    Stage,
}

/// As whom, and under which name, objects are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The field manager.
    pub manager: &'static str,
    /// The service account that is impersonated; none: the agent itself.
    pub service_account: Option<ServiceAccount>,
}

/// The field manager of kustomize-controller. Airlock writes under the same name, so that a cluster changes hands
/// without an upgrade and fields that leave a render leave the object.
pub const FIELD_MANAGER: &str = "kustomize-controller";

impl fmt::Display for Step {
    /// One line, as a log shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(inventory) => {
                write!(f, "record {} kept", inventory.entries.len())?;
                match inventory.attempted.len() {
                    0 => Ok(()),
                    begun => write!(f, ", {begun} begun"),
                }
            }
            Self::Forget(owner) => write!(f, "forget {owner}"),
            Self::Apply(apply) => {
                let verb = if apply.verb == Verb::Created { "create" } else { "configure" };
                write!(f, "{verb} {}", apply.object.id())
            }
            Self::Recreate(it) => write!(f, "recreate {}", it.object.id()),
            Self::Delete(it) => write!(f, "delete {}", it.id),
            Self::Wait(wait) => {
                let purpose = match wait.purpose {
                    Purpose::Stage(stage) => format!("stage {}", stage as u8),
                    Purpose::Health => "health".to_owned(),
                };
                write!(
                    f,
                    "wait for {purpose}, {}s: {}",
                    wait.timeout.as_secs(),
                    list(wait.objects.iter().map(|it| &it.id))
                )
            }
            Self::Replan(deferred) => {
                let ids: Vec<ObjectId> = deferred.iter().map(|it| it.object.id()).collect();
                write!(f, "plan again for {}", list(ids.iter()))
            }
        }
    }
}

fn list<'a>(ids: impl Iterator<Item = &'a ObjectId>) -> String {
    ids.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
