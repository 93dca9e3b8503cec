//! Whether a node's loop still goes on.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::node::{Node, lock};
use crate::limits;

/// When the loop was last heard of, and how long it may rightly be silent.
#[derive(Debug)]
pub(super) struct Heart(Mutex<Beat>);

#[derive(Debug)]
struct Beat {
    last: Instant,
    /// The longest timeout of an entry: for so long a wait may see no change.
    patience: Duration,
}

impl Default for Heart {
    fn default() -> Self {
        Self(Mutex::new(Beat { last: Instant::now(), patience: Duration::ZERO }))
    }
}

impl Node {
    /// The loop goes on.
    pub fn beat(&self) {
        lock(&self.heart.0).last = Instant::now();
    }

    /// An entry may rightly take so long without a sign.
    pub(super) fn grant(&self, patience: Duration) {
        let mut beat = lock(&self.heart.0);
        beat.patience = beat.patience.max(patience);
    }

    /// Whether the loop was silent for longer than anything in it may take.
    pub fn is_stuck(&self) -> bool {
        let beat = lock(&self.heart.0);
        beat.last.elapsed() > beat.patience + limits::SILENCE
    }
}
