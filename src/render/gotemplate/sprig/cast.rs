//! Numbers from whatever a template has, after spf13/cast 1.7.0: what cannot be one is 0.

use crate::render::gotemplate::{strconv, value::Value};

/// `cast.ToInt64`, and `cast.ToInt`, which is the same on 64 bits.
pub(crate) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(number, _) => *number,
        Value::Uint(number, _) => number.cast_signed(),
        Value::Float(number, _) => truncate(*number),
        Value::Str(text) => strconv::parse_int(without_zeros(text)).unwrap_or(0),
        Value::Bool(truth) => i64::from(*truth),
        _ => 0,
    }
}

/// `cast.ToFloat64`.
#[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds in the same way")]
pub(crate) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(number, _) => *number as f64,
        Value::Uint(number, _) => *number as f64,
        Value::Float(number, _) => *number,
        Value::Str(text) => parse_float(text).unwrap_or(0.0),
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        _ => 0.0,
    }
}

/// The integer part of a float as a 64-bit x86 gives it: the smallest number where it does not fit.
#[expect(clippy::cast_possible_truncation, reason = "checked by the range")]
pub(crate) fn truncate(number: f64) -> i64 {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if (-BOUND..BOUND).contains(&number) { number as i64 } else { i64::MIN }
}

/// `9.00` is read as `9`, which `ParseInt` would refuse; `9.70` is not. A point without zeros behind it does not end the
/// search, so that `9.00.` is 9 too.
fn without_zeros(text: &[u8]) -> &[u8] {
    let mut zeros = false;
    for (at, byte) in text.iter().enumerate().rev() {
        match byte {
            b'.' if zeros => return text.get(..at).unwrap_or(text),
            b'.' => (),
            b'0' => zeros = true,
            _ => return text,
        }
    }
    text
}

/// `strconv.ParseFloat(text, 64)`; `None` for both of its errors.
pub(crate) fn parse_float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let (negative, number) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let signed = number.len() < text.len();
    let value = match number.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" if !signed => f64::NAN,
        lower if lower.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            strconv::parse_float(number.as_bytes())?
        }
        _ => return None,
    };
    Some(if negative { -value } else { value })
}

/// `strconv.ParseInt(text, 10, 64)`, where the error is dropped: 0 for what is no number, the nearest for what is
/// too large.
pub(crate) fn parse_decimal(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let limit = if negative { i64::MIN } else { i64::MAX };
    let mut value = 0_u64;
    if digits.is_empty() {
        return 0;
    }
    for byte in digits {
        if !byte.is_ascii_digit() {
            return 0;
        }
        // What is beyond 64 bits is too large, whatever follows.
        let next = value.checked_mul(10).and_then(|it| it.checked_add(u64::from(byte - b'0')));
        match next {
            Some(next) => value = next,
            None => return limit,
        }
    }
    if negative {
        0_i64.checked_sub_unsigned(value).unwrap_or(limit)
    } else {
        i64::try_from(value).unwrap_or(limit)
    }
}

/// `strconv.ParseInt(text, 8, 64)`; `None` for both of its errors.
pub(crate) fn parse_octal(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    i64::from_str_radix(text, 8).ok()
}
