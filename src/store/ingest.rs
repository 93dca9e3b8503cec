//! Taking blobs in: hashed while they are written, kept where they break off, and named only once they are durable.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    sync::Arc,
};

use super::{
    Access, Disk, Error, blobs,
    disk::{File, FileReader},
    error::During,
    file,
    gate::Pass,
    space,
};
use crate::{
    bundle::{Blob, Malformed},
    digest::{Digest, Hasher, Mismatch},
    limits,
};

mod parts;
mod pipe;

use parts::Parts;
use pipe::{Copied, Pipe, fill};

/// Where blobs lie that are not all there, or not durable yet: `<hex>` for one that comes whole, `<hex>.parts` for one
/// that comes in parts, each at its place, and `<hex>.held` for the list of its parts that are there.
pub(super) const DIR: &str = "ingest-v1";

/// Blobs that are made durable at once: enough that the cost of doing so is spread, few enough to list in memory.
const BATCH: usize = 4096;

/// Bytes that are made durable at once, which is what has to be hashed again after a power cut.
const BATCH_BYTES: u64 = 8 * 1024 * 1024 * 1024;

/// From this size on a blob goes to the disk while the next one is copied. What is smaller goes with its batch.
const FLUSH_BYTES: u64 = 8 * 1024 * 1024;

/// Opens a blob or a part at its source, so many bytes after its beginning.
pub type Open<'a> = &'a mut dyn FnMut(u64) -> io::Result<Box<dyn Read + Send>>;

/// What became of a blob or a part that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was there already.
    Held,
    /// It was copied: so many bytes were read from the source.
    Copied(u64),
}

/// What an import still has to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Need {
    /// So many blobs.
    pub blobs: u64,
    /// So many bytes.
    pub bytes: u64,
}

/// One import. Nothing that it took in is collected before it is dropped, so keep it until the state that names the
/// blobs is committed.
pub struct Ingest {
    disk: Arc<dyn Disk>,
    pipe: Option<Pipe>,
    parts: Option<Parts>,
    buffer: Vec<u8>,
    pending: Vec<Pending>,
    digests: BTreeSet<Digest>,
    bytes: u64,
    /// Something is there whose name may not be durable, since whoever wrote it may have been stopped.
    unsure: bool,
    _pass: Pass,
}

/// A blob that is whole, and neither durable nor named yet.
struct Pending {
    digest: Digest,
    path: String,
}

/// What came of one attempt to copy.
enum Attempt {
    Whole(u64),
    /// The bytes of an earlier import and those of this one do not belong together.
    Stale,
}

impl Ingest {
    pub(super) fn new(disk: Arc<dyn Disk>, pass: Pass) -> Self {
        Self {
            disk,
            pipe: None,
            parts: None,
            buffer: Vec::new(),
            pending: Vec::new(),
            digests: BTreeSet::new(),
            bytes: 0,
            unsure: false,
            _pass: pass,
        }
    }

    /// What of these blobs, given by digest and size, has to be copied.
    ///
    /// # Errors
    /// [`Error::Space`] when it does not fit; nothing was written then.
    pub fn admit(&self, blobs: impl IntoIterator<Item = (Digest, u64)>) -> Result<Need, Error> {
        let (mut need, mut room) = (Need::default(), 0_u64);
        for (digest, size) in blobs {
            if self.holds(&digest, size)? {
                continue;
            }
            need.blobs += 1;
            need.bytes = need.bytes.saturating_add(size);
            let path = whole_path(&digest);
            let whole = self.disk.stat(&path).during("look at", &path)?.map_or(0, |it| it.size);
            let there = whole.max(Parts::bytes(self.disk.as_ref(), &digest)?);
            room = room.saturating_add(space::needed([size]).saturating_sub(there));
        }
        space::check(room, self.disk.space().during("measure", ".")?)?;
        Ok(need)
    }

    /// Which pieces of a blob are missing, by their number in [`Blob::pieces`]. Where all parts are there, the blob is
    /// put together; parts that turn out to be damaged are missing again.
    ///
    /// # Errors
    /// [`Error::Tampered`] when every part is what it should be and the whole is not. When the disk fails.
    pub fn missing(&mut self, blob: &Blob) -> Result<Vec<usize>, Error> {
        if self.holds(&blob.digest, blob.size)? {
            self.unsure = true;
            return Ok(Vec::new());
        }
        if blob.parts.is_empty() {
            return Ok(vec![0]);
        }
        // Most blobs have nothing here yet, and looking makes nothing.
        if self.parts.as_ref().is_none_or(|it| it.blob != blob.digest)
            && !Parts::begun(self.disk.as_ref(), &blob.digest)?
        {
            return Ok((0..blob.parts.len()).collect());
        }
        let missing = self.parts(blob)?.missing(blob);
        if !missing.is_empty() {
            return Ok(missing);
        }
        match self.join(blob)? {
            None => Ok(Vec::new()),
            Some(_) => Ok(self.parts(blob)?.missing(blob)),
        }
    }

    /// Takes in a blob that comes whole, unless it is there.
    ///
    /// An import that broke off is gone on with: what it wrote is hashed again, and `open` is asked for the rest.
    ///
    /// # Errors
    /// [`Error::Tampered`] when it is another one; [`Error::Source`] when the source fails, what came so far is kept.
    pub fn whole(&mut self, digest: &Digest, size: u64, open: Open<'_>) -> Result<Taken, Error> {
        if self.holds(digest, size)? {
            self.unsure = true;
            return Ok(Taken::Held);
        }
        self.make_room()?;
        let path = whole_path(digest);
        let mut attempt = || {
            if size <= limits::CHUNK_BYTES as u64 {
                self.copy_small(&path, *digest, size, &mut *open)
            } else {
                self.copy_large(&path, *digest, size, &mut *open)
            }
        };
        // After a power cut the first bytes may be anything; the second attempt has nothing but the source's.
        let copied = loop {
            if let Attempt::Whole(copied) = attempt()? {
                break copied;
            }
        };
        self.pend(*digest, size, path);
        Ok(Taken::Copied(copied))
    }

    /// Takes in a part of a blob, by its number in [`Blob::parts`], unless it is there. The part is checked on its own
    /// and durable when this returns; with the last one the blob is put together and checked as a whole.
    ///
    /// # Errors
    /// [`Error::Tampered`] when the part, or the whole that the parts make, is another one: [`Ingest::missing`] names
    /// then what has to come again. [`Error::Source`] when the source fails.
    pub fn part(&mut self, blob: &Blob, index: usize, open: Open<'_>) -> Result<Taken, Error> {
        if self.holds(&blob.digest, blob.size)? {
            self.unsure = true;
            return Ok(Taken::Held);
        }
        self.make_room()?;
        let Some(extent) = parts::extents(blob).nth(index) else {
            let what = format!("part {index} of blob {}", blob.digest);
            return Err(Malformed::new(what, "the blob has fewer parts").into());
        };
        let (disk, path) = (Arc::clone(&self.disk), parts::data_path(&blob.digest));
        let mut taken = Taken::Held;
        if !self.parts(blob)?.has(&extent) {
            let mut source = open(0).map_err(|source| Error::Source { digest: extent.digest, source })?;
            let file = Arc::clone(&self.parts(blob)?.file);
            let pipe = self.pipe()?;
            let copied = pipe
                .copy(&mut source, extent.size, Hasher::default(), &file, extent.offset)
                .during("write", &path)?;
            check_copied(copied, extent.digest, extent.size, &path, &mut source)?;
            let synced = file.sync().during("sync", &path);
            let parts = self.parts(blob)?;
            if let Err(error) = synced {
                // The file's earlier parts are durable; this one is written anew, through another descriptor.
                self.parts = None;
                return Err(error);
            }
            parts.add(disk.as_ref(), extent)?;
            taken = Taken::Copied(extent.size);
        }
        if self.parts(blob)?.missing(blob).is_empty()
            && let Some(mismatch) = self.join(blob)?
        {
            return Err(Error::Tampered(mismatch));
        }
        Ok(taken)
    }

    /// Makes everything durable that was taken in, and names it.
    ///
    /// # Errors
    /// When the disk fails. What is not certainly durable is dropped, and a next import brings it again.
    pub fn commit(&mut self) -> Result<(), Error> {
        let pending = std::mem::take(&mut self.pending);
        self.digests.clear();
        self.bytes = 0;
        if pending.is_empty() && !self.unsure {
            return Ok(());
        }
        // Until all of this has been done, a name may be there that a power cut takes away.
        self.unsure = true;
        let flushed = self.pipe.as_ref().map_or(Ok(()), Pipe::settle).during("sync", DIR);
        if let Err(error) = flushed.and_then(|()| self.disk.sync_all().during("sync", ".")) {
            // Nobody knows which file is concerned, and a second try that succeeds would prove nothing.
            for it in pending {
                let _ = self.disk.remove(&it.path);
            }
            return Err(error);
        }
        let mut fans = BTreeSet::new();
        for it in &pending {
            let (fan, path) = blobs::place(&it.digest);
            if !fans.contains(&fan) {
                file::ensure_dir(self.disk.as_ref(), &fan)?;
                fans.insert(fan);
            }
            self.disk.rename(&it.path, &path).during("rename", &it.path)?;
        }
        for dir in fans.iter().map(String::as_str).chain([blobs::DIR, DIR]) {
            self.disk.sync_dir(dir).during("sync", dir)?;
        }
        for it in pending.iter().filter(|it| it.path == parts::data_path(&it.digest)) {
            parts::forget(self.disk.as_ref(), &it.digest)?;
        }
        self.unsure = false;
        Ok(())
    }

    fn holds(&self, digest: &Digest, size: u64) -> Result<bool, Error> {
        Ok(self.digests.contains(digest) || blobs::has(self.disk.as_ref(), digest, size)?)
    }

    fn pend(&mut self, digest: Digest, size: u64, path: String) {
        self.digests.insert(digest);
        self.bytes = self.bytes.saturating_add(size);
        self.pending.push(Pending { digest, path });
    }

    /// Puts a blob together whose parts are all there; a mismatch is given when some were damaged meanwhile.
    fn join(&mut self, blob: &Blob) -> Result<Option<Mismatch>, Error> {
        self.parts(blob)?;
        let Some(mut parts) = self.parts.take() else { return Ok(None) };
        let mismatch = parts.join(self.disk.as_ref(), blob)?;
        match mismatch {
            None => self.pend(blob.digest, blob.size, parts::data_path(&blob.digest)),
            Some(_) => self.parts = Some(parts),
        }
        Ok(mismatch)
    }

    /// The parts of a blob that are there; those of the last blob stay open.
    fn parts(&mut self, blob: &Blob) -> Result<&mut Parts, Error> {
        let parts = match self.parts.take().filter(|it| it.blob == blob.digest) {
            Some(parts) => parts,
            None => Parts::open(self.disk.as_ref(), &blob.digest)?,
        };
        Ok(self.parts.insert(parts))
    }

    fn make_room(&mut self) -> Result<(), Error> {
        if self.pending.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.commit()?;
        }
        Ok(())
    }

    fn pipe(&mut self) -> Result<&mut Pipe, Error> {
        let pipe = match self.pipe.take() {
            Some(pipe) => pipe,
            None => Pipe::new().during("start a thread for", DIR)?,
        };
        Ok(self.pipe.insert(pipe))
    }

    /// Copies a blob that fits into one buffer: it is not worth two threads, nor going on with.
    fn copy_small(
        &mut self,
        path: &str,
        digest: Digest,
        size: u64,
        open: Open<'_>,
    ) -> Result<Attempt, Error> {
        self.buffer.resize(limits::CHUNK_BYTES, 0);
        let room = usize::try_from(size).unwrap_or(usize::MAX);
        let mut source = open(0).map_err(|source| Error::Source { digest, source })?;
        let bytes = self.buffer.get_mut(..room).unwrap_or_default();
        let filled = fill(&mut source, bytes);
        let mut hasher = Hasher::default();
        hasher.update(bytes.get(..filled.count).unwrap_or_default());
        let (found, count) = hasher.finish();
        let copied = Copied { digest: found, size: count, source: filled.error, written: Ok(()) };
        // Nothing is written before it is known to be right.
        check_copied(copied, digest, size, path, &mut source)?;
        file::remove(self.disk.as_ref(), path)?;
        let file = self.disk.create(path).during("create", path)?;
        if let Err(error) = file.write_all_at(bytes, 0).during("write", path) {
            let _ = self.disk.remove(path);
            return Err(error);
        }
        Ok(Attempt::Whole(size))
    }

    /// Copies a blob of any size, from where an earlier import broke off.
    fn copy_large(
        &mut self,
        path: &str,
        digest: Digest,
        size: u64,
        open: Open<'_>,
    ) -> Result<Attempt, Error> {
        let disk = Arc::clone(&self.disk);
        let (file, hasher, before) = match disk.open(path, Access::Write).during("open", path)? {
            None => (disk.create(path).during("create", path)?, Hasher::default(), 0),
            Some(file) => match self.resume(&file, size).during("read", path)? {
                Some((hasher, before)) => (file, hasher, before),
                None => {
                    file::remove(disk.as_ref(), path)?;
                    (disk.create(path).during("create", path)?, Hasher::default(), 0)
                }
            },
        };
        let mut source: Box<dyn Read + Send> = match before == size {
            true => Box::new(io::empty()),
            false => open(before).map_err(|source| Error::Source { digest, source })?,
        };
        let copied =
            self.pipe()?.copy(&mut source, size - before, hasher, &file, before).during("write", path)?;
        match check_copied(copied, digest, size, path, &mut source) {
            Ok(()) => {
                if size >= FLUSH_BYTES {
                    self.pipe()?.flush(file).during("sync", path)?;
                }
                Ok(Attempt::Whole(size - before))
            }
            // The source broke off, and what came so far is worth keeping.
            Err(error @ (Error::Source { .. } | Error::Tampered(Mismatch::Short { .. }))) => Err(error),
            Err(error) => {
                let removed = disk.remove(path);
                match error {
                    Error::Tampered(_) if before > 0 => {
                        removed.during("remove", path)?;
                        Ok(Attempt::Stale)
                    }
                    error => Err(error),
                }
            }
        }
    }

    /// Hashes what an earlier import wrote; none when it cannot be the beginning of this blob.
    fn resume(&mut self, file: &Arc<dyn File>, size: u64) -> io::Result<Option<(Hasher, u64)>> {
        let there = file.size()?;
        if there > size {
            return Ok(None);
        }
        self.buffer.resize(limits::CHUNK_BYTES, 0);
        let (mut reader, mut hasher, mut left) =
            (FileReader::new(Arc::clone(file), 0), Hasher::default(), there);
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            let filled = fill(&mut reader, self.buffer.get_mut(..room).unwrap_or_default());
            hasher.update(self.buffer.get(..filled.count).unwrap_or_default());
            match filled.error {
                Some(error) => return Err(error),
                None if filled.count == 0 => return Ok(None),
                None => left -= filled.count as u64,
            }
        }
        Ok(Some((hasher, there)))
    }
}

fn whole_path(digest: &Digest) -> String {
    format!("{DIR}/{}", digest.hex())
}

/// Holds what was copied against what it should be, and looks for a surplus byte.
fn check_copied(
    copied: Copied,
    expected: Digest,
    size: u64,
    path: &str,
    source: &mut dyn Read,
) -> Result<(), Error> {
    copied.written.during("write", path)?;
    let failed = |source| Error::Source { digest: expected, source };
    if let Some(error) = copied.source {
        return Err(failed(error));
    }
    if copied.size < size {
        return Err(Error::Tampered(Mismatch::Short { expected, size, found: copied.size }));
    }
    let surplus = fill(source, &mut [0]);
    if surplus.count > 0 {
        return Err(Error::Tampered(Mismatch::Long { expected, size }));
    }
    if copied.digest != expected {
        return Err(Error::Tampered(Mismatch::Content { expected, found: copied.digest }));
    }
    surplus.error.map_or(Ok(()), |error| Err(failed(error)))
}
