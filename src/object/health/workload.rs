//! Deployments, StatefulSets, DaemonSets and ReplicaSets: what was wanted, and how many are there.

use super::{
    Health, Status,
    fields::{Fields, Odd},
    generic,
};

/// The first count that has not reached its goal, with the original's words for it.
fn behind(checks: &[(&str, i64, i64)]) -> Option<Health> {
    let late = checks.iter().find(|(_, reached, goal)| goal > reached)?;
    Some(Health::new(Status::InProgress, format!("{}: {}/{}", late.0, late.1, late.2)))
}

fn surplus(have: i64, wanted: i64) -> Option<Health> {
    // The numbers are a stranger's, so the difference may not fit.
    let message = || format!("Pending termination: {}", have.wrapping_sub(wanted));
    (have > wanted).then(|| Health::new(Status::InProgress, message()))
}

/// kstatus `deploymentConditions`.
pub(super) fn deployment(fields: &Fields<'_>) -> Result<Health, Odd> {
    // Without a deadline the controller sets no `Progressing`; i32::MAX means the same to it.
    let deadline = fields.int(&["spec", "progressDeadlineSeconds"], i64::from(i32::MAX));
    let mut progressing = deadline == i64::from(i32::MAX);
    let mut available = false;
    for condition in fields.conditions()? {
        match condition.kind {
            "Progressing" if condition.reason == "ProgressDeadlineExceeded" => {
                return Ok(Health::new(Status::Failed, "Progress deadline exceeded"));
            }
            "Progressing" if condition.status == "True" && condition.reason == "NewReplicaSetAvailable" => {
                progressing = true;
            }
            "Available" if condition.status == "True" => available = true,
            _ => (),
        }
    }
    let wanted = fields.int(&["spec", "replicas"], 1);
    let count = |name| fields.int(&["status", name], 0);
    let (replicas, updated) = (count("replicas"), count("updatedReplicas"));
    let late = behind(&[("Replicas", replicas, wanted), ("Updated", updated, wanted)])
        .or_else(|| surplus(replicas, wanted))
        .or_else(|| {
            let (available, ready) = (count("availableReplicas"), count("readyReplicas"));
            behind(&[("Available", available, updated), ("Ready", ready, wanted)])
        });
    Ok(late.unwrap_or_else(|| {
        if !progressing {
            Health::new(Status::InProgress, "ReplicaSet not Available")
        } else if !available {
            Health::new(Status::InProgress, "Deployment not Available")
        } else {
            Health::new(Status::Current, format!("Deployment is available. Replicas: {replicas}"))
        }
    }))
}

/// kstatus `replicasetConditions`. A failure to make pods is still called in progress: a quota may be raised.
pub(super) fn replica_set(fields: &Fields<'_>) -> Result<Health, Odd> {
    let conditions = fields.conditions()?;
    if conditions.iter().any(|condition| condition.kind == "ReplicaFailure" && condition.status == "True") {
        return Ok(Health::new(Status::InProgress, "Replica Failure condition. Check Pods"));
    }
    let wanted = fields.int(&["spec", "replicas"], 1);
    let count = |name| fields.int(&["status", name], 0);
    let replicas = count("replicas");
    let late = behind(&[
        ("Labelled", count("fullyLabeledReplicas"), wanted),
        ("Available", count("availableReplicas"), wanted),
        ("Ready", count("readyReplicas"), wanted),
    ])
    .or_else(|| surplus(replicas, wanted));
    let well = || Health::new(Status::Current, format!("ReplicaSet is available. Replicas: {replicas}"));
    Ok(late.unwrap_or_else(well))
}

/// kstatus `stsConditions`. The controller sets no condition, so a failure cannot be told.
pub(super) fn stateful_set(fields: &Fields<'_>) -> Health {
    if fields.text(&["spec", "updateStrategy", "type"], "") == "OnDelete" {
        return Health::new(Status::Current, "StatefulSet is using the ondelete update strategy");
    }
    let wanted = fields.int(&["spec", "replicas"], 1);
    let count = |name| fields.int(&["status", name], 0);
    let replicas = count("replicas");
    let late = behind(&[("Replicas", replicas, wanted), ("Ready", count("readyReplicas"), wanted)])
        .or_else(|| surplus(replicas, wanted));
    if let Some(late) = late {
        return late;
    }
    let partition = fields.int(&["spec", "updateStrategy", "rollingUpdate", "partition"], -1);
    if partition != -1 {
        let updated = count("updatedReplicas");
        let well = || Health::new(Status::Current, format!("Partition rollout complete. updated: {updated}"));
        return behind(&[("updated", updated, wanted.wrapping_sub(partition))]).unwrap_or_else(well);
    }
    if let Some(late) = behind(&[("current", count("currentReplicas"), wanted)]) {
        return late;
    }
    let revision = |name| fields.text(&["status", name], "");
    if revision("currentRevision") != revision("updateRevision") {
        return Health::new(Status::InProgress, "Waiting for updated revision to match current");
    }
    scheduled(replicas)
}

/// kstatus `daemonsetConditions`. Elsewhere a missing generation is let pass; a DaemonSet without one has not been seen
/// by its controller.
pub(super) fn daemon_set(fields: &Fields<'_>) -> Result<Health, Odd> {
    let missing = match generic::generations(fields)? {
        (None, _) => Some("metadata.generation"),
        (_, None) => Some("status.observedGeneration"),
        _ => None,
    };
    if let Some(field) = missing {
        return Ok(Health::new(Status::InProgress, format!("{} {field} not found", fields.0.kind())));
    }
    let count = |name| fields.int(&["status", name], 0);
    let wanted = fields.int(&["status", "desiredNumberScheduled"], -1);
    if wanted == -1 {
        return Ok(Health::new(Status::InProgress, "Missing .status.desiredNumberScheduled"));
    }
    let late = behind(&[
        ("Current", count("currentNumberScheduled"), wanted),
        ("Updated", count("updatedNumberScheduled"), wanted),
        ("Available", count("numberAvailable"), wanted),
        ("Ready", count("numberReady"), wanted),
    ]);
    Ok(late.unwrap_or_else(|| scheduled(wanted)))
}

fn scheduled(replicas: i64) -> Health {
    Health::new(Status::Current, format!("All replicas scheduled as expected. Replicas: {replicas}"))
}
