//! What a node does with the stages above: it takes bundles in, keeps what is active in the cluster, and says how it stands.
//!
//! Each part gathers, asks a pure stage to decide, acts, and reports. The order of these steps is all that is decided here.
//!
//! ```text
//! import ─▶ accept ─▶ staged ─▶ advance: site, render, closure, deletions ─▶ active
//!                               keep: record, render, deletions ─▶ entry: observe, plan, execute ─▶ last good
//! ```

pub mod accept;
mod advance;
mod card;
mod closure;
mod contest;
mod deletions;
mod desired;
mod drift;
mod entry;
mod heart;
pub mod import;
pub mod inspect;
mod join;
mod keep;
mod lead;
mod memory;
mod news;
mod node;
mod operator;
mod pass;
mod preview;
mod pull;
mod receipt;
mod recorded;
mod reports;
mod shelf;
mod rights;
mod site;
mod status;
mod successor;
mod tell;
mod upkeep;

pub use card::Told;
pub use drift::follow;
pub use import::{Imported, MediumReport, Verdict};
pub use lead::elect;
pub use memory::{Lend, Memory};
pub use node::{Anchor, Clock, Node, Profile, begin};
pub use operator::Kept;
pub use preview::{EntryPreview, Preview};
pub use pull::{Followed, SourceStatus};
pub use rights::Subject;
pub use status::{ChannelStatus, EntryStatus, Phase, RootStatus, Status};
pub use upkeep::{CheckedStore, Collected};

pub use crate::store::Chain as History;
