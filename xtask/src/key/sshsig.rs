//! SSHSIG on the maker's side (OpenSSH's PROTOCOL.sshsig): what is signed, the blob around a signature, and its armour.

use airlock::bundle::{PublicKey, Role, Scheme, Signature};
use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use ssh_key::{HashAlg, SshSig};

use super::public;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// The hash that `ssh-keygen` takes, too, when nobody asks for another.
const HASH: HashAlg = HashAlg::Sha512;

/// `ssh-keygen` breaks its lines here.
const LINE: usize = 70;

/// The bytes that a key signs so that `message` counts as signed for `role`.
pub(super) fn signed_data(role: Role, message: &[u8]) -> Result<Vec<u8>> {
    Ok(SshSig::signed_data(role.ssh_namespace(), HASH, message)?)
}

/// The blob around a signature over [`signed_data`].
pub(super) fn blob(key: &PublicKey, role: Role, signature: ssh_key::Signature) -> Result<Vec<u8>> {
    let signature = Vec::<u8>::try_from(signature)?;
    let mut blob = b"SSHSIG\0\0\0\x01".to_vec();
    let parts: [&[u8]; 5] =
        [&key.wire(), role.ssh_namespace().as_bytes(), b"", HASH.as_str().as_bytes(), &signature];
    for part in parts {
        blob.extend(u32::try_from(part.len()).context("a signature is never that long")?.to_be_bytes());
        blob.extend(part);
    }
    Ok(blob)
}

/// Reads a signature that `ssh-keygen -Y sign` wrote, and says whose it is.
///
/// Only its form is looked at; whether it signs anything is the gate's question.
///
/// # Errors
/// When it is damaged, of another namespace, or of a key of a kind that never counts.
pub fn read_sshsig(armoured: &[u8], role: Role) -> Result<(PublicKey, Signature)> {
    let form = "it is not a signature that `ssh-keygen -Y sign` wrote";
    let text = std::str::from_utf8(armoured).ok().context(form)?.trim();
    let body = text.strip_prefix(BEGIN).and_then(|it| it.strip_suffix(END)).context(form)?;
    let bytes = BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).context(form)?;
    let signed = SshSig::from_pem(armour(&bytes)).context(form)?;
    ensure!(
        signed.namespace() == role.ssh_namespace(),
        "it was made in the namespace `{}`; `ssh-keygen -Y sign -n {}` is due",
        signed.namespace().escape_default(),
        role.ssh_namespace()
    );
    let key = public::from_data(signed.public_key(), "")?;
    let signature =
        Signature { alg: Some(key.alg), scheme: Some(Scheme::Sshsig), keyid: Some(key.id()), bytes };
    Ok((key, signature))
}

/// The blob of a signature in the form that `ssh-keygen -Y verify` reads.
pub fn armour(blob: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(blob);
    let mut armoured = format!("{BEGIN}\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        armoured.push_str(line);
        armoured.push('\n');
        rest = after;
    }
    armoured.push_str(END);
    armoured.push('\n');
    armoured
}
