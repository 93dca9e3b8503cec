use std::{
    fs,
    io::{self, ErrorKind},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::{DirBuilderExt, FileExt, MetadataExt},
    },
    path::Path,
    sync::Arc,
};

use rustix::fs::{AtFlags, Dir, FlockOperation, Gid, Mode, OFlags, ResolveFlags, Uid};

use super::{Access, Disk, File, Held, Space, Stat, TOP};

/// A directory of this machine's disk. Every path is resolved beneath it by the kernel, without following a link, so
/// that not even someone who can write into the store can lead it elsewhere.
#[derive(Debug)]
pub struct RealDisk {
    root: OwnedFd,
    /// Whose the store is, where root works on that of somebody else: what root makes must be his, too.
    owner: Option<(Uid, Gid)>,
}

impl RealDisk {
    /// Opens the directory at `path`.
    ///
    /// # Errors
    /// When it is no directory, or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())?;
        let found = rustix::fs::fstat(&root)?;
        let foreign = rustix::process::geteuid().is_root() && found.st_uid != 0;
        let owner = foreign.then(|| (Uid::from_raw(found.st_uid), Gid::from_raw(found.st_gid)));
        Ok(Self { root, owner })
    }

    /// Opens the directory at `path` and makes it, for this user alone, where it is not; its parent has to be there.
    ///
    /// # Errors
    /// When it can be neither made nor opened.
    pub fn open_or_make(path: &Path) -> io::Result<Self> {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {
                let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
                let parent = fs::File::open(parent.unwrap_or_else(|| Path::new(TOP)))?;
                // Root makes it for whoever the place belongs to.
                let place = parent.metadata()?;
                if rustix::process::geteuid().is_root() && place.uid() != 0 {
                    std::os::unix::fs::chown(path, Some(place.uid()), Some(place.gid()))?;
                }
                parent.sync_all()?;
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => (),
            Err(error) => return Err(error),
        }
        Self::open(path)
    }

    fn resolve(&self, path: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        Ok(rustix::fs::openat2(&self.root, path, flags | OFlags::CLOEXEC, mode, beneath)?)
    }

    /// Gives what was made to whom the store belongs.
    fn give(&self, made: impl AsFd) -> io::Result<()> {
        if let Some((user, group)) = self.owner {
            rustix::fs::fchown(made, Some(user), Some(group))?;
        }
        Ok(())
    }

    /// Calls `operate` with the directory of `path`, opened, and the last name.
    fn within<'a, T>(
        &self,
        path: &'a str,
        operate: impl FnOnce(BorrowedFd<'_>, &'a str) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        let (parent, name) = path.rsplit_once('/').unwrap_or((TOP, path));
        let parent = self.resolve(parent, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
        Ok(operate(parent.as_fd(), name)?)
    }
}

/// A missing file is an answer, not an error.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(it) => Ok(Some(it)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Disk for RealDisk {
    fn make_dir(&self, path: &str) -> io::Result<()> {
        self.within(path, |parent, name| rustix::fs::mkdirat(parent, name, Mode::RWXU))?;
        match self.owner {
            Some(_) => self.give(self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?),
            None => Ok(()),
        }
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let file = self.resolve(path, flags, Mode::RUSR | Mode::WUSR)?;
        self.give(&file)?;
        Ok(Arc::new(fs::File::from(file)))
    }

    fn open(&self, path: &str, access: Access) -> io::Result<Option<Arc<dyn File>>> {
        let flags = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
        };
        // Without NONBLOCK a pipe that someone put there would hold us for ever.
        let Some(file) = present(self.resolve(path, flags | OFlags::NONBLOCK, Mode::empty()))? else {
            return Ok(None);
        };
        let file = fs::File::from(file);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Ok(Some(Arc::new(file)))
    }

    fn stat(&self, path: &str) -> io::Result<Option<Stat>> {
        let Some(file) = present(self.resolve(path, OFlags::PATH | OFlags::NOFOLLOW, Mode::empty()))? else {
            return Ok(None);
        };
        let found = fs::File::from(file).metadata()?;
        Ok(found.is_file().then(|| Stat { size: found.len(), modified: found.mtime() }))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let dir = self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        let mut names = Vec::new();
        for entry in Dir::new(dir)? {
            // Nothing of ours is called otherwise than in UTF-8; a stranger's file keeps a name that opens nothing.
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.within(from, |old, from| {
            let (parent, name) = to.rsplit_once('/').unwrap_or((TOP, to));
            let new = self.resolve(parent, OFlags::PATH | OFlags::DIRECTORY, Mode::empty());
            let new = new
                .map_err(|error| rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))?;
            rustix::fs::renameat(old, from, new, name)
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.within(path, |parent, name| rustix::fs::unlinkat(parent, name, AtFlags::empty()))
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        let dir = self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        Ok(rustix::fs::fsync(dir)?)
    }

    fn sync_all(&self) -> io::Result<()> {
        // The kernel reports here what failed since this descriptor was opened, write-back in between included.
        Ok(rustix::fs::syncfs(&self.root)?)
    }

    fn space(&self) -> io::Result<Space> {
        let found = rustix::fs::fstatvfs(&self.root)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Space { total: bytes(found.f_blocks), free: bytes(found.f_bavail) })
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Held>>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK;
        let file = self.resolve(path, flags, Mode::RUSR | Mode::WUSR)?;
        self.give(&file)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Box::new(Flock { _file: file }))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl File for fs::File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }
}

/// The kernel lets go of it with the descriptor, whatever becomes of the process.
struct Flock {
    _file: OwnedFd,
}

impl Held for Flock {}
