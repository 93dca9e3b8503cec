use std::io::{self, Write};

use super::{
    Error, Node, Tree,
    pax::record,
    ustar::{self, BLOCK},
};
use crate::{digest::Digest, limits};

/// The level of every canonical tree. It is part of the format of what the builder writes: another level is other bytes.
const LEVEL: i32 = 12;

/// A tree as a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The bytes of the blob.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
    /// How large they are once decompressed.
    pub unpacked: u64,
}

/// Writes a tree as canonical bytes: sorted, no times, no owners, modes 0644 and 0755, one zstd frame of one thread
/// at one level. The same tree gives the same bytes on any machine, as long as the zstd library is the one in
/// `Cargo.lock`.
///
/// # Errors
/// When it would be refused by [`read_tree`](super::read_tree): a file too large, or content that shrinks too well.
pub fn write_tree(tree: &Tree) -> Result<Packed, Error> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL).map_err(Error::Io)?;
    // The frame then says nothing that depends on how it was written to.
    encoder.include_contentsize(false).map_err(Error::Io)?;
    encoder.include_checksum(true).map_err(Error::Io)?;
    let unpacked = write_tar(tree, &mut encoder)?;
    let bytes = encoder.finish().map_err(Error::Io)?;
    super::unpack::check_ratio(bytes.len() as u64, unpacked)?;
    Ok(Packed { digest: Digest::of(&bytes), bytes, unpacked })
}

/// Writes the tar and says how many bytes it has.
fn write_tar(tree: &Tree, mut writer: impl Write) -> Result<u64, Error> {
    if tree.len() > limits::ARCHIVE_ENTRIES {
        return Err(Error::Limit("it has more entries than an archive may have".into()));
    }
    let mut counted = 0_u64;
    let mut put = |bytes: &[u8]| -> io::Result<()> {
        counted += bytes.len() as u64;
        writer.write_all(bytes)
    };
    for (path, node) in tree.iter() {
        let name = path.as_str();
        let (bytes, link, mode, flag): (&[u8], _, _, _) = match node {
            Node::File { bytes, executable: true } => (bytes, "", 0o755, b'0'),
            Node::File { bytes, executable: false } => (bytes, "", 0o644, b'0'),
            Node::Symlink { target } => (&[], target.as_str(), 0o777, b'2'),
        };
        let size = bytes.len() as u64;
        if size > limits::ARCHIVE_FILE_BYTES {
            let why = format_args!("its {size} bytes are more than {}", limits::ARCHIVE_FILE_BYTES);
            return Err(Error::Limit(format!("entry {name:?}: {why}")));
        }
        match ustar::encode(name, link, size, mode, flag) {
            Some(header) => put(&header).map_err(Error::Io)?,
            None => {
                for block in long(name, link, size, mode, flag) {
                    put(&block).map_err(Error::Io)?;
                }
            }
        }
        put(bytes).map_err(Error::Io)?;
        put(zeros(ustar::padding(size))).map_err(Error::Io)?;
    }
    put(&[0; 2 * BLOCK]).map_err(Error::Io)?;
    writer.flush().map_err(Error::Io)?;
    Ok(counted)
}

/// An entry whose name or target does not fit its header: a pax header, then the entry under a placeholder.
fn long(name: &str, link: &str, size: u64, mode: u32, flag: u8) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    if !link.is_empty() {
        records.extend(record("linkpath", link));
    }
    records.extend(record("path", name));
    let length = records.len() as u64;
    records.resize(records.len() + usize::try_from(ustar::padding(length)).unwrap_or(0), 0);
    let header = |name, size, mode, flag| {
        ustar::encode(name, "", size, mode, flag).expect("a placeholder fits its header").to_vec()
    };
    vec![header("pax", length, 0o644, b'x'), records, header("long", size, mode, flag)]
}

fn zeros(count: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    usize::try_from(count).ok().and_then(|count| ZEROS.get(..count)).unwrap_or_default()
}
