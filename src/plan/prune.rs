//! What becomes of objects that an inventory holds and a render does not.

use super::{
    DeletionCause, DeletionList, Guard, InventoryEntry, Observed, Refusal,
    step::{Delete, Propagation, Step},
};
use crate::{
    object::{ObjectId, optout},
    render::Owner,
};

/// An object that left the render and stays in the cluster, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The object.
    pub id: ObjectId,
    /// Why.
    pub why: KeptBecause,
}

/// Why an object stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptBecause {
    /// It vanished from the render while bundle and generation are the same: nothing says that it should go. It stays
    /// in the inventory.
    Unchanged,
    /// The cluster does not serve its kind, though it may be defined, so nobody knows whether it is there. It stays in the inventory.
    NotServed,
    /// The entry does not prune.
    NoPrune,
    /// It wants to stay: `prune: disabled`, `reconcile: disabled`, `ssa: Ignore`.
    OptOut(optout::Keep),
    /// It carries the labels of another entry, or of none.
    NotOurs,
    /// Another entry of the bundle has it now.
    HandedOver,
}

impl KeptBecause {
    /// Whether the inventory keeps it as well.
    pub fn inventoried(self) -> bool {
        matches!(self, Self::Unchanged | Self::NotServed)
    }
}

/// What is pruned.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    pub(super) steps: Vec<Step>,
    pub(super) list: DeletionList,
    pub(super) kept: Vec<Kept>,
    /// What the inventory goes on to hold.
    pub(super) remaining: Vec<InventoryEntry>,
    pub(super) refusals: Vec<Refusal>,
}

/// What holds for a whole pruning.
pub(super) struct Terms<'a> {
    pub(super) owner: &'a Owner,
    pub(super) observed: &'a Observed,
    pub(super) guard: &'a Guard,
    /// Whether the entry prunes.
    pub(super) prune: bool,
    pub(super) why: DeletionCause,
}

/// Decides about stale objects, which come in the order of apply; deletions are in the opposite order. `vanished` says
/// whether one of them left the render although nothing changed that could have meant it.
pub(super) fn prune<'a>(
    stale: impl DoubleEndedIterator<Item = &'a InventoryEntry>,
    vanished: impl Fn(&InventoryEntry) -> bool,
    terms: &Terms<'_>,
) -> Pruning {
    let Terms { owner, observed, guard, .. } = *terms;
    let mut out = Pruning::default();
    for entry in stale.rev() {
        let id = &entry.id;
        let keep = |out: &mut Pruning, why: KeptBecause| {
            out.kept.push(Kept { id: id.clone(), why });
            if why.inventoried() {
                out.remaining.push(entry.clone());
            }
        };
        if !terms.prune {
            keep(&mut out, KeptBecause::NoPrune);
            continue;
        }
        if observed.claims.contains(id) {
            keep(&mut out, KeptBecause::HandedOver);
            continue;
        }
        if vanished(entry) {
            keep(&mut out, KeptBecause::Unchanged);
            continue;
        }
        let Some(live) = observed.objects.get(id) else {
            out.refusals.push(Refusal::Unobserved(id.clone()));
            continue;
        };
        let Some(object) = &live.object else {
            if matches!(live.dry_run, super::DryRun::NotServed) {
                keep(&mut out, KeptBecause::NotServed);
            }
            continue;
        };
        if !owner.owns(object) {
            keep(&mut out, KeptBecause::NotOurs);
        } else if let Some(why) = optout::for_delete(object) {
            keep(&mut out, KeptBecause::OptOut(why));
        } else if object.deleted().is_none() {
            // What is on its way already needs no second word.
            let (deletion, refusals) = guard.deletion(object, terms.why, owner, observed);
            let uid = deletion.uid.clone();
            out.list.deletions.push(deletion);
            out.refusals.extend(refusals);
            // As it was found: the version in which it was applied may not be served any more.
            let (gvk, propagation) = (object.gvk().clone(), Propagation::Background);
            let before = object.clone();
            out.steps.push(Step::Delete(Box::new(Delete { id: id.clone(), gvk, uid, propagation, before })));
        }
    }
    out.remaining.reverse();
    out.kept.reverse();
    out
}
