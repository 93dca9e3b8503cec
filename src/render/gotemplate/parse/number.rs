//! Literal numbers.

use crate::render::gotemplate::{
    lex::Token,
    strconv::{parse_float, parse_int, parse_uint, quote, unquote_char},
    tree::Number,
};

/// A literal under every type that can hold it, as Go's ideal constants are.
pub(super) fn number(text: &[u8], token: Token) -> Result<Number, String> {
    match token {
        Token::CharConstant => {
            let (rune, _, tail) =
                unquote_char(text.get(1..).unwrap_or(&[]), b'\'').map_err(|it| it.to_string())?;
            if tail != b"'" {
                return Err(format!("malformed character constant: {}", String::from_utf8_lossy(text)));
            }
            let (int, uint, float) = (Some(rune.into()), Some(rune.into()), Some(rune.into()));
            return Ok(Number { int, uint, float, ..Number::default() });
        }
        Token::Complex => {
            let value = complex(text).ok_or("syntax error scanning complex number")?;
            return Ok(simplified(value));
        }
        _ => (),
    }
    if let Some(imaginary) = text.strip_suffix(b"i").and_then(parse_float) {
        return Ok(simplified((0.0, imaginary)));
    }
    let mut number = Number { uint: parse_uint(text), int: parse_int(text), ..Number::default() };
    if number.int == Some(0) {
        // -0 is unsigned too.
        number.uint = Some(0);
    }
    let written_as_float = text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E' | b'p' | b'P'));
    let is_hexadecimal =
        matches!(text, [b'0', b'x' | b'X', _, ..]) && !text.iter().any(|it| matches!(it, b'p' | b'P'));
    number.looks_like_float = written_as_float && !is_hexadecimal;
    // Large integers are rounded, as in the original.
    match (number.int, number.uint) {
        (Some(int), _) => number.float = Some(int as f64),
        (None, Some(uint)) => number.float = Some(uint as f64),
        (None, None) => {
            let float = parse_float(text).ok_or_else(|| format!("illegal number syntax: {}", quote(text)))?;
            if !written_as_float {
                return Err(format!("integer overflow: {}", quote(text)));
            }
            number.float = Some(float);
            (number.int, number.uint) = whole(float);
        }
    }
    Ok(number)
}

/// A float as the integers that it is equal to.
fn whole(float: f64) -> (Option<i64>, Option<u64>) {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if float.fract() != 0.0 {
        return (None, None);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the ranges are checked")]
    let both = (
        (-TWO_63..TWO_63).contains(&float).then_some(float as i64),
        (0.0..2.0 * TWO_63).contains(&float).then_some(float as u64),
    );
    both
}

fn simplified(value: (f64, f64)) -> Number {
    let mut number = Number { complex: Some(value), ..Number::default() };
    if value.1 == 0.0 {
        number.float = Some(value.0);
        (number.int, number.uint) = whole(value.0);
    }
    number
}

/// `1+2i`.
fn complex(text: &[u8]) -> Option<(f64, f64)> {
    let text = text.strip_suffix(b"i")?;
    let sign = (1..text.len()).rev().find(|at| {
        let before = text.get(at - 1).copied().unwrap_or(0);
        matches!(text.get(*at), Some(b'+' | b'-')) && !matches!(before, b'e' | b'E' | b'p' | b'P')
    })?;
    Some((parse_float(text.get(..sign)?)?, parse_float(text.get(sign..)?)?))
}
