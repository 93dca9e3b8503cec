//! From what should be and what is to what is done.
//!
//! [`plan`] is a pure function: [`Rendered`] and [`Observed`] in, a [`Plan`] of complete [`Step`]s out, or all the
//! reasons why nothing is done. Whoever executes a plan chooses nothing, and `airlock diff` prints the same plan.
//!
//! ```text
//! Record   what was kept and what is about to be     before the first write, so that nothing is forgotten
//! Apply    stage 1, Wait, stage 2, Wait, stage 3, stage 4          Recreate where an immutable field changes
//! Replan   where a stage could not be tried before the one ahead of it was there; the plan ends
//! Delete   what left the render, in reverse order, behind the Guard
//! Record   what is kept
//! Wait     until all is well
//! ```
//!
//! A plan that finds nothing to do has no steps: a cluster that has converged costs no writes. Stages, order, opt-outs,
//! error texts and inventory are Flux's; that all errors of a stage are told at once, that the inventory is written
//! first, and the guard are ours.

mod clean_up;
pub mod diff;
mod drift;
mod forecast;
mod guard;
mod inventory;
mod mask;
mod observed;
mod owners;
#[cfg(test)]
mod oracle;
mod prune;
mod refusal;
mod stages;
mod step;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub use forecast::{deletions, deletions_of_retired, forecast, questions_of_forecast};
pub use guard::{Approval, Budget, Deletion, DeletionCause, DeletionList, Guard, PRUNE_ANNOTATION};
pub use inventory::{Entry as InventoryEntry, Inventory, InventoryError, NAMESPACE};
pub use mask::scrub;
pub use observed::{ApiError, DryRun, Live, Observed, Question};
pub use owners::Owners;
pub use prune::{Kept, KeptBecause};
pub use refusal::{Refusal, Refused};
pub use step::{
    Apply, Awaited, Deferred, Delete, FIELD_MANAGER, Propagation, Purpose, Recreate, Step, Verb, Wait, Why,
    Writer,
};

use crate::{
    content::Content,
    digest::Digest,
    object::{
        GroupKind, Gvk, Object, ObjectId,
        health::Status,
        optout::Skip,
        order::{self, Key},
    },
    render::{Owner, Rendered},
};
use prune::{Pruning, Terms, prune};

/// What is done for one entry, in order.
///
/// Only [`plan`] and [`retire`] make one.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    owner: Owner,
    writer: Writer,
    steps: Vec<Step>,
    unchanged: Vec<ObjectId>,
    skipped: Vec<(ObjectId, Skip)>,
    contested: Vec<ObjectId>,
    kept: Vec<Kept>,
    deletions: DeletionList,
    approved: Option<Digest>,
}

impl Plan {
    /// The entry.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// As whom objects are written. The inventory is always written by the agent itself.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// What is done, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Objects that are as they should be.
    pub fn unchanged(&self) -> &[ObjectId] {
        &self.unchanged
    }

    /// Objects that want to be left alone.
    pub fn skipped(&self) -> &[(ObjectId, Skip)] {
        &self.skipped
    }

    /// Objects that are not as they should be and are left so, since somebody else changes them back.
    pub fn contested(&self) -> &[ObjectId] {
        &self.contested
    }

    /// Objects that left the render and stay.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// What is deleted, recreations included, and what goes along.
    pub fn deletions(&self) -> &DeletionList {
        &self.deletions
    }

    /// The operator's word that this plan uses up: the digest of the deletion list.
    pub fn approved(&self) -> Option<Digest> {
        self.approved
    }
}

/// Plans one entry. `custom` are the kinds of the third stage, which the node's configuration names.
///
/// # Errors
/// All the reasons why nothing may be done: objects that the server refuses, that another entry holds, deletions that
/// need the operator's word.
pub fn plan(
    rendered: &Rendered,
    observed: &Observed,
    guard: &Guard,
    custom: &BTreeSet<GroupKind>,
) -> Result<Plan, Refused> {
    let (owner, spec) = (rendered.owner(), rendered.spec());
    let applying = stages::apply(rendered, observed, guard, custom);
    let mut refusals = applying.refusals;
    refusals.extend(uninstallable(rendered));
    let pruning = pruning(rendered, observed, guard);
    let Pruning { steps: deletes, list, kept, remaining, refusals: more } = pruning;
    refusals.extend(more);
    let mut deletions = applying.recreated;
    deletions.extend(&list);
    let verdict = guard.judge(&deletions);
    refusals.extend(verdict.refusals);

    let held = rendered.objects().iter().filter(|object| !applying.foreign.contains(&object.id()));
    let entries: Vec<InventoryEntry> = held.map(InventoryEntry::of).collect();
    let last = Inventory {
        owner: owner.clone(),
        bundle: Some(rendered.origin().bundle),
        generation: rendered.origin().generation,
        prune: spec.prune,
        entries: in_order(entries.iter().cloned().chain(remaining)),
        attempted: Vec::new(),
    };
    let first = union(observed.inventory.as_ref(), &last, entries);
    let mut steps = Vec::new();
    let writes = applying.steps.iter().any(|step| matches!(step, Step::Apply(_) | Step::Recreate(_)));
    if writes && observed.inventory.as_ref() != Some(&first) {
        steps.push(Step::Record(Box::new(first)));
    }
    steps.extend(applying.steps);
    if !applying.again {
        steps.extend(deletes);
        if !recorded(rendered, observed.inventory.as_ref(), &last) {
            steps.push(Step::Record(Box::new(last)));
        }
        let changed: BTreeSet<ObjectId> = steps.iter().filter_map(written).collect();
        let skipped = applying.skipped.iter().map(|(id, _)| id).chain(&applying.contested);
        let skipped: BTreeSet<&ObjectId> = skipped.collect();
        steps.extend(health(rendered, observed, &changed, &skipped));
    }
    // An inventory that cannot be written is better known before the first write than after it.
    let too_large = steps.iter().find_map(|step| match step {
        Step::Record(inventory) => inventory.encode().err(),
        _ => None,
    });
    refusals.extend(too_large.map(Refusal::Inventory));
    if !refusals.is_empty() {
        return Err(Refused { refusals, steps });
    }
    Ok(Plan {
        owner: owner.clone(),
        writer: Writer { manager: FIELD_MANAGER, service_account: spec.service_account.clone() },
        steps,
        unchanged: applying.unchanged,
        skipped: applying.skipped,
        contested: applying.contested,
        kept,
        deletions,
        approved: verdict.used,
    })
}

/// Plans the end of an entry that is not part of the bundle any more: everything that its inventory holds goes, where
/// the entry pruned. `content` is the newer word that says so.
///
/// # Errors
/// When the bundle has the entry, and whatever the guard has against it.
pub fn retire(content: &Content, observed: &Observed, guard: &Guard) -> Result<Option<Plan>, Refused> {
    let Some(inventory) = &observed.inventory else { return Ok(None) };
    let owner = &inventory.owner;
    let refused = |refusal| Refused { refusals: vec![refusal], steps: Vec::new() };
    let same_channel = content.root().statement.channel == owner.channel;
    if !same_channel || content.release().entries.iter().any(|entry| entry.name == owner.entry) {
        return Err(refused(Refusal::NotRetired(owner.clone())));
    }
    let Pruning { steps: deletes, list, kept, remaining, mut refusals } =
        retiring(inventory, observed, guard);
    let verdict = guard.judge(&list);
    refusals.extend(verdict.refusals);
    let mut steps = deletes;
    if remaining.is_empty() {
        steps.push(Step::Forget(owner.clone()));
    } else {
        let last = Inventory { entries: remaining, attempted: Vec::new(), ..inventory.clone() };
        if last != *inventory {
            steps.push(Step::Record(Box::new(last)));
        }
    }
    if !refusals.is_empty() {
        return Err(Refused { refusals, steps });
    }
    Ok(Some(Plan {
        owner: owner.clone(),
        writer: Writer { manager: FIELD_MANAGER, service_account: None },
        steps,
        unchanged: Vec::new(),
        skipped: Vec::new(),
        contested: Vec::new(),
        kept,
        deletions: list,
        approved: verdict.used,
    }))
}

/// What a plan of objects cannot carry out.
fn uninstallable(rendered: &Rendered) -> Option<Refusal> {
    let is_release =
        rendered.release().is_some() || !rendered.hooks().is_empty() || !rendered.definitions().is_empty();
    is_release.then(|| Refusal::Release(rendered.owner().clone()))
}

fn pruning(rendered: &Rendered, observed: &Observed, guard: &Guard) -> Pruning {
    let (owner, prunes) = (rendered.owner(), rendered.spec().prune);
    let desired: BTreeSet<ObjectId> = rendered.objects().iter().map(Object::id).collect();
    let terms = Terms { owner, observed, guard, prune: prunes, why: DeletionCause::Pruned };
    prune(stale(observed, &desired).into_iter(), |entry| vanished(rendered, observed, entry), &terms)
}

fn retiring(inventory: &Inventory, observed: &Observed, guard: &Guard) -> Pruning {
    let stale = in_order(inventory.all().cloned());
    let (owner, prunes) = (&inventory.owner, inventory.prune);
    let terms = Terms { owner, observed, guard, prune: prunes, why: DeletionCause::Retired };
    prune(stale.iter(), |_| false, &terms)
}

/// What must be observed before [`plan`] can be asked. Answer, add to `observed`, and ask again until nothing is left:
/// what goes along with a deletion is known only once the deletion is.
pub fn questions<'a>(rendered: &'a Rendered, observed: &Observed) -> Vec<Question<'a>> {
    let known = |id: &ObjectId| observed.objects.contains_key(id);
    let objects = rendered.objects().iter();
    let mut questions: Vec<Question<'a>> =
        objects.clone().filter(|it| !known(&it.id())).map(Question::DryRun).collect();
    let ids: BTreeSet<ObjectId> = objects.clone().map(Object::id).collect();
    questions.extend(about_stale(rendered, observed, &ids));
    for (id, gvk) in health_checks(rendered) {
        if !known(&id) && !ids.contains(&id) {
            questions.push(Question::Live(id, gvk));
        }
    }
    for object in objects {
        let id = object.id();
        let refused = |live: &Live| matches!(&live.dry_run, DryRun::Refused(why) if drift::is_immutable(why));
        if observed.objects.get(&id).is_some_and(refused) && is_forced(rendered, object, observed) {
            questions.extend(contents(&id, observed));
        }
    }
    questions
}

/// What must be observed before [`retire`] can be asked; see [`questions`].
pub fn questions_of_retired(observed: &Observed) -> Vec<Question<'static>> {
    let entries = observed.inventory.iter().filter(|it| it.prune).flat_map(Inventory::all);
    entries.filter_map(|entry| about(entry, observed)).collect()
}

/// What must be known of objects that left the render, where it depends on that whether they are deleted.
fn about_stale(rendered: &Rendered, observed: &Observed, ids: &BTreeSet<ObjectId>) -> Vec<Question<'static>> {
    if !rendered.spec().prune {
        return Vec::new();
    }
    let stale = stale(observed, ids).into_iter().filter(|entry| !vanished(rendered, observed, entry));
    stale.filter_map(|entry| about(entry, observed)).collect()
}

fn about(entry: &InventoryEntry, observed: &Observed) -> Option<Question<'static>> {
    let id = &entry.id;
    match observed.objects.contains_key(id) {
        _ if observed.claims.contains(id) => None,
        true => contents(id, observed),
        false => Some(Question::Live(id.clone(), entry.gvk())),
    }
}

fn is_forced(rendered: &Rendered, object: &Object, observed: &Observed) -> bool {
    let live = observed.objects.get(&object.id()).and_then(|live| live.object.as_ref());
    rendered.spec().force || crate::object::optout::for_apply(object, live).force
}

/// Whether it must be asked what goes along with an object.
fn contents(id: &ObjectId, observed: &Observed) -> Option<Question<'static>> {
    let there = observed.objects.get(id).is_some_and(|live| live.object.is_some());
    let holds = guard::takes_others_along(&id.group_kind);
    (there && holds && !observed.contents.contains_key(id)).then(|| Question::Contents(id.clone()))
}

/// What the inventory holds and the render does not, in the order of apply. The version does not count, so that an
/// object that moves to another version of its API is not deleted.
fn stale<'a>(observed: &'a Observed, desired: &BTreeSet<ObjectId>) -> Vec<&'a InventoryEntry> {
    let held = observed.inventory.iter().flat_map(Inventory::all);
    let mut stale: Vec<&InventoryEntry> = held.filter(|it| !desired.contains(&it.id)).collect();
    stale.sort_by(|a, b| order::compare(&a.id, &b.id));
    stale
}

/// Whether an object left the render although it was applied by the very same bundle and generation. What was only
/// attempted came from another one.
fn vanished(rendered: &Rendered, observed: &Observed, entry: &InventoryEntry) -> bool {
    let origin = rendered.origin();
    observed.inventory.as_ref().is_some_and(|inventory| {
        let same = inventory.bundle == Some(origin.bundle) && inventory.generation == origin.generation;
        same && inventory.entries.iter().any(|it| it.id == entry.id)
    })
}

/// Whether the inventory need not be written. Which bundle it names matters only where the same bundle may render less another
/// time; for any other entry, one that is the same in the next bundle touches nothing at all.
fn recorded(rendered: &Rendered, inventory: Option<&Inventory>, last: &Inventory) -> bool {
    inventory.is_some_and(|inventory| {
        let bundle = if rendered.asked() { last.bundle } else { inventory.bundle };
        *inventory == Inventory { bundle, ..last.clone() }
    })
}

/// What the inventory holds, and what is about to be there.
fn union(before: Option<&Inventory>, last: &Inventory, desired: Vec<InventoryEntry>) -> Inventory {
    let none = Inventory { bundle: None, generation: 0, entries: Vec::new(), ..last.clone() };
    let before = before.cloned().unwrap_or(none);
    let known: BTreeSet<&ObjectId> = before.all().map(|entry| &entry.id).collect();
    let new: Vec<InventoryEntry> = desired.into_iter().filter(|it| !known.contains(&it.id)).collect();
    let attempted = in_order(before.attempted.iter().cloned().chain(new));
    Inventory { attempted, ..before }
}

fn in_order(entries: impl Iterator<Item = InventoryEntry>) -> Vec<InventoryEntry> {
    let entries: BTreeMap<Key, InventoryEntry> =
        entries.map(|entry| (Key(entry.id.clone()), entry)).collect();
    entries.into_values().collect()
}

/// What a step writes.
fn written(step: &Step) -> Option<ObjectId> {
    match step {
        Step::Apply(apply) => Some(apply.object.id()),
        Step::Recreate(recreate) => Some(recreate.object.id()),
        _ => None,
    }
}

/// The wait for the health of the entry: of all objects that were not skipped, or of those that it names. What is
/// well already and was not touched is not waited for.
fn health(
    rendered: &Rendered,
    observed: &Observed,
    changed: &BTreeSet<ObjectId>,
    skipped: &BTreeSet<&ObjectId>,
) -> Option<Step> {
    let spec = rendered.spec();
    let all: Vec<Awaited> = if spec.wait {
        let objects = rendered.objects().iter().filter(|object| !skipped.contains(&object.id()));
        objects.map(Awaited::of).collect()
    } else {
        let awaited = |(id, gvk): (ObjectId, Gvk)| {
            let job = rendered.objects().iter().find(|object| object.id() == id);
            let gone_is_done = job.is_some_and(crate::object::health::is_job_with_ttl);
            Awaited { id, gvk, gone_is_done }
        };
        health_checks(rendered).map(awaited).collect()
    };
    let well = |awaited: &Awaited| match observed.objects.get(&awaited.id).map(|live| live.health.status) {
        Some(Status::Current) => true,
        Some(Status::NotFound) => awaited.gone_is_done,
        _ => false,
    };
    let objects: Vec<Awaited> = all.into_iter().filter(|it| changed.contains(&it.id) || !well(it)).collect();
    if objects.is_empty() {
        return None;
    }
    let timeout = spec.timeout.0.max(MIN_TIMEOUT);
    Some(Step::Wait(Wait { purpose: Purpose::Health, objects, timeout, fail_fast: true }))
}

/// Flux waits no shorter than this, whatever a spec says.
const MIN_TIMEOUT: Duration = Duration::from_secs(30);

fn health_checks(rendered: &Rendered) -> impl Iterator<Item = (ObjectId, Gvk)> {
    let spec = rendered.spec();
    let checks = spec.health_checks.iter().filter(|_| !spec.wait);
    checks.filter_map(|check| {
        let gvk = Gvk::parse(&check.api_version, &check.kind)?;
        let namespace = check.namespace.clone().unwrap_or_default();
        let id = ObjectId { namespace, name: check.name.clone(), group_kind: gvk.group_kind() };
        Some((id, gvk))
    })
}
