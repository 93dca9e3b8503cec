//! `url.Parse` and `URL.String`.

use super::{
    super::words::{find, runes},
    address,
    escape::{Part, escape, is_encoded, unescape},
};
use crate::render::gotemplate::strconv::quote;

/// `*url.URL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: Vec<u8>,
    pub(crate) opaque: Vec<u8>,
    pub(crate) user: Option<User>,
    pub(crate) host: Vec<u8>,
    pub(crate) path: Vec<u8>,
    /// The path as it was written, where that is another form than the usual one.
    pub(super) raw_path: Vec<u8>,
    pub(super) force_query: bool,
    pub(crate) query: Vec<u8>,
    pub(crate) fragment: Vec<u8>,
}

/// `*url.Userinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

impl User {
    /// `String`.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Part::User);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend(escape(password, Part::User));
        }
        out
    }
}

impl Url {
    /// `url.Parse`.
    ///
    /// # Errors
    /// In Go's words.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let (before, fragment) = cut(text, b'#');
        let fail = |of: &[u8], why: String| format!("parse {}: {why}", quote(of));
        let mut url = Self::parse_rest(before).map_err(|why| fail(before, why))?;
        url.fragment =
            unescape(fragment.unwrap_or_default(), Part::Fragment).map_err(|why| fail(text, why))?;
        Ok(url)
    }

    fn parse_rest(text: &[u8]) -> Result<Self, String> {
        if text.iter().any(|it| *it < b' ' || *it == 0x7f) {
            return Err("net/url: invalid control character in URL".into());
        }
        let mut url = Self::default();
        if text == b"*" {
            url.path = text.into();
            return Ok(url);
        }
        let (scheme, mut rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        match rest.strip_suffix(b"?") {
            Some(before) if !before.contains(&b'?') => {
                url.force_query = true;
                rest = before;
            }
            _ => {
                let (before, query) = cut(rest, b'?');
                url.query = query.unwrap_or_default().into();
                rest = before;
            }
        }
        if !rest.starts_with(b"/") {
            if !scheme.is_empty() {
                url.opaque = rest.into();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".into());
            }
        }
        if (!scheme.is_empty() || !rest.starts_with(b"///"))
            && let Some(authority) = rest.strip_prefix(b"//")
        {
            let end = authority.iter().position(|it| *it == b'/').unwrap_or(authority.len());
            let (authority, path) = authority.split_at(end);
            rest = path;
            (url.user, url.host) = parse_authority(&url.scheme, authority)?;
        }
        url.path = unescape(rest, Part::Path)?;
        if escape(&url.path, Part::Path) != rest {
            url.raw_path = rest.into();
        }
        Ok(url)
    }

    /// `RawPath`: the path as it was written, where that is another form than the usual one.
    pub(crate) fn raw_path(&self) -> &[u8] {
        &self.raw_path
    }

    /// `Hostname`: the host without port and brackets.
    pub(crate) fn hostname(&self) -> &[u8] {
        let host = self.host.as_slice();
        let colon = host.iter().rposition(|it| *it == b':');
        let host = match colon.map(|at| host.split_at(at)) {
            Some((host, port)) if is_port(port) => host,
            _ => host,
        };
        host.strip_prefix(b"[").and_then(|it| it.strip_suffix(b"]")).unwrap_or(host)
    }

    /// `String`, of a URL that was put together from parts.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            let named = !self.host.is_empty() || self.user.is_some();
            if named || !self.scheme.is_empty() && !self.path.is_empty() {
                out.extend_from_slice(b"//");
            }
            if let Some(user) = &self.user {
                out.extend(user.text());
                out.push(b'@');
            }
            out.extend(escape(&self.host, Part::Host));
            let path = self.escaped_path();
            if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
                out.push(b'/');
            }
            // A colon in the first part would make a scheme of it.
            if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
                out.extend_from_slice(b"./");
            }
            out.extend(path);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if self.force_query || !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escape(&self.fragment, Part::Fragment));
        }
        out
    }

    fn escaped_path(&self) -> Vec<u8> {
        let raw = &self.raw_path;
        if !raw.is_empty()
            && is_encoded(raw, Part::Path)
            && unescape(raw, Part::Path).as_ref() == Ok(&self.path)
        {
            return raw.clone();
        }
        if self.path == b"*" {
            return self.path.clone();
        }
        escape(&self.path, Part::Path)
    }
}

fn cut(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|it| *it == at) {
        Some(place) => {
            let (before, after) = text.split_at(place);
            (before, after.get(1..))
        }
        None => (text, None),
    }
}

fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => (),
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => (),
            b':' if at == 0 => return Err("missing protocol scheme".into()),
            b':' => {
                let (scheme, rest) = text.split_at(at);
                return Ok((scheme, rest.get(1..).unwrap_or_default()));
            }
            _ => break,
        }
    }
    Ok((b"", text))
}

fn parse_authority(scheme: &[u8], text: &[u8]) -> Result<(Option<User>, Vec<u8>), String> {
    let Some(at) = text.iter().rposition(|it| *it == b'@') else {
        return Ok((None, parse_host(scheme, text)?));
    };
    let (user, host) = text.split_at(at);
    let host = parse_host(scheme, host.get(1..).unwrap_or_default())?;
    let allowed = |rune: char| rune.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(rune);
    if !runes(user).all(|(rune, _)| allowed(rune)) {
        return Err("net/url: invalid userinfo".into());
    }
    let (name, password) = cut(user, b':');
    let name = unescape(name, Part::User)?;
    let password = password.map(|it| unescape(it, Part::User)).transpose()?;
    Ok((Some(User { name, password }), host))
}

fn is_port(text: &[u8]) -> bool {
    match text.split_first() {
        None => true,
        Some((first, rest)) => *first == b':' && rest.iter().all(u8::is_ascii_digit),
    }
}

fn parse_host(scheme: &[u8], host: &[u8]) -> Result<Vec<u8>, String> {
    let check_port = |port: &[u8]| match is_port(port) {
        true => Ok(()),
        false => Err(format!("invalid port {} after host", quote(port))),
    };
    match host.iter().rposition(|it| *it == b'[') {
        Some(0) => {
            let Some(end) = host.iter().rposition(|it| *it == b']') else {
                return Err("missing ']' in host".into());
            };
            let (inside, port) = host.split_at(end);
            let (inside, port) = (inside.get(1..).unwrap_or_default(), port.get(1..).unwrap_or_default());
            check_port(port)?;
            let port = unescape(port, Part::Host)?;
            let zone = find(inside, b"%25").unwrap_or(inside.len());
            let (address, zone) = inside.split_at(zone);
            let mut name = unescape(address, Part::Host)?;
            name.extend(unescape(zone, Part::Zone)?);
            check_address(&name)?;
            return Ok([b"[", name.as_slice(), b"]", &port].concat());
        }
        Some(_) => return Err("invalid IP-literal".into()),
        None => (),
    }
    let first = host.iter().position(|it| *it == b':');
    // Lists of hosts with ports are common outside of HTTP.
    let strict = matches!(scheme, b"http" | b"https");
    let colon = if strict { first } else { host.iter().rposition(|it| *it == b':') };
    if let Some(colon) = colon {
        check_port(host.get(colon..).unwrap_or_default())?;
    }
    unescape(host, Part::Host)
}

/// What stands in brackets is an IPv6 address.
fn check_address(text: &[u8]) -> Result<(), String> {
    address::parse(text).map_err(|why| format!("invalid host: {why}"))?;
    match text.contains(&b':') {
        true => Ok(()),
        false => Err("invalid IP-literal".into()),
    }
}
