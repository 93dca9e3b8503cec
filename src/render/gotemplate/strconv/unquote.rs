//! `Unquote` and `UnquoteChar`.

use super::utf8;

/// The text is no literal of Go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid syntax")]
pub struct InvalidSyntax;

/// `strconv.Unquote`: the value of a string or character literal.
///
/// # Errors
/// When it is none.
pub fn unquote(literal: &[u8]) -> Result<Vec<u8>, InvalidSyntax> {
    let [quote, inner @ .., last] = literal else { return Err(InvalidSyntax) };
    if quote != last {
        return Err(InvalidSyntax);
    }
    match quote {
        b'`' if inner.contains(&b'`') => Err(InvalidSyntax),
        b'`' if !inner.contains(&b'\r') => Ok(inner.to_vec()),
        b'`' => Ok(inner.iter().copied().filter(|byte| *byte != b'\r').collect()),
        b'"' | b'\'' => {
            if inner.contains(&b'\n') {
                return Err(InvalidSyntax);
            }
            if *quote == b'"' && inner.iter().all(|byte| byte.is_ascii() && !matches!(byte, b'"' | b'\\')) {
                return Ok(inner.to_vec());
            }
            let mut out = Vec::with_capacity(inner.len());
            let (mut rest, mut count) = (inner, 0);
            while !rest.is_empty() {
                let (value, multibyte, tail) = unquote_char(rest, *quote)?;
                match u8::try_from(value) {
                    Ok(byte) if !multibyte || byte < 0x80 => out.push(byte),
                    _ => utf8::append_rune(&mut out, value),
                }
                (rest, count) = (tail, count + 1);
            }
            if *quote == b'\'' && count != 1 {
                return Err(InvalidSyntax);
            }
            Ok(out)
        }
        _ => Err(InvalidSyntax),
    }
}

/// `strconv.UnquoteChar`: the first character of a literal's inside, whether it needs more than a byte, and the rest.
///
/// # Errors
/// When an escape is not one, or when `quote` stands there unescaped.
pub fn unquote_char(text: &[u8], quote: u8) -> Result<(u32, bool, &[u8]), InvalidSyntax> {
    let first = *text.first().ok_or(InvalidSyntax)?;
    let after = |count: usize| text.get(count..).unwrap_or(&[]);
    if first == quote && (quote == b'\'' || quote == b'"') {
        return Err(InvalidSyntax);
    }
    if first >= 0x80 {
        let (rune, width) = utf8::decode(text);
        return Ok((rune, true, after(width)));
    }
    if first != b'\\' {
        return Ok((first.into(), false, after(1)));
    }
    let escape = *text.get(1).ok_or(InvalidSyntax)?;
    let plain = |byte: u8| Ok((u32::from(byte), false, after(2)));
    match escape {
        b'a' => plain(7),
        b'b' => plain(8),
        b'f' => plain(12),
        b'n' => plain(b'\n'),
        b'r' => plain(b'\r'),
        b't' => plain(b'\t'),
        b'v' => plain(11),
        b'\\' => plain(b'\\'),
        b'\'' | b'"' if escape == quote => plain(escape),
        b'x' | b'u' | b'U' => {
            let digits = match escape {
                b'x' => 2,
                b'u' => 4,
                _ => 8,
            };
            let value = digits_of(text.get(2..2 + digits), 16)?;
            if escape == b'x' {
                return Ok((value, false, after(2 + digits)));
            }
            char::from_u32(value).ok_or(InvalidSyntax)?;
            Ok((value, true, after(2 + digits)))
        }
        b'0'..=b'7' => {
            let value = digits_of(text.get(1..4), 8)?;
            if value > 255 {
                return Err(InvalidSyntax);
            }
            Ok((value, false, after(4)))
        }
        _ => Err(InvalidSyntax),
    }
}

fn digits_of(digits: Option<&[u8]>, radix: u32) -> Result<u32, InvalidSyntax> {
    let mut value = 0_u32;
    for digit in digits.ok_or(InvalidSyntax)? {
        let digit = char::from(*digit).to_digit(radix).ok_or(InvalidSyntax)?;
        value = value.checked_mul(radix).and_then(|it| it.checked_add(digit)).ok_or(InvalidSyntax)?;
    }
    Ok(value)
}
