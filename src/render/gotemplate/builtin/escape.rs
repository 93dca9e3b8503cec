//! `html`, `js` and `urlquery`.

use super::index::replaced;
use crate::render::gotemplate::{fmt, function::Failure, strconv::is_print, value::Value};

/// The arguments as one text: what `print` gives, where nothing is `<no value>`.
pub(super) fn text(args: &[Value], room: u64) -> Result<Vec<u8>, Failure> {
    let shown: Vec<Value> = args
        .iter()
        .map(|arg| match arg {
            Value::Nil => Value::from("<no value>"),
            _ => arg.clone(),
        })
        .collect();
    let mut out = Vec::new();
    fmt::print_followed(&mut out, &shown, room)?;
    Ok(out)
}

pub(super) fn html(text: &[u8]) -> Vec<u8> {
    replaced(text, |_, this| {
        let escaped = match this {
            b"\0" => "\u{fffd}",
            b"\"" => "&#34;",
            b"'" => "&#39;",
            b"&" => "&amp;",
            b"<" => "&lt;",
            b">" => "&gt;",
            _ => return None,
        };
        Some(escaped.to_owned())
    })
}

pub(super) fn js(text: &[u8]) -> Vec<u8> {
    replaced(text, |rune, this| {
        Some(match this {
            b"\\" => "\\\\".to_owned(),
            b"'" => "\\'".to_owned(),
            b"\"" => "\\\"".to_owned(),
            b"<" => "\\u003C".to_owned(),
            b">" => "\\u003E".to_owned(),
            b"&" => "\\u0026".to_owned(),
            b"=" => "\\u003D".to_owned(),
            _ if rune < 0x20 => format!("\\u{rune:04X}"),
            _ if rune >= 0x80 && !is_print(rune) => format!("\\u{rune:04X}"),
            _ => return None,
        })
    })
}

/// `url.QueryEscape`.
pub(super) fn url_query(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            b' ' => out.push(b'+'),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}
