//! Times, and how long they last.

use super::{must, quoted};
use crate::render::gotemplate::{sprig::layout, strconv::atoi};

/// RFC 3339, appendix A.
pub(super) fn duration(text: &str) -> Result<(), String> {
    let text = text.strip_prefix('P').ok_or("must start with P")?;
    must(!text.is_empty(), "nothing after P")?;
    if let Some(weeks) = text.strip_suffix('W') {
        must(!weeks.is_empty(), "no number in week")?;
        return must(weeks.bytes().all(|it| it.is_ascii_digit()), "invalid week");
    }
    const UNITS: [&str; 2] = ["YMD", "HMS"];
    for (at, part) in text.split('T').enumerate() {
        must(at == 0 || !part.is_empty(), "no time elements")?;
        let known = *UNITS.get(at).ok_or("more than one T")?;
        let (mut units, mut rest) = (known, part);
        while !rest.is_empty() {
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            must(after.len() < rest.len(), "missing number")?;
            // The original looks at bytes, and shows them as characters.
            let unit = char::from(*after.as_bytes().first().ok_or("missing unit")?);
            let Some(place) = units.find(unit) else {
                return Err(match known.contains(unit) {
                    true => format!("unit {} out of order", quoted(unit)),
                    false => format!("invalid unit {}", quoted(unit)),
                });
            };
            units = units.get(place + 1..).unwrap_or_default();
            rest = after.get(1..).unwrap_or_default();
        }
    }
    Ok(())
}

/// RFC 3339, appendix A: two ends, or an end and how long it lasts.
pub(super) fn period(text: &str) -> Result<(), String> {
    let (start, end) = text.split_once('/').ok_or("missing slash")?;
    let wrong = |what: &'static str| move |why: String| format!("invalid {what}: {why}");
    if start.starts_with('P') {
        duration(start).map_err(wrong("start duration"))?;
        return date_time(end).map_err(wrong("end date-time"));
    }
    date_time(start).map_err(wrong("start date-time"))?;
    match end.starts_with('P') {
        true => duration(end).map_err(wrong("end duration")),
        false => date_time(end).map_err(wrong("end date-time")),
    }
}

/// RFC 3339, section 5.6, as Go's `time.Parse` reads it.
pub(super) fn date(text: &str) -> Result<(), String> {
    date_of(text.as_bytes())
}

fn date_of(text: &[u8]) -> Result<(), String> {
    layout::parse(b"2006-01-02", text).map(drop).map_err(|error| error.to_string())
}

/// RFC 3339, section 5.6.
pub(super) fn date_time(text: &str) -> Result<(), String> {
    let bytes = text.as_bytes();
    must(bytes.len() >= 20, "less than 20 characters long")?;
    must(matches!(bytes.get(10), Some(b't' | b'T')), "11th character must be t or T")?;
    let (date, time) = bytes.split_at(10);
    date_of(date).map_err(|why| format!("invalid date element: {why}"))?;
    time_of(time.get(1..).unwrap_or_default()).map_err(|why| format!("invalid time element: {why}"))
}

/// RFC 3339, section 5.6, leap seconds included.
pub(super) fn time(text: &str) -> Result<(), String> {
    time_of(text.as_bytes())
}

fn time_of(text: &[u8]) -> Result<(), String> {
    must(text.len() >= 9, "less than 9 characters long")?;
    let colons = text.get(2) == Some(&b':') && text.get(5) == Some(&b':');
    must(colons, "missing colon in correct place")?;
    let (clock, mut rest) = text.split_at(8);
    let numbers = numbers(clock, 3, "hour/min/sec")?;
    let [hour, minute, second] = numbers.as_slice() else { return Err("missing hour/min/sec".into()) };
    let (mut hour, mut minute, second) = (*hour, *minute, *second);
    must(hour <= 23 && minute <= 59 && second <= 60, "hour/min/sec out of range")?;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|it| it.is_ascii_digit()).count();
        must(digits > 0, "no digits in second fraction")?;
        rest = fraction.get(digits..).unwrap_or_default();
    }
    if rest != b"z" && rest != b"Z" {
        must(rest.len() == 6, "offset must be 6 characters long")?;
        let sign = match rest.first() {
            Some(b'+') => -1,
            Some(b'-') => 1,
            _ => return Err("offset must begin with plus/minus".into()),
        };
        let offset = rest.get(1..).unwrap_or_default();
        must(offset.get(2) == Some(&b':'), "missing colon in offset in correct place")?;
        let numbers = self::numbers(offset, 2, "hour/min in offset")?;
        let (hours, minutes) = match numbers.as_slice() {
            [hours, minutes] => (*hours, *minutes),
            _ => (0, 0),
        };
        must(hours <= 23 && minutes <= 59, "hour/min in offset out of range")?;
        let mut all = hour * 60 + minute + sign * (hours * 60 + minutes);
        if all < 0 {
            all += 24 * 60;
        }
        (hour, minute) = (all / 60, all % 60);
    }
    must(second < 60 || hour == 23 && minute == 59, "invalid leap second")
}

/// Numbers between colons.
fn numbers(text: &[u8], most: usize, what: &str) -> Result<Vec<i64>, String> {
    let mut numbers = Vec::with_capacity(most);
    for token in text.splitn(most, |it| *it == b':') {
        let number = atoi(&String::from_utf8_lossy(token)).map_err(|_| format!("invalid {what}"))?;
        must(number >= 0, &format!("non-positive {what}"))?;
        numbers.push(number);
    }
    Ok(numbers)
}
