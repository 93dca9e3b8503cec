//! Envelopes on the disk: written once, for good, and never with other bytes.

use super::{DAMAGED, Disk, Error, disk::TOP, error::During, file};
use crate::{bundle::Unverified, digest::Digest, limits};

/// What is there before an envelope is put.
pub(super) enum Before {
    /// Nothing, or something that was moved aside since it is damaged.
    Free,
    /// The same payload; whose signatures came first stay.
    Same,
    /// Another payload.
    Other(Digest),
}

/// Reads an envelope; none where nothing is.
pub(super) fn read(disk: &dyn Disk, path: &str) -> Result<Option<Unverified>, Error> {
    match file::read(disk, path, limits::ENVELOPE_BYTES)? {
        None => Ok(None),
        Some(bytes) => Ok(Some(Unverified::read(path, bytes)?)),
    }
}

/// Puts an envelope where nothing with another payload is. `recorded` is the payload digest that the state knows for
/// this place: what differs from it is damaged and not a rival.
pub(super) fn put(
    disk: &dyn Disk,
    path: &str,
    envelope: &Unverified,
    recorded: Option<Digest>,
) -> Result<Before, Error> {
    let dir = file::parent(path);
    file::ensure_dir(disk, dir)?;
    // Whoever made the directory, or the file, may have been stopped before its name was durable.
    disk.sync_dir(file::parent(dir)).during("sync", file::parent(dir))?;
    let before = match read(disk, path) {
        Ok(None) => Before::Free,
        Ok(Some(kept)) if kept.payload_digest() == envelope.payload_digest() => Before::Same,
        Ok(Some(kept)) if recorded.is_none_or(|it| it == kept.payload_digest()) => {
            Before::Other(kept.payload_digest())
        }
        Ok(Some(_)) | Err(Error::Format(_)) => {
            set_aside(disk, path)?;
            Before::Free
        }
        Err(error) => return Err(error),
    };
    match before {
        Before::Free => file::replace(disk, path, envelope.as_bytes())?,
        Before::Same => disk.sync_dir(dir).during("sync", dir)?,
        Before::Other(_) => (),
    }
    Ok(before)
}

/// Moves a damaged file out of the way and keeps it.
pub(super) fn set_aside(disk: &dyn Disk, path: &str) -> Result<String, Error> {
    if file::ensure_dir(disk, DAMAGED)? {
        disk.sync_dir(TOP).during("sync", TOP)?;
    }
    let aside = format!("{DAMAGED}/{}", path.replace('/', "~"));
    disk.rename(path, &aside).during("move aside", path)?;
    disk.sync_dir(DAMAGED).during("sync", DAMAGED)?;
    disk.sync_dir(file::parent(path)).during("sync", file::parent(path))?;
    Ok(aside)
}

/// The envelopes in a directory whose names `parse` knows, in order.
pub(super) fn list<T: Ord>(
    disk: &dyn Disk,
    dir: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Error> {
    let names = disk.list(dir).during("list", dir)?;
    let mut found: Vec<T> = names.iter().filter_map(|name| parse(name)).collect();
    found.sort();
    Ok(found)
}
