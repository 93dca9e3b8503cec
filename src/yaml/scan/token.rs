//! Tokens: the words of YAML, from the scanner to the parser.

use std::{borrow::Cow, collections::VecDeque};

use super::cursor::Mark;

/// How a scalar was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes.
    #[default]
    Plain,
    /// Between `'`.
    SingleQuoted,
    /// Between `"`.
    DoubleQuoted,
    /// After `|`.
    Literal,
    /// After `>`.
    Folded,
}

/// A token and where it stands.
#[derive(Debug)]
pub(in crate::yaml) struct Token<'a> {
    pub(in crate::yaml) kind: TokenKind<'a>,
    pub(in crate::yaml) start: Mark,
}

impl Token<'_> {
    /// Where an indicator ends: an empty scalar after it stands there.
    pub(in crate::yaml) fn indicator_end(&self) -> Mark {
        Mark { index: self.start.index + 1, column: self.start.column + 1, ..self.start }
    }
}

/// What a token is. The rare ones with much to say are boxed, so that the others stay small.
#[derive(Debug)]
pub(in crate::yaml) enum TokenKind<'a> {
    StreamStart,
    StreamEnd,
    VersionDirective { major: u8, minor: u8 },
    TagDirective(Box<TagDirective<'a>>),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    Tag(Box<Tag<'a>>),
    Scalar { value: Cow<'a, str>, style: ScalarStyle },
}

impl TokenKind<'_> {
    pub(super) fn is_plain_scalar(&self) -> bool {
        matches!(self, Self::Scalar { style: ScalarStyle::Plain, .. })
    }
}

/// `%TAG handle prefix`.
#[derive(Clone, Debug)]
pub(in crate::yaml) struct TagDirective<'a> {
    pub(in crate::yaml) handle: &'a str,
    pub(in crate::yaml) prefix: Cow<'a, str>,
}

/// A tag as it is written. The handle is empty for `!<…>` and for `!` alone.
#[derive(Debug)]
pub(in crate::yaml) struct Tag<'a> {
    pub(in crate::yaml) handle: &'a str,
    pub(in crate::yaml) suffix: Cow<'a, str>,
}

/// Tokens that the parser has not taken yet. Each has a number that counts from the start of the stream, and a number
/// may be noted as the possible start of a simple key, of the level that is given.
///
/// The original keeps those notes in a map from numbers to levels and forgets to delete some, which delays or hastens
/// the parser and thereby decides between two errors. A note stays with its number when a token is inserted before it.
#[derive(Debug, Default)]
pub(super) struct Queue<'a> {
    tokens: VecDeque<Token<'a>>,
    taken: u32,
    /// The level of a possible key for `taken + i`; [`NO_KEY`] where there is none.
    keys: VecDeque<u32>,
}

const NO_KEY: u32 = u32::MAX;

impl<'a> Queue<'a> {
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The number that the next token at the end will have.
    pub(super) fn next_number(&self) -> u32 {
        self.taken + super::cursor::small(self.tokens.len())
    }

    pub(super) fn first(&self) -> Option<&Token<'a>> {
        self.tokens.front()
    }

    pub(super) fn last(&self) -> Option<&Token<'a>> {
        self.tokens.back()
    }

    /// The one before the last.
    pub(super) fn second_last(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.tokens.len().checked_sub(2)?)
    }

    pub(super) fn push(&mut self, token: Token<'a>) {
        self.tokens.push_back(token);
    }

    /// Inserts before the token of `number`. Where the parser has taken that one already, the original appends.
    pub(super) fn insert(&mut self, number: u32, token: Token<'a>) {
        match number.checked_sub(self.taken) {
            Some(at) if (at as usize) < self.tokens.len() => self.tokens.insert(at as usize, token),
            _ => self.tokens.push_back(token),
        }
    }

    pub(super) fn take(&mut self) -> Option<Token<'a>> {
        let token = self.tokens.pop_front()?;
        self.taken += 1;
        self.keys.pop_front();
        Some(token)
    }

    /// The level of the key that the first token may start.
    pub(super) fn first_key(&self) -> Option<usize> {
        self.keys.front().filter(|level| **level != NO_KEY).map(|level| *level as usize)
    }

    pub(super) fn note_key(&mut self, number: u32, level: usize) {
        let Some(at) = number.checked_sub(self.taken) else { return };
        while self.keys.len() <= at as usize {
            self.keys.push_back(NO_KEY);
        }
        if let Some(key) = self.keys.get_mut(at as usize) {
            *key = super::cursor::small(level);
        }
    }

    pub(super) fn forget_key(&mut self, number: u32) {
        let at = number.checked_sub(self.taken);
        if let Some(key) = at.and_then(|at| self.keys.get_mut(at as usize)) {
            *key = NO_KEY;
        }
    }
}
