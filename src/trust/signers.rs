//! Which of these keys signed. The only place where a signature is checked.

use std::collections::BTreeSet;

use ed25519_dalek::{Signature, VerifyingKey};

use super::sshsig;
use crate::bundle::{Algorithm, KeyId, PublicKey, Role, Scheme, Unverified, pae};

/// The keys among `keys` that signed `envelope` for `role`, each once whatever it signed with and however often.
///
/// A claimed key id is a hint and is not looked at: every signature is tried with every key. The answer is for people
/// who ask whose signature is still missing; what may be believed only [`super::Policy::verify`] and its siblings say.
pub fn signers<'a>(
    envelope: &Unverified,
    role: Role,
    keys: impl IntoIterator<Item = &'a PublicKey>,
) -> BTreeSet<KeyId> {
    let message = pae(role, envelope.payload());
    let signed = |key: &&PublicKey| {
        envelope.signatures().iter().filter(|it| it.alg == Some(key.alg)).any(|it| {
            match (it.scheme, key.alg) {
                (Some(Scheme::Raw), Algorithm::Ed25519) => <&[u8; 64]>::try_from(it.bytes.as_slice())
                    .is_ok_and(|bytes| plain(&key.public, &message, bytes)),
                (Some(Scheme::Sshsig), _) => {
                    sshsig::verifies(&it.bytes, key, role.ssh_namespace(), &message, plain)
                }
                // An authenticator cannot sign bare bytes.
                (Some(Scheme::Raw), Algorithm::SkEd25519) | (None, _) => false,
            }
        })
    };
    keys.into_iter().filter(signed).map(PublicKey::id).collect()
}

/// Key ids that an envelope names and that are none of `known`: strangers, for the message only.
pub(super) fn strangers(envelope: &Unverified, known: &[PublicKey]) -> Vec<KeyId> {
    let known: BTreeSet<KeyId> = known.iter().map(PublicKey::id).collect();
    let claimed: BTreeSet<KeyId> = envelope.signatures().iter().filter_map(|it| it.keyid).collect();
    claimed.difference(&known).take(4).copied().collect()
}

/// Strict, because with a small-order key the plain check accepts one signature for every message.
pub(super) fn plain(point: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(point)
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}
