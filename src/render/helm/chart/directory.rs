//! A chart from a directory of a tree.

use super::{Chart, File, Rules, load};
use crate::{
    archive::{Node, Place, Tree, Unresolved},
    limits,
    render::helm::Error,
};

/// Reads the chart in the directory `path` of a tree. `.helmignore` counts; symbolic links count as what they lead to.
///
/// # Errors
/// When it is no chart, in the original's words.
pub fn read_directory(tree: &Tree, path: &str) -> Result<Chart, Error> {
    match file(tree, path, "Chart.yaml") {
        Some(text) => load::check_version(text)?,
        None => {
            let place = inside(path, "Chart.yaml");
            let why = format!("open {place}: no such file or directory");
            return Err(Error::Chart(format!("unable to detect chart at {place}: {why}")));
        }
    }
    read_any_directory(tree, path)
}

/// As [`read_directory`], of a chart of any version, as the original's linter reads it.
///
/// # Errors
/// As [`read_directory`].
pub(in crate::render::helm) fn read_any_directory(tree: &Tree, path: &str) -> Result<Chart, Error> {
    let rules = Rules::parse(file(tree, path, ".helmignore").unwrap_or_default()).map_err(Error::Chart)?;
    let mut walk = Walk { tree, rules, files: Vec::new(), total: 0 };
    walk.directory(path.trim_end_matches('/'), "", 0)?;
    load::load(walk.files)
}

fn inside(path: &str, name: &str) -> String {
    match path.trim_end_matches('/') {
        "" => name.to_owned(),
        path => format!("{path}/{name}"),
    }
}

fn file<'t>(tree: &'t Tree, path: &str, name: &str) -> Option<&'t [u8]> {
    match tree.resolve(&inside(path, name)) {
        Ok(Place::File { bytes, .. }) => Some(bytes),
        _ => None,
    }
}

struct Walk<'t> {
    tree: &'t Tree,
    rules: Rules,
    files: Vec<File>,
    total: u64,
}

impl Walk<'_> {
    /// Takes what lies in a directory: `at` is where it really is, `shown` how the chart sees it.
    fn directory(&mut self, at: &str, shown: &str, depth: usize) -> Result<(), Error> {
        // Only links that lead to a directory above themselves go this deep.
        if depth > limits::PATH_DEPTH {
            return Err(Error::Chart(format!("too many links or directories within each other: {shown}")));
        }
        let real = match self.tree.resolve(if at.is_empty() { "." } else { at }) {
            Ok(Place::Directory { path }) => path.to_owned(),
            _ => return Ok(()),
        };
        for name in self.tree.names(&real) {
            let (at, shown) = (inside(&real, name), inside(shown, name));
            match self.tree.resolve(&at) {
                Ok(Place::Directory { path }) => {
                    if !self.rules.ignores(&shown, true) {
                        self.directory(path, &shown, depth + 1)?;
                    }
                }
                Ok(Place::File { bytes, .. }) => {
                    if !self.rules.ignores(&shown, false) {
                        self.file(shown, bytes)?;
                    }
                }
                Err(why) => {
                    let why = match (self.tree.get(&at), why) {
                        (Some(Node::Symlink { target }), Unresolved::Missing) => {
                            format!("lstat {}: no such file or directory", inside(&real, target))
                        }
                        (_, why) => why.to_string(),
                    };
                    return Err(Error::Chart(format!("error evaluating symlink {at}: {why}")));
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, name: String, bytes: &[u8]) -> Result<(), Error> {
        let limit = limits::CHART_FILE_BYTES;
        if bytes.len() as u64 > limit {
            let base = name.rsplit('/').next().unwrap_or(&name);
            let base = crate::render::gotemplate::strconv::quote(base.as_bytes());
            return Err(Error::Chart(format!(
                "chart file {base} is larger than the maximum file size {limit}"
            )));
        }
        // Links can make much of little.
        self.total = self.total.saturating_add(bytes.len() as u64);
        if self.total > limits::CHART_BYTES || self.files.len() >= limits::ARCHIVE_ENTRIES {
            return Err(Error::Chart(format!(
                "chart is larger than the maximum size {}",
                limits::CHART_BYTES
            )));
        }
        self.files.push(File { name, data: load::without_mark(bytes.into()) });
        Ok(())
    }
}
