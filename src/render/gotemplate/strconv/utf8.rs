//! UTF-8 as Go reads it: an invalid byte is one character, U+FFFD, and one byte wide.

/// What stands for an invalid byte.
pub const RUNE_ERROR: u32 = 0xfffd;

/// The first character and its width. Empty input gives [`RUNE_ERROR`] of width 0.
#[inline]
pub fn decode(bytes: &[u8]) -> (u32, usize) {
    let Some(first) = bytes.first() else { return (RUNE_ERROR, 0) };
    let width = match first {
        0..=0x7f => return (u32::from(*first), 1),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return (RUNE_ERROR, 1),
    };
    let text = bytes.get(..width).and_then(|it| str::from_utf8(it).ok());
    match text.and_then(|it| it.chars().next()) {
        Some(found) => (found.into(), width),
        None => (RUNE_ERROR, 1),
    }
}

/// The last character and its width.
pub fn decode_last(bytes: &[u8]) -> (u32, usize) {
    for width in 1..=bytes.len().min(4) {
        let tail = bytes.get(bytes.len() - width..).unwrap_or(&[]);
        if tail.first().is_some_and(|byte| byte & 0xc0 != 0x80) {
            let (rune, found) = decode(tail);
            return if found == width { (rune, width) } else { (RUNE_ERROR, 1) };
        }
    }
    (RUNE_ERROR, bytes.len().min(1))
}

/// How many characters there are.
pub fn rune_count(bytes: &[u8]) -> usize {
    if bytes.is_ascii() {
        return bytes.len();
    }
    let (mut count, mut rest) = (0, bytes);
    while !rest.is_empty() {
        rest = rest.get(decode(rest).1..).unwrap_or(&[]);
        count += 1;
    }
    count
}

/// Appends a character; one that is none becomes U+FFFD.
pub fn append_rune(out: &mut Vec<u8>, rune: u32) {
    let rune = char::from_u32(rune).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(rune.encode_utf8(&mut [0; 4]).as_bytes());
}
