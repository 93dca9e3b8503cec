use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::digest::Digest;

/// The name of an image, whole: registry, repository, and a tag, a digest or both. What people write short is read as
/// `docker`, containerd and the kubelet read it (github.com/distribution/reference 0.6.0, `ParseNormalizedNamed`).
///
/// ```
/// use airlock::oci::Reference;
/// let reference: Reference = "nginx:1.27".parse()?;
/// assert_eq!(reference.to_string(), "docker.io/library/nginx:1.27");
/// assert_eq!(reference.familiar(), "nginx:1.27");
/// assert!("https://nginx".parse::<Reference>().is_err());
/// # Ok::<(), airlock::oci::NotAReference>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    domain: Box<str>,
    path: Box<str>,
    tag: Option<Box<str>>,
    digest: Option<Digest>,
}

/// A text that names no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an image reference: {why}")]
pub struct NotAReference {
    /// What was given, cut to a printable length.
    pub text: String,
    /// The rule that it breaks.
    pub why: &'static str,
}

const DOCKER: &str = "docker.io";

impl Reference {
    /// The registry, with its port where it has one.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository within the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Registry and repository.
    pub fn name(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// The same with the tag `latest` where it has neither tag nor digest (`TagNameOnly`).
    #[must_use]
    pub fn or_latest(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some("latest".into());
        }
        self
    }

    /// The same pinned to a digest.
    #[must_use]
    pub fn pinned(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// What is pulled: by digest alone where there is one, as the kubelet does (`ParseDockerRef`), else by tag.
    #[must_use]
    pub fn pulled(mut self) -> Self {
        if self.digest.is_some() {
            self.tag = None;
        }
        self.or_latest()
    }

    /// As people write it: without `docker.io` and `library`.
    pub fn familiar(&self) -> String {
        let path = match (&*self.domain, self.path.strip_prefix("library/")) {
            (DOCKER, Some(rest)) if !rest.contains('/') => rest.to_owned(),
            (DOCKER, _) => self.path.to_string(),
            _ => self.name(),
        };
        path + &self.suffix()
    }

    fn suffix(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}"));
        let digest = self.digest.map(|digest| format!("@{digest}"));
        tag.unwrap_or_default() + &digest.unwrap_or_default()
    }
}

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let wrong = |why| NotAReference { text: text.chars().take(100).collect(), why };
        if text.len() == 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(wrong("64 hexadecimal digits would be taken for an image's id"));
        }
        let (domain, rest) = split_domain(text);
        if !is_domain(domain) {
            return Err(wrong("its registry is no host with an optional port"));
        }
        let (rest, digest) = match rest.split_once('@') {
            None => (rest, None),
            Some((rest, digest)) => {
                let digest =
                    digest.parse().map_err(|_| wrong("its digest is not sha256 and 64 lower-case digits"))?;
                (rest, Some(digest))
            }
        };
        let (path, tag) = match rest.split_once(':') {
            None => (rest, None),
            Some((_, tag)) if !is_tag(tag) => return Err(wrong("its tag is not of the form of tags")),
            Some((path, tag)) => (path, Some(tag.into())),
        };
        let path = match domain {
            // Repositories that docker itself keeps have a name of one part.
            DOCKER if !path.contains('/') => format!("library/{path}"),
            _ => path.to_owned(),
        };
        if !path.split('/').all(is_path_component) {
            return Err(wrong("its repository is not of lower-case names joined by `/`"));
        }
        if path.len() > 255 {
            return Err(wrong("its repository is longer than 255 characters"));
        }
        Ok(Self { domain: domain.into(), path: path.into(), tag, digest })
    }
}

/// Which part is the registry: the first one, where it looks like a host (`splitDockerDomain`).
fn split_domain(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some(("index.docker.io", rest)) => (DOCKER, rest),
        Some((first, rest))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.chars().any(|c| !c.to_lowercase().eq([c])) =>
        {
            (first, rest)
        }
        _ => (DOCKER, text),
    }
}

/// `domainAndPort`: names of letters, digits and inner hyphens, joined by dots, or an IPv6 address in brackets.
fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else { return false };
            let fits = !address.is_empty() && address.bytes().all(|c| c.is_ascii_hexdigit() || c == b':');
            if !fits {
                return false;
            }
            match port.strip_prefix(':') {
                Some(port) => (None, Some(port)),
                None if port.is_empty() => (None, None),
                None => return false,
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(text), None),
        },
    };
    let component = |name: &str| {
        let bytes = name.as_bytes();
        let edge = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
        edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'-')
    };
    host.is_none_or(|host| host.split('.').all(component))
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()))
}

/// `tag`: a word character, then at most 127 word characters, dots and hyphens.
fn is_tag(text: &str) -> bool {
    let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|c| word(c) || matches!(c, b'.' | b'-'))
}

/// `pathComponent`: lower-case letters and digits with a dot, one or two underscores, or any number of hyphens between.
fn is_path_component(text: &str) -> bool {
    let mut separator = String::new();
    let mut after_word = false;
    for c in text.chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            let joins = separator.is_empty()
                || matches!(separator.as_str(), "." | "_" | "__")
                || separator.chars().all(|c| c == '-');
            if !joins || (!separator.is_empty() && !after_word) {
                return false;
            }
            separator.clear();
            after_word = true;
        } else if matches!(c, '.' | '_' | '-') && after_word {
            separator.push(c);
        } else {
            return false;
        }
    }
    after_word && separator.is_empty()
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.domain, self.path, self.suffix())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
