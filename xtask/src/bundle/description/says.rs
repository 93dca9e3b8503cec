//! The words of a description.

use std::{fmt::Display, path::PathBuf};

use airlock::{
    bundle::{Account, AgentVersion, EntryKind, Floor, HealthCheck, Target, ValuesFrom},
    duration::GoDuration,
    name::{BundleName, ChannelName, EntryName, Namespace},
    object::images::ImageField,
    source::registry::Place,
};
use jiff::Span;
use serde::{Deserialize, Deserializer, de};

/// What a description says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Says {
    /// The bundle's name, which its directory has, too.
    pub name: BundleName,
    /// What it is, in words.
    #[serde(default)]
    pub description: String,
    /// The line of bundles that it continues.
    pub channel: ChannelName,
    /// Cluster ids, or patterns with `*` at the end.
    pub audience: Vec<String>,
    /// What it is made for.
    #[serde(default)]
    pub target: Made,
    /// How long it may be accepted after it was made: `90d`, `1y`.
    #[serde(default = "quarter")]
    pub validity: Validity,
    /// The oldest bundle that an operator may go back to: `1-3` (epoch and sequence).
    #[serde(default)]
    pub rollback_floor: Option<Text<Floor>>,
    /// The oldest agent that understands it.
    #[serde(default)]
    pub requires_agent: Option<AgentVersion>,
    /// Blobs larger than this travel in parts: `1GiB`.
    #[serde(default = "gibibyte")]
    pub part_size: Text<Bytes>,
    /// What is rendered and applied.
    pub entries: Vec<EntrySays>,
    /// What entries and Flux objects may name by URL.
    #[serde(default)]
    pub sources: Vec<SourceSays>,
    /// Images out of OCI layouts and registries.
    #[serde(default)]
    pub images: Vec<ImageSays>,
    /// Plain files.
    #[serde(default)]
    pub files: Vec<FileSays>,
    /// Images that every site has already.
    #[serde(default)]
    pub external: Vec<String>,
    /// Fields beside pod specs that name images.
    #[serde(default)]
    pub image_fields: Vec<ImageField>,
    /// The next agent, for nodes that are too old for this bundle.
    #[serde(default)]
    pub agent: Option<AgentSays>,
    /// What the site is asked.
    #[serde(default)]
    pub site: Option<SiteSays>,
    /// APIs that every target serves and the bundle does not bring: `monitoring.coreos.com/v1/ServiceMonitor`.
    #[serde(default)]
    pub apis: Vec<String>,
}

/// What a bundle is made for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The versions of Kubernetes.
    #[serde(default)]
    pub kubernetes: Option<airlock::bundle::Kubernetes>,
    /// The architectures whose images it carries.
    #[serde(default)]
    pub arch: Vec<String>,
}

impl Made {
    /// As the statement has it.
    pub fn target(&self) -> Target {
        Target { kubernetes: self.kubernetes.clone(), arch: self.arch.clone() }
    }
}

/// One thing to render and apply.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EntrySays {
    /// Its name.
    pub name: EntryName,
    /// Which engine renders it.
    pub kind: EntryKind,
    /// Where its content lies: a file or a directory, or the `.tgz` of a chart.
    #[serde(default)]
    pub from: Option<PathBuf>,
    /// Or the source that it is.
    #[serde(default)]
    pub source: Option<String>,
    /// The directory or file within it.
    #[serde(default)]
    pub path: Option<String>,
    /// Entries that must be ready before.
    #[serde(default)]
    pub depends_on: Vec<EntryName>,
    /// The namespace of objects that name none.
    #[serde(default)]
    pub target_namespace: Option<Namespace>,
    /// Whether what leaves the entry leaves the cluster.
    #[serde(default = "yes")]
    pub prune: bool,
    /// Whether every object must become healthy.
    #[serde(default = "yes")]
    pub wait: bool,
    /// Objects that must become healthy where `wait` is off.
    #[serde(default)]
    pub health_checks: Vec<HealthCheck>,
    /// How long they may take.
    #[serde(default = "five_minutes")]
    pub timeout: GoDuration,
    /// Whether an object whose immutable field changes is made again.
    #[serde(default)]
    pub force: bool,
    /// Whether it may render nothing at all.
    #[serde(default)]
    pub allow_empty: bool,
    /// As whom its objects are written; as the agent itself where nobody is named.
    #[serde(default)]
    pub service_account: Option<Account>,
    /// The values of a chart, over its own.
    #[serde(default)]
    pub values: serde_json::Map<String, serde_json::Value>,
    /// Values of a chart that the cluster or the site has, below those.
    #[serde(default)]
    pub values_from: Vec<ValuesFrom>,
}

/// What stands for a URL and a revision; exactly one of `git`, `tree` and `chart`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SourceSays {
    /// How entries call it.
    pub name: String,
    /// The URL as objects write it.
    pub url: String,
    /// The branch, tag, semver or commit as objects write it.
    pub revision: String,
    /// A Git repository.
    #[serde(default)]
    pub git: Option<GitSays>,
    /// A directory.
    #[serde(default)]
    pub tree: Option<PathBuf>,
    /// A chart: a directory, a `.tgz`, or `oci://registry/path:version`.
    #[serde(default)]
    pub chart: Option<PathBuf>,
    /// The namespaces whose objects may ask.
    #[serde(default)]
    pub namespaces: Vec<Namespace>,
}

/// A Git repository at a ref: on this machine, or on a server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitSays {
    /// Where the repository lies, where it is on this machine.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// The server's address (`https://…`, `ssh://…`), where it is not the one that objects write.
    #[serde(default)]
    pub from: Option<String>,
    /// On this machine a branch, a tag, a commit: what `git rev-parse` reads. On a server a branch, a tag, a full name,
    /// or a pattern with `*` at its end.
    pub r#ref: String,
    /// For a server: the authorities that its certificate may come from, in PEM.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// For a server: a file as `git credential fill` prints it, for ssh a private key.
    #[serde(default)]
    pub credentials: Option<PathBuf>,
    /// For ssh: the keys of servers.
    #[serde(default)]
    pub known_hosts: Option<PathBuf>,
}

/// An image; exactly one of `layout` and `from`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImageSays {
    /// The reference that pods name.
    pub name: String,
    /// The directory of an OCI layout.
    #[serde(default)]
    pub layout: Option<PathBuf>,
    /// A place in a registry: `oci://registry/path:tag`.
    #[serde(default)]
    pub from: Option<Text<Place>>,
    /// Which image of the layout, by its `org.opencontainers.image.ref.name` or digest; where it has one, that one.
    #[serde(default)]
    pub select: Option<String>,
}

/// A plain file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FileSays {
    /// The name under which `airlock extract` finds it.
    pub name: String,
    /// Where it lies.
    pub from: PathBuf,
    /// Whether it is a program.
    #[serde(default)]
    pub executable: bool,
}

/// The next agent: a statement that the agent role signed, and the programs that it speaks of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSays {
    /// The statement: `cargo xtask bundle agent` makes one.
    pub statement: PathBuf,
    /// The programs, one an architecture, in any order.
    pub binaries: Vec<PathBuf>,
}

/// What the site is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SiteSays {
    /// A file with a JSON schema, as JSON or YAML.
    pub schema: PathBuf,
    /// Answers where the site gives none.
    #[serde(default)]
    pub defaults: serde_json::Map<String, serde_json::Value>,
}

/// A value that is written as text.
#[derive(Clone, Copy, Debug)]
pub struct Text<T>(pub T);

/// A number of bytes: `650MB`, `4GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

/// A span of the calendar.
pub(super) type Validity = Text<Span>;

impl<'de, T: std::str::FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

impl std::str::FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a size such as 650MB or 4GiB");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit: u64 = match text.get(digits.len()..).unwrap_or_default() {
            "" | "B" => 1,
            "kB" | "KB" => 1_000,
            "KiB" => 1 << 10,
            "MB" => 1_000_000,
            "MiB" => 1 << 20,
            "GB" => 1_000_000_000,
            "GiB" => 1 << 30,
            _ => return Err(wrong()),
        };
        let number: u64 = digits.trim_end().parse().map_err(|_| wrong())?;
        number.checked_mul(unit).filter(|it| *it > 0).map(Self).ok_or_else(wrong)
    }
}

fn quarter() -> Validity {
    Text(Span::new().days(90))
}

fn gibibyte() -> Text<Bytes> {
    Text(Bytes(1 << 30))
}

fn five_minutes() -> GoDuration {
    GoDuration::from_secs(300)
}

fn yes() -> bool {
    true
}
