//! Where a node stands, and what has to be written before it.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    super::{Version, float},
    layout,
    text::{Style, Traits},
};

/// A line may grow to this column before a space becomes a break. v3 does not fold.
const WIDTH: usize = 80;

/// A key longer than this in bytes stands behind a `?`.
const SIMPLE_KEY: usize = 128;

/// Digits of base64 on a line.
const BASE64_LINE: usize = 70;

/// Writes one document node by node, for trees that are no [`Value`](super::Value): the caller goes through its own
/// tree in order and says what it meets. Keys are written in the order in which they come.
///
/// ```
/// use airlock::yaml::{Version, emit::Writer};
/// let mut out = String::new();
/// let mut writer = Writer::new(&mut out, Version::V2);
/// writer.begin_map();
/// writer.key("ports");
/// writer.begin_seq();
/// writer.int(80);
/// writer.end();
/// writer.end();
/// writer.finish();
/// assert_eq!(out, "ports:\n- 80\n");
/// ```
#[derive(Debug)]
pub struct Writer<'o> {
    line: Line<'o>,
    version: Version,
    open: Vec<Collection>,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
struct Collection {
    is_map: bool,
    indent: usize,
}

/// Where the next node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    Key,
    /// Behind a simple key, on its line.
    Value,
    /// Behind a key that stands behind a `?`, on a line of its own.
    LongKeysValue,
}

impl<'o> Writer<'o> {
    /// A writer that appends to `out`, which should be empty or end with a line.
    pub fn new(out: &'o mut String, version: Version) -> Self {
        let width = if version == Version::V2 { WIDTH } else { usize::MAX };
        let line = Line { out, width, column: 0, whitespace: true, only_indicators: true };
        Self { line, version, open: Vec::new(), place: Place::Root }
    }

    /// Whose style it writes.
    pub fn version(&self) -> Version {
        self.version
    }

    /// `null`.
    pub fn null(&mut self) {
        self.word("null");
    }

    /// `true` or `false`.
    pub fn bool(&mut self, value: bool) {
        self.word(if value { "true" } else { "false" });
    }

    /// An integer.
    pub fn int(&mut self, value: i64) {
        self.formatted(|out| write!(out, "{value}").expect("a string takes all writes"));
    }

    /// An integer.
    pub fn uint(&mut self, value: u64) {
        self.formatted(|out| write!(out, "{value}").expect("a string takes all writes"));
    }

    /// Any other number.
    pub fn float(&mut self, value: f64) {
        self.formatted(|out| float::push_general(out, value));
    }

    /// Text as a value.
    pub fn text(&mut self, text: &str) {
        self.lead();
        let traits = Traits::of(self.version, text);
        self.lay_out(text, traits.style(self.version, text, false), true);
        self.done();
    }

    /// Bytes as a value: text where they are, and `!!binary` where not.
    pub fn bytes(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(text),
            Err(_) => {
                self.lead();
                self.line.space();
                self.line.push("!!binary");
                let text = base64(bytes);
                let style = if text.contains('\n') { Style::Literal } else { Style::Plain };
                self.lay_out(&text, style, true);
                self.done();
            }
        }
    }

    /// The key of the value that comes next.
    pub fn key(&mut self, key: &str) {
        self.line.start(self.indent());
        let traits = Traits::of(self.version, key);
        let simple = !traits.multiline && key.len() <= SIMPLE_KEY;
        if !simple {
            self.line.push("?");
            self.line.mark_indicator();
        }
        self.lay_out(key, traits.style(self.version, key, simple), !simple);
        self.end_key(simple);
    }

    /// The key of the value that comes next, as bytes: `!!binary` where they are no text.
    pub fn key_bytes(&mut self, key: &[u8]) {
        match std::str::from_utf8(key) {
            Ok(key) => self.key(key),
            Err(_) => {
                self.line.start(self.indent());
                let text = base64(key);
                // The tag counts.
                let simple = !text.contains('\n') && text.len() + "!!binary".len() <= SIMPLE_KEY;
                if !simple {
                    self.line.push("?");
                    self.line.mark_indicator();
                    self.line.space();
                }
                self.line.push("!!binary");
                self.line.mark_text();
                let style = if text.contains('\n') { Style::Literal } else { Style::Plain };
                self.lay_out(&text, style, !simple);
                self.end_key(simple);
            }
        }
    }

    /// `[]`.
    pub fn empty_seq(&mut self) {
        self.word("[]");
    }

    /// `{}`.
    pub fn empty_map(&mut self) {
        self.word("{}");
    }

    /// Opens a list that has at least one item.
    pub fn begin_seq(&mut self) {
        self.begin(false);
    }

    /// Opens a mapping that has at least one entry.
    pub fn begin_map(&mut self) {
        self.begin(true);
    }

    /// Closes the innermost collection.
    pub fn end(&mut self) {
        self.open.pop();
        self.done();
    }

    /// Ends the last line.
    pub fn finish(self) {
        if self.line.column > 0 {
            self.line.out.push('\n');
        }
    }

    fn begin(&mut self, is_map: bool) {
        self.lead();
        let indent = match (self.place, self.open.last()) {
            (_, None) => 0,
            // v2 does not indent a list under its key.
            (Place::Value, Some(outer)) if !is_map && self.version == Version::V2 => outer.indent,
            (_, Some(outer)) => outer.indent + 2,
        };
        self.open.push(Collection { is_map, indent });
        self.place = if is_map { Place::Key } else { Place::Item };
    }

    fn indent(&self) -> usize {
        self.open.last().map_or(0, |collection| collection.indent)
    }

    /// Writes the dash of an item.
    fn lead(&mut self) {
        if self.place == Place::Item {
            self.line.start(self.indent());
            self.line.push("-");
            self.line.mark_indicator();
        }
    }

    /// A node is complete.
    fn done(&mut self) {
        self.place = match self.open.last() {
            None => Place::Root,
            Some(Collection { is_map: true, .. }) => Place::Key,
            Some(_) => Place::Item,
        };
    }

    fn end_key(&mut self, simple: bool) {
        if simple {
            self.line.push(":");
            self.place = Place::Value;
        } else {
            self.line.start(self.indent());
            self.line.push(":");
            self.line.mark_indicator();
            self.place = Place::LongKeysValue;
        }
    }

    /// What needs no thought.
    fn word(&mut self, word: &str) {
        self.lead();
        self.line.space();
        self.line.push(word);
        self.done();
    }

    fn formatted(&mut self, write: impl FnOnce(&mut String)) {
        self.lead();
        self.line.space();
        let before = self.line.out.len();
        write(self.line.out);
        self.line.column += self.line.out.len() - before;
        self.line.mark_text();
        self.done();
    }

    fn lay_out(&mut self, text: &str, style: Style, fold: bool) {
        // Whatever goes on below stands deeper than the collection around it, and deeper than the margin.
        let indent = self.indent() + 2;
        match style {
            Style::Plain => layout::plain(&mut self.line, text, indent, fold),
            Style::Single => layout::single(&mut self.line, text, indent, fold),
            Style::Double => layout::double(&mut self.line, text, indent, fold),
            Style::Literal => layout::literal(&mut self.line, text, indent),
        }
    }
}

/// Base64 in lines, as go-yaml breaks it: one line has no break at its end.
fn base64(bytes: &[u8]) -> String {
    let digits = STANDARD.encode(bytes);
    if digits.len() < BASE64_LINE {
        return digits;
    }
    let mut lines = String::with_capacity(digits.len() + digits.len() / BASE64_LINE + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % BASE64_LINE == 0 {
            lines.push('\n');
        }
        lines.push(digit);
    }
    lines.push('\n');
    lines
}

/// The line that is being written.
#[derive(Debug)]
pub(super) struct Line<'o> {
    out: &'o mut String,
    width: usize,
    /// In characters.
    column: usize,
    /// The line ends with white space, or nothing is on it.
    whitespace: bool,
    /// Nothing stands on the line but spaces, dashes and question marks.
    only_indicators: bool,
}

impl Line<'_> {
    /// Goes to column `indent`: on this line where nothing but indicators stand before it, else on a new one.
    pub(super) fn start(&mut self, indent: usize) {
        if !self.only_indicators || self.column > indent || (self.column == indent && !self.whitespace) {
            self.out.push('\n');
            self.column = 0;
        }
        const SPACES: &str = "                                                                ";
        while self.column < indent {
            let count = (indent - self.column).min(SPACES.len());
            self.out.push_str(SPACES.get(..count).unwrap_or(SPACES));
            self.column += count;
        }
        self.whitespace = true;
        self.only_indicators = true;
    }

    /// Parts what comes from what stands.
    pub(super) fn space(&mut self) {
        if !self.whitespace {
            self.out.push(' ');
            self.column += 1;
        }
    }

    /// Appends `text`, which has no line break.
    pub(super) fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += if text.is_ascii() { text.len() } else { text.chars().count() };
        self.mark_text();
    }

    /// Appends `text`, behind which nothing else comes on its line, so that the column does not matter.
    pub(super) fn push_to_the_end(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += 1;
        self.mark_text();
    }

    /// Appends a line break that is part of the text.
    pub(super) fn push_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.whitespace = true;
        self.only_indicators = true;
    }

    /// Whether `text` cannot reach the column behind which lines are folded.
    pub(super) fn fits(&self, text: &str) -> bool {
        self.width == usize::MAX || self.column + text.len() <= self.width
    }

    /// Whether a space may become a break.
    pub(super) fn is_over_width(&self) -> bool {
        self.column > self.width
    }

    /// The line now has text.
    pub(super) fn mark_text(&mut self) {
        self.whitespace = false;
        self.only_indicators = false;
    }

    /// What was written last was an indicator that leaves room for a node beside it.
    fn mark_indicator(&mut self) {
        self.only_indicators = true;
    }

    /// What comes needs no space before it, since it starts a line.
    pub(super) fn end_literal(&mut self) {
        self.whitespace = true;
    }
}
