use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgentVersion, Algorithm, KeyId, Malformed, PublicKey, strict};
use crate::{
    digest::Digest,
    limits,
    name::{ChannelName, Namespace, Need, TrustDomain},
};

/// The document that says who may sign. Version N+1 is believed when the thresholds of N and of N+1 signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRoot {
    /// Always `root`.
    pub r#type: String,
    /// Always 1.
    pub format: u32,
    /// See [`super::Header`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The random id that every statement repeats.
    pub domain: TrustDomain,
    /// 1, 2, 3 …
    pub version: u32,
    /// The payload digest of version N−1; none for version 1.
    pub previous: Option<Digest>,
    /// Rises by at most one a version, after a compromise; restarts the sequence of every channel.
    pub epoch: u32,
    /// When it was made. The first one known starts the time floor.
    pub issued: Timestamp,
    /// After this, it admits no new bundle. It never stops the walk to a newer root, nor what runs.
    pub expires: Timestamp,
    /// Older agents refuse everything below this root.
    pub min_agent: AgentVersion,
    /// All keys, each once.
    pub keys: Vec<PublicKey>,
    /// Who signs what is not a bundle.
    pub roles: Roles,
    /// Who signs bundles, and how far each channel reaches.
    pub channels: Vec<Channel>,
    /// Anything that older agents may ignore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext: Option<serde_json::Value>,
}

/// Who signs what is not a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Signs trust roots and nothing else.
    pub root: Keyholders,
    /// Signs agent statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Keyholders>,
    /// Signs latest cards; can raise an alarm, never install anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Keyholders>,
}

/// So many of these keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyholders {
    /// How many distinct keys must sign.
    pub threshold: u32,
    /// The keys that count, by fingerprint.
    pub keys: Vec<KeyId>,
}

/// A line of bundles, its signers and its reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its name.
    pub name: ChannelName,
    /// How many distinct keys must sign.
    pub threshold: u32,
    /// The keys that count, by fingerprint.
    pub keys: Vec<KeyId>,
    /// Namespaces that its objects may live in; `*` alone is every namespace.
    pub namespaces: Vec<String>,
    /// Whether it may have cluster-scoped objects.
    pub cluster_scoped: bool,
    /// Prefixes of image references that it may map; `*` alone is every image.
    pub images: Vec<String>,
}

/// How far a channel reaches, taken out of the root that admitted a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelScope {
    /// Every namespace, or these.
    pub namespaces: Option<BTreeSet<Namespace>>,
    /// Whether cluster-scoped objects are allowed.
    pub cluster_scoped: bool,
    /// Every image, or those that start so.
    pub images: Option<Vec<String>>,
}

impl ChannelScope {
    /// A reach that admits nothing.
    pub fn nothing() -> Self {
        Self { namespaces: Some(BTreeSet::new()), cluster_scoped: false, images: Some(Vec::new()) }
    }

    /// Whether an object in `namespace` (none: cluster-scoped) is within reach.
    ///
    /// A Namespace object itself counts as living in the namespace that it names: pass its name.
    pub fn reaches(&self, namespace: Option<&str>) -> bool {
        match (namespace, &self.namespaces) {
            (None, _) => self.cluster_scoped,
            (Some(_), None) => true,
            (Some(name), Some(list)) => list.iter().any(|it| it.as_str() == name),
        }
    }

    /// Whether the image reference is within reach. A prefix ends at a `/`, `:` or `@`, so `reg/team` does not admit `reg/team-b`.
    pub fn reaches_image(&self, reference: &str) -> bool {
        let Some(prefixes) = &self.images else { return true };
        prefixes.iter().any(|prefix| match reference.strip_prefix(prefix.as_str()) {
            Some(rest) => prefix.ends_with('/') || rest.is_empty() || rest.starts_with(['/', ':', '@']),
            None => false,
        })
    }
}

impl Channel {
    /// The reach in a form that can be asked.
    pub fn scope(&self) -> ChannelScope {
        let all = |list: &[String]| list.iter().any(|it| it == "*");
        ChannelScope {
            namespaces: (!all(&self.namespaces))
                .then(|| self.namespaces.iter().filter_map(|it| it.parse().ok()).collect()),
            cluster_scoped: self.cluster_scoped,
            images: (!all(&self.images)).then(|| self.images.clone()),
        }
    }
}

impl TrustRoot {
    /// Reads a trust root. Only [`crate::trust`] calls this, and only for bytes that a signature or the operator's
    /// digest covers.
    ///
    /// # Errors
    /// When it is malformed, or contradicts itself: a key twice, a threshold that cannot be met, a root key elsewhere.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        super::Header::read("the trust root", bytes)?.expect("the trust root", "root")?;
        let root: Self = strict::parse("the trust root", bytes)?;
        root.check().map_err(|why| Malformed::new(format!("trust root {}", root.version), why))?;
        Ok(root)
    }

    /// Whether the document says something that could be held.
    ///
    /// # Errors
    /// The first contradiction, in words. The signer's side calls this before it signs.
    pub fn check(&self) -> Result<(), String> {
        if (self.version == 1) != self.previous.is_none() {
            return Err("version 1 has no previous version, and every other names it".into());
        }
        if self.version == 0 || self.epoch == 0 {
            return Err("versions and epochs start at 1".into());
        }
        if self.expires <= self.issued {
            return Err("it expires before it is issued".into());
        }
        if self.keys.len() > limits::KEYS {
            return Err(format!("it lists more than {} keys", limits::KEYS));
        }
        let mut points = BTreeSet::new();
        for key in &self.keys {
            // The same point as a plain and as a FIDO key would count twice.
            if !points.insert(key.public) {
                return Err(format!("key {} is listed twice", key.id()));
            }
            if (key.alg == Algorithm::SkEd25519) != key.application.is_some() {
                return Err(format!("key {}: FIDO keys have an application, and no others do", key.id()));
            }
        }
        let known: BTreeSet<KeyId> = self.keys.iter().map(PublicKey::id).collect();
        let holders = |what: &str, threshold: u32, keys: &[KeyId]| {
            let distinct: BTreeSet<&KeyId> = keys.iter().collect();
            if distinct.len() != keys.len() {
                return Err(format!("{what} lists a key twice"));
            }
            if let Some(id) = keys.iter().find(|id| !known.contains(id)) {
                return Err(format!("{what} names key {id}, which the root does not list"));
            }
            if threshold == 0 || distinct.len() < usize::try_from(threshold).unwrap_or(usize::MAX) {
                return Err(format!("{what} has {} keys for a threshold of {threshold}", distinct.len()));
            }
            Ok(())
        };
        holders("role `root`", self.roles.root.threshold, &self.roles.root.keys)?;
        let mut others: Vec<(String, &[KeyId])> = Vec::new();
        for (name, role) in [("agent", &self.roles.agent), ("card", &self.roles.card)] {
            if let Some(role) = role {
                holders(&format!("role `{name}`"), role.threshold, &role.keys)?;
                others.push((format!("role `{name}`"), &role.keys));
            }
        }
        let mut names = BTreeSet::new();
        for channel in &self.channels {
            let what = format!("channel `{}`", channel.name);
            if !names.insert(&channel.name) {
                return Err(format!("{what} is listed twice"));
            }
            holders(&what, channel.threshold, &channel.keys)?;
            let wild = channel.namespaces.iter().any(|it| it == "*");
            if wild && channel.namespaces.len() > 1 {
                return Err(format!("{what}: `*` stands alone"));
            }
            if let (false, Some(bad)) =
                (wild, channel.namespaces.iter().find(|it| it.parse::<Namespace>().is_err()))
            {
                return Err(format!("{what}: `{bad}` is not a namespace"));
            }
            if channel.images.iter().any(String::is_empty) {
                return Err(format!("{what}: an empty image prefix would admit every image; `*` says so"));
            }
            others.push((what, &channel.keys));
        }
        for (what, keys) in others {
            if let Some(id) = keys.iter().find(|id| self.roles.root.keys.contains(id)) {
                return Err(format!("{what} names root key {id}, and a root key signs nothing else"));
            }
        }
        Ok(())
    }

    /// The keys behind fingerprints.
    pub fn keys_of<'a>(&'a self, ids: &'a [KeyId]) -> impl Iterator<Item = &'a PublicKey> {
        self.keys.iter().filter(|key| ids.contains(&key.id()))
    }

    /// The channel of that name.
    pub fn channel(&self, name: &ChannelName) -> Option<&Channel> {
        self.channels.iter().find(|it| it.name == *name)
    }
}
