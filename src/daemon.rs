//! The agent: configuration, socket, and the loop that keeps a node at work.

mod confine;
pub mod control;
mod listen;
mod media;
mod metrics;
mod open;
mod poll;
mod run;
pub mod settings;
pub mod socket;
mod status;
mod systemd;

pub use confine::{confine, writable};
pub use open::{Opened, open, profile, read_store_id, sources, write_store_id};
pub use run::run;
pub use settings::{Invalid, Listen, Settings};
pub use status::{read_status, write_status};
pub use systemd::{Environment, Systemd};
