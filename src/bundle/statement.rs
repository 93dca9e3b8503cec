use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgentVersion, Malformed, strict};
use crate::{
    digest::Digest,
    limits,
    name::{ChannelName, ClusterId, Need, TrustDomain},
};

/// The payload of a bundle's envelope: what the signers said, and the digests of everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Always `bundle`.
    pub r#type: String,
    /// Always 1.
    pub format: u32,
    /// See [`super::Header`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The trust domain.
    pub domain: TrustDomain,
    /// The line of bundles that this one continues.
    pub channel: ChannelName,
    /// The epoch of the root that judges it.
    pub epoch: u32,
    /// Rises within the epoch.
    pub sequence: u64,
    /// When it was made; also the time that templates see.
    pub created: Timestamp,
    /// After this nobody accepts it any more. What was accepted keeps running.
    pub accept_until: Timestamp,
    /// Cluster ids; with `*` at the end a pattern, which a node must allow.
    pub audience: Vec<String>,
    /// The lowest version of the trust root that may judge it.
    pub root_version: u32,
    /// The bundle before, where the signers knew one.
    pub previous: Option<Previous>,
    /// The oldest bundle that an operator may go back to from here.
    pub rollback_floor: Floor,
    /// What it was made for.
    pub target: Target,
    /// The oldest agent that understands it.
    pub requires_agent: AgentVersion,
    /// The list of all blobs.
    pub inventory: InventoryRef,
    /// What is rendered.
    pub release: ReleaseRef,
    /// Anything that older agents may ignore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext: Option<serde_json::Value>,
}

/// A position in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// The epoch counts more than the sequence.
    pub epoch: u32,
    /// The sequence within it.
    pub sequence: u64,
}

impl std::fmt::Display for Floor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.epoch, self.sequence)
    }
}

impl std::str::FromStr for Floor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once('-')
            .and_then(|(epoch, sequence)| {
                Some(Self { epoch: epoch.parse().ok()?, sequence: sequence.parse().ok()? })
            })
            .ok_or_else(|| format!("`{text}` is not of the form EPOCH-SEQUENCE"))
    }
}

/// The bundle before this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// Its sequence.
    pub sequence: u64,
    /// Its payload's digest.
    pub digest: Digest,
}

/// What a bundle was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The versions of Kubernetes that it was made for, where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Kubernetes>,
    /// The architectures whose images it carries, as Go names them: `amd64`, `arm64`. Empty: it carries none.
    #[serde(default)]
    pub arch: Vec<String>,
}

/// A range of Kubernetes minors, both ends included, each `1.NN`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// The oldest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// The newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
}

/// The inventory, by digest and exact size, and what it adds up to, so that space is known before anything is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InventoryRef {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// How many blobs it lists.
    pub count: u64,
    /// The sum of their sizes in bytes.
    pub total: u64,
    /// The sum of their unpacked sizes in bytes.
    pub total_unpacked: u64,
}

/// The release, by digest and exact size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRef {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl Statement {
    /// Reads a statement. Only [`crate::trust`] calls this, and only for bytes that a signature covers.
    ///
    /// # Errors
    /// When it is malformed or contradicts itself.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let statement: Self = strict::parse("the bundle's statement", bytes)?;
        statement.check().map_err(|why| Malformed::new("the bundle's statement", why))?;
        Ok(statement)
    }

    /// Whether the statement can be held. The signer's side calls this before it signs.
    ///
    /// # Errors
    /// The first contradiction, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.sequence == 0 || self.epoch == 0 {
            return Err("epochs and sequences start at 1".into());
        }
        if self.accept_until < self.created {
            return Err("it may be accepted only before it was made".into());
        }
        if self.audience.is_empty() {
            return Err("it is for nobody; `*` is everybody".into());
        }
        if let Some(bad) = self.audience.iter().find(|it| !is_audience(it)) {
            return Err(format!(
                "`{}` is not a cluster id or a pattern",
                bad.chars().take(80).collect::<String>()
            ));
        }
        let range = self.target.kubernetes.iter().flat_map(|it| [&it.min, &it.max]).flatten();
        if let Some(bad) = range.into_iter().find(|it| kubernetes_minor(it).is_none()) {
            return Err(format!(
                "`{}` is not a version of Kubernetes such as 1.36",
                bad.chars().take(80).collect::<String>()
            ));
        }
        if self.rollback_floor > self.position() {
            return Err("its rollback floor is above itself".into());
        }
        if self.previous.as_ref().is_some_and(|it| it.sequence >= self.sequence) {
            return Err("the bundle before it does not come before it".into());
        }
        if self.inventory.count > limits::BLOBS as u64 || self.inventory.size > limits::INVENTORY_BYTES {
            return Err(format!("its inventory is larger than {} blobs", limits::BLOBS));
        }
        if self.release.size > limits::RELEASE_BYTES {
            return Err(format!("its release is larger than {} bytes", limits::RELEASE_BYTES));
        }
        Ok(())
    }

    /// Where it stands in its channel.
    pub fn position(&self) -> Floor {
        Floor { epoch: self.epoch, sequence: self.sequence }
    }
}

fn is_audience(text: &str) -> bool {
    match text.strip_suffix('*') {
        None => text.parse::<ClusterId>().is_ok(),
        Some("") => true,
        // A pattern is what a cluster id could begin with.
        Some(start) => format!("{start}0").parse::<ClusterId>().is_ok(),
    }
}

/// Whether one item of an audience names `cluster`, and whether it does so by a pattern.
pub fn audience_matches(item: &str, cluster: &ClusterId) -> (bool, bool) {
    match item.strip_suffix('*') {
        None => (item == cluster.as_str(), false),
        Some(start) => (cluster.as_str().starts_with(start), true),
    }
}

/// The minor of a Kubernetes version `1.NN`.
pub fn kubernetes_minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.parse().ok()
}
