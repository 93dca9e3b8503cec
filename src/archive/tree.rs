use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use super::{Error, SafePath};
use crate::limits;

/// Files and symbolic links by path, sorted. Directories are what lies above them; an empty one does not exist, as in Git.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: BTreeMap<SafePath, Node>,
}

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File {
        /// Its content, which a chart or a build takes over as it is.
        bytes: Arc<[u8]>,
        /// Whether its owner may run it; the only bit of its mode that is kept.
        executable: bool,
    },
    /// A symbolic link: data that [`Tree::resolve`] understands, never created on a disk.
    Symlink {
        /// Where it points, as written.
        target: String,
    },
}

impl Node {
    /// A file that nobody runs.
    pub fn file(bytes: impl AsRef<[u8]>) -> Self {
        Self::File { bytes: bytes.as_ref().into(), executable: false }
    }
}

/// What a path leads to once all links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A file, under the path that it really has.
    File {
        /// The path without links.
        path: &'a SafePath,
        /// Its content.
        bytes: &'a [u8],
        /// Whether its owner may run it.
        executable: bool,
    },
    /// A directory, under the path that it really has; empty for the top.
    Directory {
        /// The path without links.
        path: &'a str,
    },
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// Nothing is there.
    #[error("nothing is there")]
    Missing,
    /// It, or a link on the way, leaves the tree.
    #[error("it leads out of the tree")]
    Outside,
    /// Links lead to links without end.
    #[error("too many symbolic links are on the way")]
    Loop,
    /// Something below a file is asked for.
    #[error("a file is on the way")]
    NotADirectory,
}

impl Tree {
    /// Collects nodes.
    ///
    /// # Errors
    /// When two stand at one path, at paths that a file system without case would take for one, or one below another.
    pub fn new(nodes: impl IntoIterator<Item = (SafePath, Node)>) -> Result<Self, Error> {
        let mut builder = Builder::default();
        for (path, node) in nodes {
            builder.insert(path, node)?;
        }
        Ok(builder.finish())
    }

    /// The node at exactly this path; links are not followed.
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// The content of the file at exactly this path; links are not followed.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        match self.get(path)? {
            Node::File { bytes, .. } => Some(bytes),
            Node::Symlink { .. } => None,
        }
    }

    /// All nodes, sorted by the bytes of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&SafePath, &Node)> {
        self.nodes.iter()
    }

    /// All nodes below a directory, sorted; links are not followed. The empty path is the top.
    pub fn below<'a>(&'a self, directory: &str) -> impl Iterator<Item = (&'a SafePath, &'a Node)> + use<'a> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        let nodes = self.nodes.range::<str, _>(from);
        nodes.take_while(move |(path, _)| path.as_str().starts_with(&prefix))
    }

    /// The names directly inside a directory, sorted and each once; links are not followed.
    pub fn names<'a>(&'a self, directory: &str) -> Vec<&'a str> {
        let skip = if directory.is_empty() { 0 } else { directory.len() + 1 };
        let names =
            self.below(directory).filter_map(|(path, _)| path.as_str().get(skip..)?.split('/').next());
        // `a`, `a-b`, `a/c` is the order of paths, so a directory's files need not stand together with its name.
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether something lies below this path.
    pub fn is_directory(&self, path: &str) -> bool {
        path.is_empty() || self.below(path).next().is_some()
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The nodes, to be collected anew.
    pub fn into_nodes(self) -> impl Iterator<Item = (SafePath, Node)> {
        self.nodes.into_iter()
    }

    /// Follows a path as Linux would with the tree's top as its current directory, but never out of the tree: `.` and
    /// `..` count, relative links are followed one component at a time, absolute ones lead out.
    ///
    /// # Errors
    /// When it leads nowhere, out of the tree, or through more than [`limits::SYMLINK_STEPS`] links.
    pub fn resolve<'a>(&'a self, path: &str) -> Result<Place<'a>, Unresolved> {
        if path.starts_with('/') {
            return Err(Unresolved::Outside);
        }
        let mut steps = limits::SYMLINK_STEPS;
        // Every link adds at most its target's components, and both numbers are bounded.
        let mut ahead: VecDeque<&str> = path.split('/').collect();
        let mut at = String::new();
        while let Some(name) = ahead.pop_front() {
            if self.get(&at).is_some() && !name.is_empty() {
                return Err(Unresolved::NotADirectory);
            }
            match name {
                "" | "." => continue,
                ".." => {
                    if at.is_empty() {
                        return Err(Unresolved::Outside);
                    }
                    at.truncate(at.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => (),
            }
            let parent = at.len();
            if !at.is_empty() {
                at.push('/');
            }
            at.push_str(name);
            match self.get(&at) {
                Some(Node::Symlink { target }) => {
                    steps = steps.checked_sub(1).ok_or(Unresolved::Loop)?;
                    if target.starts_with('/') {
                        return Err(Unresolved::Outside);
                    }
                    at.truncate(parent);
                    for name in target.split('/').rev() {
                        ahead.push_front(name);
                    }
                }
                Some(Node::File { .. }) => (),
                None if self.is_directory(&at) => (),
                None => return Err(Unresolved::Missing),
            }
        }
        if let Some((path, Node::File { bytes, executable })) = self.nodes.get_key_value(at.as_str()) {
            return Ok(Place::File { path, bytes, executable: *executable });
        }
        if at.is_empty() {
            return Ok(Place::Directory { path: "" });
        }
        let inside = self.below(&at).next().and_then(|(path, _)| path.as_str().get(..at.len()));
        inside.map(|path| Place::Directory { path }).ok_or(Unresolved::Missing)
    }
}

/// Collects a tree, and holds each new path against all before it.
#[derive(Default)]
pub(super) struct Builder {
    nodes: BTreeMap<SafePath, Node>,
    /// Every path and every directory above one, as a file system without case compares it, with its spelling.
    seen: HashMap<String, Seen>,
}

struct Seen {
    spelling: Box<str>,
    is: Is,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Node,
    /// A directory with an entry of its own.
    Directory,
    /// A directory because something lies below it.
    Implied,
}

impl Builder {
    /// Adds a node.
    pub(super) fn insert(&mut self, path: SafePath, node: Node) -> Result<(), Error> {
        self.claim(path.as_str(), Is::Node)?;
        self.nodes.insert(path, node);
        Ok(())
    }

    /// Takes note of a directory, which is not kept.
    pub(super) fn directory(&mut self, path: &SafePath) -> Result<(), Error> {
        self.claim(path.as_str(), Is::Directory)
    }

    pub(super) fn finish(self) -> Tree {
        Tree { nodes: self.nodes }
    }

    fn claim(&mut self, path: &str, is: Is) -> Result<(), Error> {
        let mut next = (path, is);
        loop {
            let (path, is) = next;
            match self.seen.entry(SafePath::folded(path)) {
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(Seen { spelling: path.into(), is });
                }
                std::collections::hash_map::Entry::Occupied(mut place) => {
                    let seen = place.get_mut();
                    if *seen.spelling != *path {
                        let why = format!("only its case tells it from {:?}", seen.spelling);
                        return Err(Error::entry(path.as_bytes(), why));
                    }
                    match (seen.is, is) {
                        // All above it was claimed when it was.
                        (Is::Directory | Is::Implied, Is::Implied) => return Ok(()),
                        (Is::Implied, Is::Directory) => {
                            seen.is = Is::Directory;
                            return Ok(());
                        }
                        (Is::Node, Is::Node) | (Is::Directory, Is::Directory) => {
                            return Err(Error::entry(path.as_bytes(), "it comes twice"));
                        }
                        _ => {
                            let why = "it is a directory and something else";
                            return Err(Error::entry(path.as_bytes(), why));
                        }
                    }
                }
            }
            match path.rsplit_once('/') {
                Some((parent, _)) => next = (parent, Is::Implied),
                None => return Ok(()),
            }
        }
    }
}
