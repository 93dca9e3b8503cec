use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

/// What tells a registry who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password; where a token is asked for, they are shown to the server that gives it.
    Password {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
    /// A token that somebody else fetched.
    Token(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { name, .. } => {
                f.debug_struct("Password").field("name", name).finish_non_exhaustive()
            }
            Self::Token(_) => f.write_str("Token"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

/// Reads docker's configuration file, and finds what it has for a repository of a registry: the entry that names most
/// of its path, as containers-auth.json(5) has it.
///
/// # Errors
/// When it is no such file, or would have a program asked: none is started on a node.
pub fn parse(bytes: &[u8], host: &str, path: &str) -> Result<Option<Credentials>, String> {
    // What stands in the file is a secret, so the reader's own words about it are not passed on.
    let file: File = serde_json::from_slice(bytes)
        .map_err(|error| format!("line {} is not as in docker's `config.json`", error.line()))?;
    let wanted = format!("{}/{path}", canonical(host));
    let fits =
        |key: &str| wanted == key || wanted.strip_prefix(key).is_some_and(|rest| rest.starts_with('/'));
    let entries = file.auths.iter().map(|(key, entry)| (key_of(key), entry));
    let best = entries.filter(|(key, entry)| fits(key) && !entry.is_empty()).max_by_key(|(key, _)| key.len());
    if let Some((key, entry)) = best {
        return entry.credentials(&key).map(Some);
    }
    let helper = file.cred_helpers.iter().find(|(key, _)| fits(&key_of(key))).map(|(_, helper)| helper);
    match helper.or(file.creds_store.as_ref()) {
        Some(helper) => Err(format!(
            "it leaves `{host}` to the credential helper `docker-credential-{helper}`, and no other program is started here"
        )),
        None => Ok(None),
    }
}

/// The key of an entry without what old versions wrote around the host.
fn key_of(key: &str) -> String {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let bare = match rest {
        // With a scheme, only the host counts: `https://index.docker.io/v1/`.
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => key.trim_end_matches('/'),
    };
    match bare.split_once('/') {
        Some((host, path)) => format!("{}/{path}", canonical(host)),
        None => canonical(bare).to_owned(),
    }
}

/// Docker's registry has several names.
fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

impl Entry {
    fn is_empty(&self) -> bool {
        [&self.auth, &self.username, &self.identitytoken, &self.registrytoken].iter().all(|it| it.is_empty())
    }

    fn credentials(&self, key: &str) -> Result<Credentials, String> {
        if !self.registrytoken.is_empty() {
            return Ok(Credentials::Token(self.registrytoken.clone()));
        }
        if !self.identitytoken.is_empty() {
            return Err(format!(
                "`{key}` has an `identitytoken`, which only a person's login renews; give `auth`"
            ));
        }
        if self.auth.is_empty() {
            return Ok(Credentials::Password {
                name: self.username.clone(),
                password: self.password.clone(),
            });
        }
        let pair = STANDARD.decode(&self.auth).ok().and_then(|it| String::from_utf8(it).ok());
        match pair.as_deref().and_then(|it| it.split_once(':')) {
            // Docker fills the password up with zeros.
            Some((name, password)) => Ok(Credentials::Password {
                name: name.to_owned(),
                password: password.trim_end_matches('\0').to_owned(),
            }),
            None => Err(format!("`auth` of `{key}` is not `name:password` in base64")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, place: &str, expect: Result<Option<&str>, &str>) {
        let (host, path) = place.split_once('/').unwrap();
        let found = parse(file.as_bytes(), host, path).map(|it| {
            it.map(|it| match it {
                Credentials::Password { name, password } => format!("{name} {password}"),
                Credentials::Token(token) => format!("token {token}"),
            })
        });
        match (&found, expect) {
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            _ => assert_eq!(found.as_ref().map(|it| it.as_deref()).map_err(|it| &**it), expect, "{file}"),
        }
    }

    #[test]
    fn the_entry_that_names_most_counts() {
        // `rosa:secret` and `rolf:other:half`
        let file = r#"{"auths": {"r.example": {"auth": "cm9zYTpzZWNyZXQ="}, "r.example/team": {"auth": "cm9sZjpvdGhlcjpoYWxm"},
            "https://index.docker.io/v1/": {"username": "a", "password": "b"}, "t.example:5000": {"registrytoken": "x"}}}"#;
        check(file, "r.example/app", Ok(Some("rosa secret")));
        check(file, "r.example/team/app", Ok(Some("rolf other:half")));
        check(file, "r.example/teams", Ok(Some("rosa secret")));
        check(file, "registry-1.docker.io/library/a", Ok(Some("a b")));
        check(file, "t.example:5000/a", Ok(Some("token x")));
        check(file, "t.example/a", Ok(None));
        check("{}", "r.example/a", Ok(None));
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_name_and_never_shown() {
        check(r#"{"auths": {"r": {}}, "credsStore": "pass"}"#, "r/a", Err("`docker-credential-pass`"));
        check(r#"{"credHelpers": {"r": "ecr-login"}}"#, "r/a", Err("`docker-credential-ecr-login`"));
        check(r#"{"credHelpers": {"r": "ecr-login"}}"#, "s/a", Ok(None));
        check(r#"{"auths": {"r": {"identitytoken": "x"}}}"#, "r/a", Err("`identitytoken`"));
        check(r#"{"auths": {"r": {"auth": "c2VjcmV0"}}}"#, "r/a", Err("`auth` of `r` is not"));
        check("{\"auths\": {\"r\": {\"auth\": 5678}}}", "r/a", Err("line 1 is not as"));
        let told = parse(b"{\"auths\": {\"r\": \"geheim\"}}", "r", "a").unwrap_err();
        assert!(!told.contains("geheim"), "{told}");
    }
}
