//! `time.Duration`: 63 bits of nanoseconds and a sign.

use super::layout::quote;

/// Nanoseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// `Duration.String`: `1h30m0s`, `1.5s`, `2µs`.
pub(crate) fn format(duration: i64) -> String {
    let size = duration.unsigned_abs();
    let sign = if duration < 0 { "-" } else { "" };
    if size < 1_000_000_000 {
        return match size {
            0 => "0s".into(),
            1..1_000 => format!("{sign}{size}ns"),
            1_000..1_000_000 => format!("{sign}{}µs", fraction(size, 3)),
            _ => format!("{sign}{}ms", fraction(size, 6)),
        };
    }
    let seconds = size / 1_000_000_000;
    let rest = fraction(size % 60_000_000_000, 9);
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{sign}{rest}s"),
        (0, minutes) => format!("{sign}{minutes}m{rest}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{rest}s"),
    }
}

/// The number with so many of its digits behind the point, and no zeros at the end.
fn fraction(number: u64, digits: u32) -> String {
    let unit = 10_u64.pow(digits);
    let (whole, part) = (number / unit, number % unit);
    if part == 0 {
        return whole.to_string();
    }
    let width = digits as usize;
    format!("{whole}.{}", format!("{part:0width$}").trim_end_matches('0'))
}

/// `time.ParseDuration`.
///
/// # Errors
/// In Go's words.
pub(crate) fn parse(text: &[u8]) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (part, after) = match after.strip_prefix(b".") {
            Some(after) => digits(after),
            None => (&b""[..], after),
        };
        if whole.is_empty() && part.is_empty() {
            return Err(invalid());
        }
        let end = after.iter().position(|it| *it == b'.' || it.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let value = leading(whole).ok_or_else(invalid)?;
        let scale: u64 = match unit {
            b"" => return Err(format!("time: missing unit in duration {}", quote(text))),
            b"ns" => 1,
            b"us" | [0xc2, 0xb5, b's'] | [0xce, 0xbc, b's'] => 1_000,
            b"ms" => 1_000_000,
            b"s" => 1_000_000_000,
            b"m" => 60_000_000_000,
            b"h" => 3_600_000_000_000,
            _ => return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(text))),
        };
        let mut value = value.checked_mul(scale).filter(|it| *it <= 1 << 63).ok_or_else(invalid)?;
        if !part.is_empty() {
            value += behind_point(part, scale);
            if value > 1 << 63 {
                return Err(invalid());
            }
        }
        total = total.checked_add(value).filter(|it| *it <= 1 << 63).ok_or_else(invalid)?;
        rest = after;
    }
    if negative {
        return Ok(0_i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| invalid())
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|it| !it.is_ascii_digit()).unwrap_or(text.len()))
}

/// The number of up to 2^63, which is one more than fits a duration.
fn leading(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        (value <= 1 << 63).then_some(value)
    })
}

/// What digits behind the point are of a unit; those beyond 63 bits do not count.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the original calculates in floating point"
)]
fn behind_point(digits: &[u8], unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in digits {
        if value > (i64::MAX as u64) / 10 {
            break;
        }
        let next = value * 10 + u64::from(digit - b'0');
        if next > 1 << 63 {
            break;
        }
        value = next;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// `Duration.Round`: half away from zero, and the largest where that does not fit.
pub(crate) fn round(duration: i64, unit: i64) -> i64 {
    let rest = (duration % unit).abs();
    let (down, up) = if duration < 0 {
        (duration.checked_add(rest), duration.checked_sub(unit - rest))
    } else {
        (duration.checked_sub(rest), duration.checked_add(unit - rest))
    };
    let limit = if duration < 0 { i64::MIN } else { i64::MAX };
    if rest < unit - rest { down.unwrap_or(limit) } else { up.unwrap_or(limit) }
}
