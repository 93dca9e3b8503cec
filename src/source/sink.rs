mod directory;
mod tar;

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

pub use directory::write_directory;
pub use tar::write_tar;

use super::{Error, Root};
use crate::{
    bundle::{Form, Item, Piece, Room, TooLarge, Unverified, VolumeLabel, split},
    content::Blobs,
    digest::{Checked, Digest, Mismatch},
    limits,
};

/// What a medium is to carry. Nothing in it is judged here: who writes a medium has verified or signed it.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The trust roots by version, as envelopes.
    pub roots: BTreeMap<u32, Vec<u8>>,
    /// The next agent's envelope.
    pub agent: Option<Vec<u8>>,
    /// The bundle's envelope.
    pub bundle: Vec<u8>,
    /// `index.json`, for other tools.
    pub index: Vec<u8>,
    /// What is written on the medium.
    pub label: Option<VolumeLabel>,
    /// The inventory, then the release: on every volume, so that any of them can be the first.
    pub head: Vec<Piece>,
    /// The other blobs and parts, in ascending order of digests.
    pub pieces: Vec<Piece>,
}

/// Where the bytes of blobs come from when a medium is written. They are hashed on the way, so a wrong supply writes no
/// medium that looks whole.
pub trait Supply {
    /// Opens a piece: the blob itself, or the bytes of its slice. None where it is not at hand.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn open(&self, piece: &Piece) -> io::Result<Option<Box<dyn Read + Send>>>;
}

/// Blobs of the store, whole. A part is read by reading past what lies before it.
pub struct FromBlobs<'a>(
    /// The store.
    pub &'a dyn Blobs,
);

impl Supply for FromBlobs<'_> {
    fn open(&self, piece: &Piece) -> io::Result<Option<Box<dyn Read + Send>>> {
        let Some(slice) = piece.slice else { return self.0.open(&piece.digest) };
        let Some(mut blob) = self.0.open(&slice.blob)? else { return Ok(None) };
        io::copy(&mut blob.by_ref().take(slice.offset), &mut io::sink())?;
        Ok(Some(Box::new(blob.take(piece.size))))
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The layout or the tars.
    pub paths: Vec<PathBuf>,
    /// How many blobs and parts were written.
    pub written: u64,
    /// How many were there already, whole.
    pub kept: u64,
}

impl Contents {
    /// Everything but the blobs, in the order of a tar.
    fn documents(&self) -> Vec<(Item, Vec<u8>)> {
        let mut all: Vec<(Item, Vec<u8>)> =
            self.roots.iter().map(|(version, bytes)| (Item::Root(*version), bytes.clone())).collect();
        all.extend(self.agent.clone().map(|bytes| (Item::Agent, bytes)));
        all.push((Item::Bundle, self.bundle.clone()));
        all.push((Item::OciLayout, crate::oci::LAYOUT_FILE.to_vec()));
        all.push((Item::Index, self.index.clone()));
        if let Some(label) = &self.label {
            let bytes = serde_json::to_vec(label).expect("strings and numbers always serialise");
            all.push((Item::Volume, bytes));
        }
        all
    }

    /// Blobs and parts in the order of a tar.
    fn blobs(&self) -> impl Iterator<Item = &Piece> {
        self.head.iter().chain(&self.pieces)
    }

    /// The largest blob or part, for messages about what is too large.
    fn largest(&self) -> Digest {
        let largest = self.blobs().max_by_key(|piece| piece.size).map(|piece| piece.digest);
        largest.unwrap_or_else(|| Digest::of(&self.bundle))
    }

    /// What all of it takes on a medium of that form.
    pub fn bytes(&self, form: Form) -> u64 {
        let pieces = self.pieces.iter().map(|piece| form.cost(piece.size));
        pieces.fold(self.fixed(form), u64::saturating_add)
    }

    /// What every volume takes before its first piece.
    fn fixed(&self, form: Form) -> u64 {
        // The label has its largest size, and the tar its end.
        let documents = self.documents().into_iter().filter(|(item, _)| *item != Item::Volume);
        let documents = documents.map(|(_, bytes)| bytes.len() as u64);
        let head = self.head.iter().map(|piece| piece.size);
        let ends = [limits::VOLUME_LABEL_BYTES, 1024];
        documents.chain(head).chain(ends).fold(0, |sum: u64, size| sum.saturating_add(form.cost(size)))
    }

    /// Shares it out over volumes of at most so many bytes, labelled 1 of k to k of k. `label` is what people are to
    /// write on each of them.
    ///
    /// # Errors
    /// When a piece fits no volume, or the envelope cannot be read.
    pub fn volumes(&self, volume: u64, form: Form, label: &str) -> Result<Vec<Self>, Error> {
        let bundle = Unverified::read("bundle.dsse", self.bundle.clone())?.payload_digest();
        let room = Room { volume, fixed: self.fixed(form), form };
        let plans = split(&self.pieces, room).map_err(|TooLarge { digest, size, volume }| {
            Error::TooLarge { digest, size, why: format!("a volume has {volume} bytes") }
        })?;
        let volumes = u32::try_from(plans.len()).unwrap_or(u32::MAX);
        let label = |volume| VolumeLabel { volume, volumes, bundle, label: label.to_owned() };
        let plans = (1..).zip(plans);
        Ok(plans
            .map(|(volume, plan)| Self {
                roots: self.roots.clone(),
                agent: self.agent.clone(),
                bundle: self.bundle.clone(),
                index: self.index.clone(),
                label: Some(label(volume)),
                head: self.head.clone(),
                pieces: plan.pieces,
            })
            .collect())
    }
}

/// Writes a bundle into a directory of a medium, in the form that the medium can hold: as a layout, or, where it has
/// more than [`limits::BLOBS_PER_DIRECTORY`] blobs, as tars below 4 GiB named `<stem>-<i>-of-<k>.tar`. `progress` hears
/// how many bytes of blobs are done.
///
/// # Errors
/// When the medium cannot hold it, or a blob is absent or wrong.
pub fn write_medium(
    directory: &Path,
    stem: &str,
    contents: &Contents,
    supply: &dyn Supply,
    progress: &mut dyn FnMut(u64),
) -> Result<Written, Error> {
    if contents.blobs().count() <= limits::BLOBS_PER_DIRECTORY {
        return write_directory(directory, contents, supply, progress);
    }
    write_volumes(directory, stem, contents, limits::FAT_FILE_BYTES, supply, progress)
}

/// Writes a bundle as tars of at most so many bytes each, all into one directory: `<stem>-<i>-of-<k>.tar`.
///
/// # Errors
/// As [`write_tar`], and when a piece fits no volume.
pub fn write_volumes(
    directory: &Path,
    stem: &str,
    contents: &Contents,
    volume: u64,
    supply: &dyn Supply,
    progress: &mut dyn FnMut(u64),
) -> Result<Written, Error> {
    let volumes = contents.volumes(volume, Form::Tar, stem)?;
    let (count, digits) = (volumes.len(), volumes.len().to_string().len());
    let root = make_directory(directory)?;
    // Together they need more than the first of them does.
    let needed = volumes.iter().map(|it| (it.largest(), it.bytes(Form::Tar)));
    check_room(&root, needed)?;
    let mut written = Written::default();
    for (number, volume) in (1..).zip(&volumes) {
        let path = directory.join(format!("{stem}-{number:0digits$}-of-{count}.tar"));
        let one = write_tar(&path, volume, supply, progress)?;
        written.paths.extend(one.paths);
        written.written += one.written;
    }
    Ok(written)
}

/// Opens a directory, which is made where it is not there.
fn make_directory(path: &Path) -> Result<Root, Error> {
    match std::fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::io("make", path)(error)),
        _ => Root::open(path).map_err(Error::io("open", path)),
    }
}

/// Refuses what the medium cannot hold before anything is written: `files` that are to be new, by their sizes.
fn check_room(root: &Root, files: impl Iterator<Item = (Digest, u64)>) -> Result<(), Error> {
    let path = root.path();
    let fat = root.is_fat().map_err(Error::io("look at", path))?;
    let (free, unit) = root.space().map_err(Error::io("look at", path))?;
    let mut needed = 0_u64;
    for (digest, size) in files {
        if fat && size > limits::FAT_FILE_BYTES {
            let why = "a file on this medium has at most 4 GiB - 1".to_owned();
            return Err(Error::TooLarge { digest, size, why });
        }
        let taken = size.checked_next_multiple_of(unit).unwrap_or(u64::MAX);
        needed = needed.saturating_add(taken);
    }
    match needed <= free {
        true => Ok(()),
        false => Err(Error::Full { path: path.to_owned(), needed, free }),
    }
}

/// Copies a piece, and fails before its last bytes are written when it is not what its digest says.
fn copy(
    piece: &Piece,
    supply: &dyn Supply,
    writer: &mut dyn Write,
    path: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let named = || format!("blob {}", piece.digest);
    let reader =
        supply.open(piece).map_err(Error::io("read", named()))?.ok_or(Error::Absent(piece.digest))?;
    let mut reader = Checked::new(reader, piece.digest, piece.size);
    let mut buffer = vec![0; limits::CHUNK_BYTES];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::io("read", named())(error)),
        };
        writer.write_all(buffer.get(..count).unwrap_or_default()).map_err(Error::io("write", path))?;
        progress(count as u64);
    }
}

/// Whether a file that is there already is the piece.
fn is_whole(piece: &Piece, file: std::fs::File, size: u64) -> io::Result<bool> {
    if size != piece.size {
        return Ok(false);
    }
    match io::copy(&mut Checked::new(file, piece.digest, piece.size), &mut io::sink()) {
        Ok(_) => Ok(true),
        Err(error) if Mismatch::within(&error).is_some() => Ok(false),
        Err(error) => Err(error),
    }
}
