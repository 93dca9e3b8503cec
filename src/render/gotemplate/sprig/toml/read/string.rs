//! Strings: basic and raw, of one line and of many.

use super::{super::scan::Error, Reader};
use crate::render::gotemplate::{Str, strconv};

impl<'t> Reader<'t> {
    /// A string of either kind; the first quote was taken.
    pub(super) fn any_string(&mut self, quote: char) -> Result<Str, Error> {
        if !self.scanner.accept(quote)? {
            return if quote == '"' { self.string() } else { self.raw_string() };
        }
        if !self.scanner.accept(quote)? {
            // Two quotes and nothing between them.
            return Ok(Str::default());
        }
        let (text, line) = self.many_lines(quote)?;
        let text = text.strip_prefix(b"\n").or_else(|| text.strip_prefix(b"\r\n")).unwrap_or(text);
        if quote == '"' { self.replaced(&joined_lines(text), line) } else { Ok(text.into()) }
    }

    /// The rest of a basic string.
    pub(super) fn string(&mut self) -> Result<Str, Error> {
        let start = self.scanner.at;
        let mut escaped = false;
        loop {
            match self.scanner.next()? {
                None => return Err(self.scanner.fail_after("unexpected EOF; expected '\"'", None)),
                Some('\r' | '\n') => {
                    return Err(self.scanner.fail_before("strings cannot contain newlines"));
                }
                Some('\\') => {
                    escaped = true;
                    self.escape(start)?;
                }
                Some('"') => break,
                Some(_) => (),
            }
        }
        let text = self.scanner.since(start).strip_suffix(b"\"").unwrap_or_default();
        if escaped { self.replaced(text, self.scanner.line()) } else { Ok(text.into()) }
    }

    /// The rest of a raw string.
    pub(super) fn raw_string(&mut self) -> Result<Str, Error> {
        let start = self.scanner.at;
        loop {
            match self.scanner.next()? {
                None => return Err(self.scanner.fail_after("unexpected EOF; expected \"'\"", None)),
                Some('\r' | '\n') => {
                    return Err(self.scanner.fail_before("strings cannot contain newlines"));
                }
                Some('\'') => break,
                Some(_) => (),
            }
        }
        Ok(self.scanner.since(start).strip_suffix(b"'").unwrap_or_default().into())
    }

    /// What stands between triple quotes, and the line on which it ends. Up to two quotes may stand before the last
    /// three.
    fn many_lines(&mut self, quote: char) -> Result<(&'t [u8], i64), Error> {
        let start = self.scanner.at;
        let (end, many) = match quote {
            '"' => ("'\"\"\"'", "unexpected '\"\"\"\"\"\"'"),
            _ => ("\"'''\"", "unexpected \"''''''\""),
        };
        let five = [quote as u8; 5];
        loop {
            match self.scanner.next()? {
                None => {
                    return Err(self.scanner.fail_after(format!("unexpected EOF; expected {end}"), None));
                }
                Some('\\') if quote == '"' => {
                    if let Some('\r' | '\n') = self.scanner.peek()? {
                        self.scanner.at += 1;
                    } else {
                        self.escape(start)?;
                    }
                }
                Some(c) if c == quote => {
                    if !self.scanner.accept(quote)? {
                        continue;
                    }
                    if !self.scanner.accept(quote)? {
                        self.scanner.at -= 1;
                        continue;
                    }
                    if self.scanner.peek()? == Some(quote) {
                        let read = self.scanner.since(start);
                        let escaped = read.ends_with(br#"\""""""#) && quote == '"';
                        if read.ends_with(&five) && !escaped {
                            return Err(self.scanner.fail(many));
                        }
                        self.scanner.at -= 2;
                        continue;
                    }
                    let read = self.scanner.since(start);
                    let line = self.scanner.line();
                    return Ok((read.get(..read.len() - 3).unwrap_or_default(), line));
                }
                Some(_) => (),
            }
        }
    }

    /// Takes what follows a backslash in a string that began at `start`.
    fn escape(&mut self, start: usize) -> Result<(), Error> {
        let got = self.scanner.next()?;
        let (count, word) = match got {
            Some('e' | 'b' | 't' | 'n' | 'f' | 'r' | '"' | ' ' | '\t' | '\\') => return Ok(()),
            Some('x') => (2, "two"),
            Some('u') => (4, "four"),
            Some('U') => (8, "eight"),
            got => {
                let message = format!("invalid escape in string '\\{}'", got.unwrap_or('\0'));
                return Err(match got {
                    None => self.scanner.fail_before(message),
                    Some(_) => self.scanner.fail(message),
                });
            }
        };
        for _ in 0..count {
            let digit = self.scanner.next()?;
            if !digit.is_some_and(|it| it.is_ascii_hexdigit()) {
                let read = strconv::quote(self.scanner.since(start));
                let mark = got.unwrap_or('x');
                let message =
                    format!("expected {word} hexadecimal digits after '\\{mark}', but got {read} instead");
                return Err(self.scanner.fail_after(message, digit));
            }
        }
        Ok(())
    }

    /// Replaces escapes, whose form was checked.
    fn replaced(&self, text: &[u8], line: i64) -> Result<Str, Error> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            if *byte != b'\\' {
                out.push(*byte);
                continue;
            }
            let Some((mark, after)) = rest.split_first() else { break };
            rest = after;
            let count = match mark {
                b'b' => 8,
                b't' => 9,
                b'n' => 10,
                b'f' => 12,
                b'r' => 13,
                b'e' => 27,
                b'"' | b'\\' => *mark,
                b'x' => 2,
                b'u' => 4,
                b'U' => 8,
                other => {
                    let message = format!("invalid escape: '\\{}'", char::from(*other));
                    return Err(self.scanner.fail_at(message, line));
                }
            };
            if !matches!(mark, b'x' | b'u' | b'U') {
                out.push(count);
                continue;
            }
            let (digits, after) = rest.split_at(usize::from(count).min(rest.len()));
            rest = after;
            let digits = String::from_utf8_lossy(digits);
            match u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32) {
                Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => {
                    let message = format!("Escaped character '\\u{digits}' is not valid UTF-8.");
                    return Err(self.scanner.fail_at(message, line));
                }
            }
        }
        Ok(out.into())
    }
}

/// Takes out what follows a backslash at the end of a line, up to the next text.
fn joined_lines(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if *byte != b'\\' {
            out.push(*byte);
            rest = after;
            continue;
        }
        if after.starts_with(b"\\") {
            out.extend_from_slice(b"\\\\");
            rest = after.get(1..).unwrap_or_default();
            continue;
        }
        let space = after.iter().take_while(|it| matches!(it, b' ' | b'\t' | b'\r' | b'\n')).count();
        let (space, behind) = after.split_at(space);
        if space.contains(&b'\n') {
            rest = behind;
        } else {
            out.push(b'\\');
            rest = after;
        }
    }
    out
}
