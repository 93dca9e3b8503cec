use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

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
    /// Latest cards, by their paths, never more of one than a card may have: a file that is none of a tar's, or the
    /// `card.dsse` of a directory.
    pub cards: Vec<(String, Vec<u8>)>,
    /// What looked like one and is not readable as one.
    pub refused: Vec<Error>,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let media: Vec<String> = self.media.iter().map(|it| it.label()).collect();
        let cards: Vec<&String> = self.cards.iter().map(|(path, _)| path).collect();
        f.debug_struct("Found")
            .field("media", &media)
            .field("cards", &cards)
            .field("refused", &self.refused)
            .finish()
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
        if let Some((file, _)) = root.file(CARD).map_err(Error::io("open", path))? {
            let path = path.join(CARD);
            found.cards.push((path.display().to_string(), card(file).map_err(Error::io("read", &path))?));
        }
        if is_layout(&root).map_err(Error::io("read", path))? {
            found.media.insert(0, Arc::new(DirectoryMedium::new(root)));
        }
    } else if is_json(path).map_err(Error::io("read", path))? {
        let file = File::open(path).map_err(Error::io("open", path))?;
        found.cards.push((path.display().to_string(), card(file).map_err(Error::io("read", path))?));
    } else {
        found.media.push(Arc::new(TarMedium::open(path)?));
    }
    match found.media.is_empty() && found.cards.is_empty() {
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

/// The name of a latest card in a directory.
const CARD: &str = "card.dsse";

/// A card, and a byte more where it is too long to be one.
fn card(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limits::CARD_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a file begins as an envelope does, which no tar can: that would be the name of its first entry.
fn is_json(path: &Path) -> io::Result<bool> {
    if !std::fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut first = [0];
    Ok(File::open(path)?.read(&mut first)? == 1 && first == *b"{")
}

/// Whether the directory has a `bundle.dsse`, by exactly that name: a file system without case would open `BUNDLE.DSSE`.
fn is_layout(root: &Root) -> io::Result<bool> {
    root.lists(&Item::Bundle.to_string())
}
