//! The way through JSON that every value takes in `sigs.k8s.io/yaml`, and what it changes.

use super::{
    super::{Error, Value, Version, parse_first},
    check_float, read,
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
    if needs_text(&value) {
        return from_json(&super::to_json(&value)?);
    }
    let mut left = vec![&mut value];
    while let Some(value) = left.pop() {
        match value {
            Value::Float(number) => *value = through_text(*number)?,
            Value::Seq(items) => left.extend(items),
            Value::Map(map) => left.extend(map.values_mut()),
            _ => (),
        }
    }
    Ok(value)
}

/// A number as its JSON text reads.
fn through_text(number: f64) -> Result<Value, Error> {
    /// Below this, all integers are exact and so is what they print.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    check_float(number)?;
    if number.fract() != 0.0 {
        return Ok(Value::Float(number));
    }
    if number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "an exact integer")]
        return Ok(Value::Int(number as i64));
    }
    let mut text = String::new();
    super::float::push_json(&mut text, number);
    Ok(read::read(&text).unwrap_or(Value::Float(number)))
}

/// Whether YAML sees more in the JSON text of `value` than JSON does.
fn needs_text(value: &Value) -> bool {
    /// Far from go-yaml's limit of 10,000, and deeper than anything that is written by hand.
    const DEEP: usize = 1_000;
    /// A key this short stays below YAML's limit however much of it is escaped.
    const SHORT: usize = 170;
    let mut left = vec![(value, 0)];
    while let Some((value, depth)) = left.pop() {
        match value {
            _ if depth > DEEP => return true,
            Value::String(text) if text.chars().any(is_odd) => return true,
            Value::Seq(items) => left.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Map(map) => {
                if map.keys().any(|key| key.len() > SHORT || key.chars().any(is_odd)) {
                    return true;
                }
                left.extend(map.values().map(|value| (value, depth + 1)));
            }
            _ => (),
        }
    }
    false
}

/// What YAML forbids or breaks lines at, unless JSON escapes it.
fn is_odd(c: char) -> bool {
    c >= '\u{7f}' && read::is_odd(c) && !matches!(c, '\u{2028}' | '\u{2029}')
}
