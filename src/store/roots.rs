use super::{
    Disk, Error,
    envelopes::{self, Before},
};
use crate::{bundle::Unverified, trust::state::State};

/// Where the trust roots lie; never collected.
pub(super) const DIR: &str = "roots-v1";

pub(super) fn path(version: u32) -> String {
    format!("{DIR}/{version:04}.root.dsse")
}

/// Reads a trust root.
pub(super) fn read(disk: &dyn Disk, version: u32) -> Result<Option<Unverified>, Error> {
    envelopes::read(disk, &path(version))
}

/// Keeps a trust root; another one of its version is refused.
pub(super) fn put(disk: &dyn Disk, version: u32, root: &Unverified, state: &State) -> Result<(), Error> {
    let recorded = [state.anchor, state.newest_root].into_iter().find(|it| it.version == version);
    match envelopes::put(disk, &path(version), root, recorded.map(|it| it.digest))? {
        Before::Free | Before::Same => Ok(()),
        Before::Other(kept) => Err(Error::RootFork { version, kept, other: root.payload_digest() }),
    }
}

/// The versions that are there, ascending.
pub(super) fn list(disk: &dyn Disk) -> Result<Vec<u32>, Error> {
    envelopes::list(disk, DIR, |name| {
        let version = name.strip_suffix(".root.dsse")?.parse().ok()?;
        (path(version) == format!("{DIR}/{name}")).then_some(version)
    })
}
