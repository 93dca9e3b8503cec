//! From a description to a layout without signatures.

mod closure;
mod place;
mod agent;
mod work;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use airlock::{
    bundle::{Item, Piece, Release, Role, Statement, index_json, pieces},
    digest::Digest,
    name::EntryName,
    source::{Contents, write_directory},
};
use anyhow::{Context, Result, ensure};

use self::{place::Place, work::Work};
use super::{
    Reach,
    blobs::Blobs,
    description::Description,
    lock::{self, Lock},
};
use crate::{World, envelope::Envelope, root::Chain};

/// What to build, and where to put it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle's directory.
    pub bundle: PathBuf,
    /// Where trust roots lie.
    pub trust: PathBuf,
    /// Below which directory bundles are put: `<out>/<name>/<epoch>-<sequence>`.
    pub out: PathBuf,
    /// Make the next bundle of the channel.
    pub next: bool,
    /// Where entries look within their trees from now on.
    pub paths: BTreeMap<EntryName, String>,
    /// How registries are reached.
    pub reach: Reach,
}

/// A bundle that was built, unsigned.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where it lies.
    pub directory: PathBuf,
    /// What is signed.
    pub statement: Statement,
    /// The digest of that.
    pub digest: Digest,
    /// What its author should know.
    pub notes: Vec<String>,
}

/// Builds the bundle of a description, pins what it resolved to, and leaves a layout without signatures.
///
/// # Errors
/// When anything that it names cannot be had, or is not what the lock pins.
pub fn build(options: &Options, world: &World) -> Result<Built> {
    let description = Description::read(&options.bundle)?;
    let pinned = Lock::read(&options.bundle)?;
    let chain = Chain::read(&options.trust)?;
    let root = chain
        .newest()
        .context("the trust root is not signed by all yet; `cargo xtask root check` says who is missing")?;
    let place = Place::of(pinned.as_ref(), &description, options, &root, world)?;
    let mut work = Work::new(&description, &root, &place);
    let release = work.release()?;
    let statement = work.statement(&release)?;
    let payload = serde_json::to_vec(&statement)?;
    let digest = Digest::of(&payload);
    let lock = Lock { bundle: digest, ..work.lock.clone() };
    if let Some(pinned) = pinned.as_ref().filter(|_| !place.is_new) {
        let told = pinned.differences(&lock);
        ensure!(
            told.is_empty(),
            "{} pins another bundle:\n  {}\nhint: `--next` makes the next bundle of the channel out of what is here now",
            lock::path(&options.bundle).display(),
            told.join("\n  ")
        );
    }
    let directory = options.out.join(description.says.name.as_str()).join(lock.position().to_string());
    write(&directory, &chain, payload, &release, &statement, &work.blobs, work.agent.clone())?;
    lock.write(&options.bundle)?;
    let notes = work.notes;
    Ok(Built { directory, statement, digest, notes })
}

fn write(
    directory: &Path,
    chain: &Chain,
    payload: Vec<u8>,
    release: &Release,
    statement: &Statement,
    blobs: &Blobs,
    agent: Option<Vec<u8>>,
) -> Result<()> {
    let path = directory.join(Item::Bundle.to_string());
    let mut envelope = Envelope::new(path.clone(), Role::Bundle, payload)?;
    if path.exists() {
        let there = Envelope::read(&path, Role::Bundle)?;
        if there.payload == envelope.payload {
            envelope.signatures = there.signatures;
        } else {
            ensure!(
                there.signatures.is_empty(),
                "{} is signed already and of other content; one number is one bundle: build with `--next`",
                directory.display()
            );
            std::fs::remove_dir_all(directory)
                .with_context(|| format!("failed to remove {}", directory.display()))?;
        }
    }
    let head = [
        (statement.inventory.digest, statement.inventory.size),
        (statement.release.digest, statement.release.size),
    ];
    let contents = Contents {
        roots: chain.envelopes().iter().map(|(version, it)| (*version, it.encode())).collect(),
        agent,
        bundle: envelope.encode(),
        index: index_json(release, &blobs.inventory()),
        label: None,
        head: head.map(|(digest, size)| Piece { digest, size, slice: None }).to_vec(),
        pieces: pieces(&blobs.inventory()),
    };
    if let Some(parent) = directory.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("failed to make {}", parent.display()))?;
    }
    write_directory(directory, &contents, blobs, &mut |_| ())?;
    Ok(())
}
