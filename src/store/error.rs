use std::io;

use crate::{
    bundle::Malformed,
    digest::{Digest, Mismatch},
    fault::{Class, Fault},
};

/// Why the store could not do what it was asked to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk failed, or is full.
    #[error("cannot {doing} `{path}` in the store")]
    Disk {
        /// What was tried: `write`, `sync`.
        doing: &'static str,
        /// The file or directory, relative to the store.
        path: String,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// What is about to be written does not fit.
    #[error("the store needs {needed} bytes and {free} are free, of which {reserve} are kept free")]
    Space {
        /// What would be written.
        needed: u64,
        /// What is free.
        free: u64,
        /// What stays free, whatever happens.
        reserve: u64,
    },
    /// Nothing was anchored here yet.
    #[error("no trust root is anchored on this node")]
    NoState,
    /// There was a state, and it is gone or damaged beyond doubt.
    #[error("the state of this node is lost: {why}")]
    StateLost {
        /// How that is known.
        why: String,
    },
    /// A state that another node, or a former life of this one, wrote.
    #[error("the state belongs to the store `{found}`, and this node's store id is `{expected}`")]
    OtherStore {
        /// What `/etc/airlock/store-id` says.
        expected: String,
        /// What the state says.
        found: String,
    },
    /// A trust root is anchored already.
    #[error("a trust root is anchored on this node already")]
    Exists,
    /// Another process writes.
    #[error("another process holds the lock of the store")]
    Locked,
    /// This process opened the store to read it.
    #[error("the store was opened for reading only")]
    ReadOnly,
    /// Only one of them goes on at a time.
    #[error("another import, collection or check of the store is under way")]
    Busy,
    /// A change that would make the node forget what it promised never to forget.
    #[error("the state may not change so: {why}")]
    Backwards {
        /// What would fall.
        why: String,
    },
    /// A collection that would take what the state relies on.
    #[error("bundle {0} is held, and its blobs were not named among those to keep")]
    Unkept(Digest),
    /// A blob or a part that is not what the inventory says.
    #[error("a blob does not match the inventory")]
    Tampered(#[source] Mismatch),
    /// The medium or the server failed while it was read.
    #[error("cannot read blob {digest} from its source")]
    Source {
        /// The blob or the part.
        digest: Digest,
        /// What the source said.
        #[source]
        source: io::Error,
    },
    /// Two trust roots of one version.
    #[error("trust root {version} is {kept}, and another one of that version came: {other}")]
    RootFork {
        /// The version.
        version: u32,
        /// The payload digest of the one that was accepted.
        kept: Digest,
        /// The payload digest of the one that came.
        other: Digest,
    },
    /// Two bundles with one number.
    #[error("bundle {position} is {kept}, and another one with that number came: {other}")]
    Equivocation {
        /// Channel, epoch and sequence.
        position: String,
        /// The payload digest of the one that was accepted.
        kept: Digest,
        /// The payload digest of the one that came.
        other: Digest,
    },
    /// A document of the store that cannot be read, although nothing damaged it.
    #[error(transparent)]
    Format(#[from] Malformed),
}

/// Puts what was tried, and where, around what the disk said.
pub(super) trait During<T> {
    fn during(self, doing: &'static str, path: &str) -> Result<T, Error>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, doing: &'static str, path: &str) -> Result<T, Error> {
        self.map_err(|source| Error::Disk { doing, path: path.to_owned(), source })
    }
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Disk { source, .. } if full(source) => "space",
            Self::Disk { .. } => "disk",
            Self::Space { .. } => "space",
            Self::NoState => "no_root",
            Self::StateLost { .. } => "state_lost",
            Self::OtherStore { .. } => "other_store",
            Self::Exists => "anchored",
            Self::Locked => "locked",
            Self::ReadOnly => "read_only",
            Self::Busy => "busy",
            Self::Backwards { .. } => "backwards",
            Self::Unkept(_) => "unkept",
            Self::Tampered(_) => "tampered",
            Self::Source { .. } => "source",
            Self::RootFork { .. } => "root_fork",
            Self::Equivocation { .. } => "equivocation",
            Self::Format(error) => error.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Disk { .. } | Self::Space { .. } => Class::System,
            Self::NoState | Self::Source { .. } => Class::Unavailable,
            Self::StateLost { .. }
            | Self::OtherStore { .. }
            | Self::Exists
            | Self::Tampered(_)
            | Self::RootFork { .. }
            | Self::Equivocation { .. } => Class::Denied,
            Self::Locked | Self::Busy => Class::Conflict,
            Self::ReadOnly | Self::Backwards { .. } | Self::Unkept(_) => Class::Bug,
            Self::Format(_) => Class::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Disk { source, .. } if full(source) => {
                "free some space with `airlock gc`, or enlarge the disk; nothing that was accepted is lost"
            }
            Self::Disk { .. } => {
                "look at `dmesg` for errors of the disk; `airlock fsck` tells what it damaged"
            }
            Self::Space { .. } => "free some space with `airlock gc`, or enlarge the disk",
            Self::NoState => "anchor one with `airlock trust init FILE --sha256 HEX`",
            Self::StateLost { .. } => {
                "ask for the newest trust root and for the last bundle that this node accepted, then run \
                 `airlock trust recover FILE --sha256 HEX --minimum EPOCH-SEQUENCE`"
            }
            Self::OtherStore { .. } => {
                "bring back the disk that belongs to this node, or run `airlock trust recover`"
            }
            Self::Exists => "`airlock trust show` prints it; a new root travels in a bundle",
            Self::Locked => "the agent runs, or another command does; commands go through its socket",
            Self::Tampered(_) => "the medium is damaged or was changed; copy the bundle again",
            Self::Source { .. } => "put the medium in again; what was read so far is kept",
            Self::RootFork { .. } | Self::Equivocation { .. } => {
                "two different things were signed under one number; tell whoever holds the keys"
            }
            Self::Format(_) => "the store was written by a newer agent; run that one",
            Self::Busy | Self::ReadOnly | Self::Backwards { .. } | Self::Unkept(_) => return None,
        };
        Some(hint.to_owned())
    }
}

fn full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
