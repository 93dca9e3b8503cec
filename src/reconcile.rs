//! What a node does with the stages above: it takes bundles in, keeps what is active in the cluster, and says how it stands.
//!
//! Each part gathers, asks a pure stage to decide, acts, and reports. The order of these steps is all that is decided here.

pub mod accept;
pub mod import;
mod memory;
mod receipt;

pub use memory::Memory;
