//! Waiting until objects are well, and until they are gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Cluster, Error, ListOptions, Reference, ResourceVersion, Selector,
    follow::{Change, Follow},
};
use crate::{
    object::{
        Object, ObjectId,
        health::{Health, Status, Verdict, flux, kstatus, looks_behind, verdict},
    },
    plan::{Awaited, Wait},
    render::Owner,
};

/// As Flux polls: what no watch tells (pods behind a StatefulSet, objects of others) is looked at so often.
const POLL: Duration = Duration::from_secs(5);

/// A follower that could not ask waits so long before it asks again.
const AGAIN: Duration = Duration::from_secs(1);

/// How often it is looked whether an object is gone, at first and at last.
const GONE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How the objects of a wait are, whenever one of them changes.
pub(super) type Told<'a> = &'a (dyn Fn(&BTreeMap<ObjectId, Health>) + Send + Sync);

/// How a wait ended.
#[derive(Debug)]
pub(super) enum Ended {
    Ready,
    /// Flux's sentence, and what each object that is to blame says.
    Failed {
        message: String,
        blamed: Vec<(ObjectId, Health)>,
    },
}

/// The health of one object, with the pods behind it where they count.
pub(super) async fn health(cluster: &dyn Cluster, object: &Object, now: Timestamp) -> Result<Health, Error> {
    let asks = looks_behind(object) && kstatus(object, now).status == Status::InProgress;
    let pods = if asks { pods(cluster, object).await? } else { Vec::new() };
    Ok(flux(object, &pods, now))
}

/// The pods that an object's selector matches. Who may not list them has none.
pub(super) async fn pods(cluster: &dyn Cluster, object: &Object) -> Result<Vec<Object>, Error> {
    let labels = object.get(&["spec", "selector", "matchLabels"]).and_then(Value::as_object);
    let wanted = |(key, value): (&String, &Value)| Some((key.clone(), Some(value.as_str()?.to_owned())));
    let labels = Selector(labels.into_iter().flatten().filter_map(wanted).collect());
    let Some(gvk) = crate::object::Gvk::parse("v1", "Pod").filter(|_| !labels.0.is_empty()) else {
        return Ok(Vec::new());
    };
    let namespace = object.namespace().map(str::to_owned);
    let options = ListOptions { namespace, labels, ..ListOptions::default() };
    match cluster.list(&gvk, &options).await {
        Ok((pods, _)) => Ok(pods),
        Err(Error::Forbidden(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Waits for objects by watching what carries the owner's labels; each is read anew when it changed. What was just `written` and no
/// controller says anything about need not be read at all.
pub(super) async fn wait(
    cluster: &Arc<dyn Cluster>,
    wait: &Wait,
    written: &BTreeMap<ObjectId, Object>,
    owner: &Owner,
    clock: &(dyn Fn() -> Timestamp + Send + Sync),
    told: Told<'_>,
) -> Result<Ended, Error> {
    let deadline = Instant::now() + wait.timeout;
    let mut waiting = Waiting::new(cluster.clone(), &wait.objects);
    waiting.begin(written, clock).await?;
    let mut changes = None;
    loop {
        told(&waiting.health);
        let timed_out = Instant::now() >= deadline;
        match waiting.verdict(wait.fail_fast, timed_out) {
            Verdict::Ready => return Ok(Ended::Ready),
            Verdict::Failed(message) => {
                let bad = |(_, health): &(&ObjectId, &Health)| health.status != Status::Current;
                let blamed = waiting.health.iter().filter(bad).map(|(id, it)| (id.clone(), it.clone()));
                return Ok(Ended::Failed { message, blamed: blamed.collect() });
            }
            Verdict::Waiting => {}
        }
        if !waiting.vanished.is_empty() {
            // Departs: Flux waits for it until the time is over.
            let ids: Vec<String> = waiting.vanished.iter().map(ToString::to_string).collect();
            let message = format!("deleted while it was waited for: [{}]", ids.join(", "));
            let blamed = waiting.vanished.drain(..).map(|id| (id, Health::not_found())).collect();
            return Ok(Ended::Failed { message, blamed });
        }
        let unready: BTreeSet<ObjectId> = waiting.unready();
        let (_, receiver) = changes.get_or_insert_with(|| waiting.follow(owner));
        let dirty = tokio::select! {
            () = sleep_until(deadline) => unready,
            () = sleep(POLL) => unready,
            Some((reference, version)) = receiver.recv() => {
                let mut dirty = BTreeSet::new();
                waiting.changed(&reference, version.as_ref(), &mut dirty);
                while let Ok((reference, version)) = receiver.try_recv() {
                    waiting.changed(&reference, version.as_ref(), &mut dirty);
                }
                dirty
            }
        };
        waiting.look(dirty, clock).await?;
    }
}

type Changed = (Reference, Option<ResourceVersion>);

struct Waiting<'a> {
    cluster: Arc<dyn Cluster>,
    awaited: BTreeMap<ObjectId, &'a Awaited>,
    health: BTreeMap<ObjectId, Health>,
    /// What was there and is not any more: nobody but us makes it again, so it is not waited for.
    vanished: Vec<ObjectId>,
    /// The version that each health was read from.
    versions: BTreeMap<ObjectId, String>,
}

impl<'a> Waiting<'a> {
    fn new(cluster: Arc<dyn Cluster>, objects: &'a [Awaited]) -> Self {
        let awaited = objects.iter().map(|it| (it.id.clone(), it)).collect();
        let vanished = Vec::new();
        Self { cluster, awaited, health: BTreeMap::new(), vanished, versions: BTreeMap::new() }
    }

    fn reference(awaited: &Awaited) -> Reference {
        Reference::new(awaited.gvk.clone(), &awaited.id.namespace, &awaited.id.name)
    }

    /// How all of them are at first.
    async fn begin(
        &mut self,
        written: &BTreeMap<ObjectId, Object>,
        clock: &(dyn Fn() -> Timestamp + Send + Sync),
    ) -> Result<(), Error> {
        let mut unread = BTreeSet::new();
        for id in self.awaited.keys().cloned().collect::<Vec<_>>() {
            match written.get(&id).filter(|object| speaks_for_itself(object)) {
                Some(object) => self.note(id, object, clock()).await?,
                None => drop(unread.insert(id)),
            }
        }
        self.look(unread, clock).await
    }

    async fn note(&mut self, id: ObjectId, object: &Object, now: Timestamp) -> Result<(), Error> {
        let health = health(&*self.cluster, object, now).await?;
        self.versions.insert(id.clone(), object.resource_version().unwrap_or("").to_owned());
        self.health.insert(id, health);
        Ok(())
    }

    async fn look(
        &mut self,
        ids: BTreeSet<ObjectId>,
        clock: &(dyn Fn() -> Timestamp + Send + Sync),
    ) -> Result<(), Error> {
        for id in ids {
            let Some(awaited) = self.awaited.get(&id) else { continue };
            let health = match self.cluster.get(&Self::reference(awaited)).await {
                Ok(object) => {
                    self.note(id, &object, clock()).await?;
                    continue;
                }
                Err(error) if error.is_absent() => {
                    let was_there = self.health.get(&id).is_some_and(|it| it.status != Status::NotFound);
                    if was_there && !awaited.gone_is_done {
                        self.vanished.push(id.clone());
                    }
                    Health::not_found()
                }
                // Flux's poller notes it and goes on: the next look may succeed.
                Err(error @ (Error::Unavailable { .. } | Error::Throttled { .. } | Error::Forbidden(_))) => {
                    Health { status: Status::Unknown, message: error.to_string() }
                }
                Err(error) => return Err(error),
            };
            self.health.insert(id, health);
        }
        Ok(())
    }

    fn verdict(&self, fail_fast: bool, timed_out: bool) -> Verdict {
        let set: Vec<(ObjectId, Health)> =
            self.health.iter().map(|(id, it)| (id.clone(), it.clone())).collect();
        let gone_is_done = |id: &ObjectId| self.awaited.get(id).is_some_and(|it| it.gone_is_done);
        verdict(&set, gone_is_done, fail_fast, timed_out)
    }

    fn unready(&self) -> BTreeSet<ObjectId> {
        let unready = self.health.iter().filter(|(_, health)| health.status != Status::Current);
        unready.map(|(id, _)| id.clone()).collect()
    }

    /// Notes an object that must be read anew, unless this version of it was read already.
    fn changed(
        &self,
        reference: &Reference,
        version: Option<&ResourceVersion>,
        dirty: &mut BTreeSet<ObjectId>,
    ) {
        let group_kind = reference.gvk.group_kind();
        let id =
            ObjectId { namespace: reference.namespace.clone(), name: reference.name.clone(), group_kind };
        let read = self.versions.get(&id);
        let news = version.is_none() || read.map(String::as_str) != version.map(|it| it.0.as_str());
        if news && self.awaited.contains_key(&id) {
            dirty.insert(id);
        }
    }

    /// Follows the kinds and namespaces of what is not well yet, for as long as the set is kept.
    fn follow(&self, owner: &Owner) -> (JoinSet<()>, mpsc::Receiver<Changed>) {
        let (sender, receiver) = mpsc::channel(256);
        let mut followers = JoinSet::new();
        let unready = self.unready();
        let places: BTreeSet<_> = unready
            .iter()
            .filter_map(|id| self.awaited.get(id))
            .map(|it| (it.gvk.clone(), it.id.namespace.clone()))
            .collect();
        for (gvk, namespace) in places {
            let namespace = Some(namespace).filter(|it| !it.is_empty());
            let mut options = ListOptions { namespace, ..ListOptions::default() };
            for (key, value) in owner.labels() {
                options = options.labelled(key, &value);
            }
            let mut follow = Follow::new(self.cluster.clone(), gvk, options);
            let sender = sender.clone();
            followers.spawn(async move {
                loop {
                    let changed = match follow.next().await {
                        Ok(Change::Applied(it)) => {
                            let version = it.as_object().resource_version();
                            (it.reference(), version.map(|it| ResourceVersion(it.to_owned())))
                        }
                        Ok(Change::Deleted(it)) => (it.reference(), None),
                        Ok(Change::Listed) => continue,
                        Err(_) => {
                            sleep(AGAIN).await;
                            continue;
                        }
                    };
                    if sender.send(changed).await.is_err() {
                        return;
                    }
                }
            });
        }
        (followers, receiver)
    }
}

/// Whether an object is as well as it was written: the server counts no generations of it, and it has no status. Any other may be
/// judged only after its controller had a chance to see it; a PodDisruptionBudget of which nobody said anything yet looks fine.
fn speaks_for_itself(object: &Object) -> bool {
    object.get(&["metadata", "generation"]).is_none() && object.get(&["status"]).is_none()
}

/// Waits until an object is gone, or another has its name; false when it is still there in the end.
pub(super) async fn gone(
    cluster: &dyn Cluster,
    reference: &Reference,
    uid: &str,
    timeout: Duration,
) -> Result<bool, Error> {
    let deadline = Instant::now() + timeout;
    let (mut pause, longest) = GONE;
    loop {
        match cluster.get(reference).await {
            Ok(object) if object.uid() == Some(uid) => {}
            Ok(_) => return Ok(true),
            Err(error) if error.is_absent() => return Ok(true),
            Err(error) => return Err(error),
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep_until(deadline.min(Instant::now() + pause)).await;
        pause = longest.min(pause * 2);
    }
}
