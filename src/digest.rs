//! Content addresses, and a reader that lets nothing pass that is not what it should be.

use std::{fmt, io, io::Read, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a blob, written `sha256:<64 lower-case hex digits>`.
///
/// ```
/// use airlock::digest::Digest;
/// let digest = Digest::of(b"");
/// assert_eq!(digest.to_string().parse(), Ok(digest));
/// assert!("sha256:E3B0".parse::<Digest>().is_err());
/// assert!("sha512:00".parse::<Digest>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The text is not `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest of the form sha256:<64 lower-case hex digits>")]
pub struct NotADigest(String);

impl Digest {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A digest that was computed elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 64 hexadecimal digits, as a file is named.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// Parses 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// On any other length or character, upper case included: one blob has one name.
    pub fn from_hex(text: &str) -> Result<Self, NotADigest> {
        let mut bytes = [0; 32];
        let wrong = || NotADigest(text.chars().take(80).collect());
        if text.len() != 64 {
            return Err(wrong());
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let (&[high, low], nibble) = (pair, |c: u8| match c {
                b'0'..=b'9' => Some(c - b'0'),
                b'a'..=b'f' => Some(c - b'a' + 10),
                _ => None,
            }) else {
                return Err(wrong());
            };
            let (Some(high), Some(low)) = (nibble(high), nibble(low)) else {
                return Err(wrong());
            };
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

/// Lower-case hexadecimal digits of any bytes.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        match text.strip_prefix("sha256:") {
            Some(digits) => Self::from_hex(digits),
            None => Err(NotADigest(text.chars().take(80).collect())),
        }
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A hash in the making, for a writer that learns the digest at the end.
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    hash: Sha256,
    len: u64,
}

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// The digest and the number of bytes so far.
    pub fn finish(self) -> (Digest, u64) {
        (Digest(self.hash.finalize().into()), self.len)
    }
}

/// Why a blob is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Other bytes.
    #[error("blob {expected} has other content: it hashes to {found}")]
    Content {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// Fewer bytes.
    #[error("blob {expected} ends after {found} of {size} bytes")]
    Short {
        /// What was asked for.
        expected: Digest,
        /// How many bytes it should have.
        size: u64,
        /// How many bytes came.
        found: u64,
    },
    /// More bytes.
    #[error("blob {expected} goes on after its {size} bytes")]
    Long {
        /// What was asked for.
        expected: Digest,
        /// How many bytes it should have.
        size: u64,
    },
}

impl Mismatch {
    /// The mismatch inside an I/O error that a [`Checked`] reader returned.
    pub fn within(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// Reads a blob of known digest and size. The read that would complete it fails when the content is another one,
/// so that nobody ever holds a complete blob that is wrong. A reader that failed once fails for ever.
#[derive(Debug)]
pub struct Checked<R> {
    inner: R,
    state: State,
    expected: Digest,
    size: u64,
    left: u64,
}

#[derive(Debug)]
enum State {
    Reading(Hasher),
    Complete,
    Failed(Mismatch),
}

impl<R: Read> Checked<R> {
    /// Wraps `inner`, which must yield exactly `size` bytes that hash to `expected`.
    pub fn new(inner: R, expected: Digest, size: u64) -> Self {
        Self { inner, state: State::Reading(Hasher::default()), expected, size, left: size }
    }

    /// Looks for surplus bytes and compares the hash, once all bytes are there.
    fn complete(&mut self) -> io::Result<()> {
        // A stranger's blob may go on for ever, so one surplus byte is enough to know.
        let surplus = loop {
            match self.inner.read(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                other => break other? > 0,
            }
        };
        let State::Reading(hasher) = std::mem::replace(&mut self.state, State::Complete) else {
            return Ok(());
        };
        let expected = self.expected;
        if surplus {
            return Err(self.fail(Mismatch::Long { expected, size: self.size }));
        }
        match hasher.finish().0 {
            found if found == expected => Ok(()),
            found => Err(self.fail(Mismatch::Content { expected, found })),
        }
    }

    fn fail(&mut self, mismatch: Mismatch) -> io::Error {
        self.state = State::Failed(mismatch.clone());
        io::Error::new(io::ErrorKind::InvalidData, mismatch)
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.state {
            State::Complete => return Ok(0),
            State::Failed(mismatch) => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, mismatch.clone()));
            }
            State::Reading(_) => (),
        }
        if self.left == 0 {
            return self.complete().map(|()| 0);
        }
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(window) = buffer.get_mut(..room).filter(|it| !it.is_empty()) else { return Ok(0) };
        let count = self.inner.read(window)?;
        if count == 0 {
            let found = self.size - self.left;
            return Err(self.fail(Mismatch::Short { expected: self.expected, size: self.size, found }));
        }
        if let (State::Reading(hasher), Some(fresh)) = (&mut self.state, window.get(..count)) {
            hasher.update(fresh);
        }
        self.left -= count as u64;
        if self.left == 0 {
            self.complete()?;
        }
        Ok(count)
    }
}

/// Reads a whole blob into memory, at most `size` bytes, and only if it is the one that was asked for.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] with a [`Mismatch`] inside, or whatever `inner` returned.
pub fn read_exact(inner: impl Read, expected: Digest, size: u64) -> io::Result<Vec<u8>> {
    // The size is a claim: memory grows with what really arrives.
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(1 << 20)).unwrap_or(0));
    Checked::new(inner, expected, size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &[u8], wanted: &[u8], size: u64, expect: &str) {
        let result = read_exact(given, Digest::of(wanted), size);
        let text = match &result {
            Ok(_) => "ok",
            Err(error) => match Mismatch::within(error).expect("a mismatch") {
                Mismatch::Content { .. } => "content",
                Mismatch::Short { .. } => "short",
                Mismatch::Long { .. } => "long",
            },
        };
        assert_eq!(text, expect);
        if let Ok(bytes) = result {
            assert_eq!(bytes, wanted);
        }
    }

    #[test]
    fn only_the_exact_blob_is_read() {
        check(b"cargo", b"cargo", 5, "ok");
        check(b"", b"", 0, "ok");
        check(b"carg0", b"cargo", 5, "content");
        check(b"carg", b"cargo", 5, "short");
        check(b"cargo!", b"cargo", 5, "long");
        check(b"x", b"", 0, "long");
        check(b"cargo", b"cargo", 4, "long");
        check(b"cargo", b"cargo", u64::MAX, "short");
    }

    #[test]
    fn the_last_bytes_of_a_wrong_blob_are_not_handed_on() {
        let mut reader = Checked::new(&b"carg0"[..], Digest::of(b"cargo"), 5);
        let mut buffer = [0; 64];
        assert!(reader.read(&mut buffer).is_err());
        assert!(reader.read(&mut buffer).is_err(), "and no end of file follows that would look like success");
    }
}
