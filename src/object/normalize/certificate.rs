//! Whether a PEM bundle holds a certificate, as far as its shape tells.

use super::trip::decode_base64;

/// Whether any `CERTIFICATE` block is one. The original asks Go's `x509.CertPool`; here the outline of X.509 (RFC 5280
/// section 4.1) decides, and names and keys are left to the server.
pub(super) fn any_in_pem(pem: &[u8]) -> bool {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let text = String::from_utf8_lossy(pem);
    let mut body: Option<String> = None;
    // Both lines begin at the margin; what is before, between and after blocks is passed over.
    for line in text.lines().map(str::trim_end) {
        match (line, &mut body) {
            (BEGIN, _) => body = Some(String::new()),
            (END, Some(_)) => {
                let body = body.take().unwrap_or_default();
                if decode_base64(&body).is_some_and(|der| is_certificate(&der)) {
                    return true;
                }
            }
            // A block with headers has a colon in it, and does not decode: Go's pool skips those.
            (line, Some(body)) => body.extend(line.chars().filter(|c| !matches!(c, ' ' | '\t'))),
            (_, None) => (),
        }
    }
    false
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

fn is_certificate(der: &[u8]) -> bool {
    let outline = || {
        let (certificate, rest) = take(der, SEQUENCE)?;
        rest.is_empty().then_some(())?;
        let (body, rest) = take(certificate, SEQUENCE)?;
        let (_algorithm, rest) = take(rest, SEQUENCE)?;
        let (_signature, rest) = take(rest, BIT_STRING)?;
        rest.is_empty().then_some(())?;
        let body = take(body, VERSION).map_or(body, |(_, rest)| rest);
        let (_serial, rest) = take(body, INTEGER)?;
        let (_algorithm, rest) = take(rest, SEQUENCE)?;
        let (_issuer, rest) = take(rest, SEQUENCE)?;
        let (_validity, rest) = take(rest, SEQUENCE)?;
        let (_subject, rest) = take(rest, SEQUENCE)?;
        let (key, _extensions) = take(rest, SEQUENCE)?;
        let (_algorithm, rest) = take(key, SEQUENCE)?;
        take(rest, BIT_STRING).map(|_| ())
    };
    outline().is_some()
}

/// The content of the value of this tag at the front, and what follows it.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = (*found == tag).then(|| rest.split_first())??;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
