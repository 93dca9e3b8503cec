//! JSON text as `sigs.k8s.io/yaml` writes and reads it: Go's `encoding/json` on the way out, go-yaml v2 on the way in.

mod hop;
mod read;

use std::fmt::Write as _;

use super::{
    Error, Value, float,
    walk::{Step, Walk},
};

pub use hop::{from_json, is_safe_key, is_safe_text, through_json};

/// JSON has no word for this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("json: unsupported value: {0}")]
pub struct Unsupported(&'static str);

impl From<Unsupported> for Error {
    fn from(unsupported: Unsupported) -> Self {
        Self::Json(unsupported.to_string())
    }
}

/// `json.Marshal`: keys sorted by their bytes, `<`, `>` and `&` escaped, no spaces.
///
/// # Errors
/// On an infinity or what is no number.
pub fn to_json(value: &Value) -> Result<String, Unsupported> {
    let mut out = String::new();
    push_json(&mut out, value)?;
    Ok(out)
}

/// Appends what [`to_json`] gives.
///
/// # Errors
/// On an infinity or what is no number; `out` then holds what came before it.
pub fn push_json(out: &mut String, value: &Value) -> Result<(), Unsupported> {
    let mut comma = false;
    for step in Walk::new(value, |entries| entries.sort_unstable_by_key(|(key, _)| *key)) {
        if comma && !matches!(step, Step::EndSeq | Step::EndMap) {
            out.push(',');
        }
        comma = matches!(step, Step::Leaf(_) | Step::EndSeq | Step::EndMap);
        match step {
            Step::Leaf(leaf) => push_leaf(out, leaf)?,
            Step::Seq => out.push('['),
            Step::EndSeq => out.push(']'),
            Step::Map => out.push('{'),
            Step::EndMap => out.push('}'),
            Step::Key(key) => {
                push_text(out, key);
                out.push(':');
            }
        }
    }
    Ok(())
}

fn push_leaf(out: &mut String, leaf: &Value) -> Result<(), Unsupported> {
    match leaf {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(value) => write!(out, "{value}").expect("a string takes all writes"),
        Value::Uint(value) => write!(out, "{value}").expect("a string takes all writes"),
        Value::Float(value) => {
            check_float(*value)?;
            float::push_json(out, *value);
        }
        Value::String(text) => push_text(out, text),
        Value::Seq(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
    }
    Ok(())
}

fn check_float(value: f64) -> Result<(), Unsupported> {
    if value.is_nan() {
        Err(Unsupported("NaN"))
    } else if value == f64::INFINITY {
        Err(Unsupported("+Inf"))
    } else if value == f64::NEG_INFINITY {
        Err(Unsupported("-Inf"))
    } else {
        Ok(())
    }
}

/// Text in quotes, with the escapes that make JSON safe to stand in HTML.
fn push_text(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    let mut rest = text;
    // Only U+2028 and U+2029 among what is not ASCII are escaped; both begin with E2 80.
    let special = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2);
    while let Some(at) = rest.bytes().position(special) {
        let (fine, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(fine);
        let mut chars = tail.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{2028}') => out.push_str("\\u2028"),
            Some('\u{2029}') => out.push_str("\\u2029"),
            Some(c) if c.is_ascii() => {
                out.push_str("\\u00");
                let byte = usize::from(c as u8);
                for nibble in [byte >> 4, byte & 15] {
                    out.push(HEX.get(nibble).map_or('0', |digit| char::from(*digit)));
                }
            }
            Some(c) => out.push(c),
            None => (),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}
