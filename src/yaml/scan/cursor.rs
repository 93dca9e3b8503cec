//! A place in the text, counted as the original counts it: lines and columns in characters, from 0.

use crate::yaml::input::Input;

/// A place in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::yaml) struct Mark {
    /// Bytes before it.
    pub(in crate::yaml) index: u32,
    /// Lines before it.
    pub(in crate::yaml) line: u32,
    /// Characters before it on its line.
    pub(in crate::yaml) column: u32,
}

/// What a byte may mean to a scanner that runs over text.
pub(super) mod class {
    /// Space and tab.
    pub(in crate::yaml) const BLANK: u8 = 1;
    /// A line break, the first byte of one, or the end.
    pub(in crate::yaml) const BREAK: u8 = 2;
    /// `:` and `#`, which end a plain scalar in some places.
    pub(in crate::yaml) const PLAIN: u8 = 4;
    /// What ends a plain scalar inside `[]` and `{}`.
    pub(in crate::yaml) const FLOW: u8 = 8;
    /// What interrupts a quoted scalar: quotes and the backslash.
    pub(in crate::yaml) const QUOTE: u8 = 16;
    /// Letters, digits, `_` and `-`: names of anchors, directives and tag handles.
    pub(in crate::yaml) const WORD: u8 = 32;
    /// What a tag may have besides those.
    pub(in crate::yaml) const URI: u8 = 64;
    /// What a plain scalar does not begin with.
    pub(in crate::yaml) const INDICATOR: u8 = 128;

    pub(super) const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            #[expect(clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "at < 256")]
            {
                table[at] = of(at as u8);
            }
            at += 1;
        }
        table
    };

    const fn of(byte: u8) -> u8 {
        let mut class = 0;
        if matches!(byte, b' ' | b'\t') {
            class |= BLANK;
        }
        if matches!(byte, b'\n' | b'\r' | 0 | 0xc2 | 0xe2) {
            class |= BREAK;
        }
        if matches!(byte, b':' | b'#') {
            class |= PLAIN;
        }
        if matches!(byte, b',' | b'?' | b'[' | b']' | b'{' | b'}') {
            class |= FLOW;
        }
        if matches!(byte, b'\'' | b'"' | b'\\') {
            class |= QUOTE;
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            class |= WORD;
        }
        if matches!(
            byte,
            b';' | b'/'
                | b'?'
                | b':'
                | b'@'
                | b'&'
                | b'='
                | b'+'
                | b'$'
                | b','
                | b'.'
                | b'!'
                | b'~'
                | b'*'
                | b'\''
                | b'('
                | b')'
                | b'['
                | b']'
                | b'%'
        ) {
            class |= URI;
        }
        if matches!(
            byte,
            b'-' | b'?'
                | b':'
                | b','
                | b'['
                | b']'
                | b'{'
                | b'}'
                | b'#'
                | b'&'
                | b'*'
                | b'!'
                | b'|'
                | b'>'
                | b'\''
                | b'"'
                | b'%'
                | b'@'
                | b'`'
        ) {
            class |= INDICATOR;
        }
        class
    }
}

/// The classes of `byte`.
#[inline]
pub(super) fn classes(byte: u8) -> u8 {
    class::TABLE.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Reads forward through the text and knows line and column.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pos: usize,
    line: u32,
    /// `pos - origin` is the column: the start of the line, moved by what characters have beyond one byte.
    origin: usize,
    ascii: bool,
    plain_breaks: bool,
    /// Line breaks since the last character that is not blank; comments are attached by it.
    pub(super) newlines: u32,
}

impl<'a> Cursor<'a> {
    /// The start of `text`, which is that of `input`.
    pub(super) fn new(text: &'a str, input: &Input<'_>) -> Self {
        // Departs: a second byte order mark is dropped. The original does so by a look at the start of its buffer,
        // and thereby drops a character of each line that follows, too.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            text,
            bytes: text.as_bytes(),
            pos: 0,
            line: 0,
            origin: 0,
            ascii: input.ascii,
            plain_breaks: input.plain_breaks,
            newlines: 0,
        }
    }

    #[inline]
    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    #[inline]
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    #[inline]
    pub(super) fn column(&self) -> u32 {
        small(self.pos.wrapping_sub(self.origin))
    }

    #[inline]
    pub(super) fn mark(&self) -> Mark {
        Mark { index: small(self.pos), line: self.line, column: self.column() }
    }

    /// The byte at an absolute place; 0 after the end, which no text contains.
    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte `ahead` of the cursor.
    #[inline]
    pub(super) fn peek(&self, ahead: usize) -> u8 {
        self.byte(self.pos + ahead)
    }

    #[inline]
    pub(super) fn at_end(&self) -> bool {
        self.pos >= self.bytes.len()
    }

    /// Whether there are fewer characters left than `count`.
    pub(super) fn ends_within(&self, count: usize) -> bool {
        self.slice(self.pos, self.bytes.len()).chars().take(count).count() < count
    }

    /// The text between two places that were both at a whole character.
    #[inline]
    pub(super) fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// The length of the line break at `at`, CR LF being one; 0 where there is none.
    #[inline]
    pub(super) fn break_len(&self, at: usize) -> usize {
        match self.byte(at) {
            b'\n' => 1,
            b'\r' if self.byte(at + 1) == b'\n' => 2,
            b'\r' => 1,
            0xc2 if self.byte(at + 1) == 0x85 => 2,
            0xe2 if self.byte(at + 1) == 0x80 && matches!(self.byte(at + 2), 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    #[inline]
    pub(super) fn is_blank(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t')
    }

    /// Whether a line ends at `at`.
    #[inline]
    pub(super) fn is_break_or_end(&self, at: usize) -> bool {
        let byte = self.byte(at);
        classes(byte) & class::BREAK != 0 && (byte == 0 || self.break_len(at) > 0)
    }

    /// Whether a word ends at `at`.
    #[inline]
    pub(super) fn is_blank_or_end(&self, at: usize) -> bool {
        self.is_blank(at) || self.is_break_or_end(at)
    }

    /// Where the spaces end that stand at `at`, of which at most `most` count.
    #[inline]
    pub(super) fn spaces_end(&self, at: usize, most: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().take(most).take_while(|byte| **byte == b' ').count()
    }

    /// Where the line ends that `at` is on.
    pub(super) fn line_end(&self, at: usize) -> usize {
        if self.plain_breaks {
            let rest = self.text.get(at..).unwrap_or_default();
            return rest.find('\n').map_or(self.bytes.len(), |found| at + found);
        }
        let mut end = at;
        while !self.is_break_or_end(end) {
            end += 1;
        }
        end
    }

    /// Goes on to `to`, over text without line breaks that is not blank throughout.
    #[inline]
    pub(super) fn go(&mut self, to: usize) {
        self.go_blank(to);
        self.newlines = 0;
    }

    /// Goes on to `to`, over text without line breaks.
    #[inline]
    pub(super) fn go_blank(&mut self, to: usize) {
        if !self.ascii {
            let passed = self.bytes.get(self.pos..to).unwrap_or_default();
            self.origin += passed.iter().filter(|&&byte| byte & 0xc0 == 0x80).count();
        }
        self.pos = to;
    }

    /// Goes on to `to`, over blanks.
    #[inline]
    pub(super) fn go_spaces(&mut self, to: usize) {
        self.pos = to;
    }

    /// Goes over the line break that stands here, if one does.
    #[inline]
    pub(super) fn go_break(&mut self) {
        let len = self.break_len(self.pos);
        if len > 0 {
            self.pos += len;
            self.origin = self.pos;
            self.line += 1;
            self.newlines += 1;
        }
    }

    /// Goes over the line break that stands here, if one does, and gives what it stands for: LF, but for LS and PS.
    #[inline]
    pub(super) fn take_break(&mut self) -> &'a str {
        let at = self.pos;
        self.go_break();
        match self.byte(at) {
            _ if self.pos == at => "",
            0xe2 => self.slice(at, self.pos),
            _ => "\n",
        }
    }

    /// The original counts the end of the text as one more line, unless it stands at the start of one.
    pub(super) fn end_line(&mut self) {
        if self.pos != self.origin {
            self.origin = self.pos;
            self.line += 1;
        }
    }
}

/// Places fit 32 bits, since [`crate::limits::YAML_BYTES`] does.
#[inline]
pub(in crate::yaml) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
