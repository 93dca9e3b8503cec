use std::io::{self, Read};

use serde::Deserialize;

use super::{
    Descriptor, Document, Error, Image, Index, PlatformFilter, Reference, annotation, media_type, walk,
};
use crate::{digest, limits};

/// The files of an image layout, wherever they lie.
pub trait Files {
    /// Opens a file by its path in the layout; none where there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read + Send>>>;
}

/// The content of `oci-layout`.
pub const LAYOUT_FILE: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";

/// An image layout of somebody else's (image-spec, "OCI Image Layout Specification").
pub struct Layout<'a> {
    files: &'a dyn Files,
    index: Index,
}

impl std::fmt::Debug for Layout<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layout").field("index", &self.index).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayoutFile {
    image_layout_version: String,
}

impl<'a> Layout<'a> {
    /// Opens a layout.
    ///
    /// # Errors
    /// When it is not one of version 1, or its index is malformed.
    pub fn open(files: &'a dyn Files) -> Result<Self, Error> {
        let read = |path: &str| {
            let opened = files.open(path).map_err(Error::io(path))?;
            let reader = opened.ok_or_else(|| Error::Missing(format!("`{path}`")))?;
            let mut bytes = Vec::new();
            let limited = &mut reader.take(limits::OCI_DOCUMENT_BYTES + 1);
            limited.read_to_end(&mut bytes).map_err(Error::io(path))?;
            Ok(bytes)
        };
        let layout: LayoutFile = serde_json::from_slice(&read("oci-layout")?)
            .map_err(|error| Error::malformed("`oci-layout`", error))?;
        if !layout.image_layout_version.starts_with("1.") {
            return Err(Error::malformed("`oci-layout`", "its version is not 1"));
        }
        match Document::parse("`index.json`", media_type::INDEX, &read("index.json")?)? {
            Document::Index(index) => Ok(Self { files, index }),
            Document::Manifest(_) => Err(Error::malformed("`index.json`", "it is no index")),
        }
    }

    /// What the layout holds, with the name that each has, if any.
    pub fn images(&self) -> impl Iterator<Item = (Option<&str>, &Descriptor)> {
        self.index.manifests.iter().map(|it| (name(it), it))
    }

    /// The image of that name: as its annotation has it, or as the reference that both are. Without a name, the only one.
    ///
    /// # Errors
    /// When there is none, or more than one that differ.
    pub fn image(&self, wanted: Option<&str>) -> Result<&Descriptor, Error> {
        let whole = |text: &str| text.parse().ok().map(Reference::or_latest);
        let is = |it: &&Descriptor| match wanted {
            None => true,
            Some(wanted) => {
                names(it).any(|has| has == wanted || whole(has).is_some_and(|it| whole(wanted) == Some(it)))
            }
        };
        let mut found: Vec<&Descriptor> = self.index.manifests.iter().filter(is).collect();
        found.dedup_by_key(|it| it.digest);
        match found.as_slice() {
            [one] => Ok(one),
            several => Err(Error::Name { name: wanted.unwrap_or("").to_owned(), found: several.len() }),
        }
    }

    /// Reads a blob into memory: for documents and configurations, not for layers.
    ///
    /// # Errors
    /// When it is missing, larger than a document may be, or another one than its digest says.
    pub fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        let what = format!("blob {}", descriptor.digest);
        if descriptor.size > limits::OCI_DOCUMENT_BYTES {
            return Err(Error::malformed(what, "it is larger than a registry would take"));
        }
        let reader = self.blob(descriptor)?;
        digest::read_exact(reader, descriptor.digest, descriptor.size).map_err(Error::io(what))
    }

    /// Opens a blob, unchecked: whoever copies it hashes it on the way.
    ///
    /// # Errors
    /// When it is missing.
    pub fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>, Error> {
        let what = || format!("blob {}", descriptor.digest);
        let path = format!("blobs/sha256/{}", descriptor.digest.hex());
        self.files.open(&path).map_err(Error::io(what()))?.ok_or_else(|| Error::Missing(what()))
    }

    /// Lists an image from its root down.
    ///
    /// # Errors
    /// As [`walk()`].
    pub fn walk(&self, root: &Descriptor, filter: &PlatformFilter) -> Result<Image, Error> {
        walk(root, filter, &mut |descriptor| self.document(descriptor))
    }
}

fn names(descriptor: &Descriptor) -> impl Iterator<Item = &str> {
    let keys = [annotation::CONTAINERD_NAME, annotation::REF_NAME];
    keys.into_iter().filter_map(|key| descriptor.annotations.get(key)).map(String::as_str)
}

fn name(descriptor: &Descriptor) -> Option<&str> {
    names(descriptor).next()
}

/// `index.json` for images under their whole names: `skopeo`, `ctr` and their kind find them there.
pub fn index_json<'a>(images: impl IntoIterator<Item = (&'a Reference, &'a Descriptor)>) -> Vec<u8> {
    let manifests = images.into_iter().map(|(reference, descriptor)| {
        let mut descriptor = descriptor.clone();
        for key in [annotation::REF_NAME, annotation::CONTAINERD_NAME] {
            descriptor.annotations.insert(key.into(), reference.to_string());
        }
        descriptor
    });
    Index::new(manifests.collect()).encode()
}
