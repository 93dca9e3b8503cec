use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use airlock::{
    archive::{self, Tree, Unpacked},
    bundle::{
        Blob, Descriptor, Inventory, Item, Malformed, Medium, Piece, PublicKey, Release, Role, Statement,
        TrustRoot, strict,
    },
    digest::{Digest, Mismatch, read_exact},
    limits,
    source::{self, Supply, Volumes},
    trust::{self, Verified},
};
use anyhow::{Context, Result, bail, ensure};

use super::collect;
use crate::{
    envelope::Envelope,
    root::{Chain, refusal},
};

/// A bundle on the signers' side: built, perhaps signed by some, and read before anybody has to believe it.
pub struct Opened {
    /// Where it lies.
    pub path: PathBuf,
    /// What is signed, and by whom so far.
    pub envelope: Envelope,
    /// What that says.
    pub statement: Statement,
    /// All blobs.
    pub inventory: Inventory,
    /// What is rendered.
    pub release: Release,
    medium: Arc<dyn Medium>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Opened {
    /// Opens a directory, a tar, or a directory of volumes. The inventory and the release are held against the digests
    /// that are signed; the other blobs need not be there.
    ///
    /// # Errors
    /// When it is no bundle, or its documents are not what the statement says.
    pub fn open(path: &Path) -> Result<Self> {
        let found = source::find(path).with_context(|| format!("{} is no bundle", path.display()))?;
        let medium: Arc<dyn Medium> = Arc::new(Volumes::new(found.media)?);
        let at = path.join(Item::Bundle.to_string());
        let bytes = document(&*medium, Item::Bundle, limits::ENVELOPE_BYTES)?
            .with_context(|| format!("{} has no bundle.dsse", path.display()))?;
        let envelope = Envelope::parse(&at, Role::Bundle, bytes)?;
        let statement = statement(&envelope)?;
        let head = |digest: &Digest, size: u64, what: &str| -> Result<Vec<u8>> {
            let opened = medium
                .open(Item::Blob(*digest))?
                .with_context(|| format!("{} lacks its {what}", path.display()))?;
            read_exact(opened.reader, *digest, size)
                .with_context(|| format!("the {what} is not the one that is signed"))
        };
        let sums = &statement.inventory;
        let inventory = inventory(&head(&sums.digest, sums.size, "inventory")?)?;
        ensure!(
            inventory.sums().as_ref() == Ok(sums),
            "the inventory does not add up to what the statement says"
        );
        let release = &statement.release;
        let release: Release =
            strict::parse("the release", &head(&release.digest, release.size, "release")?)?;
        release.check().map_err(|why| Malformed::new("the release", why))?;
        Ok(Self { path: path.to_owned(), envelope, statement, inventory, release, medium })
    }

    /// Opens a bundle that may leave: one that is signed by enough.
    ///
    /// # Errors
    /// When it is no bundle, or too few have signed it.
    pub(super) fn signed(path: &Path, trust: Option<&Path>) -> Result<Self> {
        let opened = Self::open(path)?;
        let root = opened.root(trust)?;
        opened.signers(&root)?;
        opened.verify(&root).with_context(|| {
            let path = path.display();
            format!("{path} goes nowhere before it is signed; `cargo xtask bundle sign` adds a signature")
        })?;
        Ok(opened)
    }

    /// The medium that it lies on.
    pub(super) fn medium(&self) -> &dyn Medium {
        &*self.medium
    }

    /// The newest trust root: of `trust` where a directory is given, else of those that the bundle carries.
    ///
    /// # Errors
    /// When the chain is broken, or is not the one that the bundle names.
    pub fn root(&self, trust: Option<&Path>) -> Result<Verified<TrustRoot>> {
        let root = self.chain(trust)?.newest()?;
        ensure!(
            root.domain == self.statement.domain,
            "the bundle belongs to trust domain {}, and the trust roots to {}",
            self.statement.domain,
            root.domain
        );
        Ok(root)
    }

    /// The trust roots of `trust` where a directory is given, else those that the bundle carries.
    ///
    /// # Errors
    /// When there are none.
    pub(super) fn chain(&self, trust: Option<&Path>) -> Result<Chain> {
        trust.map_or_else(|| Chain::carried(self.medium()), Chain::read)
    }

    /// The keys of the bundle's channel, and how many of them must sign.
    ///
    /// # Errors
    /// When that root would not judge the bundle.
    pub fn signers<'a>(&self, root: &'a TrustRoot) -> Result<(u32, Vec<&'a PublicKey>)> {
        let statement = &self.statement;
        let channel = root.channel(&statement.channel);
        let channel = channel
            .with_context(|| format!("trust root {} has no channel `{}`", root.version, statement.channel))?;
        ensure!(
            statement.epoch == root.epoch && statement.root_version <= root.version,
            "the bundle is of epoch {} and asks for trust root {}, and the newest one here is {} of epoch {}; build it again with `--next`, or fetch the newest root",
            statement.epoch,
            statement.root_version,
            root.version,
            root.epoch
        );
        Ok((channel.threshold, root.keys_of(&channel.keys).collect()))
    }

    /// Passes the gate that every node has: enough keys of the channel signed it.
    ///
    /// # Errors
    /// The gate's refusal.
    pub fn verify(&self, root: &Verified<TrustRoot>) -> Result<Verified<trust::Root>> {
        trust::readmit(root, &self.envelope.unverified()?).map_err(refusal)
    }

    /// Reads the files of a blob; none where the medium does not carry it.
    ///
    /// # Errors
    /// When it is not what was signed.
    pub(super) fn tree(&self, content: &Descriptor) -> Result<Option<Tree>> {
        let blob =
            self.inventory.get(&content.digest).context("the inventory lacks a blob of the release")?;
        let Some(bytes) = self.blob(blob)? else { return Ok(None) };
        let tree = match blob.media_type.as_str() {
            collect::CHART => {
                archive::read_tgz(bytes.as_slice(), blob.size, Unpacked::Exactly(blob.unpacked))?
            }
            collect::TREE | collect::CHART_TREE => {
                archive::read_tree(bytes.as_slice(), blob.size, blob.unpacked)?
            }
            other => bail!("blob {} is of type `{other}`, and a tree or a chart was due", blob.digest),
        };
        Ok(Some(tree))
    }

    /// Reads a blob; none where the medium does not carry it.
    ///
    /// # Errors
    /// When it is not what was signed.
    pub(super) fn blob(&self, blob: &Blob) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        for part in blob.pieces() {
            let Some(opened) = self.medium.open(Item::Blob(part.digest))? else { return Ok(None) };
            bytes.extend(read_exact(opened.reader, part.digest, part.size)?);
        }
        ensure!(Digest::of(&bytes) == blob.digest, "the parts of blob {} do not make it", blob.digest);
        Ok(Some(bytes))
    }

    /// Reads the blobs that the medium carries against their digests, and says how many there are and are not.
    ///
    /// # Errors
    /// At the first one that is not what was signed.
    pub fn check_blobs(&self) -> Result<(usize, usize)> {
        let (mut there, mut absent) = (0, 0);
        for piece in airlock::bundle::pieces(&self.inventory) {
            match self.medium.open(Item::Blob(piece.digest))? {
                None => absent += 1,
                Some(opened) => {
                    let mut reader = airlock::digest::Checked::new(opened.reader, piece.digest, piece.size);
                    if let Err(error) = std::io::copy(&mut reader, &mut std::io::sink()) {
                        match Mismatch::within(&error) {
                            Some(mismatch) => bail!("{mismatch}"),
                            None => return Err(error.into()),
                        }
                    }
                    there += 1;
                }
            }
        }
        Ok((there, absent))
    }
}

/// Reads what an envelope says before all have signed it.
pub(super) fn statement(envelope: &Envelope) -> Result<Statement> {
    let what = "the bundle's statement";
    airlock::bundle::Header::read(what, &envelope.payload)?.expect(what, "bundle")?;
    let statement: Statement = strict::parse(what, &envelope.payload)?;
    statement.check().map_err(|why| Malformed::new(what, why))?;
    Ok(statement)
}

/// Reads an inventory. It has one spelling, so what does not come out as it went in is none.
fn inventory(bytes: &[u8]) -> Result<Inventory> {
    let text = bytes.split(|c| *c == b'\n').skip(1).filter(|line| !line.is_empty());
    let blobs =
        text.map(|line| strict::parse::<Blob>("the inventory", line)).collect::<Result<Vec<_>, _>>()?;
    let inventory = Inventory::new(blobs);
    ensure!(inventory.encode() == bytes, "the inventory is malformed");
    Ok(inventory)
}

/// A small file of a medium; none where it is not there.
pub(super) fn document(medium: &dyn Medium, item: Item, limit: u64) -> Result<Option<Vec<u8>>> {
    let Some(opened) = medium.open(item).with_context(|| format!("failed to read {item}"))? else {
        return Ok(None);
    };
    ensure!(opened.size <= limit, "{item} is larger than {limit} bytes");
    let mut bytes = Vec::new();
    opened.reader.take(limit).read_to_end(&mut bytes).with_context(|| format!("failed to read {item}"))?;
    Ok(Some(bytes))
}

/// Blobs of one medium for another one.
pub(super) struct FromMedium<'a>(pub(super) &'a dyn Medium);

impl Supply for FromMedium<'_> {
    fn open(&self, piece: &Piece) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        Ok(self.0.open(Item::Blob(piece.digest))?.map(|it| it.reader))
    }
}
