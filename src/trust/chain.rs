//! From the root that the operator anchored to the newest one.

use std::collections::BTreeMap;

use super::{
    Refusal, Verified,
    state::RootRef,
    verified::{Authority, Holders, Signed, open},
};
use crate::{
    bundle::{Malformed, Role, TrustRoot, Unverified},
    digest::Digest,
    limits,
};

impl Signed for TrustRoot {
    const ROLE: Role = Role::Root;

    fn read(bytes: &[u8], _: Option<&TrustRoot>) -> Result<Self, Malformed> {
        Self::parse(bytes)
    }
}

/// Anchors a root of any version by the digest that the operator gave.
///
/// # Errors
/// When it is another document, or too few of its own keys signed it.
pub fn anchor(envelope: &Unverified, digest: Digest) -> Result<Verified<TrustRoot>, Refusal> {
    let root = open::<TrustRoot>("the trust root", envelope, &Authority::Operator(digest))?;
    signed_by_own_keys(&root, envelope)?;
    Ok(root)
}

/// A walk along the chain.
#[derive(Debug)]
pub struct Walk {
    /// The roots that were not known before, in order.
    pub learned: Vec<Verified<TrustRoot>>,
    /// Why the walk ended before the newest root that was offered, where it did. What was learned stays learned.
    pub stopped: Option<Refusal>,
}

/// Walks from `newest` along the roots that a medium offers.
///
/// `known` are the roots that the store keeps, by version: an offered root of a known version must be that one.
pub fn walk(
    newest: &Verified<TrustRoot>,
    known: &BTreeMap<u32, Digest>,
    offered: &BTreeMap<u32, Unverified>,
) -> Walk {
    let mut learned: Vec<Verified<TrustRoot>> = Vec::new();
    for (version, envelope) in offered.range(..=newest.version) {
        let found = envelope.payload_digest();
        match known.get(version) {
            Some(digest) if *digest != found => {
                let refusal = Refusal::RootFork { version: *version, known: *digest, found };
                return Walk { learned, stopped: Some(refusal) };
            }
            // Roots from before the anchor are history that this node never knew, and does not need.
            _ => (),
        }
    }
    let Some((last, _)) = offered.last_key_value() else { return Walk { learned, stopped: None } };
    if last.saturating_sub(newest.version) > limits::ROOT_STEPS {
        let refusal = Refusal::RootSteps { known: newest.version, found: *last, limit: limits::ROOT_STEPS };
        return Walk { learned, stopped: Some(refusal) };
    }
    for version in newest.version + 1..=*last {
        let current = learned.last().unwrap_or(newest);
        let step = match offered.get(&version) {
            None => Err(Refusal::RootGap { known: current.version, missing: version, found: *last }),
            Some(envelope) => next(current, envelope, version),
        };
        match step {
            Ok(root) => learned.push(root),
            Err(refusal) => return Walk { learned, stopped: Some(refusal) },
        }
    }
    Walk { learned, stopped: None }
}

/// Verifies again the chain that the store keeps, from the anchor to the newest root.
///
/// # Errors
/// When the store's roots are not the chain that was accepted.
pub fn rewalk(
    anchored: RootRef,
    newest: RootRef,
    kept: &BTreeMap<u32, Unverified>,
) -> Result<Vec<Verified<TrustRoot>>, Refusal> {
    let missing =
        |version| Refusal::RootGap { known: anchored.version, missing: version, found: newest.version };
    let first = kept.get(&anchored.version).ok_or_else(|| missing(anchored.version))?;
    let mut chain = vec![anchor(first, anchored.digest)?];
    for version in anchored.version + 1..=newest.version {
        let envelope = kept.get(&version).ok_or_else(|| missing(version))?;
        let current = chain.last().expect("the chain begins with the anchor");
        chain.push(next(current, envelope, version)?);
    }
    match chain.last() {
        Some(last) if last.digest() != newest.digest => {
            Err(Refusal::RootFork { version: newest.version, known: newest.digest, found: last.digest() })
        }
        _ => Ok(chain),
    }
}

/// One step: version N+1 by the keys of N, and by its own.
fn next(
    current: &Verified<TrustRoot>,
    envelope: &Unverified,
    version: u32,
) -> Result<Verified<TrustRoot>, Refusal> {
    let what = format!("trust root {version}");
    let root = open::<TrustRoot>(&what, envelope, &Authority::Keys(current, vec![root_holders(current)]))?;
    signed_by_own_keys(&root, envelope)?;
    let broken = |why: String| Err(Refusal::RootChain { version, known: current.version, why });
    if root.version != version {
        return broken(format!("it says to be version {}", root.version));
    }
    if root.domain != current.domain {
        return Err(Refusal::Domain { what, found: root.domain.clone(), known: current.domain.clone() });
    }
    if root.previous != Some(current.digest()) {
        return broken("it names another previous version".into());
    }
    if root.epoch != current.epoch && root.epoch != current.epoch + 1 {
        return broken(format!("its epoch goes from {} to {}", current.epoch, root.epoch));
    }
    if root.issued < current.issued {
        return broken("it was issued before the version that it follows".into());
    }
    Ok(root)
}

fn root_holders(root: &TrustRoot) -> Holders<'_> {
    Holders {
        name: format!("the root role of trust root {}", root.version),
        threshold: root.roles.root.threshold,
        keys: root.keys_of(&root.roles.root.keys).collect(),
    }
}

fn signed_by_own_keys(root: &Verified<TrustRoot>, envelope: &Unverified) -> Result<(), Refusal> {
    let holders = root_holders(root);
    holders.signed(envelope, Role::Root).map(|_| ()).map_err(|have| Refusal::Threshold {
        what: format!("trust root {}", root.version),
        authority: holders.name.clone(),
        have,
        need: holders.threshold,
        strangers: Vec::new(),
    })
}
