use std::path::Path;

use airlock::bundle::{Algorithm, PublicKey};
use anyhow::{Context, Result, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use ssh_key::public::KeyData;

use crate::disk;

/// A public key in OpenSSH's one-line form, as `ssh-keygen` writes it into a `.pub` file.
pub fn line(key: &PublicKey) -> String {
    let name = match key.alg {
        Algorithm::Ed25519 => "ssh-ed25519",
        Algorithm::SkEd25519 => "sk-ssh-ed25519@openssh.com",
    };
    format!("{name} {} {}", BASE64_STANDARD.encode(key.wire()), key.label).trim_end().to_owned()
}

/// Whether a file that begins so is a public key in that form.
pub(super) fn is_public(head: &[u8]) -> bool {
    head.starts_with(b"ssh-") || head.starts_with(b"sk-ssh-")
}

/// A key's label as it may be printed: a root that somebody else made could hold one that draws lines of its own.
pub fn label(key: &PublicKey) -> String {
    key.label.chars().filter(|c| !c.is_control()).take(128).collect()
}

/// Reads a public key from a `.pub` file. Its comment is the label; the file's name where there is none.
///
/// # Errors
/// When it cannot be read, or is of a kind that no trust root lists.
pub fn read(path: &Path) -> Result<PublicKey> {
    let text = disk::read_text(path, 64 * 1024)?;
    let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or("key");
    parse(&text, stem)
        .with_context(|| format!("{} is not a public key that a trust root can list", path.display()))
}

/// Reads a public key from its one-line form. `label` is its label where the line has no comment.
///
/// # Errors
/// When it is none, or of a kind that no trust root lists.
pub fn parse(text: &str, label: &str) -> Result<PublicKey> {
    let key = ssh_key::PublicKey::from_openssh(text.trim()).context(
        "one line was expected, `ssh-ed25519 AAAA… comment`: the file that `key new` or `ssh-keygen` writes beside the key",
    )?;
    let label = match key.comment().trim() {
        "" => label,
        comment => comment,
    };
    from_data(key.key_data(), label)
}

/// A public key out of OpenSSH's.
///
/// # Errors
/// When it is of a kind that no trust root lists.
pub(super) fn from_data(data: &KeyData, label: &str) -> Result<PublicKey> {
    let (alg, public, application) = match data {
        KeyData::Ed25519(point) => (Algorithm::Ed25519, point.0, None),
        KeyData::SkEd25519(key) => {
            (Algorithm::SkEd25519, key.public_key().0, Some(key.application().to_owned()))
        }
        other => bail!(
            "it is an {} key, and only ed25519 keys sign here (plain or inside a FIDO authenticator); `ssh-keygen -t ed25519` makes one",
            other.algorithm()
        ),
    };
    let key = PublicKey { alg, public, application, label: label.to_owned() };
    Ok(PublicKey { label: self::label(&key), ..key })
}
