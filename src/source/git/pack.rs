//! What a pack may hold, looked at while it arrives, before anything is made of it.
//!
//! A pack says how large its objects become, and may lie: what unpacks to more than it says, or to more than anybody
//! keeps in Git, and chains of differences without end are refused at the byte where they show. Only then the library
//! puts the objects together, whose names it computes itself.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::Path,
    rc::Rc,
    sync::atomic::AtomicBool,
};

use flate2::bufread::ZlibDecoder;
use gix_pack::data::entry::Header;

use super::{Error, line::Line, objects::Objects};
use crate::limits;

/// `PACK`, the version, and how many.
const HEAD: usize = 12;

/// The two sizes at the beginning of a difference take at most so many bytes.
const DELTA_HEAD: usize = 20;

/// Where what a pack is read from ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// With the pack: a file that holds nothing else.
    WithThePack,
    /// When the server says so.
    Later,
}

/// Takes a pack in: looks at it while it is written to `folder`, then puts its objects among the others.
///
/// # Errors
/// When it is none, holds more than it may, or names objects that are not here.
pub(super) fn take(
    from: &mut dyn BufRead,
    objects: &Objects,
    folder: &Path,
    line: &Rc<Line>,
    ends: Ends,
    from_line: impl FnOnce(io::Error) -> Error,
) -> Result<(), Error> {
    let mut file = tempfile_in(folder)?;
    let count = {
        let mut copy = Copy { from: &mut *from, to: BufWriter::new(&mut file), failed: None, offset: 0 };
        let count = look_through(&mut copy, objects, line);
        // A line that broke tells more than the text that ended where it should not.
        let failed = copy.failed.take();
        match (count, failed) {
            (_, Some(Failed::Read(error))) => return Err(from_line(error)),
            (_, Some(Failed::Write(error))) => return Err(Error::disk("write", folder)(error)),
            (Err(error), None) => return Err(error),
            (Ok(count), None) => {
                copy.to.flush().map_err(Error::disk("write", folder))?;
                count
            }
        }
    };
    if ends == Ends::WithThePack && !from.fill_buf().map_err(Error::disk("read", folder))?.is_empty() {
        return Err(Error::BundleFile { url: line.url.clone(), why: "something follows its pack".into() });
    }
    if count == 0 {
        return Ok(());
    }
    io::Seek::rewind(&mut file).map_err(Error::disk("read", folder))?;
    put(&mut BufReader::with_capacity(limits::CHUNK_BYTES, file), objects, line)
}

/// A file that nobody can name, and that is gone with its last reader.
fn tempfile_in(folder: &Path) -> Result<File, Error> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let made = rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR);
    made.map(File::from).map_err(|error| Error::disk("write below", folder)(error.into()))
}

/// Hands the objects to the library, which resolves differences, names everything, and writes pack and index.
fn put(from: &mut dyn BufRead, objects: &Objects, line: &Rc<Line>) -> Result<(), Error> {
    let wrong = |error: &dyn std::fmt::Display| {
        let why: String = error.to_string().chars().filter(|it| !it.is_control()).take(400).collect();
        Error::Pack { url: line.url.clone(), why }
    };
    let options = gix_pack::bundle::write::Options {
        thread_limit: Some(2),
        iteration_mode: gix_pack::data::input::Mode::Verify,
        alloc_limit_bytes: Some(limits::GIT_ALLOCATION_BYTES),
        ..Default::default()
    };
    let outcome = gix_pack::Bundle::write_to_directory(
        from,
        Some(&objects.packs()),
        &mut gix::utils::progress::Discard,
        &AtomicBool::new(false),
        Some(objects.handle()),
        objects.hash(),
        options,
    )
    .map_err(|error| wrong(&error))?;
    // It keeps others from collecting the pack, and there are no others.
    if let Some(keep) = outcome.keep_path {
        std::fs::remove_file(&keep).map_err(Error::disk("remove", keep))?;
    }
    Ok(())
}

/// Reads every entry once, and says how many there are.
fn look_through<B: BufRead, W: Write>(
    copy: &mut Copy<B, W>,
    objects: &Objects,
    line: &Rc<Line>,
) -> Result<u32, Error> {
    let wrong = |why: String| Error::Pack { url: line.url.clone(), why };
    let cut = |error: io::Error| wrong(format!("it cannot be read to its end: {error}"));
    let mut head = [0; HEAD];
    copy.read_exact(&mut head).map_err(cut)?;
    let (version, count) = match head {
        [b'P', b'A', b'C', b'K', 0, 0, 0, version @ (2 | 3), a, b, c, d] => {
            (version, u32::from_be_bytes([a, b, c, d]))
        }
        _ => return Err(wrong("it does not begin as a pack of version 2 or 3 does".into())),
    };
    if count > limits::GIT_OBJECTS {
        return Err(wrong(format!(
            "version {version}, {count} objects, and at most {} may come at once",
            limits::GIT_OBJECTS
        )));
    }
    let hash_bytes = objects.hash().len_in_bytes();
    let mut seen = Chains::default();
    let mut unpacked = 0_u64;
    for number in 1..=count {
        let offset = copy.offset;
        let named = |why: String| wrong(format!("object {number} of {count} {why}"));
        let entry = gix_pack::data::Entry::from_read(copy, offset, hash_bytes).map_err(cut)?;
        let depth = match entry.header {
            Header::OfsDelta { base_distance } => {
                let base = offset.checked_sub(base_distance).filter(|it| *it < offset);
                let depth = base.and_then(|base| seen.depth(base));
                depth.ok_or_else(|| named("differs from something that is no object".into()))? + 1
            }
            // Servers that know `ofs-delta`, as all of this century do, name what is in the pack by where it stands.
            Header::RefDelta { base_id } if objects.has(&base_id) => 1,
            Header::RefDelta { base_id } => {
                return Err(named(format!("differs from {base_id}, which is not here")));
            }
            _ => 0,
        };
        if depth > limits::GIT_DELTA_DEPTH {
            return Err(named(format!("is the end of more than {} differences", limits::GIT_DELTA_DEPTH)));
        }
        seen.push(offset, depth);
        let is_blob_or_delta = !matches!(entry.header, Header::Commit | Header::Tree | Header::Tag);
        let limit = if is_blob_or_delta { limits::GIT_OBJECT_BYTES } else { limits::GIT_DOCUMENT_BYTES };
        let too_large = |size: u64| named(format!("has {size} bytes, and at most {limit} may be in one"));
        if entry.decompressed_size > limit {
            return Err(too_large(entry.decompressed_size));
        }
        let first = inflate(copy, entry.decompressed_size).map_err(|why| named(why.to_string()))?;
        let size = match depth {
            0 => entry.decompressed_size,
            _ => result_size(&first).ok_or_else(|| named("is no difference".into()))?,
        };
        if size > limit {
            return Err(too_large(size));
        }
        // A difference costs its own bytes and what it makes.
        unpacked = unpacked.saturating_add(entry.decompressed_size).saturating_add(size);
        if unpacked > limits::GIT_UNPACKED_BYTES {
            return Err(wrong(format!("it unpacks to more than {} bytes", limits::GIT_UNPACKED_BYTES)));
        }
        line.look()?;
    }
    let mut trailer = vec![0; hash_bytes];
    copy.read_exact(&mut trailer).map_err(cut)?;
    Ok(count)
}

/// Reads one compressed entry to its end, and gives its first bytes.
fn inflate(from: &mut impl BufRead, size: u64) -> io::Result<Vec<u8>> {
    let mut inflated = ZlibDecoder::new(from).take(size.saturating_add(1));
    let mut first = Vec::new();
    inflated.by_ref().take(DELTA_HEAD as u64).read_to_end(&mut first)?;
    let rest = io::copy(&mut inflated, &mut io::sink())?;
    match first.len() as u64 + rest {
        found if found == size => Ok(first),
        found if found < size => Err(io::Error::other(format!("says to have {size} bytes, and has {found}"))),
        _ => Err(io::Error::other(format!("says to have {size} bytes, and has more"))),
    }
}

/// How large what a difference makes is: the second of two numbers at its beginning, seven bits a byte.
fn result_size(first: &[u8]) -> Option<u64> {
    let mut bytes = first.iter();
    let mut number = || -> Option<u64> {
        let (mut value, mut shift) = (0_u64, 0_u32);
        loop {
            let byte = *bytes.next()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 63)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            shift += 7;
        }
    };
    number()?;
    number()
}

/// How many differences end in the object at an offset. Offsets rise, so it is found by halving.
#[derive(Default)]
struct Chains(Vec<(u64, u32)>);

impl Chains {
    fn push(&mut self, offset: u64, depth: u32) {
        self.0.push((offset, depth));
    }

    fn depth(&self, offset: u64) -> Option<u32> {
        let at = self.0.binary_search_by_key(&offset, |(it, _)| *it).ok()?;
        self.0.get(at).map(|(_, depth)| *depth)
    }
}

/// A reader whose bytes are written elsewhere as they are consumed.
struct Copy<B, W> {
    from: B,
    to: W,
    failed: Option<Failed>,
    offset: u64,
}

enum Failed {
    Read(io::Error),
    Write(io::Error),
}

impl<B: BufRead, W: Write> Read for Copy<B, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<B: BufRead, W: Write> BufRead for Copy<B, W> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let told = || io::Error::other("it ended");
        if self.failed.is_some() {
            return Err(told());
        }
        match self.from.fill_buf() {
            Ok(bytes) => Ok(bytes),
            Err(error) => {
                self.failed = Some(Failed::Read(error));
                Err(told())
            }
        }
    }

    fn consume(&mut self, count: usize) {
        // It was filled a moment ago, so nothing is read here.
        let written = match self.from.fill_buf() {
            Ok(bytes) => self.to.write_all(bytes.get(..count).unwrap_or_default()),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            self.failed.get_or_insert(Failed::Write(error));
        }
        self.offset = self.offset.saturating_add(count as u64);
        self.from.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_differences() {
        for (bytes, expect) in [
            (&[5, 9][..], Some(9)),
            (&[0x85, 0x01, 0x80, 0x01], Some(128)),
            (&[5], None),
            (&[0xff; 20], None),
            (&[], None),
        ] {
            assert_eq!(result_size(bytes), expect, "{bytes:?}");
        }
    }
}
