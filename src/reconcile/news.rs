//! What the cluster told since it was last looked at: as long as it tells nothing, nothing is asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use super::{
    desired::Desired,
    node::{Node, lock},
};
use crate::{
    cluster::{Metadata, observe::Inventories},
    name::{ChannelName, EntryName},
    object::{Gvk, Object, ObjectId},
    plan::{Inventory, NAMESPACE, Owners},
    render::{Owner, Rendered},
    trust::state::ChannelState,
};

/// One entry of one channel.
pub(super) type Key = (ChannelName, EntryName);

/// Where an object was at last: that version of it, or gone.
pub(super) type Seen = Option<(String, String)>;

/// What the cluster told.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Which entry renders what: what a change is looked up in.
    claims: BTreeMap<ChannelName, Owners>,
    /// The inventories by the objects that hold them, and the version in which each was read or written.
    inventories: BTreeMap<ObjectId, (Key, Seen)>,
    /// What was told of each entry's objects.
    told: BTreeMap<Key, BTreeMap<ObjectId, Seen>>,
    /// Kinds that are followed; whether their watch goes on.
    followed: BTreeMap<Gvk, Arc<AtomicBool>>,
    /// Entries that were found well, and what they rendered to.
    well: BTreeMap<Key, Arc<Rendered>>,
    /// Channels for which a whole pass left nothing to be done, and how they stood.
    still: BTreeMap<ChannelName, ChannelState>,
}

impl News {
    fn follows(&self, gvk: &Gvk) -> bool {
        self.followed.get(gvk).is_some_and(|it| it.load(Ordering::Relaxed))
    }

    fn follows_all(&self, rendered: &Rendered) -> bool {
        rendered.objects().iter().all(|it| self.follows(it.gvk()))
    }
}

/// The kind of inventories.
fn config_map() -> Gvk {
    Gvk { group: String::new(), version: "v1".to_owned(), kind: "ConfigMap".to_owned() }
}

fn seen(object: &Object) -> Seen {
    Some((object.uid()?.to_owned(), object.resource_version()?.to_owned()))
}

impl Node {
    /// What is told from now on is about what this bundle renders.
    pub(super) fn expect_news(&self, desired: &Desired) {
        let channel = desired.content.root().statement.channel.clone();
        let mut news = lock(&self.news);
        news.claims.insert(channel.clone(), desired.claims.clone());
        let has = |key: &Key| key.0 != channel || desired.entries.contains_key(&key.1);
        news.told.retain(|key, _| has(key));
        news.well.retain(|key, _| has(key));
    }

    /// A kind is followed from now on; whoever follows it says whether its watch goes on.
    pub(super) fn follows(&self, gvk: &Gvk, goes_on: Arc<AtomicBool>) {
        lock(&self.news).followed.insert(gvk.clone(), goes_on);
    }

    /// An object changed, or is gone.
    pub(super) fn heard(&self, object: &Metadata, gone: bool) {
        let object = object.as_object();
        self.heard_of(&object.id(), if gone { None } else { seen(object) });
    }

    /// The first list of a kind: what is claimed and not on it went before anybody listened.
    pub(super) fn heard_all(&self, gvk: &Gvk, known: &BTreeSet<ObjectId>) {
        let kind = gvk.group_kind();
        let missing: Vec<ObjectId> = {
            let news = lock(&self.news);
            let claimed = news.claims.values().flat_map(Owners::iter).map(|(id, _)| id);
            claimed.filter(|id| id.group_kind == kind && !known.contains(*id)).cloned().collect()
        };
        for id in missing {
            self.heard_of(&id, None);
        }
    }

    fn heard_of(&self, id: &ObjectId, version: Seen) {
        let mut news = lock(&self.news);
        let mut keys: Vec<Key> = Vec::new();
        for (channel, claims) in &news.claims {
            keys.extend(claims.get(id).map(|owner| (channel.clone(), owner.entry.clone())));
        }
        keys.extend(news.inventories.get(id).map(|(key, _)| key.clone()));
        for key in &keys {
            news.told.entry(key.clone()).or_default().insert(id.clone(), version.clone());
        }
        let keys: Vec<Key> = keys.into_iter().filter(|key| self.is_news(&news, key)).collect();
        drop(news);
        if !keys.is_empty() {
            self.news_came.notify_one();
            self.wake();
        }
    }

    /// Whether anything that was told of an entry is not known already: our own writes are, and what is fought over is
    /// left alone.
    fn is_news(&self, news: &News, key: &Key) -> bool {
        let Some(told) = news.told.get(key) else { return false };
        let settled = lock(&self.settled);
        let (settled, now, well) = (settled.get(key), Instant::now(), news.well.contains_key(key));
        let known = |(id, version): (&ObjectId, &Seen)| {
            if id.namespace == NAMESPACE
                && let Some((_, known)) = news.inventories.get(id)
            {
                return known == version;
            }
            let ours = version.as_ref().is_some_and(|(uid, version)| {
                settled.is_some_and(|settled| settled.is_version(id, uid, version))
            });
            // A fight is told of once, and then left alone.
            ours || (!well && lock(&self.contests).has(id, now))
        };
        !told.iter().all(known)
    }

    /// An entry is looked at now: what was told before is seen anyway.
    pub(super) fn look_at(&self, key: &Key) {
        let mut news = lock(&self.news);
        news.told.remove(key);
        news.well.remove(key);
    }

    /// An entry was found well.
    pub(super) fn found_well(&self, key: &Key, rendered: &Arc<Rendered>) {
        let spec = rendered.spec();
        // What it checks beside its own objects is followed by nobody.
        if spec.wait || spec.health_checks.is_empty() {
            lock(&self.news).well.insert(key.clone(), Arc::clone(rendered));
        }
    }

    /// Whether an entry was found well as it is rendered now, and nothing was told of it since.
    pub(super) fn is_well(&self, key: &Key, rendered: &Arc<Rendered>) -> bool {
        let news = lock(&self.news);
        let same = news.well.get(key).is_some_and(|it| Arc::ptr_eq(it, rendered));
        same && news.follows_all(rendered) && news.follows(&config_map()) && !self.is_news(&news, key)
    }

    /// The entries of a channel that were found well and are not any more, as far as was told.
    pub(super) fn unwell(&self, channel: &ChannelName) -> Vec<EntryName> {
        let news = lock(&self.news);
        let of_channel = news.well.keys().filter(|(it, _)| it == channel);
        of_channel.filter(|key| self.is_news(&news, key)).map(|(_, entry)| entry.clone()).collect()
    }

    /// The inventories as they were read.
    pub(super) fn read_inventories(&self, inventories: &Inventories) {
        let mut news = lock(&self.news);
        for inventory in inventories.iter() {
            let owner = &inventory.owner;
            let key = (owner.channel.clone(), owner.entry.clone());
            let version = inventories.version_of(owner).cloned();
            news.inventories.insert(Inventory::id(owner), (key, version));
        }
    }

    /// The UID and version of an entry's inventory, as it was seen last.
    pub(super) fn inventory_seen(&self, owner: &Owner) -> Seen {
        lock(&self.news).inventories.get(&Inventory::id(owner)).and_then(|(_, seen)| seen.clone())
    }

    /// An inventory was written.
    pub(super) fn wrote_inventory(&self, key: &Key, object: &Object) {
        lock(&self.news).inventories.insert(object.id(), (key.clone(), seen(object)));
    }

    /// A whole pass left nothing to be done for a channel.
    pub(super) fn note_still(&self, channel: &ChannelName, entries: usize) {
        let state = self.channel_state(channel);
        let mut news = lock(&self.news);
        if news.well.keys().filter(|(it, _)| it == channel).count() == entries {
            news.still.insert(channel.clone(), state);
        }
    }

    /// Whether a channel stands as a whole pass left it, and nothing was told since that matters. Then the cluster need not be
    /// asked anything.
    pub(super) fn is_still(&self, channel: &ChannelName, state: &ChannelState) -> bool {
        let news = lock(&self.news);
        let mut own = news.well.iter().filter(|((it, _), _)| it == channel);
        news.still.get(channel) == Some(state)
            && news.follows(&config_map())
            && own.all(|(key, rendered)| news.follows_all(rendered) && !self.is_news(&news, key))
    }

    /// Nothing that was found is relied on any more.
    pub fn doubt(&self) {
        let mut news = lock(&self.news);
        news.well.clear();
        news.still.clear();
    }
}
