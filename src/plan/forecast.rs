//! What a bundle would delete, before any of it is applied: the question that decides whether it becomes active.
//!
//! No dry-run is needed for it, so it can be asked while what the bundle brings along, definitions and namespaces,
//! is not there yet. Recreations show only when they are tried; each entry's own plan counts them.

use std::collections::BTreeSet;

use super::{
    DeletionCause, DeletionList, Guard, Observed, Question, Refusal, contents,
    prune::{Terms, prune},
    stale, vanished,
};
use crate::{
    digest::Digest,
    object::{Object, ObjectId},
    render::Rendered,
};

/// What must be observed before [`forecast`] can be asked; ask until nothing is left, as with [`super::questions`].
pub fn questions_of_forecast(rendered: &Rendered, observed: &Observed) -> Vec<Question<'static>> {
    let questions = stale(observed, &desired(rendered)).into_iter().filter_map(|entry| {
        match observed.objects.contains_key(&entry.id) {
            true => contents(&entry.id, observed),
            false => Some(Question::Live(entry.id.clone(), entry.gvk())),
        }
    });
    questions.collect()
}

/// What one entry would delete, and what speaks against it beside the budget.
pub fn forecast(rendered: &Rendered, observed: &Observed, guard: &Guard) -> (DeletionList, Vec<Refusal>) {
    let stale = stale(observed, &desired(rendered));
    let (owner, prunes) = (rendered.owner(), rendered.spec().prune);
    let terms = Terms { owner, observed, guard, prune: prunes, why: DeletionCause::Pruned };
    let pruning = prune(stale.into_iter(), |entry| vanished(rendered, observed, entry), &terms);
    (pruning.list, pruning.refusals)
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

fn desired(rendered: &Rendered) -> BTreeSet<ObjectId> {
    rendered.objects().iter().map(Object::id).collect()
}
