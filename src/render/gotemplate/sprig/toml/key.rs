//! Keys as messages and tables write them.

use std::fmt::Write as _;

use super::super::super::value::Str;

/// Whether a key needs no quotes.
pub(super) fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// One part of a key, in quotes where it needs them.
pub(super) fn part(part: &Str) -> Vec<u8> {
    if part.is_empty() {
        return b"\"\"".to_vec();
    }
    if part.iter().all(|it| is_bare(char::from(*it))) {
        return part.to_vec();
    }
    quoted(part)
}

/// All parts with points between them.
pub(super) fn joined(key: &[Str]) -> Vec<u8> {
    key.iter().map(part).collect::<Vec<_>>().join(&b'.')
}

/// Text between double quotes. Bytes that are no UTF-8 are passed on.
pub(super) fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for chunk in text.utf8_chunks() {
        let mut escaped = String::new();
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => {
                    escaped.push('\\');
                    escaped.push(c);
                }
                '\u{8}' => escaped.push_str("\\b"),
                '\t' => escaped.push_str("\\t"),
                '\n' => escaped.push_str("\\n"),
                '\u{c}' => escaped.push_str("\\f"),
                '\r' => escaped.push_str("\\r"),
                '\0'..' ' | '\u{7f}' => {
                    let _ = write!(escaped, "\\u{:04x}", u32::from(c));
                }
                c => escaped.push(c),
            }
        }
        out.extend_from_slice(escaped.as_bytes());
        out.extend_from_slice(chunk.invalid());
    }
    out.push(b'"');
    out
}
