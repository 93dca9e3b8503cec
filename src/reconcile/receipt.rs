//! What a receipt tells. Each is one JSON object with `what` and the facts; the store chains them.

use serde_json::{Value, json};

use super::{accept::Accepted, card::Told, desired::Reads};
use crate::{
    bundle::{KeyId, TrustRoot},
    digest::Digest,
    fault::Report,
    name::ChannelName,
    plan::DeletionList,
    source::Volumes,
    trust::{Verified, state::Held},
};

/// A root was anchored by the operator.
pub(super) fn anchored(root: &Verified<TrustRoot>, how: &str, recovered: bool) -> Value {
    let what = if recovered { "trust_recovered" } else { "trust_anchored" };
    json!({"what": what, "version": root.version, "digest": root.digest(), "how": how})
}

/// A newer root was learned.
pub(super) fn learned(root: &Verified<TrustRoot>) -> Value {
    json!({"what": "root_learned", "version": root.version, "epoch": root.epoch, "digest": root.digest(),
        "signers": root.signers()})
}

/// A medium was taken in, or in part.
pub(super) fn accepted(accepted: &Accepted, medium: &Volumes) -> Value {
    let labels: Vec<String> = medium.media().iter().map(|it| it.label()).collect();
    json!({"what": "import", "media": labels, "result": accepted})
}

/// A medium was refused.
pub(super) fn refused(report: &Report, medium: &str, payload: Option<Digest>) -> Value {
    json!({"what": "refused", "media": [medium], "payload": payload, "code": report.code, "error": report.error})
}

/// A latest card was read.
pub(super) fn card(label: &str, told: &Told, signers: &[KeyId]) -> Value {
    json!({"what": "card", "medium": label, "told": told, "signers": signers})
}

/// A staged bundle became active. `reads` is what its render read in the cluster: no signature covers that.
pub(super) fn activated(
    channel: &ChannelName,
    held: &Held,
    inputs: Digest,
    used: Option<Digest>,
    reads: &Reads,
) -> Value {
    json!({"what": "activated", "channel": channel, "bundle": held, "inputs": inputs, "approved": used,
        "reads": reads})
}

/// The operator's word for deletions was used up.
pub(super) fn word_used(channel: &ChannelName, used: Digest, list: &DeletionList) -> Value {
    let ids: Vec<String> = list.deletions.iter().map(|it| it.id.to_string()).collect();
    json!({"what": "word_used", "channel": channel, "digest": used, "deletions": ids})
}

/// The active bundle is healthy as a whole.
pub(super) fn healthy(channel: &ChannelName, held: &Held) -> Value {
    json!({"what": "healthy", "channel": channel, "bundle": held})
}

/// Another node of the cluster made a bundle active.
pub(super) fn followed(channel: &ChannelName, held: &Held) -> Value {
    json!({"what": "followed", "channel": channel, "bundle": held})
}

/// A bundle is set aside.
pub(super) fn denied(channel: &ChannelName, digest: Digest, why: &str) -> Value {
    json!({"what": "denied", "channel": channel, "payload": digest, "why": why})
}

/// The operator said something.
pub(super) fn word(what: &str, who: &str, facts: Value) -> Value {
    let mut receipt = json!({"what": what, "who": who});
    if let (Some(receipt), Value::Object(facts)) = (receipt.as_object_mut(), facts) {
        receipt.extend(facts);
    }
    receipt
}
