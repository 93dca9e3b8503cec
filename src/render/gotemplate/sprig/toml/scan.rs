//! The characters of a document, and errors with their place.

use std::fmt;

use super::super::super::{strconv::quote, value::Str};
use super::key::joined;

/// `toml.ParseError`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
    line: i64,
    /// The key that was read last.
    key: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "toml: line {}", self.line)?;
        if !self.key.is_empty() {
            write!(f, " (last key {})", quote(self.key.as_bytes()))?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Error {}

/// Where the reader is.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'t> {
    pub(super) text: &'t [u8],
    pub(super) at: usize,
    /// The table that is being filled.
    pub(super) context: Vec<Str>,
    /// The key in it whose value is being read.
    pub(super) current: Str,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, context: Vec::new(), current: Str::default() }
    }

    /// The next character, nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<char>, Error> {
        let next = self.peek()?;
        self.at += next.map_or(0, char::len_utf8);
        Ok(next)
    }

    /// The next character without taking it.
    pub(super) fn peek(&self) -> Result<Option<char>, Error> {
        let Some(rest) = self.text.get(self.at..).filter(|it| !it.is_empty()) else { return Ok(None) };
        let window = rest.get(..4).unwrap_or(rest);
        let valid = window.utf8_chunks().next().map(|it| it.valid()).unwrap_or_default();
        let Some(c) = valid.chars().next() else {
            let byte = rest.first().copied().unwrap_or(0);
            return Err(self.fail(format!("invalid UTF-8 byte: 0x{byte:02x}")));
        };
        let lone = c == '\r' && rest.get(1) != Some(&b'\n');
        if lone || matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}') {
            let code = u32::from(c);
            return Err(self.fail(format!("TOML files cannot contain control characters: '0x{code:02x}'")));
        }
        Ok(Some(c))
    }

    /// Takes the next character if it is this one.
    pub(super) fn accept(&mut self, wanted: char) -> Result<bool, Error> {
        let found = self.peek()? == Some(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        Ok(found)
    }

    /// Passes over spaces and tabs.
    pub(super) fn skip_space(&mut self) -> Result<(), Error> {
        while let Some(' ' | '\t') = self.peek()? {
            self.at += 1;
        }
        Ok(())
    }

    /// What was read since `start`.
    pub(super) fn since(&self, start: usize) -> &'t [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The line of the place, from 1.
    pub(super) fn line(&self) -> i64 {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        1 + i64::try_from(before.iter().filter(|it| **it == b'\n').count()).unwrap_or(0)
    }

    /// An error at this place.
    pub(super) fn fail(&self, message: impl Into<String>) -> Error {
        self.fail_at(message, self.line())
    }

    /// An error on a line.
    pub(super) fn fail_at(&self, message: impl Into<String>, line: i64) -> Error {
        let context = joined(&self.context);
        let key = match (self.current.is_empty(), self.context.is_empty()) {
            (true, _) => context,
            (_, true) => self.current.to_vec(),
            _ => [context.as_slice(), b".", &self.current].concat(),
        };
        Error { message: message.into(), line, key: String::from_utf8_lossy(&key).into_owned() }
    }

    /// An error after a character was taken, or the end was met: an empty last line does not count then.
    pub(super) fn fail_after(&self, message: impl Into<String>, got: Option<char>) -> Error {
        let last_is_empty = got.is_none() && self.at > 0 && self.text.get(self.at - 1) == Some(&b'\n');
        self.fail_at(message, self.line() - i64::from(last_is_empty))
    }

    /// An error on the line that has just ended.
    pub(super) fn fail_before(&self, message: impl Into<String>) -> Error {
        self.fail_at(message, self.line() - 1)
    }
}
