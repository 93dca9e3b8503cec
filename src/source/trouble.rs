use std::{path::PathBuf, time::Duration};

use crate::fault::Class;

/// What stands between this node and any place on a network that it asks for bundles, whatever is spoken there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
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
        /// What TLS or ssh said.
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
    #[error("{url} sends this node to {to}")]
    Redirect {
        /// The place.
        url: String,
        /// Where to.
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
    /// Something else lies there.
    #[error("{url} is no bundle: {why}")]
    NoBundle {
        /// The place.
        url: String,
        /// What it is.
        why: String,
    },
}

impl Trouble {
    /// The stable code.
    pub fn code(&self) -> &'static str {
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
            Self::NoBundle { .. } => "no_bundle",
        }
    }

    /// What kind of fault it is.
    pub fn class(&self) -> Class {
        match self {
            Self::File { .. } | Self::Answer { .. } | Self::TooLarge { .. } | Self::NoBundle { .. } => {
                Class::Invalid
            }
            Self::Untrusted { .. } | Self::Credentials { .. } | Self::Redirect { .. } => Class::Denied,
            Self::Unreachable { .. } | Self::Stalled { .. } | Self::Missing { .. } | Self::Failing { .. } => {
                Class::Unavailable
            }
        }
    }

    /// What to do about it, where that does not depend on what is spoken there.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File { fix, .. } => Some(fix.clone()),
            Self::Unreachable { .. } => {
                let hint = "what runs keeps running; check the address, the route and /etc/resolv.conf, or bring the bundle on a medium";
                Some(hint.into())
            }
            _ => None,
        }
    }
}
