use airlock::{
    bundle::{Blob, Item},
    digest::{Checked, Digest},
    oci::{self, Descriptor, PlatformFilter, Reference as Name},
    source::registry::Place,
};
use anyhow::{Context, Result};
use oci_client::Reference;

use super::{Pushed, Reach, Target};
use crate::bundle::opened::Opened;

/// Puts the images of a bundle that is there beside it, each under its own path and tag: to everybody else in reach of the
/// registry they are images like any other. What the bundle's repository holds is mounted and not sent again.
pub(super) fn push(
    runtime: &tokio::runtime::Runtime,
    opened: &Opened,
    to: &Place,
    reach: &Reach,
    chunked: bool,
    pushed: &mut Pushed,
) -> Result<()> {
    let names: Vec<String> = opened.statement.target.arch.iter().map(|it| format!("linux/{it}")).collect();
    let filter = match names.is_empty() {
        true => PlatformFilter::all(),
        false => names.join(",").parse().map_err(|why: String| anyhow::anyhow!(why))?,
    };
    let bundle = Reference::with_tag(to.host().into(), to.path().into(), to.reference());
    for (name, content) in &opened.release.images {
        let whole = || format!("failed to push image {name}");
        let name: Name = name.parse()?;
        let tag = name.tag().map_or_else(|| content.digest.hex(), str::to_owned);
        let place: Place = format!("oci://{}/{}:{tag}", to.host(), name.path())
            .parse()
            .map_err(|why: String| anyhow::anyhow!(why))?;
        let target = Target::open(runtime, &place, reach, chunked)?;
        let image = Image { opened, filter: &filter, target: &target, bundle: &bundle };
        image.push(content.digest, &tag, pushed).with_context(whole)?;
        pushed.images += 1;
    }
    Ok(())
}

struct Image<'a> {
    opened: &'a Opened,
    filter: &'a PlatformFilter,
    target: &'a Target<'a>,
    bundle: &'a Reference,
}

impl Image<'_> {
    fn push(&self, digest: Digest, tag: &str, pushed: &mut Pushed) -> Result<()> {
        let root = self.blob(digest)?;
        let root = Descriptor::new(&root.media_type, digest, root.size);
        let image = oci::walk(&root, self.filter, &mut |it| self.document(it.digest))?;
        for blob in image.blobs.iter().filter(|it| !it.is_document()) {
            self.layer(blob.digest, pushed)?;
        }
        let mut documents: Vec<&Descriptor> = image.blobs.iter().filter(|it| it.is_document()).collect();
        // A registry takes no index whose images are not all there. Of one platform, the image itself takes the name.
        if !image.left_out.is_empty() {
            documents.retain(|it| it.digest != digest);
        }
        let alone = documents.len() == 1;
        // What names others comes after them.
        for document in documents.into_iter().rev() {
            let named = alone || document.digest == digest;
            let reference = if named { tag.to_owned() } else { document.digest.to_string() };
            self.target.document(&reference, &document.media_type, self.document(document.digest)?)?;
        }
        Ok(())
    }

    fn blob(&self, digest: Digest) -> Result<&Blob> {
        self.opened.inventory.get(&digest).with_context(|| format!("the bundle does not carry blob {digest}"))
    }

    fn document(&self, digest: Digest) -> Result<Vec<u8>, oci::Error> {
        let read =
            || self.opened.blob(self.blob(digest)?)?.with_context(|| format!("blob {digest} is not there"));
        read().map_err(|error: anyhow::Error| oci::Error::Io {
            what: format!("manifest {digest}"),
            source: std::io::Error::other(format!("{error:#}")),
        })
    }

    fn layer(&self, digest: Digest, pushed: &mut Pushed) -> Result<()> {
        let blob = self.blob(digest)?;
        if blob.parts.is_empty() && self.target.mount(self.bundle, digest, pushed)? {
            return Ok(());
        }
        self.target.put(digest, blob.size, pushed, || {
            let mut all: Box<dyn std::io::Read + Send> = Box::new(std::io::empty());
            for part in blob.pieces() {
                let opened = self.opened.medium().open(Item::Blob(part.digest))?;
                let opened = opened.with_context(|| format!("blob {} is not there", part.digest))?;
                all = Box::new(std::io::Read::chain(all, opened.reader));
            }
            Ok(Box::new(Checked::new(all, digest, blob.size)))
        })
    }
}
