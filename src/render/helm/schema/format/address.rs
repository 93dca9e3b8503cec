//! Where machines and people are to be found.

use super::{must, unexpected};
use crate::render::gotemplate::{
    sprig::url::{Url, address},
    strconv::atoi,
};

pub(super) fn ipv4(text: &str) -> Result<(), String> {
    must(text.split('.').count() == 4, "expected four decimals")?;
    for group in text.split('.') {
        must(group.len() < 2 || !group.starts_with('0'), "leading zeros")?;
        must((0..=255).contains(&atoi(group)?), "decimal must be between 0 and 255")?;
    }
    Ok(())
}

pub(super) fn ipv6(text: &str) -> Result<(), String> {
    must(text.contains(':'), "missing colon")?;
    address::parse(text.as_bytes())?;
    must(address::zone(text.as_bytes()).1.is_none(), "zone id is not a part of ipv6 address")
}

/// RFC 1034, section 3.1.
pub(super) fn hostname(text: &str) -> Result<(), String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    must(text.len() <= 253, "more than 253 characters long")?;
    for label in text.split('.') {
        must((1..=63).contains(&label.len()), "label must be 1 to 63 characters long")?;
        must(!label.starts_with('-'), "label starts with hyphen")?;
        must(!label.ends_with('-'), "label ends with hyphen")?;
        if let Some(c) = label.chars().find(|it| !it.is_ascii_alphanumeric() && *it != '-') {
            return Err(unexpected(c));
        }
    }
    Ok(())
}

/// RFC 5321, section 4.1.2.
pub(super) fn email(text: &str) -> Result<(), String> {
    // The original says so, and means 254.
    must(text.len() <= 254, "more than 255 characters long")?;
    let (local, domain) = text.rsplit_once('@').ok_or("missing @")?;
    must(local.len() <= 64, "local part more than 64 characters long")?;
    // The original looks at the first mark twice, and not at the last.
    if local.len() > 1 && local.starts_with('"') {
        let mut inner = local.chars();
        inner.next();
        inner.next_back();
        let why = "backslash and quote are not allowed within quoted local part";
        must(!inner.as_str().contains(['\\', '"']), why)?;
    } else {
        must(!local.starts_with('.'), "starts with dot")?;
        must(!local.ends_with('.'), "ends with dot")?;
        must(!local.contains(".."), "consecutive dots")?;
        let fits = |c: &char| c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(*c);
        if let Some(c) = local.chars().find(|it| !fits(it)) {
            return Err(unexpected(c));
        }
    }
    match domain.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        Some(inner) => match inner.strip_prefix("IPv6:") {
            Some(inner) => ipv6(inner).map_err(|why| format!("invalid ipv6 address: {why}")),
            None => ipv4(inner).map_err(|why| format!("invalid ipv4 address: {why}")),
        },
        None => hostname(domain).map_err(|why| format!("invalid domain: {why}")),
    }
}

pub(super) fn uri(text: &str) -> Result<(), String> {
    must(!url(text)?.scheme.is_empty(), "relative url")
}

pub(super) fn uri_reference(text: &str) -> Result<(), String> {
    must(!text.contains('\\'), "contains \\")?;
    url(text).map(drop)
}

/// RFC 6570, as far as braces go.
pub(super) fn uri_template(text: &str) -> Result<(), String> {
    let url = url(text)?;
    // The path as it is written, where that is another form than the usual one; else there are no braces in it.
    for token in url.raw_path().split(|it| *it == b'/') {
        let mut open = false;
        for byte in percent_decoded(token) {
            match byte {
                b'{' if !open => open = true,
                b'}' if open => open = false,
                b'{' | b'}' => return Err("nested curly braces".into()),
                _ => (),
            }
        }
        must(!open, "no matching closing brace")?;
    }
    Ok(())
}

/// Escapes were read once already, so they are sound.
fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|it| char::from(*it).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
            }
            (byte, ..) => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

/// Go does not look at a host without brackets, and the original does.
fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.as_bytes())?;
    let host = url.hostname();
    if host.contains(&b':') {
        let brackets = url.host.contains(&b'[') && url.host.contains(&b']');
        must(brackets, "ipv6 address not enclosed in brackets")?;
        let host = String::from_utf8_lossy(host);
        ipv6(&host).map_err(|why| format!("invalid ipv6 address: {why}"))?;
    }
    Ok(url)
}
