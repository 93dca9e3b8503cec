//! Opening a store, and what the machine can do at all with blobs.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::Arc,
    time::Instant,
};

use airlock::{
    bundle::{Role, Unverified, encode},
    digest::{Digest, Hasher},
    limits,
    store::{Ingest, RealDisk, Store},
    trust::state::{RootRef, State},
};
use anyhow::{Context as _, Result, ensure};

/// Each is done so often, one after the other, since a disk has moods.
pub(super) const RUNS: usize = 3;

pub(super) const BLOB_BYTES: u64 = 64 * 1024 * 1024;

const STORE_ID: &str = "00000000000000000000000000000000";

/// Opens stores of 10,000 and 100,000 blobs. What is in memory is dropped before, where this process may do that.
pub(super) fn open() -> Result<String> {
    let mut table = format!("{:<16} {:>9} {:>11}\n", "", "open ms", "cold");
    for count in [10_000, 100_000] {
        let folder = tempfile::tempdir()?;
        let blobs = make(folder.path(), count, 512)?;
        let path = folder.path().join("store");
        let store = begin(&path)?;
        take_in(folder.path(), &blobs, &mut store.ingest()?)?;
        drop(store);
        let mut cold = true;
        let mut opened = f64::INFINITY;
        for _ in 0..RUNS {
            cold &= fs::write("/proc/sys/vm/drop_caches", "3").is_ok();
            let start = Instant::now();
            Store::open(Arc::new(RealDisk::open(&path)?), Some(STORE_ID))?;
            opened = opened.min(start.elapsed().as_secs_f64());
        }
        let what = format!("{count} blobs");
        writeln!(table, "{what:<16} {:>9.2} {:>11}", opened * 1e3, if cold { "yes" } else { "no" })?;
    }
    Ok(table)
}

pub(super) fn seconds(run: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed().as_secs_f64())
}

fn begin(path: &Path) -> Result<Store> {
    let envelope = Unverified::read("the trust root", encode(Role::Root, b"{}", &[]))?;
    let root = RootRef { version: 1, digest: envelope.payload_digest() };
    let state = State::anchored(STORE_ID.to_owned(), root, "2026-01-01T00:00:00Z".parse()?);
    Ok(Store::create(Arc::new(RealDisk::open_or_make(path)?), state, &envelope)?.0)
}

/// Writes files `0`, `1` … of bytes that do not compress, and gives their digests and sizes.
pub(super) fn make(folder: &Path, count: usize, size: u64) -> Result<Vec<(Digest, u64)>> {
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut buffer = vec![0; limits::CHUNK_BYTES];
    let mut blobs = Vec::with_capacity(count);
    for index in 0..count {
        let mut file = File::create(folder.join(index.to_string()))?;
        let (mut hasher, mut left) = (Hasher::default(), size);
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let bytes = buffer.get_mut(..room).context("the room is within the buffer")?;
            for word in bytes.chunks_exact_mut(8) {
                // xorshift64, by Marsaglia
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                word.copy_from_slice(&random.to_le_bytes());
            }
            file.write_all(bytes)?;
            hasher.update(bytes);
            left -= room as u64;
        }
        if size == BLOB_BYTES {
            file.sync_all()?;
        }
        blobs.push(hasher.finish());
    }
    Ok(blobs)
}

/// Reads on in buffers of the size that an import uses.
fn each_buffer(mut source: impl Read, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> Result<()> {
    let mut buffer = vec![0; limits::CHUNK_BYTES];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(()),
            count => take(buffer.get(..count).context("a read fits its buffer")?)?,
        }
    }
}

pub(super) fn hash_all(folder: &Path, blobs: &[(Digest, u64)]) -> Result<()> {
    for (index, (digest, _)) in blobs.iter().enumerate() {
        let mut hasher = Hasher::default();
        each_buffer(File::open(folder.join(index.to_string()))?, |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        ensure!(hasher.finish().0 == *digest, "file {index} changed");
    }
    Ok(())
}

pub(super) fn copy_all(folder: &Path, count: usize, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for index in 0..count {
        let mut file = File::create(to.join(index.to_string()))?;
        each_buffer(File::open(folder.join(index.to_string()))?, |bytes| file.write_all(bytes))?;
        file.sync_all()?;
    }
    Ok(())
}

fn take_in(folder: &Path, blobs: &[(Digest, u64)], ingest: &mut Ingest) -> Result<()> {
    ingest.admit(blobs.iter().copied())?;
    for (index, (digest, size)) in blobs.iter().enumerate() {
        ingest.whole(digest, *size, &mut |skip| {
            let mut file = File::open(folder.join(index.to_string()))?;
            file.seek(SeekFrom::Start(skip))?;
            Ok(Box::new(file))
        })?;
    }
    Ok(ingest.commit()?)
}
