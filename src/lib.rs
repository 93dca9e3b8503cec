//! Airlock is GitOps for Kubernetes clusters that have no way out: bytes come in on one side, objects leave on the
//! other, and nothing passes that a trusted key did not sign.
//!
//! ```text
//! bytes ─▶ bundle::Unverified ─▶ trust::Verified<Root> ─▶ Content ─▶ Rendered ─▶ Plan ─▶ Outcome ─▶ Status
//! source   only trust may        only Policy::verify      re-hashes   only        only     cluster    reconcile
//! (edge)   look inside           makes one                every read  render      plan     (edge)
//! ```
//!
//! The modules below stand in the order of that flow: each may use those above it, never those below. A pure module
//! has no disk, no clock, no environment, no network and no `async`. `tests/architecture.rs` holds them to the
//! order, `.clippy.toml` to the purity, and the doctests of [`trust`] to the proof.

// Vocabulary.
pub mod digest;
pub mod name;
pub mod limits;
pub mod fault;
pub mod duration;

// Formats: bytes to values and back, without opinions.
pub mod yaml;
pub mod object;
pub mod oci;
pub mod archive;
pub mod bundle;

// Decisions: values to decisions, without effects.
pub mod trust;
pub mod content;
pub mod render;
pub mod graph;
pub mod plan;

// Edges: each line says what it may touch.
#[allow(clippy::disallowed_methods, reason = "edge: disk")]
pub mod store;
#[allow(clippy::disallowed_methods, reason = "edge: media and their mounts")]
pub mod source;
#[allow(clippy::disallowed_methods, reason = "edge: the cluster, a server or a directory")]
pub mod cluster;
#[allow(clippy::disallowed_methods, reason = "edge: listens")]
pub mod mirror;

// Composition: gather, decide, act, report.
#[allow(clippy::disallowed_methods, reason = "edge: brings the others together")]
pub mod reconcile;
#[allow(clippy::disallowed_methods, reason = "edge: clock, socket, signals")]
pub mod daemon;
#[allow(clippy::disallowed_methods, reason = "edge: arguments, environment, terminal")]
pub mod cli;
