//! Stand-ins for the world, for any test.

pub(crate) mod faulty;
pub(crate) mod forgetful;
