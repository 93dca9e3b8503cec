use super::{
    Disk, Error,
    envelopes::{self, Before},
    error::During,
};
use crate::{
    bundle::{Floor, Unverified},
    digest::Digest,
    name::ChannelName,
    trust::state::State,
};

/// Where the envelopes of accepted bundles lie, in a directory a channel; never collected.
pub(super) const DIR: &str = "bundles-v1";

pub(super) fn path(channel: &ChannelName, at: Floor) -> String {
    format!("{DIR}/{channel}/{at}.dsse")
}

/// Reads the envelope of a bundle.
pub(super) fn read(disk: &dyn Disk, channel: &ChannelName, at: Floor) -> Result<Option<Unverified>, Error> {
    envelopes::read(disk, &path(channel, at))
}

/// Keeps the envelope of a bundle; another one with its number is refused.
pub(super) fn put(
    disk: &dyn Disk,
    channel: &ChannelName,
    at: Floor,
    bundle: &Unverified,
    state: &State,
) -> Result<(), Error> {
    match envelopes::put(disk, &path(channel, at), bundle, recorded(state, channel, at))? {
        Before::Free | Before::Same => Ok(()),
        Before::Other(kept) => Err(Error::Equivocation {
            position: format!("{channel} {at}"),
            kept,
            other: bundle.payload_digest(),
        }),
    }
}

/// The payload digest that the state knows for a position of a channel.
pub(super) fn recorded(state: &State, channel: &ChannelName, at: Floor) -> Option<Digest> {
    state.clusters.values().filter_map(|channels| channels.get(channel)).find_map(|it| {
        let held = [it.staged, it.active, it.last_good].into_iter().flatten();
        let floor = it.floor.and_then(|floor| Some((floor.position, floor.digest?)));
        let mut known = held.map(|held| (held.position, held.digest)).chain(floor);
        known.find(|(position, _)| *position == at).map(|(_, digest)| digest)
    })
}

/// All bundles, by channel and position, ascending.
pub(super) fn list(disk: &dyn Disk) -> Result<Vec<(ChannelName, Floor)>, Error> {
    let mut bundles = Vec::new();
    for name in disk.list(DIR).during("list", DIR)? {
        let Ok(channel) = name.parse::<ChannelName>() else { continue };
        let found = envelopes::list(disk, &format!("{DIR}/{channel}"), |name| {
            let at: Floor = name.strip_suffix(".dsse")?.parse().ok()?;
            path(&channel, at).ends_with(&format!("/{name}")).then_some(at)
        })?;
        bundles.extend(found.into_iter().map(|at| (channel.clone(), at)));
    }
    bundles.sort();
    Ok(bundles)
}
