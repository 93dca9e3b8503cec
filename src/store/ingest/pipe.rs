//! Copying with both cores: the caller reads, one thread hashes, one thread writes, and buffers go round. A third one
//! waits for the disk, which would otherwise idle until the end.

use std::{
    io::{self, ErrorKind, Read},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

use super::super::disk::File;
use crate::{
    digest::{Digest, Hasher},
    limits,
};

/// Buffers that go round: enough that none of the three waits for the two others all the time.
const BUFFERS: usize = 8;

/// Files that wait for the disk: a disk that is slower than the rest holds it back, before files pile up open.
const FLUSHING: usize = 4;

/// What is on its way to the two threads.
#[derive(Clone)]
enum Job {
    /// Another file begins: its hash so far, and where it is written.
    Begin {
        hasher: Hasher,
        file: Arc<dyn File>,
        offset: u64,
    },
    Bytes(Arc<Buffer>),
    End,
}

struct Buffer {
    bytes: Vec<u8>,
    len: usize,
}

/// What comes back.
enum Back {
    Buffer(Arc<Buffer>),
    Hashed(Digest, u64),
    Written(io::Result<()>),
    /// The disk refuses already; the rest need not be read.
    Refused,
}

/// What the third thread takes.
enum Flush {
    File(Arc<dyn File>),
    /// To say how it went so far.
    Tell,
}

/// The threads, which last as long as an import.
pub(super) struct Pipe {
    /// What each takes, hashing first; none once it shall end.
    jobs: Option<[Sender<Job>; 2]>,
    /// What is synced early; none once that shall end.
    flush: Option<SyncSender<Flush>>,
    flushed: Receiver<io::Result<()>>,
    threads: Vec<JoinHandle<()>>,
    back: Receiver<Back>,
    free: Vec<Buffer>,
}

/// What went through.
pub(super) struct Copied {
    /// The hash of everything, what was there before included.
    pub(super) digest: Digest,
    /// How many bytes that is.
    pub(super) size: u64,
    /// Why it is not all, where the source failed.
    pub(super) source: Option<io::Error>,
    /// Why it is not on the disk.
    pub(super) written: io::Result<()>,
}

impl Pipe {
    pub(super) fn new() -> io::Result<Self> {
        let (back, from) = channel();
        let (hash, jobs) = channel();
        let to = back.clone();
        let hasher = Builder::new().name("hash".into()).spawn(move || hash_all(&jobs, &to))?;
        let (write, jobs) = channel();
        let writer = Builder::new().name("write".into()).spawn(move || write_all(&jobs, &back))?;
        let (flush, files) = sync_channel(FLUSHING);
        let (tell, flushed) = channel();
        let flusher = Builder::new().name("flush".into()).spawn(move || flush_all(&files, &tell))?;
        let buffer = || Buffer { bytes: vec![0; limits::CHUNK_BYTES], len: 0 };
        Ok(Self {
            jobs: Some([hash, write]),
            flush: Some(flush),
            flushed,
            threads: vec![hasher, writer, flusher],
            back: from,
            free: std::iter::repeat_with(buffer).take(BUFFERS).collect(),
        })
    }

    /// Copies `source` to the end of `file`, which has `offset` bytes that `hasher` has seen; at most `limit` bytes.
    pub(super) fn copy(
        &mut self,
        source: &mut dyn Read,
        limit: u64,
        hasher: Hasher,
        file: &Arc<dyn File>,
        offset: u64,
    ) -> io::Result<Copied> {
        self.send(&Job::Begin { hasher, file: Arc::clone(file), offset })?;
        let mut failed = None;
        let mut left = limit;
        while left > 0 {
            let Some(mut buffer) = self.buffer()? else { break };
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.bytes.len());
            let filled = fill(source, buffer.bytes.get_mut(..room).unwrap_or_default());
            buffer.len = filled.count;
            left -= filled.count as u64;
            let whole = filled.count == room;
            self.send(&Job::Bytes(Arc::new(buffer)))?;
            failed = filled.error;
            if !whole {
                break;
            }
        }
        self.send(&Job::End)?;
        let (mut hashed, mut written) = (None, None);
        loop {
            if let (Some((digest, size)), true) = (hashed, written.is_some()) {
                let written = written.unwrap_or(Ok(()));
                return Ok(Copied { digest, size, source: failed, written });
            }
            match self.back.recv().map_err(gone)? {
                Back::Buffer(buffer) => self.free.extend(Arc::into_inner(buffer)),
                Back::Hashed(digest, size) => hashed = Some((digest, size)),
                Back::Written(result) => written = Some(result),
                Back::Refused => (),
            }
        }
    }

    /// Lets a file go to the disk while others are copied.
    pub(super) fn flush(&self, file: Arc<dyn File>) -> io::Result<()> {
        self.flush.iter().try_for_each(|to| to.send(Flush::File(Arc::clone(&file))).map_err(gone))
    }

    /// Waits until all of these are there, and says whether one of them is not.
    pub(super) fn settle(&self) -> io::Result<()> {
        self.flush.iter().try_for_each(|to| to.send(Flush::Tell).map_err(gone))?;
        self.flushed.recv().map_err(gone)?
    }

    /// The next buffer that both threads are done with; none when the disk refuses already.
    fn buffer(&mut self) -> io::Result<Option<Buffer>> {
        loop {
            if let Some(buffer) = self.free.pop() {
                return Ok(Some(buffer));
            }
            match self.back.recv().map_err(gone)? {
                Back::Buffer(buffer) => self.free.extend(Arc::into_inner(buffer)),
                Back::Refused => return Ok(None),
                Back::Hashed(..) | Back::Written(_) => (),
            }
        }
    }

    fn send(&self, job: &Job) -> io::Result<()> {
        self.jobs.iter().flatten().try_for_each(|to| to.send(job.clone()).map_err(gone))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.jobs = None;
        self.flush = None;
        for thread in self.threads.drain(..) {
            // If it panicked, whoever waited for it has seen that.
            let _ = thread.join();
        }
    }
}

fn gone<E>(_: E) -> io::Error {
    io::Error::other("a thread of the import has ended")
}

/// Hashes what comes; the answers of a thread whose asker is gone do not matter.
fn hash_all(jobs: &Receiver<Job>, back: &Sender<Back>) {
    let mut current = Hasher::default();
    for job in jobs {
        let _ = match job {
            Job::Begin { hasher, .. } => {
                current = hasher;
                continue;
            }
            Job::Bytes(buffer) => {
                current.update(buffer.bytes.get(..buffer.len).unwrap_or_default());
                back.send(Back::Buffer(buffer))
            }
            Job::End => {
                let (digest, size) = std::mem::take(&mut current).finish();
                back.send(Back::Hashed(digest, size))
            }
        };
    }
}

fn write_all(jobs: &Receiver<Job>, back: &Sender<Back>) {
    let mut current: Option<(Arc<dyn File>, u64)> = None;
    let mut result = Ok(());
    for job in jobs {
        let _ = match job {
            Job::Begin { file, offset, .. } => {
                current = Some((file, offset));
                result = Ok(());
                continue;
            }
            Job::Bytes(buffer) => {
                if let (Some((file, offset)), true) = (&mut current, result.is_ok()) {
                    result = file.write_all_at(buffer.bytes.get(..buffer.len).unwrap_or_default(), *offset);
                    *offset += buffer.len as u64;
                    if result.is_err() {
                        let _ = back.send(Back::Refused);
                    }
                }
                back.send(Back::Buffer(buffer))
            }
            Job::End => {
                current = None;
                back.send(Back::Written(std::mem::replace(&mut result, Ok(()))))
            }
        };
    }
}

fn flush_all(files: &Receiver<Flush>, tell: &Sender<io::Result<()>>) {
    let mut result = Ok(());
    for it in files {
        match it {
            Flush::File(file) if result.is_ok() => result = file.sync(),
            // One that failed spoils the batch, so the others need not be waited for.
            Flush::File(_) => (),
            Flush::Tell => drop(tell.send(std::mem::replace(&mut result, Ok(())))),
        }
    }
}

/// How much of a buffer was filled, and what ended it.
pub(super) struct Filled {
    pub(super) count: usize,
    pub(super) error: Option<io::Error>,
}

/// Fills a buffer as far as the source goes.
pub(super) fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> Filled {
    let mut count = 0;
    while let Some(rest) = buffer.get_mut(count..).filter(|it| !it.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) => return Filled { count, error: Some(error) },
        }
    }
    Filled { count, error: None }
}
