//! JSON as Go writes it, read as go-yaml v2 reads it, without the detour over YAML's tokens.
//!
//! Most JSON means the same to both. Where it might not (escapes that YAML lacks, characters that it forbids or takes
//! for line breaks, keys beyond 1024 characters, white space in unusual places, great depth), this reader gives up and
//! leaves the text to the YAML reader.

use std::borrow::Cow;

use super::super::{
    Value, Version,
    resolve::{Scalar, resolve},
    value::Map,
};

/// Deeper text is left to the YAML reader, which keeps its own stack and knows the limit.
const DEPTH: usize = 128;

/// Longer keys, quotes included, are no simple keys in YAML.
const KEY_BYTES: usize = 1024;

/// The value of `text`, or nothing where YAML might see it differently.
pub(super) fn read(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    reader.space();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.rest.as_bytes().first()? {
            b'{' if depth < DEPTH => self.map(depth).map(Value::Map),
            b'[' if depth < DEPTH => self.seq(depth).map(Value::Seq),
            b'"' => self.text(usize::MAX).map(|text| Value::String(text.into_owned())),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn map(&mut self, depth: usize) -> Option<Map> {
        let mut map = Map::new();
        self.take('{')?;
        self.space();
        if self.take('}').is_some() {
            return Some(map);
        }
        loop {
            let key = self.text(KEY_BYTES)?.into_owned();
            self.take(':')?;
            self.space();
            map.insert(key, self.value(depth + 1)?);
            self.space();
            if self.take('}').is_some() {
                return Some(map);
            }
            self.take(',')?;
            self.space();
        }
    }

    fn seq(&mut self, depth: usize) -> Option<Vec<Value>> {
        let mut items = Vec::new();
        self.take('[')?;
        self.space();
        if self.take(']').is_some() {
            return Some(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(']').is_some() {
                return Some(items);
            }
            self.take(',')?;
            self.space();
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(value)
    }

    fn number(&mut self) -> Option<Value> {
        let end = self.rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
        let (number, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        self.rest = rest;
        if !is_number(number) {
            return None;
        }
        match resolve(Version::V2, None, true, Cow::Borrowed(number)).ok()? {
            Scalar::Int(value) => Some(Value::Int(value)),
            Scalar::Uint(value) => Some(Value::Uint(value)),
            Scalar::Float(value) => Some(Value::Float(value)),
            // An exponent that leads beyond all numbers.
            Scalar::String(text) => Some(Value::String(text.into_owned())),
            _ => None,
        }
    }

    /// Text in quotes that takes at most `limit` bytes, quotes included.
    fn text(&mut self, limit: usize) -> Option<Cow<'a, str>> {
        self.take('"')?;
        let start = self.rest;
        let mut copy: Option<String> = None;
        loop {
            let at = self.rest.find(['"', '\\'])?;
            let (fine, tail) = self.rest.split_at_checked(at)?;
            if fine.chars().any(is_odd) {
                return None;
            }
            if let Some(copy) = &mut copy {
                copy.push_str(fine);
            }
            if let Some(rest) = tail.strip_prefix('"') {
                self.rest = rest;
                let bytes = start.len() - rest.len() + 1;
                return (bytes <= limit).then(|| copy.map_or(Cow::Borrowed(fine), Cow::Owned));
            }
            let copy = copy.get_or_insert_with(|| fine.to_owned());
            let mut escape = tail.chars();
            escape.next();
            copy.push(match escape.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                c @ ('"' | '\\') => c,
                'u' => {
                    let (digits, rest) = escape.as_str().split_at_checked(4)?;
                    escape = rest.chars();
                    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                    char::from_u32(hex.then(|| u32::from_str_radix(digits, 16).ok())??)?
                }
                _ => return None,
            });
            self.rest = escape.as_str();
        }
    }

    fn take(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(c)?;
        Some(())
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n']);
    }
}

/// What YAML does not take for itself inside of quotes.
pub(super) fn is_odd(c: char) -> bool {
    !matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fffd}' | '\u{10000}'..)
}

/// JSON's grammar of numbers.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (text, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    digits(whole) && digits(fraction) && digits(exponent) && (whole == "0" || !whole.starts_with('0'))
}
