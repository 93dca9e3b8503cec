//! Who writes: the Lease of `coordination.k8s.io`, taken and renewed as client-go's leader election does.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Cluster, CreateOptions, Error, Reference, UpdateOptions};
use crate::object::{Gvk, Object};

/// The moment at which something is decided: the wall clock goes into the Lease, the steady one measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What other nodes read.
    pub wall: Timestamp,
    /// What no clock adjustment moves.
    pub steady: Instant,
}

/// One node's part in the election.
#[derive(Clone, Debug)]
pub struct Elector {
    reference: Reference,
    identity: String,
    duration: Duration,
    /// The Lease's `spec` as it was last, and when this node first saw it so. Other nodes' clocks are never compared with ours.
    seen: Option<(Value, Instant)>,
    term: Option<Term>,
}

/// The proof that this node held the Lease when it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    wall: Timestamp,
    steady: Instant,
    duration: Duration,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This node may write.
    Held(Term),
    /// Another one may; its identity.
    HeldBy(String),
}

impl Term {
    /// Whether the Lease still holds at `now`. Both clocks must say so: a machine that slept has a steady clock that did too.
    pub fn holds(&self, now: Moment) -> bool {
        let steady = now.steady.checked_duration_since(self.steady).is_some_and(|it| it < self.duration);
        let wall = now.wall.duration_since(self.wall).unsigned_abs() < self.duration;
        steady && wall
    }
}

impl Elector {
    /// A node that calls itself `identity` and asks for the Lease `namespace/name`. Whoever holds it loses it `duration` after the last
    /// renewal.
    pub fn new(namespace: &str, name: &str, identity: &str, duration: Duration) -> Self {
        let gvk = Gvk {
            group: "coordination.k8s.io".to_owned(),
            version: "v1".to_owned(),
            kind: "Lease".to_owned(),
        };
        Self {
            reference: Reference::new(gvk, namespace, name),
            identity: identity.to_owned(),
            duration,
            seen: None,
            term: None,
        }
    }

    /// Whether this node may write at `now`.
    pub fn leads(&self, now: Moment) -> bool {
        self.term.is_some_and(|term| term.holds(now))
    }

    /// Who holds the Lease, where it is neither free nor expired nor ours.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn holder(&mut self, cluster: &dyn Cluster, now: Moment) -> Result<Option<String>, Error> {
        match cluster.get(&self.reference).await {
            Ok(lease) => Ok(self.held_by_another(&lease, now)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn held_by_another(&mut self, lease: &Object, now: Moment) -> Option<String> {
        let spec = lease.get(&["spec"]).cloned().unwrap_or(Value::Null);
        let holder = spec.get("holderIdentity").and_then(Value::as_str).unwrap_or("").to_owned();
        let seconds = spec.get("leaseDurationSeconds").and_then(Value::as_u64).unwrap_or(0);
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != spec) {
            self.seen = Some((spec, now.steady));
        }
        let since = self.seen.as_ref().map_or(now.steady, |(_, since)| *since);
        let expired = now.steady.saturating_duration_since(since) >= Duration::from_secs(seconds);
        Some(holder).filter(|it| !it.is_empty() && *it != self.identity && !expired)
    }

    /// Takes the Lease if it is free or expired, renews it if it is ours. `now` is from before the request, so what is counted from
    /// it ends too early rather than too late.
    ///
    /// # Errors
    /// When the server cannot be asked; then the term that there is goes on until it ends.
    pub async fn try_acquire_or_renew(
        &mut self,
        cluster: &dyn Cluster,
        now: Moment,
    ) -> Result<Outcome, Error> {
        let lease = match cluster.get(&self.reference).await {
            Ok(lease) => lease,
            Err(Error::NotFound(_)) => {
                let object = self.object(self.spec(None, now), None)?;
                return match cluster.create(&object, &CreateOptions::by(MANAGER)).await {
                    Ok(created) => Ok(self.won(&created, now)),
                    // Another node was faster; who it is comes out next time.
                    Err(Error::AlreadyExists(_)) => Ok(self.lost("")),
                    Err(error) => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        if let Some(holder) = self.held_by_another(&lease, now) {
            return Ok(self.lost(&holder));
        }
        let spec = lease.get(&["spec"]).cloned().unwrap_or(Value::Null);
        let holder = spec.get("holderIdentity").and_then(Value::as_str).unwrap_or("");
        let object = self.object(self.spec(Some(&spec), now), lease.resource_version())?;
        match cluster.update(&object, &UpdateOptions::by(MANAGER)).await {
            Ok(updated) => Ok(self.won(&updated, now)),
            Err(Error::Conflict { .. } | Error::NotFound(_)) => Ok(self.lost(holder)),
            Err(error) => Err(error),
        }
    }

    /// Gives the Lease up, so that nobody waits for it to expire.
    ///
    /// # Errors
    /// When the server cannot be asked. It expires then.
    pub async fn release(&mut self, cluster: &dyn Cluster, now: Moment) -> Result<(), Error> {
        if self.term.take().is_none() {
            return Ok(());
        }
        let lease = cluster.get(&self.reference).await?;
        if lease.text(&["spec", "holderIdentity"]) != Some(&self.identity) {
            return Ok(());
        }
        let mut spec = self.spec(lease.get(&["spec"]), now);
        // As client-go releases: nobody, for one second.
        spec.insert("holderIdentity".to_owned(), "".into());
        spec.insert("leaseDurationSeconds".to_owned(), 1.into());
        let object = self.object(spec, lease.resource_version())?;
        match cluster.update(&object, &UpdateOptions::by(MANAGER)).await {
            Ok(_) | Err(Error::Conflict { .. } | Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn won(&mut self, lease: &Object, now: Moment) -> Outcome {
        self.seen = lease.get(&["spec"]).map(|spec| (spec.clone(), now.steady));
        let term = Term { wall: now.wall, steady: now.steady, duration: self.duration };
        self.term = Some(term);
        Outcome::Held(term)
    }

    fn lost(&mut self, holder: &str) -> Outcome {
        self.term = None;
        Outcome::HeldBy(holder.to_owned())
    }

    fn spec(&self, before: Option<&Value>, now: Moment) -> Map<String, Value> {
        // MicroTime: always six digits.
        let time = Value::from(format!("{:.6}", now.wall));
        let field = |key: &str| before.and_then(|spec| spec.get(key)).cloned();
        let ours =
            before.is_some_and(|it| it.get("holderIdentity").and_then(Value::as_str) == Some(&self.identity));
        let transitions = field("leaseTransitions").and_then(|it| it.as_u64()).unwrap_or(0);
        let transitions = if ours || before.is_none() { transitions } else { transitions + 1 };
        let acquired = field("acquireTime").filter(|_| ours).unwrap_or_else(|| time.clone());
        let spec = json!({
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self.duration.as_secs().max(1),
            "acquireTime": acquired,
            "renewTime": time,
            "leaseTransitions": transitions,
        });
        spec.as_object().cloned().unwrap_or_default()
    }

    fn object(&self, spec: Map<String, Value>, resource_version: Option<&str>) -> Result<Object, Error> {
        let mut metadata = json!({"name": self.reference.name, "namespace": self.reference.namespace});
        if let (Some(version), Some(fields)) = (resource_version, metadata.as_object_mut()) {
            fields.insert("resourceVersion".to_owned(), version.into());
        }
        let gvk = &self.reference.gvk;
        let lease =
            json!({"apiVersion": gvk.api_version(), "kind": gvk.kind, "metadata": metadata, "spec": spec});
        Object::new(lease, "lease").map_err(|error| Error::Malformed(error.to_string()))
    }
}

/// Who owns the Lease's fields.
const MANAGER: &str = "airlock";
