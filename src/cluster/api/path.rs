//! Where things are on an API server.

use std::fmt::Write as _;

use serde_json::json;

use crate::cluster::{Error, Resource};

/// A path without its query.
#[derive(Clone, Debug)]
pub(super) struct Path(String);

impl Path {
    /// One that is the same everywhere.
    pub(super) fn fixed(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// The objects of a kind, in one namespace or all.
    pub(super) fn collection(resource: &Resource, namespace: Option<&str>) -> Result<Self, Error> {
        let mut path = String::from(if resource.gvk.group.is_empty() { "/api" } else { "/apis" });
        for part in [&resource.gvk.group, &resource.gvk.version].into_iter().filter(|it| !it.is_empty()) {
            push(&mut path, part)?;
        }
        if let Some(namespace) = namespace.filter(|_| resource.namespaced) {
            push(&mut path, "namespaces")?;
            push(&mut path, namespace)?;
        }
        push(&mut path, &resource.plural)?;
        Ok(Self(path))
    }

    /// One object. A namespace where none belongs, or none where one does, is refused in the words of client-go and the server.
    pub(super) fn object(resource: &Resource, namespace: &str, name: &str) -> Result<Self, Error> {
        match (resource.namespaced, namespace.is_empty()) {
            (true, true) => {
                Err(refused("an empty namespace may not be set when a resource name is provided"))
            }
            (false, false) => Err(refused("namespace may not be set for a resource that is not namespaced")),
            _ => {
                let Self(mut path) = Self::collection(resource, Some(namespace))?;
                push(&mut path, name)?;
                Ok(Self(path))
            }
        }
    }

    /// A subresource of it; itself where that is empty.
    pub(super) fn part(mut self, part: &str) -> Self {
        if !part.is_empty() {
            self.0.push('/');
            self.0.push_str(part);
        }
        self
    }

    /// With its query.
    pub(super) fn with(&self, query: &Query) -> String {
        format!("{}{}", self.0, query.0)
    }
}

/// What follows the question mark.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(String);

impl Query {
    pub(super) fn set(&mut self, key: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '?' } else { '&' });
        self.0.push_str(key);
        self.0.push('=');
        escape(&mut self.0, value);
    }

    /// Only when there is something to say.
    pub(super) fn set_if(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.set(key, value);
        }
    }
}

/// One more part of a path. What the server would read as more or less than one part is refused, as `IsValidPathSegmentName` refuses it.
fn push(path: &mut String, part: &str) -> Result<(), Error> {
    if part.is_empty() || part == "." || part == ".." || part.contains(['/', '%']) {
        return Err(refused(&format!("invalid resource name {part:?}")));
    }
    path.push('/');
    escape(path, part);
    Ok(())
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3) and the colon, which names of roles are full of.
fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn refused(message: &str) -> Error {
    Error::from_status(&json!({"code": 400, "reason": "BadRequest", "message": message}), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Gvk;

    fn resource(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> Resource {
        let gvk = Gvk::parse(api_version, kind).unwrap();
        Resource { gvk, plural: plural.to_owned(), namespaced, verbs: Vec::new() }
    }

    #[test]
    fn paths() {
        let map = resource("v1", "ConfigMap", "configmaps", true);
        let role = resource("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false);
        for (resource, namespace, name, expect) in [
            (&map, "web", "a", "/api/v1/namespaces/web/configmaps/a"),
            (&role, "", "system:x", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:x"),
            (&map, "web", "ä b?", "/api/v1/namespaces/web/configmaps/%C3%A4%20b%3F"),
        ] {
            assert_eq!(Path::object(resource, namespace, name).unwrap().0, expect);
        }
        for (resource, namespace, name) in [
            (&map, "", "a"),
            (&role, "web", "a"),
            (&map, "web", ".."),
            (&map, "../x", "a"),
            (&map, "web", "a/b"),
            (&map, "web", ""),
        ] {
            let error = Path::object(resource, namespace, name).unwrap_err();
            assert!(matches!(error, Error::Rejected(_)), "{error:?}");
        }
        assert_eq!(Path::collection(&map, None).unwrap().0, "/api/v1/configmaps");
        assert_eq!(Path::collection(&role, Some("web")).unwrap().part("x").0.matches("web").count(), 0);
    }

    #[test]
    fn queries() {
        let mut query = Query::default();
        query.set("labelSelector", "a/b=c,d");
        query.set_if("continue", "");
        query.set("limit", "5");
        assert_eq!(query.0, "?labelSelector=a%2Fb%3Dc%2Cd&limit=5");
    }
}
