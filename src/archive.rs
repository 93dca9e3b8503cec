//! Trees of files inside one blob, and the policy that decides which entries of a foreign archive may be in one.
//!
//! A tree travels as a ustar tar inside one zstd frame ([`read_tree`], [`write_tree`]), a Helm chart as a `.tgz`
//! ([`read_tgz`]). Both are read whole into a [`Tree`] in memory and never onto a disk, so there is no root to escape
//! from; what remains to refuse is whatever two readers could read differently, whatever a disk or a stick could not
//! hold, and whatever grows without end. Everything refused is refused by name, and nothing is skipped in silence.

mod entries;
mod pack;
mod path;
mod pax;
mod tree;
mod unpack;
pub(crate) mod ustar;

use std::io;

pub use pack::{Packed, write_tree};
pub use path::{BadPath, SafePath};
pub use tree::{Node, Place, Tree, Unresolved};
pub use unpack::{Unpacked, measure_tgz, read_tar, read_tgz, read_tree};

use crate::fault::{Class, Fault};

/// Why an archive is not read, or a tree not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An entry whose name no tree may have.
    #[error("archive entry {entry:?} is refused: {why}")]
    Path {
        /// The name as the archive has it, cut to a printable length.
        entry: String,
        /// The rule that it breaks.
        why: BadPath,
    },
    /// An entry that is no file, directory or symbolic link, or that says something about itself that is not so.
    #[error("archive entry {entry:?} is refused: {why}")]
    Entry {
        /// The name as the archive has it, cut to a printable length.
        entry: String,
        /// What is wrong with it, in words.
        why: String,
    },
    /// More than a limit of [`crate::limits`] or the signed size allows.
    #[error("the archive is refused: {0}")]
    Limit(String),
    /// No archive of the expected form.
    #[error("the archive is malformed: {0}")]
    Format(String),
    /// The bytes could not be read. A [`crate::digest::Mismatch`] is inside when they are not the blob's.
    #[error("the archive cannot be read")]
    Io(#[source] io::Error),
}

impl Error {
    pub(crate) fn entry(name: &[u8], why: impl ToString) -> Self {
        Self::Entry { entry: printable(name), why: why.to_string() }
    }

    pub(crate) fn format(why: impl ToString) -> Self {
        Self::Format(why.to_string())
    }
}

/// A name that is safe to put into a message: UTF-8, without control characters when printed by `{:?}`, and short.
fn printable(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name.get(..name.len().min(400)).unwrap_or(name));
    text.chars().take(100).collect()
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Path { .. } => "archive_path",
            Self::Entry { .. } => "archive_entry",
            Self::Limit(_) => "archive_limit",
            Self::Format(_) => "archive_format",
            Self::Io(error) if crate::digest::Mismatch::within(error).is_some() => "tampered",
            Self::Io(_) => "io",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Io(error) if crate::digest::Mismatch::within(error).is_none() => Class::System,
            _ => Class::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Path { .. } | Self::Entry { .. } => {
                Some("remove or rename that entry where the bundle is built, and build it again".into())
            }
            Self::Limit(_) | Self::Format(_) => {
                Some("the archive was not made by a tool that Airlock knows; pack it again".into())
            }
            Self::Io(_) => None,
        }
    }
}
