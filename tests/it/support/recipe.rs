//! The language in which hostile cases are written: data in, bytes out. `tests/data/hostile/README.md` is its page.
//!
//! A recipe never says what is good or bad. It starts from what the kit makes, which is good, and changes it.

pub mod bytes;
pub mod cargo;
pub mod document;
pub mod medium;
pub mod tar;

use std::path::PathBuf;

use airlock::digest::Digest;
use serde_json::{Map, Value, json};

use super::kit::{Person, day};

/// Where a case lies, and the names that its words may use.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The directory of the case, for files that lie beside it.
    pub folder: PathBuf,
    /// What `$NAME` stands for beside the words that are always there.
    pub names: Map<String, Value>,
}

/// A JSON merge patch (RFC 7396) with words: a text that starts with `$` stands for a value.
pub fn merge(base: &Value, patch: &Value, place: &Place) -> Value {
    let changes = match patch {
        // No patch was written.
        Value::Null => return base.clone(),
        Value::Object(changes) => changes,
        other => return settle(other, place),
    };
    let mut merged = match base {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    for (key, change) in changes {
        if change.is_null() {
            merged.remove(key);
        } else {
            let below = merge(merged.get(key).unwrap_or(&Value::Null), change, place);
            merged.insert(key.clone(), below);
        }
    }
    Value::Object(merged)
}

fn settle(value: &Value, place: &Place) -> Value {
    match value {
        Value::String(text) => text.strip_prefix('$').map_or_else(|| value.clone(), |it| word(it, place)),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), settle(value, place))).collect()
        }
        Value::Array(items) => items.iter().map(|it| settle(it, place)).collect(),
        other => other.clone(),
    }
}

/// What a word stands for.
fn word(text: &str, place: &Place) -> Value {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    match name {
        "null" => Value::Null,
        "day" => json!(day(rest.parse().unwrap())),
        "id" => json!(Person::named(rest).id()),
        "key" => json!(Person::named(rest).public()),
        // The same point, as a key of a FIDO authenticator.
        "fido" => {
            let mut key = json!(Person::named(rest).public());
            key["alg"] = "sk-ssh-ed25519".into();
            key["application"] = "ssh:".into();
            key
        }
        "point" => point(rest),
        "point-id" => {
            let key: airlock::bundle::PublicKey = serde_json::from_value(point(rest)).unwrap();
            json!(key.id())
        }
        "digest" => json!(Digest::of(rest.as_bytes())),
        _ => place.names.get(text).unwrap_or_else(|| panic!("nobody knows `${text}`")).clone(),
    }
}

/// A key whose point is given, whoever could have made it.
fn point(hex: &str) -> Value {
    let mut key = json!(Person::named("nobody").public());
    let public = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes::unhex(hex));
    key["public"] = public.into();
    key
}

/// A day of the fleet's life, or an instant.
pub fn instant(value: &Value) -> jiff::Timestamp {
    match value {
        Value::String(text) => text.parse().unwrap(),
        number => day(number.as_i64().unwrap()),
    }
}
