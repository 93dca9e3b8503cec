use std::path::Path;

use airlock::{
    bundle::{Item, Piece, PublicKey, Role, TrustRoot, pae},
    source::{Contents, write_directory},
    trust::Verified,
};
use anyhow::{Context, Result, ensure};

use super::{
    difference::difference,
    opened::{FromMedium, Opened, document},
};
use crate::{
    World, disk,
    envelope::{self, Envelope},
    key,
};

/// The name of the readable difference beside an envelope that travels.
pub const DIFFERENCE: &str = "difference.txt";

/// Puts together what travels between signers: the envelope, the trust roots, the inventory, the release, and what
/// changes from `last`, the bundle that was signed last.
///
/// # Errors
/// When either bundle is not whole, or `last` is not signed.
pub fn request(bundle: &Path, last: Option<&Path>, out: &Path) -> Result<String> {
    let after = Opened::open(bundle)?;
    let before = last.map(Opened::open).transpose()?;
    if let Some(before) = &before {
        before
            .verify(&after.root(None)?)
            .with_context(|| format!("{} is no bundle to compare with", before.path.display()))?;
    }
    let text = difference(before.as_ref(), &after)?;
    let contents = Contents { pieces: Vec::new(), ..contents(&after)? };
    if let Some(parent) = out.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("failed to make {}", parent.display()))?;
    }
    write_directory(out, &contents, &FromMedium(after.medium()), &mut |_| ())?;
    disk::replace(&out.join(DIFFERENCE), text.as_bytes())?;
    Ok(text)
}

/// All of a bundle as a medium carries it.
pub(super) fn contents(bundle: &Opened) -> Result<Contents> {
    let mut roots = std::collections::BTreeMap::new();
    for version in bundle.medium().roots()? {
        let limit = airlock::limits::ENVELOPE_BYTES;
        let root = document(bundle.medium(), Item::Root(version), limit)?.context("a trust root vanished")?;
        roots.insert(version, root);
    }
    let small = |item| document(bundle.medium(), item, airlock::limits::RELEASE_BYTES);
    let statement = &bundle.statement;
    let head = [
        (statement.inventory.digest, statement.inventory.size),
        (statement.release.digest, statement.release.size),
    ];
    Ok(Contents {
        roots,
        agent: small(Item::Agent)?,
        bundle: bundle.envelope.encode(),
        index: small(Item::Index)?.unwrap_or_default(),
        label: None,
        head: head.map(|(digest, size)| Piece { digest, size, slice: None }).to_vec(),
        pieces: airlock::bundle::pieces(&bundle.inventory),
    })
}

/// The same for a bundle that leaves: the roots of `trust` that were signed since it was built go along.
pub(super) fn leaving(bundle: &Opened, trust: Option<&Path>) -> Result<Contents> {
    let mut contents = contents(bundle)?;
    if trust.is_some() {
        let chain = bundle.chain(trust)?;
        contents.roots = chain.envelopes().iter().map(|(version, it)| (*version, it.encode())).collect();
    }
    Ok(contents)
}

/// Adds the signature of one key to a bundle, or to a request for signatures.
///
/// `trust` is the signer's own directory of trust roots; without it the ones that came with the bundle are believed.
///
/// # Errors
/// When the bundle is not what it says, or the key does not count for its channel.
pub fn sign(bundle: &Path, key: &Path, trust: Option<&Path>, world: &World) -> Result<()> {
    let opened = Opened::open(bundle)?;
    let root = opened.root(trust)?;
    let path = in_directory(&opened)?;
    envelope::sign_file(path, Role::Bundle, key, world, |envelope, key| {
        // The file is read once more to be signed; what is signed is what was looked at.
        ensure!(envelope.payload == opened.envelope.payload, "{} changed a moment ago", path.display());
        admits(&opened, &root, key)
    })?;
    Ok(())
}

/// Takes in a signature that somebody made elsewhere: a `.sig` of `ssh-keygen -Y sign`, or another copy of the envelope.
///
/// # Errors
/// When it is of other bytes, or the key does not count for the bundle's channel.
pub fn attach(bundle: &Path, signature: &Path, trust: Option<&Path>) -> Result<()> {
    let opened = Opened::open(bundle)?;
    let root = opened.root(trust)?;
    let mut envelope = Envelope::read(in_directory(&opened)?, Role::Bundle)?;
    let known: Vec<&PublicKey> = root.keys.iter().collect();
    let signature =
        if signature.is_dir() { signature.join(Item::Bundle.to_string()) } else { signature.to_owned() };
    envelope.merge(&signature, &known, |key| admits(&opened, &root, key))?;
    envelope.write()
}

/// The bytes that `ssh-keygen -Y sign -n airlock-bundle-v1` signs.
///
/// # Errors
/// When it is no bundle.
pub fn bytes_to_sign(bundle: &Path) -> Result<Vec<u8>> {
    Ok(pae(Role::Bundle, &Opened::open(bundle)?.envelope.payload))
}

fn in_directory(bundle: &Opened) -> Result<&Path> {
    ensure!(
        bundle.path.is_dir() && bundle.envelope.path.exists(),
        "{} is not a bundle's directory; sign the one that was built, or a request of it, and write it again",
        bundle.path.display()
    );
    Ok(&bundle.envelope.path)
}

fn admits(bundle: &Opened, root: &Verified<TrustRoot>, key: &PublicKey) -> Result<()> {
    let (_, keys) = bundle.signers(root)?;
    ensure!(
        keys.iter().any(|it| it.id() == key.id()),
        "key {} ({}) is not of channel `{}`, so its signature would not count",
        key.id().fingerprint(),
        key::label(key),
        bundle.statement.channel
    );
    Ok(())
}

/// Who signed, and who is still asked for.
///
/// # Errors
/// When the bundle or its root cannot be read.
pub fn standing(bundle: &Path, trust: Option<&Path>) -> Result<String> {
    let opened = Opened::open(bundle)?;
    let root = opened.root(trust)?;
    let (need, keys) = opened.signers(&root)?;
    let signed = opened.envelope.signed_by(keys.iter().copied())?;
    let mut text = format!(
        "{} {} {}\nchannel `{}`: {} of {need} signed\n",
        opened.release.name,
        opened.statement.position(),
        opened.envelope.digest(),
        opened.statement.channel,
        signed.len()
    );
    for key in keys {
        let mark = if signed.contains(&key.id()) { "signed" } else { "      " };
        text.push_str(&format!("  {mark}  {}  {}\n", key.id().fingerprint(), key::label(key)));
    }
    let short = usize::try_from(need).unwrap_or(usize::MAX).saturating_sub(signed.len());
    match opened.verify(&root) {
        Err(_) if short > 0 => {
            text.push_str(&format!("not yet: {short} more of these keys must sign\n"));
        }
        Ok(_) => text.push_str("the gate accepts it\n"),
        Err(error) => {
            text.push_str(&format!("not yet: {}\n", error.to_string().lines().next().unwrap_or_default()))
        }
    }
    Ok(text)
}
