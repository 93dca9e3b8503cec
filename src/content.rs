//! Verified files, hashed again on every read, so that the disk is a cache that nobody has to trust.

use std::io;

use crate::digest::Digest;

/// Where blobs come from. The store implements it; nothing above it knows that there is a disk.
pub trait Blobs: Send + Sync {
    /// Opens what is filed under `digest`, right or wrong; none where nothing is.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn open(&self, digest: &Digest) -> io::Result<Option<Box<dyn io::Read + Send>>>;
}
