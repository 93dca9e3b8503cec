use std::{
    io::{self, BufRead, BufReader, Read},
    ops::Bound,
};

use super::{Error, Tree, entries};
use crate::limits;

/// How large an archive is once it is decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpacked {
    /// Signed content says it to the byte.
    Exactly(u64),
    /// Nobody has said it yet: the builder reads what it is about to sign.
    AtMost(u64),
}

impl Unpacked {
    fn limit(self) -> u64 {
        match self {
            Self::Exactly(size) | Self::AtMost(size) => size,
        }
    }

    fn range(self) -> (Bound<u64>, Bound<u64>) {
        match self {
            Self::Exactly(size) => (Bound::Included(size), Bound::Included(size)),
            Self::AtMost(size) => (Bound::Unbounded, Bound::Included(size)),
        }
    }
}

/// Reads a canonical tree: one zstd frame of `packed` bytes around a tar of `unpacked` bytes.
///
/// # Errors
/// When the frame needs more than [`limits::ZSTD_WINDOW_LOG`], expands more than [`limits::EXPANSION_RATIO`] times, has
/// another size than it should, is followed by anything, or holds an entry that no tree may have.
pub fn read_tree(reader: impl Read, packed: u64, unpacked: u64) -> Result<Tree, Error> {
    let unpacked = Unpacked::Exactly(unpacked);
    check_ratio(packed, unpacked.limit())?;
    let frame = Exact::new(reader, packed);
    let mut decoder = zstd::Decoder::with_buffer(BufReader::with_capacity(limits::CHUNK_BYTES, frame))
        .map_err(Error::Io)?
        .single_frame();
    decoder.window_log_max(limits::ZSTD_WINDOW_LOG).map_err(Error::Io)?;
    let tree = read_entries(&mut decoder, packed, unpacked)?;
    end_of_frame(decoder.finish())?;
    Ok(tree)
}

/// Reads a `.tgz` of `packed` bytes, as Helm's charts are.
///
/// # Errors
/// As [`read_tree`]; also when the checksum at its end is wrong, or a second member follows.
pub fn read_tgz(reader: impl Read, packed: u64, unpacked: Unpacked) -> Result<Tree, Error> {
    if let Unpacked::Exactly(unpacked) = unpacked {
        check_ratio(packed, unpacked)?;
    }
    let mut decoder = flate2::bufread::GzDecoder::new(BufReader::new(Exact::new(reader, packed)));
    let tree = read_entries(&mut decoder, packed, unpacked)?;
    end_of_frame(decoder.into_inner())?;
    Ok(tree)
}

/// Reads a tar that is not compressed, of at most or exactly so many bytes.
///
/// # Errors
/// As [`read_tree`].
pub fn read_tar(reader: impl Read, size: Unpacked) -> Result<Tree, Error> {
    read_entries(&mut BufReader::new(reader), size.limit(), size)
}

/// The decompressed size of a `.tgz`, for the builder, which has to sign it.
///
/// # Errors
/// When it is no gzip, or unpacks to more than `at_most` or more than [`limits::EXPANSION_RATIO`] times its size.
pub fn measure_tgz(reader: impl Read, packed: u64, at_most: u64) -> Result<u64, Error> {
    let mut decoder = flate2::bufread::GzDecoder::new(BufReader::new(Exact::new(reader, packed)));
    let mut bounded = Bounded::new(&mut decoder, packed, at_most);
    let size = io::copy(&mut bounded, &mut io::sink()).map_err(frame_error)?;
    end_of_frame(decoder.into_inner())?;
    Ok(size)
}

fn read_entries(reader: &mut impl Read, packed: u64, unpacked: Unpacked) -> Result<Tree, Error> {
    let mut bounded = Bounded::new(reader, packed, unpacked.limit());
    let tree = entries::read(&mut bounded).map_err(|error| match error {
        Error::Io(error) => frame_error(error),
        other => other,
    })?;
    match std::ops::RangeBounds::contains(&unpacked.range(), &bounded.read) {
        true => Ok(tree),
        false => {
            let (read, size) = (bounded.read, unpacked.limit());
            Err(Error::Limit(format!("it unpacks to {read} bytes, not to {size}")))
        }
    }
}

/// After the frame the blob has to be at its end.
fn end_of_frame<R: Read>(mut rest: BufReader<Exact<R>>) -> Result<(), Error> {
    match rest.fill_buf().map_err(frame_error)? {
        [] => Ok(()),
        _ => Err(Error::format("something follows its compressed frame")),
    }
}

/// What the decompressors report as I/O errors is the content's fault, unless the blob's own reader said it.
fn frame_error(error: io::Error) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return ours,
        Err(error) => error,
    };
    if crate::digest::Mismatch::within(&error).is_some() || error.raw_os_error().is_some() {
        return Error::Io(error);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::format("its compressed frame is incomplete"),
        // zstd reports its errors as `Other`, flate2 as `InvalidInput` and `InvalidData`.
        io::ErrorKind::Other | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            Error::Format(format!("its compressed frame is refused: {error}"))
        }
        _ => Error::Io(error),
    }
}

pub(super) fn check_ratio(packed: u64, unpacked: u64) -> Result<(), Error> {
    if unpacked <= limits::EXPANSION_FREE_BYTES || unpacked / limits::EXPANSION_RATIO <= packed {
        return Ok(());
    }
    Err(Error::Limit(format!("it expands more than {} times", limits::EXPANSION_RATIO)))
}

/// Yields exactly so many bytes: fewer and more are errors.
struct Exact<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Exact<R> {
    fn new(inner: R, size: u64) -> Self {
        Self { inner, left: size }
    }
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            None => Err(io::Error::other(Error::format("it is longer than it should be"))),
            Some(left) if count == 0 && left > 0 => {
                Err(io::Error::other(Error::format("it is shorter than it should be")))
            }
            Some(left) => {
                self.left = left;
                Ok(count)
            }
        }
    }
}

/// Stops a stream that grows beyond its size or its ratio, in the stream.
struct Bounded<R> {
    inner: R,
    packed: u64,
    limit: u64,
    read: u64,
}

impl<R: Read> Bounded<R> {
    fn new(inner: R, packed: u64, limit: u64) -> Self {
        Self { inner, packed, limit, read: 0 }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read = self.read.saturating_add(count as u64);
        if self.read > self.limit {
            let why = format!("it unpacks to more than {} bytes", self.limit);
            return Err(io::Error::other(Error::Limit(why)));
        }
        check_ratio(self.packed, self.read).map_err(io::Error::other)?;
        Ok(count)
    }
}
