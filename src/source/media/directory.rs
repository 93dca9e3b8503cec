use std::{collections::BTreeSet, io, io::Read, path::Path};

use super::super::Root;
use crate::{
    bundle::{Item, Medium, Opened},
    limits,
};

/// A bundle as a directory. Files that are none of the layout's are no concern of ours: sticks have all kinds of
/// them. What is listed counts only in lower case, as it is written; what is opened by name is opened by the file
/// system's own rule, which on FAT has no case, and is judged by its content.
#[derive(Debug)]
pub struct DirectoryMedium {
    root: Root,
}

impl DirectoryMedium {
    /// Opens the directory that is the layout.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { root: Root::open(path)? })
    }

    /// Takes a directory that is open.
    pub fn new(root: Root) -> Self {
        Self { root }
    }

    /// The directory.
    pub fn root(&self) -> &Root {
        &self.root
    }
}

impl Medium for DirectoryMedium {
    fn label(&self) -> String {
        self.root.path().display().to_string()
    }

    fn open(&self, item: Item) -> io::Result<Option<Opened>> {
        let name = item.to_string();
        let named = |error: io::Error| io::Error::new(error.kind(), format!("`{name}`: {error}"));
        let opened = self.root.file(&name).map_err(named)?;
        // A file that grows while it is read ends where it ended when it was opened; what is missing then is missing.
        Ok(opened.map(|(file, size)| Opened { size, reader: Box::new(file.take(size)) }))
    }

    fn roots(&self) -> io::Result<Vec<u32>> {
        let Some(trust) = self.root.below("trust")? else { return Ok(Vec::new()) };
        let mut versions = BTreeSet::new();
        for name in trust.names(limits::MEDIUM_CHILDREN)? {
            let item = name.to_str().and_then(|name| Item::parse(&format!("trust/{name}")));
            if let Some(Item::Root(version)) = item {
                versions.insert(version);
            }
        }
        if versions.len() > limits::ROOTS {
            return Err(io::Error::other("`trust` holds more roots than a medium may"));
        }
        Ok(versions.into_iter().collect())
    }
}
