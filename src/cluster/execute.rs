//! Carrying a plan out. Nothing is decided here: every step says all that it needs.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{
    ApplyOptions, Cluster, CreateOptions, DeleteOptions, Error, Preconditions, PropagationPolicy, Reference,
    UpdateOptions,
    behind::behind,
    patience::{PATIENCE, PAUSE},
    wait::{self, Ended},
};
use crate::{
    fault::{Class, Fault},
    object::{Gvk, Object, ObjectId, health::Health},
    plan::{
        Apply, Deferred, Delete, Inventory, InventoryError, NAMESPACE, Plan, Propagation, Recreate, Step,
        Verb, scrub,
    },
    render::Owner,
};

/// Writes of neighbouring objects of one kind that are under way at the same time. Kinds follow each other in Flux's order,
/// since some need others; objects of one kind do not need each other.
const WRITES: usize = 4;

/// Who owns what the agent writes for itself.
pub(super) const AGENT: &str = "airlock";

/// What the executor needs beside the plan.
#[derive(Clone, Copy)]
pub struct Executor<'a> {
    /// The cluster, as the agent. Objects of the plan are written as its service account, where it has one.
    pub cluster: &'a Arc<dyn Cluster>,
    /// Whether this node may still write; asked before each write.
    pub still_leader: &'a (dyn Fn() -> bool + Send + Sync),
    /// Told what happens.
    pub progress: &'a (dyn Fn(Progress<'_>) + Send + Sync),
    /// What time it is.
    pub clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
}

/// Something that happens while a plan is carried out.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A step begins; its position.
    Step(usize, &'a Step),
    /// Something was done to an object.
    Object(&'a ObjectId, &'a Done),
    /// How the objects are that are waited for.
    Waiting(&'a BTreeMap<ObjectId, Health>),
}

/// What was done to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// What the plan said.
    As(Verb),
    /// It could not be done; Flux's sentence.
    Failed(String),
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::As(verb) => f.write_str(verb.as_str()),
            Self::Failed(_) => f.write_str("failed"),
        }
    }
}

/// What became of a plan.
#[derive(Debug)]
pub struct Outcome {
    /// What was done to each object, in order: first what needed nothing, then the steps.
    pub results: Vec<(ObjectId, Done)>,
    /// The objects as the cluster answered, so that a watch can tell these writes from others'.
    pub written: BTreeMap<ObjectId, Object>,
    /// The object that holds the inventory, where it was written.
    pub inventory: Option<Object>,
    /// How it ended.
    pub end: End,
}

/// How a plan ended.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each plan")]
pub enum End {
    /// Everything was done.
    Done,
    /// Everything was done, and these objects come after another round of observing and planning.
    Replan(Vec<Deferred>),
    /// A step failed, and what follows it was not begun.
    Failed(Failure),
}

/// Why a plan ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// This node may not write any more.
    #[error("this node does not hold the lease any more")]
    NotLeader,
    /// An object could not be written. The sentence is Flux's, without what a Secret holds.
    #[error("{text}")]
    Write {
        /// The object.
        id: ObjectId,
        /// The sentence.
        text: String,
        /// What the cluster said; its own words may show a Secret's values.
        error: Error,
    },
    /// Objects could not be deleted; every one was tried.
    #[error("{}", .0.iter().map(|(_, text, _)| text.as_str()).collect::<Vec<_>>().join("; "))]
    Deletes(Vec<(ObjectId, String, Error)>),
    /// An object that is to be made anew does not go.
    #[error("{id} is still there {}s after its deletion, so it cannot be made anew", .after.as_secs())]
    NotGone {
        /// The object.
        id: ObjectId,
        /// How long it was waited for.
        after: Duration,
    },
    /// Objects did not become well. The sentence is Flux's, and behind it stands what explains it.
    #[error("{message}{}", explained(.behind))]
    Unhealthy {
        /// The sentence.
        message: String,
        /// Who is to blame.
        blamed: Vec<ObjectId>,
        /// What they say of themselves, their pods, and the last events about them.
        behind: Vec<String>,
    },
    /// The inventory cannot be written.
    #[error("the inventory of {owner} cannot be written")]
    Record {
        /// The entry.
        owner: Owner,
        /// Why.
        #[source]
        error: Error,
    },
    /// The inventory does not fit.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The cluster could not be asked while objects were waited for.
    #[error("the health of the objects cannot be told")]
    Wait(#[source] Error),
}

impl Fault for Failure {
    fn code(&self) -> &'static str {
        match self {
            Self::NotLeader => "not_leader",
            Self::Write { error, .. } | Self::Record { error, .. } | Self::Wait(error) => error.code(),
            Self::Deletes(errors) => errors.first().map_or("delete", |(_, _, error)| error.code()),
            Self::NotGone { .. } => "not_gone",
            Self::Unhealthy { .. } => "unhealthy",
            Self::Inventory(error) => error.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::NotLeader | Self::NotGone { .. } | Self::Unhealthy { .. } => Class::Unavailable,
            Self::Write { error, .. } | Self::Record { error, .. } | Self::Wait(error) => error.class(),
            Self::Deletes(errors) => errors.first().map_or(Class::Unavailable, |(_, _, error)| error.class()),
            Self::Inventory(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotLeader => Some("another node goes on; `airlock status` names it".to_owned()),
            Self::Write { error, .. } | Self::Record { error, .. } | Self::Wait(error) => error.hint(),
            Self::Deletes(errors) => errors.first().and_then(|(_, _, error)| error.hint()),
            Self::NotGone { id, .. } => {
                Some(format!("look for finalizers: `kubectl get {} -o yaml`", kubectl(id)))
            }
            Self::Unhealthy { blamed, .. } => {
                blamed.first().map(|id| format!("`kubectl describe {}` tells more", kubectl(id)))
            }
            Self::Inventory(error) => error.hint(),
        }
    }
}

/// The facts behind a sentence, in one line, as conditions are read.
fn explained(behind: &[String]) -> String {
    if behind.is_empty() { String::new() } else { format!(": {}", behind.join("; ")) }
}

/// As kubectl takes an object's name.
fn kubectl(id: &ObjectId) -> String {
    let kind = id.group_kind.kind.to_ascii_lowercase();
    let namespace = if id.namespace.is_empty() { String::new() } else { format!(" -n {}", id.namespace) };
    format!("{kind}/{}{namespace}", id.name)
}

/// Does what a plan says, step by step, and stops at the first that fails. Neighbouring deletions are all tried, and
/// neighbouring applies of one kind are done some at a time.
pub async fn execute(plan: &Plan, executor: Executor<'_>) -> Outcome {
    let objects = match &plan.writer().service_account {
        Some(account) => executor.cluster.impersonate(account),
        None => executor.cluster.clone(),
    };
    let unchanged = plan.unchanged().iter().map(|id| (id.clone(), Done::As(Verb::Unchanged)));
    let skipped = plan.skipped().iter().map(|(id, _)| (id.clone(), Done::As(Verb::Skipped)));
    let results = unchanged.chain(skipped).collect();
    let written = BTreeMap::new();
    let mut run = Run { plan, executor, objects, results, written, inventory: None, undeleted: Vec::new() };
    let end = match run.all().await {
        Ok(None) => End::Done,
        Ok(Some(deferred)) => End::Replan(deferred),
        Err(failure) => End::Failed(failure),
    };
    Outcome { results: run.results, written: run.written, inventory: run.inventory, end }
}

/// Why one object was not applied.
enum Unapplied {
    NotLeader,
    Refused(Error),
}

impl From<Error> for Unapplied {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

struct Run<'a> {
    plan: &'a Plan,
    executor: Executor<'a>,
    /// The cluster, as the plan's writer.
    objects: Arc<dyn Cluster>,
    results: Vec<(ObjectId, Done)>,
    written: BTreeMap<ObjectId, Object>,
    inventory: Option<Object>,
    /// Deletions of this row that failed.
    undeleted: Vec<(ObjectId, String, Error)>,
}

impl Run<'_> {
    async fn all(&mut self) -> Result<Option<Vec<Deferred>>, Failure> {
        let mut steps = self.plan.steps().iter().enumerate().peekable();
        while let Some((at, step)) = steps.next() {
            if !matches!(step, Step::Delete(_)) {
                self.end_deletes()?;
            }
            match step {
                Step::Apply(first) => {
                    let mut row = vec![(at, step, &**first)];
                    let of_the_row = |apply: &Apply| {
                        apply.stage == first.stage
                            && apply.object.gvk().group_kind() == first.object.gvk().group_kind()
                    };
                    while let Some((at, step @ Step::Apply(apply))) = steps.peek()
                        && of_the_row(apply)
                    {
                        row.push((*at, *step, &**apply));
                        steps.next();
                    }
                    self.applies(&row).await?;
                    continue;
                }
                _ => (self.executor.progress)(Progress::Step(at, step)),
            }
            match step {
                Step::Apply(_) => (),
                Step::Record(inventory) => self.record(inventory).await?,
                Step::Forget(owner) => self.forget(owner).await?,
                Step::Recreate(recreate) => self.recreate(recreate).await?,
                Step::Delete(delete) => self.delete(delete).await?,
                Step::Wait(wait) => self.wait(wait).await?,
                Step::Replan(deferred) => return Ok(Some(deferred.clone())),
            }
        }
        self.end_deletes()?;
        Ok(None)
    }

    /// To be asked before each write.
    #[expect(clippy::result_large_err, reason = "a plan fails once")]
    fn lead(&self) -> Result<(), Failure> {
        if (self.executor.still_leader)() { Ok(()) } else { Err(Failure::NotLeader) }
    }

    async fn record(&mut self, inventory: &Inventory) -> Result<(), Failure> {
        let object = inventory.encode()?;
        let cluster = &**self.executor.cluster;
        let failed = |error| Failure::Record { owner: inventory.owner.clone(), error };
        self.lead()?;
        let options = ApplyOptions::force(AGENT);
        match patiently!(cluster.apply(&object, &options)) {
            Ok(written) => self.inventory = Some(written),
            Err(Error::NotFound(_)) => {
                // The very first write to a cluster.
                self.lead()?;
                prepare(cluster).await.map_err(failed)?;
                self.lead()?;
                self.inventory = Some(cluster.apply(&object, &options).await.map_err(failed)?);
            }
            Err(error) => return Err(failed(error)),
        }
        Ok(())
    }

    async fn forget(&mut self, owner: &Owner) -> Result<(), Failure> {
        let id = Inventory::id(owner);
        let reference = Reference::new(config_map(), &id.namespace, &id.name);
        self.lead()?;
        match self.executor.cluster.delete(&reference, &DeleteOptions::default()).await {
            Ok(()) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(Failure::Record { owner: owner.clone(), error }),
        }
    }

    /// Applies a row of objects of one kind, some at a time. After one that fails no other is begun; what was done is told in
    /// the row's order.
    async fn applies(&mut self, row: &[(usize, &Step, &Apply)]) -> Result<(), Failure> {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let ended = Mutex::new(BTreeMap::new());
        let this = &*self;
        let writer = || async {
            while !failed.load(Ordering::Relaxed) {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some((at, step, apply)) = row.get(place) else { return };
                (this.executor.progress)(Progress::Step(*at, step));
                let applied = this.apply(apply).await;
                failed.fetch_or(applied.is_err(), Ordering::Relaxed);
                ended.lock().unwrap_or_else(PoisonError::into_inner).insert(place, applied);
            }
        };
        let () = match row.len() {
            1 => writer().await,
            _ => drop(tokio::join!(writer(), writer(), writer(), writer())),
        };
        const { assert!(WRITES == 4, "as many writers as are joined") };
        let mut first = None;
        for (place, applied) in ended.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let Some((_, _, apply)) = row.get(place) else { continue };
            match applied {
                Ok(object) => {
                    self.note(apply.object.id(), Done::As(apply.verb));
                    self.written.insert(object.id(), object);
                }
                Err(Unapplied::NotLeader) => first = first.or(Some(Failure::NotLeader)),
                Err(Unapplied::Refused(error)) => {
                    let failure = self.failed(&apply.object, error);
                    first = first.or(Some(failure));
                }
            }
        }
        first.map_or(Ok(()), Err)
    }

    async fn apply(&self, apply: &Apply) -> Result<Object, Unapplied> {
        let manager = self.plan.writer().manager;
        let lead = || if (self.executor.still_leader)() { Ok(()) } else { Err(Unapplied::NotLeader) };
        if !apply.clean_up.is_empty() {
            let (reference, by) = (Reference::of(&apply.object), UpdateOptions::by(manager));
            lead()?;
            self.objects.patch(&reference, &apply.clean_up, &by).await?;
        }
        let options = ApplyOptions::force(manager);
        let mut left = PATIENCE;
        loop {
            lead()?;
            match self.objects.apply(&apply.object, &options).await {
                Err(Error::Throttled { retry_after, .. }) if left > 0 => {
                    left -= 1;
                    tokio::time::sleep(retry_after.unwrap_or(PAUSE.0).min(PAUSE.1)).await;
                }
                applied => return Ok(applied?.without_managers()),
            }
        }
    }

    async fn recreate(&mut self, recreate: &Recreate) -> Result<(), Failure> {
        let Recreate { object, before, uid, propagation, timeout, .. } = recreate;
        let reference = Reference::of(before);
        self.lead()?;
        match self.objects.delete(&reference, &deletion(uid, *propagation)).await {
            Ok(()) | Err(Error::NotFound(_)) => {}
            Err(error) => return Err(self.failed(object, error)),
        }
        match wait::gone(&*self.objects, &reference, uid, *timeout).await {
            Ok(true) => {}
            Ok(false) => return Err(Failure::NotGone { id: object.id(), after: *timeout }),
            Err(error) => return Err(self.failed(object, error)),
        }
        self.lead()?;
        match self.objects.apply(object, &ApplyOptions::force(self.plan.writer().manager)).await {
            Ok(made) => {
                self.note(object.id(), Done::As(Verb::Recreated));
                self.written.insert(made.id(), made);
                Ok(())
            }
            Err(error) => Err(self.failed(object, error)),
        }
    }

    async fn delete(&mut self, delete: &Delete) -> Result<(), Failure> {
        self.lead()?;
        // In the version in which it was seen: that of the inventory may not be served any more.
        let reference = Reference::of(&delete.before);
        match self.objects.delete(&reference, &deletion(&delete.uid, delete.propagation)).await {
            Ok(()) | Err(Error::NotFound(_)) => self.note(delete.id.clone(), Done::As(Verb::Deleted)),
            Err(error) => {
                let text =
                    format!("{} delete failed: {}", delete.id, scrub(&error.to_string(), &delete.before));
                self.note(delete.id.clone(), Done::Failed(text.clone()));
                self.undeleted.push((delete.id.clone(), text, error));
            }
        }
        Ok(())
    }

    /// The end of a row of deletions.
    #[expect(clippy::result_large_err, reason = "a plan fails once")]
    fn end_deletes(&mut self) -> Result<(), Failure> {
        let undeleted = std::mem::take(&mut self.undeleted);
        if undeleted.is_empty() { Ok(()) } else { Err(Failure::Deletes(undeleted)) }
    }

    async fn wait(&mut self, step: &crate::plan::Wait) -> Result<(), Failure> {
        let Executor { clock, progress, .. } = self.executor;
        let told = |health: &BTreeMap<ObjectId, Health>| progress(Progress::Waiting(health));
        match wait::wait(&self.objects, step, &self.written, self.plan.owner(), clock, &told).await {
            Ok(Ended::Ready) => Ok(()),
            Ok(Ended::Failed { message, blamed }) => {
                let behind = behind(&**self.executor.cluster, &blamed, &step.objects, clock()).await;
                let blamed = blamed.into_iter().map(|(id, _)| id).collect();
                Err(Failure::Unhealthy { message, blamed, behind })
            }
            Err(error) => Err(Failure::Wait(error)),
        }
    }

    fn failed(&mut self, object: &Object, error: Error) -> Failure {
        let id = object.id();
        let text = format!("{id} apply failed: {}", scrub(&error.to_string(), object));
        self.note(id.clone(), Done::Failed(text.clone()));
        Failure::Write { id, text, error }
    }

    fn note(&mut self, id: ObjectId, done: Done) {
        (self.executor.progress)(Progress::Object(&id, &done));
        self.results.push((id, done));
    }
}

fn deletion(uid: &str, propagation: Propagation) -> DeleteOptions {
    let propagation = match propagation {
        Propagation::Background => PropagationPolicy::Background,
        Propagation::Foreground => PropagationPolicy::Foreground,
        Propagation::Orphan => PropagationPolicy::Orphan,
    };
    let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
    DeleteOptions { preconditions, propagation, dry_run: false }
}

pub(super) fn config_map() -> Gvk {
    Gvk { group: String::new(), version: "v1".to_owned(), kind: "ConfigMap".to_owned() }
}

/// Makes the agent's own namespace, where it is not there.
///
/// # Errors
/// When the cluster does not take it.
pub async fn prepare(cluster: &dyn Cluster) -> Result<(), Error> {
    let namespace =
        serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let namespace = Object::new(namespace, "the agent's namespace").expect("it has a kind and a name");
    match cluster.create(&namespace, &CreateOptions::by(AGENT)).await {
        Ok(_) | Err(Error::AlreadyExists(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
