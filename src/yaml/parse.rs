//! Tokens to events.
//!
//! ```text
//! stream            ::= document*
//! document          ::= DIRECTIVE* DOCUMENT-START? node? DOCUMENT-END*
//! node              ::= ALIAS | properties? (collection | SCALAR)?
//! properties        ::= TAG ANCHOR? | ANCHOR TAG?
//! block sequence    ::= BLOCK-SEQUENCE-START (BLOCK-ENTRY node?)* BLOCK-END
//! indentless        ::= (BLOCK-ENTRY node?)+
//! block mapping     ::= BLOCK-MAPPING-START ((KEY node?)? (VALUE node?)?)* BLOCK-END
//! flow sequence     ::= FLOW-SEQUENCE-START (entry FLOW-ENTRY)* entry? FLOW-SEQUENCE-END
//! flow mapping      ::= FLOW-MAPPING-START (entry FLOW-ENTRY)* entry? FLOW-MAPPING-END
//! entry             ::= node | KEY node? (VALUE node?)?
//! ```
//!
//! An indentless sequence is a value of a mapping whose `-` stand in the column of the key.

mod event;

use std::borrow::Cow;

use super::{
    error::Problem,
    scan::{Mark, ScalarStyle, Scanner, TagDirective, Token, TokenKind},
};

pub use self::event::Comments;
pub(super) use self::event::{Event, EventKind, Properties};

/// Yields events.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    state: State,
    /// Where to go on after the current node.
    states: Vec<State>,
    /// The lines where the open collections began, for errors.
    marks: Vec<u32>,
    tags: Vec<TagDirective<'a>>,
    /// Comments that were met and that the next event takes.
    comments: Comments<'a>,
    /// The head of an entry whose value is a collection: it belongs to the whole collection.
    stem: Cow<'a, str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    StreamStart,
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceFirstEntry,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingFirstKey,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirstEntry,
    FlowSequenceEntry,
    FlowSequencePairKey,
    FlowSequencePairValue,
    FlowSequencePairEnd,
    FlowMappingFirstKey,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

/// What of a token decides how the parser goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    StreamStart,
    StreamEnd,
    Directive,
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
    Alias,
    Anchor,
    Tag,
    Scalar,
}

impl<'a> Parser<'a> {
    pub(super) fn new(scanner: Scanner<'a>) -> Self {
        Self {
            scanner,
            state: State::StreamStart,
            states: Vec::new(),
            marks: Vec::new(),
            tags: Vec::new(),
            comments: Comments::default(),
            stem: Cow::Borrowed(""),
        }
    }

    /// The next event; the end of the stream over and over, once it is reached.
    pub(super) fn next(&mut self) -> Result<Event<'a>, Problem> {
        if self.scanner.ended() {
            return Ok(Event { kind: EventKind::StreamEnd, start: Mark::default(), comments: None });
        }
        match self.state {
            State::StreamStart => {
                let (_, start) = self.peek()?;
                self.scanner.take();
                self.state = State::ImplicitDocumentStart;
                Ok(Event { kind: EventKind::StreamStart, start, comments: None })
            }
            State::ImplicitDocumentStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::BlockSequenceFirstEntry => self.block_sequence_entry(true),
            State::BlockSequenceEntry => self.block_sequence_entry(false),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingFirstKey => self.block_mapping_key(true),
            State::BlockMappingKey => self.block_mapping_key(false),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirstEntry => self.flow_sequence_entry(true),
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::FlowSequencePairKey => self.flow_sequence_pair_key(),
            State::FlowSequencePairValue => self.flow_sequence_pair_value(),
            State::FlowSequencePairEnd => {
                let (_, start) = self.peek()?;
                self.state = State::FlowSequenceEntry;
                Ok(Event { kind: EventKind::MappingEnd, start, comments: None })
            }
            State::FlowMappingFirstKey => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(false),
            State::FlowMappingEmptyValue => self.flow_mapping_value(true),
            State::End => Ok(Event { kind: EventKind::StreamEnd, start: Mark::default(), comments: None }),
        }
    }

    /// The next token's kind and place. Comments before it are collected.
    #[inline]
    fn peek(&mut self) -> Result<(Is, Mark), Problem> {
        let token = self.scanner.peek()?;
        let (is, start) = (Is::of(token), token.start);
        while let Some(comment) = self.scanner.next_comment(start.index, is == Is::BlockEnd) {
            self.comments.add(comment);
        }
        Ok((is, start))
    }

    /// Takes the comments that were collected for the event at hand.
    fn take_comments(&mut self) -> Option<Box<Comments<'a>>> {
        self.stem = Cow::Borrowed("");
        if self.comments.is_empty() {
            return None;
        }
        Some(Box::new(std::mem::take(&mut self.comments)))
    }

    fn pop(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    fn document_start(&mut self, implicit: bool) -> Result<Event<'a>, Problem> {
        let (mut is, mut start) = self.peek()?;
        while !implicit && is == Is::DocumentEnd {
            self.scanner.take();
            (is, start) = self.peek()?;
        }
        if implicit && !matches!(is, Is::Directive | Is::DocumentStart | Is::StreamEnd) {
            self.process_directives()?;
            self.states.push(State::DocumentEnd);
            self.state = State::BlockNode;
            let head = self.comments.split_document_head();
            let comments = head.map(|head| Box::new(Comments { head, ..Comments::default() }));
            return Ok(Event { kind: EventKind::DocumentStart, start, comments });
        }
        if is == Is::StreamEnd {
            self.state = State::End;
            self.scanner.take();
            return Ok(Event { kind: EventKind::StreamEnd, start, comments: None });
        }
        self.process_directives()?;
        let (is, at) = self.peek()?;
        if is != Is::DocumentStart {
            return Err(Problem::parser(0, at.line, "did not find expected <document start>"));
        }
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        self.scanner.take();
        Ok(Event { kind: EventKind::DocumentStart, start, comments: None })
    }

    fn document_content(&mut self) -> Result<Event<'a>, Problem> {
        let (is, start) = self.peek()?;
        if matches!(is, Is::Directive | Is::DocumentStart | Is::DocumentEnd | Is::StreamEnd) {
            self.pop();
            return Ok(empty_scalar(start));
        }
        self.node(true, false)
    }

    fn document_end(&mut self) -> Result<Event<'a>, Problem> {
        let (is, start) = self.peek()?;
        if is == Is::DocumentEnd {
            self.scanner.take();
        }
        self.tags.clear();
        self.state = State::DocumentStart;
        let mut comments = self.take_comments();
        if let Some(comments) = &mut comments
            && comments.foot.is_empty()
        {
            comments.foot = std::mem::take(&mut comments.head);
        }
        Ok(Event { kind: EventKind::DocumentEnd, start, comments })
    }

    /// Reads the directives before a document and adds the handles that every document has.
    fn process_directives(&mut self) -> Result<(), Problem> {
        let mut version = false;
        loop {
            let (is, start) = self.peek()?;
            if is != Is::Directive {
                break;
            }
            match self.scanner.take().kind {
                TokenKind::VersionDirective { .. } if version => {
                    return Err(Problem::parser(0, start.line, "found duplicate %YAML directive"));
                }
                TokenKind::VersionDirective { major: 1, minor: 1 } => version = true,
                TokenKind::VersionDirective { .. } => {
                    return Err(Problem::parser(0, start.line, "found incompatible YAML document"));
                }
                TokenKind::TagDirective(directive) => {
                    if self.tags.iter().any(|tag| tag.handle == directive.handle) {
                        return Err(Problem::parser(0, start.line, "found duplicate %TAG directive"));
                    }
                    self.tags.push(*directive);
                }
                _ => (),
            }
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tags.iter().any(|tag| tag.handle == handle) {
                self.tags.push(TagDirective { handle, prefix: Cow::Borrowed(prefix) });
            }
        }
        Ok(())
    }

    fn node(&mut self, block: bool, indentless: bool) -> Result<Event<'a>, Problem> {
        let (mut is, start) = self.peek()?;
        let mut properties = Properties::default();
        // The common case has no properties and is decided by one look.
        if matches!(is, Is::Alias | Is::Anchor | Is::Tag) {
            if is == Is::Alias {
                self.pop();
                let comments = self.take_comments();
                let TokenKind::Alias(name) = self.scanner.take().kind else { return Ok(empty_scalar(start)) };
                return Ok(Event { kind: EventKind::Alias(name), start, comments });
            }
            is = self.properties(is, start, &mut properties)?;
        }
        let kind = match is {
            Is::BlockEntry if indentless => {
                self.state = State::IndentlessSequenceEntry;
                let kind = EventKind::SequenceStart { flow: false, properties };
                return Ok(Event { kind, start, comments: None });
            }
            Is::Scalar => {
                self.pop();
                let comments = self.take_comments();
                let TokenKind::Scalar { value, style } = self.scanner.take().kind else {
                    return Ok(empty_scalar(start));
                };
                return Ok(Event { kind: EventKind::Scalar { value, style, properties }, start, comments });
            }
            Is::FlowSequenceStart => {
                self.state = State::FlowSequenceFirstEntry;
                let kind = EventKind::SequenceStart { flow: true, properties };
                return Ok(Event { kind, start, comments: self.take_comments() });
            }
            Is::FlowMappingStart => {
                self.state = State::FlowMappingFirstKey;
                let kind = EventKind::MappingStart { flow: true, properties };
                return Ok(Event { kind, start, comments: self.take_comments() });
            }
            Is::BlockSequenceStart if block => {
                self.state = State::BlockSequenceFirstEntry;
                EventKind::SequenceStart { flow: false, properties }
            }
            Is::BlockMappingStart if block => {
                self.state = State::BlockMappingFirstKey;
                EventKind::MappingStart { flow: false, properties }
            }
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                self.pop();
                let (value, style) = (Cow::Borrowed(""), ScalarStyle::Plain);
                let kind = EventKind::Scalar { value, style, properties };
                return Ok(Event { kind, start, comments: None });
            }
            _ => {
                let (_, at) = self.peek()?;
                return Err(Problem::parser(start.line, at.line, "did not find expected node content"));
            }
        };
        let comments = if self.stem.is_empty() {
            None
        } else {
            let head = std::mem::take(&mut self.stem);
            Some(Box::new(Comments { head, ..Comments::default() }))
        };
        Ok(Event { kind, start, comments })
    }

    /// A tag, an anchor, or both in either order. Gives what follows them.
    fn properties(&mut self, mut is: Is, start: Mark, into: &mut Properties<'a>) -> Result<Is, Problem> {
        let mut tag = None;
        let mut at = start;
        loop {
            match is {
                Is::Anchor if into.anchor.is_none() => {
                    if let TokenKind::Anchor(name) = self.scanner.take().kind {
                        into.anchor = Some(name);
                    }
                }
                Is::Tag if tag.is_none() => {
                    if let TokenKind::Tag(found) = self.scanner.take().kind {
                        tag = Some((found, at));
                    }
                }
                _ => break,
            }
            (is, at) = self.peek()?;
        }
        let Some((tag, at)) = tag else { return Ok(is) };
        let text = if tag.handle.is_empty() {
            tag.suffix
        } else {
            let prefix = self.tags.iter().find(|it| it.handle == tag.handle).map(|it| &*it.prefix);
            match prefix {
                Some(prefix) if !prefix.is_empty() || !tag.suffix.is_empty() => {
                    Cow::Owned([prefix, &tag.suffix].concat())
                }
                _ => return Err(Problem::parser(start.line, at.line, "found undefined tag handle")),
            }
        };
        into.tag = Some(Box::new(text));
        Ok(is)
    }

    fn open(&mut self) -> Result<(), Problem> {
        let (_, start) = self.peek()?;
        self.marks.push(start.line);
        self.scanner.take();
        Ok(())
    }

    fn close(&mut self, kind: EventKind<'a>, start: Mark) -> Event<'a> {
        self.pop();
        self.marks.pop();
        Event { kind, start, comments: None }
    }

    /// A collection in which something else stands than may.
    fn unexpected(&mut self, at: Mark, text: &str) -> Problem {
        Problem::parser(self.marks.pop().unwrap_or(0), at.line, text)
    }

    fn block_sequence_entry(&mut self, first: bool) -> Result<Event<'a>, Problem> {
        if first {
            self.open()?;
        }
        let (is, start) = self.peek()?;
        match is {
            Is::BlockEntry => {
                let mark = self.take_entry()?;
                let (is, _) = self.peek()?;
                if matches!(is, Is::BlockEntry | Is::BlockEnd) {
                    self.state = State::BlockSequenceEntry;
                    return Ok(empty_scalar(mark));
                }
                self.states.push(State::BlockSequenceEntry);
                self.node(true, false)
            }
            Is::BlockEnd => {
                self.scanner.take();
                Ok(self.close(EventKind::SequenceEnd, start))
            }
            _ => Err(self.unexpected(start, "did not find expected '-' indicator")),
        }
    }

    fn indentless_sequence_entry(&mut self) -> Result<Event<'a>, Problem> {
        let (is, start) = self.peek()?;
        if is != Is::BlockEntry {
            self.pop();
            return Ok(Event { kind: EventKind::SequenceEnd, start, comments: None });
        }
        let mark = self.take_entry()?;
        let (is, _) = self.peek()?;
        if matches!(is, Is::BlockEntry | Is::Key | Is::Value | Is::BlockEnd) {
            self.state = State::IndentlessSequenceEntry;
            return Ok(empty_scalar(mark));
        }
        self.states.push(State::IndentlessSequenceEntry);
        self.node(true, false)
    }

    /// Takes a `-` and gives where an empty entry stands. The head comment of an entry that is a collection is set
    /// aside: it belongs to the collection, not to what comes first in it.
    fn take_entry(&mut self) -> Result<Mark, Problem> {
        let head = self.comments.head.len();
        let mark = self.scanner.take().indicator_end();
        if head > 0 && matches!(self.peek()?.0, Is::BlockSequenceStart | Is::BlockMappingStart) {
            let whole = std::mem::take(&mut self.comments.head);
            if whole.len() == head {
                self.stem = whole;
            } else {
                // The rest came with the token after the `-`; a line feed is between them.
                self.comments.head = Cow::Owned(whole.get(head + 1..).unwrap_or_default().to_owned());
                self.stem = Cow::Owned(whole.get(..head).unwrap_or_default().to_owned());
            }
        }
        Ok(mark)
    }

    fn block_mapping_key(&mut self, first: bool) -> Result<Event<'a>, Problem> {
        if first {
            self.open()?;
        }
        let (is, start) = self.peek()?;
        match is {
            Is::Key => {
                let mark = self.scanner.take().indicator_end();
                let (is, _) = self.peek()?;
                if matches!(is, Is::Key | Is::Value | Is::BlockEnd) {
                    self.state = State::BlockMappingValue;
                    return Ok(empty_scalar(mark));
                }
                self.states.push(State::BlockMappingValue);
                self.node(true, true)
            }
            Is::BlockEnd => {
                let mut event = self.close(EventKind::MappingEnd, start);
                event.comments = self.take_comments();
                self.scanner.take();
                Ok(event)
            }
            _ => Err(self.unexpected(start, "did not find expected key")),
        }
    }

    fn block_mapping_value(&mut self) -> Result<Event<'a>, Problem> {
        let (is, start) = self.peek()?;
        if is != Is::Value {
            self.state = State::BlockMappingKey;
            return Ok(empty_scalar(start));
        }
        let mark = self.scanner.take().indicator_end();
        let (is, _) = self.peek()?;
        if matches!(is, Is::Key | Is::Value | Is::BlockEnd) {
            self.state = State::BlockMappingKey;
            return Ok(empty_scalar(mark));
        }
        self.states.push(State::BlockMappingKey);
        self.node(true, true)
    }

    fn flow_sequence_entry(&mut self, first: bool) -> Result<Event<'a>, Problem> {
        if first {
            self.open()?;
        }
        let (mut is, mut start) = self.peek()?;
        if is != Is::FlowSequenceEnd {
            if !first {
                if is != Is::FlowEntry {
                    return Err(self.unexpected(start, "did not find expected ',' or ']'"));
                }
                self.scanner.take();
                (is, start) = self.peek()?;
            }
            if is == Is::Key {
                self.state = State::FlowSequencePairKey;
                self.scanner.take();
                let kind = EventKind::MappingStart { flow: true, properties: Properties::default() };
                return Ok(Event { kind, start, comments: None });
            }
            if is != Is::FlowSequenceEnd {
                self.states.push(State::FlowSequenceEntry);
                return self.node(false, false);
            }
        }
        let mut event = self.close(EventKind::SequenceEnd, start);
        event.comments = self.take_comments();
        self.scanner.take();
        Ok(event)
    }

    fn flow_sequence_pair_key(&mut self) -> Result<Event<'a>, Problem> {
        let (is, _) = self.peek()?;
        if !matches!(is, Is::Value | Is::FlowEntry | Is::FlowSequenceEnd) {
            self.states.push(State::FlowSequencePairValue);
            return self.node(false, false);
        }
        // The original drops the token: after `[? ]` it misses the bracket, after `[? : x]` the colon.
        let mark = self.scanner.take().indicator_end();
        self.state = State::FlowSequencePairValue;
        Ok(empty_scalar(mark))
    }

    fn flow_sequence_pair_value(&mut self) -> Result<Event<'a>, Problem> {
        let (is, start) = self.peek()?;
        if is == Is::Value {
            self.scanner.take();
            let (is, _) = self.peek()?;
            if !matches!(is, Is::FlowEntry | Is::FlowSequenceEnd) {
                self.states.push(State::FlowSequencePairEnd);
                return self.node(false, false);
            }
        }
        self.state = State::FlowSequencePairEnd;
        Ok(empty_scalar(start))
    }

    fn flow_mapping_key(&mut self, first: bool) -> Result<Event<'a>, Problem> {
        if first {
            self.open()?;
        }
        let (mut is, mut start) = self.peek()?;
        if is != Is::FlowMappingEnd {
            if !first {
                if is != Is::FlowEntry {
                    return Err(self.unexpected(start, "did not find expected ',' or '}'"));
                }
                self.scanner.take();
                (is, start) = self.peek()?;
            }
            if is == Is::Key {
                self.scanner.take();
                let (is, start) = self.peek()?;
                if matches!(is, Is::Value | Is::FlowEntry | Is::FlowMappingEnd) {
                    self.state = State::FlowMappingValue;
                    return Ok(empty_scalar(start));
                }
                self.states.push(State::FlowMappingValue);
                return self.node(false, false);
            }
            if is != Is::FlowMappingEnd {
                self.states.push(State::FlowMappingEmptyValue);
                return self.node(false, false);
            }
        }
        let mut event = self.close(EventKind::MappingEnd, start);
        event.comments = self.take_comments();
        self.scanner.take();
        Ok(event)
    }

    fn flow_mapping_value(&mut self, empty: bool) -> Result<Event<'a>, Problem> {
        let (is, mut start) = self.peek()?;
        if !empty && is == Is::Value {
            self.scanner.take();
            let (is, at) = self.peek()?;
            if !matches!(is, Is::FlowEntry | Is::FlowMappingEnd) {
                self.states.push(State::FlowMappingKey);
                return self.node(false, false);
            }
            start = at;
        }
        self.state = State::FlowMappingKey;
        Ok(empty_scalar(start))
    }
}

/// A scalar that is not there.
fn empty_scalar(start: Mark) -> Event<'static> {
    let kind = EventKind::Scalar {
        value: Cow::Borrowed(""),
        style: ScalarStyle::Plain,
        properties: Properties::default(),
    };
    Event { kind, start, comments: None }
}

impl Is {
    fn of(token: &Token<'_>) -> Self {
        match token.kind {
            TokenKind::StreamStart => Self::StreamStart,
            TokenKind::StreamEnd => Self::StreamEnd,
            TokenKind::VersionDirective { .. } | TokenKind::TagDirective(_) => Self::Directive,
            TokenKind::DocumentStart => Self::DocumentStart,
            TokenKind::DocumentEnd => Self::DocumentEnd,
            TokenKind::BlockSequenceStart => Self::BlockSequenceStart,
            TokenKind::BlockMappingStart => Self::BlockMappingStart,
            TokenKind::BlockEnd => Self::BlockEnd,
            TokenKind::FlowSequenceStart => Self::FlowSequenceStart,
            TokenKind::FlowSequenceEnd => Self::FlowSequenceEnd,
            TokenKind::FlowMappingStart => Self::FlowMappingStart,
            TokenKind::FlowMappingEnd => Self::FlowMappingEnd,
            TokenKind::BlockEntry => Self::BlockEntry,
            TokenKind::FlowEntry => Self::FlowEntry,
            TokenKind::Key => Self::Key,
            TokenKind::Value => Self::Value,
            TokenKind::Alias(_) => Self::Alias,
            TokenKind::Anchor(_) => Self::Anchor,
            TokenKind::Tag(_) => Self::Tag,
            TokenKind::Scalar { .. } => Self::Scalar,
        }
    }
}
