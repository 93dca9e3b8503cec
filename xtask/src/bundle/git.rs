//! The tree of a commit, out of a repository of this machine or of a server, and without a git program.

use std::path::{Path, PathBuf};

use airlock::{
    archive::{Node, SafePath, Tree},
    limits,
    source::{
        GiveWay, Spec, Url,
        git::{AskedRef, Git, Place},
    },
};
use anyhow::{Context, Result, bail, ensure};
use gix::object::tree::EntryKind;

use super::description::GitSays;

/// The commit that a description names, or the one that is pinned, and its files. `cache` is where what servers sent is
/// kept, so that a pinned commit is asked for once.
///
/// # Errors
/// When it cannot be had, or holds what no tree may hold.
pub(super) fn take(
    says: &GitSays,
    url: &str,
    pinned: Option<&str>,
    at: &dyn Fn(&Path) -> PathBuf,
    cache: &Path,
) -> Result<(String, Tree)> {
    if let Some(path) = &says.path {
        ensure!(says.from.is_none(), "`path` and `from` are two places; name one");
        let repository = at(path);
        let id = pinned.map_or_else(|| resolve(&repository, &says.r#ref), |it| Ok(it.to_owned()))?;
        let tree = tree(&repository, &id)?;
        return Ok((id, tree));
    }
    let mut place: Place = says.from.as_deref().unwrap_or(url).parse().map_err(anyhow::Error::msg)?;
    place.asked = AskedRef::parse(&says.r#ref).map_err(anyhow::Error::msg)?;
    let file = |path: &Option<PathBuf>| path.as_deref().map(at);
    let spec = Spec {
        ca: file(&says.ca),
        credentials: file(&says.credentials),
        known_hosts: file(&says.known_hosts),
        objects: Some(cache.to_owned()),
        ..Spec::new(Url::Git(place.clone()))
    };
    let git = Git::open(&place, &spec, &GiveWay::default())?;
    let (id, tree) = git.files(pinned)?;
    ensure!(!tree.is_empty(), "commit {id} holds no file");
    Ok((id, tree))
}

/// Resolves what `git rev-parse` reads to the id of a commit.
///
/// # Errors
/// When there is no repository or no such commit.
fn resolve(repository: &Path, revision: &str) -> Result<String> {
    let repo = open(repository)?;
    let id = repo
        .rev_parse_single(revision)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("{} has no `{revision}`", repository.display()))?;
    // An annotated tag stands for the commit that it names.
    let object = id.object().map_err(|error| anyhow::anyhow!("{error}"))?;
    let commit = object
        .peel_to_kind(gix::object::Kind::Commit)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("`{revision}` of {} is no commit", repository.display()))?;
    Ok(commit.id.to_string())
}

/// The files of a commit.
///
/// # Errors
/// When the commit or something below it is not there, or holds what no tree may hold.
fn tree(repository: &Path, commit: &str) -> Result<Tree> {
    let repo = open(repository)?;
    let id: gix::ObjectId =
        commit.parse().map_err(|error| anyhow::anyhow!("`{commit}` is no commit id: {error}"))?;
    let missing = || format!("{} does not have commit {commit}; fetch it", repository.display());
    let top = repo
        .find_object(id)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(missing)?
        .peel_to_tree()
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(missing)?;
    let mut nodes = Vec::new();
    walk(&repo, &top, "", 0, &mut nodes)?;
    ensure!(!nodes.is_empty(), "commit {commit} holds no file");
    Ok(Tree::new(nodes)?)
}

/// Opens a repository of this machine.
///
/// # Errors
/// When there is none.
pub(super) fn open(repository: &Path) -> Result<gix::Repository> {
    // Neither the user's configuration nor the environment may decide what a bundle holds.
    let options = gix::open::Options::isolated();
    gix::open_opts(repository, options)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("{} is no Git repository", repository.display()))
}

fn walk(
    repo: &gix::Repository,
    tree: &gix::Tree<'_>,
    above: &str,
    depth: usize,
    nodes: &mut Vec<(SafePath, Node)>,
) -> Result<()> {
    ensure!(depth <= limits::PATH_DEPTH, "{above} nests too deeply");
    for entry in tree.iter() {
        let entry = entry.map_err(|error| anyhow::anyhow!("{error}"))?;
        let name = std::str::from_utf8(entry.filename()).ok().context("a name is not UTF-8")?;
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
        let kind = entry.mode().kind();
        if kind == EntryKind::Commit {
            bail!(
                "{path} is a submodule, whose content the commit does not cover; give it a source of its own"
            );
        }
        let object = repo
            .find_object(entry.id())
            .map_err(|error| anyhow::anyhow!("{error}"))
            .with_context(|| format!("the repository lacks {path}; is it a shallow or partial clone?"))?;
        let safe = || SafePath::new(&path).with_context(|| format!("{path} cannot be in a bundle"));
        match kind {
            EntryKind::Tree => {
                let inner = object.try_into_tree().map_err(|error| anyhow::anyhow!("{error}"))?;
                walk(repo, &inner, &path, depth + 1, nodes)?;
            }
            EntryKind::Blob | EntryKind::BlobExecutable => {
                let executable = kind == EntryKind::BlobExecutable;
                nodes.push((safe()?, Node::File { bytes: object.data.as_slice().into(), executable }));
            }
            EntryKind::Link => {
                let target = String::from_utf8(object.data.clone())
                    .with_context(|| format!("the target of {path} is not UTF-8"))?;
                nodes.push((safe()?, Node::Symlink { target }));
            }
            EntryKind::Commit => (),
        }
    }
    Ok(())
}
