//! The agent: configuration, socket, and the loop that keeps a node at work.

pub mod control;
mod run;
pub mod settings;
pub mod socket;

pub use run::{Opened, open, run};
pub use settings::{Invalid, Settings};
