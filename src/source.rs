//! Where bundles come from, and how they are written: the world's side of the port [`Medium`](crate::bundle::Medium).
//!
//! ```text
//! media/     a directory, a tar, several volumes seen as one; what a given path is           [`find`]
//! want       the list of what is missing, left on the medium or put into words               [`Want`]
//! sink/      a bundle written as a directory, a tar, or volumes                              [`Contents`]
//! spec       a place on a network, as the configuration names it;  remote: asking it         [`Spec`], [`Remote`]
//! git/       bundles in Git repositories: a tree, or a tag                              [`git`]
//! registry/  bundles as artifacts of registries                                             [`registry`]
//! mounts     what is mounted below a directory;  watch: what comes and goes there            [`Watch`]
//! ```
//!
//! Nothing that is read here is trusted. Media are opened beneath their root without following a link, regular files
//! only, on every read anew; whether a blob is whole is for its size and digest to say, so that a medium that is
//! still being copied, was pulled out too early, or changes under the reader's hands yields blobs that are missing
//! and never ones that are wrong.

pub mod git;
mod media;
mod mounts;
pub mod registry;
mod remote;
mod root;
mod sink;
mod spec;
mod trouble;
mod want;
mod watch;

use std::{io, path::PathBuf};

pub use media::{DirectoryMedium, Found, Survey, TarMedium, Volumes, find, volume_label};
pub use mounts::{Mount, mounts_below, parse_mountinfo};
pub use remote::{Asked, Claim, Failure, GaveWay, GiveWay, Remote};
pub use root::Root;
pub use sink::{
    Contents, FromBlobs, Supply, Written, write_directory, write_medium, write_tar, write_volumes,
};
pub use spec::{Hosts, Spec, Url};
pub use trouble::Trouble;
pub use want::{Left, Missing, Newest, ShortCode, WANT_LIST, Want, WantList, leave};
pub use watch::{Event, Watch};

use crate::{
    bundle::Malformed,
    digest::Digest,
    fault::{Class, Fault},
};

/// Why a medium is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk said no.
    #[error("failed to {verb} {path}")]
    Io {
        /// What was tried: `open`, `read`, `write`.
        verb: &'static str,
        /// Where.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// A place on the network says no, or nothing.
    #[error(transparent)]
    Remote(#[from] Failure),
    /// A tar or a document of the layout that is not of the bundle's form.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Nothing there looks like a bundle.
    #[error("{0} holds no bundle")]
    NoBundle(PathBuf),
    /// Volumes that belong to different bundles were given as one.
    #[error("{first} and {second} are volumes of different bundles: their {what} differ")]
    Mixed {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// What differs.
        what: String,
    },
    /// A name that Airlock writes is taken by something that is no regular file.
    #[error("{path} is {what}; it is not written through")]
    NotRegular {
        /// The name.
        path: PathBuf,
        /// `a symbolic link`, `a directory`.
        what: &'static str,
    },
    /// The medium has too little room.
    #[error("{path} has {free} bytes left, and {needed} are needed")]
    Full {
        /// The medium.
        path: PathBuf,
        /// What is needed.
        needed: u64,
        /// What is there.
        free: u64,
    },
    /// A blob that is to be written is not at hand.
    #[error("blob {0} is to be written, and is not there")]
    Absent(Digest),
    /// A piece that no file, or no volume, can hold.
    #[error("{digest} of {size} bytes does not fit: {why}")]
    TooLarge {
        /// The piece.
        digest: Digest,
        /// Its size.
        size: u64,
        /// What it does not fit.
        why: String,
    },
}

impl Error {
    pub(crate) fn io(verb: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| match Failure::taken(source) {
            Ok(failure) => Self::Remote(failure),
            Err(source) => Self::Io { verb, path, source },
        }
    }
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Remote(failure) => failure.code(),
            Self::Io { source, .. } if crate::digest::Mismatch::within(source).is_some() => "tampered",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => "read_only",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => "full",
            Self::Io { .. } => "io",
            Self::Malformed(error) => error.code(),
            Self::NoBundle(_) => "no_bundle",
            Self::Mixed { .. } => "mixed",
            Self::NotRegular { .. } => "not_regular",
            Self::Full { .. } => "full",
            Self::Absent(_) => "absent",
            Self::TooLarge { .. } => "too_large",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Remote(failure) => failure.class(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Class::Unavailable,
            Self::Io { source, .. } if crate::digest::Mismatch::within(source).is_some() => Class::Invalid,
            Self::Io { .. } | Self::Full { .. } => Class::System,
            Self::Malformed(error) => error.class(),
            Self::NoBundle(_) | Self::Absent(_) => Class::Unavailable,
            Self::Mixed { .. } | Self::TooLarge { .. } => Class::Invalid,
            Self::NotRegular { .. } => Class::Denied,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Malformed(error) => return error.hint(),
            Self::Remote(failure) => return failure.hint(),
            Self::NoBundle(_) => {
                "give the directory that holds `bundle.dsse`, a directory above it, or a `.tar` of it; a medium that is \
                 still being copied has no `bundle.dsse` yet"
            }
            Self::Mixed { .. } => "import them one after the other, each bundle with its own volumes",
            Self::NotRegular { .. } => "remove it from the medium and try again",
            Self::Full { .. } => "use a larger medium, or several with `--volume`",
            Self::TooLarge { .. } => "build the bundle with smaller parts, or write larger volumes",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                "unlock the medium's write protection"
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "`findmnt` lists what is mounted; a stick that was put in a moment ago may not be"
            }
            Self::Io { .. } | Self::Absent(_) => return None,
        };
        Some(text.into())
    }
}
