//! Percent signs: which part of a URL may hold which bytes as they are.

use crate::render::gotemplate::strconv::quote;

/// The part of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

/// Whether a byte is escaped in a part.
fn escapes(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    let kept: &[u8] = match part {
        Part::Host | Part::Zone => b"!$&'()*+,;=:[]<>\"",
        Part::Path => b"$&+,/:;=@",
        Part::User => b"$&+,;=",
        Part::Fragment => b"!()*$&+,/:;=?@",
    };
    !kept.contains(&byte)
}

/// Escapes what the part may not hold.
pub(super) fn escape(text: &[u8], part: Part) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if escapes(*byte, part) {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            out.push(*byte);
        }
    }
    out
}

/// Undoes [`escape`].
///
/// # Errors
/// In Go's words, for an escape that is none and for what a host may not hold.
pub(super) fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if *byte != b'%' {
            if matches!(part, Part::Host | Part::Zone) && byte.is_ascii() && escapes(*byte, part) {
                return Err(format!("invalid character {} in host name", quote(&[*byte])));
            }
            out.push(*byte);
            rest = after;
            continue;
        }
        let hex = |at: usize| after.get(at).and_then(|it| char::from(*it).to_digit(16));
        let sequence = rest.get(..3).unwrap_or(rest);
        let invalid = || format!("invalid URL escape {}", quote(sequence));
        let value = hex(0).zip(hex(1)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        let value = value.ok_or_else(invalid)?;
        let percent = sequence == b"%25";
        let bad = match part {
            // A host may hide only what is no ASCII; a zone only what it could also say openly.
            Part::Host => value < 0x80 && !percent,
            Part::Zone => !percent && value != b' ' && escapes(value, Part::Host),
            _ => false,
        };
        if bad {
            return Err(invalid());
        }
        out.push(value);
        rest = after.get(2..).unwrap_or_default();
    }
    Ok(out)
}

/// Whether a text is already a valid form of a part.
pub(super) fn is_encoded(text: &[u8], part: Part) -> bool {
    text.iter().all(|byte| b"!$&'()*+,;=:@[]%".contains(byte) || !escapes(*byte, part))
}
