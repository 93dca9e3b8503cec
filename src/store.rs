//! What a node keeps, on its disk.
//!
//! ```text
//! blobs-v1/sha256/<2>/<62>     accepted content, never changed
//! ingest-v1/                   partial blobs, resumable
//! roots-v1/<version>.root.dsse                       trust roots         never collected
//! bundles-v1/<channel>/<epoch>-<sequence>.dsse       accepted bundles    never collected
//! receipts-v1/receipts.jsonl   JSON lines, each with the hash of the one before; a torn tail is cut and said so
//! damaged-v1/                  what a check or a recovery moved aside, for people; collected when it is old
//! state-a, state-b             written in turn, with counter and checksum; an acceptance is reported once both hold it
//! lock                         one writer: the agent or a command
//! ```
//!
//! The order of writing is what keeps the promise that a power cut loses nothing: blobs are durable before the
//! envelope that names them, the envelope before the state that relies on it, the state in both slots before anybody
//! is told. A name is given only to what is durable. A file whose sync failed is written anew, never synced again.
//!
//! Opening costs the same with ten blobs and with a million: nothing is listed. Presence is a look at a size, content
//! is hashed by [`crate::content`] at every read, and so the disk is a cache that nobody has to trust.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::{
    bundle::{Floor, Unverified},
    content::Blobs,
    digest::Digest,
    name::ChannelName,
    trust::state::{ReceiptHead, RootRef, State},
};

mod blobs;
mod bundles;
pub mod disk;
mod envelopes;
mod error;
mod file;
mod fsck;
mod gate;
mod gc;
mod ingest;
mod lock;
mod receipts;
mod roots;
mod space;
mod state;

pub use disk::{Access, Disk, RealDisk};
pub use error::Error;
pub use fsck::{Checked, Damaged, Progress};
pub use gc::{Garbage, Keep};
pub use ingest::{Ingest, Need, Open, Taken};
pub use receipts::{Chain, Receipt};

use gate::Gate;
use lock::Lock;
use receipts::Receipts;
use state::Slots;

const DAMAGED: &str = "damaged-v1";

/// Something that was not as it should be when the store was opened, and is again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Recovered {
    /// A slot of the state was written anew from the other one.
    #[error("`{slot}` was written anew from the other slot: {why}")]
    Slot {
        /// The slot.
        slot: &'static str,
        /// What was wrong with it.
        why: String,
    },
    /// The receipts went on after the last one that counts: a power cut came while one was written.
    #[error("{bytes} bytes after the last receipt were cut and lie in `{aside}`")]
    ReceiptsCut {
        /// How many bytes.
        bytes: u64,
        /// Where they lie now, the first of them.
        aside: String,
    },
    /// Receipts that the state knows of are not there. Nothing brings them back, and the chain shows the gap.
    #[error("receipt {known} and maybe others before it are lost")]
    ReceiptsMissing {
        /// The number of the last one.
        known: u64,
    },
    /// `/etc/airlock/store-id` is not there. Whoever reads this writes it again.
    #[error("this node has a state, and its store id was not there")]
    StoreIdMissing,
}

/// A node's store, opened.
pub struct Store {
    disk: Arc<dyn Disk>,
    slots: Mutex<Slots>,
    receipts: Mutex<Receipts>,
    gate: Gate,
    lock: Option<Lock>,
}

impl Store {
    /// Begins a store with its first state, or with a new one where the old one is lost. Receipts that are there are
    /// gone on with, so the state that is returned may know more of them.
    ///
    /// `root` is the envelope of the state's anchor; it is durable before any slot names it, so that a stop in between
    /// leaves either nothing begun or a node that starts.
    ///
    /// Write `/etc/airlock/store-id` after this and not before, so that a stop in between leaves a node that starts.
    ///
    /// # Errors
    /// [`Error::Exists`] where a state is there, which may be of a call like this that was stopped before it returned;
    /// [`Error::RootFork`] where the envelope is not the anchor's.
    pub fn create(disk: Arc<dyn Disk>, mut state: State, root: &Unverified) -> Result<(Self, State), Error> {
        let RootRef { version, digest: kept } = state.anchor;
        if root.payload_digest() != kept {
            return Err(Error::RootFork { version, kept, other: root.payload_digest() });
        }
        let lock = Lock::take(disk.as_ref())?;
        match Slots::read(&disk) {
            Ok(None) | Err(Error::StateLost { .. }) => (),
            Ok(Some(_)) => return Err(Error::Exists),
            Err(error) => return Err(error),
        }
        lay_out(disk.as_ref())?;
        roots::put(disk.as_ref(), version, root, &state)?;
        state.receipts = receipts::last(disk.as_ref())?;
        let mut receipts = Receipts::new(&disk, state.receipts);
        receipts.trim()?;
        let slots = Slots::create(&disk, state.clone())?;
        Ok((Self::over(disk, slots, receipts, Some(lock)), state))
    }

    /// Opens a store to change it. `store_id` is what `/etc/airlock/store-id` says, where it is.
    ///
    /// # Errors
    /// [`Error::NoState`] where nothing was begun; [`Error::StateLost`] where it was, and no slot tells the state;
    /// [`Error::OtherStore`] where the state is not of this node; [`Error::Locked`] where another process writes.
    pub fn open(disk: Arc<dyn Disk>, store_id: Option<&str>) -> Result<(Self, State, Vec<Recovered>), Error> {
        let lock = Lock::take(disk.as_ref())?;
        let (mut slots, mut notices) = read_state(&disk, store_id)?;
        lay_out(disk.as_ref())?;
        if notices.iter().any(|it| matches!(it, Recovered::Slot { .. })) {
            slots.heal()?;
        }
        let state = slots.state.clone();
        let mut receipts = Receipts::new(&disk, state.receipts);
        notices.extend(receipts.trim()?);
        Ok((Self::over(disk, slots, receipts, Some(lock)), state, notices))
    }

    /// Opens a store to read it, while another process may change it. Nothing is written, nothing is mended.
    ///
    /// # Errors
    /// As [`Store::open`], but for the lock.
    pub fn open_read(
        disk: Arc<dyn Disk>,
        store_id: Option<&str>,
    ) -> Result<(Self, State, Vec<Recovered>), Error> {
        let (slots, notices) = read_state(&disk, store_id)?;
        let state = slots.state.clone();
        let receipts = Receipts::new(&disk, state.receipts);
        Ok((Self::over(disk, slots, receipts, None), state, notices))
    }

    fn over(disk: Arc<dyn Disk>, slots: Slots, receipts: Receipts, lock: Option<Lock>) -> Self {
        Self { disk, slots: Mutex::new(slots), receipts: Mutex::new(receipts), gate: Gate::default(), lock }
    }

    /// What was committed last.
    pub fn state(&self) -> State {
        held(&self.slots).state.clone()
    }

    /// Makes a state durable in both slots; only then may anybody be told of it.
    ///
    /// # Errors
    /// [`Error::Backwards`] when a floor or a root would fall. When the disk fails, a later start may find either
    /// state, and the next commit goes on from either.
    pub fn commit(&self, state: &State) -> Result<(), Error> {
        self.writable()?;
        held(&self.slots).commit(state)
    }

    /// A trust root, by version.
    ///
    /// # Errors
    /// When it is damaged, or the disk fails.
    pub fn root(&self, version: u32) -> Result<Option<Unverified>, Error> {
        roots::read(self.disk.as_ref(), version)
    }

    /// Keeps a trust root for good; it is durable when this returns.
    ///
    /// # Errors
    /// [`Error::RootFork`] where another root of that version is kept.
    pub fn put_root(&self, version: u32, root: &Unverified) -> Result<(), Error> {
        self.writable()?;
        roots::put(self.disk.as_ref(), version, root, &held(&self.slots).state)
    }

    /// The versions of the trust roots that are kept, ascending.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn roots(&self) -> Result<Vec<u32>, Error> {
        roots::list(self.disk.as_ref())
    }

    /// The envelope of a bundle.
    ///
    /// # Errors
    /// When it is damaged, or the disk fails.
    pub fn bundle(&self, channel: &ChannelName, at: Floor) -> Result<Option<Unverified>, Error> {
        bundles::read(self.disk.as_ref(), channel, at)
    }

    /// Keeps the envelope of a bundle for good; it is durable when this returns. Where one with the same payload is
    /// kept, that one stays.
    ///
    /// # Errors
    /// [`Error::Equivocation`] where another bundle with that number is kept.
    pub fn put_bundle(&self, channel: &ChannelName, at: Floor, bundle: &Unverified) -> Result<(), Error> {
        self.writable()?;
        bundles::put(self.disk.as_ref(), channel, at, bundle, &held(&self.slots).state)
    }

    /// The bundles that are kept, by channel and position, ascending.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn bundles(&self) -> Result<Vec<(ChannelName, Floor)>, Error> {
        bundles::list(self.disk.as_ref())
    }

    /// The blobs, for [`crate::content`].
    pub fn blobs(&self) -> Arc<dyn Blobs> {
        Arc::new(blobs::StoredBlobs(Arc::clone(&self.disk)))
    }

    /// Whether a blob is there, in the size that it should have.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn has(&self, digest: &Digest, size: u64) -> Result<bool, Error> {
        blobs::has(self.disk.as_ref(), digest, size)
    }

    /// Moves a blob aside that turned out to be damaged, so that it counts as missing and a medium may bring it again.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn set_aside(&self, digest: &Digest) -> Result<(), Error> {
        self.writable()?;
        envelopes::set_aside(self.disk.as_ref(), &blobs::place(digest).1).map(drop)
    }

    /// Begins an import.
    ///
    /// # Errors
    /// [`Error::Busy`] when another one, a collection or a check is under way.
    pub fn ingest(&self) -> Result<Ingest, Error> {
        self.writable()?;
        Ok(Ingest::new(Arc::clone(&self.disk), self.gate.enter()?))
    }

    /// Writes a receipt and makes it durable. It counts once a state with the returned head is committed; what was
    /// written after the head of `state` is cut.
    ///
    /// # Errors
    /// When it is too large, or the disk fails.
    pub fn append_receipt(
        &self,
        state: &State,
        at: Timestamp,
        body: serde_json::Value,
    ) -> Result<ReceiptHead, Error> {
        self.writable()?;
        held(&self.receipts).append(state.receipts, at, body)
    }

    /// All receipts that count, and where their chain does not hold.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn receipts(&self) -> Result<Chain, Error> {
        receipts::read(self.disk.as_ref(), self.state().receipts)
    }

    /// What could be collected: what `keep` does not name and was last written before `before`, in seconds since 1970.
    ///
    /// # Errors
    /// [`Error::Unkept`] when `keep` does not name a bundle that the state relies on.
    pub fn garbage(&self, keep: &Keep, before: i64) -> Result<Garbage, Error> {
        gc::plan(self.disk.as_ref(), &self.state(), keep, before)
    }

    /// Collects it. Roots, envelopes and receipts are never collected.
    ///
    /// # Errors
    /// As [`Store::garbage`]; [`Error::Busy`] when an import or a check is under way.
    pub fn gc(&self, keep: &Keep, before: i64) -> Result<Garbage, Error> {
        self.writable()?;
        let _pass = self.gate.enter()?;
        let garbage = self.garbage(keep, before)?;
        gc::collect(self.disk.as_ref(), &garbage)?;
        Ok(garbage)
    }

    /// Hashes everything again. What is damaged is moved aside and listed, so that a medium may bring it again.
    ///
    /// # Errors
    /// [`Error::Busy`] when an import or a collection is under way.
    pub fn fsck(&self, progress: &mut dyn FnMut(Progress)) -> Result<Checked, Error> {
        self.writable()?;
        let _pass = self.gate.enter()?;
        fsck::run(self.disk.as_ref(), &self.state(), progress)
    }

    fn writable(&self) -> Result<(), Error> {
        self.lock.as_ref().map(drop).ok_or(Error::ReadOnly)
    }
}

/// A thread that panicked left nothing half done here: what it had not made durable is not known.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the directories that are not there. Their names become durable with the state that is written after this, and
/// those of directories inside them with what is put there.
fn lay_out(disk: &dyn Disk) -> Result<(), Error> {
    for dir in ["blobs-v1", blobs::DIR, ingest::DIR, roots::DIR, bundles::DIR, receipts::DIR, DAMAGED] {
        file::ensure_dir(disk, dir)?;
    }
    Ok(())
}

/// Reads the state and holds it against the node's store id.
fn read_state(disk: &Arc<dyn Disk>, store_id: Option<&str>) -> Result<(Slots, Vec<Recovered>), Error> {
    match (Slots::read(disk)?, store_id) {
        (None, None) => Err(Error::NoState),
        (None, Some(id)) => {
            let why = format!("this node's store id is `{id}`, and neither `state-a` nor `state-b` is there");
            Err(Error::StateLost { why })
        }
        (Some((slots, _)), Some(id)) if slots.state.store_id != id => {
            Err(Error::OtherStore { expected: id.to_owned(), found: slots.state.store_id })
        }
        (Some((slots, notices)), Some(_)) => Ok((slots, notices)),
        (Some((slots, mut notices)), None) => {
            notices.push(Recovered::StoreIdMissing);
            Ok((slots, notices))
        }
    }
}
