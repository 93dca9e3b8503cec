use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use airlock::{
    bundle::{Floor, Previous},
    digest::Digest,
    name::{EntryName, TrustDomain},
};
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::disk;

/// The name of the file in a bundle's directory.
pub(super) const FILE: &str = "bundle.lock";

const HEAD: &str = "# Written by `cargo xtask bundle build`. The same lock gives the same bytes, anywhere and at any time;\n# `cargo xtask bundle build NAME --next` makes the next bundle of the channel.\n";

/// What a description resolved to, and the place of the bundle in its channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Lock {
    /// Always 1.
    pub format: u32,
    /// The trust domain.
    pub domain: TrustDomain,
    /// The epoch.
    pub epoch: u32,
    /// The version of the newest trust root when it was made.
    pub root_version: u32,
    /// The sequence.
    pub sequence: u64,
    /// When it was made.
    pub created: Timestamp,
    /// The bundle before.
    pub previous: Option<Previous>,
    /// What all of it comes to: the digest of what is signed.
    pub bundle: Digest,
    /// Where entries look within their trees, where that differs from bundle.yaml: what `--path` promoted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paths: BTreeMap<EntryName, String>,
    /// Content of entries that lie beside bundle.yaml.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entries: BTreeMap<EntryName, Digest>,
    /// Content of sources, and the commits of those that come from Git.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, LockedSource>,
    /// Images.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, Digest>,
    /// Plain files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Digest>,
}

/// What a source resolved to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LockedSource {
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The manifest of a chart in a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    /// The blob.
    pub content: Digest,
}

impl Lock {
    /// Reads the lock in a bundle's directory; none where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = disk::read_text(&path, 16 * 1024 * 1024)?;
        let lock: Self = serde_yaml::from_str(&text).with_context(|| {
            format!("{} is damaged; bring it back from version control, and never remove it: a channel's sequence only rises", path.display())
        })?;
        ensure!(lock.format == 1, "{} is of format {}, and this task reads 1", path.display(), lock.format);
        Ok(Some(lock))
    }

    /// Writes it into a bundle's directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let text = format!("{HEAD}{}", serde_yaml::to_string(self)?);
        disk::replace(&directory.join(FILE), text.as_bytes())
    }

    /// Where the bundle stands in its channel.
    pub fn position(&self) -> Floor {
        Floor { epoch: self.epoch, sequence: self.sequence }
    }

    /// What differs from what was pinned, in words.
    pub(super) fn differences(&self, found: &Self) -> Vec<String> {
        let mut told = Vec::new();
        let mut compare =
            |what: &str, pinned: &BTreeMap<String, String>, found: &BTreeMap<String, String>| {
                for (name, value) in found {
                    match pinned.get(name) {
                        None => told.push(format!("{what} `{name}` is new")),
                        Some(pin) if pin != value => {
                            told.push(format!("{what} `{name}` is {value}, and the lock pins {pin}"));
                        }
                        Some(_) => (),
                    }
                }
                for name in pinned.keys().filter(|it| !found.contains_key(*it)) {
                    told.push(format!("{what} `{name}` is gone"));
                }
            };
        let text = |lock: &Self| {
            let entries = lock.entries.iter().map(|(name, it)| (name.to_string(), it.to_string()));
            let source = |it: &LockedSource| match &it.commit {
                Some(commit) => format!("{} (commit {commit})", it.content),
                None => it.content.to_string(),
            };
            let sources = lock.sources.iter().map(|(name, it)| (name.clone(), source(it)));
            let plain = |map: &BTreeMap<String, Digest>| -> BTreeMap<String, String> {
                map.iter().map(|(name, it)| (name.clone(), it.to_string())).collect()
            };
            (entries.collect(), sources.collect(), plain(&lock.images), plain(&lock.files))
        };
        let (pinned, now): (_, (_, _, _, _)) = (text(self), text(found));
        compare("entry", &pinned.0, &now.0);
        compare("source", &pinned.1, &now.1);
        compare("image", &pinned.2, &now.2);
        compare("file", &pinned.3, &now.3);
        if told.is_empty() && self.bundle != found.bundle {
            told.push(format!(
                "{} says something else than when the lock was written",
                super::description::FILE
            ));
        }
        told
    }
}

/// The file of a lock, for messages.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(FILE)
}
