//! The bundle format: what the bytes mean, and nothing about whether to believe them.
//!
//! A bundle is an OCI image layout, as a directory or as an uncompressed ustar tar in exactly this order:
//!
//! ```text
//! trust/0001.root.dsse …               the trust roots, first to newest               [`TrustRoot`]
//! agent.dsse                           optional: the next agent and its binaries       [`AgentStatement`]
//! bundle.dsse                          the statement that is signed                    [`Statement`]
//! oci-layout  index.json  volume.json  for other tools, and the label of this volume; hints, never trusted
//! blobs/sha256/<hex>                   the inventory first, the release second, the rest by digest
//! ```
//!
//! The signature covers one small payload. Everything below it is reached by digest and exact size, so a directory,
//! a tar, a set of volumes, a registry and a Git tree are read by one reader through the port [`Medium`].
//!
//! Documents are strict JSON ([`strict`]): no duplicate name, no unknown name, bounded depth. They grow through a
//! tolerant [`Header`] that is read first: a name in `needs` that this agent does not know is refused, by name,
//! while `ext` may be ignored.

mod agent;
mod card;
mod envelope;
mod header;
mod index;
mod inventory;
mod key;
mod layout;
mod medium;
mod release;
mod split;
mod statement;
pub mod strict;
mod trust_root;
mod values_from;
mod version;
mod volume;

pub use agent::{AGENT_ENVELOPE, AgentStatement, Binary};
pub use card::Card;
pub use envelope::{Role, Scheme, Signature, Unverified, encode, pae};
pub use header::{Header, KNOWN_NEEDS};
pub use index::index_json;
pub use inventory::{Blob, BlobRole, Inventory, Part};
pub use key::{Algorithm, KeyId, PublicKey};
pub use layout::{Item, Order, check_blob_order};
pub use medium::{Medium, Opened};
pub use release::{
    Account, Closure, Descriptor, Entry, EntryKind, FileRef, HealthCheck, Release, Site, Source, SourceKind,
};
pub use split::{Form, Piece, Room, Slice, TooLarge, VolumePlan, part_sizes, pieces, split};
pub use statement::{
    Floor, InventoryRef, Kubernetes, Previous, ReleaseRef, Statement, Target, audience_matches,
    kubernetes_minor,
};
pub use trust_root::{Channel, ChannelScope, Keyholders, Roles, TrustRoot};
pub use values_from::{ValuesFrom, ValuesKind};
pub use version::AgentVersion;
pub use volume::VolumeLabel;

use crate::fault::{Class, Fault};

/// A document or a layout that is not of the form that this page describes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is malformed: {why}")]
pub struct Malformed {
    /// The document: `bundle.dsse`, `trust root 3`, `release`.
    pub what: String,
    /// What is wrong with it, in words.
    pub why: String,
}

impl Malformed {
    /// Says that `what` is wrong, and why.
    pub fn new(what: impl Into<String>, why: impl ToString) -> Self {
        Self { what: what.into(), why: why.to_string() }
    }
}

impl Fault for Malformed {
    fn code(&self) -> &'static str {
        "format"
    }

    fn class(&self) -> Class {
        Class::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("the medium is damaged or was not made by `cargo xtask bundle`; copy the bundle again".into())
    }
}
