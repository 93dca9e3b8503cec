use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize};

use gix::utils::progress::{
    Count, Id, MessageLevel, NestedProgress, Progress, Step, StepShared, UNKNOWN, Unit,
};

/// What a server says beside its pack. Its progress is of no interest here; that it failed, and why, is (gitprotocol-pack,
/// "Packfile Data", band 3).
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Option<String>>>);

impl Heard {
    /// Why it failed, where it said so, without what could trick a terminal.
    pub(super) fn failure(&self) -> Option<String> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.as_ref().map(|it| it.trim().chars().filter(|it| !it.is_control()).take(400).collect())
    }
}

impl Count for Heard {
    fn set(&self, _: Step) {}

    fn step(&self) -> Step {
        0
    }

    fn inc_by(&self, _: Step) {}

    fn counter(&self) -> StepShared {
        Arc::new(AtomicUsize::default())
    }
}

impl Progress for Heard {
    fn init(&mut self, _: Option<Step>, _: Option<Unit>) {}

    fn set_name(&mut self, _: String) {}

    fn name(&self) -> Option<String> {
        None
    }

    fn id(&self) -> Id {
        UNKNOWN
    }

    fn message(&self, level: MessageLevel, message: String) {
        if level == MessageLevel::Failure {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
        }
    }
}

impl NestedProgress for Heard {
    type SubProgress = Self;

    fn add_child(&mut self, _: impl Into<String>) -> Self {
        self.clone()
    }

    fn add_child_with_id(&mut self, _: impl Into<String>, _: Id) -> Self {
        self.clone()
    }
}
