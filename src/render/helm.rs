//! Helm's charts, as Helm 4.2.3 has them.
//!
//! ```text
//! .tgz or tree ─▶ Chart ─▶ dependencies ─▶ values ─▶ schema ─▶ engine ─▶ manifests, hooks, notes ─▶ release record
//!                          on, off, alias  coalesced           gotemplate  split and sorted            storage
//! ```
//!
//! There is no disk, no clock and no cluster here: a chart comes from an [`archive::Tree`](crate::archive::Tree) or from
//! bytes, and what else a render may depend on is in its [`World`].

pub mod chart;
mod engine;
mod error;
pub mod funcs;
mod install;
pub mod lint;
pub mod manifest;
mod name;
mod random;
pub mod record;
mod schema;
pub mod values;

pub use chart::Chart;
pub use engine::{
    BadVersion, Capabilities, Cluster, HELM_VERSION, KubeVersion, Lookup, Release, World, glob,
};
pub use engine::{environment, functions};
pub use error::Error;
pub use install::{Options, Rendered, check, check_name, install};
pub use manifest::{Event, Hook, Manifest};
pub use name::name_of_template;
pub use random::Randomness;
pub use schema::validate;
