use super::super::{GaveWay, Trouble};
use crate::{
    digest::Digest,
    fault::{Class, Fault},
};

/// Why a registry gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What may happen at any place on a network.
    #[error(transparent)]
    Network(#[from] Trouble),
    /// It ends before the end.
    #[error("{url} has {found} of the {size} bytes of {what}")]
    Short {
        /// The place.
        url: String,
        /// What was asked for.
        what: String,
        /// What it should have.
        size: u64,
        /// What came.
        found: u64,
    },
    /// What came is not what was asked for.
    #[error("{url} answers with content {found} where {expected} was asked for")]
    Tampered {
        /// The place.
        url: String,
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// Something else wants what the pull holds.
    #[error(transparent)]
    GaveWay(#[from] GaveWay),
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Network(trouble) => trouble.code(),
            Self::Short { .. } => "source_short",
            Self::Tampered { .. } => "tampered",
            Self::GaveWay(error) => error.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Network(trouble) => trouble.class(),
            Self::Tampered { .. } => Class::Denied,
            Self::Short { .. } => Class::Unavailable,
            Self::GaveWay(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Network(trouble @ (Trouble::File { .. } | Trouble::Unreachable { .. })) => {
                return trouble.hint();
            }
            Self::Network(Trouble::Stalled { .. }) => {
                "what runs keeps running, and what was copied is kept; the pull goes on with it when the server answers again"
            }
            Self::Network(Trouble::Untrusted { .. }) => {
                "name the authority that signed its certificate as `ca` of the source, or have the certificate renewed"
            }
            Self::Network(Trouble::Credentials { .. }) => {
                "name a docker configuration file with `auths` for this registry as `credentials` of the source, and check that the account may read"
            }
            Self::Network(Trouble::Missing { .. }) => {
                "check path and tag; `cargo xtask bundle push` puts a bundle there"
            }
            Self::Network(Trouble::Redirect { to, .. }) => {
                return Some(format!("add `hosts: [\"{to}\"]` to the source if that host is meant"));
            }
            Self::Network(Trouble::Failing { .. }) => {
                "the registry's own log says more; the agent asks again later"
            }
            Self::Network(Trouble::Answer { .. }) | Self::Network(Trouble::TooLarge { .. }) => {
                "what answers there is no registry, or a broken one; ask whoever runs it"
            }
            Self::Short { .. } => {
                "push the bundle again: `cargo xtask bundle push` sends only what is missing"
            }
            Self::Tampered { .. } => {
                "nothing of it was taken in; ask whoever runs the registry, and push the bundle again"
            }
            Self::Network(Trouble::NoBundle { .. }) => {
                "check path and tag; `cargo xtask bundle push` puts a bundle there"
            }
            Self::GaveWay(error) => return error.hint(),
        };
        Some(text.into())
    }
}
