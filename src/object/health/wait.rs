//! When a wait for several objects is over, and what it says then.

use super::{Health, Status};
use crate::object::{Object, ObjectId};

/// Where a wait stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All are current.
    Ready,
    /// Some are on their way.
    Waiting,
    /// It is over; the message is Flux's.
    Failed(String),
}

/// Judges a set of objects (fluxcd/pkg/ssa `WaitForSetWithContext`). It is over when all are current; when only
/// current and failed ones are left; with `fail_fast` when one has failed; and when the time is over. `gone_is_done`
/// says of an object that is not found whether it was a Job that its time to live took away after its end.
pub fn verdict(
    set: &[(ObjectId, Health)],
    gone_is_done: impl Fn(&ObjectId) -> bool,
    fail_fast: bool,
    timed_out: bool,
) -> Verdict {
    let status = |(id, health): &(ObjectId, Health)| match health.status {
        Status::NotFound if gone_is_done(id) => Status::Current,
        status => status,
    };
    let all = |wanted: &[Status]| set.iter().all(|entry| wanted.contains(&status(entry)));
    if all(&[Status::Current]) {
        return Verdict::Ready;
    }
    let failed = set.iter().any(|entry| status(entry) == Status::Failed);
    let over = timed_out || (fail_fast && failed) || all(&[Status::Current, Status::Failed]);
    if !over {
        return Verdict::Waiting;
    }
    let blamed = set.iter().filter(|entry| match status(entry) {
        Status::Failed => true,
        Status::Current => false,
        _ => timed_out,
    });
    let lines: Vec<String> = blamed.map(|(id, health)| line(id, health)).collect();
    let why = if timed_out { "timeout waiting for" } else { "failed early due to stalled resources" };
    Verdict::Failed(format!("{why}: [{}]", lines.join(", ")))
}

/// `Kind/namespace/name status: 'InProgress'`, with the error where the status is unknown.
fn line(id: &ObjectId, Health { status, message }: &Health) -> String {
    let line = format!("{id} status: '{status}'");
    if *status == Status::Unknown && !message.is_empty() { format!("{line}: {message}") } else { line }
}

/// Whether it is a Job that vanishes by itself once it is done: of such a one "not found" means done.
pub fn is_job_with_ttl(object: &Object) -> bool {
    object.gvk().is("batch", "Job")
        && object.get(&["spec", "ttlSecondsAfterFinished"]).is_some_and(serde_json::Value::is_i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(statuses: &[Status], fail_fast: bool, timed_out: bool, expect: &str) {
        let set: Vec<(ObjectId, Health)> = statuses
            .iter()
            .enumerate()
            .map(|(at, status)| {
                let id = format!("ns_o{at}__Pod").parse().unwrap();
                (id, Health::new(*status, if *status == Status::Unknown { "why" } else { "" }))
            })
            .collect();
        let gone = |id: &ObjectId| id.name == "o1";
        let text = match verdict(&set, gone, fail_fast, timed_out) {
            Verdict::Ready => "ready".to_owned(),
            Verdict::Waiting => "waiting".to_owned(),
            Verdict::Failed(message) => message,
        };
        assert_eq!(text, expect);
    }

    #[test]
    fn when_a_wait_is_over() {
        use Status::{Current, Failed, InProgress, NotFound, Terminating, Unknown};
        check(&[], false, false, "ready");
        check(&[Current, Current], false, true, "ready");
        check(&[Current, NotFound], false, false, "ready");
        check(&[NotFound, Current], false, false, "waiting");
        check(&[Current, InProgress], false, false, "waiting");
        check(&[Failed, InProgress], false, false, "waiting");
        check(
            &[Failed, InProgress],
            true,
            false,
            "failed early due to stalled resources: [Pod/ns/o0 status: 'Failed']",
        );
        check(
            &[Failed, Current],
            false,
            false,
            "failed early due to stalled resources: [Pod/ns/o0 status: 'Failed']",
        );
        check(
            &[NotFound, NotFound, InProgress, Unknown, Terminating, Current],
            false,
            true,
            "timeout waiting for: [Pod/ns/o0 status: 'NotFound', Pod/ns/o2 status: 'InProgress', Pod/ns/o3 status: 'Unknown': why, Pod/ns/o4 status: 'Terminating']",
        );
    }
}
