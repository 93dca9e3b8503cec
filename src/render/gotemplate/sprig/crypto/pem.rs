//! PEM as Go's `encoding/pem` writes and reads it.

use super::super::{
    encoding::{base64, from_base64},
    words::find,
};

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) kind: Vec<u8>,
    pub(super) bytes: Vec<u8>,
}

/// `pem.EncodeToMemory` without headers.
pub(super) fn encode(kind: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("-----BEGIN {kind}-----\n").into_bytes();
    for line in base64(bytes).chunks(64) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.extend_from_slice(format!("-----END {kind}-----\n").as_bytes());
    out
}

/// The first block of a text; what stands before it does not count, and broken ones are passed over.
pub(super) fn decode(text: &[u8]) -> Option<Block> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const END: &[u8] = b"-----END ";
    let mut rest = text;
    loop {
        let end = find(rest, END)?;
        let (before, from_end) = rest.split_at(end);
        rest = from_end.get(END.len()..)?;
        let Some(begin) = before.windows(BEGIN.len()).rposition(|it| it == BEGIN) else { continue };
        if begin > 0 && before.get(begin - 1) != Some(&b'\n') {
            continue;
        }
        let block = before.get(begin + BEGIN.len()..).unwrap_or_default();
        let (first, mut body) = line(block);
        let Some(kind) = first.strip_suffix(b"-----") else { continue };
        loop {
            let (header, after) = line(body);
            if !header.contains(&b':') {
                break;
            }
            body = after;
        }
        let Some(trailer) = rest.strip_prefix(kind).and_then(|it| it.strip_prefix(b"-----")) else {
            continue;
        };
        if !line(trailer).0.is_empty() {
            continue;
        }
        let data: Vec<u8> = body.iter().copied().filter(|it| !matches!(it, b' ' | b'\t')).collect();
        if let Ok(bytes) = from_base64(&data) {
            return Some(Block { kind: kind.into(), bytes });
        }
    }
}

/// A line without the spaces at its end, and what follows it.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match text.iter().position(|it| *it == b'\n') {
        Some(end) => (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default()),
        None => (text, &b""[..]),
    };
    let end = line.iter().rposition(|it| !matches!(it, b' ' | b'\t' | b'\r')).map_or(0, |at| at + 1);
    (line.get(..end).unwrap_or_default(), rest)
}
