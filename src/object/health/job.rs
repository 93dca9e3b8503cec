//! Jobs: kstatus is content with one that runs, Flux waits for its end.

use serde_json::Value;

use super::{
    Health, Status,
    fields::{Fields, Odd},
};

/// kstatus `jobConditions`: a Job that has started is current, since it may run for ever.
pub(super) fn plain(fields: &Fields<'_>) -> Result<Health, Odd> {
    if let Some(health) = finished(fields)? {
        return Ok(health);
    }
    Ok(if fields.text(&["status", "startTime"], "").is_empty() {
        Health::new(Status::InProgress, "Job not started")
    } else {
        Health::new(Status::Current, running(fields))
    })
}

/// Flux's rule (fluxcd/pkg/runtime `statusreaders`): a suspended Job is current, a running one in progress. It stands
/// alone: deletion, generation and standard conditions are not looked at.
pub(super) fn flux(fields: &Fields<'_>) -> Result<Health, Odd> {
    if fields.0.get(&["spec", "suspend"]).and_then(Value::as_bool).unwrap_or(false) {
        return Ok(Health::new(Status::Current, "Job is suspended"));
    }
    if let Some(health) = finished(fields)? {
        return Ok(health);
    }
    Ok(if fields.text(&["status", "startTime"], "").is_empty() {
        let parallelism = fields.int(&["spec", "parallelism"], 1);
        Health::new(Status::InProgress, format!("Job not started. active: 0/{parallelism}"))
    } else {
        Health::new(Status::InProgress, running(fields))
    })
}

fn finished(fields: &Fields<'_>) -> Result<Option<Health>, Odd> {
    let completions = fields.int(&["spec", "completions"], fields.int(&["spec", "parallelism"], 1));
    let count = |name| fields.int(&["status", name], 0);
    let end = fields.conditions()?.into_iter().filter(|condition| condition.status == "True").find_map(
        |condition| match condition.kind {
            "Complete" => {
                let message = format!("Job Completed. succeeded: {}/{completions}", count("succeeded"));
                Some(Health::new(Status::Current, message))
            }
            "Failed" => {
                let message = format!("Job Failed. failed: {}/{completions}", count("failed"));
                Some(Health::new(Status::Failed, message))
            }
            _ => None,
        },
    );
    Ok(end)
}

fn running(fields: &Fields<'_>) -> String {
    let count = |name| fields.int(&["status", name], 0);
    let (succeeded, active, failed) = (count("succeeded"), count("active"), count("failed"));
    format!("Job in progress. success:{succeeded}, active: {active}, failed: {failed}")
}
