//! The forms in which kustomizations name repositories.

use super::path::clean;

/// A repository, and where in it a kustomization is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RepoSpec {
    /// As it was written.
    pub(super) raw: String,
    /// Scheme, user and host.
    pub(super) host: String,
    /// The repository on that host.
    pub(super) repository: String,
    /// The directory in the repository.
    pub(super) path: String,
    /// The branch, tag or commit.
    pub(super) reference: String,
}

impl RepoSpec {
    /// Reads a text that may be a URL of a repository. None where it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            return None;
        }
        let (rest, query) = text.split_once('?').unwrap_or((text, ""));
        let (host, rest) = host(rest)?;
        let (repository, path) = split(rest, host.starts_with("file://"))?;
        if repository.is_empty() || leaves(&path) {
            return None;
        }
        let path = path.strip_prefix('/').unwrap_or(&path).to_owned();
        Some(Self { raw: text.to_owned(), host, repository, path, reference: reference(query) })
    }

    /// What a clone is made from.
    pub(super) fn url(&self) -> String {
        format!("{}{}", self.host, self.repository)
    }
}

/// Whether a text names a file that is fetched over HTTP.
pub(super) fn is_download(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https"))
}

fn without_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| text.get(prefix.len()..)).flatten()
}

/// Host with scheme and user, and the rest.
fn host(text: &str) -> Option<(String, &str)> {
    let text = without_prefix(text, "git::").unwrap_or(text);
    let (scheme, text) = ["ssh://", "https://", "http://", "file://"]
        .iter()
        .find_map(|prefix| without_prefix(text, prefix).map(|rest| (*prefix, rest)))
        .unwrap_or(("", text));
    let (user, text) = user(text);
    let lower = text.to_ascii_lowercase();
    let is_github = lower.starts_with("github.com/") || lower.starts_with("github.com:");
    // `user@host:path`, as scp has it.
    let scp = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !scp {
        return None;
    }
    if scheme == "file://" {
        return Some((format!("{scheme}{user}"), text));
    }
    let mut separator = text.find('/');
    if scp && let Some(colon) = text.find(':') {
        separator = match separator {
            None => Some(colon),
            Some(slash) if colon > 0 && colon < slash => Some(colon),
            slash => slash,
        };
    }
    let (host, rest) = match separator {
        Some(at) => text.split_at_checked(at + 1)?,
        None => (text, ""),
    };
    if is_github {
        let host = if scheme == "ssh://" || !user.is_empty() {
            format!("{user}github.com:")
        } else {
            "https://github.com/".to_owned()
        };
        return Some((host, rest));
    }
    if host.is_empty() {
        return None;
    }
    Some((format!("{scheme}{user}{host}"), rest))
}

fn user(text: &str) -> (&str, &str) {
    let Some(at) = text.find('@') else { return ("", text) };
    let name = text.get(..at).unwrap_or("");
    let valid = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if valid { text.split_at_checked(at + 1).unwrap_or(("", text)) } else { ("", text) }
}

/// The repository and the path in it.
fn split(text: &str, is_file: bool) -> Option<(String, String)> {
    if let Some(at) = text.find("_git/") {
        let (head, tail) = text.split_at_checked(at + 5)?;
        let (name, path) = tail.split_once('/').unwrap_or((tail, ""));
        return Some((format!("{head}{name}"), path.to_owned()));
    }
    if let Some((repository, path)) = text.split_once("//") {
        return Some((repository.to_owned(), path.to_owned()));
    }
    if let Some(at) = text.find(".git") {
        let (repository, path) = text.split_at_checked(at + 4)?;
        return Some((repository.to_owned(), path.to_owned()));
    }
    if is_file {
        return Some((text.to_owned(), String::new()));
    }
    let mut parts = text.splitn(3, '/');
    let (owner, name) = (parts.next()?, parts.next()?);
    Some((format!("{owner}/{name}"), parts.next().unwrap_or("").to_owned()))
}

fn leaves(path: &str) -> bool {
    let cleaned = clean(path.strip_prefix('/').unwrap_or(path));
    cleaned.split('/').next() == Some("..")
}

/// The revision that a query names.
fn reference(query: &str) -> String {
    let value = |wanted: &str| {
        query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name == wanted).then(|| unescape(value))
        })
    };
    value("ref").filter(|value| !value.is_empty()).or_else(|| value("version")).unwrap_or_default()
}

fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |digit: Option<u8>| digit.and_then(|it| char::from(it).to_digit(16));
        match byte {
            b'+' => out.push(b' '),
            b'%' => match (hex(bytes.next()), hex(bytes.next())) {
                (Some(high), Some(low)) => out.extend(u8::try_from(high * 16 + low)),
                _ => return String::new(),
            },
            byte => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
