//! What follows a backslash outside of classes, and the escapes of single runes everywhere.

use super::{ATOM, Error, Translator, class, consumed, push_rune};

impl Translator<'_> {
    pub(super) fn escape(&mut self) -> Result<(), Error> {
        let start = self.rest;
        let after = start.get(2..).unwrap_or_default();
        let assertion = match start.get(1) {
            Some(b'A') => Some(r"\A"),
            Some(b'b') => Some(r"(?-u:\b)"),
            Some(b'B') => Some(r"(?-u:\B)"),
            Some(b'z') => Some(r"\z"),
            _ => None,
        };
        if let Some(assertion) = assertion {
            self.rest = after;
            return self.atom(assertion);
        }
        match start.get(1) {
            Some(b'C') => return Err(Error::new("invalid escape sequence", consumed(start, after))),
            Some(b'Q') => {
                let end = after.windows(2).position(|it| it == br"\E");
                let (text, rest) = after.split_at(end.unwrap_or(after.len()));
                self.rest = text;
                while !self.rest.is_empty() {
                    let rune = self.next_rune()?;
                    self.literal(rune)?;
                }
                self.rest = if end.is_some() { rest.get(2..).unwrap_or_default() } else { rest };
                return Ok(());
            }
            _ => (),
        }
        let mut items = String::new();
        if self.unicode_class(&mut items)? || self.perl_class(&mut items) {
            return self.bracket(false, &items);
        }
        let rune = self.escaped_rune()?;
        match char::from_u32(rune) {
            Some(rune) => self.literal(rune),
            None => {
                let at = self.out.len();
                push_rune(&mut self.out, rune);
                self.push(at, ATOM)
            }
        }
    }

    /// Takes an escape of one rune, which may be half of a surrogate pair.
    pub(super) fn escaped_rune(&mut self) -> Result<u32, Error> {
        let start = self.rest;
        self.rest = start.get(1..).unwrap_or_default();
        if self.rest.is_empty() {
            return Err(Error::new("trailing backslash at end of expression", &[]));
        }
        let rune = self.next_rune()?;
        let octal = |it: &u8| (b'0'..=b'7').contains(it);
        let found = match rune {
            '1'..='7' if !self.rest.first().is_some_and(octal) => None,
            '0'..='7' => {
                let mut value = u32::from(rune) - u32::from('0');
                for _ in 0..2 {
                    let Some((digit, rest)) = self.rest.split_first().filter(|(it, _)| octal(it)) else {
                        break;
                    };
                    value = value * 8 + u32::from(digit - b'0');
                    self.rest = rest;
                }
                Some(value)
            }
            'x' => self.hexadecimal()?,
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            _ if rune.is_ascii() && !rune.is_ascii_alphanumeric() => Some(u32::from(rune)),
            _ => None,
        };
        found.ok_or_else(|| Error::new("invalid escape sequence", consumed(start, self.rest)))
    }

    fn hexadecimal(&mut self) -> Result<Option<u32>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let first = self.next_rune()?;
        if first != '{' {
            // The original reads the second rune before it looks at the first.
            let second = if self.rest.is_empty() { None } else { Some(self.next_rune()?) };
            let digits = first.to_digit(16).zip(second.and_then(|it| it.to_digit(16)));
            return Ok(digits.map(|(high, low)| high * 16 + low));
        }
        let mut value = None;
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let rune = self.next_rune()?;
            if rune == '}' {
                return Ok(value);
            }
            let Some(digit) = rune.to_digit(16) else { return Ok(None) };
            let next = value.unwrap_or(0) * 16 + digit;
            if next > class::LAST {
                return Ok(None);
            }
            value = Some(next);
        }
    }
}
