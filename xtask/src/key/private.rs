//! Private keys at rest: PKCS#8, encrypted by PBES2 with scrypt and AES-256 (RFC 5958, RFC 8018, RFC 7914), or OpenSSH's.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use ed25519_dalek::SigningKey;
use pkcs8::{
    AlgorithmIdentifierRef, EncryptedPrivateKeyInfo, LineEnding, ObjectIdentifier, PrivateKeyInfo,
    SecretDocument, pkcs5,
};
use ssh_key::private::KeypairData;
use zeroize::Zeroizing;

use crate::{World, world::Passphrase};

/// The base-2 logarithm of scrypt's N: with r = 8 each guess costs 128 MiB of memory.
const SCRYPT_LOG_N: u8 = 17;

/// Ed25519 (RFC 8410, section 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What stands before the 32 bytes of a private key: an OCTET STRING inside the OCTET STRING (RFC 8410, section 7).
const INNER: [u8; 2] = [0x04, 0x20];

/// A private key out of a file, and whether OpenSSH made it.
pub(super) struct Private {
    pub(super) key: SigningKey,
    pub(super) openssh: bool,
}

/// Writes a key as PEM: encrypted with `passphrase`, or bare where there is none.
pub(super) fn encode(
    key: &SigningKey,
    passphrase: Option<&str>,
    world: &mut World,
) -> Result<Zeroizing<String>> {
    encode_at(SCRYPT_LOG_N, key, passphrase, world)
}

fn encode_at(
    log_n: u8,
    key: &SigningKey,
    passphrase: Option<&str>,
    world: &mut World,
) -> Result<Zeroizing<String>> {
    let inner = Zeroizing::new([&INNER[..], key.as_bytes()].concat());
    // Version 1, without the public half: OpenSSL reads no version 2.
    let info = PrivateKeyInfo::new(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, &inner);
    let (label, document) = match passphrase {
        None => ("PRIVATE KEY", SecretDocument::try_from(info).map_err(wrong)?),
        Some(passphrase) => {
            let (salt, iv) = (world.random::<16>()?, world.random::<16>()?);
            let scrypt = pkcs5::scrypt::Params::new(log_n, 8, 1, 32).map_err(wrong)?;
            let parameters =
                pkcs5::pbes2::Parameters::scrypt_aes256cbc(scrypt, &*salt, &iv).map_err(wrong)?;
            let document = info.encrypt_with_params(parameters, passphrase).map_err(wrong)?;
            ("ENCRYPTED PRIVATE KEY", document)
        }
    };
    document.to_pem(label, LineEnding::LF).map_err(wrong)
}

/// Reads a private key of any form that is accepted.
pub(super) fn decode(path: &Path, pem: &[u8], passphrase: &Passphrase) -> Result<Private> {
    let text = std::str::from_utf8(pem).ok().map(str::trim_start).context("it is not PEM")?;
    let what = path.display().to_string();
    if text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
        return Ok(Private { key: openssh(text, &what, passphrase)?, openssh: true });
    }
    ensure!(text.starts_with("-----BEGIN "), "it is neither a private key in PEM form nor a public key line");
    let (label, document) = SecretDocument::from_pem(text).map_err(wrong).context("its PEM is damaged")?;
    let plain = match label {
        "PRIVATE KEY" => document,
        "ENCRYPTED PRIVATE KEY" => {
            let info = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(wrong)?;
            let passphrase = passphrase.ask(&what)?;
            info.decrypt(passphrase.as_bytes()).ok().context("the passphrase is not the one of this key")?
        }
        other => bail!("it holds a `{other}`, and a private key was due"),
    };
    let info = PrivateKeyInfo::try_from(plain.as_bytes()).map_err(wrong)?;
    let seed = info.private_key.strip_prefix(&INNER).and_then(|it| <&[u8; 32]>::try_from(it).ok());
    let seed = seed.filter(|_| info.algorithm.oid == ED25519).context("it is not an ed25519 key")?;
    Ok(Private { key: SigningKey::from_bytes(seed), openssh: false })
}

fn openssh(text: &str, what: &str, passphrase: &Passphrase) -> Result<SigningKey> {
    let mut key = ssh_key::PrivateKey::from_openssh(text).context("its OpenSSH form is damaged")?;
    if key.is_encrypted() {
        key = key
            .decrypt(passphrase.ask(what)?.as_bytes())
            .ok()
            .context("the passphrase is not the one of this key")?;
    }
    match key.key_data() {
        KeypairData::Ed25519(pair) => Ok(SigningKey::from_bytes(&Zeroizing::new(pair.private.to_bytes()))),
        KeypairData::SkEd25519(_) => bail!(
            "the key is inside a FIDO authenticator: print what is to be signed by `cargo xtask bundle pae`, sign it by `ssh-keygen -Y sign`, and bring the signature in by `cargo xtask bundle attach`"
        ),
        _ => bail!("it is not an ed25519 key; `ssh-keygen -t ed25519` makes one"),
    }
}

/// These crates' errors do not implement `std::error::Error` in every build.
fn wrong(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}
