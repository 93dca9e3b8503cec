use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Cursor, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use airlock::{
    bundle::{Blob, BlobRole, Descriptor, Inventory, Part, Piece, part_sizes},
    digest::{Digest, Hasher},
    source::Supply,
};
use anyhow::{Context, Result, ensure};

/// The blobs of a bundle that is being built: small ones in memory, large ones where they lie.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    blobs: BTreeMap<Digest, (Blob, Place)>,
    /// The inventory and the release, which no inventory lists.
    heads: BTreeMap<Digest, Vec<u8>>,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    Disk(PathBuf),
}

impl Blobs {
    /// Takes a blob that is in memory.
    pub(super) fn put(
        &mut self,
        bytes: Vec<u8>,
        unpacked: u64,
        media_type: &str,
        role: BlobRole,
    ) -> Descriptor {
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        let blob =
            Blob { digest, size, unpacked, media_type: media_type.to_owned(), role, parts: Vec::new() };
        self.blobs.entry(digest).or_insert((blob, Place::Memory(bytes)));
        Descriptor { digest, size, unpacked }
    }

    /// Takes a blob that lies in a file. `unpacked` measures it while it is hashed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn put_file(
        &mut self,
        path: &Path,
        media_type: &str,
        role: BlobRole,
        measure: impl FnOnce(&mut dyn Read) -> Result<Option<u64>>,
    ) -> Result<Descriptor> {
        let open = || format!("failed to read {}", path.display());
        let mut reader = Hashing { inner: File::open(path).with_context(open)?, hasher: Hasher::default() };
        let unpacked = measure(&mut reader).with_context(open)?;
        io::copy(&mut reader, &mut io::sink()).with_context(open)?;
        let (digest, size) = reader.hasher.finish();
        let unpacked = unpacked.unwrap_or(size);
        let blob =
            Blob { digest, size, unpacked, media_type: media_type.to_owned(), role, parts: Vec::new() };
        self.blobs.entry(digest).or_insert_with(|| (blob, Place::Disk(path.to_owned())));
        Ok(Descriptor { digest, size, unpacked })
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// When it is not there, or cannot be read any more.
    pub(super) fn bytes(&self, digest: &Digest) -> Result<Vec<u8>> {
        match self.blobs.get(digest).map(|(_, place)| place) {
            Some(Place::Memory(bytes)) => Ok(bytes.clone()),
            Some(Place::Disk(path)) => {
                std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))
            }
            None => anyhow::bail!("blob {digest} is not there"),
        }
    }

    /// Whether a blob is there already.
    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.blobs.contains_key(digest)
    }

    /// Takes the inventory or the release.
    pub(super) fn put_head(&mut self, bytes: Vec<u8>) -> (Digest, u64) {
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        self.heads.insert(digest, bytes);
        (digest, size)
    }

    /// Cuts what is larger than `largest` into parts.
    ///
    /// # Errors
    /// When a file cannot be read, or changed since it was taken.
    pub(super) fn cut(&mut self, largest: u64) -> Result<()> {
        for (blob, place) in self.blobs.values_mut() {
            let sizes = part_sizes(blob.size, largest);
            if sizes.is_empty() {
                continue;
            }
            let mut reader = place.open(0).with_context(|| format!("failed to read blob {}", blob.digest))?;
            let mut whole = Hasher::default();
            for size in sizes {
                let mut part = Hashing { inner: reader.by_ref().take(size), hasher: Hasher::default() };
                let mut buffer = vec![0; airlock::limits::CHUNK_BYTES];
                loop {
                    let count = part.read(&mut buffer)?;
                    let Some(fresh) = buffer.get(..count).filter(|it| !it.is_empty()) else { break };
                    whole.update(fresh);
                }
                let (digest, size) = part.hasher.finish();
                blob.parts.push(Part { digest, size });
            }
            ensure!(
                whole.finish() == (blob.digest, blob.size),
                "blob {} changed while it was read",
                blob.digest
            );
        }
        Ok(())
    }

    /// The list of all of them.
    pub(super) fn inventory(&self) -> Inventory {
        Inventory::new(self.blobs.values().map(|(blob, _)| blob.clone()))
    }
}

impl Place {
    fn open(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Memory(bytes) => {
                let mut cursor = Cursor::new(bytes.clone());
                cursor.set_position(offset);
                Box::new(cursor)
            }
            Self::Disk(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                Box::new(file)
            }
        })
    }
}

impl Supply for Blobs {
    fn open(&self, piece: &Piece) -> io::Result<Option<Box<dyn Read + Send>>> {
        if let Some(bytes) = self.heads.get(&piece.digest) {
            return Ok(Some(Box::new(Cursor::new(bytes.clone()))));
        }
        let (digest, offset) = piece.slice.map_or((piece.digest, 0), |it| (it.blob, it.offset));
        match self.blobs.get(&digest) {
            Some((_, place)) => Ok(Some(Box::new(place.open(offset)?.take(piece.size)))),
            None => Ok(None),
        }
    }
}

/// Hashes what passes.
struct Hashing<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
