//! Bytes to text: encodings, byte order marks and the characters that YAML allows.
//!
//! The original reads 512 bytes at a time and checks a block when it needs the first character of it, so a syntax
//! error before a bad block is reported and one inside it is not. [`Input`] keeps to that: its text ends where the bad
//! block begins, and `tail` is what is reported there.

use std::borrow::Cow;

use super::error::Problem;

/// What the original reads at once.
const BLOCK: usize = 512;

/// The characters of an input, checked.
#[derive(Debug)]
pub(super) struct Input<'a> {
    /// The text without its byte order mark, up to the first block that is not text.
    pub(super) text: Cow<'a, str>,
    /// What is wrong with the block after `text`.
    pub(super) tail: Option<Problem>,
    /// Every character is ASCII, so that a byte is a column.
    pub(super) ascii: bool,
    /// Lines end in LF only: no CR, NEL, LS or PS.
    pub(super) plain_breaks: bool,
}

impl<'a> Input<'a> {
    /// Finds the encoding by the byte order mark, as the original does, and checks every character.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        match bytes {
            [0xff, 0xfe, rest @ ..] => Self::utf16(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => Self::utf16(rest, u16::from_be_bytes),
            [0xef, 0xbb, 0xbf, rest @ ..] => Self::utf8(rest, 3),
            _ => Self::utf8(bytes, 0),
        }
    }

    /// `skipped` is the length of the byte order mark, which is part of the first block.
    fn utf8(bytes: &'a [u8], skipped: usize) -> Self {
        let (text, mut bad) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let (valid, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), Some((valid.len(), utf8_problem(rest))))
            }
        };
        if let Some((at, character)) = control_character(text) {
            bad = Some((at, (CONTROL, character.len_utf8())));
        }
        let Some((at, (problem, needs))) = bad else { return Self::checked(Cow::Borrowed(text), None) };
        // The blocks of the original end at a whole character.
        let (mut start, mut end) = (0, BLOCK - skipped);
        while at + needs > end {
            start = end;
            while start > at || !text.is_char_boundary(start) {
                start -= 1;
            }
            if start == at {
                break;
            }
            end = start + BLOCK;
        }
        let text = text.get(..start).unwrap_or_default();
        Self::checked(Cow::Borrowed(text), Some(Problem::reader(problem)))
    }

    fn utf16(bytes: &'a [u8], unit: fn([u8; 2]) -> u16) -> Self {
        let mut text = String::with_capacity(bytes.len());
        // Where the text of the current block begins, and the first byte after the block.
        let (mut start, mut end) = (0, BLOCK - 2);
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = bytes.len() - rest.len();
            let wide = matches!(rest, [a, b, ..] if unit([*a, *b]) & 0xfc00 == 0xd800);
            if at + if wide { 4 } else { 2 } > end {
                (start, end) = (text.len(), at + BLOCK);
            }
            match utf16_character(rest, unit) {
                Ok((character, width)) if allowed(character) => {
                    text.push(character);
                    rest = rest.get(width..).unwrap_or_default();
                }
                other => {
                    let problem = other.err().unwrap_or(CONTROL);
                    if !problem.starts_with("incomplete") {
                        text.truncate(start);
                    }
                    let problem = Problem::reader(problem);
                    return Self::checked(Cow::Owned(text), Some(problem));
                }
            }
        }
        Self::checked(Cow::Owned(text), None)
    }

    fn checked(text: Cow<'a, str>, tail: Option<Problem>) -> Self {
        let (ascii, plain_breaks) = breaks_of(&text);
        Self { text, tail, ascii, plain_breaks }
    }
}

/// Whether all of `text` is ASCII, and whether no line ends in anything but LF.
fn breaks_of(text: &str) -> (bool, bool) {
    let bytes = text.as_bytes();
    let (mut ascii, mut others, mut offset) = (true, false, 0);
    for block in bytes.chunks(256) {
        // Vector code again; NEL, LS and PS begin with these two bytes.
        let (mut bits, mut found, mut wide) = (0, false, false);
        for &byte in block {
            bits |= byte;
            found |= byte == b'\r';
            wide |= (byte == 0xc2) | (byte == 0xe2);
        }
        ascii &= bits < 0x80;
        others |= found;
        if wide && !others {
            let lead = |at: usize| bytes.get(offset + at..).unwrap_or_default();
            others = (0..block.len())
                .any(|at| matches!(lead(at), [0xc2, 0x85, ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..]));
        }
        offset += block.len();
    }
    (ascii, !others)
}

const CONTROL: &str = "control characters are not allowed";

/// The first character, and how many bytes it takes.
fn utf16_character(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<(char, usize), &'static str> {
    let &[a, b, ref rest @ ..] = bytes else { return Err("incomplete UTF-16 character") };
    let first = unit([a, b]);
    match first & 0xfc00 {
        0xdc00 => Err("unexpected low surrogate area"),
        0xd800 => {
            let &[a, b, ..] = rest else { return Err("incomplete UTF-16 surrogate pair") };
            let pair = char::decode_utf16([first, unit([a, b])]).next();
            pair.and_then(Result::ok).map(|it| (it, 4)).ok_or("expected low surrogate area")
        }
        _ => Ok((char::from_u32(u32::from(first)).unwrap_or('\0'), 2)),
    }
}

/// What the original says about bytes that begin with no character, and how many of them it has to see for that.
fn utf8_problem(bytes: &[u8]) -> (&'static str, usize) {
    let (width, lead) = match bytes.first().copied().unwrap_or(0) {
        byte @ 0xc0..=0xdf => (2, u32::from(byte & 0x1f)),
        byte @ 0xe0..=0xef => (3, u32::from(byte & 0x0f)),
        byte @ 0xf0..=0xf7 => (4, u32::from(byte & 0x07)),
        _ => return ("invalid leading UTF-8 octet", 1),
    };
    let Some(trail) = bytes.get(1..width) else {
        // The original waits for the rest in a block of its own, so what stands before is read.
        return ("incomplete UTF-8 octet sequence", BLOCK + 1);
    };
    if trail.iter().any(|byte| byte & 0xc0 != 0x80) {
        return ("invalid trailing UTF-8 octet", width);
    }
    let value = trail.iter().fold(lead, |value, byte| value << 6 | u32::from(byte & 0x3f));
    let shortest = match width {
        2 => 0x80,
        3 => 0x800,
        _ => 0x10000,
    };
    let problem =
        if value < shortest { "invalid length of a UTF-8 sequence" } else { "invalid Unicode character" };
    (problem, width)
}

/// YAML 1.1, "Character Set".
fn allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// The first character that YAML does not allow, and where it stands.
fn control_character(text: &str) -> Option<(usize, char)> {
    let mut offset = 0;
    for block in text.as_bytes().chunks(256) {
        // One pass that the compiler turns into vector code: bytes that are wrong, or that may begin what is wrong.
        let suspicious = block.iter().fold(false, |found, &byte| {
            found
                | ((byte < b' ') & (byte != b'\t') & (byte != b'\n') & (byte != b'\r'))
                | (byte == 0x7f)
                | (byte == 0xc2)
                | (byte == 0xef)
        });
        if suspicious {
            let wrong = block.iter().enumerate().find_map(|(at, &byte)| {
                if !matches!(byte, ..b' ' | 0x7f | 0xc2 | 0xef) {
                    return None;
                }
                let character = text.get(offset + at..)?.chars().next()?;
                (!allowed(character)).then_some((offset + at, character))
            });
            if wrong.is_some() {
                return wrong;
            }
        }
        offset += block.len();
    }
    None
}
