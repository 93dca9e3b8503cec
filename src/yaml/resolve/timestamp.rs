//! Dates and times in the four layouts that go-yaml tries, with the leniency of Go's `time.Parse`.

use std::fmt;

/// An instant as its clock showed it. It prints as Go's `RFC3339Nano`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanosecond: u32,
    /// East of UTC.
    offset_minutes: i16,
}

impl Timestamp {
    /// Reads `text` where it is a date, or a date and a time with `T`, `t` or spaces between them.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = Reader(text.as_bytes());
        // All layouts begin with four digits and a hyphen, which turns almost every other number away.
        let &[a, b, c, d, b'-', ..] = rest.0 else { return None };
        let mut year = 0;
        for digit in [a, b, c, d] {
            year = year * 10 + u16::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        }
        rest.skip(5);
        let month = rest.number().filter(|month| (1..=12).contains(month))?;
        rest.expect(b'-')?;
        let day = rest.number().filter(|day| (1..=days(year, month)).contains(day))?;
        let date = Self { year, month, day, hour: 0, minute: 0, second: 0, nanosecond: 0, offset_minutes: 0 };
        match rest.0.first() {
            None => Some(date),
            Some(b'T' | b't') => {
                rest.skip(1);
                date.with_time(&mut rest)?.with_zone(&mut rest)
            }
            Some(b' ') => {
                while rest.expect(b' ').is_some() {}
                date.with_time(&mut rest).filter(|_| rest.0.is_empty())
            }
            Some(_) => None,
        }
    }

    /// The text that `encoding/json` gives for it.
    ///
    /// # Errors
    /// In Go's words where the offset is one that RFC 3339 does not know.
    pub fn to_json(self) -> Result<String, &'static str> {
        // Go's reader takes 24 hours and 60 minutes, its writer of JSON does not.
        if self.offset_minutes.abs() >= 24 * 60 {
            return Err("json: error calling MarshalJSON for type time.Time: \
                        Time.MarshalJSON: timezone hour outside of range [0,23]");
        }
        Ok(self.to_string())
    }

    fn with_time(self, rest: &mut Reader<'_>) -> Option<Self> {
        let hour = rest.number().filter(|hour| *hour < 24)?;
        rest.expect(b':')?;
        let minute = rest.number().filter(|minute| *minute < 60)?;
        rest.expect(b':')?;
        let second = rest.number().filter(|second| *second < 60)?;
        Some(Self { hour, minute, second, nanosecond: rest.fraction(), ..self })
    }

    /// `Z`, or an offset of exactly two digits, a colon and two digits; and then the end.
    fn with_zone(self, rest: &mut Reader<'_>) -> Option<Self> {
        let offset_minutes = match *rest.0 {
            [b'Z'] => 0,
            [sign @ (b'+' | b'-'), a, b, b':', c, d] => {
                let two = |a: u8, b: u8| {
                    (a.is_ascii_digit() && b.is_ascii_digit())
                        .then(|| i16::from(a - b'0') * 10 + i16::from(b - b'0'))
                };
                let (hours, minutes) = (two(a, b)?, two(c, d)?);
                if hours > 24 || minutes > 60 {
                    return None;
                }
                let offset = hours * 60 + minutes;
                if sign == b'-' { -offset } else { offset }
            }
            _ => return None,
        };
        Some(Self { offset_minutes, ..self })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, .. } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanosecond != 0 {
            let digits = format!("{:09}", self.nanosecond);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        if self.offset_minutes == 0 {
            return f.write_str("Z");
        }
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let minutes = self.offset_minutes.abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

fn days(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn skip(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        if self.0.first() != Some(&byte) {
            return None;
        }
        self.skip(1);
        Some(())
    }

    /// One digit or two.
    fn number(&mut self) -> Option<u8> {
        let digit = |at: usize| self.0.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0');
        let (value, count) = match (digit(0)?, digit(1)) {
            (tens, Some(ones)) => (tens * 10 + ones, 2),
            (ones, None) => (ones, 1),
        };
        self.skip(count);
        Some(value)
    }

    /// The digits behind a point or a comma, as nanoseconds; those beyond the ninth are dropped.
    fn fraction(&mut self) -> u32 {
        let [b'.' | b',', digits @ ..] = self.0 else { return 0 };
        let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return 0;
        }
        let digit = |at: usize| if at < count { digits.get(at).map_or(0, |byte| byte - b'0') } else { 0 };
        let nanoseconds = (0..9).fold(0, |sum, at| sum * 10 + u32::from(digit(at)));
        self.skip(1 + count);
        nanoseconds
    }
}
