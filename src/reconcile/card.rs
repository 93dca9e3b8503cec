//! Latest cards: a few signed bytes that say which bundle of a channel is the newest, so that a node that gets none
//! notices. A card installs nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    accept::{Error, Terms},
    memory::{Lend, Memory},
    receipt,
};
use crate::{
    bundle::{Floor, Malformed, Unverified},
    digest::Digest,
    limits,
    name::ChannelName,
    store::Store,
    trust::{self, Refusal},
};

/// What a card told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The channel.
    pub channel: ChannelName,
    /// Its newest bundle when the card was made.
    pub position: Floor,
    /// That bundle's identity.
    pub digest: Digest,
    /// When that bundle was made.
    pub created: Timestamp,
    /// Whether this node has neither it nor a newer one.
    pub behind: bool,
}

/// Takes in what a card tells. `label` names it to people.
///
/// # Errors
/// When it is none, is not signed by the newest root's card role, is of a channel that the node does not follow, or tells
/// of another bundle than was accepted in its place (`equivocation`).
pub(super) fn learn(
    store: &Store,
    memory: &mut impl Lend,
    terms: &Terms,
    label: &str,
    bytes: Vec<u8>,
    now: Timestamp,
) -> Result<Told, Error> {
    if bytes.len() > limits::CARD_BYTES {
        let why = format!("it has more than {} bytes, and no latest card does", limits::CARD_BYTES);
        return Err(Refusal::from(Malformed::new(label, why)).into());
    }
    let envelope = Unverified::read(label, bytes).map_err(Refusal::from)?;
    memory.lend(|memory| take(store, memory, terms, label, &envelope, now))
}

fn take(
    store: &Store,
    memory: &mut Memory,
    terms: &Terms,
    label: &str,
    envelope: &Unverified,
    now: Timestamp,
) -> Result<Told, Error> {
    let card = trust::card(memory.newest_root(), envelope)?;
    let (channel, position) = (&card.channel, Floor { epoch: card.epoch, sequence: card.sequence });
    let followers: Vec<_> = terms.audiences.iter().filter(|it| it.channels.contains(channel)).collect();
    let Some(own) = followers.first() else {
        return Err(Refusal::Channel { channel: channel.clone() }.into());
    };
    let floor = memory.state.channel(&own.cluster, channel).floor;
    if let Some(known) = floor.filter(|it| it.position == position).and_then(|it| it.digest)
        && known != card.digest
    {
        return Err(Refusal::Equivocation { channel: channel.clone(), position, known }.into());
    }
    let behind = floor.is_none_or(|it| it.position < position);
    let (digest, created) = (card.digest, card.created);
    let told = Told { channel: channel.clone(), position, digest, created, behind };
    memory.change(store, now, &receipt::card(label, &told, card.signers()), |state| {
        for follower in &followers {
            state.channel_mut(&follower.cluster, channel).learn(&card);
        }
    })?;
    Ok(told)
}
