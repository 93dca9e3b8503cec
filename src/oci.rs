//! Images and artifacts as the OCI specifications describe them: references, manifests, indexes, layouts.
//!
//! These are foreign formats, so fields that are not known are skipped. What is known is read strictly: digests in
//! their one spelling, sizes that are none are refused, and a document that one client would take for a manifest and
//! another for an index is neither. Bytes are never written anew from what was read: a digest names the bytes.

mod descriptor;
mod document;
mod layout;
mod platform;
mod reference;
mod walk;

use std::io;

pub use descriptor::{Descriptor, Platform};
pub use document::{Document, Index, Manifest};
pub use layout::{Files, LAYOUT_FILE, Layout, index_json};
pub use platform::PlatformFilter;
pub use reference::{NotAReference, Reference};
pub use walk::{Image, walk};

use crate::{
    digest::{Digest, Mismatch},
    fault::{Class, Fault},
};

/// Media types (OCI image-spec 1.1, "Media Types"; docker's "Image Manifest V 2, Schema 2").
pub mod media_type {
    /// An image or an artifact.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// Several of them.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// The configuration of an image.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// The configuration of an artifact that has none: two bytes, `{}`.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// An image, as docker writes it.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Several of them, as docker writes it.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
}

/// Annotations that tools agree on.
pub mod annotation {
    /// The name of an image in a layout (image-spec, "Pre-Defined Annotation Keys").
    pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
    /// Its whole name, as containerd writes and imports it.
    pub const CONTAINERD_NAME: &str = "io.containerd.image.name";
    /// What BuildKit says of an entry that is no image: `attestation-manifest`.
    pub const DOCKER_REFERENCE_TYPE: &str = "vnd.docker.reference.type";
    /// The image that it speaks of.
    pub const DOCKER_REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";
}

/// Why an image is not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A document that is not of its form.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// `index.json`, `manifest sha256:…`.
        what: String,
        /// What is wrong with it, in words.
        why: String,
    },
    /// A document that an image needs and the layout does not have.
    #[error("{0} is not there")]
    Missing(String),
    /// No image, or more than one, answers to a name.
    #[error("{found} images of the layout are called `{name}`")]
    Name {
        /// The name.
        name: String,
        /// How many there are.
        found: usize,
    },
    /// An index that has nothing for the platforms that were asked for.
    #[error("image {image} has nothing for {wanted}; it has {has}")]
    Platform {
        /// The index.
        image: Digest,
        /// What was asked for.
        wanted: String,
        /// What there is.
        has: String,
    },
    /// A document that cannot be read. A [`Mismatch`] is inside when it is not the one that its digest names.
    #[error("failed to read {what}")]
    Io {
        /// The document.
        what: String,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn malformed(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Malformed { what: what.into(), why: why.to_string() }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "oci_format",
            Self::Missing(_) => "oci_missing",
            Self::Name { .. } => "oci_name",
            Self::Platform { .. } => "oci_platform",
            Self::Io { source, .. } if Mismatch::within(source).is_some() => "tampered",
            Self::Io { .. } => "io",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Malformed { .. } | Self::Name { .. } | Self::Platform { .. } => Class::Invalid,
            Self::Missing(_) => Class::Unavailable,
            Self::Io { source, .. } if Mismatch::within(source).is_some() => Class::Invalid,
            Self::Io { .. } => Class::System,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing(_) => Some(
                "copy the image with all of its platforms: `skopeo copy --all`, `crane pull --format oci`"
                    .into(),
            ),
            Self::Name { found: 0, .. } => {
                Some(format!("the name stands in the annotation `{}` of index.json", annotation::REF_NAME))
            }
            _ => None,
        }
    }
}
