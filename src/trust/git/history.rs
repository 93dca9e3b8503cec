use std::collections::BTreeSet;

use super::{GitRefusal, Id, Kind, Object};

/// Where commits are, by their own names: no replacements, no grafts, no shallow ends are looked at, since none of them
/// is covered by a signature.
pub trait Commits {
    /// The bytes of a commit; none where it is not here.
    fn read(&self, id: &Id) -> Option<Vec<u8>>;
}

/// Whether `new` descends from `old`, or is it: the history that was accepted is part of the new one. Every commit on
/// the way hashes to its name.
///
/// # Errors
/// When it does not, when a commit on the way is missing or altered, or after `limit` commits.
pub fn descends(new: &Id, old: &Id, commits: &dyn Commits, limit: usize) -> Result<(), GitRefusal> {
    let mut open = vec![new.clone()];
    let mut seen: BTreeSet<Id> = BTreeSet::from([new.clone()]);
    let mut missing = None;
    while let Some(id) = open.pop() {
        if id == *old {
            return Ok(());
        }
        if seen.len() > limit {
            return Err(GitRefusal::TooFar { new: new.to_string(), old: old.to_string(), limit });
        }
        let Some(raw) = commits.read(&id) else {
            // Another way may lead there.
            missing = missing.or(Some(id));
            continue;
        };
        let (commit, ..) = Object::checked(&id, Kind::Commit, &raw)?.commit()?;
        // The first parent is the way that the branch took, so it is looked at first.
        for parent in commit.parents.into_iter().rev() {
            if seen.insert(parent.clone()) {
                open.push(parent);
            }
        }
    }
    Err(match missing {
        Some(id) => GitRefusal::Shallow { id: id.to_string(), new: new.to_string() },
        None => GitRefusal::Rewritten { new: new.to_string(), old: old.to_string() },
    })
}
