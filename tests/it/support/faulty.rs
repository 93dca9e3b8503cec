//! A disk that fails at its k-th operation, or stops at it as a killed process does, around any other disk.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use airlock::store::disk::{Access, Disk, File, Held, Space, Stat};

/// What happens at the k-th operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails once with EIO; a sync that fails loses what it should have made durable.
    Eio,
    /// It fails once with ENOSPC, where it needs space.
    Enospc,
    /// From here on everything that needs space fails with ENOSPC.
    Full,
    /// It reads or writes half of what it could.
    Short,
    /// A read or a write is interrupted by a signal.
    Interrupted,
    /// Nothing is done any more, this operation included.
    Stop,
}

/// The kind of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    MakeDir,
    Create,
    Open,
    Stat,
    List,
    Rename,
    Remove,
    SyncDir,
    SyncAll,
    Space,
    Lock,
    Size,
    Read,
    Write,
    Truncate,
    Sync,
}

impl Op {
    /// Whether it needs space on the disk.
    fn takes_space(self) -> bool {
        matches!(self, Self::MakeDir | Self::Create | Self::Write | Self::Rename)
    }

    fn moves_bytes(self) -> bool {
        matches!(self, Self::Read | Self::Write)
    }

    /// Whether it makes something durable.
    pub(crate) fn syncs(self) -> bool {
        matches!(self, Self::SyncDir | Self::SyncAll | Self::Sync)
    }
}

#[derive(Clone)]
pub(crate) struct Faulty {
    inner: Arc<dyn Disk>,
    plan: Arc<Plan>,
}

/// What a failed sync does to the disk: to a file, by path, or to all of it.
type Lose = dyn Fn(Option<&str>) + Send + Sync;

struct Plan {
    count: AtomicU64,
    fault: Option<(u64, Fault)>,
    trace: Mutex<Vec<Op>>,
    lose: Box<Lose>,
}

/// What an operation is to do.
enum Do {
    All,
    Half,
}

impl Faulty {
    /// Counts and fails nothing.
    pub(crate) fn counting(inner: Arc<dyn Disk>) -> Self {
        Self::new(inner, None, |_| ())
    }

    /// Lets `fault` happen at the k-th operation, the first being 1. `lose` is what a failed sync of
    /// one file, or of everything, does to the disk.
    pub(crate) fn at(
        inner: Arc<dyn Disk>,
        k: u64,
        fault: Fault,
        lose: impl Fn(Option<&str>) + Send + Sync + 'static,
    ) -> Self {
        Self::new(inner, Some((k, fault)), lose)
    }

    fn new(
        inner: Arc<dyn Disk>,
        fault: Option<(u64, Fault)>,
        lose: impl Fn(Option<&str>) + Send + Sync + 'static,
    ) -> Self {
        let trace = Mutex::new(Vec::new());
        let plan = Plan { count: AtomicU64::new(0), fault, trace, lose: Box::new(lose) };
        Self { inner, plan: Arc::new(plan) }
    }

    fn file(&self, path: &str, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(FaultyFile { inner, path: path.to_owned(), plan: Arc::clone(&self.plan) })
    }

    /// The operations so far, in order.
    pub(crate) fn trace(&self) -> Vec<Op> {
        self.plan.trace.lock().unwrap().clone()
    }
}

impl Plan {
    fn next(&self, op: Op, path: &str) -> io::Result<Do> {
        let now = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        self.trace.lock().unwrap().push(op);
        let Some((k, fault)) = self.fault.filter(|(k, _)| now >= *k) else { return Ok(Do::All) };
        let fail = |errno: i32| Err(io::Error::from_raw_os_error(errno));
        match fault {
            Fault::Stop => Err(io::Error::other("the process was killed")),
            Fault::Full if op.takes_space() => fail(28),
            Fault::Full => Ok(Do::All),
            _ if now > k => Ok(Do::All),
            Fault::Eio => {
                match op {
                    Op::Sync => (self.lose)(Some(path)),
                    Op::SyncAll => (self.lose)(None),
                    _ => (),
                }
                fail(5)
            }
            Fault::Enospc if op.takes_space() => fail(28),
            Fault::Interrupted if op.moves_bytes() => fail(4),
            Fault::Short if op.moves_bytes() => Ok(Do::Half),
            Fault::Enospc | Fault::Interrupted | Fault::Short => Ok(Do::All),
        }
    }
}

impl Fault {
    /// Whether it changes anything at an operation of this kind.
    pub(crate) fn concerns(self, op: Op) -> bool {
        match self {
            Self::Eio | Self::Stop => true,
            Self::Enospc | Self::Full => op.takes_space(),
            Self::Short | Self::Interrupted => op.moves_bytes(),
        }
    }
}

impl Disk for Faulty {
    fn make_dir(&self, path: &str) -> io::Result<()> {
        self.plan.next(Op::MakeDir, path)?;
        self.inner.make_dir(path)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        self.plan.next(Op::Create, path)?;
        Ok(self.file(path, self.inner.create(path)?))
    }

    fn open(&self, path: &str, access: Access) -> io::Result<Option<Arc<dyn File>>> {
        self.plan.next(Op::Open, path)?;
        Ok(self.inner.open(path, access)?.map(|inner| self.file(path, inner)))
    }

    fn stat(&self, path: &str) -> io::Result<Option<Stat>> {
        self.plan.next(Op::Stat, path)?;
        self.inner.stat(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.plan.next(Op::List, path)?;
        self.inner.list(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.plan.next(Op::Rename, from)?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.plan.next(Op::Remove, path)?;
        self.inner.remove(path)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.plan.next(Op::SyncDir, path)?;
        self.inner.sync_dir(path)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.plan.next(Op::SyncAll, ".")?;
        self.inner.sync_all()
    }

    fn space(&self) -> io::Result<Space> {
        self.plan.next(Op::Space, ".")?;
        self.inner.space()
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Held>>> {
        self.plan.next(Op::Lock, path)?;
        self.inner.lock(path)
    }
}

struct FaultyFile {
    inner: Arc<dyn File>,
    path: String,
    plan: Arc<Plan>,
}

impl File for FaultyFile {
    fn size(&self) -> io::Result<u64> {
        self.plan.next(Op::Size, &self.path)?;
        self.inner.size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let room = match self.plan.next(Op::Read, &self.path)? {
            Do::All => buffer.len(),
            Do::Half => buffer.len().div_ceil(2),
        };
        self.inner.read_at(&mut buffer[..room], offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let count = match self.plan.next(Op::Write, &self.path)? {
            Do::All => bytes.len(),
            Do::Half => bytes.len().div_ceil(2),
        };
        self.inner.write_at(&bytes[..count], offset)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.plan.next(Op::Truncate, &self.path)?;
        self.inner.truncate(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.plan.next(Op::Sync, &self.path)?;
        self.inner.sync()
    }
}
