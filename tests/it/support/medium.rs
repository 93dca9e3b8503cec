//! A medium in memory, and a node to carry it to.

use std::{
    collections::BTreeMap,
    io::{self, Cursor},
    sync::Arc,
};

use airlock::{
    bundle::{Item, Medium, Opened, Role, Statement, TrustRoot, Unverified},
    digest::Digest,
    reconcile::{Memory, accept::Terms},
    source::Volumes,
    store::{Disk, Store},
    trust::{
        Audience, anchor,
        state::{RootRef, State},
    },
};

use super::kit::{Cargo, sealed};

/// What lies on a stick.
#[derive(Clone, Debug, Default)]
pub struct MapMedium {
    pub label: String,
    pub items: BTreeMap<String, Vec<u8>>,
}

impl MapMedium {
    /// A whole bundle, signed by these people, with the trust roots that were signed before.
    pub fn of(roots: &[(u32, Vec<u8>)], statement: &Statement, people: &[&str], cargo: &Cargo) -> Self {
        let mut medium = Self { label: "stick".into(), ..Self::default() };
        for (version, bytes) in roots {
            medium.put(Item::Root(*version), bytes.clone());
        }
        medium.put(Item::Bundle, sealed(Role::Bundle, statement, people));
        for (digest, bytes) in cargo.on_medium() {
            medium.put(Item::Blob(digest), bytes);
        }
        medium
    }

    pub fn put(&mut self, item: Item, bytes: Vec<u8>) {
        self.items.insert(item.to_string(), bytes);
    }

    pub fn volumes(self) -> Volumes {
        Volumes::new(vec![Arc::new(self)]).unwrap()
    }
}

impl Medium for MapMedium {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn open(&self, item: Item) -> io::Result<Option<Opened>> {
        let Some(bytes) = self.items.get(&item.to_string()) else { return Ok(None) };
        Ok(Some(Opened { size: bytes.len() as u64, reader: Box::new(Cursor::new(bytes.clone())) }))
    }

    fn roots(&self) -> io::Result<Vec<u32>> {
        let roots = self.items.keys().filter_map(|name| match Item::parse(name) {
            Some(Item::Root(version)) => Some(version),
            _ => None,
        });
        Ok(roots.collect())
    }
}

/// The node of `ship-7`, which follows both channels.
pub fn terms() -> Terms {
    let audience = Audience {
        cluster: "ship-7".parse().unwrap(),
        channels: vec!["platform".parse().unwrap(), "team".parse().unwrap()],
        wildcards: false,
    };
    Terms {
        audiences: vec![audience],
        agent: "0.1.0".parse().unwrap(),
        arch: "amd64".into(),
        kubernetes: Some(36),
    }
}

/// Begins a store that trusts `root`, as `airlock trust init` does.
pub fn begin(disk: Arc<dyn Disk>, root: &TrustRoot, people: &[&str]) -> (Store, Memory) {
    begin_as("0123456789abcdef0123456789abcdef", disk, root, people)
}

/// The same with another id, which several nodes of one cluster must have.
pub fn begin_as(id: &str, disk: Arc<dyn Disk>, root: &TrustRoot, people: &[&str]) -> (Store, Memory) {
    let envelope = Unverified::read("it", sealed(Role::Root, root, people)).unwrap();
    let anchored = anchor(&envelope, envelope.payload_digest()).unwrap();
    let at = RootRef { version: anchored.version, digest: anchored.digest() };
    let state = State::anchored(id.into(), at, anchored.issued);
    let (store, state) = Store::create(disk, state, &envelope).unwrap();
    let memory = Memory::load(&store, state).unwrap();
    (store, memory)
}

/// The digest of bytes, for tables.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::of(bytes)
}
