use std::collections::BTreeMap;

use super::{GitRefusal, Hash, Id};
use crate::archive::{Node, Tree};

/// The name that Git gives to these files, so that what lies on a disk can be held against what a commit names. A link is
/// its target's text, as in Git.
///
/// # Errors
/// When a file carries a collision attack on SHA-1, or is called as nothing in Git is.
pub fn tree_id(files: &Tree, hash: Hash) -> Result<Id, GitRefusal> {
    let mut root = Directory::default();
    for (path, node) in files.iter() {
        let (mode, id) = match node {
            Node::File { bytes, executable } => {
                (if *executable { "100755" } else { "100644" }, Id::of(hash, "blob", bytes)?)
            }
            Node::Symlink { target } => ("120000", Id::of(hash, "blob", target.as_bytes())?),
        };
        root.put(path.as_str(), mode, id)?;
    }
    root.id(hash)
}

#[derive(Default)]
struct Directory {
    files: BTreeMap<String, (&'static str, Id)>,
    below: BTreeMap<String, Self>,
}

impl Directory {
    fn put(&mut self, path: &str, mode: &'static str, id: Id) -> Result<(), GitRefusal> {
        let mut directory = self;
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        for parent in parents.split('/').filter(|it| !it.is_empty()) {
            directory = directory.below.entry(parent.to_owned()).or_default();
        }
        if name.eq_ignore_ascii_case(".git") {
            return Err(GitRefusal::Tree {
                path: path.to_owned(),
                why: "nothing in a repository is called so",
            });
        }
        directory.files.insert(name.to_owned(), (mode, id));
        Ok(())
    }

    fn id(self, hash: Hash) -> Result<Id, GitRefusal> {
        let mut entries: Vec<(String, &str, Id)> = Vec::new();
        for (name, (mode, id)) in self.files {
            entries.push((name, mode, id));
        }
        for (name, below) in self.below {
            entries.push((name, "40000", below.id(hash)?));
        }
        // Git sorts a directory as if its name ended with a slash.
        let key = |(name, mode, _): &(String, &str, Id)| {
            let mut key = name.clone().into_bytes();
            if *mode == "40000" {
                key.push(b'/');
            }
            key
        };
        entries.sort_by_key(key);
        let mut bytes = Vec::new();
        for (name, mode, id) in &entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(id.as_bytes());
        }
        Id::of(hash, "tree", &bytes)
    }
}
