use std::collections::BTreeSet;

use super::{DAMAGED, Disk, Error, blobs, disk::Stat, error::During, file, ingest};
use crate::{
    bundle::{Inventory, Statement},
    digest::Digest,
    trust::state::State,
};

/// What a collection must not take.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    bundles: BTreeSet<Digest>,
    blobs: BTreeSet<Digest>,
}

impl Keep {
    /// Keeps everything that a verified bundle names: its inventory, its release, and all blobs.
    pub fn bundle(&mut self, payload: Digest, statement: &Statement, inventory: &Inventory) {
        self.bundles.insert(payload);
        self.blobs.extend([statement.inventory.digest, statement.release.digest]);
        self.blobs.extend(inventory.iter().map(|blob| blob.digest));
    }

    /// Keeps one blob.
    pub fn blob(&mut self, digest: Digest) {
        self.blobs.insert(digest);
    }

    /// The bundles that the state relies on and that nobody named: collecting without them would break what runs.
    fn unnamed(&self, state: &State) -> Option<Digest> {
        let channels = state.clusters.values().flat_map(|it| it.values());
        let mut held = channels.flat_map(|it| [it.staged, it.active, it.last_good]).flatten();
        held.find(|it| !self.bundles.contains(&it.digest)).map(|it| it.digest)
    }
}

/// What can be collected.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Garbage {
    /// Blobs that no kept bundle names.
    pub blobs: Vec<Digest>,
    /// Partial blobs, damaged files and the like, by path.
    pub files: Vec<String>,
    /// How many bytes they take.
    pub bytes: u64,
}

/// What a collection looks at.
#[derive(Debug, Default)]
struct Present {
    blobs: Vec<(Digest, Stat)>,
    files: Vec<(String, Stat)>,
}

/// Decides what can go: what is not kept, and was written before `before`. What is younger may belong to a bundle
/// whose other volumes are still to come.
fn decide(keep: &Keep, present: Present, before: i64) -> Garbage {
    let mut garbage = Garbage::default();
    let old = |stat: &Stat| stat.modified < before;
    for (digest, stat) in present.blobs {
        if old(&stat) && !keep.blobs.contains(&digest) {
            garbage.bytes = garbage.bytes.saturating_add(stat.size);
            garbage.blobs.push(digest);
        }
    }
    for (path, stat) in present.files {
        if old(&stat) {
            garbage.bytes = garbage.bytes.saturating_add(stat.size);
            garbage.files.push(path);
        }
    }
    garbage
}

/// Looks at what is there and decides; nothing is deleted.
pub(super) fn plan(disk: &dyn Disk, state: &State, keep: &Keep, before: i64) -> Result<Garbage, Error> {
    if let Some(unnamed) = keep.unnamed(state) {
        return Err(Error::Unkept(unnamed));
    }
    let blobs = blobs::list(disk)?.blobs;
    let mut files = Vec::new();
    for dir in [ingest::DIR, DAMAGED] {
        for name in disk.list(dir).during("list", dir)? {
            let path = format!("{dir}/{name}");
            if let Some(stat) = disk.stat(&path).during("look at", &path)? {
                files.push((path, stat));
            }
        }
    }
    Ok(decide(keep, Present { blobs, files }, before))
}

/// Deletes what was decided. A stop anywhere leaves the rest for the next time.
pub(super) fn collect(disk: &dyn Disk, garbage: &Garbage) -> Result<(), Error> {
    let paths = garbage.blobs.iter().map(|digest| blobs::place(digest).1);
    for path in paths.chain(garbage.files.iter().cloned()) {
        file::remove(disk, &path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_old_and_unnamed_goes() {
        let [kept, young, old] = [b"kept", b"youn", b"old!"].map(|bytes| Digest::of(bytes));
        let mut keep = Keep::default();
        keep.blob(kept);
        let stat = |modified| Stat { size: 4, modified };
        let present = Present {
            blobs: vec![(kept, stat(0)), (young, stat(100)), (old, stat(99))],
            files: vec![("ingest-v1/a".into(), stat(99)), ("ingest-v1/b".into(), stat(100))],
        };
        let garbage = decide(&keep, present, 100);
        assert_eq!(garbage, Garbage { blobs: vec![old], files: vec!["ingest-v1/a".into()], bytes: 8 });
    }
}
