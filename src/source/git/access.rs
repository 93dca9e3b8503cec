use std::{io::Read as _, path::Path, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio_rustls::rustls::ClientConfig;

use super::{
    super::{Spec, registry},
    Error,
    place::{Place, Scheme},
    ssh::Identity,
};
use crate::{limits, source::Trouble};

/// How we come in: read from the files that the configuration names, before anybody is asked.
pub(super) enum Access {
    /// By HTTP.
    Http { tls: Option<Arc<ClientConfig>>, authorization: Option<String>, names: registry::Names },
    /// By ssh, which reads its files itself.
    Ssh(Identity),
    /// A file.
    File,
}

impl Access {
    pub(super) fn of(place: &Place, spec: &Spec) -> Result<Self, Error> {
        match &place.scheme {
            Scheme::File(_) => Ok(Self::File),
            Scheme::Ssh { .. } => Ok(Self::Ssh(Identity {
                key: spec.credentials.clone(),
                known_hosts: spec.known_hosts.clone(),
            })),
            Scheme::Http { tls, host, .. } => {
                let url = place.repository();
                if !tls && !spec.plain_http && !is_loopback(host) {
                    let why = "it is asked without TLS, so anybody on the way could answer".to_owned();
                    return Err(Error::Network(Trouble::Untrusted { url, why }));
                }
                let config = tls.then(|| registry::tls_config(spec.ca.as_deref())).transpose();
                let config = config.map_err(|error| match error {
                    registry::Error::Network(trouble @ Trouble::File { .. }) => Error::Network(trouble),
                    other => Error::Network(Trouble::Untrusted { url: url.clone(), why: other.to_string() }),
                })?;
                let authorization = spec.credentials.as_deref().map(credentials).transpose()?;
                let names = registry::Names::of_host().map_err(|error| {
                    Error::Network(Trouble::File {
                        path: "/etc/resolv.conf".into(),
                        why: error.to_string(),
                        fix: "resolv.conf(5) says what it may hold".into(),
                    })
                })?;
                Ok(Self::Http { tls: config.map(Arc::new), authorization, names })
            }
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// Reads a file of credentials, and gives the header that shows them.
fn credentials(path: &Path) -> Result<String, Error> {
    let wrong = |why: String| {
        Error::Network(Trouble::File {
        path: path.to_owned(),
        why,
        fix: "`credentials` of a Git source is a file with lines `username=…` and `password=…`, or `authtype=Bearer` and `credential=…`, as `git credential fill` prints them".into(),
    })
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(limits::CREDENTIALS_BYTES).read_to_string(&mut text))
        .map_err(|error| wrong(error.to_string()))?;
    authorization(&text).map_err(wrong)
}

/// What git-credential(1) calls a credential, as the value of the header `Authorization`. It says neither more nor less
/// in errors than which line is wrong: lines are secrets.
pub(super) fn authorization(text: &str) -> Result<String, String> {
    let (mut user, mut password, mut kind, mut token) = (None, None, None, None);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_end_matches('\r');
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) =
            line.split_once('=').ok_or_else(|| format!("line {number} is not `name=value`"))?;
        let slot = match name {
            "username" => &mut user,
            "password" => &mut password,
            "authtype" => &mut kind,
            "credential" => &mut token,
            // Whom it is for, and until when: the configuration says the first, the server the second.
            "protocol" | "host" | "path" | "url" | "capability[]" | "password_expiry_utc" => continue,
            _ => return Err(format!("line {number} has a name that is none of a credential's")),
        };
        if value.chars().any(char::is_control) || slot.replace(value).is_some() {
            return Err(format!("line {number} says something twice, or what no header can hold"));
        }
    }
    match (user, password, kind, token) {
        (Some(user), Some(_), None, None) if user.contains(':') => Err("a user's name has no colon".into()),
        (Some(user), Some(password), None, None) => {
            Ok(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
        }
        (None, None, Some(kind), Some(token)) if kind.chars().all(|c| c.is_ascii_alphanumeric()) => {
            Ok(format!("{kind} {token}"))
        }
        _ => Err("it has neither a user with a password nor a type with a credential".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_as_git_writes_them() {
        for (text, expect) in [
            ("username=me\npassword=se:cret=1\n", Ok("Basic bWU6c2U6Y3JldD0x")),
            ("protocol=https\nhost=h\nusername=me\npassword=p\n", Ok("Basic bWU6cA==")),
            ("# the robot\nauthtype=Bearer\ncredential=abc.def\n", Ok("Bearer abc.def")),
            ("username=me\n", Err("neither")),
            ("authtype=Bearer\ncredential=x\nusername=me\npassword=p\n", Err("neither")),
            ("username=a:b\npassword=p\n", Err("colon")),
            ("username=me\nusername=you\npassword=p\n", Err("line 2")),
            ("hunter2\n", Err("line 1 is not")),
            ("passwrd=x\n", Err("line 1 has a name")),
        ] {
            match (authorization(text), expect) {
                (Ok(found), Ok(header)) => assert_eq!(found, header),
                (Err(why), Err(part)) => {
                    assert!(why.contains(part), "{why}");
                    assert!(!why.contains("hunter2"), "a secret in a message");
                }
                (found, expect) => panic!("{text:?}: {found:?}, not {expect:?}"),
            }
        }
    }
}
