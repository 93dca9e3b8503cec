//! What decides how a text is written: what is in it, and what a reader would take it for.

use super::super::{
    Version,
    resolve::{is_text, old_bool},
};

/// The ways to write a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// What the emitter has to know about a text, and nothing about where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traits {
    /// It has a line break of any kind.
    pub(super) multiline: bool,
    /// It has a line feed.
    line_feed: bool,
    plain: bool,
    single: bool,
    /// It may stand on lines of its own.
    pub(super) block: bool,
}

impl Traits {
    /// Looks at `text`. go-yaml does this for each scalar, whatever it means.
    pub(super) fn of(version: Version, text: &str) -> Self {
        let seen = text.bytes().fold(0, |seen, byte| seen | class(byte));
        let bytes = text.as_bytes();
        let Some(&first) = bytes.first() else {
            return Self { multiline: false, line_feed: false, plain: true, single: true, block: false };
        };
        if seen & ODD != 0 {
            return Self::of_any(version, text);
        }
        let trailing_space = bytes.last() == Some(&b' ');
        if seen & BREAK != 0 {
            // Lines of printable ASCII are a block or nothing but quotes with escapes.
            let pairs = bytes.windows(2);
            let space_break = pairs.fold(false, |found, pair| found | (pair == b" \n"));
            return Self {
                multiline: true,
                line_feed: true,
                plain: false,
                single: false,
                block: !trailing_space && !space_break,
            };
        }
        // Printable ASCII in one line, nearly always.
        let blank_after = |at: usize| bytes.get(at + 1).is_none_or(|byte| *byte == b' ');
        let indicator = first_is_indicator(text, blank_after(0))
            || (seen & COLON != 0
                && bytes.iter().enumerate().any(|(at, byte)| *byte == b':' && blank_after(at)))
            || (seen & HASH != 0 && bytes.windows(2).any(|pair| pair == b" #"));
        Self {
            multiline: false,
            line_feed: false,
            plain: !indicator && first != b' ' && !trailing_space,
            single: true,
            block: !trailing_space,
        }
    }

    /// The same by characters.
    fn of_any(version: Version, text: &str) -> Self {
        let mut chars = text.chars().peekable();
        let blank_first = matches!(text.chars().nth(1), None | Some(' ' | '\t'));
        let mut indicator = first_is_indicator(text, blank_first);
        let (mut line_breaks, mut special, mut tab) = (false, false, false);
        let (mut break_space, mut space_break) = (false, false);
        let mut previous = None;
        while let Some(c) = chars.next() {
            let blank_next = matches!(chars.peek(), None | Some(' ' | '\t'));
            match c {
                ':' if blank_next && previous.is_some() => indicator = true,
                '#' if previous.is_some_and(|c| matches!(c, ' ' | '\t' | '\0') || is_break(c)) => {
                    indicator = true
                }
                // v3 lets a tab stand in a literal.
                '\t' if version == Version::V3 => tab = true,
                ' ' => break_space |= previous.is_some_and(is_break),
                c => special |= !is_printable(c),
            }
            if is_break(c) {
                line_breaks = true;
                space_break |= previous == Some(' ');
            }
            previous = Some(c);
        }
        let ends = |test: fn(char) -> bool| (text.starts_with(test), text.ends_with(test));
        let ((leading_space, trailing_space), (leading_break, trailing_break)) =
            (ends(is_space), ends(is_break));
        let ragged = leading_space || leading_break || trailing_space || trailing_break;
        let quotable = !(break_space || space_break || special || tab);
        Self {
            multiline: line_breaks,
            line_feed: text.contains('\n'),
            plain: quotable && !ragged && !line_breaks && !indicator,
            single: quotable,
            block: !(trailing_space || space_break || special),
        }
    }

    /// The style of a text that stands anywhere but in a simple key, or in one.
    pub(super) fn style(self, version: Version, text: &str, simple_key: bool) -> Style {
        if self.line_feed {
            let literal = self.block && !simple_key;
            return if literal { Style::Literal } else { Style::Double };
        }
        if !may_be_plain(version, text) || (simple_key && self.multiline) {
            return Style::Double;
        }
        self.plain_or_quoted()
    }

    /// The style of what may stand plain wherever its characters allow it.
    fn plain_or_quoted(self) -> Style {
        if self.plain {
            Style::Plain
        } else if self.single {
            Style::Single
        } else {
            Style::Double
        }
    }
}

/// Whether a reader would take plain `text` for text; if not, it is put in double quotes, whatever is in it.
fn may_be_plain(version: Version, text: &str) -> bool {
    is_text(version, text) && !is_base_60(text) && !(version == Version::V3 && old_bool(text).is_some())
}

/// `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`: what YAML 1.1 took for a number with base 60. go-yaml does
/// not read it so, but quotes it for those who do.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit()) || !unsigned.contains(':') {
        return false;
    }
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let mut parts = whole.split(':');
    parts.next().is_some_and(digits)
        && digits(fraction)
        && parts.all(|part| match *part.as_bytes() {
            [ones] => ones.is_ascii_digit(),
            [tens, ones] => (b'0'..=b'5').contains(&tens) && ones.is_ascii_digit(),
            _ => false,
        })
}

/// Whether the beginning of `text` would be read as something else in a block.
fn first_is_indicator(text: &str, blank_second: bool) -> bool {
    match text.as_bytes() {
        [b'-', b'-', b'-', ..] | [b'.', b'.', b'.', ..] => true,
        [first, ..] => match first {
            b'#' | b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"'
            | b'%' | b'@' | b'`' => true,
            b'?' | b':' | b'-' => blank_second,
            _ => false,
        },
        [] => false,
    }
}

const BREAK: u8 = 1;
const ODD: u8 = 2;
const COLON: u8 = 4;
const HASH: u8 = 8;

/// What a byte may bring into a text.
fn class(byte: u8) -> u8 {
    match byte {
        b'\n' => BREAK,
        b':' => COLON,
        b'#' => HASH,
        b' '..=b'~' => 0,
        _ => ODD,
    }
}

fn is_space(c: char) -> bool {
    c == ' '
}

/// What YAML 1.1 takes for a line break.
pub(in crate::yaml) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What go-yaml writes as it is. It has no more than four hexadecimal digits, and is no mark of byte order.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}') && c != '\u{feff}'
}
