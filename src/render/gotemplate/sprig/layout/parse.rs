//! A time from a text and the layout it is written in.

use std::fmt;

use super::{
    super::clock::{Time, Zone, days_before_month, days_before_year, is_leap},
    Element, MONTHS, Offset, WEEKDAYS, next, quote,
};

/// `*time.ParseError`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    layout: Vec<u8>,
    value: Vec<u8>,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Element { layout: Vec<u8>, value: Vec<u8> },
    Message(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parsing time {}", quote(&self.value))?;
        match &self.why {
            Why::Message(message) => write!(f, ": {message}"),
            Why::Element { layout, value } => {
                let whole = quote(&self.layout);
                write!(f, " as {whole}: cannot parse {} as {}", quote(value), quote(layout))
            }
        }
    }
}

impl std::error::Error for Error {}

/// An element's text is not what it must be.
struct Bad;

/// What was read so far.
#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    afternoon: bool,
    morning: bool,
    utc: bool,
    offset: Option<i32>,
    zone: Vec<u8>,
    /// What is out of range.
    range: Option<&'static str>,
}

/// `time.ParseInLocation` with the local zone.
///
/// # Errors
/// In Go's words.
pub(crate) fn parse(layout: &[u8], value: &[u8]) -> Result<Time, Error> {
    let fail = |why: Why| Error { layout: layout.into(), value: value.into(), why };
    let mut fields = Fields::default();
    let (mut rest_layout, mut rest) = (layout, value);
    loop {
        let (before, found, after) = next(rest_layout);
        rest = skip(rest, before)
            .map_err(|at| fail(Why::Element { layout: before.into(), value: at.into() }))?;
        let Some((element, text)) = found else { break };
        rest_layout = after;
        let start = rest;
        let result = fields.take(element, &mut rest, after);
        if let Some(what) = fields.range {
            return Err(fail(Why::Message(format!("{what} out of range"))));
        }
        if result.is_err() {
            return Err(fail(Why::Element { layout: text.into(), value: start.into() }));
        }
    }
    if !rest.is_empty() {
        return Err(fail(Why::Message(format!("extra text: {}", quote(rest)))));
    }
    fields.time().map_err(|message| fail(Why::Message(message.into())))
}

/// Takes the text between elements; where it has spaces, any number of spaces will do.
fn skip<'v>(mut value: &'v [u8], mut prefix: &[u8]) -> Result<&'v [u8], &'v [u8]> {
    let spaces = |text: &[u8]| text.iter().take_while(|it| **it == b' ').count();
    while let Some((first, after)) = prefix.split_first() {
        if *first == b' ' {
            if value.first().is_some_and(|it| *it != b' ') {
                return Err(value);
            }
            prefix = prefix.get(spaces(prefix)..).unwrap_or_default();
            value = value.get(spaces(value)..).unwrap_or_default();
        } else {
            value = value.split_first().filter(|(it, _)| *it == first).ok_or(value)?.1;
            prefix = after;
        }
    }
    Ok(value)
}

impl Fields {
    fn take(&mut self, element: Element, rest: &mut &[u8], layout: &[u8]) -> Result<(), Bad> {
        match element {
            Element::Year => {
                let year = number(split(rest, 2)?).ok_or(Bad)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Element::LongYear => {
                if rest.len() < 4 || !rest.first().is_some_and(u8::is_ascii_digit) {
                    return Err(Bad);
                }
                self.year = number(split(rest, 4)?).ok_or(Bad)?;
            }
            Element::Month => self.month = Some(name(&MONTHS, 3, rest)? + 1),
            Element::LongMonth => self.month = Some(name(&MONTHS, usize::MAX, rest)? + 1),
            Element::NumberMonth | Element::ZeroMonth => {
                let month = two_digits(rest, element == Element::ZeroMonth)?;
                self.month = Some(month);
                self.limit((1..=12).contains(&month), "month");
            }
            Element::Weekday => drop(name(&WEEKDAYS, 3, rest)?),
            Element::LongWeekday => drop(name(&WEEKDAYS, usize::MAX, rest)?),
            Element::Day | Element::SpaceDay | Element::ZeroDay => {
                if element == Element::SpaceDay {
                    *rest = rest.strip_prefix(b" ").unwrap_or(rest);
                }
                self.day = Some(two_digits(rest, element == Element::ZeroDay)?);
            }
            Element::SpaceYearDay | Element::ZeroYearDay => {
                if element == Element::SpaceYearDay {
                    *rest = rest.strip_prefix(b" ").unwrap_or(rest);
                    *rest = rest.strip_prefix(b" ").unwrap_or(rest);
                }
                self.day_of_year = Some(three_digits(rest, element == Element::ZeroYearDay)?);
            }
            Element::Hour => {
                self.hour = two_digits(rest, false)?;
                self.limit(self.hour < 24, "hour");
            }
            Element::Hour12 | Element::ZeroHour12 => {
                self.hour = two_digits(rest, element == Element::ZeroHour12)?;
                self.limit(self.hour <= 12, "hour");
            }
            Element::Minute | Element::ZeroMinute => {
                self.minute = two_digits(rest, element == Element::ZeroMinute)?;
                self.limit(self.minute < 60, "minute");
            }
            Element::Second | Element::ZeroSecond => {
                self.second = two_digits(rest, element == Element::ZeroSecond)?;
                self.limit(self.second < 60, "second");
                if self.range.is_none() {
                    return self.hidden_fraction(rest, layout);
                }
            }
            Element::UpperHalf => self.half(split(rest, 2)?, b"AM", b"PM")?,
            Element::LowerHalf => self.half(split(rest, 2)?, b"am", b"pm")?,
            Element::Offset(form) => {
                if form.z
                    && let Some(after) = rest.strip_prefix(b"Z")
                {
                    *rest = after;
                    self.utc = true;
                    return Ok(());
                }
                self.offset(form, rest)?;
            }
            Element::Zone => {
                if let Some(after) = rest.strip_prefix(b"UTC") {
                    *rest = after;
                    self.utc = true;
                    return Ok(());
                }
                let length = abbreviation(rest).ok_or(Bad)?;
                self.zone = split(rest, length)?.into();
            }
            Element::Zeros { digits, .. } => {
                let digits = split(rest, digits + 1)?;
                self.fraction(digits)?;
            }
            Element::Nines { .. } => {
                if let Some(length) = fraction_length(rest) {
                    let digits = split(rest, length)?;
                    self.fraction(digits)?;
                }
            }
        }
        Ok(())
    }

    fn limit(&mut self, good: bool, what: &'static str) {
        if !good {
            self.range = Some(what);
        }
    }

    /// A fraction may follow the seconds though the layout has none.
    fn hidden_fraction(&mut self, rest: &mut &[u8], layout: &[u8]) -> Result<(), Bad> {
        let Some(length) = fraction_length(rest) else { return Ok(()) };
        if matches!(next(layout).1, Some((Element::Zeros { .. } | Element::Nines { .. }, _))) {
            return Ok(());
        }
        let digits = split(rest, length)?;
        self.fraction(digits)
    }

    /// A separator and digits, of which nine count.
    fn fraction(&mut self, text: &[u8]) -> Result<(), Bad> {
        let text = text.get(..10).unwrap_or(text);
        let Some((b'.' | b',', digits)) = text.split_first() else { return Err(Bad) };
        let value = number(digits).ok_or(Bad)?;
        self.limit(value >= 0, "fractional second");
        let missing = u32::try_from(9_usize.saturating_sub(digits.len())).unwrap_or(0);
        self.nanos = u32::try_from(value).unwrap_or(0).saturating_mul(10_u32.pow(missing));
        Ok(())
    }

    fn half(&mut self, text: &[u8], morning: &[u8], afternoon: &[u8]) -> Result<(), Bad> {
        if text == afternoon {
            self.afternoon = true;
        } else if text == morning {
            self.morning = true;
        } else {
            return Err(Bad);
        }
        Ok(())
    }

    fn offset(&mut self, form: Offset, rest: &mut &[u8]) -> Result<(), Bad> {
        let pairs = 1 + usize::from(form.minutes) + usize::from(form.seconds);
        let colons = if form.colon { pairs - 1 } else { 0 };
        let whole = 1 + 2 * pairs + colons;
        let text = *rest;
        let place = |pair: usize| 1 + pair * if form.colon { 3 } else { 2 };
        if text.len() < whole || (0..colons).any(|at| text.get(place(at) + 2) != Some(&b':')) {
            return Err(Bad);
        }
        let (mut numbers, mut result) = ([0; 3], Ok(()));
        for (pair, number) in numbers.iter_mut().enumerate().take(pairs) {
            let digits = text.get(place(pair)..place(pair) + 2).unwrap_or_default();
            match two_digits(&mut &*digits, true) {
                Ok(value) => *number = value,
                Err(bad) => {
                    result = Err(bad);
                    break;
                }
            }
        }
        let [hour, minute, second] = numbers;
        self.limit(hour <= 24, "time zone offset hour");
        self.limit(minute <= 60, "time zone offset minute");
        self.limit(second <= 60, "time zone offset second");
        let offset = i32::try_from((hour * 60 + minute) * 60 + second).unwrap_or(0);
        *rest = text.get(whole..).unwrap_or_default();
        self.offset = match text.first() {
            Some(b'+') => Some(offset),
            Some(b'-') => Some(-offset),
            _ => return Err(Bad),
        };
        result
    }

    fn time(mut self) -> Result<Time, &'static str> {
        if self.afternoon && self.hour < 12 {
            self.hour += 12;
        } else if self.morning && self.hour == 12 {
            self.hour = 0;
        }
        self.settle_day_of_year()?;
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        let leap = is_leap(self.year);
        let days = days_before_month(month + 1) - days_before_month(month) + u32::from(leap && month == 2);
        if day < 1 || day > days {
            return Err("day out of range");
        }
        let past = days_before_month(month) + u32::from(leap && month > 2) + day - 1;
        let second = (self.hour * 60 + self.minute) * 60 + self.second;
        let seconds = (days_before_year(self.year) + i64::from(past)) * 86_400 + i64::from(second);
        let time = |seconds: i64, zone: Zone| Ok(Time { seconds, nanos: self.nanos, zone });
        if self.utc {
            return time(seconds, Zone::Utc);
        }
        let name = String::from_utf8_lossy(&self.zone).into_owned();
        // One second west is what the original marks a missing offset with.
        if let Some(offset) = self.offset.filter(|it| *it != -1) {
            let seconds = seconds - i64::from(offset);
            let local = offset == 0 && name.is_empty();
            return time(seconds, if local { Zone::Utc } else { Zone::Fixed { name, offset } });
        }
        if name.is_empty() {
            return time(seconds, Zone::Utc);
        }
        let hours = self.zone.strip_prefix(b"GMT").and_then(number).unwrap_or(0);
        let offset = i32::try_from(hours * 3600).unwrap_or(0);
        // The original does not move the instant by the offset that it finds in the name.
        time(seconds, Zone::Fixed { name, offset })
    }

    fn settle_day_of_year(&mut self) -> Result<(), &'static str> {
        let Some(mut day_of_year) = self.day_of_year else { return Ok(()) };
        let mut found = None;
        if is_leap(self.year) {
            if day_of_year == 60 {
                found = Some((2, 29));
            } else if day_of_year > 60 {
                day_of_year -= 1;
            }
        }
        if !(1..=365).contains(&day_of_year) {
            return Err("day-of-year out of range");
        }
        let (month, day) = found.unwrap_or_else(|| {
            let month = (1..=12).rev().find(|it| days_before_month(*it) < day_of_year).unwrap_or(1);
            (month, day_of_year - days_before_month(month))
        });
        if self.month.is_some_and(|it| it != month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|it| it != day) {
            return Err("day-of-year does not match day");
        }
        (self.month, self.day) = (Some(month), Some(day));
        Ok(())
    }
}

fn split<'v>(rest: &mut &'v [u8], count: usize) -> Result<&'v [u8], Bad> {
    let (text, after) = rest.split_at_checked(count).ok_or(Bad)?;
    *rest = after;
    Ok(text)
}

/// A number with or without a sign, and nothing else.
fn number(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok()
}

fn two_digits(rest: &mut &[u8], fixed: bool) -> Result<u32, Bad> {
    let digit = |at: usize| rest.get(at).filter(|it| it.is_ascii_digit()).map(|it| u32::from(it - b'0'));
    let (value, length) = match (digit(0), digit(1)) {
        (Some(high), Some(low)) => (high * 10 + low, 2),
        (Some(only), None) if !fixed => (only, 1),
        _ => return Err(Bad),
    };
    *rest = rest.get(length..).unwrap_or_default();
    Ok(value)
}

fn three_digits(rest: &mut &[u8], fixed: bool) -> Result<u32, Bad> {
    let length = rest.iter().take(3).take_while(|it| it.is_ascii_digit()).count();
    if length == 0 || fixed && length != 3 {
        return Err(Bad);
    }
    number(split(rest, length)?).and_then(|it| u32::try_from(it).ok()).ok_or(Bad)
}

/// The place of a name in a table, whatever its case; of each name the first `length` letters count.
fn name(names: &[&str], length: usize, rest: &mut &[u8]) -> Result<u32, Bad> {
    for (at, name) in names.iter().enumerate() {
        let name = name.get(..length.min(name.len())).unwrap_or(name).as_bytes();
        if rest.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name)) {
            *rest = rest.get(name.len()..).unwrap_or_default();
            return u32::try_from(at).map_err(|_| Bad);
        }
    }
    Err(Bad)
}

/// How long a separator with digits behind it is.
fn fraction_length(text: &[u8]) -> Option<usize> {
    let (b'.' | b',', digits) = text.split_first()? else { return None };
    let count = digits.iter().take_while(|it| it.is_ascii_digit()).count();
    (count > 0).then_some(count + 1)
}

/// How long the abbreviation of a zone is that `text` begins with.
fn abbreviation(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hour(rest).unwrap_or(0));
    }
    if let [b'+' | b'-', ..] = text {
        return signed_hour(text);
    }
    match text.iter().take(6).take_while(|it| it.is_ascii_uppercase()).count() {
        5 if text.get(4) == Some(&b'T') => Some(5),
        4 if text.get(3) == Some(&b'T') || text.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

fn signed_hour(text: &[u8]) -> Option<usize> {
    let (b'+' | b'-', digits) = text.split_first()? else { return None };
    let count = digits.iter().take_while(|it| it.is_ascii_digit()).count();
    let hour = number(digits.get(..count)?)?;
    (hour <= 23).then_some(count + 1)
}
