//! From Go's grammar to that of the `regex` crate, in one pass.
//!
//! Flags are written out at every atom instead of being passed on, so that scopes cannot differ; classes are written in
//! code points; groups lose their names, which Go allows to be repeated and to begin with a digit.

mod class;
mod escape;

use std::fmt;

/// The most instructions of a program in the original, by which it refuses repetitions of repetitions.
const MOST_INSTRUCTIONS: u64 = (128 << 20) / 40;

/// The deepest tree of the original.
const MOST_HEIGHT: u32 = 1000;

/// Why an expression is refused, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: &'static str,
    expression: Vec<u8>,
}

impl Error {
    fn new(code: &'static str, expression: &[u8]) -> Self {
        Self { code, expression: expression.into() }
    }

    /// What the engine says to programs that are too big for it.
    pub(super) fn large(pattern: &[u8]) -> Self {
        Self::new("expression too large", pattern)
    }
}

impl Error {
    /// The whole text, in which the expression stands byte for byte.
    pub fn text(&self) -> Vec<u8> {
        [b"error parsing regexp: ", self.code.as_bytes(), b": `", &self.expression, b"`"].concat()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

impl std::error::Error for Error {}

/// A pattern for the engine, and the names of its groups.
pub(super) struct Translated {
    pub(super) pattern: String,
    pub(super) names: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    /// `i`.
    fold: bool,
    /// `m`.
    lines: bool,
    /// `s`.
    dot_newline: bool,
    /// `U`.
    lazy: bool,
}

/// The last thing that a repetition could apply to.
#[derive(Clone, Copy, Debug)]
struct Item {
    /// Where it begins in the output.
    start: usize,
    size: Size,
}

/// What the original's limits are measured in.
#[derive(Clone, Copy, Debug)]
struct Size {
    instructions: u64,
    height: u32,
    /// How often nested repetitions repeat the innermost thing.
    copies: u64,
}

const ATOM: Size = Size { instructions: 1, height: 1, copies: 1 };

/// A group that is open, or the whole expression.
#[derive(Clone, Debug)]
struct Frame {
    /// The flags before it, which hold again after it.
    flags: Flags,
    /// Where it begins in the output.
    start: usize,
    captures: bool,
    items: u32,
    alternatives: u64,
    inside: Size,
}

struct Translator<'p> {
    whole: &'p [u8],
    rest: &'p [u8],
    flags: Flags,
    out: String,
    names: Vec<String>,
    frames: Vec<Frame>,
    item: Option<Item>,
    nodes: u32,
}

/// Translates `pattern`.
pub(super) fn translate(pattern: &[u8]) -> Result<Translated, Error> {
    let mut translator = Translator {
        whole: pattern,
        rest: pattern,
        flags: Flags::default(),
        out: String::with_capacity(pattern.len() * 2),
        names: vec![String::new()],
        frames: Vec::new(),
        item: None,
        nodes: 0,
    };
    translator.open(false);
    translator.run()?;
    if translator.frames.len() > 1 {
        return Err(Error::new("missing closing )", pattern));
    }
    Ok(Translated { pattern: translator.out, names: translator.names })
}

impl<'p> Translator<'p> {
    fn run(&mut self) -> Result<(), Error> {
        let mut last_repeat: &[u8] = &[];
        while let Some((first, after)) = self.rest.split_first() {
            let before = self.rest;
            let mut repeat: &[u8] = &[];
            match first {
                b'(' if after.starts_with(b"?") => self.flags_or_group()?,
                b'(' => {
                    self.rest = after;
                    self.names.push(String::new());
                    self.open(true);
                }
                b')' => {
                    self.rest = after;
                    self.close()?;
                }
                b'|' => {
                    self.rest = after;
                    self.out.push('|');
                    self.item = None;
                    if let Some(frame) = self.frames.last_mut() {
                        frame.alternatives += 1;
                    }
                }
                b'^' => {
                    self.rest = after;
                    self.atom(if self.flags.lines { "(?m:^)" } else { r"\A" })?;
                }
                b'$' => {
                    self.rest = after;
                    self.atom(if self.flags.lines { "(?m:$)" } else { r"\z" })?;
                }
                b'.' => {
                    self.rest = after;
                    self.atom(if self.flags.dot_newline { "(?s:.)" } else { r"[^\n]" })?;
                }
                b'[' => self.class()?,
                b'*' | b'+' | b'?' => {
                    let (min, max) = match first {
                        b'*' => (0, None),
                        b'+' => (1, None),
                        _ => (0, Some(1)),
                    };
                    self.rest = after;
                    self.repeat(min, max, false, before, last_repeat)?;
                    repeat = before;
                }
                b'{' => match counts(after) {
                    None => {
                        self.rest = after;
                        self.literal('{')?;
                    }
                    Some((counts, rest)) => {
                        self.rest = rest;
                        let Some((min, max)) = counts else {
                            return Err(Error::new("invalid repeat count", consumed(before, rest)));
                        };
                        self.repeat(min, max, true, before, last_repeat)?;
                        repeat = before;
                    }
                },
                b'\\' => self.escape()?,
                _ => {
                    let rune = self.next_rune()?;
                    self.literal(rune)?;
                }
            }
            last_repeat = repeat;
        }
        Ok(())
    }

    /// Takes the next rune of the pattern.
    fn next_rune(&mut self) -> Result<char, Error> {
        let invalid = || Error::new("invalid UTF-8", self.rest);
        let valid = self.rest.utf8_chunks().next().map(|it| it.valid()).unwrap_or_default();
        let rune = valid.chars().next().ok_or_else(invalid)?;
        self.rest = self.rest.get(rune.len_utf8()..).unwrap_or_default();
        Ok(rune)
    }

    fn literal(&mut self, rune: char) -> Result<(), Error> {
        let start = self.out.len();
        let folds = self.flags.fold && (!rune.is_ascii() || rune.is_ascii_alphabetic());
        if folds {
            self.out.push_str("(?i:");
        }
        push_rune(&mut self.out, u32::from(rune));
        if folds {
            self.out.push(')');
        }
        self.push(start, ATOM)
    }

    fn atom(&mut self, text: &str) -> Result<(), Error> {
        let start = self.out.len();
        self.out.push_str(text);
        self.push(start, ATOM)
    }

    /// Notes that an item was written that begins at `start`.
    fn push(&mut self, start: usize, size: Size) -> Result<(), Error> {
        self.nodes = self.nodes.saturating_add(1);
        self.item = Some(Item { start, size });
        self.count(size)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.items = frame.items.saturating_add(1);
            frame.inside.instructions = frame.inside.instructions.saturating_add(size.instructions);
            frame.inside.height = frame.inside.height.max(size.height);
            frame.inside.copies = frame.inside.copies.max(size.copies);
        }
        Ok(())
    }

    fn count(&self, size: Size) -> Result<(), Error> {
        if size.instructions > MOST_INSTRUCTIONS {
            return Err(Error::large(self.whole));
        }
        if size.height > MOST_HEIGHT && self.nodes >= MOST_HEIGHT {
            return Err(Error::new("expression nests too deeply", self.whole));
        }
        Ok(())
    }

    fn open(&mut self, captures: bool) {
        let start = self.out.len();
        if !self.frames.is_empty() {
            self.out.push_str(if captures { "(" } else { "(?:" });
        }
        let inside = Size { instructions: 0, height: 0, copies: 1 };
        let frame = Frame { flags: self.flags, start, captures, items: 0, alternatives: 1, inside };
        self.frames.push(frame);
        self.item = None;
    }

    fn close(&mut self) -> Result<(), Error> {
        let unexpected = || Error::new("unexpected )", self.whole);
        if self.frames.len() < 2 {
            return Err(unexpected());
        }
        let frame = self.frames.pop().ok_or_else(unexpected)?;
        self.out.push(')');
        self.flags = frame.flags;
        let mut size = frame.inside;
        let many = u64::from(frame.items) > frame.alternatives;
        size.height += u32::from(many) + u32::from(frame.alternatives > 1) + u32::from(frame.captures);
        size.instructions += frame.alternatives - 1 + if frame.captures { 2 } else { 0 };
        size.instructions = size.instructions.max(1);
        self.push(frame.start, size)
    }

    /// Repeats the last item. `before` is the pattern from the operator on, `last` the one from the operator before it
    /// on, when nothing stands between them.
    fn repeat(
        &mut self,
        min: u32,
        max: Option<u32>,
        counted: bool,
        before: &[u8],
        last: &[u8],
    ) -> Result<(), Error> {
        let mut lazy = self.flags.lazy;
        if let Some(after) = self.rest.strip_prefix(b"?") {
            self.rest = after;
            lazy = !lazy;
        }
        if !last.is_empty() {
            return Err(Error::new("invalid nested repetition operator", consumed(last, self.rest)));
        }
        let operator = consumed(before, self.rest);
        let Some(item) = self.item else {
            return Err(Error::new("missing argument to repetition operator", operator));
        };
        let mut size = item.size;
        size.height += 1;
        if counted {
            let most = max.unwrap_or(min);
            size.copies = if max == Some(0) { 1 } else { size.copies.saturating_mul(u64::from(most.max(1))) };
            if (min >= 2 || max.is_some_and(|it| it >= 2)) && size.copies > 1000 {
                return Err(Error::new("invalid repeat count", operator));
            }
            let times = |n: u32| size.instructions.saturating_mul(u64::from(n));
            size.instructions = match max {
                None if min == 0 => 2 + size.instructions,
                None => 1 + times(min),
                Some(max) => times(max).saturating_add(u64::from(max.saturating_sub(min))).max(1),
            };
        } else {
            size.instructions += if max.is_none() && min == 0 { 2 } else { 1 };
        }
        self.count(size)?;
        self.out.insert_str(item.start, "(?:");
        self.out.push(')');
        match (min, max) {
            (0, None) => self.out.push('*'),
            (1, None) => self.out.push('+'),
            (0, Some(1)) => self.out.push('?'),
            (min, None) => self.out.push_str(&format!("{{{min},}}")),
            (min, Some(max)) => self.out.push_str(&format!("{{{min},{max}}}")),
        }
        if lazy {
            self.out.push('?');
        }
        self.item = Some(Item { start: item.start, size });
        if let Some(frame) = self.frames.last_mut() {
            frame.inside.instructions = frame.inside.instructions.saturating_add(size.instructions);
            frame.inside.height = frame.inside.height.max(size.height);
            frame.inside.copies = frame.inside.copies.max(size.copies);
        }
        Ok(())
    }

    /// `(?P<name>`, `(?<name>`, `(?flags)` or `(?flags:`.
    fn flags_or_group(&mut self) -> Result<(), Error> {
        let start = self.rest;
        let named = match start {
            [b'(', b'?', b'P', b'<', _, ..] => start.get(4..),
            [b'(', b'?', b'<', _, ..] => start.get(3..),
            _ => None,
        };
        if let Some(name) = named {
            return self.named_group(name);
        }
        self.rest = start.get(2..).unwrap_or_default();
        let (mut flags, mut negative, mut saw) = (self.flags, false, false);
        while !self.rest.is_empty() {
            let rune = self.next_rune()?;
            match rune {
                'i' => flags.fold = !negative,
                'm' => flags.lines = !negative,
                's' => flags.dot_newline = !negative,
                'U' => flags.lazy = !negative,
                '-' if !negative => {
                    negative = true;
                    saw = false;
                    continue;
                }
                ':' | ')' if !negative || saw => {
                    if rune == ':' {
                        self.open(false);
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            saw = true;
        }
        Err(Error::new("invalid or unsupported Perl syntax", consumed(start, self.rest)))
    }

    fn named_group(&mut self, name: &'p [u8]) -> Result<(), Error> {
        let start = self.rest;
        let Some(end) = name.iter().position(|it| *it == b'>') else {
            check_utf8(start)?;
            return Err(Error::new("invalid named capture", start));
        };
        let (name, after) = name.split_at(end);
        check_utf8(name)?;
        let after = after.get(1..).unwrap_or_default();
        let valid = |it: &u8| it.is_ascii_alphanumeric() || *it == b'_';
        if name.is_empty() || !name.iter().all(valid) {
            return Err(Error::new("invalid named capture", consumed(start, after)));
        }
        self.rest = after;
        self.names.push(String::from_utf8_lossy(name).into_owned());
        self.open(true);
        Ok(())
    }
}

/// What was read of `from` when `rest` is left of it.
fn consumed<'t>(from: &'t [u8], rest: &[u8]) -> &'t [u8] {
    from.get(..from.len().saturating_sub(rest.len())).unwrap_or(from)
}

fn check_utf8(text: &[u8]) -> Result<(), Error> {
    match std::str::from_utf8(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::new("invalid UTF-8", text.get(error.valid_up_to()..).unwrap_or_default())),
    }
}

/// The counts inside braces, and what follows them: `None` when that is no repetition at all, no counts when they are
/// too big or the wrong way round.
#[expect(clippy::type_complexity, reason = "the counts, of which the second may be open, and the rest")]
fn counts(text: &[u8]) -> Option<(Option<(u32, Option<u32>)>, &[u8])> {
    let (min, rest) = count(text)?;
    let (max, rest) = match rest.strip_prefix(b",") {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with(b"}") => (None, rest),
        Some(rest) => {
            let (max, rest) = count(rest)?;
            (Some(max), rest)
        }
    };
    let rest = rest.strip_prefix(b"}")?;
    let good = min <= 1000 && max.is_none_or(|max| max <= 1000 && min <= max);
    Some((good.then_some((min, max)), rest))
}

/// A number without leading zeros.
fn count(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().position(|it| !it.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() || digits.len() > 1 && digits.starts_with(b"0") {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse().unwrap_or(u32::MAX);
    Some((number, rest))
}

/// Appends a rune so that it means itself, inside and outside of classes. Half of a surrogate pair matches nothing.
fn push_rune(out: &mut String, rune: u32) {
    match char::from_u32(rune) {
        Some(c) if c.is_ascii_alphanumeric() || !c.is_ascii() => out.push(c),
        Some(_) => out.push_str(&format!(r"\x{{{rune:X}}}")),
        None => out.push_str(class::NOTHING),
    }
}
