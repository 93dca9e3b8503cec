//! Where a build finds its files: a port, so that this room knows of no disk.

use std::cell::OnceCell;

use crate::{
    archive::{self, Tree, Unresolved},
    render::helm::{self, Chart, chart},
    yaml::Version,
};

/// What a path leads to once all links are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The absolute path without links.
    pub path: String,
    /// Whether it is a directory.
    pub is_directory: bool,
}

/// Files by absolute path.
pub trait Files {
    /// Follows a path that is absolute and clean.
    ///
    /// # Errors
    /// When it leads nowhere, in the words of the system: `lstat /a/b: no such file or directory`.
    fn locate(&self, path: &str) -> Result<Located, String>;

    /// The content of the file at a path without links.
    ///
    /// # Errors
    /// When it cannot be read, in the words of the system.
    fn read(&self, path: &str) -> Result<&[u8], String>;

    /// The directory that holds a repository at a revision, where it is at hand. The URL is what a clone would be made
    /// from.
    fn repository(&self, url: &str, revision: &str) -> Option<String>;

    /// The file at a URL, where it is at hand.
    fn download(&self, url: &str) -> Option<&[u8]>;

    /// The directory that holds the chart of a repository, where it is at hand. The version may be empty.
    fn chart_of(&self, repository: &str, name: &str, version: &str) -> Option<String>;

    /// The chart in the directory at a path without links.
    ///
    /// # Errors
    /// When it is no chart, in the words of Helm.
    fn chart(&self, directory: &str) -> Result<Chart, helm::Error>;
}

/// A tree, whose top is `/`, and the trees that stand in for repositories.
#[derive(Debug)]
pub struct TreeFiles<'t> {
    tree: &'t Tree,
    sources: Vec<Source<'t>>,
}

/// What answers for a repository at a revision, for a file at a URL, or for a chart.
pub struct Source<'t> {
    url: &'t str,
    revision: &'t str,
    is_chart: bool,
    open: Box<dyn Fn() -> Option<Tree> + 't>,
    tree: OnceCell<Option<Tree>>,
}

impl<'t> Source<'t> {
    /// A source whose files `open` gives, which is called once, when a kustomization names it. The URL is without path
    /// and query; the revision is empty where a kustomization names none.
    pub fn new(url: &'t str, revision: &'t str, open: impl Fn() -> Option<Tree> + 't) -> Self {
        Self { url, revision, is_chart: false, open: Box::new(open), tree: OnceCell::new() }
    }

    /// A chart whose files `open` gives, in a directory of its name or without one. The URL is that of its repository,
    /// perhaps with a slash and the chart's name behind it; the revision is its version.
    pub fn chart(url: &'t str, revision: &'t str, open: impl Fn() -> Option<Tree> + 't) -> Self {
        Self { is_chart: true, ..Self::new(url, revision, open) }
    }

    fn tree(&self) -> Option<&Tree> {
        self.tree.get_or_init(&self.open).as_ref()
    }
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("url", &self.url)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

/// Where the sources stand beside the tree: no path of a tree begins so.
const SOURCES: &str = "/\u{1}sources/";

impl<'t> TreeFiles<'t> {
    /// The files of `tree`, with those of `sources` where a kustomization names a repository.
    pub fn new(tree: &'t Tree, sources: Vec<Source<'t>>) -> Self {
        Self { tree, sources }
    }

    /// The tree in which a path lies, where that stands, and the path within it.
    fn tree_of<'p>(&self, path: &'p str) -> Option<(&Tree, String, &'p str)> {
        let Some(rest) = path.strip_prefix(SOURCES) else {
            return Some((self.tree, String::new(), path.strip_prefix('/')?));
        };
        let (number, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let source = self.sources.get(number.parse::<usize>().ok()?)?;
        Some((source.tree()?, format!("{SOURCES}{number}"), rest))
    }
}

impl Files for TreeFiles<'_> {
    fn locate(&self, path: &str) -> Result<Located, String> {
        let missing = || format!("lstat {path}: no such file or directory");
        let (tree, top, inside) = self.tree_of(path).ok_or_else(missing)?;
        let absolute = |inside: &str| match (top.as_str(), inside) {
            ("", "") => "/".to_owned(),
            (top, "") => top.to_owned(),
            (top, inside) => format!("{top}/{inside}"),
        };
        match tree.resolve(inside) {
            Ok(archive::Place::File { path, .. }) => {
                Ok(Located { path: absolute(path.as_str()), is_directory: false })
            }
            Ok(archive::Place::Directory { path }) => {
                Ok(Located { path: absolute(path), is_directory: true })
            }
            Err(Unresolved::Missing) => {
                // The system names the first part that is not there.
                let mut end = 0;
                for part in inside.split('/') {
                    end += part.len();
                    let so_far = inside.get(..end).unwrap_or(inside);
                    if tree.resolve(so_far) == Err(Unresolved::Missing) {
                        // Of a link it is what the link points to.
                        if let Some(archive::Node::Symlink { target }) = tree.get(so_far) {
                            let parent = so_far.rsplit_once('/').map_or("", |(parent, _)| parent);
                            let target = super::path::clean(&format!("/{parent}/{target}"));
                            let target = absolute(target.trim_start_matches('/'));
                            return Err(format!("lstat {target}: no such file or directory"));
                        }
                        return Err(format!("lstat {}: no such file or directory", absolute(so_far)));
                    }
                    end += 1;
                }
                Err(missing())
            }
            Err(Unresolved::NotADirectory) => Err("not a directory".to_owned()),
            Err(Unresolved::Loop) => Err("EvalSymlinks: too many links".to_owned()),
            Err(why @ Unresolved::Outside) => Err(format!("lstat {path}: {why}")),
        }
    }

    fn read(&self, path: &str) -> Result<&[u8], String> {
        let missing = || format!("open {path}: no such file or directory");
        let (tree, _, inside) = self.tree_of(path).ok_or_else(missing)?;
        match tree.resolve(inside) {
            Ok(archive::Place::File { bytes, .. }) => Ok(bytes),
            Ok(archive::Place::Directory { .. }) => Err(format!("read {path}: is a directory")),
            Err(_) => Err(missing()),
        }
    }

    fn repository(&self, url: &str, revision: &str) -> Option<String> {
        let plain = |url: &str| url.trim_end_matches('/').trim_end_matches(".git").to_ascii_lowercase();
        let at = self
            .sources
            .iter()
            .position(|it| !it.is_chart && plain(it.url) == plain(url) && it.revision == revision)?;
        Some(format!("{SOURCES}{at}"))
    }

    fn download(&self, url: &str) -> Option<&[u8]> {
        let is_it = |it: &&Source<'_>| !it.is_chart && it.url == url && it.revision.is_empty();
        let source = self.sources.iter().find(is_it)?;
        let tree = source.tree()?;
        let mut files = tree.iter().filter_map(|(path, _)| tree.file(path.as_str()));
        // A file that was fetched is alone in its tree.
        files.next().filter(|_| files.next().is_none())
    }
    fn chart_of(&self, repository: &str, name: &str, version: &str) -> Option<String> {
        let repository = repository.trim_end_matches('/');
        let whole = format!("{repository}/{name}");
        self.sources.iter().enumerate().find_map(|(at, source)| {
            let url = source.url.trim_end_matches('/');
            if !source.is_chart || source.revision != version || (url != repository && url != whole) {
                return None;
            }
            let tree = source.tree()?;
            let top = if tree.file("Chart.yaml").is_some() { String::new() } else { format!("/{name}") };
            // A repository has many charts.
            let says = tree.file(format!("{top}/Chart.yaml").trim_start_matches('/'))?;
            let says = crate::yaml::parse_first(says, Version::V2).ok()?.to_value(Version::V2).ok()?;
            let is_it = says.get("name").and_then(crate::yaml::Value::as_str) == Some(name);
            is_it.then(|| format!("{SOURCES}{at}{top}"))
        })
    }

    fn chart(&self, directory: &str) -> Result<Chart, helm::Error> {
        match self.tree_of(directory) {
            Some((tree, _, inside)) => {
                match tree.resolve(format!("{inside}/Chart.yaml").trim_start_matches('/')) {
                    Ok(_) => chart::read_directory(tree, inside),
                    Err(_) => {
                        let place = format!("{directory}/Chart.yaml");
                        let why = format!("open {place}: no such file or directory");
                        Err(helm::Error::Chart(format!("unable to detect chart at {place}: {why}")))
                    }
                }
            }
            None => Err(helm::Error::Chart(format!("path \"{directory}\" not found"))),
        }
    }
}
