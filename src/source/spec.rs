use std::{fmt, path::PathBuf, str::FromStr};

use super::{Failure, GiveWay, Remote, git, registry};

/// A remote place as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Where.
    pub url: Url,
    /// What identifies this node there: a docker configuration file.
    pub credentials: Option<PathBuf>,
    /// The authorities that its certificate may come from, in PEM; those of the system without.
    pub ca: Option<PathBuf>,
    /// Other hosts that it may send this node to: for tokens, for blobs.
    pub hosts: Hosts,
    /// Whether it may be asked without TLS. Loopback always may.
    pub plain_http: bool,
    /// How long it is waited for.
    pub patience: registry::Patience,
    /// The keys of ssh servers.
    pub known_hosts: Option<PathBuf>,
    /// The store, below which a repository's objects are kept; without, they are gone when its bundle was read.
    pub objects: Option<PathBuf>,
}

/// Which other hosts a place may send us to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// These, as `host` or `host:port`.
    Only(Vec<String>),
    /// Any that proves who it is, as the tools of a connected machine have it.
    AnyByTls,
}

impl Default for Hosts {
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

impl Spec {
    /// A place about which nothing more is said.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            credentials: None,
            ca: None,
            hosts: Hosts::default(),
            plain_http: false,
            patience: registry::Patience::default(),
            known_hosts: None,
            objects: None,
        }
    }

    /// The place at `url`, reached as the first of these that is on the same server; as a stranger where none is.
    pub fn like(url: Url, known: impl IntoIterator<Item = Self>) -> Self {
        match known.into_iter().filter(|it| it.url.is_beside(&url)).min_by_key(|it| it.url != url) {
            Some(known) => Self { url, ..known },
            None => Self::new(url),
        }
    }

    /// Makes ready to ask: reads the files that it names. It is called on a thread that may block, within a runtime.
    ///
    /// # Errors
    /// When one of the files cannot be used, or the scheme is one that this agent does not know.
    pub fn open(&self, give_way: &GiveWay) -> Result<Box<dyn Remote>, Failure> {
        match &self.url {
            Url::Registry(place) => {
                let registry = registry::Registry::open(place, self, give_way);
                registry.map(|it| Box::new(it) as Box<dyn Remote>).map_err(Failure::new)
            }
            Url::Git(place) => {
                let git = git::Git::open(place, self, give_way);
                git.map(|it| Box::new(it) as Box<dyn Remote>).map_err(Failure::new)
            }
        }
    }
}

/// Where a remote place is: one variant a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// `oci://host[:port]/path[:tag][@sha256:…]`
    Registry(registry::Place),
    /// `https://host[:port]/path.git[#ref]`, `ssh://…`, `file:///…`
    Git(git::Place),
}

impl Url {
    /// Whether an argument of a command names a remote place rather than a path.
    pub fn is_meant(text: &str) -> bool {
        text.contains("://")
    }

    /// Whether both are on one server.
    fn is_beside(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Registry(one), Self::Registry(other)) => one.host() == other.host(),
            (Self::Git(one), Self::Git(other)) => one.scheme.is_beside(&other.scheme),
            (Self::Registry(_), Self::Git(_)) | (Self::Git(_), Self::Registry(_)) => false,
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(place) => fmt::Display::fmt(place, f),
            Self::Git(place) => fmt::Display::fmt(place, f),
        }
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            Some(("oci", _)) => text.parse().map(Self::Registry),
            Some(("https" | "http" | "ssh" | "file", _)) => text.parse().map(Self::Git),
            _ => Err(format!(
                "`{text}` is none of the places that are asked for bundles: `oci://…`, `https://….git`, `ssh://…`, `file:///…`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_reached_as_its_neighbours_are() {
        let url = |text: &str| text.parse::<Url>().unwrap();
        let spec = |text: &str, ca: &str| Spec { ca: Some(ca.into()), ..Spec::new(url(text)) };
        let known = [spec("oci://r/a:1", "one"), spec("oci://r/b:1", "two"), spec("oci://s/a:1", "three")];
        for (text, expect) in [
            ("oci://r/a:1", Some("one")),
            ("oci://r/b:1", Some("two")),
            ("oci://r/c:1", Some("one")),
            ("oci://s/b:9", Some("three")),
            ("oci://t/a:1", None),
            ("oci://r:5000/a:1", None),
        ] {
            let found = Spec::like(url(text), known.clone());
            assert_eq!((found.url, found.ca), (url(text), expect.map(Into::into)), "{text}");
        }
    }
}
