//! `bundles/<name>/bundle.yaml`: what a bundle is made of, as its author writes it.

mod says;

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use airlock::limits;
use anyhow::{Context, Result, anyhow};

pub use says::{Bytes, Says};
pub(super) use says::{EntrySays, GitSays, SourceSays, Text};

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

    /// An error of the description: its file, its line, what is wrong and what to do. The line is where the last of
    /// `needles` stands after the ones before it: `entries`, the entry's name, the path that it gives.
    pub fn wrong(&self, needles: &[&str], what: impl Display, fix: impl Display) -> anyhow::Error {
        let mut lines = (1..).zip(self.text.lines());
        let mut ahead = lines.next();
        let mut found = None;
        for needle in needles {
            while let Some((number, line)) = ahead {
                if mentions(line, needle) {
                    found = Some(number);
                    break;
                }
                ahead = lines.next();
            }
        }
        let place = found.map(|number: usize| format!(":{number}")).unwrap_or_default();
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
            return Err(self.wrong(&["name"], what, "give both the same name"));
        }
        if says.entries.is_empty() && says.files.is_empty() && says.images.is_empty() {
            return Err(self.wrong(&["entries"], "it has nothing in it", "add an entry, an image or a file"));
        }
        for entry in &says.entries {
            if entry.from.is_some() == entry.source.is_some() {
                let what = format!("entry `{}` needs exactly one of `from` and `source`", entry.name);
                return Err(self.wrong(
                    &["entries", entry.name.as_str()],
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
                return Err(self.wrong(&["entries", entry.name.as_str(), source], what, fix));
            }
        }
        let mut names = std::collections::BTreeSet::new();
        for source in &says.sources {
            if !names.insert(&source.name) {
                let what = format!("source `{}` is there twice", source.name);
                return Err(self.wrong(&["sources", &source.name], what, "give each its own name"));
            }
            let kinds = [source.git.is_some(), source.tree.is_some(), source.chart.is_some()];
            if kinds.iter().filter(|it| **it).count() != 1 {
                let what = format!("source `{}` needs exactly one of `git`, `tree` and `chart`", source.name);
                return Err(self.wrong(&["sources", &source.name], what, "say where its content lies, once"));
            }
        }
        let Text(Bytes(size)) = says.part_size;
        if size > limits::FAT_FILE_BYTES {
            let what = "parts of that size do not fit a file of FAT32";
            return Err(self.wrong(&["partSize"], what, "use at most 4294967295"));
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
