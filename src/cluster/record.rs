//! What the cluster records before a bundle's first write, so that no node ever goes back behind another.
//!
//! In the agent's own namespace, where no channel reaches:
//!
//! ```text
//! ConfigMap/airlock-system/root.<version>       a trust root's envelope; made once, never changed
//! ConfigMap/airlock-system/channel.<channel>    data.record, one line of JSON: highest and active bundle, denials, holds
//!                                               data.highest, data.active: their envelopes
//! Secret/airlock-system/cluster-secret          what random names and passwords are derived from; made once
//! ```
//!
//! Nothing of it is trusted: whoever reads an envelope verifies it. Changes are made with the version that was read, so of two nodes
//! that write at once one reads again.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Cluster, CreateOptions, Error, ListOptions, Reference, ResourceVersion, UpdateOptions,
    execute::{AGENT, config_map, prepare},
};
use crate::{
    bundle::Floor,
    digest::Digest,
    fault::{Class, Fault},
    name::{ChannelName, EntryName},
    object::{Gvk, Object},
    plan::NAMESPACE,
    trust::state::{Denial, Hold, RootRef},
};

/// The label that all records carry; its value says of what.
const LABEL: &str = "airlock.dev/record";

/// The length of the cluster's secret.
pub const SECRET_BYTES: usize = 32;

/// Everything that is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The chain of trust roots, by version.
    pub roots: BTreeMap<u32, Root>,
    /// By channel.
    pub channels: BTreeMap<ChannelName, Channel>,
}

/// A trust root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Version and payload digest.
    pub root: RootRef,
    /// Its envelope.
    pub envelope: Vec<u8>,
}

/// What is recorded of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// The highest bundle that any node accepted and began to apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest: Option<Bundle>,
    /// The bundle that is kept in the cluster; lower than the highest after a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<Bundle>,
    /// Bundles that are set aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<Denial>,
    /// The hold on the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The entries that are paused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paused: BTreeMap<EntryName, Hold>,
    /// How many decisions about what runs led here: a node that knows of fewer follows this one.
    #[serde(default)]
    pub decided: u64,
    /// The digest of the site's answers that the active bundle was rendered with: a node with others never leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Digest>,
    /// The version that was read; none before the first write.
    #[serde(skip)]
    pub version: Option<ResourceVersion>,
}

/// A bundle, by what was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Epoch and sequence.
    pub position: Floor,
    /// The digest of its payload.
    pub digest: Digest,
    /// The root that admitted it.
    pub root_version: u32,
    /// Its envelope.
    #[serde(skip)]
    pub envelope: Vec<u8>,
}

/// Why something is not recorded, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Another node knows a newer root.
    #[error("the cluster records trust root {recorded}, and this node knows {known}")]
    BehindRoot {
        /// The newest that is recorded.
        recorded: u32,
        /// The newest that this node knows.
        known: u32,
    },
    /// Another node accepted a newer bundle.
    #[error(
        "the cluster records bundle {}-{} of channel `{channel}`, and this node has nothing as new",
        .recorded.epoch, .recorded.sequence
    )]
    Behind {
        /// The channel.
        channel: ChannelName,
        /// The highest that is recorded.
        recorded: Floor,
    },
    /// Two roots of one version.
    #[error("the cluster records another trust root {0} than this node knows")]
    RootFork(u32),
    /// Two bundles at one position.
    #[error("the cluster records another bundle {}-{} of channel `{channel}` than this node has", .position.epoch, .position.sequence)]
    Equivocation {
        /// The channel.
        channel: ChannelName,
        /// The position.
        position: Floor,
    },
    /// Someone changed a record into something else.
    #[error("record `{name}` of the cluster is damaged: {why}")]
    Damaged {
        /// The object's name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// This node may not write any more.
    #[error("this node does not hold the lease any more")]
    NotLeader,
    /// The cluster does not take it.
    #[error(transparent)]
    Cluster(#[from] Error),
}

impl Fault for RecordError {
    fn code(&self) -> &'static str {
        match self {
            Self::BehindRoot { .. } | Self::Behind { .. } => "behind",
            Self::RootFork(_) => "root_fork",
            Self::Equivocation { .. } => "equivocation",
            Self::Damaged { .. } => "record_damaged",
            Self::NotLeader => "not_leader",
            Self::Cluster(error) => error.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::BehindRoot { .. } | Self::Behind { .. } | Self::NotLeader => Class::Unavailable,
            Self::RootFork(_) | Self::Equivocation { .. } => Class::Denied,
            Self::Damaged { .. } => Class::Invalid,
            Self::Cluster(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::BehindRoot { .. } | Self::Behind { .. } => {
                Some("it is fetched from another node; or import the newest bundle here too".to_owned())
            }
            Self::RootFork(_) | Self::Equivocation { .. } => Some(
                "two different things were signed as the same: ask whoever signs, and import neither"
                    .to_owned(),
            ),
            Self::Damaged { name, .. } => Some(format!(
                "once every node holds the newest bundle, delete `{name}` in namespace {NAMESPACE}; the leader records it anew"
            )),
            Self::NotLeader => None,
            Self::Cluster(error) => error.hint(),
        }
    }
}

impl Record {
    /// Why a node that knows `ours` may not lead where this is recorded.
    ///
    /// # Errors
    /// What is newer here, and what contradicts.
    pub fn admits(&self, ours: &Self) -> Result<(), RecordError> {
        for (version, root) in &self.roots {
            if ours.roots.get(version).is_some_and(|it| it.root != root.root) {
                return Err(RecordError::RootFork(*version));
            }
        }
        let newest = |record: &Self| record.roots.keys().next_back().copied().unwrap_or(0);
        let (recorded, known) = (newest(self), newest(ours));
        if recorded > known {
            return Err(RecordError::BehindRoot { recorded, known });
        }
        for (channel, record) in &self.channels {
            let Some(recorded) = &record.highest else { continue };
            let known = ours.channels.get(channel).and_then(|it| it.highest.as_ref());
            match known {
                Some(known) if known.position > recorded.position => {}
                Some(known) if known.position == recorded.position && known.digest == recorded.digest => {}
                Some(known) if known.position == recorded.position => {
                    let (channel, position) = (channel.clone(), known.position);
                    return Err(RecordError::Equivocation { channel, position });
                }
                _ => {
                    return Err(RecordError::Behind {
                        channel: channel.clone(),
                        recorded: recorded.position,
                    });
                }
            }
        }
        Ok(())
    }
}

/// Reads everything, in one request.
///
/// # Errors
/// When the cluster cannot be asked, or a record is damaged.
pub async fn read(cluster: &dyn Cluster) -> Result<Record, RecordError> {
    let options = ListOptions::in_namespace(NAMESPACE).with_label_key(LABEL);
    let (objects, _) = cluster.list(&config_map(), &options).await?;
    let mut record = Record::default();
    for object in objects {
        match object.label(LABEL) {
            Some("root") => {
                let root = decode_root(&object)?;
                record.roots.insert(root.root.version, root);
            }
            Some("channel") => {
                let (name, channel) = decode_channel(&object)?;
                record.channels.insert(name, channel);
            }
            _ => {}
        }
    }
    Ok(record)
}

/// Records what is different in `ours` from what was read, roots first. `ours` keeps the versions of what it was made from.
///
/// # Errors
/// When another node is ahead, or wrote meanwhile ([`Error::Conflict`]: read again), or the lease is lost.
pub async fn write(
    cluster: &dyn Cluster,
    seen: &Record,
    ours: &Record,
    still_leader: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Record, RecordError> {
    seen.admits(ours)?;
    let mut now = seen.clone();
    if seen.roots.is_empty() && seen.channels.is_empty() {
        lead(still_leader)?;
        prepare(cluster).await?;
    }
    for (version, root) in ours.roots.iter().filter(|(version, _)| !seen.roots.contains_key(version)) {
        lead(still_leader)?;
        match cluster.create(&encode_root(root)?, &CreateOptions::by(AGENT)).await {
            Ok(_) => {}
            Err(Error::AlreadyExists(_)) => {
                let there = decode_root(&cluster.get(&reference(&root_name(*version))).await?)?;
                if there.root != root.root {
                    return Err(RecordError::RootFork(*version));
                }
            }
            Err(error) => return Err(error.into()),
        }
        now.roots.insert(*version, root.clone());
    }
    for (name, channel) in &ours.channels {
        let before = seen.channels.get(name);
        let same = before.is_some_and(|before| {
            Channel { version: None, ..before.clone() } == Channel { version: None, ..channel.clone() }
        });
        if same {
            continue;
        }
        let version = before.and_then(|it| it.version.clone());
        let object = encode_channel(name, channel, version.as_ref())?;
        lead(still_leader)?;
        let written = match version {
            Some(_) => cluster.update(&object, &UpdateOptions::by(AGENT)).await,
            None => cluster.create(&object, &CreateOptions::by(AGENT)).await,
        };
        let version = written?.resource_version().map(|it| ResourceVersion(it.to_owned()));
        now.channels.insert(name.clone(), Channel { version, ..channel.clone() });
    }
    Ok(now)
}

fn lead(still_leader: &(dyn Fn() -> bool + Send + Sync)) -> Result<(), RecordError> {
    if still_leader() { Ok(()) } else { Err(RecordError::NotLeader) }
}

/// The cluster's secret, where it was made.
///
/// # Errors
/// When the cluster cannot be asked, or someone changed it into something else.
pub async fn known_secret(cluster: &dyn Cluster) -> Result<Option<[u8; SECRET_BYTES]>, RecordError> {
    match cluster.get(&secret_reference()).await {
        Err(Error::NotFound(_)) => Ok(None),
        found => read_secret(&found?).map(Some),
    }
}

/// The cluster's secret: what is there, or `random` where nothing is yet. Of two nodes that make it at once both get the same.
///
/// # Errors
/// When the cluster cannot be asked, or someone changed it into something else.
pub async fn secret(
    cluster: &dyn Cluster,
    random: &[u8; SECRET_BYTES],
) -> Result<[u8; SECRET_BYTES], RecordError> {
    let reference = secret_reference();
    let there = match cluster.get(&reference).await {
        Err(Error::NotFound(_)) => {
            prepare(cluster).await?;
            let made = object(json!({
                "apiVersion": "v1", "kind": "Secret", "immutable": true, "type": "airlock.dev/cluster-secret",
                "metadata": {"name": SECRET, "namespace": NAMESPACE},
                "data": {"secret": BASE64_STANDARD.encode(random)},
            }))?;
            match cluster.create(&made, &CreateOptions::by(AGENT)).await {
                Ok(made) => made,
                Err(Error::AlreadyExists(_)) => cluster.get(&reference).await?,
                Err(error) => return Err(error.into()),
            }
        }
        found => found?,
    };
    read_secret(&there)
}

/// The name of the Secret.
const SECRET: &str = "cluster-secret";

fn secret_reference() -> Reference {
    let gvk = Gvk { group: String::new(), version: "v1".to_owned(), kind: "Secret".to_owned() };
    Reference::new(gvk, NAMESPACE, SECRET)
}

fn read_secret(there: &Object) -> Result<[u8; SECRET_BYTES], RecordError> {
    let bytes = there.text(&["data", "secret"]).and_then(|text| BASE64_STANDARD.decode(text).ok());
    bytes
        .and_then(|it| it.try_into().ok())
        .ok_or_else(|| damaged(SECRET, format!("it does not hold {SECRET_BYTES} bytes")))
}

fn damaged(name: &str, why: impl ToString) -> RecordError {
    RecordError::Damaged { name: name.to_owned(), why: why.to_string() }
}

fn object(value: Value) -> Result<Object, RecordError> {
    Object::new(value, "record").map_err(|error| damaged("record", error))
}

fn reference(name: &str) -> Reference {
    Reference::new(config_map(), NAMESPACE, name)
}

fn root_name(version: u32) -> String {
    format!("root.{version}")
}

/// Envelopes are JSON, and so can be read where they lie.
fn text<'a>(name: &str, envelope: &'a [u8]) -> Result<&'a str, RecordError> {
    std::str::from_utf8(envelope).map_err(|error| damaged(name, error))
}

fn encode_root(root: &Root) -> Result<Object, RecordError> {
    let name = root_name(root.root.version);
    let record = serde_json::to_string(&root.root).map_err(|error| damaged(&name, error))?;
    object(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "immutable": true,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {LABEL: "root"}},
        "data": {"record": record, "envelope": text(&name, &root.envelope)?},
    }))
}

fn decode_root(object: &Object) -> Result<Root, RecordError> {
    let name = object.name();
    let root: RootRef = decode(object)?;
    if name != root_name(root.version) {
        return Err(damaged(name, format!("it is that of version {}", root.version)));
    }
    let envelope = object.text(&["data", "envelope"]).ok_or_else(|| damaged(name, "it has no envelope"))?;
    Ok(Root { root, envelope: envelope.as_bytes().to_vec() })
}

fn encode_channel(
    channel: &ChannelName,
    record: &Channel,
    version: Option<&ResourceVersion>,
) -> Result<Object, RecordError> {
    let name = format!("channel.{channel}");
    let line = serde_json::to_string(record).map_err(|error| damaged(&name, error))?;
    let mut data = json!({"record": line});
    let mut metadata = json!({"name": name, "namespace": NAMESPACE, "labels": {LABEL: "channel"}});
    let put = |into: &mut Value, key: &str, value: &str| {
        if let Some(into) = into.as_object_mut() {
            into.insert(key.to_owned(), value.into());
        }
    };
    for (key, bundle) in [("highest", &record.highest), ("active", &record.active)] {
        if let Some(bundle) = bundle {
            put(&mut data, key, text(&name, &bundle.envelope)?);
        }
    }
    if let Some(version) = version {
        put(&mut metadata, "resourceVersion", &version.0);
    }
    object(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}))
}

fn decode_channel(object: &Object) -> Result<(ChannelName, Channel), RecordError> {
    let name = object.name();
    let channel = name.strip_prefix("channel.").and_then(|it| it.parse::<ChannelName>().ok());
    let channel = channel.ok_or_else(|| damaged(name, "its name is no channel's"))?;
    let mut record: Channel = decode(object)?;
    for (key, bundle) in [("highest", &mut record.highest), ("active", &mut record.active)] {
        if let Some(bundle) = bundle {
            let envelope =
                object.text(&["data", key]).ok_or_else(|| damaged(name, format!("it has no {key}")))?;
            bundle.envelope = envelope.as_bytes().to_vec();
        }
    }
    record.version = object.resource_version().map(|it| ResourceVersion(it.to_owned()));
    Ok((channel, record))
}

fn decode<T: for<'de> Deserialize<'de>>(object: &Object) -> Result<T, RecordError> {
    let record =
        object.text(&["data", "record"]).ok_or_else(|| damaged(object.name(), "it has no record"))?;
    serde_json::from_str(record).map_err(|error| damaged(object.name(), error))
}
