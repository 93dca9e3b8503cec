//! A read-only OCI registry of what the node accepted: containerd pulls its images here, and peers their bundles.
//!
//! ```text
//! route       a path of the distribution protocol and what it asks for      [`Route`]   pure
//! catalogue   which digests are served, and what a tag stands for           [`Catalogue`]   pure
//! answer      a request answered from both                                  [`answer`]
//! http        connections, their limits, and bodies read from the disk      [`http::serve`]
//! ```
//!
//! It serves digests of accepted bundles and nothing else that may lie in the store; tags come only from the image
//! map that was signed. Every blob is hashed again as it leaves, so that a damaged one breaks off before its end.
//! Whoever can connect can read, so an address beyond loopback is for a network that may know what runs here.
//!
//! Source: the OCI distribution specification 1.1, its read endpoints; containerd's `hosts.toml` (`?ns=`).

mod answer;
mod catalogue;
pub mod http;
mod route;

use std::sync::Arc;

pub use answer::answer;
pub use catalogue::{Catalogue, Known, Lies};
pub use route::{Route, Wanted, route};

use crate::{content::Blobs, fault::Report};

/// What the mirror serves from. The node implements it.
pub trait Shelf: Send + Sync {
    /// What may be served now.
    ///
    /// # Errors
    /// When an accepted bundle cannot be read.
    fn catalogue(&self) -> Result<Arc<Catalogue>, Report>;

    /// Where the bytes come from.
    fn blobs(&self) -> Arc<dyn Blobs>;
}
