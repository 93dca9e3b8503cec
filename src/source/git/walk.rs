use std::collections::{BTreeMap, BTreeSet};

use gix::objs::{Kind, TreeRefIter, tree::EntryKind};

use super::{Error, objects::Objects};
use crate::{
    archive::SafePath,
    limits,
    trust::git::{GitRefusal, Id},
};

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: gix::ObjectId,
    pub(super) size: u64,
    pub(super) kind: EntryKind,
}

/// What may stand in a tree beside files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// Nothing: no part of a bundle is one.
    Refused,
    /// Symbolic links, as data.
    Kept,
}

/// Every file of a tree by its path. Nothing is written to a disk, so nothing is followed; what is refused is what two
/// readers could read differently.
///
/// # Errors
/// On a submodule, a link where none may be, a name that no tree may have, two that a file system without case would
/// take for one, too many files, or an object that is not here.
pub(super) fn files(
    objects: &Objects,
    top: &Id,
    links: Links,
    url: &str,
) -> Result<BTreeMap<SafePath, Entry>, Error> {
    let refused = |path: &str, why: &'static str| {
        Error::refused(url)(GitRefusal::Tree { path: path.escape_default().to_string(), why })
    };
    let absent = |what: String| Error::Pack { url: url.to_owned(), why: format!("{what} is not in it") };
    let broken = |error: std::io::Error| Error::Pack { url: url.to_owned(), why: error.to_string() };
    let mut found = BTreeMap::new();
    let mut folded = BTreeSet::new();
    let mut trees = 0;
    let top = super::objects::oid(top).ok_or_else(|| absent(format!("tree {top}")))?;
    let mut open: Vec<(String, gix::ObjectId)> = vec![(String::new(), top)];
    while let Some((above, id)) = open.pop() {
        trees += 1;
        if trees > limits::ARCHIVE_ENTRIES {
            return Err(refused(&above, "the tree has more directories than a tree may have"));
        }
        let bytes = objects.read(&id, Kind::Tree, limits::GIT_DOCUMENT_BYTES).map_err(broken)?;
        let bytes = bytes.ok_or_else(|| absent(format!("tree {id}")))?;
        for entry in TreeRefIter::from_bytes(&bytes, objects.hash()) {
            let entry = entry.map_err(|error| broken(std::io::Error::other(error.to_string())))?;
            let name = String::from_utf8_lossy(entry.filename);
            let path = if above.is_empty() { name.to_string() } else { format!("{above}/{name}") };
            let safe = match std::str::from_utf8(entry.filename) {
                Ok(name) if name.contains('/') => Err("its name has a slash"),
                Ok(name) if name.eq_ignore_ascii_case(".git") => Err("nothing in a repository is called so"),
                Ok(_) => SafePath::new(&path).map_err(|_| "no tree may hold a name like this"),
                Err(_) => Err("its name is not UTF-8"),
            };
            let safe = safe.map_err(|why| refused(&path, why))?;
            if !folded.insert(SafePath::folded(&path)) {
                return Err(refused(&path, "another path differs from it by capitals alone, or not at all"));
            }
            if folded.len() > limits::ARCHIVE_ENTRIES {
                return Err(refused(&path, "the tree has more files than a tree may have"));
            }
            let kind = entry.mode.kind();
            match kind {
                EntryKind::Tree => {
                    open.push((path, entry.oid.to_owned()));
                    continue;
                }
                EntryKind::Commit => {
                    return Err(refused(&path, "it is a submodule, whose content the commit does not cover"));
                }
                EntryKind::Link if links == Links::Refused => {
                    return Err(refused(&path, "it is a symbolic link, and no part of a bundle is one"));
                }
                EntryKind::Link | EntryKind::Blob | EntryKind::BlobExecutable => (),
            }
            let seen = objects.look(entry.oid).map_err(broken)?.filter(|it| it.kind == Kind::Blob);
            let size = seen.ok_or_else(|| absent(path.clone()))?.size;
            found.insert(safe, Entry { id: entry.oid.to_owned(), size, kind });
        }
    }
    Ok(found)
}
