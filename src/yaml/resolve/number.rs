//! Numbers as Go's `strconv` and go-yaml's own additions read them.

use std::borrow::Cow;

use super::Scalar;
use crate::yaml::Version;

/// A text that begins with a digit or a sign, as a number.
pub(super) fn parse<'a>(version: Version, text: &str) -> Option<Scalar<'a>> {
    // Underscores count nowhere, not even at the ends.
    let digits = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    let digits = digits.as_ref();
    if let Some(found) = any_base(digits) {
        return Some(found);
    }
    if let Some(value) = decimal(digits) {
        return Some(Scalar::Float(value));
    }
    // What follows a prefix may have a sign of its own: `0b-101` is -5.
    if let Some(rest) = digits.strip_prefix("0b") {
        return signed(rest, 2).map(Scalar::Int).or_else(|| unsigned(rest, 2));
    }
    if let Some(rest) = digits.strip_prefix("-0b") {
        return negative(rest, 2);
    }
    if version == Version::V3 {
        if let Some(rest) = digits.strip_prefix("0o") {
            return signed(rest, 8).map(Scalar::Int).or_else(|| unsigned(rest, 8));
        }
        if let Some(rest) = digits.strip_prefix("-0o") {
            return negative(rest, 8);
        }
    }
    None
}

/// A text that begins with a point. Go's `ParseFloat` sees it as it stands, so an underscore must part two digits.
pub(super) fn dotted(text: &str) -> Option<f64> {
    if !text.contains('_') {
        return decimal(text);
    }
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let parted = |at: usize| {
        // A run of underscores is never between two digits.
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    let fine = bytes.iter().enumerate().all(|(at, byte)| *byte != b'_' || parted(at));
    if fine { decimal(&text.replace('_', "")) } else { None }
}

/// `ParseInt` and then `ParseUint`, both with base 0: the prefix names the base, a lone zero means octal.
fn any_base<'a>(text: &str) -> Option<Scalar<'a>> {
    let (sign, rest) = match text.as_bytes().first() {
        Some(b'+' | b'-') => text.split_at(1),
        _ => ("", text),
    };
    let bytes = rest.as_bytes();
    let (base, digits) = match (bytes.first(), bytes.get(1).map(u8::to_ascii_lowercase)) {
        (Some(b'0'), Some(b'b')) if bytes.len() > 2 => (2, rest.get(2..)?),
        (Some(b'0'), Some(b'o')) if bytes.len() > 2 => (8, rest.get(2..)?),
        (Some(b'0'), Some(b'x')) if bytes.len() > 2 => (16, rest.get(2..)?),
        (Some(b'0'), Some(_)) => (8, rest.get(1..)?),
        _ => (10, rest),
    };
    let magnitude = magnitude(digits, base)?;
    match sign {
        "-" => 0_i64.checked_sub_unsigned(magnitude).map(Scalar::Int),
        _ => match i64::try_from(magnitude) {
            Ok(value) => Some(Scalar::Int(value)),
            // `ParseUint` knows no sign.
            Err(_) if sign.is_empty() => Some(Scalar::Uint(magnitude)),
            Err(_) => None,
        },
    }
}

fn signed(text: &str, base: u32) -> Option<i64> {
    if let Some(digits) = text.strip_prefix('-') {
        return 0_i64.checked_sub_unsigned(magnitude(digits, base)?);
    }
    i64::try_from(magnitude(text.strip_prefix('+').unwrap_or(text), base)?).ok()
}

fn unsigned<'a>(text: &str, base: u32) -> Option<Scalar<'a>> {
    magnitude(text, base).map(Scalar::Uint)
}

/// `ParseInt` of the digits with a `-` put before them.
fn negative<'a>(digits: &str, base: u32) -> Option<Scalar<'a>> {
    0_i64.checked_sub_unsigned(magnitude(digits, base)?).map(Scalar::Int)
}

/// Digits alone; at least one.
fn magnitude(digits: &str, base: u32) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    for digit in digits.chars() {
        value = value.checked_mul(u64::from(base))?.checked_add(u64::from(digit.to_digit(base)?))?;
    }
    Some(value)
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, as far as it is finite.
fn decimal(text: &str) -> Option<f64> {
    let run = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let bytes = text.as_bytes();
    let mut at = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole = run(bytes.get(at..)?);
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = run(bytes.get(at + 1..)?);
        if whole == 0 && fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    } else if whole == 0 {
        return None;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = run(bytes.get(at..)?);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    if at != bytes.len() {
        return None;
    }
    // Rust rounds as Go does; where Go reports a range error, Rust gives an infinity.
    text.parse().ok().filter(|value: &f64| value.is_finite())
}
