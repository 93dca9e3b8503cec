//! Pods, and what they mean for whoever made them.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    Health, Status,
    fields::{Fields, Odd},
    kstatus,
};
use crate::object::Object;

/// How long a pod may be unschedulable before it counts as failed: an autoscaler may be at work (kstatus
/// `ScheduleWindow`).
const SCHEDULE_WINDOW: SignedDuration = SignedDuration::from_secs(15);

/// kstatus `podConditions`. A pod that has ended, well or not, is as its owner wanted it.
pub(super) fn pod(fields: &Fields<'_>, now: Timestamp) -> Result<Health, Odd> {
    let conditions = fields.conditions()?;
    Ok(match fields.text(&["status", "phase"], "") {
        "Succeeded" => Health::new(Status::Current, "Pod has completed successfully"),
        "Failed" => Health::new(Status::Current, "Pod has completed, but not successfully"),
        "Running" => {
            if conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True") {
                return Ok(Health::new(Status::Current, "Pod is Ready"));
            }
            match crash_looping(fields)?.as_slice() {
                [] => Health::new(Status::InProgress, "Pod is running but is not Ready"),
                names => {
                    let message = format!("Containers in CrashLoop state: {}", names.join(","));
                    Health::new(Status::Failed, message)
                }
            }
        }
        "Pending" => {
            // Only the first such condition counts here.
            let unscheduled = conditions
                .iter()
                .find(|condition| condition.kind == "PodScheduled" && condition.status == "False")
                .is_some_and(|condition| condition.reason == "Unschedulable");
            let waited =
                fields.0.created().is_none_or(|created| now.duration_since(created) >= SCHEDULE_WINDOW);
            match (unscheduled, waited) {
                (false, _) => Health::new(Status::InProgress, "Pod is in the Pending phase"),
                (true, false) => Health::new(Status::InProgress, "Pod has not been scheduled"),
                (true, true) => Health::new(Status::Failed, "Pod could not be scheduled"),
            }
        }
        "" => Health::new(Status::InProgress, "Pod phase not available"),
        phase => return Err(Odd(format!("unknown phase {phase}"))),
    })
}

/// The names of the containers that crash again and again. Init containers do not count.
fn crash_looping<'a>(fields: &Fields<'a>) -> Result<Vec<&'a str>, Odd> {
    let containers = fields.list(&["status", "containerStatuses"])?;
    let name = |container: &'a Value| {
        let reason = container.get("state")?.get("waiting")?.get("reason")?.as_str()?;
        (reason == "CrashLoopBackOff").then(|| container.get("name")?.as_str())?
    };
    Ok(containers.into_iter().flatten().filter_map(name).collect())
}

/// The poller's rule for a parent in progress: pods that have failed for good fail it (`podControllerStatusReader`).
/// Pods that go away, and pods that wait for a node, do not.
pub(super) fn behind(own: Health, pods: &[Object], now: Timestamp) -> Health {
    if own.status != Status::InProgress {
        return own;
    }
    let failed = pods.iter().filter(|pod| kstatus(pod, now).status == Status::Failed);
    let failed = failed.filter(|pod| pod.deleted().is_none() && !unschedulable(pod)).count();
    if failed == 0 { own } else { Health::new(Status::Failed, format!("{failed} pods have failed")) }
}

/// Unlike above, any such condition counts, for however long.
fn unschedulable(pod: &Object) -> bool {
    pod.gvk().is("", "Pod")
        && Fields(pod).conditions().unwrap_or_default().iter().any(|condition| {
            condition.kind == "PodScheduled"
                && condition.status == "False"
                && condition.reason == "Unschedulable"
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The original reads the clock, so the oracle cannot stand at the edge of the window.
    #[track_caller]
    fn check(now: &str, expect: Status) {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "status": {"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"},
            ]},
        });
        assert_eq!(kstatus(&Object::new(pod, "test").unwrap(), now.parse().unwrap()).status, expect);
    }

    #[test]
    fn the_edge_of_the_schedule_window() {
        check("2025-12-31T23:59:59Z", Status::InProgress);
        check("2026-01-01T00:00:14.999Z", Status::InProgress);
        check("2026-01-01T00:00:15Z", Status::Failed);
    }
}
