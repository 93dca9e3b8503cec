//! What a receipt tells. Each is one JSON object with `what` and the facts; the store chains them.

use serde_json::{Value, json};

use super::accept::Accepted;
use crate::{
    bundle::{Medium as _, TrustRoot},
    fault::Report,
    source::Volumes,
    trust::Verified,
};

/// A root was anchored by the operator.
pub(super) fn anchored(root: &Verified<TrustRoot>, how: &str) -> Value {
    json!({"what": "trust_anchored", "version": root.version, "digest": root.digest(), "how": how})
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
pub(super) fn refused(report: &Report, medium: &str, payload: Option<crate::digest::Digest>) -> Value {
    json!({"what": "refused", "media": [medium], "payload": payload, "code": report.code, "error": report.error})
}
