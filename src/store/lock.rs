use super::{Disk, Error, disk::Held, error::During};

/// The one writer's lock: the agent's, or a command's when no agent runs.
pub(super) struct Lock {
    _held: Box<dyn Held>,
}

impl Lock {
    const PATH: &'static str = "lock";

    /// Takes the lock without waiting; the kernel takes it back when the process ends, however it ends.
    pub(super) fn take(disk: &dyn Disk) -> Result<Self, Error> {
        match disk.lock(Self::PATH).during("lock", Self::PATH)? {
            Some(held) => Ok(Self { _held: held }),
            None => Err(Error::Locked),
        }
    }
}
