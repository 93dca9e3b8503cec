//! Keys, and how Go prints what cannot be one.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
};

use super::Decoder;
use crate::yaml::{
    Version,
    node::{Kind, NodeId},
    resolve::Scalar,
};

/// A key as Go compares keys of no particular type: `1` and `"1"` are two. The order of the types is the one in which
/// the originals, as they are built for the tests, print them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    Null,
    String(String),
    Uint(u64),
    Int(i64),
    /// The bits.
    Float(u64),
    Bool(bool),
    /// As it prints.
    Timestamp(String),
}

impl Key {
    pub(super) fn new(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Bool(value) => Self::Bool(value),
            Scalar::Int(value) => Self::Int(value),
            Scalar::Uint(value) => Self::Uint(value),
            Scalar::Float(value) => Self::Float(value.to_bits()),
            Scalar::String(text) => Self::String(text.into_owned()),
            Scalar::Binary(bytes) => Self::String(text_of(bytes)),
            Scalar::Timestamp(instant) => Self::Timestamp(instant.to_string()),
            Scalar::Merge => Self::String("<<".to_owned()),
        }
    }

    /// The text that `sigs.k8s.io/yaml` makes of a key; a key that it refuses is given back.
    pub(super) fn into_text(self) -> Result<String, Self> {
        Ok(match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(bits) => match general_32(f64::from_bits(bits)).as_str() {
                "+Inf" => ".inf".to_owned(),
                "-Inf" => "-.inf".to_owned(),
                "NaN" => ".nan".to_owned(),
                text => text.to_owned(),
            },
            Self::String(text) => text,
            key @ (Self::Null | Self::Uint(_) | Self::Timestamp(_)) => return Err(key),
        })
    }

    /// The name of the type in Go.
    pub(super) fn go_type(&self) -> &'static str {
        match self {
            // `%s` of a type that is none.
            Self::Null => "%!s(<nil>)",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint64",
            Self::Float(_) => "float64",
            Self::String(_) => "string",
            Self::Timestamp(_) => "time.Time",
        }
    }

    /// `%#v`.
    pub(super) fn go_syntax(&self) -> String {
        match self {
            Self::Null => "<nil>".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Uint(value) => format!("{value:#x}"),
            Self::Float(bits) => general(&format!("{:e}", f64::from_bits(*bits)), f64::from_bits(*bits)),
            Self::String(text) | Self::Timestamp(text) => quote(text),
        }
    }
}

/// The text of decoded bytes: what is not UTF-8 becomes U+FFFD byte by byte, as `encoding/json` has it.
pub(super) fn text_of(bytes: Vec<u8>) -> String {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return text,
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// `%#v` of a node as it is decoded into a value of no particular type. What is longer than a message should be is
/// cut, since aliases make it as long as they like.
pub(super) fn go_syntax(decoder: &Decoder<'_, '_>, id: NodeId) -> String {
    let mut printer = Printer { decoder, text: String::new(), open: HashSet::new() };
    match decoder.kind(decoder.document.resolve_alias(id)) {
        Kind::Scalar => {
            let scalar = decoder.resolve(decoder.document.resolve_alias(id)).unwrap_or(Scalar::Null);
            return Key::new(scalar).go_syntax();
        }
        _ => printer.print(id),
    }
    printer.text
}

struct Printer<'p, 'd, 'a> {
    decoder: &'p Decoder<'d, 'a>,
    text: String,
    open: HashSet<NodeId>,
}

impl Printer<'_, '_, '_> {
    const LENGTH: usize = 4096;

    fn print(&mut self, id: NodeId) {
        let id = self.decoder.document.resolve_alias(id);
        if self.text.len() > Self::LENGTH || self.open.len() > 100 || !self.open.insert(id) {
            return;
        }
        let children = self.decoder.document.children(id);
        match self.decoder.kind(id) {
            Kind::Sequence => {
                self.text.push_str("[]interface {}{");
                for (at, child) in children.iter().enumerate() {
                    if at > 0 {
                        self.text.push_str(", ");
                    }
                    self.print(*child);
                }
                self.text.push('}');
            }
            Kind::Mapping => self.mapping(id),
            Kind::Scalar | Kind::Alias => {
                let scalar = self.decoder.resolve(id).unwrap_or(Scalar::Null);
                match Key::new(scalar) {
                    Key::Null => self.text.push_str("interface {}(nil)"),
                    key => self.text.push_str(&key.go_syntax()),
                }
            }
        }
        self.open.remove(&id);
    }

    fn mapping(&mut self, id: NodeId) {
        let string_map = self.decoder.version == Version::V3 && self.decoder.is_string_map(id);
        let key_type = if string_map { "string" } else { "interface {}" };
        let _ = write!(self.text, "map[{key_type}]interface {{}}{{");
        let mut entries = BTreeMap::new();
        self.entries(id, false, 0, &mut entries);
        for (at, (key, value)) in entries.into_iter().enumerate() {
            if at > 0 {
                self.text.push_str(", ");
            }
            match key {
                Key::Null => self.text.push_str("interface {}(nil)"),
                key => self.text.push_str(&key.go_syntax()),
            }
            self.text.push(':');
            self.print(value);
        }
        self.text.push('}');
    }

    /// The entries of a mapping and of what it merges, in the order in which they are set.
    fn entries(&self, id: NodeId, merged: bool, depth: usize, into: &mut BTreeMap<Key, NodeId>) {
        let document = self.decoder.document;
        let v3 = self.decoder.version == Version::V3;
        let mut last = None;
        for (key, value) in document.entries(id).take(Self::LENGTH) {
            if if v3 { self.decoder.is_merge_v3(key) } else { self.decoder.is_merge_v2(key) } {
                last = Some(value);
                if !v3 {
                    self.merge(value, depth, into);
                }
                continue;
            }
            let key = Key::new(self.decoder.resolve(document.resolve_alias(key)).unwrap_or(Scalar::Null));
            if self.decoder.strict || (v3 && merged) {
                into.entry(key).or_insert(value);
            } else {
                into.insert(key, value);
            }
        }
        if let Some(value) = last.filter(|_| v3) {
            self.merge(value, depth, into);
        }
    }

    fn merge(&self, id: NodeId, depth: usize, into: &mut BTreeMap<Key, NodeId>) {
        let document = self.decoder.document;
        let merged = match self.decoder.kind(id) {
            Kind::Sequence if self.decoder.version == Version::V3 => document.children(id).to_vec(),
            Kind::Sequence => document.children(id).iter().rev().copied().collect(),
            _ => vec![id],
        };
        for id in merged {
            if depth < 20 && into.len() < Self::LENGTH {
                self.entries(document.resolve_alias(id), true, depth + 1, into);
            }
        }
    }
}

/// `strconv.Quote`.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            _ if is_printable(character) => quoted.push(character),
            _ => {
                let code = u32::from(character);
                let _ = match code {
                    ..0x80 => write!(quoted, "\\x{code:02x}"),
                    0x80..0x10000 => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

/// `strconv.IsPrint`. The standard library has the same table behind its own quoting, which escapes combining marks
/// only at the start of a text.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    let mut buffer = ['a', character].into_iter().collect::<String>();
    buffer = buffer.escape_debug().collect();
    !buffer.starts_with("a\\")
}

/// `FormatFloat(value, 'g', -1, 32)`.
fn general_32(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "the original rounds to 32 bits here")]
    let narrow = value as f32;
    general(&format!("{narrow:e}"), f64::from(narrow))
}

/// The shortest digits of `value`, which `scientific` has in the form `1.5e3`, in the form of Go's `%g`.
fn general(scientific: &str, value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let (digits, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let digits: String = digits.chars().filter(|it| *it != '.').collect();
    let point = usize::try_from(exponent + 1).unwrap_or(0);
    if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-1 - exponent).unwrap_or(0));
        format!("{sign}0.{zeros}{digits}")
    } else if digits.len() <= point {
        format!("{sign}{digits}{}", "0".repeat(point - digits.len()))
    } else {
        let (whole, rest) = digits.split_at(point);
        format!("{sign}{whole}.{rest}")
    }
}
