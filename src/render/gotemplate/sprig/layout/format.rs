//! A time as a layout writes it.

use super::{super::clock::Time, Element, MONTHS, Offset, WEEKDAYS, next};

/// `Time.Format`.
pub(crate) fn format(time: &Time, layout: &[u8]) -> Vec<u8> {
    let (date, second, zone, offset) = time.shown();
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let name = |names: &[&'static str], at: usize| names.get(at).copied().unwrap_or_default();
    let month = name(&MONTHS, date.month.saturating_sub(1) as usize);
    let weekday = name(&WEEKDAYS, date.weekday);
    let short = |name: &'static str| name.get(..3).unwrap_or_default().to_owned();
    let padded = |number: i64, width: usize| match number < 0 {
        true => format!("-{:0width$}", -number),
        false => format!("{number:0width$}"),
    };
    let mut out = Vec::with_capacity(layout.len() + 10);
    let mut rest = layout;
    loop {
        let (before, found, after) = next(rest);
        out.extend_from_slice(before);
        let Some((element, _)) = found else { return out };
        rest = after;
        let text = match element {
            Element::LongMonth => month.into(),
            Element::Month => short(month),
            Element::NumberMonth => date.month.to_string(),
            Element::ZeroMonth => padded(date.month.into(), 2),
            Element::LongWeekday => weekday.into(),
            Element::Weekday => short(weekday),
            Element::Day => date.day.to_string(),
            Element::SpaceDay => format!("{:2}", date.day),
            Element::ZeroDay => padded(date.day.into(), 2),
            Element::SpaceYearDay => format!("{:3}", date.day_of_year),
            Element::ZeroYearDay => padded(date.day_of_year.into(), 3),
            Element::Hour => padded(hour, 2),
            Element::Hour12 => hour12.to_string(),
            Element::ZeroHour12 => padded(hour12, 2),
            Element::Minute => minute.to_string(),
            Element::ZeroMinute => padded(minute, 2),
            Element::Second => second.to_string(),
            Element::ZeroSecond => padded(second, 2),
            Element::LongYear => padded(date.year, 4),
            Element::Year => padded(date.year.abs() % 100, 2),
            Element::UpperHalf => if hour >= 12 { "PM" } else { "AM" }.into(),
            Element::LowerHalf => if hour >= 12 { "pm" } else { "am" }.into(),
            Element::Zone if !zone.is_empty() => zone.clone(),
            Element::Zone => {
                zone_text(offset, Offset { z: false, colon: false, minutes: true, seconds: false })
            }
            Element::Offset(form) if form.z && offset == 0 => "Z".into(),
            Element::Offset(form) => zone_text(offset, form),
            Element::Zeros { digits, separator } => {
                format!("{}{}", char::from(separator), nanos(time.nanos, digits))
            }
            Element::Nines { digits, separator } => {
                let nanos = nanos(time.nanos, digits);
                match nanos.trim_end_matches('0') {
                    "" => String::new(),
                    nanos => format!("{}{nanos}", char::from(separator)),
                }
            }
        };
        out.extend_from_slice(text.as_bytes());
    }
}

fn nanos(nanos: u32, digits: usize) -> String {
    let all = format!("{nanos:09}");
    all.get(..digits).unwrap_or(&all).into()
}

fn zone_text(offset: i32, form: Offset) -> String {
    // Rounded towards zero first, so that half a minute west is `+0000`.
    let minutes = offset / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let colon = if form.colon { ":" } else { "" };
    let size = minutes.abs();
    let mut out = format!("{sign}{:02}", size / 60);
    if form.minutes {
        out.push_str(&format!("{colon}{:02}", size % 60));
    }
    if form.seconds {
        let seconds = if minutes < 0 { -offset } else { offset } % 60;
        let sign = if seconds < 0 { "-" } else { "" };
        out.push_str(&format!("{colon}{sign}{:02}", seconds.abs()));
    }
    out
}
