use std::{
    ffi::OsStr,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use super::{
    super::{Error, Root},
    Contents, Supply, Written, check_room, copy,
};
use crate::{
    archive::ustar::{self, BLOCK},
    bundle::{Form, Item, Malformed, Order},
    digest::Digest,
    limits,
};

/// Writes a bundle as an uncompressed ustar tar, in exactly the order of the format. It is written as `<name>.part` and
/// renamed once it is whole and durable, so no `*.tar` is ever half a one.
///
/// # Errors
/// When the medium has too little room or fails; when a blob is absent or wrong.
pub fn write_tar(
    path: &Path,
    contents: &Contents,
    supply: &dyn Supply,
    progress: &mut dyn FnMut(u64),
) -> Result<Written, Error> {
    let Some(name) = path.file_name().and_then(OsStr::to_str) else {
        return Err(Malformed::new("the name of the tar", "it is empty or not UTF-8").into());
    };
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let root = Root::open(parent).map_err(Error::io("open", parent))?;
    let needed = contents.bytes(Form::Tar);
    // The tar is one file, whatever is in it.
    check_room(&root, std::iter::once((contents.largest(), needed)))?;

    let temporary = format!("{name}.part");
    let file = root.create(&temporary).map_err(Error::io("write", path))?;
    match write(file, path, contents, supply, progress) {
        Ok(()) => (),
        Err(error) => {
            // The first error is the one to tell; what is left behind is replaced by the next run.
            let _ = root.remove(&temporary);
            return Err(error);
        }
    }
    root.rename(&temporary, name).map_err(Error::io("write", path))?;
    root.sync().map_err(Error::io("sync", parent))?;
    let written = contents.blobs().count() as u64;
    Ok(Written { paths: vec![path.to_owned()], written, kept: 0 })
}

fn write(
    file: File,
    path: &Path,
    contents: &Contents,
    supply: &dyn Supply,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let io = || Error::io("write", path);
    let mut writer = BufWriter::with_capacity(limits::CHUNK_BYTES, file);
    // The reader's own rule, so that the two cannot drift apart.
    let mut order = Order::default();
    let mut header = |writer: &mut BufWriter<File>, item: Item, size: u64| {
        order.next("the tar", item)?;
        let header = ustar::encode(&item.to_string(), "", size, 0o644, b'0')
            .expect("names of a layout are below 100 characters");
        writer.write_all(&header).map_err(io())
    };
    for (item, bytes) in contents.documents() {
        header(&mut writer, item, bytes.len() as u64)?;
        writer.write_all(&bytes).map_err(io())?;
        pad(&mut writer, bytes.len() as u64).map_err(io())?;
    }
    let mut blobs: Vec<Digest> = Vec::new();
    for piece in contents.blobs() {
        header(&mut writer, Item::Blob(piece.digest), piece.size)?;
        copy(piece, supply, &mut writer, path, progress)?;
        pad(&mut writer, piece.size).map_err(io())?;
        blobs.push(piece.digest);
    }
    if let [inventory, release] = contents.head.as_slice() {
        crate::bundle::check_blob_order("the tar", &blobs, &inventory.digest, &release.digest)?;
    }
    writer.write_all(&[0; 2 * BLOCK]).map_err(io())?;
    let file = writer.into_inner().map_err(std::io::IntoInnerError::into_error).map_err(io())?;
    file.sync_all().map_err(io())
}

fn pad(writer: &mut impl Write, size: u64) -> std::io::Result<()> {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    let count = usize::try_from(ustar::padding(size)).unwrap_or(0);
    writer.write_all(ZEROS.get(..count).unwrap_or_default())
}
