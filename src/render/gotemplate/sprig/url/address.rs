//! `netip.ParseAddr`, for its words.

use crate::render::gotemplate::strconv::quote;

/// What is wrong, and where.
type Fault<'a> = (&'static str, &'a [u8]);

/// Whether a text is the address of a machine, of either kind.
///
/// # Errors
/// In Go's words.
pub(crate) fn parse(text: &[u8]) -> Result<(), String> {
    let found = match text.iter().find(|it| matches!(it, b'.' | b':' | b'%')) {
        None => Some(("unable to parse IP", b"".as_slice())),
        Some(b'%') => Some(("missing IPv6 address", b"".as_slice())),
        Some(b'.') => fault_of_v4(text),
        Some(_) => match zone(text) {
            (_, Some(b"")) => Some(("zone must be a non-empty string", b"".as_slice())),
            (address, _) => fault(address),
        },
    };
    let Some((says, at)) = found else { return Ok(()) };
    let at = if at.is_empty() { String::new() } else { format!(" (at {})", quote(at)) };
    Err(format!("ParseAddr({}): {says}{at}", quote(text)))
}

/// An address and its zone.
pub(crate) fn zone(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|it| *it == b'%') {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    }
}

/// What is wrong with four numbers.
fn fault_of_v4(text: &[u8]) -> Option<Fault<'_>> {
    let (mut value, mut dots, mut digits) = (0_u32, 0, 0);
    for (at, byte) in text.iter().enumerate() {
        let here = text.get(at..).unwrap_or_default();
        match byte {
            b'0'..=b'9' => {
                if digits == 1 && value == 0 {
                    return Some(("IPv4 field has octet with leading zero", b""));
                }
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return Some(("IPv4 field has value >255", b""));
                }
            }
            b'.' if digits == 0 || here.len() == 1 => {
                return Some(("IPv4 field must have at least one digit", here));
            }
            b'.' if dots == 3 => return Some(("IPv4 address too long", b"")),
            b'.' => (dots, value, digits) = (dots + 1, 0, 0),
            _ => return Some(("unexpected character", here)),
        }
    }
    (dots < 3).then_some(("IPv4 address too short", b"".as_slice()))
}

/// What is wrong with an IPv6 address, and where.
fn fault(address: &[u8]) -> Option<Fault<'_>> {
    let mut rest = address;
    let mut gap = false;
    if let Some(after) = rest.strip_prefix(b"::") {
        gap = true;
        rest = after;
        if rest.is_empty() {
            return None;
        }
    }
    let mut fields = 0;
    while fields < 8 {
        let digits = rest.iter().take_while(|it| it.is_ascii_hexdigit()).count();
        if digits > 4 {
            return Some(("each group must have 4 or less digits", rest));
        }
        if digits == 0 {
            return Some(("each colon-separated field must have at least one digit", rest));
        }
        let after = rest.get(digits..).unwrap_or_default();
        if after.starts_with(b".") {
            if !gap && fields != 6 {
                return Some(("embedded IPv4 address must replace the final 2 fields of the address", rest));
            }
            if fields > 6 {
                return Some(("too many hex fields to fit an embedded IPv4 at the end of the address", rest));
            }
            if let Some(fault) = fault_of_v4(rest) {
                return Some(fault);
            }
            (fields, rest) = (fields + 2, b"");
            break;
        }
        (fields, rest) = (fields + 1, after);
        match rest {
            [] => break,
            [b':'] => return Some(("colon must be followed by more characters", rest)),
            [b':', ..] => rest = rest.get(1..).unwrap_or_default(),
            _ => return Some(("unexpected character, want colon", rest)),
        }
        if let Some(after) = rest.strip_prefix(b":") {
            if gap {
                return Some(("multiple :: in address", rest));
            }
            (gap, rest) = (true, after);
            if rest.is_empty() {
                break;
            }
        }
    }
    match (rest.is_empty(), fields < 8, gap) {
        (false, ..) => Some(("trailing garbage after address", rest)),
        (_, true, false) => Some(("address string too short", b"")),
        (_, false, true) => Some(("the :: must expand to at least one field of zeros", b"")),
        _ => None,
    }
}
