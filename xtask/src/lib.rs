//! Tasks of the connected side: what makes keys, trust roots and bundles.
//!
//! Everything here is a function of paths and a [`World`], so that the demo and the tests call what the command line
//! calls, without a terminal. The library `airlock` defines the formats and verifies; only this crate signs.

#![allow(clippy::disallowed_methods, reason = "the connected side has a disk, a clock and an environment")]

pub mod bench;
pub mod bundle;
pub mod demo;
pub mod disk;
pub mod dist;
pub mod envelope;
pub mod fuzz;
pub mod golden;
pub mod key;
pub mod original;
pub mod root;
pub mod setup;
pub mod test;
pub mod world;

pub use world::World;
