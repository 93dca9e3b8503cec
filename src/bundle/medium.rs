use std::{
    fmt,
    io::{self, Read as _},
};

use super::Item;
use crate::digest::Digest;

/// A file of a medium, opened: how long it says to be, and its bytes.
pub struct Opened {
    /// The size that the medium claims.
    pub size: u64,
    /// The bytes.
    pub reader: Box<dyn io::Read + Send>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Where a bundle lies: a directory, a tar, a Git tree, an artifact in a registry. Nothing that it returns is trusted.
pub trait Medium: Send + Sync {
    /// How people call it: its path, its URL, or what is written on the disc.
    fn label(&self) -> String;

    /// Opens one item; none where the medium does not have it.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn open(&self, item: Item) -> io::Result<Option<Opened>>;

    /// Opens one item so many bytes after its beginning. [`Opened::size`] stays that of the whole.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn open_at(&self, item: Item, at: u64) -> io::Result<Option<Opened>> {
        let Some(mut opened) = self.open(item)? else { return Ok(None) };
        io::copy(&mut opened.reader.by_ref().take(at), &mut io::sink())?;
        Ok(Some(opened))
    }

    /// The versions of the trust roots that are there, ascending.
    ///
    /// # Errors
    /// When the medium cannot be read.
    fn roots(&self) -> io::Result<Vec<u32>>;

    /// The blobs in the order in which they stand, where the medium has an order.
    fn blob_order(&self) -> Option<&[Digest]> {
        None
    }
}
