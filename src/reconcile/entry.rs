//! One entry: observe, plan, execute, until there is nothing left to do.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::node::Clock;
use crate::{
    cluster::{
        Cluster,
        execute::{Done, End, Executor, execute},
        observe::{Inventories, Observer, Settled},
    },
    digest::Digest,
    fault::{Class, Report},
    name::EntryName,
    plan::{self, Approval, DeletionList, Guard, Observed, Owners, Plan, Refused, Verb},
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
                return Ok(Ended { settled: self.settled, ..ended });
            }
            if let Some(used) = plan.approved() {
                let mut list = plan.deletions().clone();
                list.extend(&self.guard.elsewhere);
                self.guard.approved.push(Approval::List((self.word)(used, &list)?));
            }
            ended.acted = true;
            let Observer { cluster, clock, .. } = &self.observer;
            let again = carry_out_into(cluster, &plan, clock, &self.still_leader, &mut ended).await?;
            if !again {
                return Ok(Ended { settled: self.settled, ..ended });
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

    /// What would be done now.
    pub(super) async fn plan(&mut self) -> Result<Result<Plan, Refused>, Report> {
        let around = self.observed.clone();
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
