//! Directives, anchors, aliases and tags.

use std::borrow::Cow;

use super::{
    Mark, Scanner,
    cursor::{class, classes},
    token::{Tag, TagDirective, TokenKind},
};
use crate::yaml::error::Problem;

const DIRECTIVE_END: &str = "did not find expected comment or line break";

impl<'a> Scanner<'a> {
    /// `%YAML 1.1` and `%TAG !handle! prefix`.
    pub(super) fn scan_directive(&mut self) -> Result<(), Problem> {
        let start = self.cursor.mark();
        self.cursor.go(self.cursor.pos() + 1);
        let name = self.word();
        if name.is_empty() {
            return Err(self.problem(start, "could not find expected directive name"));
        }
        if !self.cursor.is_blank_or_end(self.cursor.pos()) {
            return Err(self.problem(start, "found unexpected non-alphabetical character"));
        }
        let kind = match name {
            "YAML" => self.version_directive(start)?,
            "TAG" => self.tag_directive(start)?,
            _ => return Err(self.problem(start, "found unknown directive name")),
        };
        self.push(kind, start);
        self.skip_blanks();
        if self.cursor.peek(0) == b'#' {
            self.cursor.go(self.cursor.line_end(self.cursor.pos()));
        }
        if !self.cursor.is_break_or_end(self.cursor.pos()) {
            return Err(self.problem(start, DIRECTIVE_END));
        }
        self.cursor.go_break();
        Ok(())
    }

    fn version_directive(&mut self, start: Mark) -> Result<TokenKind<'a>, Problem> {
        self.skip_blanks();
        let major = self.version_number(start)?;
        if self.cursor.peek(0) != b'.' {
            return Err(self.problem(start, "did not find expected digit or '.' character"));
        }
        self.cursor.go(self.cursor.pos() + 1);
        let minor = self.version_number(start)?;
        Ok(TokenKind::VersionDirective { major, minor })
    }

    fn version_number(&mut self, start: Mark) -> Result<u8, Problem> {
        let from = self.cursor.pos();
        let mut number = 0;
        while self.cursor.peek(0).is_ascii_digit() {
            if self.cursor.pos() - from == 2 {
                return Err(self.problem(start, "found extremely long version number"));
            }
            number = number * 10 + (self.cursor.peek(0) - b'0');
            self.cursor.go(self.cursor.pos() + 1);
        }
        if self.cursor.pos() == from {
            return Err(self.problem(start, "did not find expected version number"));
        }
        Ok(number)
    }

    fn tag_directive(&mut self, start: Mark) -> Result<TokenKind<'a>, Problem> {
        self.skip_blanks();
        let handle = self.tag_handle(true, start)?;
        if !self.cursor.is_blank(self.cursor.pos()) {
            return Err(self.problem(start, "did not find expected whitespace"));
        }
        self.skip_blanks();
        let prefix = self.tag_uri("", start)?;
        if !self.cursor.is_blank_or_end(self.cursor.pos()) {
            return Err(self.problem(start, "did not find expected whitespace or line break"));
        }
        Ok(TokenKind::TagDirective(Box::new(TagDirective { handle, prefix })))
    }

    /// `&name` and `*name`.
    pub(super) fn scan_anchor(&mut self, alias: bool) -> Result<(), Problem> {
        let start = self.cursor.mark();
        self.cursor.go(self.cursor.pos() + 1);
        let name = self.word();
        let ends = matches!(self.cursor.peek(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`')
            || self.cursor.is_blank_or_end(self.cursor.pos());
        if name.is_empty() || !ends {
            return Err(self.problem(start, "did not find expected alphabetic or numeric character"));
        }
        self.push(if alias { TokenKind::Alias(name) } else { TokenKind::Anchor(name) }, start);
        Ok(())
    }

    /// `!`, `!local`, `!handle!name` and `!<uri>`.
    pub(super) fn scan_tag(&mut self) -> Result<(), Problem> {
        let start = self.cursor.mark();
        let tag = if self.cursor.peek(1) == b'<' {
            self.cursor.go(self.cursor.pos() + 2);
            let suffix = self.tag_uri("", start)?;
            if self.cursor.peek(0) != b'>' {
                return Err(self.problem(start, "did not find the expected '>'"));
            }
            self.cursor.go(self.cursor.pos() + 1);
            Tag { handle: "", suffix }
        } else {
            let handle = self.tag_handle(false, start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                Tag { handle, suffix: self.tag_uri("", start)? }
            } else {
                // What looked like a handle is the beginning of a local tag; `!` alone is a tag without a handle.
                match self.tag_uri(handle, start)? {
                    suffix if suffix.is_empty() => Tag { handle: "", suffix: Cow::Borrowed("!") },
                    suffix => Tag { handle: "!", suffix },
                }
            }
        };
        if !self.cursor.is_blank_or_end(self.cursor.pos()) {
            return Err(self.problem(start, "did not find expected whitespace or line break"));
        }
        self.push(TokenKind::Tag(Box::new(tag)), start);
        Ok(())
    }

    fn tag_handle(&mut self, directive: bool, start: Mark) -> Result<&'a str, Problem> {
        let from = self.cursor.pos();
        if self.cursor.peek(0) != b'!' {
            return Err(self.problem(start, "did not find expected '!'"));
        }
        self.cursor.go(from + 1);
        self.word();
        if self.cursor.peek(0) == b'!' {
            self.cursor.go(self.cursor.pos() + 1);
        } else if directive && self.cursor.pos() != from + 1 {
            return Err(self.problem(start, "did not find expected '!'"));
        }
        Ok(self.cursor.slice(from, self.cursor.pos()))
    }

    /// A URI, after `head`, of which the `!` is not part.
    fn tag_uri(&mut self, head: &'a str, start: Mark) -> Result<Cow<'a, str>, Problem> {
        let from = self.cursor.pos();
        // `head` stands right before, so that both are one piece of text.
        let begin = from - head.len().saturating_sub(1);
        let mut escaped: Option<Vec<u8>> = None;
        while classes(self.cursor.peek(0)) & (class::WORD | class::URI) != 0 {
            let at = self.cursor.pos();
            if self.cursor.peek(0) == b'%' {
                let bytes = escaped.get_or_insert_with(|| self.cursor.slice(begin, at).as_bytes().to_vec());
                let character = uri_escape(|ahead| self.cursor.byte(at + ahead));
                let (character, len) = character.map_err(|text| self.problem(start, text))?;
                bytes.extend(character);
                self.cursor.go(at + len);
            } else {
                if let Some(bytes) = &mut escaped {
                    bytes.push(self.cursor.peek(0));
                }
                self.cursor.go(at + 1);
            }
        }
        if head.is_empty() && self.cursor.pos() == from {
            return Err(self.problem(start, "did not find expected tag URI"));
        }
        Ok(match escaped {
            Some(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
            None => Cow::Borrowed(self.cursor.slice(begin, self.cursor.pos())),
        })
    }

    /// Letters, digits, `_` and `-`.
    fn word(&mut self) -> &'a str {
        let from = self.cursor.pos();
        let mut to = from;
        while classes(self.cursor.byte(to)) & class::WORD != 0 {
            to += 1;
        }
        if to > from {
            self.cursor.go(to);
        }
        self.cursor.slice(from, to)
    }

    pub(super) fn skip_blanks(&mut self) {
        let mut at = self.cursor.pos();
        while self.cursor.is_blank(at) {
            at += 1;
        }
        self.cursor.go_spaces(at);
    }
}

/// The bytes of one character in the form `%C3%A9`, and how long that form is. The original checks the leading bits
/// of each byte and no more.
fn uri_escape(byte: impl Fn(usize) -> u8) -> Result<(Vec<u8>, usize), &'static str> {
    let mut bytes = Vec::with_capacity(4);
    let mut width = 1;
    while bytes.len() < width {
        let at = bytes.len() * 3;
        let digit = |ahead| char::from(byte(at + ahead)).to_digit(16);
        let (b'%', Some(high), Some(low)) = (byte(at), digit(1), digit(2)) else {
            return Err("did not find URI escaped octet");
        };
        let octet = u8::try_from(high << 4 | low).unwrap_or(0);
        if bytes.is_empty() {
            width = match octet {
                ..0x80 => 1,
                0xc0..0xe0 => 2,
                0xe0..0xf0 => 3,
                0xf0..0xf8 => 4,
                _ => return Err("found an incorrect leading UTF-8 octet"),
            };
        } else if octet & 0xc0 != 0x80 {
            return Err("found an incorrect trailing UTF-8 octet");
        }
        bytes.push(octet);
    }
    Ok((bytes, width * 3))
}
