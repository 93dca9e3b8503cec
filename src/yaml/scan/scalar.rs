//! Scalars in their five styles.
//!
//! The value is borrowed wherever it stands in the text in one piece. Line breaks are folded as YAML 1.1 has it: one
//! becomes a space, each further one stays; LS and PS are never folded.

use std::borrow::Cow;

use super::{
    Mark, ScalarStyle, Scanner,
    cursor::{class, classes},
};
use crate::yaml::error::Problem;

/// The line breaks between two lines of a scalar.
#[derive(Debug, Default)]
struct Breaks<'a> {
    /// The first, which may be folded.
    first: &'a str,
    /// The others, which stay.
    rest: String,
}

impl Breaks<'_> {
    /// What is between the lines once folded: one line feed is a space, and of several all but the first stay.
    fn fold_into(&mut self, value: &mut String) {
        match (self.first, self.rest.as_str()) {
            ("\n", "") => value.push(' '),
            ("\n", rest) => value.push_str(rest),
            (first, rest) => {
                value.push_str(first);
                value.push_str(rest);
            }
        }
        self.first = "";
        self.rest.clear();
    }
}

impl<'a> Scanner<'a> {
    /// Text without quotes.
    pub(super) fn scan_plain(&mut self) -> Result<(), Problem> {
        let start = self.cursor.mark();
        let from = self.cursor.pos();
        let end_of_first = self.plain_line(from);
        self.cursor.go(end_of_first);
        let mut value = Cow::Borrowed(self.cursor.slice(from, end_of_first));
        let indent = self.indent + 1;
        let mut breaks = Breaks::default();
        let mut leading_blanks = false;
        loop {
            // Blanks and line breaks, up to the next word.
            self.skip_blanks();
            if self.cursor.break_len(self.cursor.pos()) == 0 {
                break;
            }
            leading_blanks = true;
            breaks.first = self.cursor.take_break();
            loop {
                if self.cursor.is_blank(self.cursor.pos()) {
                    if self.cursor.peek(0) == b'\t' && i64::from(self.cursor.column()) < indent {
                        return Err(self.problem(start, "found a tab character that violates indentation"));
                    }
                    self.cursor.go_blank(self.cursor.pos() + 1);
                } else if self.cursor.break_len(self.cursor.pos()) > 0 {
                    breaks.rest.push_str(self.cursor.take_break());
                } else {
                    break;
                }
            }
            if self.flow_level == 0 && i64::from(self.cursor.column()) < indent {
                break;
            }
            let from = self.cursor.pos();
            if (self.cursor.column() == 0 && self.at_document_indicator()) || self.cursor.byte(from) == b'#' {
                break;
            }
            let to = self.plain_line(from);
            if to == from {
                break;
            }
            let value = value.to_mut();
            breaks.fold_into(value);
            value.push_str(self.cursor.slice(from, to));
            self.cursor.go(to);
            leading_blanks = false;
        }
        self.push_scalar(start, value, ScalarStyle::Plain);
        if leading_blanks {
            self.simple_key_allowed = true;
        }
        Ok(())
    }

    /// Where a plain scalar ends that goes on at `from`, on this line and without the blanks at its end.
    fn plain_line(&self, from: usize) -> usize {
        let stop = if self.flow_level > 0 {
            class::BREAK | class::PLAIN | class::FLOW
        } else {
            class::BREAK | class::PLAIN
        };
        let mut at = from;
        loop {
            let byte = self.cursor.byte(at);
            if classes(byte) & stop == 0 {
                at += 1;
                continue;
            }
            let ends = match byte {
                b':' => self.cursor.is_blank_or_end(at + 1),
                b'#' => at > from && self.cursor.is_blank(at - 1),
                0xc2 | 0xe2 => self.cursor.break_len(at) > 0,
                _ => true,
            };
            if ends {
                break;
            }
            at += 1;
        }
        while at > from && self.cursor.is_blank(at - 1) {
            at -= 1;
        }
        at
    }

    /// Text between quotes.
    pub(super) fn scan_quoted(&mut self, style: ScalarStyle) -> Result<(), Problem> {
        let start = self.cursor.mark();
        let single = style == ScalarStyle::SingleQuoted;
        let quote = if single { b'\'' } else { b'"' };
        self.cursor.go(self.cursor.pos() + 1);
        // Most quoted scalars are one piece on one line.
        let from = self.cursor.pos();
        let to = self.quoted_run(from, quote);
        if self.cursor.byte(to) == quote && !(single && self.cursor.byte(to + 1) == quote) {
            let value = self.cursor.slice(from, to);
            self.cursor.go(to + 1);
            self.push_scalar(start, Cow::Borrowed(value), style);
            return Ok(());
        }
        let mut value = String::new();
        let mut breaks = Breaks::default();
        loop {
            if self.cursor.column() == 0 && self.at_document_indicator() {
                return Err(self.problem(start, "found unexpected document indicator"));
            }
            if self.cursor.at_end() {
                return Err(self.problem(start, "found unexpected end of stream"));
            }
            let escaped_break = self.quoted_words(start, quote, &mut value)?;
            if self.cursor.peek(0) == quote {
                break;
            }
            let from = self.cursor.pos();
            self.skip_blanks();
            let mut leading_blanks = escaped_break;
            if !leading_blanks {
                if self.cursor.break_len(self.cursor.pos()) == 0 {
                    value.push_str(self.cursor.slice(from, self.cursor.pos()));
                    continue;
                }
                breaks.first = self.cursor.take_break();
                leading_blanks = true;
            }
            while leading_blanks {
                self.skip_blanks();
                leading_blanks = self.cursor.break_len(self.cursor.pos()) > 0;
                breaks.rest.push_str(self.cursor.take_break());
            }
            breaks.fold_into(&mut value);
        }
        self.cursor.go(self.cursor.pos() + 1);
        self.push_scalar(start, Cow::Owned(value), style);
        Ok(())
    }

    /// Where a run ends of what stands for itself in a quoted scalar, blanks included.
    fn quoted_run(&self, from: usize, quote: u8) -> usize {
        let mut at = from;
        loop {
            let byte = self.cursor.byte(at);
            if classes(byte) & (class::BREAK | class::QUOTE) == 0 {
                at += 1;
                continue;
            }
            let stops = match byte {
                b'\\' => quote == b'"',
                b'\'' | b'"' => byte == quote,
                _ => self.cursor.is_break_or_end(at),
            };
            if stops {
                return at;
            }
            at += 1;
        }
    }

    /// The words of a quoted scalar up to a blank, a line break or the quote. Gives whether an escaped line break
    /// ended them.
    fn quoted_words(&mut self, start: Mark, quote: u8, value: &mut String) -> Result<bool, Problem> {
        loop {
            // Blanks at the end of a line are not part of the value, so they are left to the caller.
            let from = self.cursor.pos();
            let mut to = self.quoted_run(from, quote);
            if self.cursor.is_break_or_end(to) {
                while to > from && self.cursor.is_blank(to - 1) {
                    to -= 1;
                }
            }
            if to > from {
                value.push_str(self.cursor.slice(from, to));
                self.cursor.go(to);
            }
            match self.cursor.byte(to) {
                b'\'' if quote == b'\'' => {
                    if self.cursor.byte(to + 1) != b'\'' {
                        return Ok(false);
                    }
                    value.push('\'');
                    self.cursor.go(to + 2);
                }
                b'\\' if quote == b'"' => {
                    if self.cursor.break_len(to + 1) > 0 {
                        self.cursor.go(to + 1);
                        self.cursor.go_break();
                        return Ok(true);
                    }
                    self.escape(start, value)?;
                }
                _ => return Ok(false),
            }
        }
    }

    /// An escape sequence between double quotes.
    fn escape(&mut self, start: Mark, value: &mut String) -> Result<(), Problem> {
        let at = self.cursor.pos();
        let digits = match self.cursor.peek(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            other => {
                let Some(character) = simple_escape(other) else {
                    return Err(self.problem(start, "found unknown escape character"));
                };
                value.push(character);
                self.cursor.go(at + 2);
                return Ok(());
            }
        };
        self.cursor.go(at + 2);
        let mut code = 0_u32;
        for ahead in 0..digits {
            let Some(digit) = char::from(self.cursor.peek(ahead)).to_digit(16) else {
                return Err(self.problem(start, "did not find expected hexdecimal number"));
            };
            code = code << 4 | digit;
        }
        let Some(character) = char::from_u32(code) else {
            return Err(self.problem(start, "found invalid Unicode character escape code"));
        };
        value.push(character);
        self.cursor.go(at + 2 + digits);
        Ok(())
    }

    /// Text after `|` or `>`.
    pub(super) fn scan_block_scalar(&mut self, style: ScalarStyle) -> Result<(), Problem> {
        let literal = style == ScalarStyle::Literal;
        let start = self.cursor.mark();
        let (chomping, increment) = self.block_header(start)?;
        let mut indent = match increment {
            0 => 0,
            _ => self.indent.max(0) + i64::from(increment),
        };
        let mut value: Cow<'a, str> = Cow::Borrowed("");
        // The line break after the last line of the text, and those of the empty lines after it.
        let mut first = "";
        let mut rest = String::new();
        let mut blank_before = false;
        self.block_breaks(&mut indent, &mut rest, start)?;
        while i64::from(self.cursor.column()) == indent && !self.cursor.at_end() {
            let blank = self.cursor.is_blank(self.cursor.pos());
            let from = self.cursor.pos();
            let to = self.cursor.line_end(from);
            let line = self.cursor.slice(from, to);
            if value.is_empty() && first.is_empty() && rest.is_empty() {
                value = Cow::Borrowed(line);
            } else {
                let value = owned_with_room(&mut value);
                if !literal && !blank_before && !blank && first == "\n" {
                    if rest.is_empty() {
                        value.push(' ');
                    }
                } else {
                    value.push_str(first);
                }
                value.push_str(&rest);
                value.push_str(line);
            }
            rest.clear();
            blank_before = blank;
            if blank && line.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
                self.cursor.go_blank(to);
            } else {
                self.cursor.go(to);
            }
            first = self.cursor.take_break();
            self.block_breaks(&mut indent, &mut rest, start)?;
        }
        if chomping != Chomping::Strip && !first.is_empty() {
            value.to_mut().push_str(first);
        }
        if chomping == Chomping::Keep && !rest.is_empty() {
            value.to_mut().push_str(&rest);
        }
        self.push_scalar(start, value, style);
        Ok(())
    }

    /// The indicators after `|` or `>`, and the rest of their line.
    fn block_header(&mut self, start: Mark) -> Result<(Chomping, u8), Problem> {
        let (mut chomping, mut increment) = (None, None);
        self.cursor.go(self.cursor.pos() + 1);
        // One of each, in any order.
        for _ in 0..2 {
            match self.cursor.peek(0) {
                b'+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                b'-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                b'0' if increment.is_none() => {
                    return Err(self.problem(start, "found an indentation indicator equal to 0"));
                }
                digit @ b'1'..=b'9' if increment.is_none() => increment = Some(digit - b'0'),
                _ => break,
            }
            self.cursor.go(self.cursor.pos() + 1);
        }
        self.skip_blanks();
        if self.cursor.peek(0) == b'#' {
            if self.version == crate::yaml::Version::V3 {
                self.scan_line_comment(start);
            }
            self.cursor.go(self.cursor.line_end(self.cursor.pos()));
        }
        if !self.cursor.is_break_or_end(self.cursor.pos()) {
            return Err(self.problem(start, "did not find expected comment or line break"));
        }
        self.cursor.go_break();
        Ok((chomping.unwrap_or(Chomping::Clip), increment.unwrap_or(0)))
    }

    /// Empty lines and the indentation of the next line that is not. The first such line fixes `indent`, if no
    /// indicator has.
    fn block_breaks(&mut self, indent: &mut i64, breaks: &mut String, start: Mark) -> Result<(), Problem> {
        let mut deepest = 0;
        loop {
            let from = self.cursor.pos();
            let column = i64::from(self.cursor.column());
            let most = match *indent {
                0 => usize::MAX,
                indent => usize::try_from(indent - column).unwrap_or(0),
            };
            let at = self.cursor.spaces_end(from, most);
            self.cursor.go_spaces(at);
            let column = i64::from(self.cursor.column());
            deepest = deepest.max(column);
            if (*indent == 0 || column < *indent) && self.cursor.byte(at) == b'\t' {
                let text = "found a tab character where an indentation space is expected";
                return Err(self.problem(start, text));
            }
            if self.cursor.break_len(at) == 0 {
                break;
            }
            breaks.push_str(self.cursor.take_break());
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(())
    }
}

/// The text, to be added to: a block scalar of more than one line has many.
fn owned_with_room<'v>(value: &'v mut Cow<'_, str>) -> &'v mut String {
    if let Cow::Borrowed(text) = value {
        let mut owned = String::with_capacity(256 + 2 * text.len());
        owned.push_str(text);
        *value = Cow::Owned(owned);
    }
    value.to_mut()
}

/// What becomes of the line breaks at the end of a block scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    /// The first stays.
    Clip,
    /// None stays.
    Strip,
    /// All stay.
    Keep,
}

/// YAML 1.1, "Escape Sequences", with `\'`, which go-yaml adds, and without `\/`, which it lacks.
fn simple_escape(byte: u8) -> Option<char> {
    Some(match byte {
        b'0' => '\0',
        b'a' => '\x07',
        b'b' => '\x08',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\x0b',
        b'f' => '\x0c',
        b'r' => '\r',
        b'e' => '\x1b',
        b' ' => ' ',
        b'"' => '"',
        b'\'' => '\'',
        b'\\' => '\\',
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => return None,
    })
}
