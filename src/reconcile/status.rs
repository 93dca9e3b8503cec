//! How a node stands, in a form that travels: over the socket, onto the screen, into a file for other tools.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SourceStatus;
use crate::{
    digest::Digest,
    fault::Report,
    name::{ChannelName, ClusterId, EntryName},
    trust::state::{Denial, Held, HeldFloor, Hold, Latest},
};

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Its cluster.
    pub cluster: ClusterId,
    /// When this was true.
    pub at: Timestamp,
    /// The newest trust root.
    pub root: RootStatus,
    /// No time before this one is believed.
    pub time_floor: Timestamp,
    /// Its channels, those that it relays for others included.
    pub channels: Vec<ChannelStatus>,
    /// The places on the network that are asked for bundles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceStatus>,
    /// What was not as it should be when the node started, and is again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

impl Status {
    /// Takes over what an earlier status says, where the bundles are still the same and this one says nothing.
    pub fn take_entries(&mut self, earlier: Self) {
        for channel in &mut self.channels {
            let same = |it: &&ChannelStatus| it.cluster == channel.cluster && it.channel == channel.channel;
            let Some(before) = earlier.channels.iter().find(same) else { continue };
            if before.active.map(|it| it.digest) == channel.active.map(|it| it.digest) {
                if channel.entries.is_empty() {
                    channel.entries.clone_from(&before.entries);
                }
                channel.failure = channel.failure.take().or_else(|| before.failure.clone());
            }
            if before.staged.map(|it| it.digest) == channel.staged.map(|it| it.digest) {
                channel.waiting = channel.waiting.take().or_else(|| before.waiting.clone());
            }
        }
    }
}

/// The newest trust root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RootStatus {
    /// Its version.
    pub version: u32,
    /// Its epoch.
    pub epoch: u32,
    /// Its identity.
    pub digest: Digest,
    /// After this it admits no new bundle.
    pub expires: Timestamp,
}

/// How a channel stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelStatus {
    /// Whose it is.
    pub cluster: ClusterId,
    /// The channel.
    pub channel: ChannelName,
    /// Nothing lower is accepted any more.
    pub floor: Option<HeldFloor>,
    /// Accepted, and not active yet.
    pub staged: Option<Held>,
    /// Why the staged bundle is not active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Report>,
    /// What is kept in the cluster.
    pub active: Option<Held>,
    /// When the active bundle was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// The last one that was healthy as a whole.
    pub last_good: Option<Held>,
    /// Bundles that are set aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<Denial>,
    /// The operator's hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The newest bundle that a latest card told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Latest>,
    /// The entries of the active bundle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<EntryStatus>,
    /// What stands in the way of the whole active bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Report>,
}

/// How an entry stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryStatus {
    /// The entry.
    pub entry: EntryName,
    /// In one word.
    pub phase: Phase,
    /// In one sentence.
    pub message: String,
    /// What is wrong, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Report>,
    /// How many objects it has.
    pub objects: usize,
    /// What the last pass that changed something did, object by object, in Flux's words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes: BTreeMap<String, String>,
    /// Since when the phase is what it is.
    pub since: Timestamp,
}

/// An entry in one word; the words are those of Flux's conditions where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// All its objects are there and well.
    Ready,
    /// Work is under way.
    Progressing,
    /// It waits for others.
    DependencyNotReady,
    /// The operator paused it.
    Paused,
    /// It failed; see why.
    Failed,
}

impl Phase {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Progressing => "Progressing",
            Self::DependencyNotReady => "DependencyNotReady",
            Self::Paused => "Paused",
            Self::Failed => "Failed",
        }
    }
}
