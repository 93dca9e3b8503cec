use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::{
    bundle::{Algorithm, PublicKey},
    fault::{Class, Fault},
    limits,
};

/// Who may sign Git objects, in the form of OpenSSH's `allowed_signers` file (ssh-keygen(1), ALLOWED SIGNERS).
///
/// Keys of other kinds than ed25519 are skipped: they may stand in a file that serves others, too. A certificate authority
/// is refused: nobody here could say which of its certificates were revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners(Vec<Line>);

/// One key, and where and when it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whose it is: patterns, as they are written.
    pub principals: String,
    /// The key.
    pub key: PublicKey,
    namespaces: Option<String>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

/// It is no such list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the allowed signers: {why}")]
pub struct NotAllowedSigners {
    /// Which line.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl Fault for NotAllowedSigners {
    fn code(&self) -> &'static str {
        "allowed_signers"
    }

    fn class(&self) -> Class {
        Class::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("a line is `PRINCIPAL [OPTIONS] ssh-ed25519 AAAA… COMMENT`; see ssh-keygen(1)".into())
    }
}

impl AllowedSigners {
    /// Reads a list.
    ///
    /// # Errors
    /// With the first line that OpenSSH would not take, or that says what nobody here can keep.
    pub fn parse(text: &str) -> Result<Self, NotAllowedSigners> {
        let mut lines = Vec::new();
        for (at, text) in text.lines().enumerate() {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let line = parse_line(text).map_err(|why| NotAllowedSigners { line: at + 1, why })?;
            lines.extend(line);
            if lines.len() > limits::ALLOWED_SIGNERS {
                let why = format!("there are more than {} keys", limits::ALLOWED_SIGNERS);
                return Err(NotAllowedSigners { line: at + 1, why });
            }
        }
        Ok(Self(lines))
    }

    /// Its keys, in order.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.0.iter()
    }
}

impl Line {
    /// Whether the key may sign in a namespace.
    pub fn may_sign_in(&self, namespace: &str) -> bool {
        self.namespaces.as_deref().is_none_or(|patterns| matches_list(patterns, namespace))
    }

    /// Whether the key counts at a time. As in OpenSSH both ends are part of the window.
    pub fn counts_at(&self, time: Timestamp) -> bool {
        self.after.is_none_or(|after| after <= time) && self.before.is_none_or(|before| time <= before)
    }

    /// When the key counts, in words.
    pub(super) fn window(&self) -> String {
        match (self.after, self.before) {
            (Some(after), Some(before)) => format!("from {after} to {before}"),
            (Some(after), None) => format!("from {after}"),
            (None, Some(before)) => format!("until {before}"),
            (None, None) => "always".to_owned(),
        }
    }
}

/// A line; none where its key is of a kind that does not sign here.
fn parse_line(text: &str) -> Result<Option<Line>, String> {
    let (principals, rest) = word(text).ok_or("it is empty")?;
    if principals.is_empty() {
        return Err("its principal is empty".into());
    }
    let mut line = Line {
        principals,
        key: PublicKey { alg: Algorithm::Ed25519, public: [0; 32], application: None, label: String::new() },
        namespaces: None,
        after: None,
        before: None,
    };
    let mut rest = rest.trim_start();
    if rest.is_empty() {
        return Err("it has no key".into());
    }
    if !is_key_type(rest.split_whitespace().next().unwrap_or_default()) {
        let (options, after) = split_options(rest);
        for option in options? {
            line.option(&option)?;
        }
        rest = after.trim_start();
    }
    let mut words = rest.split_whitespace();
    let (kind, digits) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !is_key_type(kind) {
        return Err(format!("`{kind}` is no type of a key"));
    }
    let wire = BASE64_STANDARD.decode(digits).map_err(|_| "its key is not base64".to_owned())?;
    let alg = match kind {
        "ssh-ed25519" => Algorithm::Ed25519,
        "sk-ssh-ed25519@openssh.com" => Algorithm::SkEd25519,
        _ => return Ok(None),
    };
    let (public, application) = parts(kind, &wire).ok_or("its key is not of the type that it says")?;
    let label = words.collect::<Vec<_>>().join(" ").chars().filter(|it| !it.is_control()).take(128).collect();
    line.key = PublicKey { alg, public, application, label };
    Ok(Some(line))
}

impl Line {
    fn option(&mut self, option: &str) -> Result<(), String> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name.to_ascii_lowercase(), Some(value)),
            None => (option.to_ascii_lowercase(), None),
        };
        let value = |what: &str| value.ok_or_else(|| format!("`{what}` needs a value"));
        match name.as_str() {
            "namespaces" => self.namespaces = Some(value("namespaces")?.to_owned()),
            "valid-after" => self.after = Some(time(value("valid-after")?)?),
            "valid-before" => self.before = Some(time(value("valid-before")?)?),
            "cert-authority" => return Err("certificate authorities are not taken here".into()),
            other => return Err(format!("`{other}` is no option of it")),
        }
        if let (Some(after), Some(before)) = (self.after, self.before)
            && before <= after
        {
            return Err("its key counts at no time: valid-before is not later than valid-after".into());
        }
        Ok(())
    }
}

/// The first word, which may be quoted, and the rest.
fn word(text: &str) -> Option<(String, &str)> {
    match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').map(|(word, rest)| (word.to_owned(), rest)),
        None => {
            let end = text.find([' ', '\t']).unwrap_or(text.len());
            text.split_at_checked(end).map(|(word, rest)| (word.to_owned(), rest))
        }
    }
    .filter(|(word, _)| !word.is_empty())
}

/// Options separated by commas, with quotes inside which commas and blanks are text; and the rest after the first blank
/// outside of quotes.
fn split_options(text: &str) -> (Result<Vec<String>, String>, &str) {
    let (mut options, mut option, mut quoted, mut end) = (Vec::new(), String::new(), false, text.len());
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            ',' if !quoted => options.push(std::mem::take(&mut option)),
            ' ' | '\t' if !quoted => {
                end = at;
                break;
            }
            '\\' if quoted && !escaped => {
                escaped = true;
                continue;
            }
            c => option.push(c),
        }
        escaped = false;
    }
    options.push(option);
    if quoted {
        return (Err("a quote is not closed".into()), "");
    }
    (Ok(options), text.get(end..).unwrap_or_default())
}

fn is_key_type(word: &str) -> bool {
    ["ssh-", "sk-ssh-", "ecdsa-sha2-", "sk-ecdsa-"].iter().any(|it| word.starts_with(it))
}

/// The curve point and, of a FIDO key, the application, out of SSH's wire form.
fn parts(kind: &str, wire: &[u8]) -> Option<([u8; 32], Option<String>)> {
    let mut rest = wire;
    let mut string = || -> Option<&[u8]> {
        let (len, after) = rest.split_at_checked(4)?;
        let len = usize::try_from(u32::from_be_bytes(len.try_into().ok()?)).ok()?;
        let (taken, after) = after.split_at_checked(len)?;
        rest = after;
        Some(taken)
    };
    if string()? != kind.as_bytes() {
        return None;
    }
    let public = string()?.try_into().ok()?;
    let application = match kind {
        "ssh-ed25519" => None,
        _ => Some(String::from_utf8(string()?.to_vec()).ok()?),
    };
    rest.is_empty().then_some((public, application))
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with or without `Z`. Without it OpenSSH takes the machine's own time zone;
/// here it is UTC, so that all nodes agree.
fn time(text: &str) -> Result<Timestamp, String> {
    let digits = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let none = || format!("`{text}` is no time; write YYYYMMDD or YYYYMMDDHHMMSSZ");
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return Err(none());
    }
    let padded = format!("{digits:0<14}");
    let time = DateTime::strptime("%Y%m%d%H%M%S", &padded).and_then(|it| it.to_zoned(TimeZone::UTC));
    time.map(|it| it.timestamp()).map_err(|_| none())
}

/// OpenSSH's pattern lists: `*` and `?`, commas, and `!` for what must not match.
fn matches_list(patterns: &str, text: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern.as_bytes(), text.as_bytes()) => return false,
            Some(_) => (),
            None => found |= matches(pattern.as_bytes(), text.as_bytes()),
        }
    }
    found
}

/// Greedy with one place to go back to, so that no pattern takes more than quadratic time.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|it| *it == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOkOHm3mSMDuqU5BCuHFu9LdxnXgKRPgyyJ2FBVVxJMg rosa";

    #[track_caller]
    fn check(text: &str, expect: Result<usize, &str>) {
        match (AllowedSigners::parse(text), expect) {
            (Ok(found), Ok(count)) => assert_eq!(found.0.len(), count, "{text}"),
            (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}"),
            (found, expect) => panic!("{text}: {found:?}, not {expect:?}"),
        }
    }

    #[test]
    fn lines_as_openssh_takes_them() {
        check("", Ok(0));
        check("# nobody\n\n", Ok(0));
        check(&format!("rosa@example.org {KEY}"), Ok(1));
        check(&format!("rosa@example.org,*@ship {KEY}\nrolf {KEY}"), Ok(2));
        check(&format!("\"rosa of the ship\" {KEY}"), Ok(1));
        check(&format!("rosa namespaces=\"git,file\" {KEY}"), Ok(1));
        check(
            &format!("rosa namespaces=\"git, file\",valid-after=\"20260101\",valid-before=20270101Z {KEY}"),
            Ok(1),
        );
        check("rosa ssh-rsa AAAA", Ok(0));
        check(&format!("rosa cert-authority {KEY}"), Err("line 1 of the allowed signers: certificate"));
        check(
            &format!("rosa {KEY}\nrolf touch {KEY}"),
            Err("line 2 of the allowed signers: `touch` is no option"),
        );
        check(&format!("rosa namespaces=\"git {KEY}"), Err("quote"));
        check(&format!("rosa valid-before=tomorrow {KEY}"), Err("`tomorrow` is no time"));
        check(&format!("rosa valid-before=20261301 {KEY}"), Err("is no time"));
        check(&format!("rosa valid-after=20270101,valid-before=20260101 {KEY}"), Err("at no time"));
        check("rosa", Err("it has no key"));
        check("rosa namespaces=git", Err("is no type of a key"));
        check("rosa ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOkO", Err("not of the type"));
        check("rosa ssh-ed25519 !!", Err("not base64"));
    }

    #[test]
    fn namespaces_and_times() {
        let line =
            |options: &str| AllowedSigners::parse(&format!("rosa {options}{KEY}")).unwrap().0.remove(0);
        assert!(line("").may_sign_in("git"));
        for (patterns, git) in
            [("git", true), ("file", false), ("*", true), ("g?t", true), ("*,!git", false), ("!file", false)]
        {
            assert_eq!(line(&format!("namespaces=\"{patterns}\" ")).may_sign_in("git"), git, "{patterns}");
        }
        let window = line("valid-after=202601011200,valid-before=20260201 ");
        for (time, counts) in [
            ("2026-01-01T11:59:59Z", false),
            ("2026-01-01T12:00:00Z", true),
            ("2026-02-01T00:00:00Z", true),
            ("2026-02-01T00:00:01Z", false),
        ] {
            assert_eq!(window.counts_at(time.parse().unwrap()), counts, "{time}");
        }
    }
}
