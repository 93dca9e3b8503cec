use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Descriptor, Error, descriptor::or_null, media_type};
use crate::{digest::Digest, limits};

/// A manifest or an index, told apart beyond doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one at a time is read and taken apart; none is kept")]
pub enum Document {
    /// One image or artifact.
    Manifest(Manifest),
    /// Several.
    Index(Index),
}

/// An image or an artifact (image-spec, "OCI Image Manifest").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, from the bottom up.
    #[serde(default, deserialize_with = "or_null")]
    pub layers: Vec<Descriptor>,
    /// What it speaks of, where it is a signature or the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Whatever else is said of it.
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Several images, one a platform, or whatever else (image-spec, "OCI Image Index").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    /// Manifests and indexes.
    #[serde(deserialize_with = "or_null")]
    pub manifests: Vec<Descriptor>,
    /// What it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Whatever else is said of it.
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Whether it is the type of a manifest, of either family.
pub(super) fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, media_type::MANIFEST | media_type::DOCKER_MANIFEST)
}

/// Whether it is the type of an index, of either family.
pub(super) fn is_index(media_type: &str) -> bool {
    matches!(media_type, media_type::INDEX | media_type::DOCKER_LIST)
}

/// The fields that tell a manifest from an index, and either from what came before them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    schema_version: Option<u32>,
    media_type: Option<String>,
    manifests: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
    config: Option<serde::de::IgnoredAny>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<serde::de::IgnoredAny>,
}

impl Document {
    /// Reads a document whose type a descriptor or a registry has told; `what` names it in errors.
    ///
    /// # Errors
    /// When it is too large, of another type than it was said to be, or has the fields of both a manifest and an index:
    /// two clients would then take it for two things (CVE-2021-41190).
    pub fn parse(what: &str, media_type: &str, bytes: &[u8]) -> Result<Self, Error> {
        let wrong = |why: &dyn ToString| Error::malformed(what, why.to_string());
        if bytes.len() as u64 > limits::OCI_DOCUMENT_BYTES {
            return Err(wrong(&"it is larger than a registry would take"));
        }
        let shape: Shape = serde_json::from_slice(bytes).map_err(|error| wrong(&error))?;
        if shape.schema_version != Some(2) || shape.fs_layers.is_some() {
            return Err(wrong(&"its schema version is not 2"));
        }
        if let Some(claimed) = &shape.media_type
            && claimed != media_type
        {
            return Err(wrong(&format_args!(
                "it is of type `{claimed:.100}` and was said to be `{media_type:.100}`"
            )));
        }
        let has = (shape.manifests.is_some(), shape.layers.is_some() || shape.config.is_some());
        if has == (true, true) {
            return Err(wrong(&"it has the fields of a manifest and those of an index"));
        }
        if is_index(media_type) {
            return Ok(Self::Index(serde_json::from_slice(bytes).map_err(|error| wrong(&error))?));
        }
        if is_manifest(media_type) {
            return Ok(Self::Manifest(serde_json::from_slice(bytes).map_err(|error| wrong(&error))?));
        }
        Err(wrong(&format_args!("`{media_type:.100}` is the type of neither a manifest nor an index")))
    }
}

impl Manifest {
    /// A manifest for an artifact: no configuration, and its content in layers (image-spec, "Guidelines for Artifact
    /// Usage").
    pub fn artifact(
        artifact_type: &str,
        layers: Vec<Descriptor>,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media_type::MANIFEST.into()),
            artifact_type: Some(artifact_type.into()),
            config: Descriptor::new(media_type::EMPTY, Digest::of(Self::EMPTY), Self::EMPTY.len() as u64),
            layers,
            subject: None,
            annotations,
        }
    }

    /// The configuration of an artifact that has none, as a blob.
    pub const EMPTY: &[u8] = b"{}";

    /// What kind of artifact it is: what it says, or the type of its configuration (image-spec: a manifest without
    /// `artifactType` has that one).
    pub fn artifact_type(&self) -> &str {
        self.artifact_type.as_deref().unwrap_or(&self.config.media_type)
    }

    /// Its bytes, which give it its digest. Only for manifests of our own making.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }
}

impl Index {
    /// An index of our own making.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media_type::INDEX.into()),
            artifact_type: None,
            manifests,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Its bytes. Only for indexes of our own making.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }
}
