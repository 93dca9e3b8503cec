//! The proof type and its one constructor call, in a module small enough to audit at a glance.

use std::ops::Deref;

use super::{Refusal, signers};
use crate::{
    bundle::{Header, KeyId, Malformed, PublicKey, Role, TrustRoot, Unverified},
    digest::Digest,
};

/// A `T` that the keys which count have signed.
///
/// There is no other way to make one than [`super::Policy::verify`] and its siblings, and nothing downstream takes less:
///
/// ```
/// fn open(root: airlock::trust::Verified<airlock::trust::Root>, blobs: std::sync::Arc<dyn airlock::content::Blobs>) {
///     let _ = airlock::content::Content::open(root, blobs);
/// }
/// ```
///
/// ```compile_fail
/// fn open(root: airlock::bundle::Unverified, blobs: std::sync::Arc<dyn airlock::content::Blobs>) {
///     let _ = airlock::content::Content::open(root, blobs);
/// }
/// ```
///
/// A verdict is never stored. After a restart the envelope is verified again:
///
/// ```compile_fail
/// let verdict: airlock::trust::Verified<u8> = serde_json::from_str("7").unwrap();
/// ```
///
/// ```
/// let number: u8 = serde_json::from_str("7").unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Verified<T> {
    value: T,
    digest: Digest,
    signers: Vec<KeyId>,
    envelope: Vec<u8>,
}

impl<T> Verified<T> {
    /// The identity: the digest of the payload that was signed.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Who signed it, of those who count.
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// The envelope as received, to be kept or handed on.
    pub fn envelope(&self) -> &[u8] {
        &self.envelope
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Something that is signed.
pub(super) trait Signed: Sized {
    /// What the envelope must be for.
    const ROLE: Role;

    /// Reads bytes that a signature covers. `judge` is the root whose keys signed, where one did.
    fn read(bytes: &[u8], judge: Option<&TrustRoot>) -> Result<Self, Malformed>;

    /// The authority that it claims to speak for; none where there is only one.
    fn speaks_for(&self) -> Option<&str> {
        None
    }
}

/// Who may sign.
pub(super) enum Authority<'a> {
    /// So many of these keys of this root.
    Keys(&'a TrustRoot, Vec<Holders<'a>>),
    /// Whoever signed it: the operator gave its digest.
    Operator(Digest),
}

/// A named group of keys and how many of them are enough.
pub(super) struct Holders<'a> {
    pub(super) name: String,
    pub(super) threshold: u32,
    pub(super) keys: Vec<&'a PublicKey>,
}

impl Holders<'_> {
    /// The members who signed, if they are enough.
    pub(super) fn signed(&self, envelope: &Unverified, role: Role) -> Result<Vec<KeyId>, usize> {
        let signers = signers(envelope, role, self.keys.iter().copied());
        match usize::try_from(self.threshold) {
            Ok(needed) if needed > 0 && signers.len() >= needed => Ok(signers.into_iter().collect()),
            _ => Err(signers.len()),
        }
    }
}

/// The gate. Type, then signatures, then header, and only then the document.
pub(super) fn open<T: Signed>(
    what: &str,
    envelope: &Unverified,
    authority: &Authority<'_>,
) -> Result<Verified<T>, Refusal> {
    if envelope.payload_type() != T::ROLE.payload_type() {
        let found = envelope.payload_type().chars().take(80).collect();
        return Err(Refusal::Type { what: what.into(), role: T::ROLE, found });
    }
    let mut enough = Vec::new();
    match authority {
        Authority::Operator(digest) => {
            let found = envelope.payload_digest();
            if found != *digest {
                return Err(Refusal::Anchor { found: found.to_string(), expected: digest.to_string() });
            }
        }
        Authority::Keys(root, groups) => {
            let mut best: Option<(usize, &Holders<'_>)> = None;
            for group in groups {
                match group.signed(envelope, T::ROLE) {
                    Ok(signers) => enough.push((group, signers)),
                    Err(have) if best.is_none_or(|(most, _)| most < have) => best = Some((have, group)),
                    Err(_) => (),
                }
            }
            if enough.is_empty() {
                let (have, authority, need) = match best {
                    Some((have, group)) => (have, group.name.clone(), group.threshold),
                    None => (0, format!("trust root {}", root.version), 1),
                };
                let strangers = signers::strangers(envelope, &root.keys);
                return Err(Refusal::Threshold { what: what.into(), authority, have, need, strangers });
            }
        }
    }
    let header = Header::read(what, envelope.payload())?;
    if header.r#type != T::ROLE.name() {
        return Err(Refusal::Type { what: what.into(), role: T::ROLE, found: header.r#type });
    }
    if header.format != 1 {
        return Err(Refusal::Format { what: what.into(), found: header.format });
    }
    if let Some(need) = header.lacking() {
        return Err(Refusal::Needs { what: what.into(), need: need.clone() });
    }
    let judge = match authority {
        Authority::Keys(root, _) => Some(*root),
        Authority::Operator(_) => None,
    };
    let value = T::read(envelope.payload(), judge)?;
    // Those who signed must be those for whom the document speaks: one channel's keys say nothing in another.
    let signers = match (value.speaks_for(), authority) {
        (Some(name), Authority::Keys(root, groups)) => {
            let Some((_, signers)) = enough.into_iter().find(|(group, _)| group.name == name) else {
                let group = groups.iter().find(|group| group.name == name);
                return Err(Refusal::Threshold {
                    what: what.into(),
                    authority: name.to_owned(),
                    have: group.map_or(0, |it| {
                        it.signed(envelope, T::ROLE).map_or_else(|have| have, |all| all.len())
                    }),
                    need: group.map_or(1, |it| it.threshold),
                    strangers: signers::strangers(envelope, &root.keys),
                });
            };
            signers
        }
        _ => enough.into_iter().next().map(|(_, signers)| signers).unwrap_or_default(),
    };
    Ok(Verified { value, digest: envelope.payload_digest(), signers, envelope: envelope.as_bytes().to_vec() })
}
