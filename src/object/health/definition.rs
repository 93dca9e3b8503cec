//! CustomResourceDefinitions.

use super::{
    Health, Status,
    fields::{Fields, Odd},
};

/// kstatus `crdConditions`: the first condition that decides does.
pub(super) fn definition(fields: &Fields<'_>) -> Result<Health, Odd> {
    let conditions = fields.conditions()?;
    let verdict = conditions.iter().find_map(|condition| match (condition.kind, condition.status) {
        ("NamesAccepted", "False") => Some(Health::new(Status::Failed, condition.message)),
        ("Established", "False") if condition.reason != "Installing" => {
            Some(Health::new(Status::Failed, condition.message))
        }
        ("Established", "True") => Some(Health::new(Status::Current, "CRD is established")),
        _ => None,
    });
    Ok(verdict.unwrap_or_else(|| Health::new(Status::InProgress, "Install in progress")))
}
