//! One header block of a tar: POSIX ustar, and as much of GNU's variant as foreign charts need.

/// The unit of a tar.
pub(crate) const BLOCK: usize = 512;

/// The same, for offsets.
pub(crate) const BLOCK_BYTES: u64 = 512;

/// What an entry is. The byte is the type flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Symlink,
    /// A pax header that speaks of the next entry.
    Pax,
    /// A pax header that speaks of all entries that follow.
    PaxGlobal,
    /// GNU's way to give the next entry a long name.
    GnuName,
    /// GNU's way to give the next entry a long link target.
    GnuLink,
    /// Hard links, devices, fifos, sparse files and whatever else there is.
    Other(u8),
}

/// A header, decoded.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// The name, prefix included.
    pub(crate) name: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) kind: Kind,
    /// Whether the block is plain POSIX ustar.
    pub(crate) posix: bool,
}

/// Why a block is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("a header's checksum is wrong")]
    Checksum,
    #[error("a header is neither ustar nor GNU tar's")]
    Magic,
    #[error("a header has a number that is none, or that is too large")]
    Number,
    #[error("a header has bytes after the end of a name")]
    Name,
}

/// Fields of the block, by position.
struct Fields<'a>(&'a [u8; BLOCK]);

impl<'a> Fields<'a> {
    fn bytes(&self, from: usize, len: usize) -> &'a [u8] {
        self.0.get(from..from + len).unwrap_or_default()
    }

    /// A name ends at the first NUL, and nothing may follow: another reader could see what stands there.
    fn name(&self, from: usize, len: usize) -> Result<&'a [u8], Broken> {
        let field = self.bytes(from, len);
        let end = field.iter().position(|c| *c == 0).unwrap_or(len);
        let (name, rest) = field.split_at(end);
        if rest.iter().all(|c| *c == 0) { Ok(name) } else { Err(Broken::Name) }
    }

    /// Octal digits between optional spaces and an end of NULs and spaces; or, with the high bit set, GNU's binary form.
    fn number(&self, from: usize, len: usize) -> Result<u64, Broken> {
        let field = self.bytes(from, len);
        if let Some((first, rest)) = field.split_first()
            && first & 0x80 != 0
        {
            // 0xff starts a negative number, and the bits of 0x7f would be above 64.
            return match (*first, rest.split_last_chunk::<8>()) {
                (0x80, Some((high, low))) if high.iter().all(|c| *c == 0) => Ok(u64::from_be_bytes(*low)),
                _ => Err(Broken::Number),
            };
        }
        let digits = field.trim_ascii_start();
        let end = digits.iter().position(|c| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (digits, rest) = digits.split_at(end);
        if !rest.iter().all(|c| matches!(c, 0 | b' ')) {
            return Err(Broken::Number);
        }
        digits.iter().try_fold(0_u64, |number, digit| match digit {
            b'0'..=b'7' => number
                .checked_mul(8)
                .and_then(|it| it.checked_add(u64::from(digit - b'0')))
                .ok_or(Broken::Number),
            _ => Err(Broken::Number),
        })
    }
}

/// Whether the block is all zero, as at the end of an archive.
pub(crate) fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|c| *c == 0)
}

/// How many bytes of padding follow `size` bytes.
pub(crate) fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK_BYTES).wrapping_sub(size) % BLOCK_BYTES
}

impl Header {
    /// Reads a block that is not zero.
    pub(crate) fn decode(block: &[u8; BLOCK]) -> Result<Self, Broken> {
        let fields = Fields(block);
        if fields.number(148, 8)? != u64::from(checksum(block)) {
            return Err(Broken::Checksum);
        }
        let posix = match fields.bytes(257, 8) {
            b"ustar\x0000" => true,
            b"ustar  \x00" => false,
            _ => return Err(Broken::Magic),
        };
        let mut name = if posix { fields.name(345, 155)?.to_vec() } else { Vec::new() };
        if !name.is_empty() {
            name.push(b'/');
        }
        name.extend_from_slice(fields.name(0, 100)?);
        let kind = match fields.bytes(156, 1) {
            [0 | b'0'] => Kind::File,
            [b'5'] => Kind::Directory,
            [b'2'] => Kind::Symlink,
            [b'x'] => Kind::Pax,
            [b'g'] => Kind::PaxGlobal,
            [b'L'] => Kind::GnuName,
            [b'K'] => Kind::GnuLink,
            other => Kind::Other(other.first().copied().unwrap_or_default()),
        };
        Ok(Self {
            name,
            link: fields.name(157, 100)?.to_vec(),
            size: fields.number(124, 12)?,
            mode: u32::try_from(fields.number(100, 8)?).map_err(|_| Broken::Number)?,
            kind,
            posix,
        })
    }
}

/// The sum of all bytes, the checksum's own taken as spaces.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|c| u32::from(*c)).sum::<u32>();
    // The whole and a correction: the plain sum is one that a compiler vectorises.
    sum(block) - sum(Fields(block).bytes(148, 8)) + 8 * u32::from(b' ')
}

/// Writes a header with everything that could differ between two machines set to zero. None where the name or the
/// link target does not fit a ustar header.
pub(crate) fn encode(name: &str, link: &str, size: u64, mode: u32, flag: u8) -> Option<[u8; BLOCK]> {
    let (prefix, short) = split_name(name)?;
    if link.len() > 100 {
        return None;
    }
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = block.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(0, short.as_bytes());
    put(100, format!("{mode:07o}").as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    if size < 1 << 33 {
        put(124, format!("{size:011o}").as_bytes());
    } else {
        // Eleven octal digits end at 8 GiB; the binary form is read by GNU tar, libarchive and Go alike.
        put(124, &[0x80, 0, 0, 0]);
        put(128, &size.to_be_bytes());
    }
    put(136, b"00000000000");
    put(156, &[flag]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    put(329, b"0000000");
    put(337, b"0000000");
    put(345, prefix.as_bytes());
    let sum = checksum(&block);
    if let Some(field) = block.get_mut(148..156) {
        field.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    Some(block)
}

/// Splits a name at a slash into at most 155 and 100 bytes.
fn split_name(name: &str) -> Option<(&str, &str)> {
    if name.len() <= 100 {
        return Some(("", name));
    }
    name.match_indices('/')
        .map(|(at, _)| name.split_at(at))
        .map(|(prefix, rest)| (prefix, rest.trim_start_matches('/')))
        .find(|(prefix, rest)| prefix.len() <= 155 && !prefix.is_empty() && (1..=100).contains(&rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes() {
        let long = format!("{}/{}", "d".repeat(150), "f".repeat(100));
        for (name, link, size, mode, flag) in [
            ("a", "", 0, 0o644, b'0'),
            ("dir/link", "../target", 0, 0o777, b'2'),
            (long.as_str(), "", (1 << 33) - 1, 0o755, b'0'),
            ("blob", "", 1 << 33, 0o644, b'0'),
            ("blob", "", u64::MAX, 0o644, b'0'),
        ] {
            let header = Header::decode(&encode(name, link, size, mode, flag).unwrap()).unwrap();
            assert_eq!((header.name.as_slice(), header.link.as_slice()), (name.as_bytes(), link.as_bytes()));
            assert_eq!((header.size, header.mode, header.posix), (size, mode, true));
        }
        assert!(encode(&"n".repeat(101), "", 0, 0, b'0').is_none());
        assert!(encode("n", &"l".repeat(101), 0, 0, b'2').is_none());
    }

    #[test]
    fn padding_never_overflows() {
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
