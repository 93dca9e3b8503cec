//! What makes an object drifted, and what makes an error one about an immutable field.

use serde_json::{Map, Value};

use super::ApiError;
use crate::object::{Object, normalize::comparable};

/// Whether a dry-run shows that an apply would change anything that counts: labels, annotations, and every field but
/// `metadata` and `status` (fluxcd/pkg/ssa `hasDrifted`). Fields of others are in both, so they count for nothing.
pub(super) fn differs(live: &Object, would: &Object) -> bool {
    let texts = |field| {
        let of = |object: &Object| object.get(&["metadata", field]).and_then(Value::as_object).cloned();
        of(live).unwrap_or_default() != of(would).unwrap_or_default()
    };
    texts("labels") || texts("annotations") || body(live) != body(would)
}

fn body(object: &Object) -> Map<String, Value> {
    let Value::Object(mut fields) = comparable(object.clone()).into_value() else { return Map::new() };
    fields.remove("metadata");
    fields.remove("status");
    fields
}

/// Whether an error may be one about an immutable field (fluxcd/pkg/ssa `IsImmutableError`): everything invalid, since
/// built-in kinds say it in many ways, and what webhooks and CEL rules say about it.
///
/// Departs: Flux counts a conflict as well, and would delete an object that someone else writes at the same time.
pub(super) fn is_immutable(error: &ApiError) -> bool {
    let spaced = |first: &str, second: &str| {
        error.message.match_indices(first).any(|(at, _)| {
            let rest = error.message.get(at + first.len()..).unwrap_or_default();
            // What `\s` of Go's regular expressions stands for.
            rest.strip_prefix(['\t', '\n', '\u{c}', '\r', ' ']).is_some_and(|rest| rest.starts_with(second))
        })
    };
    error.reason == "Invalid" || spaced("is", "immutable") || spaced("immutable", "field")
}
