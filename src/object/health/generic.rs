//! What holds for every kind.

use super::{
    Health, Status,
    fields::{Fields, Odd},
};

/// Deletion, generation and the two standard conditions (kstatus `checkGenericProperties`). Nothing, where they leave
/// it to the kind.
pub(super) fn common(fields: &Fields<'_>) -> Result<Option<Health>, Odd> {
    let deletion = fields.strict_text(&["metadata", "deletionTimestamp"]);
    let deletion = deletion.map_err(|odd| looking_up("metadata.deletionTimestamp", odd))?;
    if deletion.is_some_and(|text| !text.is_empty()) {
        return Ok(Some(Health::new(Status::Terminating, "Resource scheduled for deletion")));
    }
    if let (Some(generation), Some(observed)) = generations(fields)?
        && observed != generation
    {
        let kind = fields.0.kind();
        let message =
            format!("{kind} generation is {generation}, but latest observed generation is {observed}");
        return Ok(Some(Health::new(Status::InProgress, message)));
    }
    let conditions = fields.conditions()?;
    let standard = conditions.iter().filter(|condition| condition.status == "True");
    Ok(standard
        .filter_map(|condition| match condition.kind {
            "Reconciling" => Some(Health::new(Status::InProgress, condition.message)),
            "Stalled" => Some(Health::new(Status::Failed, condition.message)),
            _ => None,
        })
        .next())
}

/// `metadata.generation` and, only where that is there, `status.observedGeneration`.
pub(super) fn generations(fields: &Fields<'_>) -> Result<(Option<i64>, Option<i64>), Odd> {
    let generation = fields.strict_int(&["metadata", "generation"]);
    let generation = generation.map_err(|odd| looking_up("metadata.generation", odd))?;
    if generation.is_none() {
        return Ok((None, None));
    }
    let observed = fields.strict_int(&["status", "observedGeneration"]);
    let observed = observed.map_err(|odd| looking_up("status.observedGeneration", odd))?;
    Ok((generation, observed))
}

fn looking_up(field: &str, Odd(text): Odd) -> Odd {
    Odd(format!("looking up {field} from resource: {text}"))
}

/// The condition `Ready` of a kind without a rule (kstatus `checkReadyCondition`); without one it is current.
pub(super) fn ready(fields: &Fields<'_>) -> Result<Health, Odd> {
    let conditions = fields.conditions()?;
    let verdict =
        conditions.iter().filter(|condition| condition.kind == "Ready").find_map(|condition| match condition
            .status
        {
            "True" => Some(Health::new(Status::Current, "Resource is Ready")),
            "False" | "Unknown" => Some(Health::new(Status::InProgress, condition.message)),
            _ => None,
        });
    Ok(verdict.unwrap_or_else(|| Health::new(Status::Current, "Resource is current")))
}
