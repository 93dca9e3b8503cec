use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::super::{Error, root};
use crate::{
    archive::ustar::{self, BLOCK, BLOCK_BYTES, Header, Kind},
    bundle::{Item, Malformed, Medium, Opened, Order},
    digest::Digest,
    limits,
};

/// A bundle as an uncompressed ustar tar. Its headers are read once, when it is opened; blobs are then read where
/// they lie. A tar that ends too early is one whose last blob is short and whose next ones are missing.
#[derive(Debug)]
pub struct TarMedium {
    file: Arc<File>,
    path: PathBuf,
    index: Index,
}

/// Where things lie: for a million blobs 48 MB.
#[derive(Debug, Default)]
struct Index {
    /// Everything but blobs, in the order of the tar.
    documents: Vec<(Item, Extent)>,
    /// The blobs in the order of the tar: at most two that are larger than their successor, then ascending.
    blobs: Vec<Digest>,
    /// And where each of them lies.
    extents: Vec<Extent>,
    /// Whether the tar ends before its end-of-archive blocks.
    truncated: bool,
}

/// So many bytes from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    offset: u64,
    size: u64,
}

impl TarMedium {
    /// Opens a tar by a path that the operator gave.
    ///
    /// # Errors
    /// When it cannot be read, or an entry is repeated, misordered, trailing, or none of the layout's.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (file, size) = root::open_regular(path).map_err(Error::io("open", path))?;
        Self::new(file, size, path)
    }

    /// Takes a tar that is open, of that size, reached by that path.
    ///
    /// # Errors
    /// As [`TarMedium::open`].
    pub fn new(file: File, size: u64, path: &Path) -> Result<Self, Error> {
        let index = Index::read(&file, size, path)?;
        Ok(Self { file: Arc::new(file), path: path.to_owned(), index })
    }

    /// Whether the tar ends too early, as one that is still being copied does.
    pub fn is_truncated(&self) -> bool {
        self.index.truncated
    }
}

impl Medium for TarMedium {
    fn label(&self) -> String {
        self.path.display().to_string()
    }

    fn open(&self, item: Item) -> io::Result<Option<Opened>> {
        let Some(Extent { offset, size }) = self.index.find(item) else { return Ok(None) };
        let section = Section { file: Arc::clone(&self.file), offset, left: size };
        Ok(Some(Opened { size, reader: Box::new(section) }))
    }

    fn roots(&self) -> io::Result<Vec<u32>> {
        let version = |(item, _): &(Item, Extent)| match item {
            Item::Root(version) => Some(*version),
            _ => None,
        };
        Ok(self.index.documents.iter().filter_map(version).collect())
    }

    fn blob_order(&self) -> Option<&[Digest]> {
        Some(&self.index.blobs)
    }
}

impl Index {
    fn read(file: &File, length: u64, path: &Path) -> Result<Self, Error> {
        let what = path.display().to_string();
        let wrong = |why: &dyn ToString| Error::Malformed(Malformed::new(&what, why.to_string()));
        let mut index = Self::default();
        let mut order = Order::default();
        let mut at = 0_u64;
        loop {
            let Some(block) = block_at(file, at, length).map_err(Error::io("read", path))? else {
                index.truncated = true;
                break;
            };
            if ustar::is_zero(&block) {
                index.truncated = !ends_at(file, at, length, path, &what)?;
                break;
            }
            let header = match Header::decode(&block) {
                Ok(header) => header,
                Err(_) if at == 0 => return Err(Error::NoBundle(path.to_owned())),
                Err(broken) => return Err(wrong(&broken)),
            };
            let item = match item(&header) {
                Ok(item) => item,
                Err(_) if at == 0 => return Err(Error::NoBundle(path.to_owned())),
                Err(why) => return Err(wrong(&why)),
            };
            order.next(&what, item)?;
            let offset = at.checked_add(BLOCK_BYTES).ok_or_else(|| wrong(&"its offsets overflow 64 bits"))?;
            let end = offset
                .checked_add(header.size)
                .and_then(|end| end.checked_add(ustar::padding(header.size)))
                .ok_or_else(|| wrong(&"its sizes overflow 64 bits"))?;
            // What a truncated tar still has of its last entry is what it has.
            let size = header.size.min(length.saturating_sub(offset));
            index.push(item, Extent { offset, size }, &what)?;
            at = end;
        }
        index.blobs = order.into_blobs();
        if index.documents.is_empty() && index.blobs.is_empty() {
            return Err(Error::NoBundle(path.to_owned()));
        }
        index.check_ascent(&what)?;
        Ok(index)
    }

    fn push(&mut self, item: Item, extent: Extent, what: &str) -> Result<(), Malformed> {
        let (full, limit) = match item {
            Item::Blob(_) => {
                self.extents.push(extent);
                // The inventory, the release, and parts of what the inventory lists.
                (self.extents.len() > 2 * limits::BLOBS, "blobs")
            }
            _ => {
                self.documents.push((item, extent));
                (self.documents.len() > limits::ROOTS + 5, "trust roots")
            }
        };
        match full {
            true => Err(Malformed::new(what, format_args!("it has more {limit} than a bundle may have"))),
            false => Ok(()),
        }
    }

    /// Only the inventory and the release may stand before smaller digests. Which blobs they are is known only once
    /// the statement is, and [`crate::bundle::check_blob_order`] judges then; that the rest ascends is known now, and
    /// it is what [`Index::find`] relies on.
    fn check_ascent(&self, what: &str) -> Result<(), Malformed> {
        let rest = self.blobs.get(2..).unwrap_or_default();
        let mut pairs = rest.iter().zip(rest.iter().skip(1));
        let wrong = |digest: &Digest| {
            let item = Item::Blob(*digest);
            Err(Malformed::new(what, format_args!("`{item}` is repeated or out of order")))
        };
        if let Some((_, next)) = pairs.find(|(last, next)| last >= next) {
            return wrong(next);
        }
        match self.blobs.get(..2).unwrap_or_default() {
            [first, second] if first == second => wrong(first),
            two => match two.iter().find(|digest| rest.binary_search(digest).is_ok()) {
                Some(digest) => wrong(digest),
                None => Ok(()),
            },
        }
    }

    fn find(&self, item: Item) -> Option<Extent> {
        let Item::Blob(digest) = item else {
            return self.documents.iter().find(|(it, _)| *it == item).map(|(_, extent)| *extent);
        };
        let (first, rest) = self.blobs.split_at(self.blobs.len().min(2));
        let place = match first.iter().position(|it| *it == digest) {
            Some(place) => place,
            None => rest.binary_search(&digest).ok()? + first.len(),
        };
        self.extents.get(place).copied()
    }
}

/// The item that a header names. Only plain ustar headers of regular files name one.
fn item(header: &Header) -> Result<Item, String> {
    let name = String::from_utf8_lossy(&header.name);
    let name: String = name.chars().take(100).collect();
    if header.kind != Kind::File || !header.link.is_empty() {
        return Err(format!("its entry {name:?} is no regular file"));
    }
    if !header.posix {
        return Err(format!("its entry {name:?} is not in the ustar format"));
    }
    let path = std::str::from_utf8(&header.name).ok();
    path.and_then(Item::parse).ok_or_else(|| format!("its entry {name:?} is none of a bundle's"))
}

/// The block there; none where the file ends before it or in it.
fn block_at(file: &File, at: u64, length: u64) -> io::Result<Option<[u8; BLOCK]>> {
    if at.checked_add(BLOCK_BYTES).is_none_or(|end| end > length) {
        return Ok(None);
    }
    let mut block = [0; BLOCK];
    match file.read_exact_at(&mut block, at) {
        Ok(()) => Ok(Some(block)),
        // The file has shrunk since it was opened.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the tar ends here as it should: a second zero block, and at most padding after it.
fn ends_at(file: &File, at: u64, length: u64, path: &Path, what: &str) -> Result<bool, Error> {
    let rest = length.saturating_sub(at);
    let trailing = || Error::Malformed(Malformed::new(what, "something follows its end"));
    if rest > limits::TAR_PADDING_BYTES {
        return Err(trailing());
    }
    let mut bytes = vec![0; usize::try_from(rest).unwrap_or(0)];
    file.read_exact_at(&mut bytes, at).map_err(Error::io("read", path))?;
    match ustar::is_zero(&bytes) {
        true => Ok(rest >= 2 * BLOCK_BYTES),
        false => Err(trailing()),
    }
}

/// A part of a file, read without moving anybody else's position.
struct Section {
    file: Arc<File>,
    offset: u64,
    left: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(window) = buffer.get_mut(..room).filter(|it| !it.is_empty()) else { return Ok(0) };
        let count = self.file.read_at(window, self.offset)?;
        self.offset = self.offset.saturating_add(count as u64);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
