//! Who may say what. The one gate that every byte passes.
//!
//! An operator anchors a trust root once ([`anchor`]). From there each newer root is believed because the one before
//! it says so ([`walk`]), and a bundle because enough keys of its channel signed it ([`Policy::verify`]). Nothing
//! outside an envelope is parsed before the envelope verifies, the verified bytes are the parsed bytes, and there is
//! no unsigned mode.

mod chain;
pub mod git;
mod policy;
mod refusal;
mod signers;
mod sshsig;
pub mod state;
mod verified;
pub mod words;

pub use chain::{Walk, anchor, rewalk, walk};
pub use policy::{Audience, Judged, Policy, Root, Standing, agent, card, readmit};
pub use refusal::Refusal;
pub use signers::signers;
pub use verified::Verified;
