//! SSHSIG, so that `ssh-keygen -Y sign`, agents and FIDO keys can sign. OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f.

use sha2::{Digest as _, Sha256, Sha512};

use crate::bundle::{Algorithm, PublicKey};

const MAGIC: &[u8] = b"SSHSIG";

/// The flag of an authenticator's answer that says that a person was there.
const USER_PRESENT: u8 = 1;

/// Whether `blob` is a signature of `message` by `key` in `namespace`. `plain` checks plain ed25519 signatures.
pub(super) fn verifies(
    blob: &[u8],
    key: &PublicKey,
    namespace: &str,
    message: &[u8],
    plain: impl Fn(&[u8; 32], &[u8], &[u8; 64]) -> bool,
) -> bool {
    (|| {
        let mut blob = Wire(blob);
        blob.literal(MAGIC)?;
        blob.literal(&1_u32.to_be_bytes())?;
        // The key inside must be the key that counts, or an attacker would pick the application.
        let (signer, space) = (blob.string()?, blob.string()?);
        if signer != key.wire() || space != namespace.as_bytes() {
            return None;
        }
        let (reserved, hash) = (blob.string()?, blob.string()?);
        let hashed = match hash {
            b"sha256" => Sha256::digest(message).to_vec(),
            b"sha512" => Sha512::digest(message).to_vec(),
            _ => return None,
        };
        let mut signed = MAGIC.to_vec();
        for part in [space, reserved, hash, &hashed] {
            signed.extend(u32::try_from(part.len()).ok()?.to_be_bytes());
            signed.extend(part);
        }
        let mut signature = Wire(blob.string()?);
        blob.end()?;
        let name = signature.string()?;
        let bytes: &[u8; 64] = signature.string()?.try_into().ok()?;
        let signed = match key.alg {
            Algorithm::Ed25519 if name == b"ssh-ed25519" => signed,
            Algorithm::SkEd25519 if name == b"sk-ssh-ed25519@openssh.com" => {
                let (flags, counter) = (signature.take(1)?, signature.take(4)?);
                if flags.first()? & USER_PRESENT == 0 {
                    return None;
                }
                let application = Sha256::digest(key.application.as_deref()?.as_bytes());
                [&application[..], flags, counter, &Sha256::digest(&signed)[..]].concat()
            }
            _ => return None,
        };
        signature.end()?;
        plain(&key.public, &signed, bytes).then_some(())
    })()
    .is_some()
}

/// A cursor over SSH's wire form (RFC 4251, section 5).
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let len = u32::from_be_bytes(self.take(4)?.try_into().ok()?);
        self.take(usize::try_from(len).ok()?)
    }

    fn literal(&mut self, expect: &[u8]) -> Option<()> {
        (self.take(expect.len())? == expect).then_some(())
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}
