//! What kind of thing an object is.

use std::{fmt, str::FromStr};

/// Group, version and kind. The core group is empty.
///
/// ```
/// use airlock::object::Gvk;
/// let gvk = Gvk::parse("apps/v1", "Deployment").unwrap();
/// assert_eq!((gvk.group.as_str(), gvk.version.as_str()), ("apps", "v1"));
/// assert_eq!((gvk.api_version(), gvk.to_string()), ("apps/v1".into(), "apps/v1 Deployment".into()));
/// assert_eq!(Gvk::parse("v1", "Pod").unwrap().api_version(), "v1");
/// assert_eq!(Gvk::parse("a/b/c", "Pod"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gvk {
    /// The API group.
    pub group: String,
    /// The version inside the group.
    pub version: String,
    /// The kind.
    pub kind: String,
}

impl Gvk {
    /// Takes an `apiVersion` apart, as `schema.ParseGroupVersion` does; nothing where it has two slashes or more.
    pub fn parse(api_version: &str, kind: &str) -> Option<Self> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let part = |text: &str| text.to_owned();
        (!version.contains('/')).then(|| Self {
            group: part(group),
            version: part(version),
            kind: part(kind),
        })
    }

    /// `version` in the core group, else `group/version`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The same without the version: what identifies an object whatever version it is written in.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind { group: self.group.clone(), kind: self.kind.clone() }
    }

    /// Whether it is this kind of this group, in any version.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind)
    }
}

/// Group and kind. Written `group/Kind`, or `Kind` in the core group, as Flux's flags take it.
///
/// ```
/// use airlock::object::GroupKind;
/// for text in ["Secret", "apps/Deployment"] {
///     assert_eq!(text.parse::<GroupKind>().unwrap().to_string(), text);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
}

impl FromStr for GroupKind {
    type Err = std::convert::Infallible;

    /// As `ssautil.ParseGroupKindSet` reads one item of its list.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (group, kind) = text.split_once('/').unwrap_or(("", text));
        Ok(Self { group: group.to_owned(), kind: kind.to_owned() })
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}/{}", self.group, self.kind)
        }
    }
}
