use std::{fmt, str::FromStr};

use crate::{digest::Digest, oci::Reference};

/// `oci://host[:port]/path[:tag][@sha256:…]`: where something lies in a registry. Unlike in the names of images, what
/// stands first is always the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    host: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Place {
    /// The host, with its port where one is named.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The repository.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag, where one is named.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, where one is named. Then nothing else is taken, whatever the tag says meanwhile.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// What a registry is asked for: the digest, or else the tag.
    pub fn reference(&self) -> String {
        match (self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// The same place with another digest in it.
    #[must_use]
    pub fn pinned(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The place of an image, which names no scheme.
    pub fn of_image(reference: &Reference) -> Self {
        let host = match reference.domain() {
            // The name that everybody writes is not the host that answers.
            "docker.io" => "registry-1.docker.io",
            domain => domain,
        };
        Self {
            host: host.to_owned(),
            path: reference.path().to_owned(),
            tag: reference.tag().map(str::to_owned),
            digest: reference.digest(),
        }
    }

    /// Whether the registry is this machine itself, which needs no TLS to be who it is.
    pub fn is_loopback(&self) -> bool {
        let (name, _) = split_port(&self.host);
        let name = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
    }
}

/// A host and its port.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.host, self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl FromStr for Place {
    type Err = String;

    /// ```
    /// use airlock::source::registry::Place;
    /// let place: Place = "oci://registry:5000/platform/bundle:stable".parse().unwrap();
    /// assert_eq!((place.host(), place.path(), place.tag()), ("registry:5000", "platform/bundle", Some("stable")));
    /// assert!("oci://rosa:secret@registry/bundle".parse::<Place>().is_err());
    /// assert!("oci://registry".parse::<Place>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, String> {
        // A secret that somebody wrote into the address is not repeated.
        let shown = match text.split_once("://").and_then(|(_, rest)| rest.split_once('/')) {
            Some((host, _)) if host.contains('@') => "oci://…@…",
            _ => text,
        };
        let wrong = |why: &str| format!("`{shown}` is no place in a registry: {why}");
        let rest = text.strip_prefix("oci://").ok_or_else(|| wrong("it does not begin with `oci://`"))?;
        let (host, rest) = rest.split_once('/').ok_or_else(|| wrong("write it as `oci://host/path:tag`"))?;
        if host.contains('@') {
            return Err(wrong("credentials stand in a file of their own, which `credentials` names"));
        }
        let (name, port) = split_port(host);
        let is_name = !name.is_empty()
            && name.len() <= 253
            && (name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-'))
                || name
                    .strip_prefix('[')
                    .and_then(|it| it.strip_suffix(']'))
                    .is_some_and(|it| it.parse::<std::net::Ipv6Addr>().is_ok()));
        if !is_name || port.is_some_and(|it| it.parse::<u16>().is_err()) {
            return Err(wrong("its registry is no host with an optional port"));
        }
        // What comes after the host is written as in any image's name; the host stands in for one that is never read.
        let reference: Reference = format!("registry.invalid/{rest}")
            .parse()
            .map_err(|error: crate::oci::NotAReference| wrong(error.why))?;
        Ok(Self {
            host: host.to_owned(),
            path: reference.path().to_owned(),
            tag: reference.tag().map(str::to_owned),
            digest: reference.digest(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_a_host_a_path_and_a_reference() {
        let hex = "1".repeat(64);
        for (text, expect) in [
            ("oci://registry/a", Some(("registry", "a", "latest"))),
            ("oci://localhost:5000/a/b:1", Some(("localhost:5000", "a/b", "1"))),
            ("oci://[::1]:5000/a:1", Some(("[::1]:5000", "a", "1"))),
            (
                &*format!("oci://r.example/a:1@sha256:{hex}"),
                Some(("r.example", "a", &*format!("sha256:{hex}"))),
            ),
            ("oci://", None),
            ("oci:///a", None),
            ("oci://r", None),
            ("oci://r/", None),
            ("oci://r:x/a", None),
            ("oci://r/A", None),
            ("oci://r/../a", None),
            ("oci://r/a?b", None),
            ("oci://r/a#b", None),
            ("oci://u:p@r/a", None),
            ("oci://r_/a", None),
            ("docker://r/a", None),
        ] {
            let place = text.parse::<Place>();
            let found = place.as_ref().ok().map(|it| (it.host(), it.path(), it.reference()));
            let found = found.as_ref().map(|(host, path, reference)| (*host, *path, &**reference));
            assert_eq!(found, expect, "{text}");
            if let Ok(place) = place {
                assert_eq!(place.to_string(), text);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_is_written_again(text in "oci://[a-z0-9.:\\[\\]@/-]{0,40}|.{0,40}") {
            if let Ok(place) = text.parse::<Place>() {
                proptest::prop_assert_eq!(place.to_string(), text);
                place.is_loopback();
            }
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (text, expect) in [
            ("oci://127.0.0.1:5000/a", true),
            ("oci://127.9.9.9/a", true),
            ("oci://localhost/a", true),
            ("oci://[::1]/a", true),
            ("oci://localhost.example/a", false),
            ("oci://10.0.0.1:5000/a", false),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().is_loopback(), expect, "{text}");
        }
    }
}
