//! A disk in memory that forgets at a power cut what POSIX does not promise to keep.
//!
//! What is written is a change in memory until the file is synced; what is named is one until its directory is; either
//! is done with by a sync of everything. A power cut keeps what is durable and, of the changes in memory, what an
//! [`Outcome`] says. The running system, until then, sees them all.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use airlock::store::disk::{Access, Disk, File, Held, Space, Stat};

#[derive(Clone)]
pub(crate) struct Forgetful(Arc<Mutex<World>>);

struct World {
    /// What the running system sees, by inode; the top directory is the first.
    seen: Vec<Node>,
    /// What the platter has, by the same numbers.
    durable: Vec<Node>,
    /// What is in memory only, in order.
    changes: Vec<Change>,
    locked: BTreeSet<String>,
    clock: i64,
}

#[derive(Clone)]
enum Node {
    Dir(BTreeMap<String, usize>),
    File { bytes: Vec<u8>, modified: i64 },
}

#[derive(Clone)]
enum Change {
    Write {
        inode: usize,
        offset: usize,
        bytes: Vec<u8>,
        at: i64,
    },
    Cut {
        inode: usize,
        size: usize,
    },
    Enter {
        dir: usize,
        name: String,
        inode: usize,
    },
    Leave {
        dir: usize,
        name: String,
    },
    /// Within one directory a rename is one change, as every file system promises; between two it is two.
    Move {
        dir: usize,
        from: String,
        to: String,
    },
}

/// What of the changes in memory a power cut leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The first so many, in the order in which they were made.
    Prefix(usize),
    /// The first so many, and half of the next one, which is a write.
    Torn(usize),
    /// All names and no content, as a file system that allocates late leaves it.
    Names,
    /// All content and no names.
    Content,
}

impl Default for Forgetful {
    fn default() -> Self {
        let top = vec![Node::Dir(BTreeMap::new())];
        Self::over(top, 1_000)
    }
}

impl Forgetful {
    fn over(nodes: Vec<Node>, clock: i64) -> Self {
        let (seen, durable) = (nodes.clone(), nodes);
        Self(Arc::new(Mutex::new(World {
            seen,
            durable,
            changes: Vec::new(),
            locked: BTreeSet::new(),
            clock,
        })))
    }

    /// The disk after a power cut now; this one goes on as if nothing had happened.
    pub(crate) fn power_cut(&self, outcome: Outcome) -> Self {
        let world = self.world();
        let mut nodes = world.durable.clone();
        let keep = |index: usize, change: &Change| match outcome {
            Outcome::Prefix(count) | Outcome::Torn(count) => index < count,
            Outcome::Names => change.dir().is_some(),
            Outcome::Content => change.dir().is_none(),
        };
        for (index, change) in world.changes.iter().enumerate() {
            if keep(index, change) {
                change.apply(&mut nodes);
            } else if let (Outcome::Torn(count), Change::Write { inode, offset, bytes, at }) =
                (outcome, change)
                && index == count
            {
                let bytes = bytes[..bytes.len() / 2].to_vec();
                Change::Write { inode: *inode, offset: *offset, bytes, at: *at }.apply(&mut nodes);
            }
        }
        Self::over(nodes, world.clock)
    }

    /// All outcomes of a power cut now.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        let world = self.world();
        let mut outcomes: Vec<Outcome> = (0..=world.changes.len()).map(Outcome::Prefix).collect();
        for (index, change) in world.changes.iter().enumerate() {
            if matches!(change, Change::Write { bytes, .. } if bytes.len() > 1) {
                outcomes.push(Outcome::Torn(index));
            }
        }
        if world.changes.iter().any(|it| it.dir().is_some()) {
            outcomes.push(Outcome::Content);
        }
        if world.changes.iter().any(|it| it.dir().is_none()) {
            outcomes.push(Outcome::Names);
        }
        outcomes
    }

    /// What a failed sync does on Linux: content that was not durable never will be, and is seen all the same. It
    /// concerns one file, or all of them where a sync of everything failed.
    pub(crate) fn lose_content(&self, path: Option<&str>) {
        let mut world = self.world();
        let inode = path.and_then(|path| world.find(path));
        world.changes.retain(|it| it.dir().is_some() || (path.is_some() && it.inode() != inode));
    }

    /// Every file that is seen, by path.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        fn walk(nodes: &[Node], at: usize, path: &str, files: &mut BTreeMap<String, Vec<u8>>) {
            match &nodes[at] {
                Node::File { bytes, .. } => drop(files.insert(path.to_owned(), bytes.clone())),
                Node::Dir(names) => {
                    for (name, inode) in names {
                        walk(nodes, *inode, format!("{path}/{name}").trim_start_matches('/'), files);
                    }
                }
            }
        }
        let mut files = BTreeMap::new();
        walk(&self.world().seen, 0, "", &mut files);
        files
    }

    /// Changes a file's content on the platter, as a failing disk does.
    pub(crate) fn damage(&self, path: &str, spoil: impl FnOnce(&mut Vec<u8>)) {
        let mut world = self.world();
        let inode = world.find(path).unwrap();
        spoil(world.seen[inode].content().0);
        world.durable[inode] = world.seen[inode].clone();
    }

    /// Sets the clock that files are dated by.
    pub(crate) fn set_clock(&self, seconds: i64) {
        self.world().clock = seconds;
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl Change {
    /// The directory that has to be synced; none where it is the file.
    fn dir(&self) -> Option<usize> {
        match self {
            Self::Write { .. } | Self::Cut { .. } => None,
            Self::Enter { dir, .. } | Self::Leave { dir, .. } | Self::Move { dir, .. } => Some(*dir),
        }
    }

    fn inode(&self) -> Option<usize> {
        match self {
            Self::Write { inode, .. } | Self::Cut { inode, .. } => Some(*inode),
            _ => None,
        }
    }

    fn apply(&self, nodes: &mut [Node]) {
        match self {
            Self::Write { inode, offset, bytes, at } => {
                let (content, modified) = nodes[*inode].content();
                let end = offset + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*offset..end].copy_from_slice(bytes);
                *modified = *at;
            }
            Self::Cut { inode, size } => nodes[*inode].content().0.resize(*size, 0),
            Self::Enter { dir, name, inode } => {
                nodes[*dir].names().insert(name.clone(), *inode);
            }
            Self::Leave { dir, name } => {
                nodes[*dir].names().remove(name);
            }
            Self::Move { dir, from, to } => {
                let names = nodes[*dir].names();
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
        }
    }
}

impl Node {
    fn names(&mut self) -> &mut BTreeMap<String, usize> {
        match self {
            Self::Dir(names) => names,
            Self::File { .. } => panic!("a file has no names in it"),
        }
    }

    fn content(&mut self) -> (&mut Vec<u8>, &mut i64) {
        match self {
            Self::File { bytes, modified } => (bytes, modified),
            Self::Dir(_) => panic!("a directory has no content"),
        }
    }
}

impl World {
    fn find(&self, path: &str) -> Option<usize> {
        path.split('/').filter(|it| *it != ".").try_fold(0, |at, name| match &self.seen[at] {
            Node::Dir(names) => names.get(name).copied(),
            Node::File { .. } => None,
        })
    }

    /// The directory of a path, and the last name.
    fn place<'a>(&self, path: &'a str) -> io::Result<(usize, &'a str)> {
        let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
        Ok((self.find(parent).ok_or(io::ErrorKind::NotFound)?, name))
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.changes.push(change);
    }

    fn make(&mut self, path: &str, node: Node) -> io::Result<usize> {
        let (dir, name) = self.place(path)?;
        if self.find(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = self.seen.len();
        self.seen.push(node.clone());
        self.durable.push(node);
        self.change(Change::Enter { dir, name: name.to_owned(), inode });
        Ok(inode)
    }

    fn settle(&mut self, which: impl Fn(&Change) -> bool) {
        let (done, left) = std::mem::take(&mut self.changes).into_iter().partition(|it| which(it));
        self.changes = left;
        let done: Vec<Change> = done;
        for change in done {
            change.apply(&mut self.durable);
        }
    }
}

impl Disk for Forgetful {
    fn make_dir(&self, path: &str) -> io::Result<()> {
        self.world().make(path, Node::Dir(BTreeMap::new())).map(drop)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let mut world = self.world();
        let node = Node::File { bytes: Vec::new(), modified: world.clock };
        let inode = world.make(path, node)?;
        Ok(Arc::new(Opened { disk: self.clone(), inode }))
    }

    fn open(&self, path: &str, _: Access) -> io::Result<Option<Arc<dyn File>>> {
        let Some(inode) = self.world().find(path) else { return Ok(None) };
        Ok(Some(Arc::new(Opened { disk: self.clone(), inode })))
    }

    fn stat(&self, path: &str) -> io::Result<Option<Stat>> {
        let world = self.world();
        Ok(world.find(path).and_then(|inode| match &world.seen[inode] {
            Node::File { bytes, modified } => Some(Stat { size: bytes.len() as u64, modified: *modified }),
            Node::Dir(_) => None,
        }))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let world = self.world();
        match world.find(path).map(|inode| &world.seen[inode]) {
            Some(Node::Dir(names)) => Ok(names.keys().cloned().collect()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world();
        let (old_dir, old) = world.place(from)?;
        let (new_dir, new) = world.place(to)?;
        let inode = world.find(from).ok_or(io::ErrorKind::NotFound)?;
        if old_dir == new_dir {
            world.change(Change::Move { dir: old_dir, from: old.to_owned(), to: new.to_owned() });
        } else {
            world.change(Change::Enter { dir: new_dir, name: new.to_owned(), inode });
            world.change(Change::Leave { dir: old_dir, name: old.to_owned() });
        }
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut world = self.world();
        let (dir, name) = world.place(path)?;
        world.find(path).ok_or(io::ErrorKind::NotFound)?;
        world.change(Change::Leave { dir, name: name.to_owned() });
        Ok(())
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        let mut world = self.world();
        let dir = world.find(path).ok_or(io::ErrorKind::NotFound)?;
        world.settle(|change| change.dir() == Some(dir));
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.world().settle(|_| true);
        Ok(())
    }

    fn space(&self) -> io::Result<Space> {
        let used: u64 = self.files().values().map(|bytes| bytes.len() as u64).sum();
        let total = 1 << 30;
        Ok(Space { total, free: total - used })
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Held>>> {
        let taken = self.world().locked.insert(path.to_owned());
        Ok(taken.then(|| Box::new(Locked { disk: self.clone(), path: path.to_owned() }) as Box<dyn Held>))
    }
}

struct Opened {
    disk: Forgetful,
    inode: usize,
}

impl File for Opened {
    fn size(&self) -> io::Result<u64> {
        match &self.disk.world().seen[self.inode] {
            Node::File { bytes, .. } => Ok(bytes.len() as u64),
            Node::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.disk.world();
        let Node::File { bytes, .. } = &world.seen[self.inode] else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut world = self.disk.world();
        let (inode, offset, at) = (self.inode, usize::try_from(offset).unwrap(), world.clock);
        world.change(Change::Write { inode, offset, bytes: bytes.to_vec(), at });
        Ok(bytes.len())
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        let size = usize::try_from(size).unwrap();
        self.disk.world().change(Change::Cut { inode: self.inode, size });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.world().settle(|change| change.inode() == Some(self.inode));
        Ok(())
    }
}

struct Locked {
    disk: Forgetful,
    path: String,
}

impl Held for Locked {}

impl Drop for Locked {
    fn drop(&mut self) {
        self.disk.world().locked.remove(&self.path);
    }
}
