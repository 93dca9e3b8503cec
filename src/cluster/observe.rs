//! Gathering what a plan asks for: in few requests, some of them at once, and none of them a write.

mod ask;
mod settled;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
};

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{
    ApplyOptions, Cluster, Error, ListOptions, Metadata, Reference, Resource, execute::config_map, wait,
};
use crate::{
    object::{
        GroupKind, Gvk, Object, ObjectId,
        health::Health,
        scope::{Scope, Scopes},
    },
    plan::{
        self, ApiError, DryRun, FIELD_MANAGER, Inventory, InventoryError, Live, NAMESPACE, Observed, Owners,
        Question,
    },
    render::{CHANNEL_LABEL, ENTRY_LABEL, Owner, Rendered, ServiceAccount},
};

pub use self::settled::Settled;

/// From so many objects of one kind in one namespace on, one list takes the place of as many reads.
const LISTED: usize = 4;

/// Which kinds live in namespaces, as the cluster says.
///
/// # Errors
/// When it cannot be asked.
pub async fn scopes(cluster: &dyn Cluster) -> Result<Scopes, Error> {
    let mut scopes = Scopes::built_in();
    for Resource { gvk, namespaced, .. } in cluster.resources().await? {
        let scope = if namespaced { Scope::Namespaced } else { Scope::Cluster };
        scopes.insert(gvk.group_kind(), scope);
    }
    Ok(scopes)
}

/// What all entries of all channels have applied.
#[derive(Clone, Debug, Default)]
pub struct Inventories {
    all: BTreeMap<Owner, Inventory>,
    /// The UIDs and versions of the objects that hold them.
    versions: BTreeMap<Owner, (String, String)>,
    owners: Owners,
    /// Those that cannot be read. Nothing is deleted for their entries.
    pub damaged: Vec<InventoryError>,
}

impl Inventories {
    /// Reads them, in one request.
    ///
    /// # Errors
    /// When the cluster cannot be asked.
    pub async fn read(cluster: &dyn Cluster) -> Result<Self, Error> {
        let options =
            ListOptions::in_namespace(NAMESPACE).with_label_key(CHANNEL_LABEL).with_label_key(ENTRY_LABEL);
        let (objects, _) = cluster.list(&config_map(), &options).await?;
        let mut inventories = Self::default();
        for object in objects {
            match Inventory::decode(&object) {
                Ok(inventory) => {
                    let version = object.uid().zip(object.resource_version());
                    if let Some((uid, version)) = version {
                        let version = (uid.to_owned(), version.to_owned());
                        inventories.versions.insert(inventory.owner.clone(), version);
                    }
                    inventories.all.insert(inventory.owner.clone(), inventory);
                }
                Err(error) => inventories.damaged.push(error),
            }
        }
        let held = inventories.all.values();
        let held = held.flat_map(|it| it.all().map(|entry| (entry.id.clone(), it.owner.clone())));
        inventories.owners = Owners::of(held);
        Ok(inventories)
    }

    /// What an observation of an entry begins with. `claims` are the objects that the entries of its bundle render.
    ///
    /// # Errors
    /// When the entry's inventory is damaged: what it held is not known, and must not be forgotten.
    pub fn around(&self, owner: &Owner, claims: &Owners) -> Result<Observed, InventoryError> {
        let wanted = Inventory::name(owner);
        let is_it = |error: &&InventoryError| matches!(error, InventoryError::Damaged { name, .. } if *name == wanted);
        if let Some(error) = self.damaged.iter().find(is_it) {
            return Err(error.clone());
        }
        Ok(Observed {
            inventory: self.of(owner).cloned(),
            owners: self.owners.beside(owner),
            claims: claims.beside(owner),
            ..Observed::default()
        })
    }

    /// One entry's.
    pub fn of(&self, owner: &Owner) -> Option<&Inventory> {
        self.all.get(owner)
    }

    /// The UID and the version of the object that holds one entry's.
    pub fn version_of(&self, owner: &Owner) -> Option<&(String, String)> {
        self.versions.get(owner)
    }

    /// All that can be read.
    pub fn iter(&self) -> impl Iterator<Item = &Inventory> {
        self.all.values()
    }
}

/// What an observation needs beside the entry.
#[derive(Clone)]
pub struct Observer {
    /// The cluster, as the agent.
    pub cluster: Arc<dyn Cluster>,
    /// So many requests at once; Flux has four.
    pub concurrency: usize,
    /// What time it is.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// A question that does not borrow.
enum Asked {
    DryRun(Box<Object>),
    Live(ObjectId, Gvk),
    Contents(ObjectId),
}

enum Answer {
    Live(ObjectId, Box<Live>),
    Contents(ObjectId, BTreeSet<ObjectId>),
}

impl Observer {
    /// Answers everything that a plan for the render asks. `around` has the inventories and the claims; objects are read and tried as
    /// the entry's service account.
    ///
    /// # Errors
    /// When the cluster cannot be asked. What it says against an object is an answer.
    pub async fn observe(
        &self,
        rendered: &Rendered,
        around: Observed,
        settled: &Settled,
    ) -> Result<Observed, Error> {
        let account = rendered.spec().service_account.as_ref();
        self.answer_all(account, around, rendered.owner(), settled, |observed| {
            plan::questions(rendered, observed).into_iter().map(Asked::from).collect()
        })
        .await
    }

    /// The same for an entry that left its bundle.
    ///
    /// # Errors
    /// As [`Observer::observe`].
    pub async fn observe_retired(&self, owner: &Owner, around: Observed) -> Result<Observed, Error> {
        self.answer_all(None, around, owner, &Settled::default(), |observed| {
            plan::questions_of_retired(observed).into_iter().map(Asked::from).collect()
        })
        .await
    }

    async fn answer_all(
        &self,
        account: Option<&ServiceAccount>,
        mut observed: Observed,
        owner: &Owner,
        settled: &Settled,
        questions: impl Fn(&Observed) -> Vec<Asked>,
    ) -> Result<Observed, Error> {
        let objects = account.map_or_else(|| self.cluster.clone(), |it| self.cluster.impersonate(it));
        let settled = Arc::new(settled.clone());
        loop {
            let asked = questions(&observed);
            if asked.is_empty() {
                return Ok(observed);
            }
            let known = observed.inventory.is_some();
            let listed = if known { self.list(&objects, owner, &asked).await? } else { BTreeMap::new() };
            let listed = Arc::new(listed);
            let answers = bounded(asked, self.concurrency, |asked| {
                let one = One {
                    objects: objects.clone(),
                    agent: self.cluster.clone(),
                    listed: listed.clone(),
                    settled: settled.clone(),
                    now: (self.clock)(),
                };
                async move { one.answer(asked).await }
            });
            for answer in answers.await? {
                match answer {
                    Answer::Live(id, live) => {
                        observed.objects.insert(id, *live);
                    }
                    Answer::Contents(id, contents) => {
                        observed.contents.insert(id, contents);
                    }
                }
            }
        }
    }

    /// Reads what there is much of in one request each. It saves requests and answers nothing: what it does not find is asked for.
    async fn list(
        &self,
        objects: &Arc<dyn Cluster>,
        owner: &Owner,
        asked: &[Asked],
    ) -> Result<BTreeMap<ObjectId, Object>, Error> {
        let mut places: BTreeMap<(Gvk, String), usize> = BTreeMap::new();
        for asked in asked {
            let place = match asked {
                Asked::DryRun(object) => (object.gvk().clone(), object.namespace().unwrap_or("").to_owned()),
                Asked::Live(id, gvk) => (gvk.clone(), id.namespace.clone()),
                Asked::Contents(_) => continue,
            };
            *places.entry(place).or_default() += 1;
        }
        let places =
            places.into_iter().filter(|(_, count)| *count >= LISTED).map(|(place, _)| place).collect();
        let lists = bounded(places, self.concurrency, |(gvk, namespace): (Gvk, String)| {
            let objects = objects.clone();
            let namespace = Some(namespace).filter(|it| !it.is_empty());
            let mut options = ListOptions { namespace, ..ListOptions::default() };
            for (key, value) in owner.labels() {
                options = options.labelled(key, &value);
            }
            async move {
                match patiently!(objects.list(&gvk, &options)) {
                    Ok((objects, _)) => Ok(objects),
                    Err(error) if is_fatal(&error) => Err(error),
                    Err(_) => Ok(Vec::new()),
                }
            }
        });
        Ok(lists.await?.into_iter().flatten().map(|object| (object.id(), object)).collect())
    }
}

impl From<Question<'_>> for Asked {
    fn from(question: Question<'_>) -> Self {
        match question {
            Question::DryRun(object) => Self::DryRun(Box::new(object.clone())),
            Question::Live(id, gvk) => Self::Live(id, gvk),
            Question::Contents(id) => Self::Contents(id),
        }
    }
}

/// Answers one question.
struct One {
    objects: Arc<dyn Cluster>,
    agent: Arc<dyn Cluster>,
    listed: Arc<BTreeMap<ObjectId, Object>>,
    settled: Arc<Settled>,
    now: Timestamp,
}

impl One {
    async fn answer(&self, asked: Asked) -> Result<Answer, Error> {
        match asked {
            Asked::DryRun(object) => {
                let id = object.id();
                let mut tried = None;
                if !self.listed.contains_key(&id) && !self.settled.knows(&id) {
                    // Most of what is not known of is new, and a dry-run says so by itself: what it would make has no
                    // version yet. That saves a read of what is not there.
                    match self.dry_run(&object).await? {
                        DryRun::Would(would) if would.resource_version().is_none() => {
                            return self.live(id, None, DryRun::Would(would)).await;
                        }
                        DryRun::NotServed => {}
                        dry_run => tried = Some(dry_run),
                    }
                }
                let (live, absent) = self.read(&id, object.gvk()).await?;
                let dry_run = match (&live, absent, tried) {
                    (_, Some(absent), _) => absent,
                    (Some(live), None, None) if self.settled.holds(&object, live) => DryRun::Settled,
                    (_, None, Some(dry_run)) => dry_run,
                    (_, None, None) => self.dry_run(&object).await?,
                };
                self.live(id, live, dry_run).await
            }
            Asked::Live(id, gvk) => {
                let (live, absent) = self.read(&id, &gvk).await?;
                let absent = if live.is_some() { None } else { absent };
                self.live(id, live, absent.unwrap_or(DryRun::NotAsked)).await
            }
            Asked::Contents(id) => {
                let contents = self.contents(&id).await?;
                Ok(Answer::Contents(id, contents))
            }
        }
    }

    async fn live(&self, id: ObjectId, object: Option<Object>, dry_run: DryRun) -> Result<Answer, Error> {
        let health = match &object {
            Some(object) => patiently!(wait::health(&*self.objects, object, self.now))?,
            None => Health::not_found(),
        };
        Ok(Answer::Live(id, Box::new(Live { object, health, dry_run })))
    }

    /// The object, in the version that is asked for or in another that is served; and why it cannot be tried.
    async fn read(&self, id: &ObjectId, gvk: &Gvk) -> Result<(Option<Object>, Option<DryRun>), Error> {
        if let Some(object) = self.listed.get(id) {
            return Ok((Some(object.clone()), None));
        }
        match self.get(id, gvk).await {
            Ok(object) => return Ok((object, None)),
            Err(Error::NoMatch(_)) => {}
            Err(error) => return Err(error),
        }
        let served = patiently!(self.agent.resources())?;
        let other = served.into_iter().find(|it| it.gvk.group_kind() == id.group_kind);
        match other {
            Some(other) => Ok((self.get(id, &other.gvk).await?, Some(DryRun::NotServed))),
            None if self.is_defined(&id.group_kind).await? => Ok((None, Some(DryRun::NotServed))),
            None => Ok((None, Some(DryRun::NotDefined))),
        }
    }

    async fn get(&self, id: &ObjectId, gvk: &Gvk) -> Result<Option<Object>, Error> {
        let reference = Reference::new(gvk.clone(), &id.namespace, &id.name);
        match patiently!(self.objects.get(&reference)) {
            Ok(object) => Ok(Some(object)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn dry_run(&self, object: &Object) -> Result<DryRun, Error> {
        let options = ApplyOptions::dry_run(FIELD_MANAGER);
        match patiently!(self.objects.apply(object, &options)) {
            Ok(would) => Ok(DryRun::Would(would.without_managers())),
            Err(Error::NoMatch(_)) => Ok(DryRun::NotServed),
            Err(error) if is_fatal(&error) => Err(error),
            Err(error) => match error.status() {
                Some(status) => Ok(DryRun::Refused(ApiError {
                    code: status.code,
                    reason: status.reason.clone(),
                    message: status.message.clone(),
                    causes: status.causes.clone(),
                })),
                None => Err(error),
            },
        }
    }

    /// Whether anything may yet serve a kind that is not served: its definition, or an API server beside the cluster's own.
    async fn is_defined(&self, kind: &GroupKind) -> Result<bool, Error> {
        // The cluster makes these itself for its own groups and for definitions, and says so.
        let of_definitions =
            |it: &Metadata| it.as_object().label("kube-aggregator.kubernetes.io/automanaged").is_some();
        if self.of_group(&aggregated(), &kind.group).await?.iter().any(|it| !of_definitions(it)) {
            return Ok(true);
        }
        for definition in self.of_group(&definition(), &kind.group).await? {
            match patiently!(self.agent.get(&definition.reference())) {
                Ok(it) if it.text(&["spec", "names", "kind"]) == Some(&kind.kind) => return Ok(true),
                Ok(_) | Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Definitions or aggregated APIs of one group, whose names end in it.
    async fn of_group(&self, gvk: &Gvk, group: &str) -> Result<Vec<Metadata>, Error> {
        let (all, suffix) = (ListOptions::default(), format!(".{group}"));
        match patiently!(self.agent.list_metadata(gvk, &all)) {
            Ok((items, _)) => {
                Ok(items.into_iter().filter(|it| it.as_object().name().ends_with(&suffix)).collect())
            }
            Err(Error::NoMatch(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// What goes along with a namespace or a definition. What a Flux object applied is in its own status.
    async fn contents(&self, id: &ObjectId) -> Result<BTreeSet<ObjectId>, Error> {
        let served = patiently!(self.agent.resources())?;
        let served = served.into_iter().filter(|it| it.is_listed() && !is_noise(&it.gvk.group_kind()));
        let (wanted, options): (Vec<Resource>, ListOptions) = match id.group_kind.kind.as_str() {
            "Namespace" => (served.filter(|it| it.namespaced).collect(), ListOptions::in_namespace(&id.name)),
            "CustomResourceDefinition" => {
                let reference = Reference::new(definition(), "", &id.name);
                let defined = match patiently!(self.agent.get(&reference)) {
                    Ok(it) => it,
                    Err(Error::NotFound(_)) => return Ok(BTreeSet::new()),
                    Err(error) => return Err(error),
                };
                let text = |path: &[&str]| defined.text(path).unwrap_or("").to_owned();
                let kind =
                    GroupKind { group: text(&["spec", "group"]), kind: text(&["spec", "names", "kind"]) };
                (served.filter(|it| it.gvk.group_kind() == kind).collect(), ListOptions::default())
            }
            _ => return Ok(BTreeSet::new()),
        };
        // One version of each kind tells of all its objects.
        let kinds: BTreeMap<GroupKind, Gvk> =
            wanted.into_iter().map(|it| (it.gvk.group_kind(), it.gvk)).collect();
        let mut contents = BTreeSet::new();
        for gvk in kinds.into_values() {
            match patiently!(self.agent.list_metadata(&gvk, &options)) {
                Ok((items, _)) => contents.extend(items.iter().map(|it| it.as_object().id())),
                Err(error) if error.is_absent() || matches!(error, Error::Rejected(_)) => {}
                Err(error) => return Err(error),
            }
        }
        contents.retain(|it| !is_made_with_a_namespace(it));
        Ok(contents)
    }
}

fn definition() -> Gvk {
    Gvk {
        group: "apiextensions.k8s.io".to_owned(),
        version: "v1".to_owned(),
        kind: "CustomResourceDefinition".to_owned(),
    }
}

fn aggregated() -> Gvk {
    Gvk {
        group: "apiregistration.k8s.io".to_owned(),
        version: "v1".to_owned(),
        kind: "APIService".to_owned(),
    }
}

/// What controllers write by themselves beside other objects, and nobody would miss.
fn is_noise(kind: &GroupKind) -> bool {
    matches!(kind.kind.as_str(), "Event" | "Endpoints" | "EndpointSlice" | "ControllerRevision")
}

/// What every namespace has.
fn is_made_with_a_namespace(id: &ObjectId) -> bool {
    let name = (id.group_kind.kind.as_str(), id.name.as_str());
    id.group_kind.group.is_empty()
        && matches!(name, ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt"))
}

/// An error that says nothing about the object.
fn is_fatal(error: &Error) -> bool {
    match error {
        Error::Unauthorized(_) | Error::Throttled { .. } | Error::Malformed(_) | Error::Disk { .. } => true,
        // A webhook that does not answer is the server's answer about this object.
        Error::Unavailable { status, .. } => status.as_ref().is_none_or(|it| it.reason != "InternalError"),
        _ => false,
    }
}

/// Runs so many at once. The first that fails ends the others.
async fn bounded<I, T, F>(items: Vec<I>, limit: usize, run: impl Fn(I) -> F) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<T, Error>> + Send + 'static,
    T: Send + 'static,
{
    let mut running = JoinSet::new();
    let mut results = Vec::with_capacity(items.len());
    let mut items = items.into_iter();
    loop {
        while running.len() < limit.max(1)
            && let Some(item) = items.next()
        {
            running.spawn(run(item));
        }
        match running.join_next().await {
            None => return Ok(results),
            Some(Ok(result)) => results.push(result?),
            Some(Err(error)) => {
                let reason = "an observation was stopped".to_owned();
                return Err(Error::Unavailable { reason, status: None, source: Some(error.into()) });
            }
        }
    }
}
