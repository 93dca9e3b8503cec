//! Go's `strconv` and the parts of `unicode` that it stands on: quoting, unquoting, floats and integers as text.

mod float;
mod number;
mod quote;
mod tables;
mod unquote;
mod utf8;

pub use float::{FloatFormat, format_float};
pub use number::{atoi, parse_float, parse_int, parse_uint};
pub use quote::{can_backquote, quote, quote_bytes, quote_rune, quote_rune_to_ascii, quote_to_ascii};
pub use unquote::{InvalidSyntax, unquote, unquote_char};
pub use utf8::{RUNE_ERROR, append_rune, decode, decode_last, rune_count};

fn within(table: &[(u32, u32)], rune: u32) -> bool {
    let at = table.partition_point(|(_, last)| *last < rune);
    table.get(at).is_some_and(|(first, _)| *first <= rune)
}

/// `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub fn is_print(rune: u32) -> bool {
    match rune {
        0x20..=0x7e => true,
        0..=0x9f => false,
        _ => within(tables::PRINTABLE, rune),
    }
}

/// `unicode.IsLetter`.
pub fn is_letter(rune: u32) -> bool {
    match u8::try_from(rune) {
        Ok(byte) if byte < 0x80 => byte.is_ascii_alphabetic(),
        _ => within(tables::LETTERS, rune),
    }
}

/// `unicode.IsDigit`.
pub fn is_digit(rune: u32) -> bool {
    match u8::try_from(rune) {
        Ok(byte) if byte < 0x80 => byte.is_ascii_digit(),
        _ => within(tables::DIGITS, rune),
    }
}
