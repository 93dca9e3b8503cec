use std::{fs::File, io, io::Write, path::Path};

use super::{
    super::{Error, Root},
    Contents, Supply, Written, check_room, copy, is_whole, make_directory,
};
use crate::{
    bundle::{Item, Piece, Unverified},
    limits,
};

/// Writes a bundle as a directory, which is made where it is not there.
///
/// Each file is written beside its place and renamed into it, everything is made durable, and `bundle.dsse` comes last:
/// a medium that was pulled out too early has no bundle, or still has the one before. Blobs that are there and whole
/// are kept, so that a second run goes on where the first one ended.
///
/// # Errors
/// When the medium has too little room, carries another trust domain, or fails; when a blob is absent or wrong.
pub fn write_directory(
    directory: &Path,
    contents: &Contents,
    supply: &dyn Supply,
    progress: &mut dyn FnMut(u64),
) -> Result<Written, Error> {
    let at = |name: &str| directory.join(name);
    let root = make_directory(directory)?;
    check_domain(&root, contents)?;
    let trust = root.make("trust").map_err(Error::io("make", at("trust")))?;
    let blobs = root.make("blobs").map_err(Error::io("make", at("blobs")))?;
    let blobs = blobs.make("sha256").map_err(Error::io("make", at("blobs/sha256")))?;

    let (whole, wanted) = sort_out(&blobs, contents, progress)?;
    check_room(&root, wanted.iter().map(|piece| (piece.digest, piece.size)))?;

    for (item, bytes) in contents.documents() {
        let name = item.to_string();
        match (item, name.split_once('/')) {
            (Item::Bundle, _) => (),
            (_, Some((_, name))) => document(&trust, name, &bytes)?,
            (_, None) => document(&root, &name, &bytes)?,
        }
    }
    for piece in &wanted {
        let name = piece.digest.hex();
        let path = blobs.path().join(&name);
        replace(&blobs, &name, |file| copy(piece, supply, file, &path, progress))?;
    }
    // What an earlier bundle left and this one does not have.
    for (item, there) in [(Item::Agent, contents.agent.is_some()), (Item::Volume, contents.label.is_some())] {
        if !there {
            let name = item.to_string();
            root.remove(&name).map_err(Error::io("remove", at(&name)))?;
        }
    }
    root.sync_all().map_err(Error::io("sync", directory))?;

    let name = Item::Bundle.to_string();
    let write = |file: &mut File| {
        let written = file.write_all(&contents.bundle).and_then(|()| file.sync_all());
        written.map_err(Error::io("write", at(&name)))
    };
    replace(&root, &name, write)?;
    root.sync().map_err(Error::io("sync", directory))?;
    Ok(Written { paths: vec![directory.to_owned()], written: wanted.len() as u64, kept: whole })
}

/// How many blobs are there already, and which ones are to be written.
fn sort_out<'a>(
    blobs: &Root,
    contents: &'a Contents,
    progress: &mut dyn FnMut(u64),
) -> Result<(u64, Vec<&'a Piece>), Error> {
    let mut whole = 0;
    let mut wanted = Vec::new();
    for piece in contents.blobs() {
        let name = piece.digest.hex();
        let path = blobs.path().join(&name);
        // What is no regular file, or cannot be read, is replaced.
        let there = match blobs.file(&name) {
            Ok(Some((file, size))) => is_whole(piece, file, size).map_err(Error::io("read", &path))?,
            Ok(None) | Err(_) => false,
        };
        match there {
            true => {
                whole += 1;
                progress(piece.size);
            }
            false => wanted.push(piece),
        }
    }
    Ok((whole, wanted))
}

fn document(root: &Root, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = root.path().join(name);
    replace(root, name, |file| file.write_all(bytes).map_err(Error::io("write", path)))
}

/// Writes a file beside its place, then renames it into it. Being durable is for the caller to see to.
fn replace(root: &Root, name: &str, write: impl FnOnce(&mut File) -> Result<(), Error>) -> Result<(), Error> {
    let path = root.path().join(name);
    let temporary = format!("{name}.part");
    let mut file = root.create(&temporary).map_err(Error::io("write", &path))?;
    let written = write(&mut file);
    drop(file);
    match written {
        Ok(()) => root.rename(&temporary, name).map_err(Error::io("write", &path)),
        Err(error) => {
            // The first error is the one to tell; what is left behind is replaced by the next run.
            let _ = root.remove(&temporary);
            Err(error)
        }
    }
}

/// A medium has one trust domain: to write another one's roots over its own would ruin the bundle that it carries.
fn check_domain(root: &Root, contents: &Contents) -> Result<(), Error> {
    for (version, bytes) in &contents.roots {
        let item = Item::Root(*version);
        let name = item.to_string();
        let Ok(Some((file, _))) = root.file(&name) else { continue };
        let mut there = Vec::new();
        let limited = &mut io::Read::take(file, limits::ENVELOPE_BYTES + 1);
        io::Read::read_to_end(limited, &mut there).map_err(Error::io("read", root.path().join(&name)))?;
        // A damaged root is mended; signatures may have been added to one.
        let Ok(there) = Unverified::read(&name, there) else { continue };
        if there.payload_digest() != Unverified::read(&name, bytes.clone())?.payload_digest() {
            return Err(Error::Mixed {
                first: root.path().display().to_string(),
                second: "what is to be written".into(),
                what: name,
            });
        }
    }
    Ok(())
}
