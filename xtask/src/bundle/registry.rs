//! Images and charts out of registries, kept beside what is built: whoever builds again finds them there.
//!
//! ```text
//! <out>/.registry/blobs/sha256/<hex>            what was fetched, each held against its digest; `.part` where it broke off
//! <out>/.registry/<hex of a manifest>/          an image as a layout, over the same blobs
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use airlock::{
    digest::{Digest, Hasher},
    limits, oci,
    source::{
        GiveWay, Hosts, Spec, Url,
        registry::{Client, Fetched, Place},
    },
};
use anyhow::{Context, Result, bail, ensure};

use super::{Reach, collect};
use crate::disk;

/// The type of a chart's configuration, by which an artifact is one.
const CHART_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";

/// Where registries are asked from, and what they gave is kept.
#[derive(Clone, Debug)]
pub(super) struct Registries {
    cache: PathBuf,
    reach: Reach,
}

impl Registries {
    pub(super) fn new(out: &Path, reach: &Reach) -> Self {
        Self { cache: out.join(".registry"), reach: reach.clone() }
    }

    /// Fetches an image, with the architectures of Linux that are listed; without a list, all of it. Gives its layout and
    /// its digest.
    ///
    /// # Errors
    /// When the registry does not have it, or not as its digests say.
    pub(super) fn image(&self, place: &Place, arch: &[String]) -> Result<(PathBuf, Digest)> {
        let asking = Asking::open(self, place)?;
        let root = asking.manifest(&place.reference(), place.digest())?;
        let filter = match arch {
            [] => oci::PlatformFilter::all(),
            arch => {
                let names: Vec<String> = arch.iter().map(|it| format!("linux/{it}")).collect();
                names.join(",").parse().map_err(|why: String| anyhow::anyhow!(why))?
            }
        };
        let described = oci::Descriptor::new(&root.media_type, root.digest, root.bytes.len() as u64);
        let image = oci::walk(&described, &filter, &mut |it| {
            let wrong = |error: anyhow::Error| oci::Error::Io {
                what: format!("manifest {}", it.digest),
                source: io::Error::other(format!("{error:#}")),
            };
            let bytes = match it.digest == root.digest {
                true => root.bytes.clone(),
                false => asking.manifest(&it.digest.to_string(), Some(it.digest)).map_err(wrong)?.bytes,
            };
            asking.keep(it.digest, &bytes).map_err(wrong)?;
            Ok(bytes)
        })?;
        for blob in image.blobs.iter().filter(|it| !it.is_document()) {
            asking.fetch(blob.digest, blob.size)?;
        }
        Ok((self.layout(&described)?, root.digest))
    }

    /// Fetches a chart. Gives its `.tgz` and the digest of its manifest.
    ///
    /// # Errors
    /// When the registry does not have it, or something else lies there.
    pub(super) fn chart(&self, place: &Place) -> Result<(PathBuf, Digest)> {
        let asking = Asking::open(self, place)?;
        let fetched = asking.manifest(&place.reference(), place.digest())?;
        let what = place.to_string();
        let document = oci::Document::parse(&what, &fetched.media_type, &fetched.bytes)?;
        let oci::Document::Manifest(manifest) = document else {
            bail!("{what} is an index, and a chart is none")
        };
        ensure!(
            manifest.config.media_type == CHART_CONFIG,
            "{what} is no chart: its configuration is of type `{}`",
            manifest.config.media_type
        );
        // Its provenance, where it has one, is another layer.
        let layer = manifest.layers.iter().find(|it| it.media_type == collect::CHART);
        let layer = layer.with_context(|| format!("{what} has no layer with a chart"))?;
        Ok((asking.fetch(layer.digest, layer.size)?, fetched.digest))
    }

    /// A layout of one image over the blobs that are kept.
    fn layout(&self, image: &oci::Descriptor) -> Result<PathBuf> {
        let layout = self.cache.join(image.digest.hex());
        fs::create_dir_all(&layout).with_context(|| format!("failed to make {}", layout.display()))?;
        let blobs = layout.join("blobs");
        if fs::symlink_metadata(&blobs).is_err() {
            std::os::unix::fs::symlink("../blobs", &blobs)
                .with_context(|| format!("failed to make {}", blobs.display()))?;
        }
        disk::replace(&layout.join("oci-layout"), oci::LAYOUT_FILE)?;
        disk::replace(&layout.join("index.json"), &oci::Index::new(vec![image.clone()]).encode())?;
        Ok(layout)
    }
}

/// One repository that is being asked.
struct Asking<'a> {
    registries: &'a Registries,
    client: Arc<Client>,
    /// The client's work is done here.
    _runtime: tokio::runtime::Runtime,
}

impl<'a> Asking<'a> {
    fn open(registries: &'a Registries, place: &Place) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let Reach { credentials, ca, plain_http } = registries.reach.clone();
        let url = Url::Registry(place.clone());
        // On this side registries send on to stores that nobody can list, as every tool lets them.
        let spec = Spec { credentials, ca, plain_http, hosts: Hosts::AnyByTls, ..Spec::new(url) };
        let client = {
            let _within = runtime.enter();
            Client::open(place, &spec, &GiveWay::default())?
        };
        Ok(Self { registries, client: Arc::new(client), _runtime: runtime })
    }

    fn manifest(&self, reference: &str, expected: Option<Digest>) -> Result<Fetched> {
        if let Some(digest) = expected
            && let Ok(bytes) = disk::read(&self.path(digest), limits::OCI_DOCUMENT_BYTES)
            && Digest::of(&bytes) == digest
            && let Some(media_type) = media_type(&bytes)
        {
            return Ok(Fetched { digest, media_type, bytes });
        }
        let fetched = self.client.manifest(reference, expected, None)?;
        let fetched = fetched.with_context(|| format!("{} gives no manifest", self.client.url()))?;
        self.keep(fetched.digest, &fetched.bytes)?;
        Ok(fetched)
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.registries.cache.join("blobs/sha256").join(digest.hex())
    }

    fn keep(&self, digest: Digest, bytes: &[u8]) -> Result<()> {
        let path = self.path(digest);
        let folder = self.registries.cache.join("blobs/sha256");
        fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
        if path.exists() {
            return Ok(());
        }
        disk::replace(&path, bytes)
    }

    /// Fetches a blob that is not there, from where an earlier build broke off.
    fn fetch(&self, digest: Digest, size: u64) -> Result<PathBuf> {
        let path = self.path(digest);
        if fs::metadata(&path).is_ok_and(|it| it.len() == size) && is_whole(&path, digest, size) {
            return Ok(path);
        }
        let part = path.with_extension("part");
        let write = || format!("failed to write {}", part.display());
        if let Some(folder) = part.parent() {
            fs::create_dir_all(folder).with_context(write)?;
        }
        let mut file =
            OpenOptions::new().create(true).append(true).read(true).open(&part).with_context(write)?;
        let mut hasher = Hasher::default();
        let mut at = copy(&mut File::open(&part).with_context(write)?, &mut io::sink(), &mut hasher)
            .with_context(write)?;
        if at > size {
            file.set_len(0).with_context(write)?;
            (hasher, at) = (Hasher::default(), 0);
        }
        let mut reader = Client::reader(&self.client, digest, size, at).take(size.saturating_sub(at));
        copy(&mut reader, &mut file, &mut hasher)
            .with_context(|| format!("failed to fetch blob {digest}"))?;
        if hasher.finish() != (digest, size) {
            fs::remove_file(&part).with_context(write)?;
            bail!("{} gives something else than blob {digest}; build again", self.client.url());
        }
        fs::rename(&part, &path).with_context(write)?;
        Ok(path)
    }
}

fn is_whole(path: &Path, digest: Digest, size: u64) -> bool {
    let mut hasher = Hasher::default();
    let read = File::open(path).and_then(|mut file| copy(&mut file, &mut io::sink(), &mut hasher));
    read.is_ok() && hasher.finish() == (digest, size)
}

fn copy(from: &mut dyn Read, to: &mut dyn Write, hasher: &mut Hasher) -> io::Result<u64> {
    let (mut buffer, mut total) = (vec![0; limits::CHUNK_BYTES], 0);
    loop {
        let count = from.read(&mut buffer)?;
        let Some(fresh) = buffer.get(..count).filter(|it| !it.is_empty()) else { return Ok(total) };
        hasher.update(fresh);
        to.write_all(fresh)?;
        total += count as u64;
    }
}

/// What a manifest that is kept says that it is.
fn media_type(bytes: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: Option<String>,
    }
    serde_json::from_slice::<Typed>(bytes).ok()?.media_type
}
