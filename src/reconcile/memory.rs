//! What a node holds in memory: the state, and the chain of trust roots, both as the store has them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    bundle::{TrustRoot, Unverified},
    digest::Digest,
    fault::{Class, Fault},
    name::ClusterId,
    store::{self, Store},
    trust::{
        Refusal, Verified, rewalk,
        state::{Held, State},
    },
};

/// The state and the chain, in step with the store.
#[derive(Clone, Debug)]
pub struct Memory {
    /// What was committed last.
    pub state: State,
    chain: Vec<Verified<TrustRoot>>,
}

/// The store does not hold what the state says.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The chain of trust roots is not the one that was accepted.
    #[error("the trust roots of the store are not the chain that was accepted")]
    Chain(#[source] Refusal),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Chain(_) => "state_lost",
            Self::Store(error) => error.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Chain(_) => Class::Denied,
            Self::Store(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Chain(_) => {
                Some("`airlock trust recover` begins again from a root and a floor that you know".into())
            }
            Self::Store(error) => error.hint(),
        }
    }
}

/// Lends the memory for as long as something is decided, and no longer: what copies gigabytes in between does not keep
/// everybody else from looking.
pub trait Lend {
    /// Works on the memory.
    fn lend<T>(&mut self, work: impl FnOnce(&mut Memory) -> T) -> T;
}

impl Lend for Memory {
    fn lend<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        work(self)
    }
}

impl Lend for &std::sync::Mutex<Memory> {
    fn lend<T>(&mut self, work: impl FnOnce(&mut Memory) -> T) -> T {
        work(&mut super::node::lock(self))
    }
}

impl Memory {
    /// Reads the chain that the store keeps and verifies it again from the anchor.
    ///
    /// # Errors
    /// When a root is missing or is another one.
    pub fn load(store: &Store, state: State) -> Result<Self, Error> {
        let mut kept = BTreeMap::new();
        for version in state.anchor.version..=state.newest_root.version {
            if let Some(root) = store.root(version)? {
                kept.insert(version, root);
            }
        }
        let chain = rewalk(state.anchor, state.newest_root, &kept).map_err(Error::Chain)?;
        Ok(Self { state, chain })
    }

    /// The root that judges what is new.
    pub fn newest_root(&self) -> &Verified<TrustRoot> {
        self.chain.last().expect("the chain begins with the anchor")
    }

    /// The root of that version.
    pub fn root(&self, version: u32) -> Option<&Verified<TrustRoot>> {
        self.chain.iter().find(|it| it.version == version)
    }

    /// All roots, from the anchor to the newest.
    pub fn chain(&self) -> &[Verified<TrustRoot>] {
        &self.chain
    }

    /// The payload digests of the known roots.
    pub fn root_digests(&self) -> BTreeMap<u32, Digest> {
        self.chain.iter().map(|root| (root.version, root.digest())).collect()
    }

    /// The bundle in use that has this payload, and the cluster for which it is kept.
    pub fn held(&self, payload: &Digest) -> Option<(ClusterId, Held)> {
        self.state.clusters.iter().find_map(|(cluster, channels)| {
            let held = channels.values().flat_map(|it| [it.staged, it.active, it.last_good]).flatten();
            held.into_iter().find(|it| it.digest == *payload).map(|held| (cluster.clone(), held))
        })
    }

    /// Takes in a newer root that is durable already.
    ///
    /// # Errors
    /// When the state cannot be made durable; nothing is changed then.
    pub fn learn(
        &mut self,
        store: &Store,
        root: Verified<TrustRoot>,
        now: Timestamp,
    ) -> Result<(), store::Error> {
        let before = self.newest_root().clone();
        let body = super::receipt::learned(&root);
        self.change(store, now, &body, |state| state.learn_root(&before, &root))?;
        self.chain.push(root);
        Ok(())
    }

    /// Changes the state, with a receipt, durably: both are there when this returns, or neither counts.
    ///
    /// # Errors
    /// When the disk fails; nothing is changed in memory then.
    pub fn change(
        &mut self,
        store: &Store,
        now: Timestamp,
        receipt: &serde_json::Value,
        change: impl FnOnce(&mut State),
    ) -> Result<(), store::Error> {
        let mut state = self.state.clone();
        change(&mut state);
        state.receipts = store.append_receipt(&self.state, now, receipt.clone())?;
        store.commit(&state)?;
        self.state = state;
        Ok(())
    }

    /// Changes the state without a receipt, for what happens often and means little.
    ///
    /// # Errors
    /// When the disk fails; nothing is changed in memory then.
    pub fn note(&mut self, store: &Store, change: impl FnOnce(&mut State)) -> Result<(), store::Error> {
        let mut state = self.state.clone();
        change(&mut state);
        if state != self.state {
            store.commit(&state)?;
            self.state = state;
        }
        Ok(())
    }

    /// The envelope that the store keeps for a bundle in use, verified again under the root that admitted it.
    ///
    /// # Errors
    /// When it is not there, is another one, or its root is not known.
    pub fn admitted(
        &self,
        store: &Store,
        channel: &crate::name::ChannelName,
        held: &Held,
    ) -> Result<Verified<crate::trust::Root>, Error> {
        let lost = || Refusal::RootGap {
            known: self.newest_root().version,
            missing: held.root_version,
            found: held.root_version,
        };
        let judge = self.root(held.root_version).ok_or_else(lost).map_err(Error::Chain)?;
        let envelope: Unverified = store
            .bundle(channel, held.position)?
            .ok_or_else(|| {
                crate::bundle::Malformed::new(format!("bundle {}", held.position), "its envelope is missing")
            })
            .map_err(Refusal::from)
            .map_err(Error::Chain)?;
        let root = crate::trust::readmit(judge, &envelope).map_err(Error::Chain)?;
        if root.digest() != held.digest {
            let (channel, position) = (channel.clone(), held.position);
            return Err(Error::Chain(Refusal::Equivocation { channel, position, known: held.digest }));
        }
        Ok(root)
    }
}
