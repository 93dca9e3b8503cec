//! Numbers, dates and times.

use super::{
    super::{LOCAL, scan::Error},
    Reader,
};
use crate::render::gotemplate::{
    Value,
    sprig::{cast::parse_float, clock::Zone, layout},
    strconv,
    value::object,
};

impl Reader<'_> {
    /// Whatever begins with a digit or a sign.
    pub(super) fn number(&mut self) -> Result<Value, Error> {
        let start = self.scanner.at;
        let first = self.scanner.next()?;
        match first {
            Some('-' | '+') => return self.signed(start),
            Some('0') => return self.zero(start),
            _ => (),
        }
        self.digits_or_date(start)
    }

    /// Takes characters as long as they are accepted.
    fn take(&mut self, accept: impl Fn(char) -> bool) -> Result<(), Error> {
        while let Some(c) = self.scanner.peek()? {
            if !accept(c) {
                break;
            }
            self.scanner.at += c.len_utf8();
        }
        Ok(())
    }

    fn signed(&mut self, start: usize) -> Result<Value, Error> {
        let got = self.scanner.next()?;
        let read = |reader: &Self| String::from_utf8_lossy(reader.scanner.since(start)).into_owned();
        match got {
            Some('i' | 'n') => {
                let (second, third) = if got == Some('i') { ('n', 'f') } else { ('a', 'n') };
                if !self.scanner.accept(second)? || !self.scanner.accept(third)? {
                    return Err(self.scanner.fail(format!("invalid float: '{}'", read(self))));
                }
                return self.float(self.scanner.since(start));
            }
            Some('0') => {
                if let Some(base @ ('b' | 'o' | 'x')) = self.scanner.peek()? {
                    let message = "cannot use sign with non-decimal numbers";
                    return Err(self.scanner.fail(format!("{message}: '{}{base}'", read(self))));
                }
            }
            Some('.') => return Err(self.scanner.fail("floats must start with a digit, not '.'")),
            _ => (),
        }
        if !got.is_some_and(|it| it.is_ascii_digit()) {
            let message = format!("expected a digit but got {}", super::shown(got));
            return Err(self.scanner.fail_after(message, got));
        }
        self.decimal(start)
    }

    fn zero(&mut self, start: usize) -> Result<Value, Error> {
        let base = self.scanner.peek()?;
        let (radix, name) = match base {
            Some('b') => (2, "a binary"),
            Some('o') => (8, "an octal"),
            Some('x') => (16, "a hexadecimal"),
            Some('0'..='9') => {
                self.scanner.at += 1;
                return self.digits_or_date(start);
            }
            _ => return self.decimal(start),
        };
        self.scanner.at += 1;
        let next = self.scanner.peek()?;
        if !next.is_some_and(|it| it.is_digit(radix)) {
            let read = String::from_utf8_lossy(self.scanner.since(start)).into_owned();
            let next = next.unwrap_or('\0');
            return Err(self.scanner.fail(format!("not {name} number: '{read}{next}'")));
        }
        self.take(|c| c.is_digit(radix) || c == '_')?;
        self.integer(self.scanner.since(start))
    }

    fn digits_or_date(&mut self, start: usize) -> Result<Value, Error> {
        self.take(|c| c.is_ascii_digit())?;
        if let Some('-' | ':') = self.scanner.peek()? {
            self.take(|c| c.is_ascii_digit() || "-:Tt .Zz+".contains(c))?;
            return self.date(self.scanner.since(start).trim_ascii());
        }
        self.decimal(start)
    }

    fn decimal(&mut self, start: usize) -> Result<Value, Error> {
        self.take(|c| c.is_ascii_digit() || c == '_')?;
        if let Some('.' | 'e' | 'E') = self.scanner.peek()? {
            self.take(|c| c.is_ascii_digit() || "_.-+eE".contains(c))?;
            return self.float(self.scanner.since(start));
        }
        self.integer(self.scanner.since(start))
    }

    fn integer(&self, text: &[u8]) -> Result<Value, Error> {
        let quoted = strconv::quote(text);
        if !underscores_are_inside(text) {
            let message = format!("Invalid integer {quoted}: underscores must be surrounded by digits");
            return Err(self.scanner.fail(message));
        }
        if has_leading_zero(text) {
            return Err(self.scanner.fail(format!("Invalid integer {quoted}: cannot have leading zeroes")));
        }
        strconv::parse_int(text).map(Value::int64).ok_or_else(|| {
            let text = String::from_utf8_lossy(text);
            self.scanner.fail(format!("{text} is out of range for int64"))
        })
    }

    pub(super) fn float(&self, text: &[u8]) -> Result<Value, Error> {
        let quoted = strconv::quote(text);
        let mut parts =
            text.split(|it| matches!(it, b'.' | b'e' | b'E')).filter(|it| !it.is_empty()).peekable();
        let leading = parts.peek().is_some_and(|it| has_leading_zero(it));
        if !parts.all(underscores_are_inside) {
            let message = format!("Invalid float {quoted}: underscores must be surrounded by digits");
            return Err(self.scanner.fail(message));
        }
        if leading {
            return Err(self.scanner.fail(format!("Invalid float {quoted}: cannot have leading zeroes")));
        }
        let mut behind = text.split(|it| *it == b'.').skip(1);
        if !behind.all(|it| it.first().is_some_and(u8::is_ascii_digit)) {
            let message = format!("Invalid float {quoted}: '.' must be followed by one or more digits");
            return Err(self.scanner.fail(message));
        }
        let plain: Vec<u8> = text.iter().copied().filter(|it| *it != b'_').collect();
        match plain.as_slice() {
            b"nan" | b"+nan" => return Ok(Value::float(f64::NAN)),
            b"-nan" => return Ok(Value::float(-f64::NAN)),
            _ => (),
        }
        match parse_float(&plain) {
            Some(number) => Ok(Value::float(number)),
            // What is in order for everybody but is too large is told apart.
            None if String::from_utf8_lossy(&plain).parse::<f64>().is_ok() => {
                let text = String::from_utf8_lossy(text);
                Err(self.scanner.fail(format!("{text} is out of range for float64")))
            }
            None => Err(self.scanner.fail(format!("Invalid float value: {quoted}"))),
        }
    }

    fn date(&self, text: &[u8]) -> Result<Value, Error> {
        const LAYOUTS: [(&[u8], Option<usize>); 7] = [
            (b"2006-01-02T15:04:05.999999999Z07:00", None),
            (b"2006-01-02T15:04:05.999999999", Some(0)),
            (b"2006-01-02", Some(1)),
            (b"15:04:05.999999999", Some(2)),
            (b"2006-01-02T15:04Z07:00", None),
            (b"2006-01-02T15:04", Some(0)),
            (b"15:04", Some(2)),
        ];
        let upper = |it: &u8| match it {
            b'z' => b'Z',
            b't' | b' ' => b'T',
            other => *other,
        };
        let text: Vec<u8> = text.iter().map(upper).collect();
        let invalid = || self.scanner.fail(format!("invalid datetime: {}", strconv::quote(&text)));
        for (layout, local) in LAYOUTS {
            let Ok(time) = layout::parse(layout, &text) else { continue };
            // Go's parser takes one digit for two, which moves what follows.
            let places = layout.iter().zip(&text).take_while(|(it, _)| !matches!(it, b'.' | b'Z'));
            if places.into_iter().any(|(wanted, found)| !wanted.is_ascii_digit() && wanted != found) {
                return Err(invalid());
            }
            let name = local.and_then(|it| LOCAL.get(it));
            return Ok(object(match name {
                Some(name) => time.within(Zone::Fixed { name: (*name).into(), offset: 0 }),
                None => time,
            }));
        }
        Err(invalid())
    }
}

/// Every underscore stands between two digits, and the text ends with one.
fn underscores_are_inside(text: &[u8]) -> bool {
    if matches!(text, b"nan" | b"+nan" | b"-nan" | b"inf" | b"-inf" | b"+inf") {
        return true;
    }
    let mut accept = false;
    for byte in text {
        if *byte == b'_' && !accept {
            return false;
        }
        accept = byte.is_ascii_hexdigit();
    }
    accept
}

fn has_leading_zero(text: &[u8]) -> bool {
    match text {
        [b'0', next, ..] => !matches!(next, b'b' | b'o' | b'x'),
        [b'-' | b'+', b'0', _, ..] => true,
        _ => false,
    }
}
