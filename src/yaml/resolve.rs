//! What a scalar means: the tables and number grammars of go-yaml, in both of its versions.
//!
//! The first byte decides most of it: text that starts with a letter outside `yYnNtTfFoO`, which is nearly all text,
//! is text, and nothing else is looked at.

mod number;
mod timestamp;

use std::borrow::Cow;

use base64::{
    Engine as _, alphabet,
    engine::{GeneralPurpose, GeneralPurposeConfig},
};

use super::Version;

pub use timestamp::Timestamp;

/// A scalar with its meaning.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// `null`, `~` or nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that fits 64 bits with a sign.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// Text, and whatever bears a tag that go-yaml does not know.
    String(Cow<'a, str>),
    /// The bytes of a `!!binary`.
    Binary(Vec<u8>),
    /// An instant; only under v3, since a value of no particular type takes the text of a v2 instant as it stands.
    Timestamp(Timestamp),
    /// A plain `<<`, or one tagged `!!merge`: a merge where it is a key, and the text `<<` where it is a value.
    Merge,
}

impl Scalar<'_> {
    /// The tag that go-yaml gives to this meaning, as its messages write it.
    fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::String(_) => "!!str",
            Self::Binary(_) => "!!binary",
            Self::Timestamp(_) => "!!timestamp",
            Self::Merge => "!!merge",
        }
    }
}

/// Gives `text` its meaning under the rules of `version`.
///
/// `tag` is the explicit tag, long (`tag:yaml.org,2002:int`) or short (`!!int`), if there is one; `plain` says that
/// the scalar is unquoted. Quoted text without a tag is text.
///
/// # Errors
/// In the words of go-yaml, without its prefix `yaml: `, when the tag does not fit the text.
pub fn resolve<'a>(
    version: Version,
    tag: Option<&str>,
    plain: bool,
    text: Cow<'a, str>,
) -> Result<Scalar<'a>, String> {
    let Some(tag) = tag else {
        if !plain || !may_be_special(&text) {
            return Ok(Scalar::String(text));
        }
        if text == "<<" {
            return Ok(Scalar::Merge);
        }
        return Ok(match special(version, None, &text) {
            None => Scalar::String(text),
            Some(Scalar::Timestamp(_)) if version == Version::V2 => Scalar::String(text),
            Some(found) => found,
        });
    };
    let kind = tag.strip_prefix("tag:yaml.org,2002:").or_else(|| tag.strip_prefix("!!"));
    let wanted = match kind {
        Some("bool") => "!!bool",
        Some("int") => "!!int",
        Some("float") => "!!float",
        Some("null") => "!!null",
        Some("timestamp") => "!!timestamp",
        Some("merge") if text == "<<" => return Ok(Scalar::Merge),
        Some("binary") => return binary(&text),
        _ => return Ok(Scalar::String(text)),
    };
    let found = special(version, Some(wanted), &text);
    match found {
        Some(Scalar::Int(value)) if wanted == "!!float" => Ok(Scalar::Float(to_float(value))),
        Some(Scalar::Timestamp(_)) if wanted == "!!timestamp" && version == Version::V2 => {
            Ok(Scalar::String(text))
        }
        Some(found) if found.tag() == wanted => Ok(found),
        found => {
            let tag = found.as_ref().map_or("!!str", Scalar::tag);
            Err(format!("cannot decode {tag} `{text}` as a {wanted}"))
        }
    }
}

/// Whether plain `text` without a tag is text under the rules of `version`: the emitter asks it of every string.
pub fn is_text(version: Version, text: &str) -> bool {
    // `<<` is looked up by no first byte of go-yaml's, so it is text to a resolver that is asked about a value.
    text == "<<" || !may_be_special(text) || special(version, None, text).is_none()
}

#[expect(clippy::cast_precision_loss, reason = "float64(v) in the original")]
fn to_float(value: i64) -> f64 {
    value as f64
}

/// Whether the first byte allows anything but text.
#[inline]
pub(super) fn may_be_special(text: &str) -> bool {
    match text.as_bytes().first() {
        None => true,
        Some(first) => {
            matches!(first, b'0'..=b'9' | b'+' | b'-' | b'.' | b'~' | b'<')
                || (matches!(first, b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O')
                    && text.len() <= 5)
        }
    }
}

/// The meaning of `text` where it is not text. `tag` is what was asked for explicitly.
fn special<'a>(version: Version, tag: Option<&str>, text: &str) -> Option<Scalar<'a>> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Scalar::Null),
        "true" | "True" | "TRUE" => return Some(Scalar::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Scalar::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Scalar::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        _ => (),
    }
    match *text.as_bytes().first()? {
        b'.' => number::dotted(text).map(Scalar::Float),
        b'0'..=b'9' => {
            // An explicit number is never a date; anything else may be one.
            let date = tag.is_none_or(|tag| tag == "!!timestamp");
            let instant = if date { Timestamp::parse(text) } else { None };
            instant.map(Scalar::Timestamp).or_else(|| number::parse(version, text))
        }
        b'+' | b'-' => number::parse(version, text),
        _ if version == Version::V2 => old_bool(text).map(Scalar::Bool),
        _ => None,
    }
}

/// The truth values that YAML 1.1 had beyond `true` and `false`.
pub(super) fn old_bool(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Base64 as Go's `StdEncoding` reads it: padding is needed, bits that are left over may be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Decodes base64; line breaks are skipped.
fn binary<'a>(text: &str) -> Result<Scalar<'a>, String> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    match BASE64.decode(&digits) {
        Ok(bytes) => Ok(Scalar::Binary(bytes)),
        Err(_) => Err("!!binary value contains invalid base64 data".to_owned()),
    }
}
