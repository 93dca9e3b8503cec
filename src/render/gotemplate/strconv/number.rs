//! Numbers from text, as Go's literals write them. All but [`atoi`] give `None` for both of Go's errors, bad syntax and out of
//! range.

use super::quote;

/// `strconv.Atoi`.
///
/// # Errors
/// In Go's words.
pub fn atoi(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let numeric = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
        let why = if numeric { "value out of range" } else { "invalid syntax" };
        format!("strconv.Atoi: parsing {}: {why}", quote(text.as_bytes()))
    })
}

/// `strconv.ParseUint(text, 0, 64)`: the prefix says the base, and `_` may stand between digits.
pub fn parse_uint(text: &[u8]) -> Option<u64> {
    let (radix, digits) = match text {
        [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (16, rest),
        [b'0', b'o' | b'O', rest @ ..] if !rest.is_empty() => (8, rest),
        [b'0', b'b' | b'B', rest @ ..] if !rest.is_empty() => (2, rest),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
        [] => return None,
        _ => (10, text),
    };
    let mut value = 0_u64;
    for digit in digits.iter().filter(|it| **it != b'_') {
        let digit = char::from(*digit).to_digit(radix)?;
        value = value.checked_mul(radix.into())?.checked_add(digit.into())?;
    }
    // A lone prefix before underscores has no digit at all, and that is what the next check refuses.
    underscores_ok(text).then_some(value)
}

/// `strconv.ParseInt(text, 0, 64)`.
pub fn parse_int(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', rest @ ..] => 0_i64.checked_sub_unsigned(parse_uint(rest)?),
        [b'+', rest @ ..] | rest => i64::try_from(parse_uint(rest)?).ok(),
    }
}

/// `strconv.ParseFloat(text, 64)` of what can be a literal: decimal or hexadecimal, no words.
pub fn parse_float(text: &[u8]) -> Option<f64> {
    if !underscores_ok(text) {
        return None;
    }
    let text: String = text.iter().filter(|it| **it != b'_').map(|byte| char::from(*byte)).collect();
    let (negative, number) = match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..)?),
        [b'+', ..] => (false, text.get(1..)?),
        _ => (false, text.as_str()),
    };
    let value = match number.strip_prefix("0x").or_else(|| number.strip_prefix("0X")) {
        Some(rest) if !rest.is_empty() => hexadecimal(rest)?,
        _ => {
            if !number.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
                return None;
            }
            number.parse().ok().filter(|it: &f64| it.is_finite())?
        }
    };
    Some(if negative { -value } else { value })
}

/// Digits and point in base 16, then an exponent of two, which must be there.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if exponent_digits.is_empty() || !exponent_digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    // Whatever is beyond 10,000 is beyond every float.
    let mut exponent =
        exponent.parse::<i64>().unwrap_or_else(|_| if exponent.starts_with('-') { -10_000 } else { 10_000 });
    exponent = exponent.clamp(-10_000, 10_000);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (mut mantissa, mut lost) = (0_u64, false);
    for (digit, after_point) in
        whole.chars().map(|it| (it, false)).chain(fraction.chars().map(|it| (it, true)))
    {
        let digit = u64::from(digit.to_digit(16)?);
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | digit;
            exponent -= if after_point { 4 } else { 0 };
        } else {
            lost |= digit != 0;
            exponent += if after_point { 0 } else { 4 };
        }
    }
    Some(scaled(mantissa, lost, exponent)).filter(|it| it.is_finite())
}

/// `mantissa * 2^exponent`, rounded to the nearest float, half to even; `lost` says that more digits followed.
fn scaled(mantissa: u64, lost: bool, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let shift = i64::from(mantissa.leading_zeros());
    let top = mantissa << shift;
    // The value is `top * 2^(exponent - shift)`, so that its leading bit stands for `2^power`.
    let power = exponent - shift + 63;
    if power > 1023 {
        return f64::INFINITY;
    }
    let bits = (power + 1075).clamp(0, 53);
    let drop = u32::try_from(64 - bits).unwrap_or(64);
    let (mut kept, rest) = match drop {
        64 => (0, top),
        _ => (top >> drop, top << (64 - drop)),
    };
    let half = 1_u64 << 63;
    // With no bit left the rest is the whole value, of which at most half can round up.
    let rest_is_half = if drop == 64 { power == -1075 && top == half } else { rest == half };
    let more_than_half = if drop == 64 { power == -1075 && top > half } else { rest > half };
    if more_than_half || rest_is_half && (lost || kept & 1 == 1) {
        kept += 1;
    }
    // Below 2^54, so exact; and a power of two twice, since one float cannot hold 2^-1126.
    let unit = power - (bits - 1);
    let (first, second) = (unit / 2, unit - unit / 2);
    let two = |power: i64| 2_f64.powi(i32::try_from(power).unwrap_or(i32::MIN));
    let value = kept as f64;
    value * two(first) * two(second)
}

/// Underscores stand between digits only, a base prefix counting as one.
fn underscores_ok(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let (mut saw, rest, hex) = match text {
        [b'0', base @ (b'b' | b'B' | b'o' | b'O' | b'x' | b'X'), rest @ ..] => {
            (b'0', rest, base.eq_ignore_ascii_case(&b'x'))
        }
        _ => (b'^', text, false),
    };
    for byte in rest {
        saw = match byte {
            b'0'..=b'9' => b'0',
            b'a'..=b'f' | b'A'..=b'F' if hex => b'0',
            b'_' if saw == b'0' => b'_',
            b'_' => return false,
            _ if saw == b'_' => return false,
            _ => b'!',
        };
    }
    saw != b'_'
}
