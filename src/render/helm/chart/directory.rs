//! A chart from a directory of a tree.

use super::{Chart, File, Rules, load};
use crate::{
    archive::{Place, Tree},
    limits,
    render::helm::Error,
};

/// Reads the chart in the directory `path` of a tree. `.helmignore` counts; symbolic links count as what they lead to.
///
/// # Errors
/// When it is no chart, in the original's words.
pub fn read_directory(tree: &Tree, path: &str) -> Result<Chart, Error> {
    let top = path.trim_end_matches('/');
    let inside = |name: &str| if top.is_empty() { name.to_owned() } else { format!("{top}/{name}") };
    let file = |name: &str| match tree.resolve(&inside(name)) {
        Ok(Place::File { bytes, .. }) => Some(bytes),
        _ => None,
    };
    match file("Chart.yaml") {
        Some(text) => load::check_version(text)?,
        None => {
            let place = inside("Chart.yaml");
            let why = format!("open {place}: no such file or directory");
            return Err(Error::Chart(format!("unable to detect chart at {place}: {why}")));
        }
    }
    let rules = Rules::parse(file(".helmignore").unwrap_or_default()).map_err(Error::Chart)?;
    let mut walk = Walk { tree, rules, files: Vec::new(), total: 0 };
    walk.directory(&inside(""), "", 0)?;
    load::load(walk.files)
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
        let below = |base: &str, name: &str| match base.trim_end_matches('/') {
            "" => name.to_owned(),
            base => format!("{base}/{name}"),
        };
        for name in self.tree.names(&real) {
            let (at, shown) = (below(&real, name), below(shown, name));
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
                    return Err(Error::Chart(format!("error evaluating symlink {shown}: {why}")));
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
            return Err(Error::Chart(format!("chart file {base} is larger than the maximum file size {limit}")));
        }
        // Links can make much of little.
        self.total = self.total.saturating_add(bytes.len() as u64);
        if self.total > limits::CHART_BYTES || self.files.len() >= limits::ARCHIVE_ENTRIES {
            return Err(Error::Chart(format!("chart is larger than the maximum size {}", limits::CHART_BYTES)));
        }
        self.files.push(File { name, data: load::without_mark(bytes).into() });
        Ok(())
    }
}
