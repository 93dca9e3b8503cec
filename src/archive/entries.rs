use std::{
    io::{self, Read},
    sync::Arc,
};

use super::{
    Error, Node, SafePath, Tree,
    pax::Pax,
    tree::Builder,
    ustar::{self, BLOCK, Header, Kind},
};
use crate::limits;

/// Reads a tar to its end: the entries, the two zero blocks, and nothing but zeros after them.
pub(super) fn read(mut reader: impl Read) -> Result<Tree, Error> {
    let mut builder = Builder::default();
    let mut entries = 0_usize;
    let mut before = Before::default();
    loop {
        let Some(block) = block(&mut reader)? else {
            return Err(Error::format("it ends without its end-of-archive blocks"));
        };
        if ustar::is_zero(&block) {
            break;
        }
        entries += 1;
        // A pax header is an entry of its own, and each file may have one.
        if entries > 2 * limits::ARCHIVE_ENTRIES {
            return Err(Error::Limit("it has more entries than an archive may have".into()));
        }
        let header = Header::decode(&block).map_err(Error::format)?;
        match header.kind {
            Kind::Pax | Kind::PaxGlobal | Kind::GnuName | Kind::GnuLink => {
                before.take(&header, &mut reader)?;
            }
            Kind::File | Kind::Directory | Kind::Symlink | Kind::Other(_) => {
                let header = std::mem::take(&mut before).apply(header)?;
                entry(&mut builder, &header, &mut reader)?;
            }
        }
    }
    if !before.is_empty() {
        return Err(Error::format("an extended header speaks of no entry"));
    }
    end(&mut reader)?;
    Ok(builder.finish())
}

/// The second zero block, and zeros up to the end: tools pad to their blocking factor.
fn end(reader: &mut impl Read) -> Result<(), Error> {
    let mut blocks = 1;
    while let Some(block) = block(reader)? {
        if !ustar::is_zero(&block) {
            return Err(Error::format("something follows its end"));
        }
        blocks += 1;
    }
    if blocks < 2 {
        return Err(Error::format("it ends without its end-of-archive blocks"));
    }
    Ok(())
}

/// Adds one entry.
fn entry(builder: &mut Builder, header: &Header, reader: &mut impl Read) -> Result<(), Error> {
    let name = match header.kind {
        // The one slash at a directory's end is tar's way to write it.
        Kind::Directory => header.name.strip_suffix(b"/").unwrap_or(&header.name),
        _ => &header.name,
    };
    let path = SafePath::from_bytes(name)
        .map_err(|why| Error::Path { entry: super::printable(&header.name), why })?;
    let wrong = |why: &str| Err(Error::entry(&header.name, why));
    match header.kind {
        Kind::File if !header.link.is_empty() => wrong("it is a file with a link target"),
        Kind::File => {
            let bytes = file(header, reader)?;
            builder.insert(path, Node::File { bytes, executable: header.mode & 0o100 != 0 })
        }
        _ if header.size != 0 && !matches!(header.kind, Kind::Other(_)) => {
            wrong("it is no file and says to have content")
        }
        Kind::Directory => builder.directory(&path),
        Kind::Symlink => builder.insert(path, Node::Symlink { target: target(header)? }),
        Kind::Other(flag) => wrong(match flag {
            b'1' => "it is a hard link",
            b'3' | b'4' => "it is a device",
            b'6' => "it is a fifo",
            b'S' => "it is a sparse file",
            b'7' => "it is a contiguous file",
            b'M' | b'V' | b'D' | b'N' => "it belongs to a backup of GNU tar",
            _ => "it is of an unknown type",
        }),
        Kind::Pax | Kind::PaxGlobal | Kind::GnuName | Kind::GnuLink => wrong("it is no entry"),
    }
}

/// A link's target: any text that could stand in a path. Where it leads is judged when it is followed.
fn target(header: &Header) -> Result<String, Error> {
    let wrong = |why: &str| Error::entry(&header.name, why);
    let text = std::str::from_utf8(&header.link).map_err(|_| wrong("its link target is not UTF-8"))?;
    if text.is_empty() || text.len() > limits::PATH_BYTES {
        return Err(wrong("its link target is empty or too long"));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong("its link target has a control character"));
    }
    Ok(text.to_owned())
}

/// The size of an entry is a claim: up to here it is believed, beyond it memory grows with what really arrives.
const BELIEVED: u64 = 4 << 20;

/// Reads the content of a file, into the place where it stays.
fn file(header: &Header, reader: &mut impl Read) -> Result<Arc<[u8]>, Error> {
    if header.size > BELIEVED {
        return content(header, limits::ARCHIVE_FILE_BYTES, reader).map(Arc::from);
    }
    let size = usize::try_from(header.size).unwrap_or(0);
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, size).collect();
    if let Some(bytes) = Arc::get_mut(&mut bytes)
        && fill(reader, bytes)? < size
    {
        return Err(ends_inside(header));
    }
    padding(header, reader)?;
    Ok(bytes)
}

/// Reads the content of an entry and the padding after it.
fn content(header: &Header, limit: u64, reader: &mut impl Read) -> Result<Vec<u8>, Error> {
    if header.size > limit {
        let why = format_args!("its {} bytes are more than {limit}", header.size);
        return Err(Error::Limit(format!("entry {:?}: {why}", super::printable(&header.name))));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(header.size.min(BELIEVED)).unwrap_or(0));
    reader.by_ref().take(header.size).read_to_end(&mut bytes).map_err(below)?;
    if bytes.len() as u64 != header.size {
        return Err(ends_inside(header));
    }
    padding(header, reader)?;
    Ok(bytes)
}

/// Reads the zeros that fill the last block of an entry.
fn padding(header: &Header, reader: &mut impl Read) -> Result<(), Error> {
    let mut block = [0; BLOCK];
    let size = usize::try_from(ustar::padding(header.size)).unwrap_or(0);
    let padding = block.get_mut(..size).unwrap_or_default();
    match (fill(reader, padding)? == size, ustar::is_zero(padding)) {
        (true, true) => Ok(()),
        (false, _) => Err(ends_inside(header)),
        (true, false) => Err(Error::entry(&header.name, "its padding is not zero")),
    }
}

fn ends_inside(header: &Header) -> Error {
    Error::entry(&header.name, "the archive ends inside it")
}

/// Reads one block; none at the end.
fn block(reader: &mut impl Read) -> Result<Option<[u8; BLOCK]>, Error> {
    let mut block = [0; BLOCK];
    match fill(reader, &mut block)? {
        0 => Ok(None),
        BLOCK => Ok(Some(block)),
        _ => Err(Error::format("it ends inside a block")),
    }
}

/// Reads as much as there is room for, and says how much there was.
fn fill(reader: &mut impl Read, room: &mut [u8]) -> Result<usize, Error> {
    let mut have = 0;
    while let Some(rest) = room.get_mut(have..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => have += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(below(error)),
        }
    }
    Ok(have)
}

/// What the layers below have to say: our own bounds, a decompressor, a blob that is another one, a disk.
fn below(error: io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(Error::Io)
}

/// What extended headers said of the entry to come. Each thing may be said once: readers differ on which one wins.
#[derive(Default)]
struct Before {
    pax: Option<Pax>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl Before {
    fn take(&mut self, header: &Header, reader: &mut impl Read) -> Result<(), Error> {
        let twice = |there: bool| match there {
            true => Err(Error::format("an extended header is repeated")),
            false => Ok(()),
        };
        match header.kind {
            Kind::Pax => {
                twice(self.pax.is_some())?;
                self.pax = Some(Pax::parse(&content(header, limits::PAX_BYTES, reader)?)?);
            }
            Kind::PaxGlobal => {
                // `git archive` writes one with the commit's name. One that renames every entry is an attack.
                if !Pax::parse(&content(header, limits::PAX_BYTES, reader)?)?.is_empty() {
                    return Err(Error::format("a global pax header changes the entries after it"));
                }
            }
            _ => {
                let limit = limits::PATH_BYTES as u64 + 1;
                let mut text = content(header, limit, reader)?;
                if text.last() == Some(&0) {
                    text.pop();
                }
                let place = if header.kind == Kind::GnuName { &mut self.name } else { &mut self.link };
                twice(place.is_some())?;
                *place = Some(text);
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.name.is_none() && self.link.is_none()
    }

    fn apply(self, mut header: Header) -> Result<Header, Error> {
        let pax = self.pax.unwrap_or_default();
        let one = |gnu: Option<Vec<u8>>, pax: Option<Vec<u8>>| match (gnu, pax) {
            (Some(_), Some(_)) => Err(Error::format("two extended headers name one entry")),
            (gnu, pax) => Ok(gnu.or(pax)),
        };
        if let Some(name) = one(self.name, pax.path)? {
            header.name = name;
        }
        if let Some(link) = one(self.link, pax.link)? {
            header.link = link;
        }
        if let Some(size) = pax.size {
            header.size = size;
        }
        Ok(header)
    }
}
