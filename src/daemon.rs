//! The agent: configuration, socket, and the loop that keeps a node at work.

pub mod control;
mod media;
mod open;
mod poll;
mod run;
pub mod settings;
pub mod socket;
mod status;
mod systemd;

pub use open::{Opened, open, profile, read_store_id, sources, write_store_id};
pub use run::run;
pub use settings::{Invalid, Settings};
pub use status::{read_status, write_status};
pub use systemd::{Environment, Systemd};
