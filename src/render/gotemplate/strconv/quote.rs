//! `Quote` and its kin.

use super::{is_print, utf8};

/// `strconv.Quote`: a Go string literal. What is printable stays, an invalid byte becomes `\xff`.
pub fn quote(bytes: &[u8]) -> String {
    // Invalid bytes are escaped, so that the result is always text.
    String::from_utf8_lossy(&quote_bytes(bytes, b'"', false)).into_owned()
}

/// `strconv.QuoteToASCII`.
pub fn quote_to_ascii(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&quote_bytes(bytes, b'"', true)).into_owned()
}

/// `strconv.QuoteRune`: a Go character literal.
pub fn quote_rune(rune: u32) -> Vec<u8> {
    quoted_rune(rune, false)
}

/// `strconv.QuoteRuneToASCII`.
pub fn quote_rune_to_ascii(rune: u32) -> Vec<u8> {
    quoted_rune(rune, true)
}

fn quoted_rune(rune: u32, ascii: bool) -> Vec<u8> {
    let rune = if char::from_u32(rune).is_some() { rune } else { utf8::RUNE_ERROR };
    let mut out = vec![b'\''];
    escape(&mut out, rune, b'\'', ascii);
    out.push(b'\'');
    out
}

/// The quoted form with a quote of choice, as bytes.
pub fn quote_bytes(bytes: &[u8], quote: u8, ascii: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    out.push(quote);
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        let (rune, width) = utf8::decode(rest);
        if width == 1 && rune == utf8::RUNE_ERROR {
            out.extend_from_slice(format!("\\x{first:02x}").as_bytes());
        } else {
            escape(&mut out, rune, quote, ascii);
        }
        rest = rest.get(width..).unwrap_or(&[]);
    }
    out.push(quote);
    out
}

fn escape(out: &mut Vec<u8>, rune: u32, quote: u8, ascii: bool) {
    if rune == u32::from(quote) || rune == u32::from(b'\\') {
        out.push(b'\\');
        utf8::append_rune(out, rune);
        return;
    }
    if is_print(rune) && (!ascii || rune < 0x80) {
        utf8::append_rune(out, rune);
        return;
    }
    let escape = match rune {
        0x07 => "\\a".to_owned(),
        0x08 => "\\b".to_owned(),
        0x0c => "\\f".to_owned(),
        0x0a => "\\n".to_owned(),
        0x0d => "\\r".to_owned(),
        0x09 => "\\t".to_owned(),
        0x0b => "\\v".to_owned(),
        0..=0x1f | 0x7f => format!("\\x{rune:02x}"),
        0x80..=0xffff => format!("\\u{rune:04x}"),
        _ => format!("\\U{rune:08x}"),
    };
    out.extend_from_slice(escape.as_bytes());
}

/// `strconv.CanBackquote`: whether it can stand in a raw literal of one line.
pub fn can_backquote(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (rune, width) = utf8::decode(rest);
        let bad = match rune {
            0x09 => false,
            0..=0x1f | 0x60 | 0x7f | 0xfeff => true,
            utf8::RUNE_ERROR => width == 1,
            _ => false,
        };
        if bad {
            return false;
        }
        rest = rest.get(width..).unwrap_or(&[]);
    }
    true
}
