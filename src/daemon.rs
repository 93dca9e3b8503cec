//! The agent: configuration, socket, and the loop that keeps a node at work.

pub mod control;
mod run;
pub mod settings;
pub mod socket;

pub use run::{Opened, open, profile, read_store_id, run, write_store_id};
pub use settings::{Invalid, Settings};
