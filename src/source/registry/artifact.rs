use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Client, Error, Fetched};
use crate::{
    bundle::{Item, Medium, Opened},
    digest::Digest,
    limits,
    oci::{Descriptor, Document, Manifest},
    source::Failure,
    source::Trouble,
};

/// What a manifest says that it is when it is a bundle.
pub const ARTIFACT: &str = "application/vnd.airlock.bundle.v1";

/// The types of its layers.
pub mod media_type {
    /// A trust root.
    pub const ROOT: &str = "application/vnd.airlock.root.v1+dsse";
    /// The agent statement.
    pub const AGENT: &str = "application/vnd.airlock.agent.v1+dsse";
    /// The envelope.
    pub const BUNDLE: &str = "application/vnd.airlock.bundle.v1+dsse";
    /// A blob, or a part of one.
    pub const BLOB: &str = "application/vnd.airlock.blob.v1";
}

/// Where the path of an item stands, as in every artifact that is made of files.
const TITLE: &str = "org.opencontainers.image.title";

/// A bundle in a registry: one artifact, whose layers are what a medium holds.
///
/// The manifest is a table of contents and nothing more. It says under which digest each item lies; whether that is
/// what was signed is found out as on a stick.
pub struct Artifact {
    client: Arc<Client>,
    items: BTreeMap<Key, (Digest, u64)>,
    /// Envelopes that were read: they are asked for more than once.
    read: Mutex<BTreeMap<Digest, Arc<[u8]>>>,
}

/// An item with an order: the roots ascend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Root(u32),
    Agent,
    Bundle,
    Blob(Digest),
}

impl Key {
    fn of(item: Item) -> Option<Self> {
        match item {
            Item::Root(version) => Some(Self::Root(version)),
            Item::Agent => Some(Self::Agent),
            Item::Bundle => Some(Self::Bundle),
            Item::Blob(digest) => Some(Self::Blob(digest)),
            // Labels and lists for other tools: a manifest is both.
            Item::OciLayout | Item::Index | Item::Volume => None,
        }
    }
}

impl Artifact {
    /// Reads the manifest of a bundle.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(client: Arc<Client>, fetched: &Fetched) -> Result<Self, Error> {
        let items = items(fetched)
            .map_err(|why| Error::Network(Trouble::NoBundle { url: client.url().to_owned(), why }))?;
        Ok(Self { client, items, read: Mutex::default() })
    }

    /// The layer for an item of a bundle.
    pub fn layer(item: Item, digest: Digest, size: u64) -> Option<Descriptor> {
        let kind = match Key::of(item)? {
            Key::Root(_) => media_type::ROOT,
            Key::Agent => media_type::AGENT,
            Key::Bundle => media_type::BUNDLE,
            Key::Blob(_) => return Some(Descriptor::new(media_type::BLOB, digest, size)),
        };
        let mut layer = Descriptor::new(kind, digest, size);
        layer.annotations.insert(TITLE.to_owned(), item.to_string());
        Some(layer)
    }

    /// The manifest over such layers.
    pub fn manifest(layers: Vec<Descriptor>) -> Manifest {
        Manifest::artifact(ARTIFACT, layers, BTreeMap::new())
    }

    fn envelope(&self, digest: Digest, size: u64) -> Result<Arc<[u8]>, Error> {
        let read = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = read().get(&digest) {
            return Ok(Arc::clone(bytes));
        }
        let bytes: Arc<[u8]> = self.client.document(digest, size)?.into();
        read().insert(digest, Arc::clone(&bytes));
        Ok(bytes)
    }
}

fn items(fetched: &Fetched) -> Result<BTreeMap<Key, (Digest, u64)>, String> {
    let document = Document::parse("its manifest", &fetched.media_type, &fetched.bytes);
    let manifest = match document.map_err(|error| error.to_string())? {
        Document::Manifest(manifest) => manifest,
        Document::Index(_) => return Err("it is an index of images".into()),
    };
    if manifest.artifact_type() != ARTIFACT {
        let found: String = manifest.artifact_type().chars().filter(|c| !c.is_control()).take(100).collect();
        return Err(format!("it is an artifact of type `{found}`"));
    }
    let mut items = BTreeMap::new();
    for layer in &manifest.layers {
        let key = match &*layer.media_type {
            media_type::BLOB => Key::Blob(layer.digest),
            media_type::ROOT | media_type::AGENT | media_type::BUNDLE => {
                let item = layer.annotations.get(TITLE).and_then(|it| Item::parse(it)).and_then(Key::of);
                match (item, &*layer.media_type) {
                    (Some(key @ Key::Root(_)), media_type::ROOT)
                    | (Some(key @ Key::Agent), media_type::AGENT)
                    | (Some(key @ Key::Bundle), media_type::BUNDLE) => key,
                    _ => return Err(format!("layer {} does not say which envelope it is", layer.digest)),
                }
            }
            // What a later version adds is no concern of this one: the envelope says what is needed.
            _ => continue,
        };
        if items.insert(key, (layer.digest, layer.size)).is_some_and(|it| it != (layer.digest, layer.size)) {
            return Err(format!("layer {} is there twice", layer.digest));
        }
    }
    if !items.contains_key(&Key::Bundle) {
        return Err("it has no `bundle.dsse`".into());
    }
    Ok(items)
}

impl Medium for Artifact {
    fn label(&self) -> String {
        self.client.url().to_owned()
    }

    fn open(&self, item: Item) -> io::Result<Option<Opened>> {
        self.open_at(item, 0)
    }

    fn open_at(&self, item: Item, at: u64) -> io::Result<Option<Opened>> {
        let Some(key) = Key::of(item) else { return Ok(None) };
        let Some(&(digest, size)) = self.items.get(&key) else { return Ok(None) };
        if matches!(key, Key::Blob(_)) || size > limits::ENVELOPE_BYTES {
            return Ok(Some(Opened { size, reader: Client::reader(&self.client, digest, size, at) }));
        }
        let bytes = self.envelope(digest, size).map_err(Failure::new)?;
        let rest = bytes.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or_default();
        Ok(Some(Opened { size, reader: Box::new(io::Cursor::new(rest.to_vec())) }))
    }

    fn roots(&self) -> io::Result<Vec<u32>> {
        let version = |key: &Key| match key {
            Key::Root(version) => Some(*version),
            Key::Agent | Key::Bundle | Key::Blob(_) => None,
        };
        let versions: Vec<u32> = self.items.keys().filter_map(version).collect();
        if versions.len() > limits::ROOTS {
            return Err(io::Error::other("it holds more roots than a medium may"));
        }
        Ok(versions)
    }
}
