/// How a registry wants to be told who asks (RFC 9110, 11.6.1; distribution's token specification).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token from a server.
    Bearer {
        /// The server that gives tokens.
        realm: String,
        /// For whom it gives them.
        service: Option<String>,
        /// What the token is to allow.
        scope: Option<String>,
    },
}

impl Challenge {
    /// The best of those in a `WWW-Authenticate` header: a token before a password.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let mut found: Option<Self> = None;
        for (scheme, parameters) in split(header) {
            let parameter = |name: &str| {
                parameters
                    .iter()
                    .find(|(it, _)| it.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.clone())
            };
            if scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = parameter("realm")
            {
                let (service, scope) = (parameter("service"), parameter("scope"));
                return Some(Self::Bearer { realm, service, scope });
            }
            if scheme.eq_ignore_ascii_case("basic") {
                found = found.or(Some(Self::Basic));
            }
        }
        found
    }
}

/// The schemes of a header, each with its parameters.
fn split(header: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut challenges: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            return challenges;
        }
        let after = after.trim_start_matches([' ', '\t']);
        match (after.strip_prefix('='), challenges.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let (value, after) = value_of(value.trim_start_matches([' ', '\t']));
                parameters.push((word.to_owned(), value));
                rest = after;
            }
            (Some(_), None) => return challenges,
            (None, _) => {
                challenges.push((word.to_owned(), Vec::new()));
                rest = after;
            }
        }
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// A token or a quoted string, and what comes after it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(letters.next().map(|(_, it)| it)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_header_is_too_strange(header in "[ -~]{0,60}|(Bearer |Basic |realm|=|\"|,|\\\\|é){0,12}") {
            Challenge::parse(&header);
        }
    }

    #[test]
    fn challenges_of_real_registries_are_read() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            let owned = |it: Option<&str>| it.map(str::to_owned);
            Some(Challenge::Bearer { realm: realm.into(), service: owned(service), scope: owned(scope) })
        };
        for (header, expect) in [
            ("Basic realm=\"Registry Realm\"", Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:library/a:pull,push\"",
                bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:library/a:pull,push"),
                ),
            ),
            ("Bearer realm=\"https://r/t\"", bearer("https://r/t", None, None)),
            ("Bearer service=x, realm=\"https://r/\\\"t\"", bearer("https://r/\"t", Some("x"), None)),
            ("Basic realm=\"a, Bearer\", Bearer realm=\"https://r\"", bearer("https://r", None, None)),
            ("Negotiate, Basic realm=x", Some(Challenge::Basic)),
            ("Bearer scope=\"x", None),
            ("", None),
            ("=\"", None),
            ("\"", None),
        ] {
            assert_eq!(Challenge::parse(header), expect, "{header}");
        }
    }
}
