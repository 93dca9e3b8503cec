use std::{
    collections::{BTreeMap, HashMap, btree_map, hash_map},
    sync::Arc,
};

use super::Wanted;
use crate::{
    bundle::{Inventory, Item, Piece, Release},
    digest::Digest,
    limits,
    oci::{self, Reference},
    source::{
        Contents,
        registry::{Artifact, media_type},
    },
};

/// Which digests are served, and what a tag stands for.
#[derive(Debug, Default)]
pub struct Catalogue {
    blobs: HashMap<Digest, (u64, u16)>,
    /// Parts of blobs that are too big for one file of a medium: where they begin in which blob.
    slices: HashMap<Digest, (Digest, u64)>,
    /// Envelopes and manifests, which are no blobs of the store.
    written: HashMap<Digest, Arc<[u8]>>,
    /// Few bundles have more than a dozen media types, and a million blobs.
    types: Vec<String>,
    /// Registry and repository to tags.
    tags: BTreeMap<String, BTreeMap<String, Digest>>,
}

/// Where the bytes of a blob are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lies {
    /// In the store: a blob, or a part of one that begins there.
    Stored {
        /// The blob.
        blob: Digest,
        /// Where the part begins.
        offset: u64,
    },
    /// In the catalogue itself.
    Here(Arc<[u8]>),
}

/// A blob that may be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<'a> {
    /// Its exact size in bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: &'a str,
    /// Where it is.
    pub lies: Lies,
}

impl Catalogue {
    /// Adds a bundle. A tag that is known keeps what it stands for, so the bundle that counts most comes first.
    pub fn add(&mut self, release: &Release, inventory: &Inventory) {
        for blob in inventory.iter() {
            self.know(blob.digest, blob.size, &blob.media_type);
        }
        for (text, descriptor) in &release.images {
            // What the builder wrote was a reference; a name that is none is no one's image.
            let Ok(reference) = text.parse::<Reference>() else { continue };
            let reference = reference.or_latest();
            if let Some(tag) = reference.tag()
                && let btree_map::Entry::Vacant(place) =
                    self.tags.entry(reference.name()).or_default().entry(tag.to_owned())
            {
                place.insert(descriptor.digest);
            }
        }
    }

    /// Adds a bundle as the artifact that `bundle push` makes of it, for peers. One that has too many blobs for a
    /// manifest travels on media alone.
    pub fn add_artifact(&mut self, names: &[String], tags: &[String], contents: &Contents) {
        let roots = contents.roots.iter().map(|(version, bytes)| (Item::Root(*version), bytes));
        let agent = contents.agent.iter().map(|bytes| (Item::Agent, bytes));
        let small = roots.chain(agent).chain([(Item::Bundle, &contents.bundle)]);
        let mut layers = Vec::new();
        for (item, bytes) in small {
            if let Some(layer) = Artifact::layer(item, Digest::of(bytes), bytes.len() as u64) {
                self.write(bytes, &layer.media_type);
                layers.push(layer);
            }
        }
        for Piece { digest, size, slice } in contents.head.iter().chain(&contents.pieces) {
            layers.extend(Artifact::layer(Item::Blob(*digest), *digest, *size));
            self.know(*digest, *size, media_type::BLOB);
            if let Some(slice) = slice {
                self.slices.insert(*digest, (slice.blob, slice.offset));
            }
        }
        let manifest = Artifact::manifest(layers).encode();
        if manifest.len() as u64 > limits::OCI_DOCUMENT_BYTES {
            return;
        }
        self.write(oci::Manifest::EMPTY, oci::media_type::EMPTY);
        let digest = self.write(&manifest, oci::media_type::MANIFEST);
        for name in names {
            let known = self.tags.entry(name.clone()).or_default();
            known.extend(tags.iter().map(|tag| (tag.clone(), digest)));
        }
    }

    fn know(&mut self, digest: Digest, size: u64, media_type: &str) {
        if let hash_map::Entry::Vacant(place) = self.blobs.entry(digest) {
            place.insert((size, type_of(&mut self.types, media_type)));
        }
    }

    fn write(&mut self, bytes: &[u8], media_type: &str) -> Digest {
        let digest = Digest::of(bytes);
        self.know(digest, bytes.len() as u64, media_type);
        self.written.entry(digest).or_insert_with(|| bytes.into());
        digest
    }

    /// A blob, where it may be served.
    pub fn blob(&self, digest: &Digest) -> Option<Known<'_>> {
        let (size, number) = self.blobs.get(digest)?;
        let lies = match (self.written.get(digest), self.slices.get(digest)) {
            (Some(bytes), _) => Lies::Here(Arc::clone(bytes)),
            (None, Some((blob, offset))) => Lies::Stored { blob: *blob, offset: *offset },
            (None, None) => Lies::Stored { blob: *digest, offset: 0 },
        };
        Some(Known { size: *size, media_type: self.types.get(usize::from(*number))?, lies })
    }

    /// The digest of the manifest that is wanted. `registry` is what containerd says in `?ns=`; without it the name
    /// may begin with the registry, or be the only one of its kind.
    pub fn manifest(&self, registry: Option<&str>, name: &str, wanted: &Wanted<'_>) -> Option<Digest> {
        match wanted {
            Wanted::Digest(digest) => Some(*digest),
            Wanted::Tag(tag) => self.repository(registry, name)?.get(*tag).copied(),
        }
    }

    /// The tags of a repository, in order; none where it is not known.
    pub fn tags(&self, registry: Option<&str>, name: &str) -> Option<Vec<&str>> {
        Some(self.repository(registry, name)?.keys().map(String::as_str).collect())
    }

    fn repository(&self, registry: Option<&str>, name: &str) -> Option<&BTreeMap<String, Digest>> {
        if let Some(registry) = registry {
            return self.tags.get(&format!("{registry}/{name}"));
        }
        if let Some(tags) = self.tags.get(name) {
            return Some(tags);
        }
        let mut same =
            self.tags.iter().filter(|(whole, _)| whole.split_once('/').is_some_and(|(_, path)| path == name));
        // Two registries with one path: nobody can tell which of them is meant.
        same.next().filter(|_| same.next().is_none()).map(|(_, tags)| tags)
    }
}

fn type_of(types: &mut Vec<String>, media_type: &str) -> u16 {
    let known = types.iter().position(|it| it == media_type).unwrap_or_else(|| {
        types.push(media_type.to_owned());
        types.len() - 1
    });
    // Beyond 65,535 types, which no builder writes, the last one stands for the rest and is not found.
    u16::try_from(known).unwrap_or(u16::MAX)
}
