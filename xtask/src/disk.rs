//! Files of the connected side, read within bounds and written whole.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use zeroize::Zeroizing;

/// Private keys and passphrases are small.
const SECRET_BYTES: u64 = 64 * 1024;

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// When it is not there, cannot be read, or is larger.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let open = || format!("failed to read {}", path.display());
    let file = File::open(path).with_context(open)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).with_context(open)?;
    ensure!(bytes.len() as u64 <= limit, "{} is larger than {limit} bytes", path.display());
    Ok(bytes)
}

/// The first bytes of a file: enough to see what it is, too few to be a secret.
///
/// # Errors
/// When it is not there or cannot be read.
pub fn head(path: &Path) -> Result<Vec<u8>> {
    let open = || format!("failed to read {}", path.display());
    let mut bytes = Vec::new();
    File::open(path).with_context(open)?.take(12).read_to_end(&mut bytes).with_context(open)?;
    Ok(bytes)
}

/// Reads a text file of at most `limit` bytes.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String> {
    String::from_utf8(read(path, limit)?).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// Reads a file that nobody else may know; the bytes leave memory with the buffer.
///
/// # Errors
/// As [`read`], and when others may read the file.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let open = || format!("failed to read {}", path.display());
    let file = File::open(path).with_context(open)?;
    let found = file.metadata().with_context(open)?;
    // A pipe (`--passphrase-file <(pass show airlock)`) belongs to the process alone.
    if found.is_file() {
        ensure!(
            found.permissions().mode() & 0o077 == 0,
            "others may read {0}; `chmod 600 {0}` first",
            path.display()
        );
    }
    // Grown in one go: a buffer that moves leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(SECRET_BYTES + 1).unwrap_or(0)));
    file.take(SECRET_BYTES + 1).read_to_end(&mut bytes).with_context(open)?;
    ensure!(bytes.len() as u64 <= SECRET_BYTES, "{} is too large to be a secret", path.display());
    Ok(bytes)
}

/// Makes the directory of a secret file, which nobody else may look into, where it is not there.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_parent(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let directory = parent(path);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .with_context(|| format!("failed to make {}", directory.display()))
}

/// Writes a file that must not exist yet, with these permissions, durably.
///
/// # Errors
/// When it exists or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("failed to create {}; nothing is overwritten", path.display()))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("failed to write {}", path.display()))
}

/// Replaces a file, or makes it, in one step: at no instant is it half written.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let directory = parent(path);
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(&directory)?;
        let mut file = tempfile::Builder::new()
            .prefix(".airlock-")
            .permissions(std::fs::Permissions::from_mode(0o644))
            .tempfile_in(&directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(&directory)?.sync_all()
    };
    write().with_context(|| format!("failed to write {}", path.display()))
}

/// The directory that a file lies in.
fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
