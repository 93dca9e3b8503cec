//! Taking a bundle in: read, judge, copy, make durable, stage. Every step that decides is elsewhere; this keeps their order.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::memory::{Lend, Memory};
use crate::{
    bundle::{
        AgentVersion, Blob, Floor, Inventory, Item, KeyId, Malformed, Medium, Part, Release, TrustRoot,
        Unverified,
    },
    content,
    digest::{Digest, Mismatch, read_exact},
    fault::{Class, Fault},
    limits,
    name::{ChannelName, ClusterId},
    source::{Failure, Missing, Newest, Volumes, Want},
    store::{self, Ingest, Store, Taken},
    trust::{Audience, Judged, Policy, Refusal, Root, Standing, Verified, readmit, walk},
};

/// What an acceptance is held against, beside the state.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Whose bundles are taken: this node's own cluster first, then those that it relays for.
    pub audiences: Vec<Audience>,
    /// The agent's version.
    pub agent: AgentVersion,
    /// The architecture whose images the node needs, as Go names it.
    pub arch: String,
    /// The minor version of Kubernetes, where it is known.
    pub kubernetes: Option<u32>,
}

/// Hears how far an import is: so many of so many bytes.
pub type OnBytes = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// What came of a medium.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Accepted {
    /// All of it is here, durable, and staged.
    Staged(Taking),
    /// It was accepted before; what was missing of it is here again.
    Held(Taking),
    /// It may come in, and blobs of it are missing. What came is kept.
    Incomplete {
        /// What was taken so far.
        taking: Taking,
        /// What is missing, so that a courier can be told.
        want: Want,
        /// Blobs that the medium has and that are not what they should be.
        damaged: Vec<Damage>,
    },
}

/// A blob of a medium that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// Which one, where, and what is wrong.
    pub what: String,
    /// Whether it holds something else than was signed. What is cut short or cannot be read is an accident.
    pub other: bool,
}

impl Accepted {
    /// The bundle.
    pub fn taking(&self) -> &Taking {
        match self {
            Self::Staged(taking) | Self::Held(taking) | Self::Incomplete { taking, .. } => taking,
        }
    }

    /// The outcome in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Staged(_) => "staged",
            Self::Held(_) => "held",
            Self::Incomplete { .. } => "incomplete",
        }
    }
}

/// A bundle that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taking {
    /// For which cluster.
    pub cluster: ClusterId,
    /// Its channel.
    pub channel: ChannelName,
    /// Its epoch and sequence.
    pub position: Floor,
    /// Its identity.
    pub digest: Digest,
    /// Who signed it, of those who count: fingerprint and label.
    pub signers: Vec<String>,
    /// Refusals that the operator waived.
    pub waived: Vec<String>,
    /// Blobs that were copied.
    pub copied: u64,
    /// Bytes that were copied.
    pub bytes: u64,
    /// Blobs that were here before.
    pub kept: u64,
}

/// Why a medium was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What the envelope names is not what it should be.
    #[error(transparent)]
    Content(#[from] content::Error),
    /// It was made for other machines.
    #[error("the bundle is for {wanted}, and this node is {found}")]
    Target {
        /// What it was made for.
        wanted: String,
        /// What is here.
        found: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A place on the network.
    #[error(transparent)]
    Source(#[from] Failure),
    /// The medium.
    #[error("{label} cannot be read")]
    Medium {
        /// How people call it.
        label: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Content(error) => error.code(),
            Self::Target { .. } => "target",
            Self::Store(error) => error.code(),
            Self::Source(failure) => failure.code(),
            Self::Medium { .. } => "medium",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Refused(refusal) => refusal.class(),
            Self::Content(error) => error.class(),
            Self::Target { .. } => Class::Denied,
            Self::Store(error) => error.class(),
            Self::Source(failure) => failure.class(),
            Self::Medium { .. } => Class::System,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => refusal.hint(),
            Self::Content(error) => error.hint(),
            Self::Target { .. } => Some("ask the builder for a bundle for this target".into()),
            Self::Store(error) => error.hint(),
            Self::Source(failure) => failure.hint(),
            Self::Medium { .. } => {
                Some("take it out, put it in again; if it stays, copy the bundle to another medium".into())
            }
        }
    }
}

impl Error {
    fn medium(label: &str) -> impl FnOnce(io::Error) -> Self {
        let label = label.to_owned();
        move |source| match Failure::taken(source) {
            Ok(failure) => Self::Source(failure),
            Err(source) => Self::Medium { label, source },
        }
    }
}

/// Takes in one bundle from a medium, or from several volumes of it.
///
/// Nothing is copied before the envelope, the floors, the times, the target and the space were asked. What is refused
/// leaves nothing but the trust roots that were walked; `memory` and the store agree when this returns.
///
/// # Errors
/// The first refusal, in the order of the design; or what the disk or the medium said.
pub fn accept(
    store: &Store,
    memory: &mut impl Lend,
    terms: &Terms,
    medium: &Volumes,
    now: Timestamp,
    progress: &OnBytes,
) -> Result<Accepted, Error> {
    learn_roots(store, memory, medium, now)?;
    let no_bundle = || Refusal::from(Malformed::new(medium.label(), "it has no `bundle.dsse`"));
    let envelope = read_envelope(medium, Item::Bundle)?.ok_or_else(no_bundle)?;
    let (cluster, judged) = memory.lend(|memory| judge(memory, terms, &envelope, now))?;
    let root = &judged.root;
    check_target(&root.statement.target, terms)?;
    let (inventory, documents) = documents(store, medium, root)?;

    let mut ingest = store.ingest()?;
    let wanted = inventory.iter().map(|blob| (blob.digest, blob.size));
    let need =
        ingest.admit(wanted.chain(documents.iter().map(|(digest, bytes)| (*digest, bytes.len() as u64))))?;
    for (digest, bytes) in &documents {
        ingest.whole(digest, bytes.len() as u64, &mut |at| {
            let rest = bytes.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or_default();
            Ok(Box::new(io::Cursor::new(rest.to_vec())))
        })?;
    }
    let copied = copy(&mut ingest, medium, &inventory, &Meter::new(need.bytes, progress))?;
    ingest.commit()?;

    let taking = Taking {
        cluster: cluster.clone(),
        channel: root.statement.channel.clone(),
        position: root.statement.position(),
        digest: root.digest(),
        signers: memory.lend(|memory| labelled(root.signers(), memory.root(root.judged_by))),
        waived: judged.waived.iter().map(|code| (*code).to_owned()).collect(),
        copied: copied.blobs,
        bytes: copied.bytes,
        kept: copied.kept,
    };
    if !copied.missing.is_empty() {
        return Ok(memory.lend(|memory| incomplete(memory, taking, copied)));
    }
    // The floor may be known from elsewhere, from the operator or the cluster, while the bundle was never here.
    let (channel, position) = (&root.statement.channel, root.statement.position());
    if judged.standing == Standing::Same && store.bundle(channel, position)?.is_some() {
        return Ok(Accepted::Held(taking));
    }
    store.put_bundle(channel, position, &envelope)?;
    let accepted = Accepted::Staged(taking);
    memory.lend(|memory| {
        // Copying takes its time, and what was true before it need not be true after it.
        judge(memory, terms, &envelope, now)?;
        memory.change(store, now, &super::receipt::accepted(&accepted, medium), |state| {
            state.accept(&cluster, root, now);
        })?;
        Ok::<_, Error>(())
    })?;
    // Only now may the blobs be collected by somebody else: the state names them.
    drop(ingest);
    Ok(accepted)
}

/// Keys as people know them: fingerprint and label.
pub(super) fn labelled(ids: &[KeyId], judge: Option<&Verified<TrustRoot>>) -> Vec<String> {
    let label = |id: &KeyId| {
        let key = judge.and_then(|it| it.keys.iter().find(|key| key.id() == *id));
        format!("{} {}", id.fingerprint(), key.map_or("", |it| it.label.as_str())).trim_end().to_owned()
    };
    ids.iter().map(label).collect()
}

/// Judges a bundle and copies nothing: where it stands in its channel.
///
/// # Errors
/// As [`accept`], as far as it can be told without copying.
pub fn preview(
    store: &Store,
    memory: &mut impl Lend,
    terms: &Terms,
    medium: &Volumes,
    now: Timestamp,
) -> Result<Floor, Error> {
    learn_roots(store, memory, medium, now)?;
    let missing = || Refusal::from(Malformed::new(medium.label(), "it has no `bundle.dsse`"));
    let envelope = read_envelope(medium, Item::Bundle)?.ok_or_else(missing)?;
    let (_, judged) = memory.lend(|memory| judge(memory, terms, &envelope, now))?;
    Ok(judged.root.statement.position())
}

/// Walks from the newest known root along those of the medium, and keeps each before anything is judged by it.
fn learn_roots(store: &Store, memory: &mut impl Lend, medium: &Volumes, now: Timestamp) -> Result<(), Error> {
    let (first, newest) = memory.lend(|memory| (memory.state.anchor.version, memory.newest_root().version));
    let reach = first..=newest.saturating_add(limits::ROOT_STEPS).saturating_add(1);
    let mut offered = BTreeMap::new();
    let mut unreadable = None;
    for version in medium.roots().map_err(Error::medium(&medium.label()))? {
        if !reach.contains(&version) {
            continue;
        }
        match read_envelope(medium, Item::Root(version)) {
            Ok(Some(root)) => drop(offered.insert(version, root)),
            Ok(None) => (),
            // A root that is known already is not needed from the medium.
            Err(Error::Refused(_)) if version <= newest => (),
            Err(error) => {
                unreadable = Some(error);
                break;
            }
        }
    }
    let stopped = memory.lend(|memory| {
        let walked = walk(memory.newest_root(), &memory.root_digests(), &offered);
        for root in walked.learned {
            store.put_root(
                root.version,
                &Unverified::read("the trust root", root.envelope().to_vec()).map_err(Refusal::from)?,
            )?;
            memory.learn(store, root, now)?;
        }
        Ok::<_, Error>(walked.stopped)
    })?;
    match (stopped, unreadable) {
        (Some(refusal), _) => Err(refusal.into()),
        (None, Some(error)) => Err(error),
        (None, None) => Ok(()),
    }
}

/// Reads an envelope, never more of it than an envelope may have.
pub(super) fn read_envelope(medium: &dyn Medium, item: Item) -> Result<Option<Unverified>, Error> {
    let label = medium.label();
    let Some(opened) = medium.open(item).map_err(Error::medium(&label))? else { return Ok(None) };
    let mut bytes = Vec::new();
    opened.reader.take(limits::ENVELOPE_BYTES + 1).read_to_end(&mut bytes).map_err(Error::medium(&label))?;
    let envelope = Unverified::read(&format!("`{item}`"), bytes).map_err(Refusal::from)?;
    Ok(Some(envelope))
}

/// Finds the cluster for which the bundle is taken: the node's own first.
fn judge(
    memory: &Memory,
    terms: &Terms,
    envelope: &Unverified,
    now: Timestamp,
) -> Result<(ClusterId, Judged), Error> {
    // What is in use was judged when it came. Dates and epochs that went by since do not make it a stranger.
    if let Some((cluster, held)) = memory.held(&envelope.payload_digest())
        && let Some(judge) = memory.root(held.root_version)
    {
        let root = readmit(judge, envelope)?;
        return Ok((cluster, Judged { root, standing: Standing::Same, waived: Vec::new() }));
    }
    let mut refused: Option<Refusal> = None;
    for audience in &terms.audiences {
        let policy = Policy {
            root: memory.newest_root(),
            audience,
            time_floor: memory.state.time_floor,
            agent: terms.agent,
        };
        let history = |channel: &ChannelName| memory.state.channel(&audience.cluster, channel);
        match policy.verify(envelope, history, now) {
            Ok(judged) => return Ok((audience.cluster.clone(), judged)),
            // For whom the bundle is not says less than why it is not taken by those for whom it is.
            Err(refusal) if refused.as_ref().is_none_or(|it| it.code() == "audience") => {
                if refused.is_none() || refusal.code() != "audience" {
                    refused = Some(refusal);
                }
            }
            Err(_) => (),
        }
    }
    let nobody = || Malformed::new("the configuration", "this node takes bundles for no cluster").into();
    Err(refused.unwrap_or_else(nobody).into())
}

fn check_target(target: &crate::bundle::Target, terms: &Terms) -> Result<(), Error> {
    if !target.arch.is_empty() && !target.arch.contains(&terms.arch) {
        return Err(Error::Target { wanted: target.arch.join(", "), found: terms.arch.clone() });
    }
    let (Some(range), Some(found)) = (&target.kubernetes, terms.kubernetes) else { return Ok(()) };
    let minor = |version: &Option<String>| version.as_deref().and_then(crate::bundle::kubernetes_minor);
    if minor(&range.min).is_some_and(|min| found < min) || minor(&range.max).is_some_and(|max| found > max) {
        let end = |version: &Option<String>| version.clone().unwrap_or_else(|| "any".into());
        return Err(Error::Target {
            wanted: format!("Kubernetes {} to {}", end(&range.min), end(&range.max)),
            found: format!("Kubernetes 1.{found}"),
        });
    }
    Ok(())
}

/// Documents that were read whole, by digest.
type Documents = Vec<(Digest, Vec<u8>)>;

/// The inventory and the release, from the store or else from the medium, each by digest and size, both read.
fn documents(
    store: &Store,
    medium: &Volumes,
    root: &Verified<Root>,
) -> Result<(Inventory, Documents), Error> {
    let (inventory, release) = (&root.statement.inventory, &root.statement.release);
    medium.check_order(&inventory.digest, &release.digest).map_err(Refusal::from)?;
    let inventory_bytes = document(store, medium, inventory.digest, inventory.size)?;
    let release_bytes = document(store, medium, release.digest, release.size)?;
    let parsed = Inventory::parse(&inventory_bytes, inventory).map_err(content::Error::from)?;
    let described = Release::parse(&release_bytes).map_err(content::Error::from)?;
    check_listed(&described, &parsed)?;
    Ok((parsed, vec![(inventory.digest, inventory_bytes), (release.digest, release_bytes)]))
}

/// Whether the inventory lists all that the release names, so that a complete inventory is a complete bundle.
fn check_listed(release: &Release, inventory: &Inventory) -> Result<(), Error> {
    let entries = release.entries.iter().map(|it| &it.content);
    let sources = release.sources.iter().map(|it| &it.content);
    let blobs = entries.chain(sources).chain(release.images.values());
    let named = blobs.map(|it| (it.digest, it.size));
    for (digest, size) in named.chain(release.files.values().map(|it| (it.digest, it.size))) {
        if inventory.get(&digest).is_none_or(|blob| blob.size != size) {
            let why = format!("it names blob {digest}, which the inventory does not list in that size");
            return Err(content::Error::from(Malformed::new("the release", why)).into());
        }
    }
    Ok(())
}

fn document(store: &Store, medium: &Volumes, digest: Digest, size: u64) -> Result<Vec<u8>, Error> {
    let blobs = store.blobs();
    if let Ok(Some(reader)) = blobs.open(&digest)
        && let Ok(bytes) = read_exact(reader, digest, size)
    {
        return Ok(bytes);
    }
    let mut failed = None;
    for (_, copy) in medium.copies(Item::Blob(digest)) {
        match copy.and_then(|opened| read_exact(opened.reader, digest, size)) {
            Ok(bytes) => return Ok(bytes),
            Err(error) => failed = Some(error),
        }
    }
    Err(match failed {
        None => content::Error::Missing(digest).into(),
        Some(error) => match Mismatch::within(&error) {
            Some(mismatch) => content::Error::Tampered(mismatch.clone()).into(),
            None => Error::medium(&medium.label())(error),
        },
    })
}

/// What a copy came to.
#[derive(Default)]
struct Copied {
    blobs: u64,
    bytes: u64,
    kept: u64,
    missing: Vec<Part>,
    damaged: Vec<Damage>,
}

/// Copies what is missing, piece by piece, each from the first medium that has it whole. A piece that nobody has whole
/// is noted, and the others are still copied.
fn copy(
    ingest: &mut Ingest,
    medium: &Volumes,
    inventory: &Inventory,
    meter: &Meter,
) -> Result<Copied, Error> {
    let mut copied = Copied::default();
    for blob in inventory.iter() {
        let missing = ingest.missing(blob)?;
        if missing.is_empty() {
            copied.kept += 1;
            continue;
        }
        let pieces = blob.pieces();
        let mut whole = true;
        for (index, piece) in pieces.iter().enumerate().filter(|(index, _)| missing.contains(index)) {
            match copy_piece(ingest, medium, blob, index, *piece, meter, &mut copied.damaged)? {
                Some(bytes) => copied.bytes += bytes,
                None => {
                    whole = false;
                    copied.missing.push(*piece);
                }
            }
        }
        if whole {
            copied.blobs += 1;
        }
    }
    Ok(copied)
}

/// Copies one piece from whichever medium has it; none where nobody does.
fn copy_piece(
    ingest: &mut Ingest,
    medium: &Volumes,
    blob: &Blob,
    index: usize,
    piece: Part,
    meter: &Meter,
    damaged: &mut Vec<Damage>,
) -> Result<Option<u64>, Error> {
    for (place, copy) in medium.copies(Item::Blob(piece.digest)) {
        let label = medium.media().get(place).map(|it| it.label()).unwrap_or_default();
        let opened = match copy {
            Ok(opened) if opened.size == piece.size => opened,
            Ok(opened) => {
                let what =
                    format!("{label}: {} has {} of its {} bytes", piece.digest, opened.size, piece.size);
                damaged.push(Damage { what, other: opened.size > piece.size });
                continue;
            }
            Err(error) => {
                damaged.push(Damage { what: format!("{label}: {}: {error}", piece.digest), other: false });
                continue;
            }
        };
        let mut first = Some(opened.reader);
        let mut open = |at: u64| -> io::Result<Box<dyn Read + Send>> {
            let reader = match first.take().filter(|_| at == 0) {
                Some(reader) => reader,
                None => medium.reopen(place, Item::Blob(piece.digest), at)?,
            };
            Ok(meter.around(reader))
        };
        let taken = match blob.parts.is_empty() {
            true => ingest.whole(&blob.digest, blob.size, &mut open),
            false => ingest.part(blob, index, &mut open),
        };
        match taken {
            Ok(Taken::Held) => return Ok(Some(0)),
            Ok(Taken::Copied(bytes)) => return Ok(Some(bytes)),
            // Parts that are each what was signed and make another whole: no other medium will ever mend that.
            Err(error @ store::Error::Tampered(_)) if is_of(&error, blob) && blob.digest != piece.digest => {
                return Err(error.into());
            }
            // A place that does not answer for one blob does not answer for the next.
            Err(store::Error::Source { source, .. }) if Failure::within(&source).is_some() => {
                return Err(Error::medium(&label)(source));
            }
            Err(error @ (store::Error::Tampered(_) | store::Error::Source { .. })) => {
                let other =
                    matches!(error, store::Error::Tampered(Mismatch::Content { .. } | Mismatch::Long { .. }));
                damaged.push(Damage { what: format!("{label}: {}", chained(&error)), other });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// An error with what lies behind it, in one line.
fn chained(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Whether it is the blob as a whole that is another one, and not one of its parts.
fn is_of(error: &store::Error, blob: &Blob) -> bool {
    let store::Error::Tampered(mismatch) = error else { return false };
    let (Mismatch::Content { expected, .. }
    | Mismatch::Short { expected, .. }
    | Mismatch::Long { expected, .. }) = mismatch;
    *expected == blob.digest
}

/// Words for the courier: what is missing, and from what he may start.
fn incomplete(memory: &Memory, taking: Taking, copied: Copied) -> Accepted {
    let channel = memory.state.channel(&taking.cluster, &taking.channel);
    let newest =
        channel.staged.or(channel.active).map(|held| Newest { at: held.position, digest: held.digest });
    let mut missing: Vec<Missing> =
        copied.missing.iter().map(|it| Missing { digest: it.digest, size: it.size }).collect();
    missing.sort_unstable();
    let want = Want {
        cluster: taking.cluster.clone(),
        channel: taking.channel.clone(),
        bundle: taking.digest,
        newest,
        missing,
    };
    Accepted::Incomplete { taking, want, damaged: copied.damaged }
}

/// Counts bytes as they are read, whichever thread reads them.
struct Meter {
    total: u64,
    done: Arc<std::sync::atomic::AtomicU64>,
    progress: OnBytes,
}

struct Metered {
    inner: Box<dyn Read + Send>,
    total: u64,
    done: Arc<std::sync::atomic::AtomicU64>,
    progress: OnBytes,
}

impl Meter {
    fn new(total: u64, progress: &OnBytes) -> Self {
        Self { total, done: Arc::default(), progress: Arc::clone(progress) }
    }

    fn around(&self, inner: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let (done, progress) = (Arc::clone(&self.done), Arc::clone(&self.progress));
        Box::new(Metered { inner, total: self.total, done, progress })
    }
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let before = self.done.fetch_add(count as u64, std::sync::atomic::Ordering::Relaxed);
        (self.progress)(before.saturating_add(count as u64).min(self.total), self.total);
        Ok(count)
    }
}
