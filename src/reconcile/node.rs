//! A node: its store, what it remembers, and the cluster that it keeps.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::{
    accept::Terms,
    contest::Contests,
    desired::Cache,
    heart::Heart,
    lead::Candidate,
    memory::Memory,
    news::News,
    pull::Place,
    receipt,
    reports::Reports,
    status::{ChannelStatus, RootStatus, Status},
};
use crate::{
    bundle::{AgentVersion, Floor, Role, Unverified},
    cluster::{Cluster, observe::Settled},
    content::Content,
    digest::Digest,
    fault::{Class, Report},
    name::{ChannelName, ClusterId, EntryName},
    object::Gvk,
    plan::Budget,
    source::GiveWay,
    store::{self, Disk, Store},
    trust::{
        Audience, Verified, anchor,
        state::{Held, HeldFloor, RootRef, State},
    },
};

/// What a node is told by its configuration, as far as its stages need it.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The cluster that it belongs to.
    pub cluster: ClusterId,
    /// What bundles are held against.
    pub terms: Terms,
    /// The file of the site's answers.
    pub site: PathBuf,
    /// Whether a staged bundle becomes active by itself.
    pub auto: bool,
    /// How much may be deleted without the operator's word.
    pub budget: Budget,
    /// How many bundles of a channel are kept beside those in use.
    pub keep: usize,
}

impl Profile {
    /// What a node follows, in the form in which bundles are held against it.
    pub fn terms(
        audiences: Vec<Audience>,
        agent: AgentVersion,
        arch: String,
        kubernetes: Option<u32>,
    ) -> Terms {
        Terms { audiences, agent, arch, kubernetes }
    }
}

/// Tells the time. The node's clock may be wrong, and its stages allow for that.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A node at work. All that it does passes here, whether a socket, a stick or a clock asked for it.
pub struct Node {
    pub(super) profile: Profile,
    pub(super) store: Store,
    pub(super) cluster: Option<Arc<dyn Cluster>>,
    /// Where several nodes keep one cluster.
    pub(super) candidate: Option<Candidate>,
    pub(super) memory: Mutex<Memory>,
    contents: Mutex<BTreeMap<Digest, Arc<Content>>>,
    pub(super) shelved: Mutex<super::shelf::Shelved>,
    pub(super) rendered: Mutex<Cache>,
    pub(super) settled: Mutex<BTreeMap<(ChannelName, EntryName), Settled>>,
    pub(super) contests: Arc<Mutex<Contests>>,
    pub(super) news: Mutex<News>,
    /// Something was told of an entry that was well.
    pub(super) news_came: tokio::sync::Notify,
    reports: Mutex<Reports>,
    pub(super) heart: Heart,
    /// The cluster's secret, once it is known.
    pub(super) secret: Mutex<Option<[u8; 32]>>,
    /// One import at a time: two would copy the same blobs.
    pub(super) importing: Mutex<()>,
    /// What is asked of pulls while somebody stands there with a medium.
    pub(super) give_way: GiveWay,
    pub(super) places: Mutex<Vec<Place>>,
    /// Where places that have a history keep it.
    pub(super) objects: Option<PathBuf>,
    notices: Vec<String>,
    pub(super) clock: Clock,
    waker: tokio::sync::Notify,
    pub(super) other_kinds: tokio::sync::Notify,
    /// Another node has what this one must have before it may write.
    pub(super) behind: tokio::sync::Notify,
    stopped: std::sync::atomic::AtomicBool,
    /// What other nodes decided is known here, as of the beginning of this term.
    pub(super) joined: std::sync::atomic::AtomicBool,
    /// One pass at a time: two would plan from the same observation.
    pub(super) pass: tokio::sync::Mutex<()>,
}

impl Node {
    /// Opens a node's store and verifies everything that is in use again: the chain of roots, and each active envelope
    /// under the root that admitted it. `store_id` is what `/etc/airlock/store-id` says, where it is.
    ///
    /// # Errors
    /// When there is no state, it is lost, or what the store holds is not what was accepted.
    pub fn open(
        disk: Arc<dyn Disk>,
        store_id: Option<&str>,
        profile: Profile,
        cluster: Option<Arc<dyn Cluster>>,
        clock: Clock,
    ) -> Result<Self, Report> {
        let (store, state, recovered) = Store::open(disk, store_id)?;
        let memory = Memory::load(&store, state)?;
        let notices = recovered.iter().map(ToString::to_string).collect();
        let node = Self::over(store, memory, profile, cluster, clock, notices);
        for (_, channel, held) in node.in_use() {
            node.memory().admitted(&node.store, &channel, &held)?;
        }
        Ok(node)
    }

    /// A node over a store that is open already.
    pub fn over(
        store: Store,
        memory: Memory,
        profile: Profile,
        cluster: Option<Arc<dyn Cluster>>,
        clock: Clock,
        notices: Vec<String>,
    ) -> Self {
        Self {
            profile,
            store,
            cluster,
            candidate: None,
            memory: Mutex::new(memory),
            contents: Mutex::default(),
            shelved: Mutex::default(),
            rendered: Mutex::default(),
            settled: Mutex::default(),
            contests: Arc::default(),
            news: Mutex::default(),
            news_came: tokio::sync::Notify::new(),
            importing: Mutex::default(),
            give_way: GiveWay::default(),
            places: Mutex::default(),
            objects: None,
            heart: Heart::default(),
            secret: Mutex::default(),
            reports: Mutex::default(),
            notices,
            clock,
            waker: tokio::sync::Notify::new(),
            other_kinds: tokio::sync::Notify::new(),
            behind: tokio::sync::Notify::new(),
            stopped: std::sync::atomic::AtomicBool::new(false),
            joined: std::sync::atomic::AtomicBool::new(false),
            pass: tokio::sync::Mutex::new(()),
        }
    }

    /// The bundles that are staged, active or last good, each once.
    pub(super) fn in_use(&self) -> Vec<(ClusterId, ChannelName, Held)> {
        let memory = self.memory();
        let mut all: Vec<(ClusterId, ChannelName, Held)> = Vec::new();
        for (cluster, channels) in &memory.state.clusters {
            for (channel, state) in channels {
                for held in [state.staged, state.active, state.last_good].into_iter().flatten() {
                    if !all.iter().any(|(.., it)| it.digest == held.digest) {
                        all.push((cluster.clone(), channel.clone(), held));
                    }
                }
            }
        }
        all
    }

    /// The content of a bundle that was accepted.
    pub(super) fn content(&self, channel: &ChannelName, held: &Held) -> Result<Arc<Content>, Report> {
        if let Some(content) = lock(&self.contents).get(&held.digest) {
            return Ok(Arc::clone(content));
        }
        let root = self.memory().admitted(&self.store, channel, held)?;
        let content = Arc::new(Content::open(root, self.store.blobs())?);
        let mut contents = lock(&self.contents);
        contents.insert(held.digest, Arc::clone(&content));
        Ok(content)
    }

    pub(super) fn forget_contents(&self) {
        lock(&self.contents).clear();
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(&self.memory)
    }

    pub(super) fn reports(&self) -> MutexGuard<'_, Reports> {
        lock(&self.reports)
    }

    /// Changes the state, with a receipt, durably.
    pub(super) fn change(
        &self,
        now: Timestamp,
        receipt: &serde_json::Value,
        change: impl FnOnce(&mut State),
    ) -> Result<(), store::Error> {
        self.memory().change(&self.store, now, receipt, change)
    }

    /// Imports what lies at `paths`; blocks while it copies, and while another import does.
    pub fn import(
        &self,
        paths: &[PathBuf],
        now: Timestamp,
        progress: &super::accept::OnBytes,
    ) -> super::import::Imported {
        // A medium is here now, and the network will be there later.
        let claim = self.give_way.claim();
        let _importing = lock(&self.importing);
        drop(claim);
        super::import::import(&self.store, &mut &self.memory, &self.profile.terms, paths, now, progress)
    }

    /// How the node stands.
    pub fn status(&self, now: Timestamp) -> Status {
        let memory = self.memory().clone();
        let reports = self.reports();
        let root = memory.newest_root();
        let mut channels = Vec::new();
        for (cluster, states) in &memory.state.clusters {
            for (channel, state) in states {
                let own = *cluster == self.profile.cluster;
                let entries = reports.entries.iter().filter(|((it, _), _)| own && it == channel);
                let created = state.active.as_ref().and_then(|held| self.created(channel, held));
                channels.push(ChannelStatus {
                    cluster: cluster.clone(),
                    channel: channel.clone(),
                    floor: state.floor,
                    staged: state.staged,
                    waiting: reports.waiting.get(channel).filter(|_| own && state.staged.is_some()).cloned(),
                    active: state.active,
                    created,
                    last_good: state.last_good,
                    denied: state.denied.clone(),
                    hold: state.hold.clone(),
                    latest: state.latest,
                    entries: entries.map(|(_, status)| status.clone()).collect(),
                    failure: reports.failures.get(channel).filter(|_| own).cloned(),
                });
            }
        }
        Status {
            cluster: self.profile.cluster.clone(),
            at: now,
            root: RootStatus {
                version: root.version,
                epoch: root.epoch,
                digest: root.digest(),
                expires: root.expires,
            },
            time_floor: memory.state.time_floor,
            channels,
            sources: self.source_status(),
            notices: self.notices.clone(),
        }
    }

    fn created(&self, channel: &ChannelName, held: &Held) -> Option<Timestamp> {
        let known = lock(&self.contents).get(&held.digest).map(|it| it.root().statement.created);
        known.or_else(|| Some(self.memory().admitted(&self.store, channel, held).ok()?.statement.created))
    }

    /// The kinds of the objects that the node keeps.
    pub fn kinds(&self) -> BTreeSet<Gvk> {
        self.reports().kinds.clone()
    }

    /// Waits until the node keeps objects of other kinds than before.
    pub async fn kinds_changed(&self) {
        self.other_kinds.notified().await;
    }

    /// The id of the store, as `/etc/airlock/store-id` should have it.
    pub fn store_id(&self) -> String {
        self.memory().state.store_id.clone()
    }

    /// Nothing new is begun any more.
    pub fn stop(&self) {
        self.stopped.store(true, std::sync::atomic::Ordering::Relaxed);
        self.give_way.end();
    }

    /// Whether [`Node::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Waits until no pass is under way.
    pub async fn idle(&self) {
        drop(self.pass.lock().await);
    }

    /// The agent ends because it was told to, so nothing that was begun is counted against any bundle.
    pub fn finish(&self) {
        for channel in self.own_channels() {
            // A disk that fails now makes a bundle look as if it had ended the agent, once.
            let _ = self.end(&channel);
        }
    }

    /// The time, by the node's clock.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Something changed that a pass should look at.
    pub fn wake(&self) {
        self.waker.notify_one();
    }

    /// Waits until [`Node::wake`] is called; a call that came before counts.
    pub async fn woken(&self) {
        self.waker.notified().await;
    }

    /// The trust roots that the node knows, oldest first.
    pub fn chain(&self) -> Vec<Verified<crate::bundle::TrustRoot>> {
        self.memory().chain().to_vec()
    }

    /// What was decided, from the first receipt to the last, and where the chain of receipts does not hold.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn history(&self) -> Result<store::Chain, store::Error> {
        self.store.receipts()
    }
}

/// What the operator brings to begin with.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// The envelope of a trust root, of any version.
    pub envelope: Vec<u8>,
    /// The digest of its payload, as the operator has it from elsewhere.
    pub digest: Digest,
    /// How the operator gave it: `sha256`, `words`.
    pub how: String,
    /// A floor, where a lost state is recovered: nothing older is accepted.
    pub minimum: Option<(Vec<(ClusterId, ChannelName)>, Floor)>,
}

/// Begins a store that trusts one root. `store_id` is 32 random hexadecimal digits, to be written to
/// `/etc/airlock/store-id` after this returns.
///
/// # Errors
/// When the root is not the one with that digest, or a state is there.
pub fn begin(disk: Arc<dyn Disk>, anchored: &Anchor, store_id: String, now: Timestamp) -> Result<(), Report> {
    let envelope = Unverified::read(&format!("the {} file", Role::Root.name()), anchored.envelope.clone())?;
    let root = anchor(&envelope, anchored.digest)?;
    let at = RootRef { version: root.version, digest: root.digest() };
    let mut state = State::anchored(store_id, at, root.issued);
    if let Some((channels, position)) = &anchored.minimum {
        for (cluster, channel) in channels {
            // The recovered floor knows a number and no bundle, so that number is admitted once.
            state.channel_mut(cluster, channel).floor = Some(HeldFloor { position: *position, digest: None });
        }
    }
    let (store, state) = Store::create(disk, state, &envelope)?;
    let mut memory = Memory::load(&store, state)?;
    memory.change(
        &store,
        now,
        &receipt::anchored(&root, &anchored.how, anchored.minimum.is_some()),
        |_| (),
    )?;
    Ok(())
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A pass that panicked is that pass' fault; what it left in memory was committed or is made anew.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A node without a cluster was asked for what needs one.
pub(super) fn no_cluster() -> Report {
    Report::new(
        "no_cluster",
        Class::Invalid,
        "this node keeps bundles and applies nothing",
        Some("set `role: apply` and `apply` in airlock.yaml, or ask on a node that has them"),
    )
}
