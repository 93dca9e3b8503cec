//! The way through JSON that every value takes in `sigs.k8s.io/yaml`, and what it changes.

use super::{
    super::{Error, Value, Version, parse_first},
    read,
};

/// Reads JSON as `JSONToYAML` does, which is as YAML: numbers keep their kind, an integer of any size its digits.
///
/// # Errors
/// In the words of go-yaml.
pub fn from_json(text: &str) -> Result<Value, Error> {
    match read::read(text) {
        Some(value) => Ok(value),
        None => parse_first(text.as_bytes(), Version::V2)?.to_value(Version::V2),
    }
}

/// What `sigs.k8s.io/yaml`'s `Marshal` prints of `value`: it goes through JSON, which makes integers of numbers without
/// a fraction and refuses what JSON or YAML cannot hold.
///
/// # Errors
/// In the words of `encoding/json` and go-yaml.
pub fn through_json(mut value: Value) -> Result<Value, Error> {
    let plain = visit(&mut value);
    if plain { Ok(value) } else { from_json(&super::to_json(&value)?) }
}

/// Takes `root` with all that is in it through JSON, as far as [`one`] can, and says as [`one`] does whether it could.
fn visit<'v>(root: &'v mut Value) -> bool {
    let mut plain = one(root);
    let mut open = vec![(root, 0)];
    while let Some((value, depth)) = open.pop() {
        plain &= depth < DEEP;
        let mut visit = |child: &'v mut Value| {
            plain &= one(child);
            if matches!(child, Value::Seq(_) | Value::Map(_)) {
                open.push((child, depth + 1));
            }
        };
        match value {
            Value::Seq(items) => items.iter_mut().for_each(visit),
            Value::Map(map) => map.values_mut().for_each(&mut visit),
            _ => (),
        }
    }
    plain
}

/// Far from go-yaml's limit of 10,000, and deeper than anything that is written by hand.
const DEEP: usize = 1_000;

/// A key this short stays below YAML's limit of 1024 characters however much of it is escaped.
const SHORT: usize = 170;

/// Takes a value without what is in it through JSON. Gives whether YAML sees no more in its text than JSON does; what
/// becomes of a number is the same text again.
fn one(value: &mut Value) -> bool {
    match value {
        Value::Float(number) if !number.is_finite() => false,
        Value::Float(number) => {
            *value = through_text(*number);
            true
        }
        Value::String(text) => !is_odd(text),
        Value::Map(map) => map.keys().all(|key| key.len() <= SHORT && !is_odd(key)),
        _ => true,
    }
}

/// A number as its JSON text reads.
fn through_text(number: f64) -> Value {
    /// Below this, all integers are exact and so is what they print.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() != 0.0 {
        return Value::Float(number);
    }
    if number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "an exact integer")]
        return Value::Int(number as i64);
    }
    let mut text = String::new();
    super::float::push_json(&mut text, number);
    read::read(&text).unwrap_or(Value::Float(number))
}

/// Whether a text comes back from JSON as it went.
pub fn is_safe_text(text: &str) -> bool {
    !is_odd(text)
}

/// Whether a key comes back from JSON as it went.
pub fn is_safe_key(key: &str) -> bool {
    key.len() <= SHORT && !is_odd(key)
}

/// Whether `text` has what YAML forbids or breaks lines at, and JSON does not escape.
fn is_odd(text: &str) -> bool {
    // DEL, or the first byte of a control character or of a character that is none.
    text.bytes().fold(false, |odd, byte| odd | matches!(byte, 0x7f | 0xc2 | 0xef))
        && text.chars().any(|c| c >= '\u{7f}' && read::is_odd(c) && !matches!(c, '\u{2028}' | '\u{2029}'))
}
