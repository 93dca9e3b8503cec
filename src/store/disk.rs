//! The port through which every disk operation of the store passes, so that a test can fail, or stop, at the k-th.
//!
//! Paths are relative to the store's directory, with `/` between plain names. The operations are those whose order
//! matters to a power cut; nothing here retries, caches or hides one.

use std::{fmt, io, sync::Arc};

mod real;

pub use real::RealDisk;

/// The store's directory itself.
pub(crate) const TOP: &str = ".";

/// A directory tree with the durability that POSIX promises, and no more.
pub trait Disk: Send + Sync {
    /// Makes a directory.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something is there.
    fn make_dir(&self, path: &str) -> io::Result<()>;

    /// Makes a file, for reading and writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something is there.
    fn create(&self, path: &str) -> io::Result<Arc<dyn File>>;

    /// Opens a regular file; none where nothing is.
    ///
    /// # Errors
    /// When it is something else, or cannot be opened.
    fn open(&self, path: &str, access: Access) -> io::Result<Option<Arc<dyn File>>>;

    /// Looks at a regular file without opening it; none where nothing is, or something else.
    ///
    /// # Errors
    /// When the directory cannot be searched.
    fn stat(&self, path: &str) -> io::Result<Option<Stat>>;

    /// The names in a directory, in any order.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;

    /// Gives a file another name; a file that had that name is gone, at once.
    ///
    /// # Errors
    /// When `from` or the directory of `to` is not there.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when nothing is there.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes the names in a directory durable, not what the files contain.
    ///
    /// # Errors
    /// When that is not certain.
    fn sync_dir(&self, path: &str) -> io::Result<()>;

    /// Makes everything durable that was written so far.
    ///
    /// # Errors
    /// When that is not certain; nobody knows then which file is concerned.
    fn sync_all(&self) -> io::Result<()>;

    /// How large the disk is and what of it is free.
    ///
    /// # Errors
    /// When it does not say.
    fn space(&self) -> io::Result<Space>;

    /// Takes the lock that a file stands for, and makes the file where it is not; none when another process has it.
    ///
    /// # Errors
    /// When locks cannot be had.
    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Held>>>;
}

/// An open file. Offsets are explicit, so that two threads may share it.
pub trait File: Send + Sync {
    /// Its size in bytes.
    ///
    /// # Errors
    /// When the disk does not say.
    fn size(&self) -> io::Result<u64>;

    /// Reads at most a buffer at `offset`; 0 at the end.
    ///
    /// # Errors
    /// When the disk cannot read it.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at `offset`, maybe fewer bytes than given.
    ///
    /// # Errors
    /// When the disk cannot take them.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Cuts the file to `size` bytes.
    ///
    /// # Errors
    /// When the disk cannot.
    fn truncate(&self, size: u64) -> io::Result<()>;

    /// Makes what the file contains durable, not its name.
    ///
    /// # Errors
    /// When that is not certain. It never is afterwards: a second call that succeeds says nothing about the first.
    fn sync(&self) -> io::Result<()>;
}

impl fmt::Debug for dyn File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("File")
    }
}

/// A lock, until it is dropped.
pub trait Held: Send + Sync {}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing.
    Write,
}

/// What a look at a file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written, in seconds since 1970 by this node's clock.
    pub modified: i64,
}

/// The size of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it, in bytes.
    pub total: u64,
    /// What we may still write, in bytes.
    pub free: u64,
}

impl dyn File {
    /// Writes all of `bytes`, however many calls that takes.
    ///
    /// # Errors
    /// When the disk cannot take them; some may be written.
    pub fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    bytes = bytes.get(count..).unwrap_or_default();
                    offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Reads an open file from `offset` on.
#[derive(Debug)]
pub(crate) struct FileReader {
    file: Arc<dyn File>,
    offset: u64,
}

impl FileReader {
    pub(crate) fn new(file: Arc<dyn File>, offset: u64) -> Self {
        Self { file, offset }
    }
}

impl io::Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
