use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Header, Malformed, ValuesFrom, ValuesKind, strict};
use crate::{
    digest::Digest,
    duration::GoDuration,
    limits,
    name::{BundleName, EntryName, Namespace, Need},
    object::images::ImageField,
};

/// What a bundle is made of: entries to render, and what they may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Release {
    /// Always `release`.
    pub r#type: String,
    /// Always 1.
    pub format: u32,
    /// See [`Header`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The bundle's name.
    pub name: BundleName,
    /// What it is, in the builder's words: `prod 2.14`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What is rendered and applied, in the order in which people read it; `dependsOn` gives the order of work.
    pub entries: Vec<Entry>,
    /// What an entry or a Flux object may name by URL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Image reference to the blob of its manifest or index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, Descriptor>,
    /// Plain files by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, FileRef>,
    /// What the site is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Site>,
    /// What the builder could and could not find.
    pub closure: Closure,
    /// APIs that the target must serve and the bundle does not bring: `monitoring.coreos.com/v1/ServiceMonitor`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apis: Vec<String>,
    /// Anything that older agents may ignore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext: Option<serde_json::Value>,
}

/// One thing to render and apply. The names are those of a Flux Kustomization's spec, because it lowers to the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Entry {
    /// Its name, unique in the release.
    pub name: EntryName,
    /// Which engine renders it.
    pub kind: EntryKind,
    /// The tree or chart.
    pub content: Descriptor,
    /// The directory or file within the tree.
    #[serde(default = "Entry::whole", skip_serializing_if = "Entry::is_whole")]
    pub path: String,
    /// Entries that must be ready before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<EntryName>,
    /// The namespace of objects that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_namespace: Option<Namespace>,
    /// Whether what leaves the entry leaves the cluster.
    #[serde(default = "yes")]
    pub prune: bool,
    /// Whether every applied object must become healthy.
    #[serde(default = "yes")]
    pub wait: bool,
    /// Objects that must become healthy where `wait` is off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_checks: Vec<HealthCheck>,
    /// How long they may take.
    #[serde(default = "Entry::five_minutes")]
    pub timeout: GoDuration,
    /// Whether an object whose immutable field changes is deleted and made again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
    /// Whether it may render nothing at all. Else that is an error, since it would delete everything.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_empty: bool,
    /// As whom its objects are written; as the agent itself where nobody is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<Account>,
    /// The values of a chart, over its own.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub values: serde_json::Map<String, serde_json::Value>,
    /// Values of a chart that the cluster or the site has, below the entry's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_from: Vec<ValuesFrom>,
}

/// Which engine renders an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// Files of objects, as they are.
    Manifests,
    /// A directory with a kustomization.
    Kustomization,
    /// A Helm chart.
    Chart,
}

/// A service account of the cluster. The agent impersonates it, so that an entry reaches no further than its account does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Account {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: String,
}

/// An object to wait for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HealthCheck {
    /// Its API version; `apps/v1` where it is not said, as in Flux.
    #[serde(default = "HealthCheck::apps_v1")]
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace, taken as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A blob, by digest and exact sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its size once decompressed.
    pub unpacked: u64,
}

/// A plain file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is a program.
    #[serde(default, skip_serializing_if = "is_false")]
    pub executable: bool,
}

/// What answers for a URL and a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The URL as objects write it.
    pub url: String,
    /// The branch, tag, semver or commit as objects write it.
    pub revision: String,
    /// What the blob is.
    pub kind: SourceKind,
    /// The blob.
    pub content: Descriptor,
    /// The namespaces whose objects may ask; empty: all that the channel reaches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<Namespace>,
}

/// What the blob of a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A canonical tar of files.
    Tree,
    /// A Helm chart.
    Chart,
}

/// What the site is asked: a JSON schema, and answers where it gives none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// A JSON schema (2020-12) of `/etc/airlock/site.yaml`.
    pub schema: serde_json::Value,
    /// Answers where the site gives none.
    #[serde(default)]
    pub defaults: serde_json::Map<String, serde_json::Value>,
}

/// What the builder could and could not find.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closure {
    /// Images that are named and not here. A build fails on any, so this is empty unless the builder was told otherwise.
    pub unresolved: Vec<String>,
    /// Images that were declared to be on the site already.
    pub external: Vec<String>,
    /// APIs that were assumed without asking a cluster.
    pub assumed: Vec<String>,
    /// Fields beside pod specs that name images, so that a node finds what the builder found.
    #[serde(default, rename = "imageFields", skip_serializing_if = "Vec::is_empty")]
    pub image_fields: Vec<ImageField>,
}

impl Entry {
    fn whole() -> String {
        ".".to_owned()
    }

    fn is_whole(path: &String) -> bool {
        path == "."
    }

    fn five_minutes() -> GoDuration {
        GoDuration::from_secs(300)
    }
}

impl HealthCheck {
    fn apps_v1() -> String {
        "apps/v1".to_owned()
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(it: &bool) -> bool {
    !it
}

impl Release {
    /// Reads a release that was reached by its digest.
    ///
    /// # Errors
    /// When it is malformed or contradicts itself.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        Header::read("the release", bytes)?.expect("the release", "release")?;
        let release: Self = strict::parse("the release", bytes)?;
        release.check().map_err(|why| Malformed::new("the release", why))?;
        Ok(release)
    }

    /// Whether the release can be held. The signer's side calls this before it signs.
    ///
    /// # Errors
    /// The first contradiction, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.entries.len() > limits::ENTRIES {
            return Err(format!("it has more than {} entries", limits::ENTRIES));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = self.entries.iter().find(|it| !names.insert(&it.name)) {
            return Err(format!("entry `{}` is listed twice", twice.name));
        }
        for entry in &self.entries {
            if let Some(missing) = entry.depends_on.iter().find(|it| !names.contains(it)) {
                return Err(format!("entry `{}` depends on `{missing}`, which is not there", entry.name));
            }
            if entry.kind != EntryKind::Chart && !entry.values_from.is_empty() {
                return Err(format!("entry `{}` is no chart, and only charts have `valuesFrom`", entry.name));
            }
            for source in &entry.values_from {
                source.check().map_err(|why| format!("`valuesFrom` of entry `{}`: {why}", entry.name))?;
                if source.kind == ValuesKind::Site && self.site.is_none() {
                    let why = "takes values of the site, and the bundle does not ask it anything";
                    return Err(format!("entry `{}` {why}", entry.name));
                }
            }
        }
        // A moved tag: one URL and revision cannot stand for two contents.
        let mut answers = BTreeMap::new();
        for source in &self.sources {
            let digest = answers.entry((&source.url, &source.revision)).or_insert(source.content.digest);
            if *digest != source.content.digest {
                return Err(format!("source `{}` at `{}` has two contents", source.url, source.revision));
            }
        }
        Ok(())
    }

    /// Writes it as a medium carries it.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("strings and numbers always serialise");
        bytes.push(b'\n');
        bytes
    }
}
