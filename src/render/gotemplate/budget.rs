//! What one render may use up. A template is a program, so nothing but a budget ends every one of them.

use crate::limits;

/// How much one render may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Nodes executed, values ranged over, and what functions charge.
    pub steps: u64,
    /// Bytes written, those of templates that were executed into a string included.
    pub bytes: u64,
    /// Templates within templates, `include` and `tpl` included.
    pub depth: u32,
    /// Stack of the thread that nested templates may take. A thread with more of it can be given more.
    pub stack: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            steps: limits::TEMPLATE_STEPS,
            bytes: limits::TEMPLATE_BYTES,
            depth: limits::TEMPLATE_DEPTH,
            stack: limits::TEMPLATE_STACK_BYTES,
        }
    }
}

/// Which part of the budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// Too much work: most likely a loop that does not end.
    #[error("the render takes more than {0} steps")]
    Steps(u64),
    /// Too much output.
    #[error("the render writes more than {0} bytes")]
    Bytes(u64),
    /// Templates call each other too deeply: most likely without end.
    #[error("templates are nested more than {0} deep")]
    Depth(u32),
    /// As [`Depth`](Self::Depth), where the stack ends earlier.
    #[error("nested templates need more than {0} bytes of stack")]
    Stack(usize),
}

/// A budget in use.
#[derive(Debug)]
pub(super) struct Meter {
    limit: Budget,
    steps: u64,
    bytes: u64,
    /// Where the stack was when the render began; it grows downwards on every machine that we build for.
    base: usize,
}

impl Meter {
    #[inline(never)]
    pub(super) fn new(limit: Budget) -> Self {
        Self { limit, steps: limit.steps, bytes: limit.bytes, base: here() }
    }

    #[inline]
    pub(super) fn step(&mut self, count: u64) -> Result<(), Exhausted> {
        match self.steps.checked_sub(count) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => {
                // Whoever catches this error must not get any further.
                self.steps = 0;
                Err(Exhausted::Steps(self.limit.steps))
            }
        }
    }

    #[inline]
    pub(super) fn write(&mut self, count: usize) -> Result<(), Exhausted> {
        match self.bytes.checked_sub(count as u64) {
            Some(left) => {
                self.bytes = left;
                Ok(())
            }
            None => Err(self.no_more_bytes()),
        }
    }

    /// Lets nothing more be written.
    pub(super) fn no_more_bytes(&mut self) -> Exhausted {
        self.bytes = 0;
        Exhausted::Bytes(self.limit.bytes)
    }

    /// How many bytes may still be written.
    pub(super) fn room(&self) -> u64 {
        self.bytes
    }

    pub(super) fn depth(&self, depth: u32) -> Result<(), Exhausted> {
        if depth > self.limit.depth {
            return Err(Exhausted::Depth(self.limit.depth));
        }
        self.stack()
    }

    #[inline]
    pub(super) fn stack(&self) -> Result<(), Exhausted> {
        if self.base.abs_diff(here()) > self.limit.stack {
            return Err(Exhausted::Stack(self.limit.stack));
        }
        Ok(())
    }
}

/// The address of something on the stack, to know how much of it is in use.
#[inline(never)]
fn here() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&marker)).addr()
}
