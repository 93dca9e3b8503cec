//! Base 64 and base 32 as Go reads and writes them, with its error texts.

/// `base64.StdEncoding.EncodeToString`.
pub(crate) fn base64(bytes: &[u8]) -> Vec<u8> {
    encode(bytes, BASE64, 3, 6)
}

/// `base32.StdEncoding.EncodeToString`.
pub(crate) fn base32(bytes: &[u8]) -> Vec<u8> {
    encode(bytes, BASE32, 5, 5)
}

/// `base64.StdEncoding.DecodeString`: line breaks do not count, bits behind the last byte may be anything.
///
/// # Errors
/// In Go's words, with the place of the byte that is wrong.
pub(crate) fn from_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    decode(text, BASE64, 4, 6).map_err(|at| format!("illegal base64 data at input byte {at}"))
}

/// `base32.StdEncoding.DecodeString`, which takes line breaks out first and counts without them.
///
/// # Errors
/// In Go's words, with the place of the byte that is wrong.
pub(crate) fn from_base32(text: &[u8]) -> Result<Vec<u8>, String> {
    let text: Vec<u8> = text.iter().copied().filter(|it| !matches!(it, b'\r' | b'\n')).collect();
    decode32(&text).map_err(|at| format!("illegal base32 data at input byte {at}"))
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Groups of `group` bytes become digits of `bits` bits.
fn encode(bytes: &[u8], alphabet: &[u8], group: usize, bits: u32) -> Vec<u8> {
    let digits = group * 8 / bits as usize;
    let mut out = Vec::with_capacity(bytes.len().div_ceil(group) * digits);
    for chunk in bytes.chunks(group) {
        let mut value = chunk.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        value <<= 8 * (group - chunk.len());
        let used = (chunk.len() * 8).div_ceil(bits as usize);
        for digit in 0..digits {
            let shift = bits as usize * (digits - 1 - digit);
            let index = usize::try_from(value >> shift & ((1 << bits) - 1)).unwrap_or(0);
            let byte = if digit < used { alphabet.get(index).copied() } else { None };
            out.push(byte.unwrap_or(b'='));
        }
    }
    out
}

fn digit(alphabet: &[u8], byte: u8) -> Option<u64> {
    alphabet.iter().position(|it| *it == byte).map(|it| it as u64)
}

/// Reads groups of four digits as Go does, one byte after the other.
fn decode(text: &[u8], alphabet: &[u8], group: usize, bits: u32) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut bytes = text.iter().copied().enumerate().filter(|(_, it)| !matches!(it, b'\r' | b'\n'));
    loop {
        let (mut value, mut count) = (0_u64, 0);
        while count < group {
            let Some((at, byte)) = bytes.next() else {
                if count == 0 {
                    return Ok(out);
                }
                // The text ends inside a group: what the group began with is wrong.
                return Err(text.len() - count);
            };
            if let Some(digit) = digit(alphabet, byte) {
                value = value << bits | digit;
                count += 1;
                continue;
            }
            if byte != b'=' || count < 2 {
                return Err(at);
            }
            if count == 2 {
                match bytes.next() {
                    Some((_, b'=')) => (),
                    // The original names the byte before the one that is wrong.
                    Some((at, _)) => return Err(at - 1),
                    None => return Err(text.len()),
                }
            }
            if let Some((at, _)) = bytes.next() {
                return Err(at);
            }
            value <<= bits as usize * (group - count);
            let whole = value.to_be_bytes();
            out.extend_from_slice(whole.get(5..5 + count - 1).unwrap_or_default());
            return Ok(out);
        }
        out.extend_from_slice(value.to_be_bytes().get(5..).unwrap_or_default());
    }
}

/// Reads groups of eight digits; the padding must fill the last one.
fn decode32(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    let mut rest = text;
    while !rest.is_empty() {
        let place = text.len() - rest.len();
        let (mut value, mut count) = (0_u64, 8);
        let mut end = false;
        for at in 0..8 {
            let Some(byte) = rest.get(at).copied() else {
                return Err(text.len() - at);
            };
            if byte == b'=' && at >= 2 && rest.len() - at - 1 < 8 {
                // So much padding as the group needs, and nothing behind it.
                if rest.len() - 1 < 7 {
                    return Err(text.len());
                }
                for behind in at + 1..8 {
                    if rest.get(behind).is_some_and(|it| *it != b'=') {
                        return Err(place + behind - 1);
                    }
                }
                end = true;
                count = at;
                if matches!(count, 1 | 3 | 6) {
                    return Err(place + at);
                }
                break;
            }
            let Some(digit) = digit(BASE32, byte) else {
                return Err(place + at);
            };
            value = value << 5 | digit;
        }
        value <<= 5 * (8 - count);
        let bytes = [0, 0, 1, 1, 2, 3, 3, 4, 5].get(count).copied().unwrap_or(0);
        out.extend_from_slice(value.to_be_bytes().get(3..3 + bytes).unwrap_or_default());
        rest = rest.get(8..).unwrap_or_default();
        if end {
            break;
        }
    }
    Ok(out)
}
