//! Small files that are replaced as a whole, and directories that are there when they are needed.

use std::io::{ErrorKind, Read};

use super::{
    Access, Disk, Error,
    disk::{FileReader, TOP},
    error::During,
};

/// The directory of a path.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or(TOP, |(parent, _)| parent)
}

/// Makes a directory where it is not; true when it was made.
pub(super) fn ensure_dir(disk: &dyn Disk, path: &str) -> Result<bool, Error> {
    match disk.make_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).during("make", path),
    }
}

/// Removes a file where it is.
pub(super) fn remove(disk: &dyn Disk, path: &str) -> Result<(), Error> {
    match disk.remove(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.during("remove", path),
    }
}

/// Reads a file of at most `limit` bytes; one that is longer comes with one byte too many, so that its reader sees it.
pub(super) fn read(disk: &dyn Disk, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    let Some(file) = disk.open(path, Access::Read).during("open", path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    FileReader::new(file, 0).take(limit + 1).read_to_end(&mut bytes).during("read", path)?;
    Ok(Some(bytes))
}

/// Writes a file so that either the old one or the new one is there whatever happens, and the new one for good once
/// this returns.
pub(super) fn replace(disk: &dyn Disk, path: &str, bytes: &[u8]) -> Result<(), Error> {
    let new = format!("{path}{NEW}");
    // What a power cut left there is another file's content, and a descriptor whose sync failed is never synced again.
    remove(disk, &new)?;
    let file = disk.create(&new).during("create", &new)?;
    let written = file.write_all_at(bytes, 0).during("write", &new);
    if let Err(error) = written.and_then(|()| file.sync().during("sync", &new)) {
        let _ = disk.remove(&new);
        return Err(error);
    }
    disk.rename(&new, path).during("rename", &new)?;
    disk.sync_dir(parent(path)).during("sync", parent(path))
}

/// Ends the name of a file that is not finished.
pub(super) const NEW: &str = ".new";
