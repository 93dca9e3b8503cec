use std::{
    cell::{Cell, RefCell},
    io,
    time::{Duration, Instant},
};

use super::{
    super::{GaveWay, GiveWay, registry::Patience},
    Error,
};
use crate::{limits, source::Trouble};

/// One conversation with a server: how much may still come, until when, and what went wrong first. The library in
/// between hands on texts; what an operator reads is kept here.
pub(super) struct Line {
    pub(super) url: String,
    pub(super) patience: Patience,
    give_way: GiveWay,
    trouble: RefCell<Option<Error>>,
    /// What is spoken of, and its bounds.
    phase: Cell<Phase>,
}

#[derive(Clone, Copy)]
struct Phase {
    what: &'static str,
    limit: u64,
    taken: u64,
    /// Until when it has to be over; a pack may take any time that its rate allows.
    deadline: Option<Instant>,
    window: (Instant, u64),
}

impl Line {
    pub(super) fn new(url: String, patience: Patience, give_way: GiveWay) -> Self {
        let now = Instant::now();
        let phase = Phase {
            what: "an answer before the pack",
            limit: limits::GIT_ANSWER_BYTES,
            taken: 0,
            deadline: Some(now + limits::GIT_ANSWER),
            window: (now, 0),
        };
        Self { url, patience, give_way, trouble: RefCell::default(), phase: Cell::new(phase) }
    }

    /// From now on a pack comes, of at most so many bytes.
    pub(super) fn begin_pack(&self, limit: u64) {
        let window = (Instant::now(), 0);
        self.phase.set(Phase { what: "a pack", limit, taken: 0, deadline: None, window });
    }

    /// Keeps what went wrong first, and says it in the form that passes through readers.
    pub(super) fn fail(&self, error: Error) -> io::Error {
        let told = io::Error::other(error.to_string());
        self.trouble.borrow_mut().get_or_insert(error);
        told
    }

    /// What went wrong first; where nothing did that was seen here, what the library says.
    pub(super) fn verdict(&self, otherwise: impl FnOnce() -> Error) -> Error {
        self.trouble.borrow_mut().take().unwrap_or_else(otherwise)
    }

    /// So many bytes came.
    pub(super) fn took(&self, count: usize) -> Result<(), Error> {
        let mut phase = self.phase.get();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        phase.taken = phase.taken.saturating_add(count);
        phase.window.1 = phase.window.1.saturating_add(count);
        if phase.taken > phase.limit {
            let (what, limit) = (phase.what.to_owned(), phase.limit);
            return Err(Error::Network(Trouble::TooLarge { url: self.url.clone(), what, limit }));
        }
        if phase.deadline.is_none() && phase.window.0.elapsed() >= self.patience.window {
            if phase.window.1 < self.patience.window_bytes {
                let what = format!("fewer than {} bytes of a pack came", self.patience.window_bytes);
                return Err(self.stalled(what, self.patience.window));
            }
            phase.window = (Instant::now(), 0);
        }
        self.phase.set(phase);
        Ok(())
    }

    /// How long the next byte is waited for.
    pub(super) fn may_wait(&self) -> Result<Duration, Error> {
        self.look()?;
        let Some(deadline) = self.phase.get().deadline else { return Ok(self.patience.pause) };
        match deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left.min(self.patience.pause)),
            _ => Err(self.stalled("no pack begins".into(), limits::GIT_ANSWER)),
        }
    }

    /// Whether to give way.
    pub(super) fn look(&self) -> Result<(), Error> {
        match self.give_way.is_asked() {
            true => Err(GaveWay { url: self.url.clone() }.into()),
            false => Ok(()),
        }
    }

    /// Waits until this pull should give way.
    pub(super) async fn give_way(&self) -> Error {
        self.give_way.asked().await;
        GaveWay { url: self.url.clone() }.into()
    }

    pub(super) fn stalled(&self, what: String, within: Duration) -> Error {
        Error::Network(Trouble::Stalled { url: self.url.clone(), what, within })
    }
}
