use std::{
    io::{self, ErrorKind},
    sync::Arc,
};

use super::{
    Access, Disk, Error,
    disk::{FileReader, Stat},
    error::During,
};
use crate::{content, digest::Digest};

/// Where accepted content lies, by digest, in 256 directories.
pub(super) const DIR: &str = "blobs-v1/sha256";

/// The directory of a blob, and its path.
pub(super) fn place(digest: &Digest) -> (String, String) {
    let hex = digest.hex();
    let (fan, rest) = hex.split_at(2);
    let dir = format!("{DIR}/{fan}");
    let path = format!("{dir}/{rest}");
    (dir, path)
}

/// Whether a blob is there, in the size that it should have. One of another size is not it.
pub(super) fn has(disk: &dyn Disk, digest: &Digest, size: u64) -> Result<bool, Error> {
    let (_, path) = place(digest);
    match disk.stat(&path) {
        Ok(found) => Ok(found.is_some_and(|it| it.size == size)),
        // Its directory is made with the first blob that lies in it.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).during("look at", &path),
    }
}

/// What lies among the blobs.
#[derive(Default)]
pub(super) struct Listing {
    /// Every blob with its size and age.
    pub(super) blobs: Vec<(Digest, Stat)>,
    /// Every file that is called otherwise than a blob, by path.
    pub(super) strange: Vec<String>,
}

/// Lists all blobs. Only a collection and a check do that.
pub(super) fn list(disk: &dyn Disk) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    for fan in disk.list(DIR).during("list", DIR)? {
        let dir = format!("{DIR}/{fan}");
        for rest in disk.list(&dir).during("list", &dir)? {
            let path = format!("{dir}/{rest}");
            let found = disk.stat(&path).during("look at", &path)?;
            match (Digest::from_hex(&format!("{fan}{rest}")), found) {
                (Ok(digest), Some(stat)) if fan.len() == 2 => listing.blobs.push((digest, stat)),
                _ => listing.strange.push(path),
            }
        }
    }
    Ok(listing)
}

/// The store as what is above it sees it.
pub(super) struct StoredBlobs(pub(super) Arc<dyn Disk>);

impl content::Blobs for StoredBlobs {
    fn open(&self, digest: &Digest) -> io::Result<Option<Box<dyn io::Read + Send>>> {
        let file = self.0.open(&place(digest).1, Access::Read)?;
        Ok(file.map(|file| Box::new(FileReader::new(file, 0)) as Box<dyn io::Read + Send>))
    }
}
