//! Instants as Go writes them again.

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::Offset,
};

/// RFC 3339 as Go's `time.Parse` takes it: any fraction, or exactly six digits of it with `micro`. The answer is in UTC,
/// without a fraction, or with one of six digits. The zero time (year 1) is nothing.
pub(super) fn canonical(text: &str, micro: bool) -> Option<Option<String>> {
    let (date, rest) = text.split_once('T')?;
    let at = rest.find(['Z', '+', '-'])?;
    let (time, zone) = rest.split_at_checked(at)?;
    let (time, fraction) = match time.split_once(['.', ',']) {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (time, None),
    };
    if micro && fraction.is_none_or(|digits| digits.len() != 6) {
        return None;
    }
    let nanosecond = match fraction {
        None => 0,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()) => {
            // Go reads nine digits and passes over more.
            let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
            nine.parse().ok()?
        }
        Some(_) => return None,
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let small = |number: i16| i8::try_from(number).ok();
    let date = Date::new(year, small(month)?, small(day)?).ok()?;
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, nanosecond).ok()?;
    let offset = match zone.strip_prefix('Z') {
        Some("") => 0,
        Some(_) => return None,
        None => {
            let (sign, zone) = zone.split_at_checked(1)?;
            let [hours, minutes] = numbers(zone, ':', [2, 2])?;
            if hours > 24 || minutes >= 60 {
                return None;
            }
            let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
            if sign == "-" { -seconds } else { seconds }
        }
    };
    let instant = Offset::from_seconds(offset).ok()?.to_timestamp(date.to_datetime(time)).ok()?;
    Some((!is_zero(instant)).then(|| {
        let utc = Offset::UTC.to_datetime(instant);
        let fraction = if micro { format!(".{:06}", utc.subsec_nanosecond() / 1000) } else { String::new() };
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}Z",
            utc.year(),
            utc.month(),
            utc.day(),
            utc.hour(),
            utc.minute(),
            utc.second()
        )
    }))
}

/// Numbers of exactly these widths.
fn numbers<const N: usize>(text: &str, between: char, widths: [usize; N]) -> Option<[i16; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part =
            parts.next().filter(|part| part.len() == width && part.bytes().all(|c| c.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// January 1st of year 1, midnight.
fn is_zero(instant: Timestamp) -> bool {
    instant.as_second() == -62_135_596_800 && instant.subsec_nanosecond() == 0
}
