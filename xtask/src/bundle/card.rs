use std::path::Path;

use airlock::{
    bundle::{Card, Role},
    limits, trust,
};
use anyhow::{Context, Result, ensure};

use super::opened::Opened;
use crate::{World, envelope::Envelope, key::Signer, root::refusal};

/// Makes, or goes on signing, the latest card of a bundle: which one is the newest of its channel.
///
/// # Errors
/// When the bundle is not signed, the key is not of the card role, or the card grows too large for a QR code.
pub fn card(bundle: &Path, key: &Path, out: &Path, trust: Option<&Path>, world: &World) -> Result<String> {
    let opened = Opened::signed(bundle, trust)?;
    let root = opened.root(trust)?;
    let role = root.roles.card.as_ref().context(
        "nobody may sign latest cards yet; `cargo xtask root rotate --card N:FILE.pub,…` says who",
    )?;
    let statement = &opened.statement;
    let card = Card {
        r#type: "card".into(),
        format: 1,
        domain: statement.domain.clone(),
        channel: statement.channel.clone(),
        epoch: statement.epoch,
        sequence: statement.sequence,
        digest: opened.envelope.digest(),
        created: statement.created,
    };
    let mut envelope = Envelope::new(out.to_owned(), Role::Card, serde_json::to_vec(&card)?)?.continued()?;
    envelope.sign_for(role, &Signer::open(key, world)?)?;
    ensure!(
        envelope.encode().len() <= limits::CARD_BYTES,
        "the card would have {} bytes, and a QR code holds {}; let raw keys sign it, which are shorter than SSHSIG",
        envelope.encode().len(),
        limits::CARD_BYTES
    );
    envelope.write()?;
    Ok(match trust::card(&root, &envelope.unverified()?) {
        Ok(card) => format!("{}: signed by {} of {}\n", out.display(), card.signers().len(), role.threshold),
        Err(why) => format!(
            "{}: not yet: {}\n",
            out.display(),
            refusal(why).to_string().lines().next().unwrap_or_default()
        ),
    })
}
