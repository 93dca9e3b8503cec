use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Malformed, strict};
use crate::{
    digest::Digest,
    name::{ChannelName, TrustDomain},
};

/// A latest card: which bundle is the newest. Small enough for a QR code, it shows a freeze and installs nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Always `card`.
    pub r#type: String,
    /// Always 1.
    pub format: u32,
    /// The trust domain.
    pub domain: TrustDomain,
    /// The channel.
    pub channel: ChannelName,
    /// Its newest epoch.
    pub epoch: u32,
    /// The newest sequence in it.
    pub sequence: u64,
    /// The payload digest of that bundle.
    pub digest: Digest,
    /// When that bundle was made.
    pub created: Timestamp,
}

impl Card {
    /// Reads a card. Only [`crate::trust`] calls this, and only for bytes that a signature covers.
    ///
    /// # Errors
    /// When it is malformed.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        strict::parse("the latest card", bytes)
    }
}
