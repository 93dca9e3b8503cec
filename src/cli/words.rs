//! Small words that several verbs use.

use jiff::Timestamp;

use crate::{digest::Digest, trust::state::Held};

/// The first digits of a digest, enough for people to compare.
pub(super) fn short(digest: &Digest) -> String {
    digest.hex().chars().take(12).collect()
}

/// A bundle in a few words.
pub(super) fn bundle(held: &Held) -> String {
    format!("{} ({})", held.position, short(&held.digest))
}

/// Bytes as people say them.
pub(super) fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
}

/// How long ago, in the largest unit that says it.
pub(super) fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second());
    match seconds {
        ..0 => "in the future".to_owned(),
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A list with commas, or a dash.
pub(super) fn listed(items: &[String]) -> String {
    if items.is_empty() { "-".to_owned() } else { items.join(", ") }
}

/// An instant without the fractions that nobody reads.
pub(super) fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// `1 object`, `2 objects`.
pub(super) fn objects(count: u64) -> String {
    if count == 1 { "1 object".to_owned() } else { format!("{count} objects") }
}
