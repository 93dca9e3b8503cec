use std::io::{self, Read};

use super::{
    Access, Disk, Error, blobs, bundles, disk::FileReader, envelopes, error::During, receipts, roots,
};
use crate::{
    digest::{Digest, Hasher},
    limits,
    trust::state::State,
};

/// How far a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were hashed.
    pub done: u64,
    /// Bytes that there are.
    pub total: u64,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Checked {
    /// How many blobs were hashed.
    pub blobs: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// Blobs that were damaged and are no longer there, so that a medium may bring them again.
    pub damaged: Vec<Damaged>,
    /// Envelopes that were damaged, by path; they are no longer there either.
    pub envelopes: Vec<String>,
    /// Files among the blobs that are called otherwise than a blob; they are left alone.
    pub strange: Vec<String>,
    /// Where the receipts do not follow each other, in words.
    pub receipts: Vec<String>,
}

/// A blob that was damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// What it should have been.
    pub digest: Digest,
    /// What is wrong, in words.
    pub why: String,
    /// Where it was moved to.
    pub aside: String,
}

/// Hashes every blob and reads every envelope and receipt, and moves aside what is damaged.
pub(super) fn run(
    disk: &dyn Disk,
    state: &State,
    progress: &mut dyn FnMut(Progress),
) -> Result<Checked, Error> {
    let blobs::Listing { blobs: found, strange } = blobs::list(disk)?;
    let mut checked = Checked { strange, ..Checked::default() };
    let total = found.iter().fold(0_u64, |sum, (_, stat)| sum.saturating_add(stat.size));
    let mut buffer = vec![0; limits::CHUNK_BYTES];
    for (digest, _) in found {
        let (_, path) = blobs::place(&digest);
        let mut step = |count: u64| {
            checked.bytes += count;
            progress(Progress { done: checked.bytes, total });
        };
        let mut read = hash(disk, &path, &mut buffer, &mut step);
        // A sector that fails twice is lost; one that fails once may have been a cable.
        if let Err(Reading::Read(_)) = read {
            read = hash(disk, &path, &mut buffer, &mut |_| ());
        }
        let why = match read {
            Ok(Some(hash)) if hash == digest => None,
            Ok(Some(hash)) => Some(format!("it hashes to {hash}")),
            Ok(None) => continue,
            // What cannot be read is damaged, too; what cannot be opened may be another trouble.
            Err(Reading::Read(error)) => Some(error.to_string()),
            Err(Reading::Open(error)) => return Err(error).during("open", &path),
        };
        checked.blobs += 1;
        if let Some(why) = why {
            let aside = envelopes::set_aside(disk, &path)?;
            checked.damaged.push(Damaged { digest, why, aside });
        }
    }
    check_envelopes(disk, state, &mut checked)?;
    checked.receipts = receipts::read(disk, state.receipts)?.breaks;
    Ok(checked)
}

enum Reading {
    Open(io::Error),
    Read(io::Error),
}

fn hash(
    disk: &dyn Disk,
    path: &str,
    buffer: &mut [u8],
    step: &mut dyn FnMut(u64),
) -> Result<Option<Digest>, Reading> {
    let Some(file) = disk.open(path, Access::Read).map_err(Reading::Open)? else { return Ok(None) };
    let (mut reader, mut hasher) = (FileReader::new(file, 0), Hasher::default());
    loop {
        match reader.read(buffer) {
            Ok(0) => return Ok(Some(hasher.finish().0)),
            Ok(count) => {
                hasher.update(buffer.get(..count).unwrap_or_default());
                step(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(Reading::Read(error)),
        }
    }
}

/// Moves aside envelopes that cannot be read or that are not what the state knows; only it can tell the latter.
fn check_envelopes(disk: &dyn Disk, state: &State, checked: &mut Checked) -> Result<(), Error> {
    let mut check = |path: String, recorded: Option<Digest>| {
        match envelopes::read(disk, &path) {
            Ok(None) => return Ok(()),
            Ok(Some(it)) if recorded.is_none_or(|digest| digest == it.payload_digest()) => return Ok(()),
            Ok(Some(_)) | Err(Error::Format(_)) => (),
            Err(error) => return Err(error),
        }
        envelopes::set_aside(disk, &path)?;
        checked.envelopes.push(path);
        Ok(())
    };
    for version in roots::list(disk)? {
        let recorded = [state.anchor, state.newest_root].into_iter().find(|it| it.version == version);
        check(roots::path(version), recorded.map(|it| it.digest))?;
    }
    for (channel, at) in bundles::list(disk)? {
        check(bundles::path(&channel, at), bundles::recorded(state, &channel, at))?;
    }
    Ok(())
}
