//! How a kustomization reaches files and other kustomizations.

use std::rc::Rc;

use super::{
    Error,
    error::Cause,
    files::Files,
    path::{is_within, join},
    remote::{RepoSpec, is_download},
};
use crate::limits;

/// Whether files must be below the kustomization that names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restriction {
    /// They must.
    #[default]
    RootOnly,
    /// They may be anywhere.
    None,
}

/// A directory with a kustomization, and the way that led to it.
#[derive(Clone)]
pub(super) struct Loader<'a> {
    files: &'a dyn Files,
    root: Rc<str>,
    restriction: Restriction,
    /// The repository whose top, or a directory in it, this is.
    repository: Option<Rc<Repository>>,
    referrer: Option<Rc<Self>>,
    depth: usize,
}

/// A repository that stands in for a clone.
#[derive(Debug)]
struct Repository {
    spec: RepoSpec,
    directory: String,
}

impl<'a> Loader<'a> {
    /// A loader for the directory that is built.
    pub(super) fn new(
        files: &'a dyn Files,
        directory: &str,
        restriction: Restriction,
    ) -> Result<Self, Error> {
        if let Some(spec) = RepoSpec::parse(directory) {
            return at_repository(files, spec, None, 0);
        }
        let root = directory_at(files, directory)?;
        Ok(Self { files, root: root.into(), restriction, repository: None, referrer: None, depth: 0 })
    }

    /// The directory.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// The files, for what is not bound to this directory.
    pub(super) fn files(&self) -> &'a dyn Files {
        self.files
    }

    /// A loader for another directory, or for a repository.
    pub(super) fn enter(&self, path: &str) -> Result<Self, Error> {
        if path.is_empty() {
            return Err(Error::new("new root cannot be empty"));
        }
        if self.depth >= limits::KUSTOMIZE_DEPTH {
            return Err(Error::limit("the build", limits::KUSTOMIZE_DEPTH, "levels of kustomizations"));
        }
        if let Some(spec) = RepoSpec::parse(path) {
            self.check_repository_cycle(&spec)?;
            return at_repository(self.files, spec, Some(Rc::new(self.clone())), self.depth + 1);
        }
        if path.starts_with('/') {
            return Err(Error::because(Cause::Outside, format!("new root '{path}' cannot be absolute")));
        }
        let root = directory_at(self.files, &join(&self.root, path))?;
        if let Some(clone) = self.clone_around()
            && !is_within(&root, &clone.directory)
        {
            let message = format!(
                "security; bases in kustomizations found in cloned git repos must be within the repo, but base '{root}' is outside '{}'",
                clone.directory
            );
            return Err(Error::because(Cause::Outside, message));
        }
        self.check_cycle(&root)?;
        Ok(Self {
            files: self.files,
            root: root.into(),
            restriction: self.restriction,
            repository: None,
            referrer: Some(Rc::new(self.clone())),
            depth: self.depth + 1,
        })
    }

    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |it| it.referrer.as_deref())
    }

    fn clone_around(&self) -> Option<&Repository> {
        self.chain().find_map(|it| it.repository.as_deref())
    }

    fn check_cycle(&self, candidate: &str) -> Result<(), Error> {
        match self.chain().find(|it| is_within(&it.root, candidate)) {
            Some(visited) => {
                let message = format!(
                    "cycle detected: candidate root '{candidate}' contains visited root '{}'",
                    visited.root
                );
                Err(Error::because(Cause::Cycle, message))
            }
            None => Ok(()),
        }
    }

    fn check_repository_cycle(&self, new: &RepoSpec) -> Result<(), Error> {
        let visited = self.chain().filter_map(|it| it.repository.as_deref());
        match visited.map(|clone| &clone.spec.raw).find(|raw| raw.starts_with(&new.raw)) {
            Some(raw) => {
                let message = format!("cycle detected: URI '{}' referenced by previous URI '{raw}'", new.raw);
                Err(Error::because(Cause::Cycle, message))
            }
            None => Ok(()),
        }
    }

    /// The content of a file.
    pub(super) fn load(&self, path: &str) -> Result<&'a [u8], Error> {
        if is_download(path) {
            // A repository over HTTP is tried as a file first.
            let message = || format!("'{path}' is not part of the bundle's sources, and nothing is fetched");
            return self.files.download(path).ok_or_else(|| Error::because(Cause::Remote, message()));
        }
        let path = if path.starts_with('/') { path.to_owned() } else { join(&self.root, path) };
        let absolute = match self.restriction {
            Restriction::RootOnly => self.restricted(&path)?,
            Restriction::None => path,
        };
        let located = self.files.locate(&absolute).map(|it| it.path).unwrap_or(absolute);
        self.files.read(&located).map_err(|why| Error::because(Cause::Missing, why))
    }

    fn restricted(&self, path: &str) -> Result<String, Error> {
        let located = self.files.locate(path).map_err(|why| {
            Error::because(Cause::Missing, format!("evalsymlink failure on '{path}' : {why}"))
        })?;
        if located.is_directory {
            return Err(Error::new(format!("'{path}' must resolve to a file")));
        }
        let directory = located.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let directory = if directory.is_empty() { "/" } else { directory };
        if !is_within(directory, &self.root) {
            let message = format!("security; file '{path}' is not in or below '{}'", self.root);
            return Err(Error::because(Cause::Outside, message));
        }
        Ok(located.path)
    }
}

/// The directory at a path, without links.
fn directory_at(files: &dyn Files, path: &str) -> Result<String, Error> {
    let wrong = |why: String| Error::because(Cause::Missing, format!("must build at directory: {why}"));
    if path.is_empty() {
        return Err(wrong("directory path cannot be empty".to_owned()));
    }
    let located = files
        .locate(path)
        .map_err(|why| wrong(format!("not a valid directory: evalsymlink failure on '{path}' : {why}")))?;
    if !located.is_directory {
        return Err(wrong(format!("'{path}': file is not directory")));
    }
    Ok(located.path)
}

fn at_repository<'a>(
    files: &'a dyn Files,
    spec: RepoSpec,
    referrer: Option<Rc<Loader<'a>>>,
    depth: usize,
) -> Result<Loader<'a>, Error> {
    let url = spec.url();
    let Some(directory) = files.repository(&url, &spec.reference) else {
        let revision = if spec.reference.is_empty() { "without a revision" } else { &spec.reference };
        let message = format!(
            "remote base '{}' ({url}, {revision}) is not part of the bundle's sources, and nothing is fetched",
            spec.raw
        );
        return Err(Error::because(Cause::Remote, message));
    };
    let absolute = join(&directory, &spec.path);
    let located = files.locate(&absolute).map_err(|why| {
        Error::because(Cause::Missing, format!("evalsymlink failure on '{absolute}' : {why}"))
    })?;
    if !located.is_directory {
        let file = located.path.rsplit('/').next().unwrap_or("");
        return Err(Error::new(format!("'{absolute}' refers to file '{file}'; expecting directory")));
    }
    if !is_within(&located.path, &directory) {
        let message = format!(
            "{} refers to directory outside of repo {}",
            super::text::quote(&absolute),
            super::text::quote(&directory)
        );
        return Err(Error::because(Cause::Outside, message));
    }
    Ok(Loader {
        files,
        root: located.path.into(),
        restriction: Restriction::RootOnly,
        repository: Some(Rc::new(Repository { spec, directory })),
        referrer,
        depth,
    })
}
