use std::{io, path::PathBuf};

use super::super::{GaveWay, Trouble};
use crate::{
    fault::{Class, Fault},
    trust::git::GitRefusal,
};

/// Why a Git repository gives no bundle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What may happen at any place on a network.
    #[error(transparent)]
    Network(#[from] Trouble),
    /// Its objects are packed as no honest server packs them.
    #[error("the pack of {url} is refused: {why}")]
    Pack {
        /// The place.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// A file that `git bundle` made, and that is not one, or follows something that is not here.
    #[error("{url} is no bundle of Git's that can be read here: {why}")]
    BundleFile {
        /// The file.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// An object of it, its history, or a name in its tree.
    #[error("{url} is refused")]
    Refused {
        /// The place.
        url: String,
        /// Why.
        #[source]
        refusal: GitRefusal,
    },
    /// A repository that is a clone without its history.
    #[error("the history of {url} is cut short there, so nobody can say what its commits descend from")]
    Shallow {
        /// The place.
        url: String,
    },
    /// A tag that was accepted names another object now.
    #[error("{tag} of {url} was {was} when it was accepted, and is {found} now")]
    MovedTag {
        /// The place.
        url: String,
        /// The tag.
        tag: String,
        /// What it named.
        was: String,
        /// What it names.
        found: String,
    },
    /// The disk said no.
    #[error("failed to {verb} {path}")]
    Disk {
        /// What was tried.
        verb: &'static str,
        /// Where.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// A pack that is larger than what is free.
    #[error("{path} has {free} bytes left that may be used, and what {url} sends is more")]
    Full {
        /// The place.
        url: String,
        /// The store.
        path: PathBuf,
        /// What is free.
        free: u64,
    },
    /// Something else wants what the pull holds.
    #[error(transparent)]
    GaveWay(#[from] GaveWay),
}

impl Error {
    /// The disk said no.
    pub(super) fn disk(verb: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk { verb, path, source }
    }

    /// What an object, a history or a tree is refused for.
    pub(super) fn refused(url: &str) -> impl FnOnce(GitRefusal) -> Self {
        let url = url.to_owned();
        move |refusal| Self::Refused { url, refusal }
    }
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Network(trouble) => trouble.code(),
            Self::Pack { .. } => "git_pack",
            Self::BundleFile { .. } => "git_bundle",
            Self::Refused { refusal, .. } => refusal.code(),
            Self::Shallow { .. } => "shallow",
            Self::MovedTag { .. } => "moved_tag",
            Self::Disk { .. } => "io",
            Self::Full { .. } => "full",
            Self::GaveWay(error) => error.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Network(trouble) => trouble.class(),
            Self::Pack { .. } | Self::BundleFile { .. } => Class::Invalid,
            Self::MovedTag { .. } => Class::Denied,
            Self::Shallow { .. } => Class::Unavailable,
            Self::Refused { refusal, .. } => refusal.class(),
            Self::Disk { .. } | Self::Full { .. } => Class::System,
            Self::GaveWay(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Network(trouble @ (Trouble::File { .. } | Trouble::Unreachable { .. })) => {
                return trouble.hint();
            }
            Self::Network(Trouble::Stalled { .. }) => {
                "what runs keeps running; the agent asks again later, and `git fetch` from the same place shows whether anybody is served"
            }
            Self::Network(Trouble::Untrusted { .. }) => {
                "for https name the authority that signed its certificate as `ca` of the source, for ssh its key in `knownHosts`; where it was changed, ask whoever runs the server before you follow"
            }
            Self::Network(Trouble::Credentials { .. }) => {
                "name a file with `username=` and `password=` as `credentials` of the source, for ssh a private key, and check that the account may read"
            }
            Self::Network(Trouble::Missing { .. }) => {
                "check path and ref (`…/site.git#refs/tags/site-*`); `git ls-remote` lists what the server has"
            }
            Self::Network(Trouble::Redirect { .. }) => {
                "write that address into the source if it is meant; no redirect is followed"
            }
            Self::Network(Trouble::Failing { .. }) => {
                "the server's own log says more; the agent asks again later"
            }
            Self::Network(Trouble::Answer { .. }) => {
                "what answers there is no Git server of this century, or a broken one; ask whoever runs it"
            }
            Self::Network(Trouble::TooLarge { .. }) | Self::Pack { .. } => {
                "nothing of it was kept; ask whoever may push to the repository, and whoever runs the server"
            }
            Self::BundleFile { .. } => {
                "make it again on the connected side: `git bundle create FILE REF`, with `^COMMIT` only for what this node has"
            }
            Self::Refused { refusal, .. } => return refusal.hint(),
            Self::Shallow { .. } => {
                "where it is served from, fetch the whole history: `git fetch --unshallow`"
            }
            Self::MovedTag { .. } => {
                "a tag was moved: ask the people of the repository who did that; a new bundle gets a new tag"
            }
            Self::Network(Trouble::NoBundle { .. }) => {
                "`cargo xtask bundle tag` makes a tag that is a bundle; a branch holds the layout at the top of its tree"
            }
            Self::Full { .. } => "make room there, or bring the bundle on a medium",
            Self::Disk { .. } => return None,
            Self::GaveWay(error) => return error.hint(),
        };
        Some(text.into())
    }
}
