//! What a bundle would delete, before any of it is applied: the question that decides whether it becomes active.
//!
//! [`forecast`] needs no dry-run, so it can be asked while what the bundle brings along, definitions and namespaces,
//! is not there yet. Recreations show only when they are tried: [`deletions`] has them, and each entry's own plan
//! counts them.

use std::collections::BTreeSet;

use super::{
    DeletionList, Guard, Observed, Question, Refusal, about_stale, pruning, retiring, stages, uninstallable,
};
use crate::{
    digest::Digest,
    object::{GroupKind, Object},
    render::Rendered,
};

/// What must be observed before [`forecast`] can be asked; ask until nothing is left, as with [`super::questions`].
pub fn questions_of_forecast(rendered: &Rendered, observed: &Observed) -> Vec<Question<'static>> {
    about_stale(rendered, observed, &rendered.objects().iter().map(Object::id).collect())
}

/// What one entry would delete, and what speaks against it beside the budget.
pub fn forecast(rendered: &Rendered, observed: &Observed, guard: &Guard) -> (DeletionList, Vec<Refusal>) {
    let mut pruning = pruning(rendered, observed, guard);
    pruning.refusals.extend(uninstallable(rendered));
    (pruning.list, pruning.refusals)
}

/// What the entry deletes, recreations included, before the guard says anything. The deletions of all entries of a
/// bundle are gathered with this before the first is planned, since the budget is one: see [`Guard::elsewhere`].
pub fn deletions(
    rendered: &Rendered,
    observed: &Observed,
    guard: &Guard,
    custom: &BTreeSet<GroupKind>,
) -> DeletionList {
    let mut list = stages::apply(rendered, observed, guard, custom).recreated;
    list.extend(&pruning(rendered, observed, guard).list);
    list
}

/// The same for an entry that is not part of the bundle any more.
pub fn deletions_of_retired(observed: &Observed, guard: &Guard) -> DeletionList {
    observed.inventory.as_ref().map(|it| retiring(it, observed, guard).list).unwrap_or_default()
}

impl Guard {
    /// Judges what all entries of a bundle would delete together. Gives the operator's word that it took, if any.
    ///
    /// # Errors
    /// When the list is over the budget, or something protected is on it, and nobody agreed to exactly this list.
    pub fn check(&self, all: &DeletionList) -> Result<Option<Digest>, Vec<Refusal>> {
        let verdict = self.judge(all);
        if verdict.refusals.is_empty() { Ok(verdict.used) } else { Err(verdict.refusals) }
    }
}
