//! Verified files, hashed again on every read, so that the disk is a cache that nobody has to trust.

use std::{fmt, io, sync::Arc};

use crate::{
    bundle::{Inventory, Malformed, Release},
    digest::{Checked, Digest, Mismatch, read_exact},
    fault::{Class, Fault},
    trust::{Root, Verified},
};

/// Where blobs come from. The store implements it; nothing above it knows that there is a disk.
pub trait Blobs: Send + Sync {
    /// Opens what is filed under `digest`, right or wrong; none where nothing is.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn open(&self, digest: &Digest) -> io::Result<Option<Box<dyn io::Read + Send>>>;
}

/// The files of a verified root.
#[derive(Clone)]
pub struct Content {
    root: Verified<Root>,
    release: Release,
    blobs: Arc<dyn Blobs>,
}

/// Why a file of a bundle cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store does not have it.
    #[error("blob {0} is missing")]
    Missing(Digest),
    /// The store has other bytes than were signed.
    #[error("the store holds something else than was signed")]
    Tampered(#[source] Mismatch),
    /// The store cannot be read.
    #[error("blob {0} cannot be read")]
    Unreadable(Digest, #[source] io::Error),
    /// It is what was signed, and does not say what it should.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing",
            Self::Tampered(_) => "tampered",
            Self::Unreadable(..) => "disk",
            Self::Malformed(malformed) => malformed.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Missing(_) => Class::Unavailable,
            Self::Tampered(_) => Class::Denied,
            Self::Unreadable(..) => Class::System,
            Self::Malformed(malformed) => malformed.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing(_) => {
                Some("import a medium that carries it; `airlock status` lists what is missing".into())
            }
            Self::Tampered(_) => {
                Some("run `airlock fsck`, then import the bundle again to bring the blob back".into())
            }
            Self::Unreadable(..) => Some("check the disk; `airlock fsck` lists what is damaged".into()),
            Self::Malformed(malformed) => malformed.hint(),
        }
    }
}

impl Content {
    /// Opens the files of `root`, reading them from `blobs`. Reads the release; the inventory waits until it is asked for.
    ///
    /// # Errors
    /// When the release is missing, altered or malformed.
    pub fn open(root: Verified<Root>, blobs: Arc<dyn Blobs>) -> Result<Self, Error> {
        let wanted = &root.statement.release;
        let release = Release::parse(&read(&*blobs, &wanted.digest, wanted.size)?)?;
        Ok(Self { root, release, blobs })
    }

    /// The proof that all this was signed.
    pub fn root(&self) -> &Verified<Root> {
        &self.root
    }

    /// What is rendered.
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// The list of all blobs.
    ///
    /// # Errors
    /// When it is missing, altered or malformed.
    pub fn inventory(&self) -> Result<Inventory, Error> {
        inventory(&self.root, &*self.blobs)
    }

    /// Reads one blob of known digest and size into memory.
    ///
    /// # Errors
    /// When it is missing or altered.
    pub fn read(&self, digest: &Digest, size: u64) -> Result<Vec<u8>, Error> {
        read(&*self.blobs, digest, size)
    }

    /// Opens one blob of known digest and size; the reader fails before the end of a wrong one.
    ///
    /// # Errors
    /// When it is missing.
    pub fn reader(&self, digest: &Digest, size: u64) -> Result<Checked<Box<dyn io::Read + Send>>, Error> {
        Ok(Checked::new(open(&*self.blobs, digest)?, *digest, size))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("root", &self.root.digest()).finish_non_exhaustive()
    }
}

/// The inventory of a verified root, for those who copy blobs before the content as a whole is there.
///
/// # Errors
/// When it is missing, altered or malformed.
pub fn inventory(root: &Verified<Root>, blobs: &dyn Blobs) -> Result<Inventory, Error> {
    let wanted = &root.statement.inventory;
    Ok(Inventory::parse(&read(blobs, &wanted.digest, wanted.size)?, wanted)?)
}

fn open(blobs: &dyn Blobs, digest: &Digest) -> Result<Box<dyn io::Read + Send>, Error> {
    let opened = blobs.open(digest).map_err(|error| Error::Unreadable(*digest, error))?;
    opened.ok_or(Error::Missing(*digest))
}

fn read(blobs: &dyn Blobs, digest: &Digest, size: u64) -> Result<Vec<u8>, Error> {
    read_exact(open(blobs, digest)?, *digest, size).map_err(|error| match Mismatch::within(&error) {
        Some(mismatch) => Error::Tampered(mismatch.clone()),
        None => Error::Unreadable(*digest, error),
    })
}
