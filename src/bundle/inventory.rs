use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Header, InventoryRef, Malformed, strict};
use crate::{digest::Digest, limits};

/// All blobs of a bundle but the inventory itself and the release.
///
/// On a medium it is JSON lines: the header, then one line a blob in ascending order of digests, so that a million
/// blobs are read in one pass and none can be listed twice.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Inventory {
    blobs: BTreeMap<Digest, Blob>,
}

/// One blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
    /// Its exact size in bytes.
    pub size: u64,
    /// Its size in bytes once decompressed; the same where it is not compressed.
    pub unpacked: u64,
    /// Its media type.
    pub media_type: String,
    /// What it is for.
    pub role: BlobRole,
    /// The pieces, in order, of a blob that is too big for one file of a medium. They are the unit of resuming, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// What a blob is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlobRole {
    /// A canonical tar of files to render.
    Tree,
    /// A Helm chart.
    Chart,
    /// A manifest, a configuration or a layer of an image.
    Image,
    /// A plain file.
    File,
    /// A binary of the agent.
    Agent,
}

/// A piece of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its digest.
    pub digest: Digest,
    /// Its exact size in bytes.
    pub size: u64,
}

impl Blob {
    /// What a medium holds for this blob: itself, or its parts in order.
    pub fn pieces(&self) -> Vec<Part> {
        match self.parts.as_slice() {
            [] => vec![Part { digest: self.digest, size: self.size }],
            parts => parts.to_vec(),
        }
    }
}

impl Inventory {
    /// Collects blobs; a blob that comes twice is one.
    pub fn new(blobs: impl IntoIterator<Item = Blob>) -> Self {
        Self { blobs: blobs.into_iter().map(|blob| (blob.digest, blob)).collect() }
    }

    /// Reads an inventory that was reached by its digest, and holds it against what the statement says of it.
    ///
    /// # Errors
    /// When it is malformed, out of order, or adds up to something else.
    pub(crate) fn parse(bytes: &[u8], claimed: &InventoryRef) -> Result<Self, Malformed> {
        let wrong = |why: &dyn ToString| Malformed::new("the inventory", why.to_string());
        let mut lines = bytes.split(|c| *c == b'\n');
        Header::read("the inventory", lines.next().unwrap_or_default())?
            .expect("the inventory", "inventory")?;
        let mut blobs = BTreeMap::new();
        let mut ended = false;
        for line in lines {
            if ended {
                return Err(wrong(&"an empty line stands inside it"));
            }
            if line.is_empty() {
                ended = true;
                continue;
            }
            let blob: Blob = strict::parse("the inventory", line)?;
            if blobs.last_key_value().is_some_and(|(last, _)| *last >= blob.digest) {
                return Err(wrong(&format_args!("blob {} is out of order", blob.digest)));
            }
            let parts = blob.parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.size));
            if !blob.parts.is_empty() && parts != Some(blob.size) {
                return Err(wrong(&format_args!("the parts of blob {} do not add up to it", blob.digest)));
            }
            if blobs.len() >= limits::BLOBS {
                return Err(wrong(&"it lists more blobs than an inventory may"));
            }
            blobs.insert(blob.digest, blob);
        }
        let inventory = Self { blobs };
        let found = inventory.sums().map_err(|why| wrong(&why))?;
        if (found.count, found.total, found.total_unpacked)
            != (claimed.count, claimed.total, claimed.total_unpacked)
        {
            return Err(wrong(&"it does not add up to what the statement says"));
        }
        Ok(inventory)
    }

    /// Writes it as a medium carries it.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = b"{\"type\":\"inventory\",\"format\":1}\n".to_vec();
        for blob in self.blobs.values() {
            serde_json::to_writer(&mut bytes, blob).expect("strings and numbers always serialise");
            bytes.push(b'\n');
        }
        bytes
    }

    /// What a statement says of this inventory.
    ///
    /// # Errors
    /// When the sizes overflow 64 bits.
    pub fn sums(&self) -> Result<InventoryRef, String> {
        let sum =
            |of: fn(&Blob) -> u64| self.blobs.values().try_fold(0_u64, |sum, blob| sum.checked_add(of(blob)));
        let overflow = || "its sizes overflow 64 bits".to_owned();
        let bytes = self.encode();
        Ok(InventoryRef {
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
            count: self.blobs.len() as u64,
            total: sum(|blob| blob.size).ok_or_else(overflow)?,
            total_unpacked: sum(|blob| blob.unpacked).ok_or_else(overflow)?,
        })
    }

    /// The blob of that digest.
    pub fn get(&self, digest: &Digest) -> Option<&Blob> {
        self.blobs.get(digest)
    }

    /// All blobs, in order of digests.
    pub fn iter(&self) -> impl Iterator<Item = &Blob> {
        self.blobs.values()
    }

    /// How many blobs there are.
    pub fn len(&self) -> usize {
        self.blobs.len()
    }

    /// Whether there is no blob.
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }
}
