use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::{self, Cursor, Read},
    sync::OnceLock,
};

use gix::objs::Kind;

use super::{
    Error,
    objects::Objects,
    walk::{Links, files},
};
use crate::{
    bundle::{Item, Medium, Opened},
    digest::Digest,
    limits,
    source::Trouble,
    trust::git::Id,
};

/// Where a tagged tree keeps what a layout keeps at its top.
const BESIDE: &str = ".airlock/";

/// A bundle in a repository, in one of its two forms.
///
/// Either the tree is the layout, as on a stick; or the message of an annotated tag ends with the envelope, `.airlock/`
/// in the tagged tree holds `trust/NNNN.root.dsse`, `agent.dsse`, the inventory and the release, and the blobs are files
/// of the tree under any name, found by the SHA-256 that we compute. Git's own names prove nothing here: everything is
/// read through the gate that a stick passes.
pub struct GitMedium {
    label: String,
    objects: Objects,
    /// What stands under its own name.
    named: BTreeMap<String, Place>,
    roots: BTreeSet<u32>,
    /// The envelope, where a tag's message holds it.
    envelope: Option<Vec<u8>>,
    /// Files that may be blobs, where their names do not tell; and which they are, once somebody asks.
    loose: Vec<Place>,
    sums: OnceLock<Result<BTreeMap<Digest, Place>, String>>,
}

#[derive(Clone, Copy)]
struct Place {
    id: gix::ObjectId,
    size: u64,
}

impl fmt::Debug for GitMedium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitMedium").field("label", &self.label).finish_non_exhaustive()
    }
}

/// The envelope that a tag's message ends with: from the first line that begins as a JSON object does.
pub fn envelope_of(message: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    for line in message.split_inclusive(|it| *it == b'\n') {
        if line.starts_with(b"{") {
            return message.get(at..).map(<[u8]>::trim_ascii_end);
        }
        at += line.len();
    }
    None
}

impl GitMedium {
    /// Looks at a tree, and at the message of the tag that names it, where there is one.
    pub(super) fn open(
        label: String,
        url: &str,
        objects: Objects,
        tree: &Id,
        message: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let found = files(&objects, tree, Links::Refused, url)?;
        let envelope = message.and_then(envelope_of).map(<[u8]>::to_vec);
        let (mut named, mut roots, mut loose) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        for (path, entry) in found {
            let place = Place { id: entry.id, size: entry.size };
            let item = match &envelope {
                None => Item::parse(path.as_str()),
                Some(_) => path.as_str().strip_prefix(BESIDE).and_then(Item::parse),
            };
            // The one envelope is the tag's.
            match item.filter(|it| envelope.is_none() || *it != Item::Bundle) {
                Some(item) => {
                    if let Item::Root(version) = item {
                        roots.insert(version);
                    }
                    named.insert(item.to_string(), place);
                }
                None if envelope.is_some() => loose.push(place),
                None => (),
            }
        }
        if envelope.is_none() && !named.contains_key(&Item::Bundle.to_string()) {
            let why = "no tag's message ends with an envelope, and its tree has no `bundle.dsse`".to_owned();
            return Err(Error::Network(Trouble::NoBundle { url: url.to_owned(), why }));
        }
        if roots.len() > limits::ROOTS {
            let why = "it holds more roots than a medium may".to_owned();
            return Err(Error::Network(Trouble::NoBundle { url: url.to_owned(), why }));
        }
        Ok(Self { label, objects, named, roots, envelope, loose, sums: OnceLock::new() })
    }

    /// Which file a blob is. All are hashed, once.
    fn sums(&self) -> io::Result<&BTreeMap<Digest, Place>> {
        let sums = self.sums.get_or_init(|| {
            let mut sums = BTreeMap::new();
            for place in &self.loose {
                let bytes = self.read(*place).map_err(|error| error.to_string())?;
                sums.insert(Digest::of(&bytes), *place);
            }
            Ok(sums)
        });
        sums.as_ref().map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why.clone()))
    }

    fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        let found = self.objects.read(&place.id, Kind::Blob, limits::GIT_OBJECT_BYTES)?;
        found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("object {} is gone", place.id)))
    }
}

impl Medium for GitMedium {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn open(&self, item: Item) -> io::Result<Option<Opened>> {
        if let (Item::Bundle, Some(envelope)) = (item, &self.envelope) {
            let reader = Box::new(Cursor::new(envelope.clone()));
            return Ok(Some(Opened { size: envelope.len() as u64, reader }));
        }
        let place = match (self.named.get(&item.to_string()), item) {
            (Some(place), _) => Some(*place),
            (None, Item::Blob(digest)) if !self.loose.is_empty() => self.sums()?.get(&digest).copied(),
            (None, _) => None,
        };
        let Some(place) = place else { return Ok(None) };
        let reader = Box::new(Object { objects: self.objects.clone(), place, bytes: None });
        Ok(Some(Opened { size: place.size, reader }))
    }

    fn roots(&self) -> io::Result<Vec<u32>> {
        Ok(self.roots.iter().copied().collect())
    }
}

/// An object that is unpacked when it is first read: whoever asks for a size asks for no more.
struct Object {
    objects: Objects,
    place: Place,
    bytes: Option<Cursor<Vec<u8>>>,
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(bytes) = &mut self.bytes {
            return bytes.read(buffer);
        }
        let found = self.objects.read(&self.place.id, Kind::Blob, limits::GIT_OBJECT_BYTES)?;
        let found = found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        self.bytes.insert(Cursor::new(found)).read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_with_the_envelope() {
        for (message, expect) in [
            ("harbour 1-3\n\n{\"a\":1}\n", Some("{\"a\":1}")),
            ("harbour\n\n{\n  \"a\": 1\n}\n\n", Some("{\n  \"a\": 1\n}")),
            ("{}", Some("{}")),
            ("a {brace} amid a line\n", None),
            ("a release\n", None),
            ("", None),
        ] {
            let found = envelope_of(message.as_bytes());
            assert_eq!(found, expect.map(str::as_bytes), "{message:?}");
        }
    }
}
