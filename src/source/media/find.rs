use std::{io, path::Path, sync::Arc};

use rustix::fs::FileType;

use super::{
    super::{Error, Root},
    DirectoryMedium, TarMedium,
};
use crate::{
    bundle::{Item, Medium},
    limits,
};

/// What a path that an operator gave, or a stick that was mounted, holds.
#[derive(Default)]
pub struct Found {
    /// Media, sorted by their paths: each a directory or a tar with a bundle, or with a volume of one.
    pub media: Vec<Arc<dyn Medium>>,
    /// What looked like one and is not readable as one.
    pub refused: Vec<Error>,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let media: Vec<String> = self.media.iter().map(|it| it.label()).collect();
        f.debug_struct("Found").field("media", &media).field("refused", &self.refused).finish()
    }
}

/// Looks at a path: it is a tar; or a directory that is a layout; or a directory that holds, one level below, directories
/// that are, or `*.tar`. A directory counts from the moment when its `bundle.dsse` is there, which is written last.
///
/// # Errors
/// When there is nothing at the path, or it cannot be read, or is a tar or a layout that is malformed. A directory
/// that merely holds a malformed one beside others is no error: see [`Found::refused`].
pub fn find(path: &Path) -> Result<Found, Error> {
    let mut found = Found::default();
    if std::fs::metadata(path).map_err(Error::io("open", path))?.is_dir() {
        let root = Root::open(path).map_err(Error::io("open", path))?;
        for name in root.names(limits::MEDIUM_CHILDREN).map_err(Error::io("read", path))? {
            // `.Trash-1000` and the like; and a tar is named in lower case, as we write it.
            let Some(name) = name.to_str().filter(|it| !it.starts_with('.')) else { continue };
            match child(&root, name) {
                Ok(Some(medium)) => found.media.push(medium),
                // Other people's tars and directories are no concern of ours.
                Ok(None) | Err(Error::NoBundle(_)) => (),
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => (),
                Err(error) => found.refused.push(error),
            }
        }
        if is_layout(&root).map_err(Error::io("read", path))? {
            found.media.insert(0, Arc::new(DirectoryMedium::new(root)));
        }
    } else {
        found.media.push(Arc::new(TarMedium::open(path)?));
    }
    match found.media.is_empty() {
        false => Ok(found),
        true if found.refused.is_empty() => Err(Error::NoBundle(path.to_owned())),
        true => Err(found.refused.swap_remove(0)),
    }
}

fn child(root: &Root, name: &str) -> Result<Option<Arc<dyn Medium>>, Error> {
    let path = root.path().join(name);
    match root.kind(name).map_err(Error::io("read", &path))? {
        Some(FileType::Directory) => match root.medium(name).map_err(Error::io("open", &path))? {
            Some(below) if is_layout(&below).map_err(Error::io("read", &path))? => {
                Ok(Some(Arc::new(DirectoryMedium::new(below))))
            }
            _ => Ok(None),
        },
        Some(FileType::RegularFile) if name.ends_with(".tar") => {
            match root.file(name).map_err(Error::io("open", &path))? {
                Some((file, size)) => Ok(Some(Arc::new(TarMedium::new(file, size, &path)?))),
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// Whether the directory has a `bundle.dsse`, by exactly that name: a file system without case would open `BUNDLE.DSSE`.
fn is_layout(root: &Root) -> io::Result<bool> {
    root.lists(&Item::Bundle.to_string())
}
