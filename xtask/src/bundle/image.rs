//! Images out of OCI layouts (image-spec 1.1, "OCI Image Layout"), byte for byte.
//!
//! An index keeps its bytes and so its digest, whatever the platform filter leaves out below it: a pod that names the
//! digest finds it, and a container runtime asks only for its own platform.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use airlock::{
    bundle::{BlobRole, Descriptor},
    digest::Digest,
};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::blobs::Blobs;
use crate::disk;

/// A manifest or an index; registries take 4 MiB.
const MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

const MANIFESTS: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

/// An image that was taken.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    /// Its manifest or index.
    pub(super) content: Descriptor,
    /// All digests by which a pod may name it: its own, and those of its platforms.
    pub(super) answers: Vec<Digest>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Described>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Clone, Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

#[derive(Deserialize)]
struct Manifest {
    config: Described,
    #[serde(default)]
    layers: Vec<Described>,
}

/// Takes one image of a layout, with the platforms that `arch` names; empty: all of them.
///
/// # Errors
/// When it is not there, ambiguous, incomplete, altered, or of none of the platforms.
pub(super) fn take(layout: &Path, select: Option<&str>, arch: &[String], blobs: &mut Blobs) -> Result<Taken> {
    let what = || format!("failed to take an image of {}", layout.display());
    let marker = disk::read(&layout.join("oci-layout"), 64 * 1024);
    marker
        .context("it is no OCI layout: a directory with `oci-layout`, `index.json` and `blobs`")
        .with_context(what)?;
    let index = disk::read(&layout.join("index.json"), MANIFEST_BYTES).with_context(what)?;
    let index: Index =
        serde_json::from_slice(&index).context("its index.json is damaged").with_context(what)?;
    let chosen = choose(&index.manifests, select).with_context(what)?;
    let mut answers = Vec::new();
    let content = walk(layout, chosen, arch, 0, &mut answers, blobs).with_context(what)?;
    Ok(Taken { content, answers })
}

const REF_NAME: &str = "org.opencontainers.image.ref.name";

fn choose<'a>(all: &'a [Described], select: Option<&str>) -> Result<&'a Described> {
    let name =
        |it: &Described| it.annotations.get(REF_NAME).cloned().unwrap_or_else(|| it.digest.to_string());
    let names = || all.iter().map(name).collect::<Vec<_>>().join(", ");
    match (select, all) {
        (None, [one]) => Ok(one),
        (None, []) => bail!("it holds no image"),
        (None, _) => bail!("it holds several images; `select` one of: {}", names()),
        (Some(select), _) => {
            let matching: Vec<&Described> =
                all.iter().filter(|it| name(it) == select || it.digest.to_string() == select).collect();
            match matching.as_slice() {
                [one] => Ok(one),
                [] => bail!("it holds no image `{select}`; it holds: {}", names()),
                _ => bail!("it holds several images `{select}`; select one by its digest"),
            }
        }
    }
}

fn walk(
    layout: &Path,
    described: &Described,
    arch: &[String],
    depth: usize,
    answers: &mut Vec<Digest>,
    blobs: &mut Blobs,
) -> Result<Descriptor> {
    ensure!(depth < 4, "its indexes nest too deeply");
    let path = path(layout, &described.digest);
    let bytes = disk::read(&path, MANIFEST_BYTES)?;
    ensure!(
        bytes.len() as u64 == described.size && Digest::of(&bytes) == described.digest,
        "{} is not the blob that it is named after",
        path.display()
    );
    answers.push(described.digest);
    if INDEXES.contains(&described.media_type.as_str()) {
        let index: Index = serde_json::from_slice(&bytes)
            .with_context(|| format!("index {} is damaged", described.digest))?;
        let wanted: Vec<&Described> = index.manifests.iter().filter(|it| is_wanted(it, arch)).collect();
        ensure!(!wanted.is_empty(), "it has no image for {}", platforms(arch));
        // Every architecture that the bundle promises must be there.
        for one in arch {
            let has = |it: &&&Described| it.platform.as_ref().is_some_and(|it| it.architecture == *one);
            ensure!(wanted.iter().any(|it| has(&it)), "it has no image for linux/{one}");
        }
        for inner in wanted {
            walk(layout, inner, arch, depth + 1, answers, blobs)?;
        }
    } else if MANIFESTS.contains(&described.media_type.as_str()) {
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .with_context(|| format!("manifest {} is damaged", described.digest))?;
        let config = check_config(layout, &manifest.config, arch, depth == 0)?;
        blobs.put(config, manifest.config.size, &manifest.config.media_type, BlobRole::Image);
        for layer in &manifest.layers {
            take_layer(layout, layer, blobs)?;
        }
    } else {
        bail!("`{}` is neither an image nor an index", described.media_type);
    }
    Ok(blobs.put(bytes, described.size, &described.media_type, BlobRole::Image))
}

fn is_wanted(described: &Described, arch: &[String]) -> bool {
    match &described.platform {
        // Attestations have the platform unknown/unknown, and nobody on a node asks for them.
        Some(platform) if platform.os == "unknown" => false,
        Some(platform) => {
            platform.os == "linux" && (arch.is_empty() || arch.contains(&platform.architecture))
        }
        None => true,
    }
}

fn platforms(arch: &[String]) -> String {
    match arch {
        [] => "linux".to_owned(),
        arch => arch.iter().map(|it| format!("linux/{it}")).collect::<Vec<_>>().join(" or "),
    }
}

/// Reads a configuration; of an image without an index it is the only one to say the platform.
fn check_config(layout: &Path, described: &Described, arch: &[String], alone: bool) -> Result<Vec<u8>> {
    let path = path(layout, &described.digest);
    let bytes = disk::read(&path, MANIFEST_BYTES)?;
    ensure!(
        bytes.len() as u64 == described.size && Digest::of(&bytes) == described.digest,
        "{} is not the blob that it is named after",
        path.display()
    );
    let platform: Option<Platform> = serde_json::from_slice(&bytes).ok();
    if let (true, false, Some(platform)) = (alone, arch.is_empty(), platform) {
        ensure!(
            platform.os == "linux" && arch.contains(&platform.architecture),
            "it is for {}/{}, and the bundle for {}",
            platform.os,
            platform.architecture,
            platforms(arch)
        );
    }
    Ok(bytes)
}

fn take_layer(layout: &Path, layer: &Described, blobs: &mut Blobs) -> Result<()> {
    if blobs.contains(&layer.digest) {
        return Ok(());
    }
    let path = path(layout, &layer.digest);
    let media = layer.media_type.as_str();
    let taken = blobs.put_file(&path, media, BlobRole::Image, |reader| {
        Ok(if media.ends_with("gzip") {
            // Layers may be several members, one after another (RFC 1952, 2.2).
            Some(io::copy(&mut flate2::read::MultiGzDecoder::new(reader), &mut io::sink())?)
        } else if media.ends_with("zstd") {
            Some(measure_zstd(reader)?)
        } else {
            None
        })
    })?;
    ensure!(
        (taken.digest, taken.size) == (layer.digest, layer.size),
        "{} is not the blob that it is named after",
        path.display()
    );
    Ok(())
}

fn measure_zstd(reader: &mut dyn Read) -> Result<u64> {
    Ok(io::copy(&mut zstd::Decoder::new(reader)?, &mut io::sink())?)
}

fn path(layout: &Path, digest: &Digest) -> PathBuf {
    layout.join("blobs/sha256").join(digest.hex())
}
