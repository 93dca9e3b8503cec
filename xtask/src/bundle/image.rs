//! Images out of OCI layouts, byte for byte.
//!
//! An index keeps its bytes and so its digest, whatever the platform filter leaves out below it: a pod that names the
//! digest finds it, and a container runtime asks only for its own platform.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use airlock::{
    bundle::{BlobRole, Descriptor},
    digest::Digest,
    oci::{self, Files, Layout, Platform, PlatformFilter},
};
use anyhow::{Context, Result, bail, ensure};

use super::blobs::Blobs;

/// An image that was taken.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    /// Its manifest or index.
    pub(super) content: Descriptor,
    /// All digests by which a pod may name it: its own, and those of its platforms.
    pub(super) answers: Vec<Digest>,
}

/// A layout in a directory.
struct Directory<'a>(&'a Path);

impl Files for Directory<'_> {
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read + Send>>> {
        match File::open(self.0.join(path)) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Takes one image of a layout, with the architectures of Linux that are listed; without a list, all of it.
///
/// # Errors
/// When it is not there, ambiguous, incomplete, altered, or not for every architecture.
pub(super) fn take(layout: &Path, select: Option<&str>, arch: &[String], blobs: &mut Blobs) -> Result<Taken> {
    let what = || format!("failed to take an image of {}", layout.display());
    take_from(layout, select, arch, blobs).with_context(what)
}

fn take_from(path: &Path, select: Option<&str>, arch: &[String], blobs: &mut Blobs) -> Result<Taken> {
    let files = Directory(path);
    let layout = Layout::open(&files)?;
    let root = choose(&layout, select)?.clone();
    let platforms: Vec<String> = arch.iter().map(|it| format!("linux/{it}")).collect();
    let filter = |names: &[String]| -> Result<PlatformFilter> {
        if names.is_empty() {
            return Ok(PlatformFilter::all());
        }
        names.join(",").parse().map_err(|why: String| anyhow::anyhow!(why))
    };
    // What the bundle promises for each architecture must be there for each.
    for one in &platforms {
        layout.walk(&root, &filter(std::slice::from_ref(one))?)?;
    }
    let image = layout.walk(&root, &filter(&platforms)?)?;
    if let Some(foreign) = image.foreign.first() {
        bail!("layer {} is one that no registry keeps, so it cannot be carried", foreign.digest);
    }
    check_alone(&layout, &root, &filter(&platforms)?)?;
    let mut answers = Vec::new();
    for blob in &image.blobs {
        if blob.is_document() {
            answers.push(blob.digest);
        }
        take_blob(path, blob, blobs)?;
    }
    Ok(Taken { content: Descriptor { digest: root.digest, size: root.size, unpacked: root.size }, answers })
}

fn choose<'a>(layout: &'a Layout<'_>, select: Option<&str>) -> Result<&'a oci::Descriptor> {
    if let Some(digest) = select.and_then(|it| it.parse::<Digest>().ok()) {
        let found = layout.images().find(|(_, it)| it.digest == digest);
        return found.map(|(_, it)| it).with_context(|| format!("it holds no image {digest}"));
    }
    layout.image(select).map_err(|error| {
        let names: Vec<String> = layout
            .images()
            .map(|(name, it)| name.map_or_else(|| it.digest.to_string(), str::to_owned))
            .collect();
        anyhow::Error::new(error).context(format!("`select` one of: {}", names.join(", ")))
    })
}

/// An image without an index says only in its configuration what it is for.
fn check_alone(layout: &Layout<'_>, root: &oci::Descriptor, filter: &PlatformFilter) -> Result<()> {
    let what = format!("manifest {}", root.digest);
    let document = oci::Document::parse(&what, &root.media_type, &layout.document(root)?)?;
    let oci::Document::Manifest(manifest) = document else { return Ok(()) };
    let config = layout.document(&manifest.config)?;
    // An artifact has a configuration of its own kind, or none.
    let Ok(platform) = serde_json::from_slice::<Platform>(&config) else { return Ok(()) };
    ensure!(
        platform.os.is_empty() || filter.matches(&platform),
        "it is for {platform}, and the bundle for {filter}"
    );
    Ok(())
}

fn take_blob(layout: &Path, described: &oci::Descriptor, blobs: &mut Blobs) -> Result<()> {
    if blobs.contains(&described.digest) {
        return Ok(());
    }
    let path: PathBuf = layout.join("blobs/sha256").join(described.digest.hex());
    let media = described.media_type.as_str();
    let taken = blobs.put_file(&path, media, BlobRole::Image, |reader| {
        Ok(if media.ends_with("gzip") {
            // Layers may be several members, one after another (RFC 1952, 2.2).
            Some(io::copy(&mut flate2::read::MultiGzDecoder::new(reader), &mut io::sink())?)
        } else if media.ends_with("zstd") {
            Some(io::copy(&mut zstd::Decoder::new(reader)?, &mut io::sink())?)
        } else {
            None
        })
    })?;
    ensure!(
        (taken.digest, taken.size) == (described.digest, described.size),
        "{} is not the blob that it is named after",
        path.display()
    );
    Ok(())
}
