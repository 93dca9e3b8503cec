use std::collections::{BTreeMap, BTreeSet};

use super::{Descriptor, Document, Error, Index, Platform, PlatformFilter, annotation};
use crate::{digest::Digest, limits};

/// An image and everything below it that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its manifest or index.
    pub root: Descriptor,
    /// All of its blobs, each once, in the order of their meeting: index, manifest, configuration, layers. Layers that must
    /// be fetched elsewhere are not among them.
    pub blobs: Vec<Descriptor>,
    /// Manifests of the index for platforms that are not wanted.
    pub left_out: Vec<Descriptor>,
    /// Layers that no registry keeps, and that therefore cannot be carried.
    pub foreign: Vec<Descriptor>,
}

impl Image {
    /// How many bytes its blobs have.
    pub fn size(&self) -> u64 {
        self.blobs.iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.size))
    }
}

/// Lists an image from its root down. `read` yields the bytes of a manifest or an index, checked against its
/// descriptor.
///
/// # Errors
/// When a document is malformed, missing or has another size somewhere else; when nothing is for a wanted platform; or
/// when there is no end of it.
pub fn walk(
    root: &Descriptor,
    filter: &PlatformFilter,
    read: &mut dyn FnMut(&Descriptor) -> Result<Vec<u8>, Error>,
) -> Result<Image, Error> {
    let image = Image { root: root.clone(), blobs: Vec::new(), left_out: Vec::new(), foreign: Vec::new() };
    let mut walk = Walk { filter, read, image, seen: BTreeMap::new() };
    walk.document(root, 0)?;
    Ok(walk.image)
}

struct Walk<'a> {
    filter: &'a PlatformFilter,
    read: &'a mut dyn FnMut(&Descriptor) -> Result<Vec<u8>, Error>,
    image: Image,
    /// The sizes of what was met. One digest is one blob, so it has one size.
    seen: BTreeMap<Digest, u64>,
}

impl Walk<'_> {
    fn document(&mut self, descriptor: &Descriptor, depth: usize) -> Result<(), Error> {
        let what = format!("manifest {}", descriptor.digest);
        if depth > limits::OCI_INDEX_DEPTH {
            return Err(Error::malformed(what, "it lies in too many indexes"));
        }
        if !self.blob(descriptor)? {
            return Ok(());
        }
        let bytes = (self.read)(descriptor)?;
        match Document::parse(&what, &descriptor.media_type, &bytes)? {
            Document::Index(index) => self.index(descriptor, &index, depth),
            Document::Manifest(manifest) => {
                self.blob(&manifest.config)?;
                for layer in &manifest.layers {
                    match layer.is_foreign() {
                        true => self.image.foreign.push(layer.clone()),
                        false => self.blob(layer).map(drop)?,
                    }
                }
                Ok(())
            }
        }
    }

    fn index(&mut self, descriptor: &Descriptor, index: &Index, depth: usize) -> Result<(), Error> {
        let wanted: BTreeSet<Digest> =
            index.manifests.iter().filter(|it| self.wants(it)).map(|it| it.digest).collect();
        if wanted.is_empty() && !index.manifests.is_empty() {
            let names = |it: &Descriptor| it.platform.as_ref().map(Platform::to_string);
            let has: BTreeSet<String> = index.manifests.iter().filter_map(names).collect();
            return Err(Error::Platform {
                image: descriptor.digest,
                wanted: self.filter.to_string(),
                has: has.into_iter().take(20).collect::<Vec<_>>().join(", "),
            });
        }
        for manifest in &index.manifests {
            // A statement about an image goes where the image goes.
            let speaks_of = manifest.annotations.get(annotation::DOCKER_REFERENCE_DIGEST);
            let about = speaks_of.and_then(|it| it.parse().ok()).is_some_and(|it| wanted.contains(&it));
            if !wanted.contains(&manifest.digest) && !about {
                self.image.left_out.push(manifest.clone());
            } else if manifest.is_document() {
                self.document(manifest, depth + 1)?;
            } else {
                // An index may name anything; what is no document has nothing below it.
                self.blob(manifest)?;
            }
        }
        Ok(())
    }

    /// What says no platform is wanted on every one: a chart, a nested index.
    fn wants(&self, descriptor: &Descriptor) -> bool {
        let statement = descriptor.annotations.contains_key(annotation::DOCKER_REFERENCE_TYPE);
        match &descriptor.platform {
            _ if self.filter.is_all() => true,
            Some(platform) => self.filter.matches(platform),
            None => !statement,
        }
    }

    /// Takes note of a blob. False where it was met before.
    fn blob(&mut self, descriptor: &Descriptor) -> Result<bool, Error> {
        match self.seen.insert(descriptor.digest, descriptor.size) {
            None if self.image.blobs.len() >= limits::OCI_IMAGE_BLOBS => {
                Err(Error::malformed(format!("image {}", self.image.root.digest), "it has too many blobs"))
            }
            None => {
                self.image.blobs.push(descriptor.clone());
                Ok(true)
            }
            Some(size) if size == descriptor.size => Ok(false),
            Some(size) => Err(Error::malformed(
                format!("blob {}", descriptor.digest),
                format_args!("it is said to have {size} bytes and {}", descriptor.size),
            )),
        }
    }
}
