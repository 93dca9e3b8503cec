//! Collecting, checking, and handing on what the store holds.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{node::Node, successor};
use crate::{
    bundle::{Floor, pieces},
    content::Content,
    digest::{Digest, Mismatch},
    fault::{Class, Report},
    name::ChannelName,
    source::{Contents, FromBlobs, Written, write_medium},
    store::{Garbage, Keep},
    trust::state::Held,
};

/// What is younger may belong to a bundle whose other volumes are still on their way.
const GRACE_SECONDS: i64 = 24 * 60 * 60;

/// What a collection took, or would take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// Blobs that no kept bundle names.
    pub blobs: u64,
    /// Partial blobs, damaged files and the like.
    pub files: u64,
    /// How many bytes they took.
    pub bytes: u64,
    /// Whether it only looked.
    pub dry_run: bool,
    /// The bundles that are kept.
    pub kept: Vec<String>,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedStore {
    /// Blobs that were hashed.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is damaged and was moved aside, in words.
    pub damaged: Vec<String>,
    /// Blobs that bundles in use name and that are not there.
    pub missing: Vec<Digest>,
}

impl Node {
    /// Collects what no kept bundle names. The bundles in use are kept, and so many of the newest of each channel.
    ///
    /// # Errors
    /// When a kept bundle cannot be read: nothing is collected then, since nobody knows what it needs.
    pub fn collect(&self, dry_run: bool, now: Timestamp) -> Result<Collected, Report> {
        let mut keep = Keep::default();
        let mut names = Vec::new();
        let mut keep_one = |channel: &ChannelName, held: &Held| -> Result<(), Report> {
            let content = self.content(channel, held)?;
            let inventory = content.inventory()?;
            keep.bundle(held.digest, &content.root().statement, &inventory);
            names.push(format!("{channel} {}", held.position));
            Ok(())
        };
        let in_use = self.in_use();
        for (_, channel, held) in &in_use {
            keep_one(channel, held)?;
        }
        let mut channels: Vec<ChannelName> =
            self.store.bundles()?.into_iter().map(|(channel, _)| channel).collect();
        channels.dedup();
        for channel in channels {
            let recent = self.kept(&channel)?.into_values().rev().take(self.profile.keep);
            for held in recent.filter(|held| !in_use.iter().any(|(.., it)| it.digest == held.digest)) {
                match keep_one(&channel, &held) {
                    Err(report) if report.code == "missing" => (),
                    other => other?,
                }
            }
        }
        let before = now.as_second().saturating_sub(GRACE_SECONDS);
        let Garbage { blobs, files, bytes } = match dry_run {
            true => self.store.garbage(&keep, before)?,
            false => self.store.gc(&keep, before)?,
        };
        Ok(Collected { blobs: blobs.len() as u64, files: files.len() as u64, bytes, dry_run, kept: names })
    }

    /// Hashes everything again. What is damaged is moved aside, so that a medium may bring it again.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn check(&self, progress: &dyn Fn(&str, u64, u64)) -> Result<CheckedStore, Report> {
        let checked = self.store.fsck(&mut |at| progress("checking", at.done, at.total))?;
        self.forget_contents();
        self.forget_marks();
        let mut missing = Vec::new();
        for (_, channel, held) in self.in_use() {
            let root = self.memory().admitted(&self.store, &channel, &held)?;
            let mut look = |digest: Digest, size: u64| -> Result<bool, Report> {
                let there = self.store.has(&digest, size)?;
                if !there {
                    missing.push(digest);
                }
                Ok(there)
            };
            let statement = &root.statement;
            look(statement.release.digest, statement.release.size)?;
            if look(statement.inventory.digest, statement.inventory.size)? {
                let inventory = crate::content::inventory(&root, &*self.store.blobs())?;
                for blob in inventory.iter() {
                    look(blob.digest, blob.size)?;
                }
            }
        }
        missing.sort_unstable();
        missing.dedup();
        Ok(CheckedStore {
            blobs: checked.blobs,
            bytes: checked.bytes,
            damaged: checked
                .damaged
                .iter()
                .map(|it| format!("{}: {}; moved to {}", it.digest, it.why, it.aside))
                .chain(
                    checked
                        .envelopes
                        .iter()
                        .map(|it| format!("{it}: not the envelope that was kept; moved aside")),
                )
                .chain(checked.receipts.iter().cloned())
                .collect(),
            missing,
        })
    }

    /// Writes a kept bundle back onto a medium, for the next site: the active one, or the one at `position`.
    ///
    /// # Errors
    /// When it is not kept whole, or the medium does not take it.
    pub fn export(
        &self,
        channel: &ChannelName,
        position: Option<Floor>,
        directory: &Path,
        progress: &dyn Fn(&str, u64, u64),
    ) -> Result<Written, Report> {
        let held = self.chosen(channel, position)?;
        let contents = self.contents(&*self.content(channel, &held)?)?;
        let total = contents.pieces.iter().map(|it| it.size).sum();
        let blobs = self.store.blobs();
        let stem = format!("{channel}-{}", held.position);
        let written = write_medium(directory, &stem, &contents, &FromBlobs(&*blobs), &mut |done| {
            progress("writing", done, total)
        })?;
        Ok(written)
    }

    /// All that a medium holds of a bundle.
    pub(super) fn contents(&self, content: &Content) -> Result<Contents, Report> {
        let inventory = content.inventory()?;
        let statement = &content.root().statement;
        let chain = self.memory().chain().to_vec();
        let mut roots = BTreeMap::new();
        // The whole chain that the store keeps, so that a node that was away for long can walk it.
        for version in self.store.roots()? {
            if let Some(root) = self.store.root(version)? {
                roots.insert(version, root.as_bytes().to_vec());
            }
        }
        for root in chain {
            roots.entry(root.version).or_insert_with(|| root.envelope().to_vec());
        }
        let head = |digest, size| crate::bundle::Piece { digest, size, slice: None };
        Ok(Contents {
            roots,
            agent: successor::carried(content, &inventory)?,
            bundle: content.root().envelope().to_vec(),
            index: crate::bundle::index_json(content.release(), &inventory),
            label: None,
            head: vec![
                head(statement.inventory.digest, statement.inventory.size),
                head(statement.release.digest, statement.release.size),
            ],
            pieces: pieces(&inventory),
        })
    }

    /// Writes a plain file of a kept bundle to `to`: found by its name among the release's files, or by its digest.
    ///
    /// # Errors
    /// When the bundle has no such file.
    pub fn extract(&self, channel: &ChannelName, name: &str, to: &Path) -> Result<PathBuf, Report> {
        let held = self.chosen(channel, None)?;
        let content = self.content(channel, &held)?;
        let Some(file) = content.release().files.get(name) else {
            let names: Vec<&str> = content.release().files.keys().map(String::as_str).collect();
            let hint = match names.is_empty() {
                true => "it has none".to_owned(),
                false => format!("it has: {}", names.join(", ")),
            };
            let error = format!("bundle {} of channel `{channel}` has no file `{name}`", held.position);
            return Err(Report::new("no_file", Class::Invalid, error, Some(&hint)));
        };
        let mut reader = content.reader(&file.digest, file.size)?;
        copying(copy_to(&mut reader, to, file.executable), to)?;
        Ok(to.to_owned())
    }

    /// The bundle at a position, or else the active, or else the staged one.
    pub(super) fn chosen(&self, channel: &ChannelName, position: Option<Floor>) -> Result<Held, Report> {
        let state = self.channel_state(channel);
        let chosen = match position {
            Some(position) => self.kept(channel)?.get(&position).copied(),
            None => state.active.or(state.staged),
        };
        chosen.ok_or_else(|| {
            let what = position.map_or_else(|| "a bundle".to_owned(), |it| format!("bundle {it}"));
            let error = format!("{what} of channel `{channel}` is not kept");
            Report::new("not_kept", Class::Unavailable, error, Some("`airlock status` lists what is kept"))
        })
    }
}

/// What went wrong with a copy, for people.
pub(super) fn copying(copied: std::io::Result<()>, to: &Path) -> Result<(), Report> {
    copied.map_err(|error| match Mismatch::within(&error) {
        Some(mismatch) => Report::from(crate::content::Error::Tampered(mismatch.clone())),
        None => {
            Report::new("disk", Class::System, format!("{} cannot be written: {error}", to.display()), None)
        }
    })
}

/// Copies beside the target and renames at the end, so that half a file never has its name.
pub(super) fn copy_to(reader: &mut dyn std::io::Read, to: &Path, executable: bool) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = to.with_file_name(name);
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&part)?;
    let copied = std::io::copy(reader, &mut file).and_then(|_| file.sync_all());
    match copied {
        Ok(()) => std::fs::rename(&part, to),
        Err(error) => {
            let _ = std::fs::remove_file(&part);
            Err(error)
        }
    }
}
