use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Disk, Error, Recovered, file};
use crate::{
    bundle::{Malformed, strict},
    digest::Digest,
    trust::state::State,
};

/// The two slots, and what they hold. Each acceptance is in both before it is reported, so that one may be lost.
pub(super) struct Slots {
    disk: Arc<dyn Disk>,
    /// The counter in each slot, as far as that is certain.
    counters: [Option<u64>; 2],
    /// The highest counter that was ever tried.
    highest: u64,
    /// What was committed last.
    pub(super) state: State,
}

const PATHS: [&str; 2] = ["state-a", "state-b"];

/// A state of a node with a thousand channels has a few MB; what is longer was not written by us.
const SLOT_BYTES: u64 = 64 * 1024 * 1024;

/// The first line of a slot; the state follows as the second. A later format may add to it and keeps its checksum, so
/// that an agent can tell a slot that is damaged from one that is newer than it is.
#[derive(Serialize, Deserialize)]
struct Head {
    r#type: String,
    format: u32,
    /// Rises with every write; the slot with the higher one counts.
    counter: u64,
    /// Of the counter in decimal, a newline, and the second line.
    checksum: Digest,
}

/// What lies in a slot.
#[derive(Debug)]
enum Slot {
    Missing,
    Damaged(String),
    Whole { counter: u64, state: Box<State> },
}

impl Slots {
    /// Writes the first state into both slots, over whatever is there.
    pub(super) fn create(disk: &Arc<dyn Disk>, state: State) -> Result<Self, Error> {
        let mut slots = Self { disk: Arc::clone(disk), counters: [None, None], highest: 0, state };
        slots.write_both()?;
        Ok(slots)
    }

    /// Reads both slots and says which state counts, and what is wrong with the other slot.
    pub(super) fn read(disk: &Arc<dyn Disk>) -> Result<Option<(Self, Vec<Recovered>)>, Error> {
        let [a, b] = PATHS.map(|path| load(disk.as_ref(), path));
        let (slots, unreadable) = match (a, b) {
            (Ok(a), Ok(b)) => ([a, b], None),
            // A sector that cannot be read is why there are two slots.
            (Err(error @ Error::Disk { .. }), Ok(other)) => {
                ([Slot::Damaged(because(&error)), other], Some(error))
            }
            (Ok(other), Err(error @ Error::Disk { .. })) => {
                ([other, Slot::Damaged(because(&error))], Some(error))
            }
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let counters = [0, 1].map(|index: usize| match slots.get(index) {
            Some(Slot::Whole { counter, .. }) => Some(*counter),
            _ => None,
        });
        match (judge(slots), unreadable) {
            (Ok(None), None) => Ok(None),
            (Ok(Some((state, notices))), _) => {
                let highest = counters.into_iter().flatten().max().unwrap_or(0);
                Ok(Some((Self { disk: Arc::clone(disk), counters, highest, state: *state }, notices)))
            }
            (Err(_) | Ok(None), Some(error)) => Err(error),
            (Err(why), None) => Err(Error::StateLost { why }),
        }
    }

    /// Makes the slots equal again after one was found to be behind.
    pub(super) fn heal(&mut self) -> Result<(), Error> {
        // What is read may still be in memory only, so both are written, not just the one that is behind.
        self.write_both()
    }

    /// Makes `state` durable in both slots.
    pub(super) fn commit(&mut self, state: &State) -> Result<(), Error> {
        forwards(&self.state, state).map_err(|why| Error::Backwards { why })?;
        let before = std::mem::replace(&mut self.state, state.clone());
        self.write_both().inspect_err(|_| self.state = before)
    }

    fn write_both(&mut self) -> Result<(), Error> {
        // A counter is never used twice: after an error nobody knows whether it reached the disk.
        self.highest += 1;
        let bytes = encode(self.highest, &self.state);
        // The slot that is behind first, so that the better one is never touched while the other is not whole.
        let behind = usize::from(self.counters[0] > self.counters[1]);
        for index in [behind, 1 - behind] {
            let (Some(path), Some(counter)) = (PATHS.get(index), self.counters.get_mut(index)) else {
                continue;
            };
            *counter = None;
            file::replace(self.disk.as_ref(), path, &bytes)?;
            *counter = Some(self.highest);
        }
        Ok(())
    }
}

fn because(error: &Error) -> String {
    match error {
        Error::Disk { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

fn load(disk: &dyn Disk, path: &str) -> Result<Slot, Error> {
    match file::read(disk, path, SLOT_BYTES)? {
        None => Ok(Slot::Missing),
        Some(bytes) => Ok(decode(path, &bytes)?),
    }
}

/// The state that counts, and what was wrong with the slot that does not.
type Judged = (Box<State>, Vec<Recovered>);

/// Which of two slots counts: the state, and what was wrong. None where nothing was ever written.
///
/// The error says why no state can be told from them.
fn judge(slots: [Slot; 2]) -> Result<Option<Judged>, String> {
    let [name_a, name_b] = PATHS;
    let lagging = |slot, counter: u64, ahead: u64| Recovered::Slot {
        slot,
        why: format!("it holds change {counter}, and the other one {ahead}"),
    };
    let one = |state, slot, why: String| Ok(Some((state, vec![Recovered::Slot { slot, why }])));
    let gone = || "it is not there".to_owned();
    match slots {
        [Slot::Whole { counter: a, state }, Slot::Whole { counter: b, state: other }] => match a.cmp(&b) {
            std::cmp::Ordering::Greater => Ok(Some((state, vec![lagging(name_b, b, a)]))),
            std::cmp::Ordering::Less => Ok(Some((other, vec![lagging(name_a, a, b)]))),
            std::cmp::Ordering::Equal if state == other => Ok(Some((state, Vec::new()))),
            std::cmp::Ordering::Equal => Err(format!("both slots hold change {a}, with different content")),
        },
        [Slot::Whole { state, .. }, Slot::Missing] => one(state, name_b, gone()),
        [Slot::Missing, Slot::Whole { state, .. }] => one(state, name_a, gone()),
        [Slot::Whole { state, .. }, Slot::Damaged(why)] => one(state, name_b, why),
        [Slot::Damaged(why), Slot::Whole { state, .. }] => one(state, name_a, why),
        [Slot::Missing, Slot::Missing] => Ok(None),
        [Slot::Damaged(a), Slot::Damaged(b)] => {
            Err(format!("`{name_a}` is damaged ({a}), and so is `{name_b}` ({b})"))
        }
        [Slot::Damaged(why), Slot::Missing] => {
            Err(format!("`{name_a}` is damaged ({why}), and `{name_b}` is gone"))
        }
        [Slot::Missing, Slot::Damaged(why)] => {
            Err(format!("`{name_b}` is damaged ({why}), and `{name_a}` is gone"))
        }
    }
}

fn checksum(counter: u64, state: &[u8]) -> Digest {
    let mut bytes = format!("{counter}\n").into_bytes();
    bytes.extend_from_slice(state);
    Digest::of(&bytes)
}

fn encode(counter: u64, state: &State) -> Vec<u8> {
    let body = serde_json::to_vec(state).expect("strings, numbers and maps with text keys always serialise");
    let checksum = checksum(counter, &body);
    let head = Head { r#type: "state".to_owned(), format: 1, counter, checksum };
    let mut bytes = serde_json::to_vec(&head).expect("strings and numbers always serialise");
    bytes.push(b'\n');
    bytes.extend_from_slice(&body);
    bytes.push(b'\n');
    bytes
}

/// Tells a damaged slot from one that is whole and that this agent cannot read, since a newer one wrote it: the
/// first is made good from the other slot, the second must not be.
fn decode(path: &str, bytes: &[u8]) -> Result<Slot, Malformed> {
    let damaged = |why: &str| Ok(Slot::Damaged(why.to_owned()));
    let mut lines = bytes.split(|c| *c == b'\n');
    let (Some(head), Some(body), Some([]), None) = (lines.next(), lines.next(), lines.next(), lines.next())
    else {
        return damaged("it does not have two lines");
    };
    let head: Head = match strict::parse(path, head) {
        Ok(head) => head,
        Err(error) => return damaged(&error.why),
    };
    if head.checksum != checksum(head.counter, body) {
        return damaged("its checksum is another one");
    }
    if (head.r#type.as_str(), head.format) != ("state", 1) {
        let why = format!("it is a `{}` of format {}, and this agent reads 1", head.r#type, head.format);
        return Err(Malformed::new(path, why));
    }
    let state = strict::parse(path, body)?;
    Ok(Slot::Whole { counter: head.counter, state: Box::new(state) })
}

/// Whether a state may follow another: what a node must never forget does not fall.
fn forwards(old: &State, new: &State) -> Result<(), String> {
    if old.store_id != new.store_id {
        return Err("the store id would be another one".to_owned());
    }
    if old.anchor != new.anchor {
        return Err("the anchored root would be another one".to_owned());
    }
    if old.newest_root.version > new.newest_root.version {
        return Err(format!("the newest root would fall from {}", old.newest_root.version));
    }
    if old.newest_root.version == new.newest_root.version && old.newest_root != new.newest_root {
        return Err(format!("root {} would be another one", old.newest_root.version));
    }
    if old.receipts.count > new.receipts.count {
        return Err(format!("receipts would fall from {}", old.receipts.count));
    }
    for (cluster, channels) in &old.clusters {
        for (channel, before) in channels {
            let (before, after) = (before.floor, new.channel(cluster, channel).floor);
            if before.map(|it| it.position) > after.map(|it| it.position) {
                return Err(format!("the floor of channel `{channel}` on `{cluster}` would fall"));
            }
        }
    }
    Ok(())
}
