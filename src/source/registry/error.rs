use std::{path::PathBuf, time::Duration};

use crate::{
    digest::Digest,
    fault::{Class, Fault},
};

/// Why a registry gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file that the configuration names for it.
    #[error("{path} cannot be used: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// What to do.
        fix: String,
    },
    /// Nobody answers.
    #[error("{url} cannot be reached: {why}")]
    Unreachable {
        /// The place.
        url: String,
        /// What the network said.
        why: String,
    },
    /// Whoever answers is too slow, or stopped in the middle.
    #[error("{url} stalls: {what} within {} s", .within.as_secs())]
    Stalled {
        /// The place.
        url: String,
        /// What did not come.
        what: String,
        /// How long was waited.
        within: Duration,
    },
    /// Whoever answers is not who it should be.
    #[error("{url} is not trusted: {why}")]
    Untrusted {
        /// The place.
        url: String,
        /// What TLS said.
        why: String,
    },
    /// It does not let this node in.
    #[error("{url} does not let this node in: {why}")]
    Credentials {
        /// The place.
        url: String,
        /// What it said, or what is missing.
        why: String,
    },
    /// It has no such thing.
    #[error("{url} does not have {what}")]
    Missing {
        /// The place.
        url: String,
        /// What was asked for.
        what: String,
    },
    /// It sends this node elsewhere.
    #[error("{url} sends this node to {to}, which is not one of the hosts that it may be sent to")]
    Redirect {
        /// The place.
        url: String,
        /// The host.
        to: String,
    },
    /// It says that it failed, or that it is asked too often.
    #[error("{url} fails: {why}")]
    Failing {
        /// The place.
        url: String,
        /// Its words.
        why: String,
    },
    /// It answers something that is no answer.
    #[error("{url} answers what is none: {why}")]
    Answer {
        /// The place.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// It answers without end.
    #[error("{url} sends more than the {limit} bytes that {what} may have")]
    TooLarge {
        /// The place.
        url: String,
        /// What was asked for.
        what: String,
        /// The bound.
        limit: u64,
    },
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
    /// Something else lies there.
    #[error("{url} is no bundle: {why}")]
    NoBundle {
        /// The place.
        url: String,
        /// What it is.
        why: String,
    },
    /// Something else wants what the pull holds.
    #[error(transparent)]
    GaveWay(#[from] super::super::GaveWay),
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "source_file",
            Self::Unreachable { .. } => "source_unreachable",
            Self::Stalled { .. } => "source_stalled",
            Self::Untrusted { .. } => "source_untrusted",
            Self::Credentials { .. } => "source_credentials",
            Self::Missing { .. } => "source_missing",
            Self::Redirect { .. } => "source_redirect",
            Self::Failing { .. } => "source_failing",
            Self::Answer { .. } => "source_answer",
            Self::TooLarge { .. } => "source_too_large",
            Self::Short { .. } => "source_short",
            Self::Tampered { .. } => "tampered",
            Self::NoBundle { .. } => "no_bundle",
            Self::GaveWay(error) => error.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::File { .. } | Self::Answer { .. } | Self::TooLarge { .. } | Self::NoBundle { .. } => {
                Class::Invalid
            }
            Self::Untrusted { .. }
            | Self::Credentials { .. }
            | Self::Redirect { .. }
            | Self::Tampered { .. } => Class::Denied,
            Self::Unreachable { .. }
            | Self::Stalled { .. }
            | Self::Missing { .. }
            | Self::Failing { .. }
            | Self::Short { .. } => Class::Unavailable,
            Self::GaveWay(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File { fix, .. } => return Some(fix.clone()),
            Self::Unreachable { .. } => {
                "what runs keeps running; check the address, the route and /etc/resolv.conf, or bring the bundle on a medium"
            }
            Self::Stalled { .. } => {
                "what runs keeps running, and what was copied is kept; the pull goes on with it when the server answers again"
            }
            Self::Untrusted { .. } => {
                "name the authority that signed its certificate as `ca` of the source, or have the certificate renewed"
            }
            Self::Credentials { .. } => {
                "name a docker configuration file with `auths` for this registry as `credentials` of the source, and check that the account may read"
            }
            Self::Missing { .. } => "check path and tag; `cargo xtask bundle push` puts a bundle there",
            Self::Redirect { to, .. } => {
                return Some(format!("add `hosts: [\"{to}\"]` to the source if that host is meant"));
            }
            Self::Failing { .. } => "the registry's own log says more; the agent asks again later",
            Self::Answer { .. } | Self::TooLarge { .. } => {
                "what answers there is no registry, or a broken one; ask whoever runs it"
            }
            Self::Short { .. } => {
                "push the bundle again: `cargo xtask bundle push` sends only what is missing"
            }
            Self::Tampered { .. } => {
                "nothing of it was taken in; ask whoever runs the registry, and push the bundle again"
            }
            Self::NoBundle { .. } => "check path and tag; `cargo xtask bundle push` puts a bundle there",
            Self::GaveWay(error) => return error.hint(),
        };
        Some(text.into())
    }
}
