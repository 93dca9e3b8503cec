//! What the store promises, at every point where a disk may fail or a machine may stop.

use std::{
    collections::BTreeMap,
    io::Read,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use airlock::{
    bundle::{Blob, BlobRole, Floor, Inventory, Part, Role, Statement, Unverified, encode},
    content::Blobs,
    digest::Digest,
    fault::Fault as _,
    name::{ChannelName, ClusterId},
    store::{Disk, Error, Keep, Store},
    trust::state::{Held, HeldFloor, RootRef, State},
};
use jiff::Timestamp;

use crate::support::{
    faulty::{Fault, Faulty, Op},
    forgetful::{Forgetful, Outcome},
    kit::noise,
};

mod crash;
mod rules;

const ID: &str = "00112233445566778899aabbccddeeff";

fn now() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn channel() -> ChannelName {
    "platform".parse().unwrap()
}

fn cluster() -> ClusterId {
    "ship-7".parse().unwrap()
}

fn envelope(role: Role, payload: &[u8]) -> Unverified {
    Unverified::read("it", encode(role, payload, &[])).unwrap()
}

/// A bundle as the connected side would make it, with the content of its blobs and parts.
struct Bundle {
    at: Floor,
    payload: Digest,
    envelope: Unverified,
    statement: Statement,
    inventory: Inventory,
    content: BTreeMap<Digest, Vec<u8>>,
}

impl Bundle {
    /// Small blobs by seed, one that is longer than a buffer, and one in three parts.
    fn new(sequence: u64, small: &[u64], large: u64, parts: u64) -> Self {
        let mut content = BTreeMap::new();
        let mut blobs = Vec::new();
        let mut keep = |bytes: Vec<u8>| {
            let part = Part { digest: Digest::of(&bytes), size: bytes.len() as u64 };
            content.insert(part.digest, bytes);
            part
        };
        let blob = |whole: Part, parts| Blob {
            digest: whole.digest,
            size: whole.size,
            unpacked: whole.size,
            media_type: "application/octet-stream".into(),
            role: BlobRole::File,
            parts,
        };
        for seed in small {
            blobs.push(blob(keep(noise(*seed, 10 + usize::try_from(*seed).unwrap() * 97)), vec![]));
        }
        blobs.push(blob(keep(noise(large, 300_000)), vec![]));
        let whole = noise(parts, 3_000);
        let pieces = whole.chunks(1_100).map(|chunk| keep(chunk.to_vec())).collect();
        blobs.push(blob(Part { digest: Digest::of(&whole), size: 3_000 }, pieces));

        let inventory = Inventory::new(blobs);
        let release = keep(format!("{{\"release\":{sequence}}}").into_bytes());
        let sums = inventory.sums().unwrap();
        keep(inventory.encode());
        let statement: Statement = serde_json::from_value(serde_json::json!({
            "type": "bundle", "format": 1, "domain": ID, "channel": channel(), "epoch": 1, "sequence": sequence,
            "created": now(), "accept_until": now(), "audience": ["ship-7"], "root_version": 1, "previous": null,
            "rollback_floor": { "epoch": 1, "sequence": 1 }, "target": {}, "requires_agent": "0.1.0",
            "inventory": sums, "release": release,
        }))
        .unwrap();
        let payload = serde_json::to_vec(&statement).unwrap();
        Self {
            at: Floor { epoch: 1, sequence },
            payload: Digest::of(&payload),
            envelope: envelope(Role::Bundle, &payload),
            statement,
            inventory,
            content,
        }
    }

    /// The blobs that the statement reaches, by digest and size.
    fn reached(&self) -> Vec<(Digest, u64)> {
        let (inventory, release) = (&self.statement.inventory, &self.statement.release);
        let first = [(inventory.digest, inventory.size), (release.digest, release.size)];
        first.into_iter().chain(self.inventory.iter().map(|blob| (blob.digest, blob.size))).collect()
    }

    fn held(&self) -> Held {
        Held { position: self.at, digest: self.payload, root_version: 1, accepted: now() }
    }

    /// What an acceptance does to the state.
    fn accept(&self, state: &mut State) {
        let state = state.channel_mut(&cluster(), &channel());
        state.floor = Some(HeldFloor { position: self.at, digest: Some(self.payload) });
        state.staged = Some(self.held());
    }

    /// Takes in all blobs from three volumes, of which each has a third of the pieces.
    fn import(&self, store: &Store) -> Result<airlock::store::Ingest, Error> {
        let mut ingest = store.ingest()?;
        ingest.admit(self.reached())?;
        for volume in 0..3 {
            for (digest, size) in self.reached() {
                let open = |digest: Digest| {
                    move |skip: u64| {
                        let bytes = self.content[&digest][usize::try_from(skip).unwrap()..].to_vec();
                        Ok(Box::new(std::io::Cursor::new(bytes)) as Box<dyn Read + Send>)
                    }
                };
                let here = |piece: usize| (usize::from(digest.as_bytes()[0]) + piece) % 3 == volume;
                match self.inventory.get(&digest).filter(|blob| !blob.parts.is_empty()) {
                    Some(blob) => {
                        for index in ingest.missing(blob)? {
                            if here(index) {
                                ingest.part(blob, index, &mut open(blob.parts[index].digest))?;
                            }
                        }
                    }
                    None if here(0) => drop(ingest.whole(&digest, size, &mut open(digest))?),
                    None => (),
                }
            }
        }
        ingest.commit()?;
        Ok(ingest)
    }
}

fn root() -> Unverified {
    envelope(Role::Root, b"{\"root\":1}")
}

fn anchored() -> State {
    State::anchored(ID.into(), RootRef { version: 1, digest: root().payload_digest() }, now())
}

/// Opens a blob as `content` does and reads it whole.
fn read(blobs: &dyn Blobs, digest: &Digest) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    blobs.open(digest).unwrap()?.read_to_end(&mut bytes).unwrap();
    Some(bytes)
}
