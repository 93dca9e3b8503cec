//! Go's time layouts: the reference time 2006-01-02 15:04:05 -0700 written as the time shall be written.

mod format;
mod parse;

pub(crate) use format::format;
pub(crate) use parse::parse;

/// An element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    LongMonth,
    Month,
    NumberMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    Zone,
    Offset(Offset),
    /// So many digits, all of them written.
    Zeros {
        digits: usize,
        separator: u8,
    },
    /// So many digits at most, without zeros at the end.
    Nines {
        digits: usize,
        separator: u8,
    },
}

/// A numeric zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offset {
    /// `Z` for UTC.
    pub(crate) z: bool,
    pub(crate) colon: bool,
    pub(crate) minutes: bool,
    pub(crate) seconds: bool,
}

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(crate) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// An element and its text.
type Found<'t> = Option<(Element, &'t [u8])>;

/// What stands before the first element, the element and its text, and what follows; no element when there is none.
pub(crate) fn next(layout: &[u8]) -> (&[u8], Found<'_>, &[u8]) {
    for at in 0..layout.len() {
        let (before, rest) = layout.split_at(at);
        if let Some((skip, length, element)) = element(rest) {
            let (text, after) = rest.split_at((skip + length).min(rest.len()));
            let prefix = layout.get(..at + skip).unwrap_or(before);
            return (prefix, Some((element, text.get(skip..).unwrap_or_default())), after);
        }
    }
    (layout, None, &[])
}

/// The element that `text` begins with: bytes that belong to the text before it, its length, itself.
fn element(text: &[u8]) -> Option<(usize, usize, Element)> {
    const OFFSETS: [(&[u8], bool, bool, bool); 5] = [
        (b"070000", false, true, true),
        (b"07:00:00", true, true, true),
        (b"0700", false, true, false),
        (b"07:00", true, true, false),
        (b"07", false, false, false),
    ];
    let found = |length: usize, element: Element| Some((0, length, element));
    let lower_follows = text.get(3).is_some_and(u8::is_ascii_lowercase);
    match text {
        [b'J', b'a', b'n', b'u', b'a', b'r', b'y', ..] => found(7, Element::LongMonth),
        [b'J', b'a', b'n', ..] if !lower_follows => found(3, Element::Month),
        [b'M', b'o', b'n', b'd', b'a', b'y', ..] => found(6, Element::LongWeekday),
        [b'M', b'o', b'n', ..] if !lower_follows => found(3, Element::Weekday),
        [b'M', b'S', b'T', ..] => found(3, Element::Zone),
        [b'0', b'1', ..] => found(2, Element::ZeroMonth),
        [b'0', b'2', ..] => found(2, Element::ZeroDay),
        [b'0', b'3', ..] => found(2, Element::ZeroHour12),
        [b'0', b'4', ..] => found(2, Element::ZeroMinute),
        [b'0', b'5', ..] => found(2, Element::ZeroSecond),
        [b'0', b'6', ..] => found(2, Element::Year),
        [b'0', b'0', b'2', ..] => found(3, Element::ZeroYearDay),
        [b'1', b'5', ..] => found(2, Element::Hour),
        [b'1', ..] => found(1, Element::NumberMonth),
        [b'2', b'0', b'0', b'6', ..] => found(4, Element::LongYear),
        [b'2', ..] => found(1, Element::Day),
        // An underscore before a year is only an underscore.
        [b'_', b'2', b'0', b'0', b'6', ..] => Some((1, 4, Element::LongYear)),
        [b'_', b'2', ..] => found(2, Element::SpaceDay),
        [b'_', b'_', b'2', ..] => found(3, Element::SpaceYearDay),
        [b'3', ..] => found(1, Element::Hour12),
        [b'4', ..] => found(1, Element::Minute),
        [b'5', ..] => found(1, Element::Second),
        [b'P', b'M', ..] => found(2, Element::UpperHalf),
        [b'p', b'm', ..] => found(2, Element::LowerHalf),
        [mark @ (b'-' | b'Z'), rest @ ..] => {
            let (pattern, colon, minutes, seconds) =
                OFFSETS.into_iter().find(|(pattern, ..)| rest.starts_with(pattern))?;
            let offset = Offset { z: *mark == b'Z', colon, minutes, seconds };
            found(1 + pattern.len(), Element::Offset(offset))
        }
        [separator @ (b'.' | b','), digit @ (b'0' | b'9'), ..] => {
            let digits = text.iter().skip(1).take_while(|it| *it == digit).count();
            // Only a fraction is all zeros or nines.
            if text.get(1 + digits).is_some_and(u8::is_ascii_digit) {
                return None;
            }
            let separator = *separator;
            // The original keeps the count in twelve bits.
            let kept = digits & 0xfff;
            let element = match digit {
                b'0' => Element::Zeros { digits: kept, separator },
                _ => Element::Nines { digits: kept, separator },
            };
            found(1 + digits, element)
        }
        _ => None,
    }
}

/// Quotes as package `time` does, which knows only ASCII.
pub(crate) fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b' '..=0x7f => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}
