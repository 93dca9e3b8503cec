//! Characters to tokens.
//!
//! The grammar of the tokens is that of YAML 1.1 as libyaml reads it, with go-yaml's changes. The parser pulls; the
//! scanner looks ahead only as far as it must to know whether a token starts a simple key, and in v3 two tokens more,
//! for the comments. How far it has looked decides which of two errors is reported, so the order of every step here
//! is that of the original.

mod comment;
mod cursor;
mod directive;
mod scalar;
mod token;

use std::{borrow::Cow, collections::VecDeque};

use self::{
    cursor::{Cursor, class, classes},
    token::Queue,
};
use super::{Version, error::Problem, input::Input};
use crate::limits;

pub use self::token::ScalarStyle;
pub(super) use self::{
    comment::{Comment, Place},
    cursor::{Mark, small},
    token::{TagDirective, Token, TokenKind},
};

/// Yields tokens.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    cursor: Cursor<'a>,
    version: Version,
    /// What the reader says where the text ends.
    tail: Option<Problem>,
    queue: Queue<'a>,
    /// The first token of the queue is one that the parser may take.
    available: bool,
    started: bool,
    ended: bool,
    /// The column of the current block, -1 outside of any.
    indent: i64,
    indents: Vec<i64>,
    flow_level: usize,
    simple_key_allowed: bool,
    /// One for each level of flow, and one below them.
    simple_keys: Vec<SimpleKey>,
    /// Comments that no token has taken yet. Only v3 keeps them.
    comments: VecDeque<Comment<'a>>,
}

/// The place of a token that may turn out to be a key, once a `:` follows.
#[derive(Clone, Copy, Debug, Default)]
struct SimpleKey {
    possible: bool,
    /// It is an error if no `:` follows.
    required: bool,
    token: u32,
    mark: Mark,
}

/// YAML 1.2, "implicit keys": how many characters after its start the `:` may be.
const SIMPLE_KEY_LENGTH: usize = 1024;

impl<'a> Scanner<'a> {
    /// Reads `text`, which is that of `input`.
    pub(super) fn new(text: &'a str, input: &Input<'_>, version: Version) -> Self {
        Self {
            cursor: Cursor::new(text, input),
            version,
            tail: input.tail.clone(),
            queue: Queue::default(),
            available: false,
            started: false,
            ended: false,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
            comments: VecDeque::new(),
        }
    }

    /// The next token, which stays the next.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<&Token<'a>, Problem> {
        if !self.available {
            self.fetch_more()?;
        }
        Ok(self.queue.first().expect("a token is available"))
    }

    /// Takes the token that was peeked.
    #[inline]
    pub(super) fn take(&mut self) -> Token<'a> {
        self.available = false;
        let token = self.queue.take().expect("a token was peeked");
        self.ended = matches!(token.kind, TokenKind::StreamEnd);
        token
    }

    /// Whether the end of the stream was taken.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Fetches until the first token of the queue can no longer become a key.
    fn fetch_more(&mut self) -> Result<(), Problem> {
        let ahead = match self.version {
            Version::V2 => 0,
            Version::V3 => 2,
        };
        loop {
            if self.queue.len() > ahead {
                let Some(level) = self.queue.first_key() else { break };
                if !self.simple_key_is_valid(level)? {
                    break;
                }
            }
            self.fetch_next()?;
        }
        self.available = true;
        Ok(())
    }

    fn fetch_next(&mut self) -> Result<(), Problem> {
        if !self.started {
            self.started = true;
            if self.cursor.at_end()
                && let Some(tail) = self.tail.take()
            {
                return Err(tail);
            }
            self.push(TokenKind::StreamStart, self.cursor.mark());
            return Ok(());
        }
        let fetched = self.fetch_next_of_text();
        if self.tail.is_some() {
            // Whatever was made of the end of the text, the original has seen that the next block is not text: after
            // a plain scalar it looks at two characters, elsewhere at one.
            let plain = TokenKind::is_plain_scalar;
            let seen = if self.queue.last().is_some_and(|token| plain(&token.kind)) { 2 } else { 1 };
            if self.cursor.ends_within(seen)
                && let Some(tail) = self.tail.take()
            {
                return Err(tail);
            }
        }
        fetched
    }

    fn fetch_next_of_text(&mut self) -> Result<(), Problem> {
        let scan_mark = self.cursor.mark();
        self.skip_to_next_token()?;
        self.unroll_indent(i64::from(self.cursor.column()), scan_mark);

        // The longest indicator has four characters, and the original looks at as many.
        if self.tail.is_some()
            && self.cursor.ends_within(4)
            && let Some(tail) = self.tail.take()
        {
            return Err(tail);
        }
        if self.cursor.at_end() {
            return self.fetch_stream_end();
        }
        let byte = self.cursor.peek(0);
        if self.cursor.column() == 0 {
            match byte {
                b'%' => return self.fetch_directive(),
                b'-' if self.at_document_indicator() => {
                    return self.fetch_document_indicator(TokenKind::DocumentStart);
                }
                b'.' if self.at_document_indicator() => {
                    return self.fetch_document_indicator(TokenKind::DocumentEnd);
                }
                _ => (),
            }
        }
        if self.version == Version::V2 {
            return self.fetch_content(byte);
        }
        // A comment on the same line belongs to this token; after `:` and `,` to the one before.
        let mark = match self.queue.last() {
            Some(last) if byte == if self.flow_level == 0 { b':' } else { b',' } => last.start,
            _ => self.cursor.mark(),
        };
        self.fetch_content(byte)?;
        // After `-` it is the head of what follows.
        if !matches!(self.queue.last(), Some(Token { kind: TokenKind::BlockEntry, .. })) {
            self.scan_line_comment(mark);
        }
        Ok(())
    }

    #[inline]
    fn fetch_content(&mut self, byte: u8) -> Result<(), Problem> {
        let blank_next = |this: &Self| this.cursor.is_blank_or_end(this.cursor.pos() + 1);
        let flow = self.flow_level > 0;
        match byte {
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if blank_next(self) => self.fetch_block_entry(),
            b'?' if flow || blank_next(self) => self.fetch_key(),
            b':' if flow || blank_next(self) => self.fetch_value(),
            b'*' => self.fetch_anchor(true),
            b'&' => self.fetch_anchor(false),
            b'!' => self.fetch_tag(),
            b'|' if !flow => self.fetch_block_scalar(ScalarStyle::Literal),
            b'>' if !flow => self.fetch_block_scalar(ScalarStyle::Folded),
            b'\'' => self.fetch_quoted(ScalarStyle::SingleQuoted),
            b'"' => self.fetch_quoted(ScalarStyle::DoubleQuoted),
            b'-' => self.fetch_plain(),
            b'?' | b':' if !flow => self.fetch_plain(),
            _ if classes(byte) & class::INDICATOR != 0 || self.cursor.is_blank_or_end(self.cursor.pos()) => {
                Err(self.problem(self.cursor.mark(), "found character that cannot start any token"))
            }
            _ => self.fetch_plain(),
        }
    }

    /// A problem here, with a thing that began at `context`.
    fn problem(&self, context: Mark, text: impl Into<String>) -> Problem {
        Problem::scanner(context.line, self.cursor.line(), text)
    }

    /// Appends a token.
    fn push(&mut self, kind: TokenKind<'a>, start: Mark) {
        self.queue.push(Token { kind, start });
    }

    /// Appends the token of an indicator of `len` characters.
    fn push_indicator(&mut self, kind: TokenKind<'a>, len: usize) {
        let start = self.cursor.mark();
        self.cursor.go(self.cursor.pos() + len);
        self.push(kind, start);
    }

    /// Whether `---` or `...` stands here as a word. The column has been looked at.
    fn at_document_indicator(&self) -> bool {
        let at = self.cursor.pos();
        let dots = self.cursor.peek(0);
        matches!(dots, b'-' | b'.')
            && self.cursor.peek(1) == dots
            && self.cursor.peek(2) == dots
            && self.cursor.is_blank_or_end(at + 3)
    }

    fn skip_to_next_token(&mut self) -> Result<(), Problem> {
        let scan_mark = self.cursor.mark();
        loop {
            let mut at = self.cursor.spaces_end(self.cursor.pos(), usize::MAX);
            // Tabs are no indentation: they may stand in flow, or where no key may begin.
            if self.cursor.byte(at) == b'\t' && (self.flow_level > 0 || !self.simple_key_allowed) {
                while self.cursor.is_blank(at) {
                    at += 1;
                }
            }
            self.cursor.go_spaces(at);
            if self.version == Version::V3 {
                self.turn_line_comment_to_head();
            }
            if self.cursor.peek(0) == b'#' {
                match self.version {
                    Version::V2 => self.cursor.go(self.cursor.line_end(at)),
                    Version::V3 => self.scan_comments(scan_mark),
                }
            }
            if self.cursor.break_len(self.cursor.pos()) == 0 {
                return Ok(());
            }
            self.cursor.go_break();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    /// Whether the key of `level` may still be one: on this line, and not too far back.
    fn simple_key_is_valid(&mut self, level: usize) -> Result<bool, Problem> {
        let here = self.cursor.pos();
        let line = self.cursor.line();
        let Some(key) = self.simple_keys.get_mut(level) else { return Ok(false) };
        if !key.possible {
            return Ok(false);
        }
        let start = key.mark.index as usize;
        // Characters are counted only where bytes do not decide it.
        let too_far = here - start > SIMPLE_KEY_LENGTH
            && (here - start > 4 * SIMPLE_KEY_LENGTH
                || self.cursor.slice(start, here).chars().count() > SIMPLE_KEY_LENGTH);
        if key.mark.line < line || too_far {
            if key.required {
                return Err(Problem::scanner(key.mark.line, line, "could not find expected ':'"));
            }
            key.possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    /// Notes that a key may start here.
    fn save_simple_key(&mut self) -> Result<(), Problem> {
        let required = self.flow_level == 0 && self.indent == i64::from(self.cursor.column());
        if self.simple_key_allowed {
            let token = self.queue.next_number();
            let key = SimpleKey { possible: true, required, token, mark: self.cursor.mark() };
            self.remove_simple_key()?;
            let level = self.simple_keys.len() - 1;
            if let Some(last) = self.simple_keys.last_mut() {
                *last = key;
            }
            self.queue.note_key(token, level);
        }
        Ok(())
    }

    /// Gives up the key of the current level.
    fn remove_simple_key(&mut self) -> Result<(), Problem> {
        let line = self.cursor.line();
        let Some(key) = self.simple_keys.last_mut() else { return Ok(()) };
        if key.possible {
            if key.required {
                return Err(Problem::scanner(key.mark.line, line, "could not find expected ':'"));
            }
            key.possible = false;
            let token = key.token;
            self.queue.forget_key(token);
        }
        Ok(())
    }

    /// Opens a block at `column`, if that is deeper than the current one. The token goes before that of `number`.
    fn roll_indent(
        &mut self,
        column: u32,
        number: Option<u32>,
        kind: TokenKind<'a>,
        mark: Mark,
    ) -> Result<(), Problem> {
        if self.flow_level > 0 || self.indent >= i64::from(column) {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = i64::from(column);
        if self.indents.len() > limits::YAML_DEPTH {
            let context = self.simple_keys.last().map_or(0, |key| key.mark.line);
            let text = format!("exceeded max depth of {}", limits::YAML_DEPTH);
            return Err(Problem::scanner(context, self.cursor.line(), text));
        }
        let token = Token { kind, start: mark };
        match number {
            Some(number) => self.queue.insert(number, token),
            None => self.queue.push(token),
        }
        Ok(())
    }

    /// Closes the blocks that are deeper than `column`.
    fn unroll_indent(&mut self, column: i64, scan_mark: Mark) {
        if self.flow_level > 0 || self.indent <= column {
            return;
        }
        if self.version == Version::V3 {
            return self.unroll_indent_before_comments(column, scan_mark);
        }
        let mark = self.cursor.mark();
        while self.indent > column {
            self.queue.push(Token { kind: TokenKind::BlockEnd, start: mark });
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_stream_end(&mut self) -> Result<(), Problem> {
        self.cursor.end_line();
        self.unroll_indent(-1, self.cursor.mark());
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(TokenKind::StreamEnd, self.cursor.mark());
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), Problem> {
        self.unroll_indent(-1, self.cursor.mark());
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.scan_directive()
    }

    fn fetch_document_indicator(&mut self, kind: TokenKind<'a>) -> Result<(), Problem> {
        self.unroll_indent(-1, self.cursor.mark());
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push_indicator(kind, 3);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind<'a>) -> Result<(), Problem> {
        self.save_simple_key()?;
        let mark = self.cursor.mark();
        self.simple_keys.push(SimpleKey { token: self.queue.next_number(), mark, ..SimpleKey::default() });
        self.flow_level += 1;
        if self.flow_level > limits::YAML_DEPTH {
            return Err(self.problem(mark, format!("exceeded max depth of {}", limits::YAML_DEPTH)));
        }
        self.simple_key_allowed = true;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind<'a>) -> Result<(), Problem> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            // For an empty collection this is the number of its own first token, and forgetting it is what makes
            // v2 refuse `[]: x`.
            if let Some(key) = self.simple_keys.pop() {
                self.queue.forget_key(key.token);
            }
        }
        self.simple_key_allowed = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Result<(), Problem> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(TokenKind::FlowEntry, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), Problem> {
        // In flow the parser reports it, since it knows the collection.
        if self.flow_level == 0 {
            self.block_indicator(
                TokenKind::BlockSequenceStart,
                "block sequence entries are not allowed in this context",
            )?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(TokenKind::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Problem> {
        if self.flow_level == 0 {
            self.block_indicator(
                TokenKind::BlockMappingStart,
                "mapping keys are not allowed in this context",
            )?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.push_indicator(TokenKind::Key, 1);
        Ok(())
    }

    /// An indicator that may stand only where a key may, and that opens a block.
    fn block_indicator(&mut self, kind: TokenKind<'a>, otherwise: &str) -> Result<(), Problem> {
        let mark = self.cursor.mark();
        if !self.simple_key_allowed {
            return Err(self.problem(mark, otherwise));
        }
        self.roll_indent(mark.column, None, kind, mark)
    }

    fn fetch_value(&mut self) -> Result<(), Problem> {
        let level = self.simple_keys.len() - 1;
        if self.simple_key_is_valid(level)? {
            let key = self.simple_keys.get(level).copied().unwrap_or_default();
            let SimpleKey { token, mark, .. } = key;
            self.queue.insert(token, Token { kind: TokenKind::Key, start: mark });
            self.roll_indent(mark.column, Some(token), TokenKind::BlockMappingStart, mark)?;
            if let Some(key) = self.simple_keys.last_mut() {
                key.possible = false;
            }
            self.queue.forget_key(token);
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                self.block_indicator(
                    TokenKind::BlockMappingStart,
                    "mapping values are not allowed in this context",
                )?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.push_indicator(TokenKind::Value, 1);
        Ok(())
    }

    fn fetch_anchor(&mut self, alias: bool) -> Result<(), Problem> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        self.scan_anchor(alias)
    }

    fn fetch_tag(&mut self) -> Result<(), Problem> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        self.scan_tag()
    }

    fn fetch_block_scalar(&mut self, style: ScalarStyle) -> Result<(), Problem> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.scan_block_scalar(style)
    }

    fn fetch_quoted(&mut self, style: ScalarStyle) -> Result<(), Problem> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        self.scan_quoted(style)
    }

    fn fetch_plain(&mut self) -> Result<(), Problem> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        self.scan_plain()
    }

    /// Appends a scalar.
    fn push_scalar(&mut self, start: Mark, value: Cow<'a, str>, style: ScalarStyle) {
        self.push(TokenKind::Scalar { value, style }, start);
    }
}
