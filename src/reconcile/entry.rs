//! One entry: observe, plan, execute, until there is nothing left to do.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Instant,
};

use super::{
    contest::Contests,
    node::{Clock, lock},
};
use crate::{
    cluster::{
        Cluster,
        execute::{Done, End, Executor, execute},
        observe::{Inventories, Observer, Settled},
    },
    digest::Digest,
    fault::{Class, Report},
    name::EntryName,
    object::{Object, ObjectId},
    plan::{self, Approval, DeletionList, Guard, Observed, Owners, Plan, Refused, Step, Verb},
    render::Rendered,
};

/// Rounds of observing and planning. Each applies a stage that the one before could not try; definitions, namespaces
/// and classes need three.
const ROUNDS: usize = 8;

/// One entry at work.
pub(super) struct Entry {
    pub(super) rendered: Arc<Rendered>,
    pub(super) observed: Observed,
    /// What all entries of the bundle render.
    pub(super) claims: Owners,
    pub(super) guard: Guard,
    pub(super) observer: Observer,
    /// What earlier passes found equal.
    pub(super) settled: Settled,
    /// Uses up the operator's word for a list of deletions, durably; gives all that was agreed to.
    pub(super) word: Word,
    /// Whether this node may still write.
    pub(super) still_leader: StillLeader,
    /// What somebody else changes back all the time.
    pub(super) contests: Arc<Mutex<Contests>>,
}

/// Uses up the operator's word.
pub(super) type Word = Arc<dyn Fn(Digest, &DeletionList) -> Result<DeletionList, Report> + Send + Sync>;

/// Whether this node may still write.
pub(super) type StillLeader = Arc<dyn Fn() -> bool + Send + Sync>;

/// How an entry ended well.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// What was done, object by object, in Flux's words.
    pub(super) changes: BTreeMap<String, String>,
    /// What left the render and stays.
    pub(super) kept: Vec<String>,
    /// Whether anything was written at all, the inventory included.
    pub(super) acted: bool,
    /// What need not be compared again.
    pub(super) settled: Settled,
    /// What was written, as the cluster answered.
    pub(super) written: BTreeMap<ObjectId, Object>,
    /// The inventory, where it was written.
    pub(super) inventory: Option<Object>,
}

impl Entry {
    /// Brings the entry's objects to what they should be, and waits until they are well.
    pub(super) async fn reconcile(mut self) -> Result<Ended, Report> {
        let mut ended = Ended::default();
        for _ in 0..ROUNDS {
            let plan = match self.plan().await? {
                Ok(plan) => plan,
                Err(refused) => return Err(Report::all_of(Report::each(&refused.refusals))),
            };
            ended.kept = plan.kept().iter().map(|it| it.id.to_string()).collect();
            if plan.is_empty() {
                return self.end(&plan, ended);
            }
            self.note_drift(&plan);
            if let Some(used) = plan.approved() {
                let mut list = plan.deletions().clone();
                list.extend(&self.guard.elsewhere);
                self.guard.approved.push(Approval::List((self.word)(used, &list)?));
            }
            ended.acted = true;
            let Observer { cluster, clock, .. } = &self.observer;
            let again = carry_out_into(cluster, &plan, clock, &self.still_leader, &mut ended).await?;
            let written = std::mem::take(&mut ended.written);
            self.settled.note_written(&self.rendered, |id| written.get(id));
            if !again {
                return self.end(&plan, ended);
            }
            let inventories = Inventories::read(&*self.observer.cluster).await?;
            self.observed = inventories.around(self.rendered.owner(), &self.claims)?;
        }
        let name = &self.rendered.owner().entry;
        Err(Report::new(
            "does_not_settle",
            Class::Conflict,
            format!("entry `{name}` is not settled after {ROUNDS} rounds"),
            Some("somebody else changes the same objects at the same time; `airlock diff` shows which"),
        ))
    }

    /// The end of an entry that has nothing left to do, unless somebody fights over one of its objects.
    fn end(self, plan: &Plan, ended: Ended) -> Result<Ended, Report> {
        match plan.contested() {
            [] => Ok(Ended { settled: self.settled, ..ended }),
            contested => Err(lock(&self.contests).report(contested, Instant::now())),
        }
    }

    /// Counts what was as it should be, is not so any more, and is put back now.
    fn note_drift(&self, plan: &Plan) {
        for step in plan.steps() {
            let (object, before) = match step {
                Step::Apply(apply) => (&apply.object, apply.before.as_ref()),
                Step::Recreate(recreate) => (&recreate.object, Some(&recreate.before)),
                _ => continue,
            };
            if self.settled.was_equal(object) {
                lock(&self.contests).put_back(&object.id(), before, Instant::now());
            }
        }
    }

    /// What would be done now.
    pub(super) async fn plan(&mut self) -> Result<Result<Plan, Refused>, Report> {
        let contested = lock(&self.contests).now(Instant::now());
        let around = Observed { contested, ..self.observed.clone() };
        let observed = self.observer.observe(&self.rendered, around, &self.settled).await?;
        let plan = plan::plan(&self.rendered, &observed, &self.guard, &BTreeSet::new());
        if let Ok(plan) = &plan {
            self.settled.note(&self.rendered, &observed, plan);
        }
        Ok(plan)
    }
}

/// Carries out a plan that has no second round.
pub(super) async fn carry_out(
    cluster: &Arc<dyn Cluster>,
    plan: &Plan,
    clock: &Clock,
    still_leader: &StillLeader,
) -> Result<(), Report> {
    carry_out_into(cluster, plan, clock, still_leader, &mut Ended::default()).await.map(drop)
}

/// Carries out a plan; true when it must be planned again.
async fn carry_out_into(
    cluster: &Arc<dyn Cluster>,
    plan: &Plan,
    clock: &Clock,
    still_leader: &StillLeader,
    ended: &mut Ended,
) -> Result<bool, Report> {
    let executor = Executor { cluster, still_leader: &**still_leader, progress: &|_| (), clock: &**clock };
    let outcome = execute(plan, executor).await;
    ended.written.extend(outcome.written);
    ended.inventory = outcome.inventory.or_else(|| ended.inventory.take());
    for (id, done) in &outcome.results {
        if !matches!(done, Done::As(Verb::Unchanged | Verb::Skipped)) {
            ended.changes.insert(id.to_string(), done.to_string());
        }
    }
    match outcome.end {
        End::Done => Ok(false),
        End::Replan(_) => Ok(true),
        End::Failed(failure) => Err(Report::of(&failure)),
    }
}

/// A panic while something was done for an entry: our fault, told as the entry's.
pub(super) fn panicked(doing: &str, name: &EntryName, panic: &(dyn Any + Send)) -> Report {
    let text = panic.downcast_ref::<&str>().map(|it| (*it).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".into());
    let hint = "this is a defect of Airlock; the other entries are kept as ever";
    Report::new("panic", Class::Bug, format!("{doing} entry `{name}` failed: {text}"), Some(hint))
}
