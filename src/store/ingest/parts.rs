//! Blobs that come in parts, in any order and on any number of media.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind, Read},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    super::{
        Access, Disk, Error,
        disk::{File, FileReader},
        error::During,
        file,
    },
    DIR,
};
use crate::{
    bundle::{Blob, strict},
    digest::{Digest, Hasher, Mismatch},
    limits,
};

/// A part at its place in the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extent {
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) digest: Digest,
}

/// The parts of a blob, each with its place.
pub(super) fn extents(blob: &Blob) -> impl Iterator<Item = Extent> {
    blob.parts.iter().scan(0_u64, |offset, part| {
        let extent = Extent { offset: *offset, size: part.size, digest: part.digest };
        *offset = offset.checked_add(part.size)?;
        Some(extent)
    })
}

/// The parts of a blob that are there: one file that has each at its place, and a list of them. The list says itself
/// where each lies, so that a bundle that cuts the same blob otherwise takes nothing for its own that is not.
pub(super) struct Parts {
    pub(super) blob: Digest,
    pub(super) file: Arc<dyn File>,
    held: BTreeSet<Extent>,
    /// The end of the last line of the list that is whole.
    end: u64,
}

pub(super) fn data_path(blob: &Digest) -> String {
    format!("{DIR}/{}.parts", blob.hex())
}

fn list_path(blob: &Digest) -> String {
    format!("{DIR}/{}.held", blob.hex())
}

/// Drops the list of a blob that is whole.
pub(super) fn forget(disk: &dyn Disk, blob: &Digest) -> Result<(), Error> {
    file::remove(disk, &list_path(blob))
}

impl Parts {
    /// Whether any part was ever written.
    pub(super) fn begun(disk: &dyn Disk, blob: &Digest) -> Result<bool, Error> {
        let path = data_path(blob);
        Ok(disk.stat(&path).during("look at", &path)?.is_some())
    }

    /// How many bytes of a blob are there, at most.
    pub(super) fn bytes(disk: &dyn Disk, blob: &Digest) -> Result<u64, Error> {
        if !Self::begun(disk, blob)? {
            return Ok(0);
        }
        let (held, _) = list(disk, blob)?;
        Ok(held.iter().fold(0, |sum, it| sum.saturating_add(it.size)))
    }

    /// Opens the file that the parts are written to, and makes it where it is not.
    pub(super) fn open(disk: &dyn Disk, blob: &Digest) -> Result<Self, Error> {
        let path = data_path(blob);
        if let Some(file) = disk.open(&path, Access::Write).during("open", &path)? {
            let size = file.size().during("read", &path)?;
            let (mut held, end) = list(disk, blob)?;
            held.retain(|it| it.offset.checked_add(it.size).is_some_and(|end| end <= size));
            return Ok(Self { blob: *blob, file, held, end });
        }
        // A list without a file is of another life.
        forget(disk, blob)?;
        let file = disk.create(&path).during("create", &path)?;
        Ok(Self { blob: *blob, file, held: BTreeSet::new(), end: 0 })
    }

    pub(super) fn has(&self, extent: &Extent) -> bool {
        self.held.contains(extent)
    }

    /// The parts of `blob` that are not there, by number.
    pub(super) fn missing(&self, blob: &Blob) -> Vec<usize> {
        let missing = extents(blob).enumerate().filter(|(_, it)| !self.has(it));
        missing.map(|(index, _)| index).collect()
    }

    /// Notes a part that is durable.
    pub(super) fn add(&mut self, disk: &dyn Disk, extent: Extent) -> Result<(), Error> {
        let path = list_path(&self.blob);
        let list = match disk.open(&path, Access::Write).during("open", &path)? {
            Some(list) => list,
            None => disk.create(&path).during("create", &path)?,
        };
        let line = line(&extent);
        list.write_all_at(&line, self.end).during("write", &path)?;
        list.sync().during("sync", &path)?;
        // Both names are new with the first line.
        if self.end == 0 {
            disk.sync_dir(DIR).during("sync", DIR)?;
        }
        self.end += line.len() as u64;
        self.held.insert(extent);
        Ok(())
    }

    /// Checks the whole that the parts make. A mismatch is given when parts were damaged since they were written: those
    /// are no longer in the list.
    pub(super) fn join(&mut self, disk: &dyn Disk, blob: &Blob) -> Result<Option<Mismatch>, Error> {
        let path = data_path(&blob.digest);
        // A bundle that cut the same blob otherwise may have written beyond its end, but was not right then.
        if self.file.size().during("read", &path)? > blob.size {
            self.file.truncate(blob.size).during("cut", &path)?;
        }
        let whole = Extent { offset: 0, size: blob.size, digest: blob.digest };
        let found = hash(&self.file, &whole).during("read", &path)?;
        if found == blob.digest {
            return Ok(None);
        }
        let mismatch = Mismatch::Content { expected: blob.digest, found };
        let mut good = BTreeSet::new();
        for extent in &self.held {
            if hash(&self.file, extent).during("read", &path)? == extent.digest {
                good.insert(*extent);
            }
        }
        if good.len() < self.held.len() {
            let bytes: Vec<u8> = good.iter().flat_map(line).collect();
            file::replace(disk, &list_path(&blob.digest), &bytes)?;
            (self.held, self.end) = (good, bytes.len() as u64);
            return Ok(Some(mismatch));
        }
        // Every part is what the inventory says, and the whole is not.
        forget(disk, &blob.digest)?;
        file::remove(disk, &path)?;
        Err(Error::Tampered(mismatch))
    }
}

/// Reads the list. What follows its last newline was written in part: that part of the blob is not there.
fn list(disk: &dyn Disk, blob: &Digest) -> Result<(BTreeSet<Extent>, u64), Error> {
    let path = list_path(blob);
    // It names no more parts than an inventory can.
    let bytes = file::read(disk, &path, limits::INVENTORY_BYTES)?.unwrap_or_default();
    let end = bytes.iter().rposition(|c| *c == b'\n').map_or(0, |at| at + 1);
    let lines = bytes.get(..end).unwrap_or_default().split(|c| *c == b'\n');
    Ok((lines.filter_map(|line| strict::parse(&path, line).ok()).collect(), end as u64))
}

fn line(extent: &Extent) -> Vec<u8> {
    let mut line = serde_json::to_vec(extent).expect("strings and numbers always serialise");
    line.push(b'\n');
    line
}

fn hash(file: &Arc<dyn File>, extent: &Extent) -> io::Result<Digest> {
    let mut reader = FileReader::new(Arc::clone(file), extent.offset).take(extent.size);
    let (mut buffer, mut hasher) = (vec![0; limits::CHUNK_BYTES], Hasher::default());
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish().0),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
}
