use std::collections::{BTreeMap, HashMap, btree_map, hash_map};

use super::Wanted;
use crate::{
    bundle::{Inventory, Release},
    digest::Digest,
    oci::Reference,
};

/// Which digests are served, and what a tag stands for.
#[derive(Debug, Default)]
pub struct Catalogue {
    blobs: HashMap<Digest, (u64, u16)>,
    /// Few bundles have more than a dozen media types, and a million blobs.
    types: Vec<String>,
    /// Registry and repository to tags.
    tags: BTreeMap<String, BTreeMap<String, Digest>>,
}

/// A blob that may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<'a> {
    /// Its exact size in bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: &'a str,
}

impl Catalogue {
    /// Adds a bundle. A tag that is known keeps what it stands for, so the bundle that counts most comes first.
    pub fn add(&mut self, release: &Release, inventory: &Inventory) {
        for blob in inventory.iter() {
            if let hash_map::Entry::Vacant(place) = self.blobs.entry(blob.digest) {
                place.insert((blob.size, type_of(&mut self.types, &blob.media_type)));
            }
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

    /// A blob, where it may be served.
    pub fn blob(&self, digest: &Digest) -> Option<Known<'_>> {
        let (size, number) = self.blobs.get(digest)?;
        Some(Known { size: *size, media_type: self.types.get(usize::from(*number))? })
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
