//! What a node must never forget, and how it may change.
//!
//! The store keeps this in two slots. Every change is a pure function here; the store only makes it durable.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Root, Verified};
use crate::{
    bundle::{Card, Floor, TrustRoot},
    digest::Digest,
    name::{ChannelName, ClusterId, EntryName},
};

/// Everything that a node must never forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct State {
    /// The store that this state belongs to: 32 hexadecimal digits, also in `/etc/airlock/store-id`.
    pub store_id: String,
    /// The root that the operator anchored.
    pub anchor: RootRef,
    /// The newest root known.
    pub newest_root: RootRef,
    /// No bundle older than this is news, whatever the clock says: the latest `created` that was accepted.
    pub time_floor: Timestamp,
    /// The end of the receipts.
    pub receipts: ReceiptHead,
    /// Per cluster and channel.
    pub clusters: BTreeMap<ClusterId, BTreeMap<ChannelName, ChannelState>>,
}

/// A trust root, by version and payload digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RootRef {
    /// Its version.
    pub version: u32,
    /// Its payload's digest.
    pub digest: Digest,
}

/// The end of the receipts: how many there are, and the hash of the last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReceiptHead {
    /// How many lines there are.
    pub count: u64,
    /// The hash of the last one; of nothing, where there is none.
    pub digest: Digest,
}

/// One channel on one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChannelState {
    /// Nothing lower is accepted any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<HeldFloor>,
    /// Accepted and complete, and not active yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<Held>,
    /// What is kept in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<Held>,
    /// The last one that was healthy as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good: Option<Held>,
    /// Bundles that are set aside until the operator says otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<Denial>,
    /// The operator's hold on the whole channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Entries that the operator paused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paused: BTreeMap<EntryName, Hold>,
    /// How often a bundle was begun and not ended, so that one that kills the agent is set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// The operator's word that is not used up yet: refusal code and digest.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub waivers: BTreeSet<Waiver>,
    /// What the site answered when the active bundle became active; drift correction goes on with it whatever becomes of
    /// the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<serde_json::Map<String, serde_json::Value>>,
    /// The operator ordered this bundle to become active, where nothing does so by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<Digest>,
    /// The deletions that the operator agreed to for the active bundle, until all of them are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<serde_json::Value>,
    /// The newest bundle that a latest card told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Latest>,
    /// How many decisions about what runs were made so far, on any node of the cluster: who knows of fewer follows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub decided: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The floor of a channel. A recovered one has no digest and admits its sequence once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HeldFloor {
    /// Epoch and sequence.
    pub position: Floor,
    /// The payload digest of the bundle that set it.
    pub digest: Option<Digest>,
}

/// A bundle that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Held {
    /// Epoch and sequence.
    pub position: Floor,
    /// Its payload's digest.
    pub digest: Digest,
    /// The version of the root that admitted it, and under which it is verified again at every start.
    pub root_version: u32,
    /// When it was accepted, by this node's clock.
    pub accepted: Timestamp,
}

/// A bundle that is set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Denial {
    /// Its payload's digest.
    pub digest: Digest,
    /// Why, in words.
    pub why: String,
}

/// A hold or a pause: who, why, until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Hold {
    /// Who asked.
    pub who: String,
    /// Why.
    pub why: String,
    /// Until when; none: until it is resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A bundle that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Attempt {
    /// Its payload's digest.
    pub digest: Digest,
    /// How often it was begun without an end.
    pub count: u32,
}

/// The operator's word for one refusal of one payload or one deletion list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Waiver {
    /// The refusal's code.
    pub code: String,
    /// The digest that the refusal printed: of the payload, or of the deletion list.
    pub digest: Digest,
}

/// What a latest card told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Latest {
    /// Epoch and sequence of the newest bundle.
    pub position: Floor,
    /// Its payload's digest.
    pub digest: Digest,
    /// When it was made.
    pub created: Timestamp,
}

/// A bundle that was begun so often without an end is set aside.
const ATTEMPTS: u32 = 2;

impl State {
    /// The state of a node on which a root was anchored a moment ago.
    pub fn anchored(store_id: String, anchor: RootRef, issued: Timestamp) -> Self {
        let receipts = ReceiptHead { count: 0, digest: Digest::of(b"") };
        Self {
            store_id,
            anchor,
            newest_root: anchor,
            time_floor: issued,
            receipts,
            clusters: BTreeMap::new(),
        }
    }

    /// Takes in a newer root. A new epoch takes the time floor back to the new root's own time, since whoever burned
    /// the clock of the old one did it with keys that no longer count.
    pub fn learn_root(&mut self, before: &TrustRoot, root: &Verified<TrustRoot>) {
        self.newest_root = RootRef { version: root.version, digest: root.digest() };
        if root.epoch > before.epoch {
            self.time_floor = root.issued;
        }
    }

    /// Takes in an accepted bundle: its channel's floor rises to it, and time does not go back behind it.
    pub fn accept(&mut self, cluster: &ClusterId, root: &Verified<Root>, now: Timestamp) {
        let statement = &root.statement;
        self.time_floor = self.time_floor.max(statement.created);
        let held = Held {
            position: statement.position(),
            digest: root.digest(),
            root_version: root.judged_by,
            accepted: now,
        };
        self.channel_mut(cluster, &statement.channel).accept(held);
    }

    /// A channel's state; the empty one where nothing was accepted.
    pub fn channel(&self, cluster: &ClusterId, channel: &ChannelName) -> ChannelState {
        self.clusters.get(cluster).and_then(|it| it.get(channel)).cloned().unwrap_or_default()
    }

    /// The place of a channel's state.
    pub fn channel_mut(&mut self, cluster: &ClusterId, channel: &ChannelName) -> &mut ChannelState {
        self.clusters.entry(cluster.clone()).or_default().entry(channel.clone()).or_default()
    }
}

impl ChannelState {
    /// Takes in an accepted bundle: the floor rises to it, and it is staged. The floor never falls.
    pub(crate) fn accept(&mut self, held: Held) {
        let floor = HeldFloor { position: held.position, digest: Some(held.digest) };
        if self.floor.is_none_or(|it| it.position <= held.position) {
            self.floor = Some(floor);
        }
        self.staged = Some(held);
        self.waivers.retain(|it| it.digest != held.digest);
    }

    /// Makes the staged bundle the active one, with what the site answered.
    pub fn activate(&mut self, inputs: serde_json::Map<String, serde_json::Value>) {
        if let Some(staged) = self.staged.take() {
            self.decided += 1;
            self.active = Some(staged);
            self.inputs = Some(inputs);
            self.agreed = None;
            self.ordered = None;
            // What was begun has come to its end; keeping it is another piece of work.
            self.attempt = None;
        }
    }

    /// The operator's word for a list of deletions is used up, and what is left of the list needs no second one.
    pub fn agree(&mut self, used: Digest, list: serde_json::Value) {
        self.waivers.retain(|it| it.digest != used);
        self.agreed = Some(list);
    }

    /// The cluster records a bundle that was accepted elsewhere: the floor rises to it. The floor never falls.
    pub fn raise_floor(&mut self, position: Floor, digest: Digest) {
        if self.floor.is_none_or(|it| it.position < position) {
            self.floor = Some(HeldFloor { position, digest: Some(digest) });
        }
    }

    /// Notes that the active bundle is healthy as a whole.
    pub fn healthy(&mut self) {
        self.last_good = self.active;
        self.attempt = None;
        self.agreed = None;
    }

    /// Makes a kept bundle active again, with what the site answers to it, and sets aside the one that is left. The floor
    /// stays.
    pub fn roll_back(&mut self, to: Held, inputs: serde_json::Map<String, serde_json::Value>, why: &str) {
        self.decided += 1;
        for left in [self.active, self.staged].into_iter().flatten() {
            if left.digest != to.digest {
                self.deny(left.digest, why);
            }
        }
        self.denied.retain(|it| it.digest != to.digest);
        self.active = Some(to);
        self.inputs = Some(inputs);
        self.staged = None;
        self.ordered = None;
        self.agreed = None;
        self.attempt = None;
    }

    /// Sets a bundle aside: it is neither staged nor active any more. What it brought stays where it is.
    pub fn deny(&mut self, digest: Digest, why: &str) {
        self.decided += 1;
        self.denied.retain(|it| it.digest != digest);
        self.denied.push(Denial { digest, why: why.to_owned() });
        if self.staged.is_some_and(|it| it.digest == digest) {
            self.staged = None;
        }
        if self.active.is_some_and(|it| it.digest == digest) {
            self.active = None;
            self.inputs = None;
            self.agreed = None;
            self.attempt = None;
        }
    }

    /// Follows what another node decided: what runs, with what the site answers to it, what is set aside, held and paused.
    pub fn follow(
        &mut self,
        decided: u64,
        active: Held,
        inputs: serde_json::Map<String, serde_json::Value>,
        denied: Vec<Denial>,
        hold: Option<Hold>,
        paused: BTreeMap<EntryName, Hold>,
    ) {
        if self.active.is_none_or(|it| it.digest != active.digest) {
            self.active = Some(active);
            self.agreed = None;
            self.attempt = None;
        }
        self.inputs = Some(inputs);
        let over =
            |it: &Held| it.digest == active.digest || denied.iter().any(|denial| denial.digest == it.digest);
        if self.staged.as_ref().is_some_and(over) {
            self.staged = None;
            self.ordered = None;
        }
        self.last_good = self.last_good.filter(|it| !denied.iter().any(|denial| denial.digest == it.digest));
        (self.denied, self.hold, self.paused, self.decided) = (denied, hold, paused, decided);
    }

    /// Why a bundle is set aside, where it is.
    pub fn denial(&self, digest: &Digest) -> Option<&Denial> {
        self.denied.iter().find(|it| it.digest == *digest)
    }

    /// Counts the beginning of a bundle; true when it was begun too often without an end.
    #[must_use]
    pub fn begin(&mut self, digest: Digest) -> bool {
        let before = self.attempt.filter(|it| it.digest == digest).map_or(0, |it| it.count);
        self.attempt = Some(Attempt { digest, count: before + 1 });
        before >= ATTEMPTS
    }

    /// Notes that what was begun came to an end, good or bad, without taking the agent with it.
    pub fn end(&mut self) {
        self.attempt = None;
    }

    /// Notes the operator's word.
    pub fn waive(&mut self, code: &str, digest: Digest) {
        self.waivers.insert(Waiver { code: code.to_owned(), digest });
    }

    /// Uses up the operator's word, where there is one.
    pub fn take_waiver(&mut self, code: &str, digest: &Digest) -> bool {
        self.waivers.remove(&Waiver { code: code.to_owned(), digest: *digest })
    }

    /// Notes what a latest card tells; an older card tells nothing.
    pub fn learn(&mut self, card: &Card) {
        let position = Floor { epoch: card.epoch, sequence: card.sequence };
        if self.latest.is_none_or(|it| it.position < position) {
            self.latest = Some(Latest { position, digest: card.digest, created: card.created });
        }
    }

    /// Drops holds and pauses that ran out.
    pub fn expire_holds(&mut self, now: Timestamp) {
        let over = |hold: &Hold| hold.until.is_some_and(|until| until <= now);
        if self.hold.as_ref().is_some_and(over) {
            self.hold = None;
        }
        self.paused.retain(|_, hold| !over(hold));
    }
}
