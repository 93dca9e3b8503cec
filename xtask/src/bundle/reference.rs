use std::{fmt, str::FromStr};

use airlock::digest::Digest;

/// An image reference with everything that Docker leaves unsaid: `nginx` is `docker.io/library/nginx:latest`
/// (distribution's reference grammar and its "familiar names").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    /// Host and path.
    pub(super) repository: String,
    /// The tag; `latest` where neither a tag nor a digest was said.
    pub(super) tag: Option<String>,
    /// The digest.
    pub(super) digest: Option<Digest>,
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not an image reference", text.chars().take(200).collect::<String>());
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse::<Digest>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let start = name.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match name.get(start..).and_then(|it| it.find(':')) {
            Some(at) => (name.get(..start + at).unwrap_or(name), name.get(start + at + 1..)),
            None => (name, None),
        };
        let (host, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path.to_owned()),
            _ => ("docker.io", name.to_owned()),
        };
        let (host, path) = match host {
            "docker.io" | "index.docker.io" if !path.contains('/') => {
                ("docker.io", format!("library/{path}"))
            }
            "index.docker.io" => ("docker.io", path),
            host => (host, path),
        };
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let component = |it: &str| {
            it.starts_with(lower) && it.ends_with(lower) && it.chars().all(|c| lower(c) || "._-".contains(c))
        };
        let host_is_good =
            !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
        let tag_is_good = tag.is_none_or(|it| {
            let inner = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            (1..=128).contains(&it.len()) && it.chars().all(inner) && !it.starts_with(['.', '-'])
        });
        if !host_is_good || !tag_is_good || !path.split('/').all(component) {
            return Err(wrong());
        }
        let tag = match (tag, digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Self { repository: format!("{host}/{path}"), tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn familiar_names_are_spelled_out() {
        let digest = Digest::of(b"");
        let pinned = format!("nginx@{digest}");
        for (text, expect) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("bitnami/redis:7", "docker.io/bitnami/redis:7"),
            ("docker.io/nginx:1", "docker.io/library/nginx:1"),
            ("index.docker.io/library/nginx:1", "docker.io/library/nginx:1"),
            ("localhost/a:1", "localhost/a:1"),
            ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
            ("registry1.dso.mil/ironbank/x:v1", "registry1.dso.mil/ironbank/x:v1"),
            (pinned.as_str(), &format!("docker.io/library/nginx@{digest}")),
            ("Nginx", ""),
            ("nginx:", ""),
            ("nginx:a b", ""),
            ("", ""),
            ("a//b", ""),
            ("nginx@sha256:00", ""),
            ("{{ .Values.image }}", ""),
        ] {
            let found = text.parse::<Reference>().map(|it| it.to_string());
            assert_eq!(found.as_deref().unwrap_or(""), expect, "{text}");
        }
    }
}
