use serde::{Deserialize, Serialize};

use super::{AgentVersion, Malformed, strict};
use crate::{
    digest::Digest,
    name::{Need, TrustDomain},
};

/// The media type of an agent statement's envelope among the blobs of a bundle. It travels twice: as `agent.dsse`, where
/// an agent that cannot read the bundle finds it, and as a blob, so that whoever keeps the bundle can hand it on.
pub const AGENT_ENVELOPE: &str = "application/vnd.airlock.agent.v1+dsse";

/// The next agent and its binaries. Its format is frozen: the oldest agent in the field must read the newest one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentStatement {
    /// Always `agent`.
    pub r#type: String,
    /// Always 1.
    pub format: u32,
    /// See [`super::Header`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The trust domain.
    pub domain: TrustDomain,
    /// The version of the binaries.
    pub version: AgentVersion,
    /// One binary an architecture.
    pub binaries: Vec<Binary>,
}

/// One binary, a blob of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binary {
    /// The architecture, as Go names it.
    pub arch: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl AgentStatement {
    /// Reads an agent statement. Only [`crate::trust`] calls this, and only for bytes that a signature covers.
    ///
    /// # Errors
    /// When it is malformed.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        strict::parse("the agent statement", bytes)
    }
}
