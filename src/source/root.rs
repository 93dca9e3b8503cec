use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat},
    io::Errno,
};

/// The top of a medium. Everything is reached beneath it: no link is followed, no other mount entered, and only
/// regular files and directories are opened, whatever the medium's maker put there.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
    path: PathBuf,
}

/// Beneath, without links: not even `/proc`'s, and not into whatever is mounted inside.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

impl Root {
    /// Opens a directory. Links on the way to it are the operator's own, and followed.
    ///
    /// # Errors
    /// When it is no directory or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self { directory, path: path.to_owned() })
    }

    /// How it was reached.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a regular file and says how long it is; none where there is none.
    ///
    /// # Errors
    /// When the name is anything else, or a link is on the way, or the disk says no.
    pub fn file(&self, name: &str) -> io::Result<Option<(File, u64)>> {
        // Opening a device or a fifo can do something, or wait for ever; so it is looked at before it is opened.
        let Some(before) = self.stat(name)? else { return Ok(None) };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match self.openat2(name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let after = rustix::fs::fstat(&file)?;
        check_regular(&after)?;
        if (before.st_dev, before.st_ino) != (after.st_dev, after.st_ino) {
            return Err(io::Error::other("it was replaced while it was opened"));
        }
        Ok(Some((File::from(file), size(&after)?)))
    }

    /// What lies under a name; none where nothing does.
    fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let place = match self.openat2(name, flags, Mode::empty()) {
            Ok(place) => place,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let stat = rustix::fs::fstat(&place)?;
        check_regular(&stat)?;
        Ok(Some(stat))
    }

    /// What kind of thing lies directly under the root; a link is a link. None where nothing does.
    ///
    /// # Errors
    /// When the disk says no.
    pub(super) fn kind(&self, name: impl AsRef<OsStr>) -> io::Result<Option<FileType>> {
        match rustix::fs::statat(&self.directory, name.as_ref().as_bytes(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a directory beneath as a root of its own; none where there is none.
    ///
    /// # Errors
    /// When a link is on the way, or the disk says no.
    pub fn below(&self, name: impl AsRef<Path>) -> io::Result<Option<Self>> {
        let name = name.as_ref();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match self.openat2(name, flags, Mode::empty()) {
            Ok(directory) => Ok(Some(Self { directory, path: self.path.join(name) })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a directory directly inside as the top of another medium, which may be mounted there; none where there is
    /// none.
    ///
    /// # Errors
    /// When it is a link, or the disk says no.
    pub(super) fn medium(&self, name: &str) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let across = BENEATH.difference(ResolveFlags::NO_XDEV);
        match rustix::fs::openat2(&self.directory, name, flags, Mode::empty(), across) {
            Ok(directory) => Ok(Some(Self { directory, path: self.path.join(name) })),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The names directly inside, sorted, at most `limit` of them.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn names(&self, limit: usize) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") && names.len() < limit {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Whether the directory lists exactly this name: a file system without case opens what it does not list.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(super) fn lists(&self, name: &str) -> io::Result<bool> {
        if self.kind(name)?.is_none() {
            return Ok(false);
        }
        for entry in Dir::read_from(&self.directory)? {
            if entry?.file_name().to_bytes() == name.as_bytes() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes a directory beneath, unless it is there.
    ///
    /// # Errors
    /// When the name is taken by something else, or the disk says no.
    pub(super) fn make(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.directory, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => (),
            Err(error) => return Err(error.into()),
        }
        self.below(name)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotADirectory))
    }

    /// A new file directly inside. Whatever stood under the name is removed, never written to.
    ///
    /// # Errors
    /// When the disk says no.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        self.remove(name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(self.openat2(name, flags, Mode::from_raw_mode(0o644))?))
    }

    /// Gives a file directly inside another name; what had it is replaced in one step.
    ///
    /// # Errors
    /// When the disk says no.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.directory, from, &self.directory, to)?)
    }

    /// Removes a file directly inside, if it is there. A link is removed, not what it points to.
    ///
    /// # Errors
    /// When the disk says no.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the names inside durable.
    ///
    /// # Errors
    /// When the disk says no.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.directory)?)
    }

    /// Makes everything on the medium durable, in one go: thousands of small blobs would each wait for the stick.
    ///
    /// # Errors
    /// When the disk says no; since Linux 5.8 that includes what went wrong while writing back.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.directory)?)
    }

    /// How many bytes are free, and in what unit files take them.
    ///
    /// # Errors
    /// When the disk does not say.
    pub(super) fn space(&self) -> io::Result<(u64, u64)> {
        let space = rustix::fs::fstatvfs(&self.directory)?;
        Ok((space.f_bavail.saturating_mul(space.f_frsize), space.f_frsize.max(1)))
    }

    /// Whether files end at 4 GiB here.
    ///
    /// # Errors
    /// When the disk does not say.
    pub(super) fn is_fat(&self) -> io::Result<bool> {
        const MSDOS_SUPER_MAGIC: u64 = 0x4d44;
        let kind = rustix::fs::fstatfs(&self.directory)?.f_type;
        Ok(u64::try_from(kind) == Ok(MSDOS_SUPER_MAGIC))
    }

    fn openat2(&self, name: impl AsRef<Path>, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let mut again = 0;
        loop {
            match rustix::fs::openat2(&self.directory, name.as_ref(), flags, mode, BENEATH) {
                Ok(file) => return Ok(file),
                // A rename elsewhere made the kernel unsure; it asks to be asked again.
                Err(Errno::AGAIN) if again < 16 => again += 1,
                Err(Errno::INTR) => (),
                Err(Errno::LOOP) => return Err(io::Error::other("a symbolic link is on the way")),
                Err(Errno::XDEV) => return Err(io::Error::other("it leads out of the medium")),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// A directory as an image layout.
impl crate::oci::Files for Root {
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn io::Read + Send>>> {
        Ok(self.file(path)?.map(|(file, _)| Box::new(file) as Box<dyn io::Read + Send>))
    }
}

/// Opens a regular file by a path that the operator gave; links on the way are the operator's own.
///
/// # Errors
/// When it is no regular file, or the disk says no.
pub(super) fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    check_regular(&stat)?;
    Ok((File::from(file), size(&stat)?))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn check_regular(stat: &Stat) -> io::Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        other => Err(io::Error::other(format!("it is {}, not a regular file", describe(other)))),
    }
}

fn size(stat: &Stat) -> io::Result<u64> {
    u64::try_from(stat.st_size).map_err(|_| io::Error::other("its size is negative"))
}

/// A kind of file in words.
pub(super) fn describe(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a fifo",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::RegularFile => "a regular file",
        FileType::Unknown => "something unknown",
    }
}
