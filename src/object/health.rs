//! Whether an object is well: cli-utils' kstatus, and what Flux's poller makes of it.
//!
//! [`kstatus`] judges one object alone. [`flux`] is what a Flux Kustomization waits for: it has a rule of its own for
//! Jobs, and looks at the pods behind StatefulSets and ReplicaSets. Message texts are the original's, since people
//! and scripts read them. Rules are asked in this order: deletion, generation, the conditions `Reconciling` and
//! `Stalled`, the kind's own rule, the condition `Ready`; and nothing said is well.

mod definition;
mod fields;
mod generic;
mod job;
mod pod;
mod wait;
mod workload;

use std::fmt;

use jiff::Timestamp;

use self::fields::{Fields, Odd};
use super::Object;

pub use self::wait::{Verdict, is_job_with_ttl, verdict};

/// How an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// On its way.
    InProgress,
    /// It will not get there by itself.
    Failed,
    /// As wanted.
    Current,
    /// Being deleted.
    Terminating,
    /// Not there.
    NotFound,
    /// It could not be told.
    Unknown,
}

impl Status {
    /// The word that kstatus uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Current => "Current",
            Self::Terminating => "Terminating",
            Self::NotFound => "NotFound",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A status and why. With [`Status::Unknown`] the message is the original's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The verdict.
    pub status: Status,
    /// The reason in words.
    pub message: String,
}

impl Health {
    fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// Of an object that the server does not have.
    pub fn not_found() -> Self {
        Self::new(Status::NotFound, "Resource not found")
    }
}

/// The status of one object by itself (kstatus `Compute`). `now` decides how long a pod may wait to be scheduled.
pub fn kstatus(object: &Object, now: Timestamp) -> Health {
    told(compute(object, now))
}

/// The status of one object as Flux's poller sees it, with the pods that the object's selector matches in its
/// namespace. Only where [`looks_behind`] is true do pods matter.
pub fn flux(object: &Object, pods: &[Object], now: Timestamp) -> Health {
    let gvk = object.gvk();
    if gvk.is("batch", "Job") {
        return told(job::flux(&Fields(object)));
    }
    if gvk.is("apps", "Deployment") || looks_behind(object) {
        // The poller lists what is behind before it judges, so an unusable selector comes first.
        let selector = Fields(object).map(&["spec", "selector"]);
        if let Err(odd) = selector.and_then(|it| it.ok_or_else(|| Odd("no selector found".to_owned()))) {
            return told(Err(odd));
        }
    }
    let own = kstatus(object, now);
    if looks_behind(object) { pod::behind(own, pods, now) } else { own }
}

/// Whether the poller asks for the pods behind the object. It lists those of a Deployment's ReplicaSets as well, but
/// no Deployment's status depends on them.
pub fn looks_behind(object: &Object) -> bool {
    object.gvk().is("apps", "StatefulSet") || object.gvk().is("apps", "ReplicaSet")
}

fn told(result: Result<Health, Odd>) -> Health {
    result.unwrap_or_else(|Odd(text)| Health::new(Status::Unknown, text))
}

fn compute(object: &Object, now: Timestamp) -> Result<Health, Odd> {
    let fields = Fields(object);
    if let Some(health) = generic::common(&fields)? {
        return Ok(health);
    }
    match by_kind(&fields, now) {
        Some(health) => health,
        None => generic::ready(&fields),
    }
}

/// The rule of a built-in kind, in whatever version.
fn by_kind(fields: &Fields<'_>, now: Timestamp) -> Option<Result<Health, Odd>> {
    let gvk = fields.0.gvk();
    Some(match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "ConfigMap" | "Secret") | ("batch", "CronJob") => {
            Ok(Health::new(Status::Current, "Resource is always ready"))
        }
        ("", "Service") => Ok(service(fields)),
        ("", "PersistentVolumeClaim") => Ok(claim(fields)),
        ("", "Pod") => pod::pod(fields, now),
        ("apps", "StatefulSet") => Ok(workload::stateful_set(fields)),
        ("apps" | "extensions", "DaemonSet") => workload::daemon_set(fields),
        ("apps" | "extensions", "Deployment") => workload::deployment(fields),
        ("apps" | "extensions", "ReplicaSet") => workload::replica_set(fields),
        ("batch", "Job") => job::plain(fields),
        // The controller sets no condition, and the generation was compared before.
        ("policy", "PodDisruptionBudget") => {
            Ok(Health::new(Status::Current, "AllowedDisruptions has been computed."))
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition::definition(fields),
        _ => return None,
    })
}

fn service(fields: &Fields<'_>) -> Health {
    let balanced = fields.text(&["spec", "type"], "ClusterIP") == "LoadBalancer";
    if balanced && fields.text(&["spec", "clusterIP"], "").is_empty() {
        return Health::new(Status::InProgress, "ClusterIP not set. Service type: LoadBalancer");
    }
    Health::new(Status::Current, "Service is ready")
}

fn claim(fields: &Fields<'_>) -> Health {
    match fields.text(&["status", "phase"], "unknown") {
        "Bound" => Health::new(Status::Current, "PVC is Bound"),
        phase => Health::new(Status::InProgress, format!("PVC is not Bound. phase: {phase}")),
    }
}
