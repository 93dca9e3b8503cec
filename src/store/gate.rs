use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::Error;

/// Lets one through at a time: an import, a collection or a check. What one of them has seen would not hold while
/// another goes on.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<AtomicBool>);

/// The way through, until it is dropped.
pub(super) struct Pass(Gate);

impl Gate {
    pub(super) fn enter(&self) -> Result<Pass, Error> {
        match self.0.swap(true, Ordering::AcqRel) {
            false => Ok(Pass(self.clone())),
            true => Err(Error::Busy),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}
