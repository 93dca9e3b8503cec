use std::{fmt, path::PathBuf, str::FromStr};

use gix::bstr::ByteSlice;

/// Where a repository is, and which of its refs is asked for: `https://host[:port]/path.git[#ref]`,
/// `ssh://[user@]host[:port]/path[#ref]`, or `file:///path`, a file that `git bundle` made.
///
/// The ref is a full name (`refs/heads/main`), the name of a branch or a tag, or a pattern with `*` at its end, of
/// which the newest counts: `refs/tags/harbour-*`. Without one it is what the repository calls its `HEAD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// How it is reached.
    pub scheme: Scheme,
    /// Which ref.
    pub asked: Asked,
}

/// How a repository is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Smart HTTP.
    Http {
        /// Whether by TLS.
        tls: bool,
        /// The host, without brackets.
        host: String,
        /// The port.
        port: u16,
        /// The path, from its slash on.
        path: String,
    },
    /// The `ssh` program.
    Ssh {
        /// Who we are there.
        user: Option<String>,
        /// The host, without brackets.
        host: String,
        /// The port, where it is not ssh's own.
        port: Option<u16>,
        /// The path, from its slash on.
        path: String,
    },
    /// A file that `git bundle` made.
    File(PathBuf),
}

/// Which ref is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The repository's own choice.
    Head,
    /// That one, by its full name.
    Full(String),
    /// The branch or the tag of that name, of which there must be one.
    Short(String),
    /// The newest of those whose full names begin so.
    Newest(String),
}

impl Scheme {
    /// Whether both are reached in the same way at the same server. A file is beside nothing.
    pub fn is_beside(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Http { tls, host, port, .. }, Self::Http { tls: its, host: there, port: at, .. }) => {
                (tls, host, port) == (its, there, at)
            }
            (Self::Ssh { user, host, port, .. }, Self::Ssh { user: its, host: there, port: at, .. }) => {
                (user, host, port) == (its, there, at)
            }
            _ => false,
        }
    }
}

impl Asked {
    /// Reads a ref as the place's fragment has it.
    ///
    /// # Errors
    /// When no ref could be called so.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is no name of a ref", text.escape_default());
        let plain = text.strip_suffix('*').unwrap_or(text);
        // What a pattern leaves out stands for any name.
        let whole = if plain.len() == text.len() { plain.to_owned() } else { format!("{plain}0") };
        if gix::validate::reference::name_partial(whole.as_bytes().as_bstr()).is_err() || plain.contains('*')
        {
            return Err(wrong());
        }
        Ok(match (text.strip_suffix('*'), plain.starts_with("refs/")) {
            (None, _) if text == "HEAD" => Self::Head,
            (None, true) => Self::Full(text.to_owned()),
            (None, false) => Self::Short(text.to_owned()),
            (Some(_), true) => Self::Newest(plain.to_owned()),
            (Some(_), false) => Self::Newest(format!("refs/tags/{plain}")),
        })
    }

    /// The names that a server is asked for.
    pub(super) fn prefixes(&self) -> Vec<String> {
        match self {
            Self::Head => vec!["HEAD".into()],
            Self::Full(name) | Self::Newest(name) => vec![name.clone()],
            Self::Short(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("HEAD"),
            Self::Full(name) | Self::Short(name) => f.write_str(name),
            Self::Newest(prefix) => write!(f, "{prefix}*"),
        }
    }
}

impl Place {
    /// The repository, without its ref and without anybody's name.
    pub fn repository(&self) -> String {
        let host = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        match &self.scheme {
            Scheme::Http { tls, host: name, port, path } => {
                let (scheme, usual) = if *tls { ("https", 443) } else { ("http", 80) };
                let port = if *port == usual { String::new() } else { format!(":{port}") };
                format!("{scheme}://{}{port}{path}", host(name))
            }
            Scheme::Ssh { user, host: name, port, path } => {
                let user = user.as_deref().map(|it| format!("{it}@")).unwrap_or_default();
                let port = port.map(|it| format!(":{it}")).unwrap_or_default();
                format!("ssh://{user}{}{port}{path}", host(name))
            }
            Scheme::File(path) => format!("file://{}", path.display()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository())?;
        match &self.asked {
            Asked::Head => Ok(()),
            asked => write!(f, "#{asked}"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown = text.escape_default();
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) || text.len() > 2_048 {
            return Err(format!("`{shown}` is no address of a repository"));
        }
        let (address, asked) = match text.split_once('#') {
            Some((address, asked)) => (address, Asked::parse(asked)?),
            None => (text, Asked::Head),
        };
        let (scheme, rest) = address.split_once("://").ok_or_else(|| format!("`{shown}` has no scheme"))?;
        if scheme == "file" {
            let path = PathBuf::from(rest);
            return match path.is_absolute() {
                true => Ok(Self { scheme: Scheme::File(path), asked }),
                false => Err(format!("`{shown}` names no file by its whole path")),
            };
        }
        let (authority, path) = match rest.find('/').and_then(|at| rest.split_at_checked(at)) {
            Some((authority, path)) if path.len() > 1 => (authority, path.to_owned()),
            _ => return Err(format!("`{shown}` names no repository on its host")),
        };
        if path.contains('?') || path.split('/').any(|it| matches!(it, "." | "..")) {
            return Err(format!("the path of `{shown}` is no plain one"));
        }
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority),
        };
        let (host, port) = host_and_port(authority).ok_or_else(|| format!("`{shown}` names no host"))?;
        let scheme = match (scheme, user) {
            ("https" | "http", Some(_)) => {
                return Err(
                    "credentials belong into a file that `credentials` names, not into an address".into()
                );
            }
            ("https", None) => Scheme::Http { tls: true, host, port: port.unwrap_or(443), path },
            ("http", None) => Scheme::Http { tls: false, host, port: port.unwrap_or(80), path },
            ("ssh", user) => {
                let name = |it: &str| !it.is_empty() && !it.starts_with('-') && !it.contains(':');
                if !user.is_none_or(name) {
                    return Err(format!("`{shown}` names a user that ssh would not take, or a password"));
                }
                Scheme::Ssh { user: user.map(str::to_owned), host, port, path }
            }
            _ => return Err(format!("`{shown}` is not of a scheme that Git repositories are asked by")),
        };
        Ok(Self { scheme, asked })
    }
}

/// `host`, `host:port`, `[address]`, `[address]:port`.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, rest)
        }
        None => text.split_at_checked(text.find(':').unwrap_or(text.len()))?,
    };
    let port = match rest {
        "" => None,
        rest => Some(rest.strip_prefix(':')?.parse().ok().filter(|it| *it > 0)?),
    };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let ok = !host.is_empty() && !host.starts_with(['-', '.']) && host.chars().all(named);
    ok.then(|| (host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<&str, &str>) {
        match (text.parse::<Place>(), expect) {
            (Ok(place), Ok(shown)) => {
                assert_eq!(place.to_string(), shown);
                assert_eq!(shown.parse::<Place>(), Ok(place), "it reads what it writes");
            }
            (Err(why), Err(part)) => assert!(why.contains(part), "{text}: {why}"),
            (found, expect) => panic!("{text}: {found:?}, not {expect:?}"),
        }
    }

    #[test]
    fn places() {
        check("https://git.example/site.git", Ok("https://git.example/site.git"));
        check("https://GIT.example:443/a/site.git#main", Ok("https://git.example/a/site.git#main"));
        check("http://127.0.0.1:8080/site.git#HEAD", Ok("http://127.0.0.1:8080/site.git"));
        check("https://[::1]:8443/s.git#refs/tags/s-*", Ok("https://[::1]:8443/s.git#refs/tags/s-*"));
        check("https://h/s.git#s-*", Ok("https://h/s.git#refs/tags/s-*"));
        check("ssh://git@h:2222/s.git#v1", Ok("ssh://git@h:2222/s.git#v1"));
        check("ssh://h/~git/s.git", Ok("ssh://h/~git/s.git"));
        check(
            "file:///media/stick/s.bundle#refs/heads/main",
            Ok("file:///media/stick/s.bundle#refs/heads/main"),
        );
        check("file://stick/s.bundle", Err("whole path"));
        check("https://me:secret@h/s.git", Err("credentials belong into a file"));
        check("ssh://me:secret@h/s.git", Err("password"));
        check("ssh://-oProxyCommand=x@h/s.git", Err("ssh would not take"));
        check("ssh://-oProxyCommand=x/s.git", Err("names no host"));
        check("https:///s.git", Err("names no host"));
        check("https://h", Err("names no repository"));
        check("https://h/", Err("names no repository"));
        check("https://h:0/s.git", Err("names no host"));
        check("https://h:99999/s.git", Err("names no host"));
        check("https://h/a/../s.git", Err("plain"));
        check("https://h/s.git?x=1", Err("plain"));
        check("https://h/s.git#a..b", Err("no name of a ref"));
        check("https://h/s.git#*/x", Err("no name of a ref"));
        check("https://h/s.git# x", Err("no address"));
        check("ftp://h/s.git", Err("scheme"));
        check("h:s.git", Err("no scheme"));
    }
}
