use std::{
    error::Error as StdError,
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    bundle::Medium,
    fault::{Class, Fault},
};

/// A place that is asked for bundles over a network: one implementation a scheme.
///
/// Nothing that it yields is trusted. It is a medium like a stick, and passes the same gate.
pub trait Remote: Send + Sync {
    /// How people call it: its URL, without credentials.
    fn url(&self) -> &str;

    /// Asks once for the newest bundle, and blocks while it does. `known` is the mark of the answer before; where the
    /// place still gives that answer, nothing more is read.
    ///
    /// # Errors
    /// When there is no answer in time, or it is not one.
    fn newest(&self, known: Option<&str>) -> Result<Asked, Failure>;

    /// Hears that the bundle of the answer with this mark was accepted. A place that has a history keeps it, durably,
    /// so that what comes next has to follow.
    ///
    /// # Errors
    /// When that cannot be kept.
    fn accepted(&self, mark: &str) -> Result<(), Failure> {
        let _ = mark;
        Ok(())
    }
}

/// What a remote place answers.
pub enum Asked {
    /// The same as before.
    Same,
    /// A bundle.
    Bundle {
        /// What tells this answer from another: a manifest's digest, a commit's name. Never trusted, only compared.
        mark: String,
        /// The bundle, read as it is asked for.
        medium: Arc<dyn Medium>,
    },
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("Same"),
            Self::Bundle { mark, medium } => {
                f.debug_struct("Bundle").field("mark", mark).field("medium", &medium.label()).finish()
            }
        }
    }
}

/// Why a remote place does not answer: whatever fault its own stage has, in a form that passes through [`io::Error`],
/// so that a medium's readers can fail with it.
pub struct Failure(Box<dyn Fault + Send + Sync>);

impl Failure {
    /// Takes a fault.
    pub fn new(fault: impl Fault + Send + Sync + 'static) -> Self {
        Self(Box::new(fault))
    }

    /// The failure that a read failed with, where it was one.
    pub fn within(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The same, taken out.
    ///
    /// # Errors
    /// The error itself, where it was none.
    pub fn taken(error: io::Error) -> Result<Self, io::Error> {
        match Self::within(&error) {
            None => Err(error),
            Some(_) => match error.into_inner().map(|it| it.downcast::<Self>()) {
                Some(Ok(failure)) => Ok(*failure),
                Some(Err(other)) => Err(io::Error::other(other)),
                None => Err(io::ErrorKind::Other.into()),
            },
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

impl Fault for Failure {
    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn class(&self) -> Class {
        self.0.class()
    }

    fn hint(&self) -> Option<String> {
        self.0.hint()
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::other(failure)
    }
}

/// Whether a pull should give way: to a medium that somebody put in, or to the end of the agent. What it has copied
/// is kept, and it is gone on with later.
#[derive(Clone, Debug, Default)]
pub struct GiveWay(Arc<AtomicUsize>);

/// As long as this is held, pulls give way.
#[derive(Debug)]
pub struct Claim(Arc<AtomicUsize>);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl GiveWay {
    /// How often a pull looks whether it should.
    pub const LOOK: Duration = Duration::from_millis(200);

    /// Asks pulls to give way.
    #[must_use]
    pub fn claim(&self) -> Claim {
        self.0.fetch_add(1, Ordering::Relaxed);
        Claim(Arc::clone(&self.0))
    }

    /// Asks pulls to give way for good.
    pub fn end(&self) {
        std::mem::forget(self.claim());
    }

    /// Whether a pull should.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Waits until a pull should.
    pub async fn asked(&self) {
        while !self.is_asked() {
            tokio::time::sleep(Self::LOOK).await;
        }
    }
}

/// A pull that gave way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pull of {url} gave way to another import")]
pub struct GaveWay {
    /// The place.
    pub url: String,
}

impl Fault for GaveWay {
    fn code(&self) -> &'static str {
        "gave_way"
    }

    fn class(&self) -> Class {
        Class::Unavailable
    }

    fn hint(&self) -> Option<String> {
        Some(
            "what was copied is kept; the agent goes on with it by itself, and so does `airlock pull`".into(),
        )
    }
}
