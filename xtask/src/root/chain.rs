use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use airlock::{
    bundle::{Item, Medium, Role, TrustRoot, Unverified, strict},
    limits,
    trust::{self, Verified},
};
use anyhow::{Context, Result, bail, ensure};

use crate::envelope::Envelope;

/// A directory of trust roots: `0001.root.dsse` and those that follow, some perhaps not signed by all yet.
#[derive(Debug)]
pub struct Chain {
    directory: PathBuf,
    envelopes: BTreeMap<u32, Envelope>,
}

impl Chain {
    /// Reads a directory of trust roots. Other files in it are none of its business.
    ///
    /// # Errors
    /// When it cannot be read, or holds no trust root.
    pub fn read(directory: &Path) -> Result<Self> {
        let chain = Self::read_any(directory)?;
        ensure!(
            !chain.envelopes.is_empty(),
            "{} holds no trust root; `cargo xtask root init` makes the first one",
            directory.display()
        );
        Ok(chain)
    }

    /// As [`Chain::read`], and an empty one where there is none.
    pub(super) fn read_any(directory: &Path) -> Result<Self> {
        let mut envelopes = BTreeMap::new();
        let list = || format!("failed to list {}", directory.display());
        if directory.exists() {
            for file in std::fs::read_dir(directory).with_context(list)? {
                let name = file.with_context(list)?.file_name();
                if let Some(Item::Root(version)) =
                    name.to_str().and_then(|name| Item::parse(&format!("trust/{name}")))
                {
                    envelopes.insert(version, Envelope::read(&directory.join(&name), Role::Root)?);
                }
            }
        }
        Ok(Self { directory: directory.to_owned(), envelopes })
    }

    /// The trust roots that a medium carries.
    ///
    /// # Errors
    /// When it carries none, or one that is malformed.
    pub fn carried(medium: &dyn Medium) -> Result<Self> {
        let mut envelopes = BTreeMap::new();
        for version in medium.roots()? {
            let item = Item::Root(version);
            let opened = medium.open(item)?.with_context(|| format!("{} lacks {item}", medium.label()))?;
            let mut bytes = Vec::new();
            opened.reader.take(limits::ENVELOPE_BYTES + 1).read_to_end(&mut bytes)?;
            envelopes.insert(version, Envelope::parse(Path::new(&item.to_string()), Role::Root, bytes)?);
        }
        ensure!(!envelopes.is_empty(), "{} carries no trust root", medium.label());
        Ok(Self { directory: medium.label().into(), envelopes })
    }

    /// The file of a version.
    pub(super) fn path(&self, version: u32) -> PathBuf {
        self.directory.join(file_name(version))
    }

    /// The envelopes by version.
    pub fn envelopes(&self) -> &BTreeMap<u32, Envelope> {
        &self.envelopes
    }

    /// The newest envelope, signed or not.
    ///
    /// # Errors
    /// When there is none.
    pub fn last(&self) -> Result<(u32, &Envelope)> {
        let (version, envelope) = self.envelopes.last_key_value().context("there is no trust root")?;
        Ok((*version, envelope))
    }

    /// Walks the chain as a node that anchored its first root would.
    ///
    /// # Errors
    /// When a node would refuse one of the roots.
    pub fn walk(&self) -> Result<Vec<Verified<TrustRoot>>> {
        let (_, first) = self.envelopes.first_key_value().context("there is no trust root")?;
        let first = trust::anchor(&first.unverified()?, first.digest()).map_err(refusal)?;
        let offered: BTreeMap<u32, Unverified> = self
            .envelopes
            .iter()
            .map(|(version, envelope)| Ok((*version, envelope.unverified()?)))
            .collect::<Result<_>>()?;
        let known = BTreeMap::from([(first.version, first.digest())]);
        let walk = trust::walk(&first, &known, &offered);
        match walk.stopped {
            Some(stopped) => Err(refusal(stopped)),
            None => Ok([first].into_iter().chain(walk.learned).collect()),
        }
    }

    /// The newest root, if the whole chain is signed.
    ///
    /// # Errors
    /// As [`Chain::walk`].
    pub fn newest(&self) -> Result<Verified<TrustRoot>> {
        self.walk()?.pop().context("there is no trust root")
    }
}

/// Reads what an envelope says before all have signed it: on the signers' side, who are about to.
///
/// # Errors
/// When a node would not read it.
pub fn document(envelope: &Envelope) -> Result<TrustRoot> {
    let what = envelope.path.display().to_string();
    ensure!(envelope.payload.len() <= limits::PAYLOAD_BYTES, "{what} is larger than a trust root may be");
    let root: TrustRoot = strict::parse(&what, &envelope.payload)?;
    ensure!(root.r#type == "root" && root.format == 1, "{what} is not a trust root of format 1");
    root.check().map_err(|why| anyhow::anyhow!("{what} cannot be: {why}"))?;
    Ok(root)
}

/// A refusal with its next step, for a person.
pub fn refusal(refusal: trust::Refusal) -> anyhow::Error {
    match airlock::fault::Fault::hint(&refusal) {
        Some(hint) => anyhow::anyhow!("{refusal} ({})\nhint: {hint}", airlock::fault::Fault::code(&refusal)),
        None => anyhow::anyhow!("{refusal} ({})", airlock::fault::Fault::code(&refusal)),
    }
}

/// One trust root on its way between signers and, where it lies beside it, the one before.
pub(super) struct Step {
    pub(super) envelope: Envelope,
    pub(super) root: TrustRoot,
    pub(super) previous: Option<TrustRoot>,
}

impl Step {
    /// Reads the trust root in `file`.
    ///
    /// # Errors
    /// When it or the one beside it cannot be read, or it could not follow that one.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let envelope = Envelope::read(file, Role::Root)?;
        let root = document(&envelope)?;
        let before = file.with_file_name(file_name(root.version.saturating_sub(1)));
        if root.version < 2 || !before.exists() {
            return Ok(Self { envelope, root, previous: None });
        }
        let beside = Envelope::read(&before, Role::Root)?;
        let previous = document(&beside)?;
        // What `trust::walk` will ask, asked before anybody signs.
        let broken = [
            (root.previous != Some(beside.digest()), "it names another previous version"),
            (root.domain != previous.domain, "it is of another trust domain"),
            (root.version != previous.version + 1, "the version beside it is not the one before"),
            (
                root.epoch != previous.epoch && root.epoch != previous.epoch + 1,
                "its epoch rises by more than one",
            ),
            (root.issued < previous.issued, "it was issued before that one"),
        ];
        if let Some((_, why)) = broken.iter().find(|(broken, _)| *broken) {
            bail!("{} cannot follow {}: {why}", file.display(), before.display());
        }
        Ok(Self { envelope, root, previous: Some(previous) })
    }
}

/// The name of a version's file.
fn file_name(version: u32) -> String {
    Item::Root(version).to_string().trim_start_matches("trust/").to_owned()
}
