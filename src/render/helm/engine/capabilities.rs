//! `.Capabilities`: what the cluster can do, or what Helm takes for granted without one.

use std::any::Any;

use crate::render::gotemplate::{
    Args, Failure, Function, Kind, Object, Str, Type, Value,
    strconv::quote,
    value::{List, ListType, object},
};

/// The version of Helm that this engine follows.
pub const HELM_VERSION: &str = "v4.2.3";

/// What a cluster can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Its version.
    pub kube_version: KubeVersion,
    /// Groups with versions, and on a live cluster kinds: `apps/v1`, `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
}

/// A version of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeVersion {
    /// As it was given, with a `v`.
    pub version: String,
    /// Without what vendors add.
    pub normalized: String,
    /// The first number.
    pub major: String,
    /// The second number.
    pub minor: String,
}

/// A text that is no version of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadVersion(String);

impl Default for Capabilities {
    /// What Helm 4.2.3 assumes where it has no cluster: the version and the groups of the client that it is built with.
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            kube_version: KubeVersion {
                version: text("v1.36.0"),
                normalized: text("v1.36.0"),
                major: text("1"),
                minor: text("36"),
            },
            api_versions: include_str!("api_versions.txt").lines().map(text).collect(),
        }
    }
}

impl std::str::FromStr for KubeVersion {
    type Err = BadVersion;

    /// Reads a version as `--kube-version` does.
    fn from_str(text: &str) -> Result<Self, BadVersion> {
        let shown = quote(text.as_bytes());
        let trimmed = text.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
        let digits = trimmed.strip_prefix('v').unwrap_or(trimmed);
        let mut end = 0;
        // As many numbers with dots between them as there are.
        for (at, part) in digits.split('.').enumerate() {
            let len = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            if len == 0 {
                break;
            }
            end += len + usize::from(at > 0);
            if len < part.len() {
                break;
            }
        }
        let numbers = digits.get(..end).unwrap_or_default();
        let extra = digits.get(end..).unwrap_or_default();
        if numbers.is_empty() || extra.contains('\n') {
            return Err(BadVersion(format!("could not parse {shown} as version")));
        }
        let parts: Vec<&str> = numbers.split('.').collect();
        let [major, minor, ..] = parts.as_slice() else {
            return Err(BadVersion(format!("illegal version string {shown}")));
        };
        if major.starts_with('0') && *major != "0" {
            let major = quote(major.as_bytes());
            return Err(BadVersion(format!("illegal zero-prefixed version component {major} in {shown}")));
        }
        let mut plain = Vec::new();
        for part in &parts {
            let number: u64 = part.parse().map_err(|_| {
                let part = quote(part.as_bytes());
                let why = format!("strconv.ParseUint: parsing {part}: value out of range");
                BadVersion(format!("illegal non-numeric version component {part} in {shown}: {why}"))
            })?;
            plain.push(number.to_string());
        }
        let number = |text: &str| text.parse::<u64>().unwrap_or_default().to_string();
        Ok(Self {
            version: if text.starts_with('v') { text.to_owned() } else { format!("v{text}") },
            normalized: format!("v{}", plain.join(".")),
            major: number(major),
            minor: number(minor),
        })
    }
}

const KUBE_VERSION: &str = "common.KubeVersion";
const BUILD_INFO: &str = "version.BuildInfo";

/// The type of `.Capabilities.APIVersions`.
pub(super) static SET: ListType = ListType { name: "common.VersionSet", element: Type::String };

fn text(text: &str) -> Value {
    text.into()
}

impl Object for Capabilities {
    fn type_name(&self) -> &'static str {
        "*common.Capabilities"
    }

    fn kind(&self) -> Kind {
        Kind::Pointer
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        static COPY: Function =
            Function::new("Copy", &[], Type::Object("*common.Capabilities"), |_, args| {
                Ok(args.any(0).clone())
            });
        (name == "Copy").then_some(&COPY)
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let set = List::new(&SET, self.api_versions.iter().map(|it| text(it)).collect());
        vec![
            ("KubeVersion", object(self.kube_version.clone())),
            ("APIVersions", set.into()),
            ("HelmVersion", object(BuildInfo)),
        ]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for KubeVersion {
    fn type_name(&self) -> &'static str {
        KUBE_VERSION
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        static METHODS: &[Function] = &[
            Function::new("String", &[], Type::String, |_, args| Ok(text(&version(args)?.normalized))),
            Function::new("GitVersion", &[], Type::String, |_, args| Ok(text(&version(args)?.version))),
        ];
        METHODS.iter().find(|it| it.name == name)
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Version" => Some(text(&self.version)),
            "Major" => Some(text(&self.major)),
            "Minor" => Some(text(&self.minor)),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", text(&self.version)),
            ("normalizedVersion", text(&self.normalized)),
            ("Major", text(&self.major)),
            ("Minor", text(&self.minor)),
        ]
    }

    fn addressed_text(&self) -> Option<Str> {
        Some(self.normalized.as_str().into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn version(args: Args<'_>) -> Result<&KubeVersion, Failure> {
    args.object(0)
}

/// The methods of `.Capabilities.APIVersions`.
pub(super) static SET_METHODS: &[Function] =
    &[Function::new("Has", &[Type::String], Type::Bool, |_, args| {
        let wanted = args.str(1)?;
        let has = args.list(0)?.items().iter().any(|it| matches!(it, Value::Str(it) if it == wanted));
        Ok(has.into())
    })];

/// `version.BuildInfo`, of the program that this engine follows.
struct BuildInfo;

impl Object for BuildInfo {
    fn type_name(&self) -> &'static str {
        BUILD_INFO
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", text(HELM_VERSION)),
            ("GitCommit", text("")),
            ("GitTreeState", text("")),
            ("GoVersion", text("go1.26.5")),
            ("KubeClientVersion", text("v1.36")),
        ]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
