//! `bundles/<name>/bundle.yaml`: what a bundle is made of, as its author writes it.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use airlock::{
    bundle::{AgentVersion, EntryKind, Floor, HealthCheck, Target},
    duration::GoDuration,
    limits,
    name::{BundleName, ChannelName, EntryName, Namespace},
};
use anyhow::{Context, Result, anyhow};
use jiff::Span;
use serde::{Deserialize, Deserializer, de};

use crate::disk;

/// The name of the file in a bundle's directory.
pub(super) const FILE: &str = "bundle.yaml";

/// A bundle's description, and where it was read.
#[derive(Debug)]
pub struct Description {
    /// The bundle's directory; paths in the description are relative to it.
    pub directory: PathBuf,
    /// What it says.
    pub says: Says,
    text: String,
}

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
    /// Images out of OCI layouts.
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
    /// A Git repository on this machine.
    #[serde(default)]
    pub git: Option<GitSays>,
    /// A directory.
    #[serde(default)]
    pub tree: Option<PathBuf>,
    /// A chart: a directory or a `.tgz`.
    #[serde(default)]
    pub chart: Option<PathBuf>,
    /// The namespaces whose objects may ask.
    #[serde(default)]
    pub namespaces: Vec<Namespace>,
}

/// A Git repository on this machine, at a ref.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitSays {
    /// Where the repository lies.
    pub path: PathBuf,
    /// A branch, a tag, a commit: what `git rev-parse` reads.
    pub r#ref: String,
}

/// Images of an OCI layout.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImageSays {
    /// The reference that pods name.
    pub name: String,
    /// The directory of the layout.
    pub layout: PathBuf,
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

/// A field beside pod specs that names images.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImageField {
    /// The kind that has it.
    pub kind: String,
    /// The API group; every one where it is not said.
    #[serde(default)]
    pub group: Option<String>,
    /// `spec.image`, `spec.components[].image`, `spec.images.*`.
    pub path: String,
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

impl Description {
    /// Reads the description in a bundle's directory.
    ///
    /// # Errors
    /// With file, line and fix, when it is not one.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let text = disk::read_text(&path, 1024 * 1024).with_context(|| {
            format!("`cargo xtask bundle init NAME` makes a bundle; {} is none yet", directory.display())
        })?;
        let says: Says = serde_yaml::from_str(&text).map_err(|error| {
            let place =
                error.location().map(|it| format!(":{}:{}", it.line(), it.column())).unwrap_or_default();
            // The library adds its own "at line …" to the end, which the place has said.
            let what = error.to_string();
            let what = what.split(" at line ").next().unwrap_or(&what).to_owned();
            anyhow!("{}{place}: {what}{}", path.display(), fix_of(&what))
        })?;
        let description = Self { directory: directory.to_owned(), says, text };
        description.check()?;
        Ok(description)
    }

    /// An error of the description: its file, the line on which `needle` stands, what is wrong and what to do.
    pub fn wrong(&self, needle: &str, what: impl Display, fix: impl Display) -> anyhow::Error {
        let line = (1..).zip(self.text.lines()).find(|(_, line)| mentions(line, needle));
        let place = line.map(|(number, _)| format!(":{number}")).unwrap_or_default();
        anyhow!("{}{place}: {what}\nhint: {fix}", self.directory.join(FILE).display())
    }

    /// A path of the description.
    pub fn at(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    fn check(&self) -> Result<()> {
        let says = &self.says;
        let directory = self.directory.canonicalize().unwrap_or_else(|_| self.directory.clone());
        if directory.file_name().and_then(|it| it.to_str()) != Some(says.name.as_str()) {
            let what = format!("the bundle is called `{}` and its directory is not", says.name);
            return Err(self.wrong(says.name.as_str(), what, "give both the same name"));
        }
        if says.entries.is_empty() && says.files.is_empty() && says.images.is_empty() {
            return Err(self.wrong("entries", "it has nothing in it", "add an entry, an image or a file"));
        }
        for entry in &says.entries {
            if entry.from.is_some() == entry.source.is_some() {
                let what = format!("entry `{}` needs exactly one of `from` and `source`", entry.name);
                return Err(self.wrong(
                    entry.name.as_str(),
                    what,
                    "`from` is a path beside bundle.yaml, `source` the name of one under `sources`",
                ));
            }
            if let Some(source) =
                entry.source.as_ref().filter(|it| says.sources.iter().all(|s| s.name != **it))
            {
                let names: Vec<&str> = says.sources.iter().map(|it| it.name.as_str()).collect();
                let what = format!("entry `{}` names source `{source}`, which is not there", entry.name);
                let fix = format!("name one of: {}", names.join(", "));
                return Err(self.wrong(source, what, fix));
            }
        }
        let mut names = std::collections::BTreeSet::new();
        for source in &says.sources {
            if !names.insert(&source.name) {
                let what = format!("source `{}` is there twice", source.name);
                return Err(self.wrong(&source.name, what, "give each its own name"));
            }
            let kinds = [source.git.is_some(), source.tree.is_some(), source.chart.is_some()];
            if kinds.iter().filter(|it| **it).count() != 1 {
                let what = format!("source `{}` needs exactly one of `git`, `tree` and `chart`", source.name);
                return Err(self.wrong(&source.name, what, "say where its content lies, once"));
            }
        }
        let Text(Bytes(size)) = says.part_size;
        if size > limits::FAT_FILE_BYTES {
            let what = "parts of that size do not fit a file of FAT32";
            return Err(self.wrong("partSize", what, "use at most 4294967295"));
        }
        Ok(())
    }
}

/// Whether a word or path stands in a line by itself, not as a part of another one.
fn mentions(line: &str, needle: &str) -> bool {
    let line = line.split(" #").next().unwrap_or(line);
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    line.match_indices(needle).any(|(at, _)| {
        let before = line.get(..at).and_then(|it| it.chars().next_back());
        let after = line.get(at + needle.len()..).and_then(|it| it.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// The next step for an error of the YAML reader.
fn fix_of(what: &str) -> String {
    let quoted: Vec<&str> = what.split('`').skip(1).step_by(2).collect();
    if let (true, [unknown, known @ ..]) = (what.contains("unknown"), quoted.as_slice()) {
        let nearest =
            known.iter().min_by_key(|it| distance(unknown, it)).filter(|it| distance(unknown, it) <= 3);
        if let Some(nearest) = nearest {
            return format!("\nhint: did you mean `{nearest}`?");
        }
    }
    if let (true, Some(field)) = (what.contains("missing field"), quoted.first()) {
        return format!("\nhint: add a line `{field}: …`");
    }
    String::new()
}

/// How many letters differ (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut last = i;
        let mut left = i + 1;
        for (slot, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let here = (last + usize::from(x != y)).min(left + 1).min(*slot + 1);
            last = std::mem::replace(slot, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_distances() {
        for (text, expect) in [
            ("650MB", Some(650_000_000)),
            ("4GiB", Some(4 << 30)),
            ("4 GiB", Some(4 << 30)),
            ("12", Some(12)),
            ("0", None),
            ("GiB", None),
            ("1TB", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(text.parse::<Bytes>().ok().map(|it| it.0), expect, "{text}");
        }
        for (a, b, expect) in
            [("kind", "kind", 0), ("kindd", "kind", 1), ("", "abc", 3), ("dependson", "dependsOn", 1)]
        {
            assert_eq!(distance(a, b), expect);
        }
        assert!(
            mentions("  from: charts/app", "charts/app") && !mentions("  from: charts/app2", "charts/app")
        );
    }
}
