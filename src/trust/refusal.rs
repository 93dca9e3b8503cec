use jiff::Timestamp;

use crate::{
    bundle::{AgentVersion, Floor, KeyId, Malformed, Role},
    digest::Digest,
    fault::{Class, Fault},
    name::{ChannelName, ClusterId, Need, TrustDomain},
};

/// Why a document stays outside. Each has a stable code, one sentence and a next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the sentence of each variant says what its fields are")]
pub enum Refusal {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("{what} is of type `{found}`, and a document of role `{}` was due", role.name())]
    Type { what: String, role: Role, found: String },
    #[error("{what} is signed by {have} of the {need} keys that {authority} asks for")]
    Threshold { what: String, authority: String, have: usize, need: u32, strangers: Vec<KeyId> },
    #[error("{what} needs `{need}`, which this agent lacks")]
    Needs { what: String, need: Need },
    #[error("{what} is of format {found}, and this agent reads 1")]
    Format { what: String, found: u32 },
    #[error("{what} asks for agent {requires}, and this is {this}")]
    Agent { what: String, requires: AgentVersion, this: AgentVersion },
    #[error("{what} belongs to trust domain {found}, and this node to {known}")]
    Domain { what: String, found: TrustDomain, known: TrustDomain },
    #[error("channel `{channel}` is not one that this node follows")]
    Channel { channel: ChannelName },
    #[error("the bundle is for {}, and this is `{cluster}`", audience.join(", "))]
    Audience { audience: Vec<String>, cluster: ClusterId },
    #[error("the bundle is for the pattern `{pattern}`, and this node takes only bundles that name it")]
    AudienceWildcard { pattern: String },
    #[error("the bundle is of epoch {found}, and trust root {version} of epoch {known}")]
    Epoch { found: u32, known: u32, version: u32 },
    #[error("the bundle asks for trust root {needs}, and the newest one here is {known}")]
    RootBehind { needs: u32, known: u32 },
    #[error("bundle {found} of channel `{channel}` is older than {floor}, which was accepted before")]
    Rollback { channel: ChannelName, found: Floor, floor: Floor },
    #[error("bundle {position} of channel `{channel}` was accepted before with other content ({known})")]
    Equivocation { channel: ChannelName, position: Floor, known: Digest },
    #[error("bundle {found} of channel `{channel}` is far ahead of {floor}")]
    Jump { channel: ChannelName, found: Floor, floor: Floor, digest: Digest },
    #[error("the bundle says to be made at {created}, which is far ahead of {reference}")]
    TimeJump { created: Timestamp, reference: Timestamp },
    #[error("the bundle was to be accepted until {until}, and it is at least {time}")]
    Expired { until: Timestamp, time: Timestamp, digest: Digest },
    #[error("trust root {version} admits no new bundle after {expires}, and it is at least {time}")]
    RootExpired { version: u32, expires: Timestamp, time: Timestamp },
    #[error("trust root {missing} is missing between {known} and {found}")]
    RootGap { known: u32, missing: u32, found: u32 },
    #[error("there are two trust roots of version {version}: {known} and {found}")]
    RootFork { version: u32, known: Digest, found: Digest },
    #[error("the newest trust root here is {found}, more than {limit} versions after {known}")]
    RootSteps { known: u32, found: u32, limit: u32 },
    #[error("trust root {version} does not continue {known}: {why}")]
    RootChain { version: u32, known: u32, why: String },
    #[error("the trust root hashes to {found}, and {expected} was given")]
    Anchor { found: String, expected: String },
}

impl Refusal {
    /// The digest that the operator's word must name, where the operator may waive the refusal.
    pub fn waivable(&self) -> Option<Digest> {
        match self {
            Self::Expired { digest, .. } | Self::Jump { digest, .. } => Some(*digest),
            _ => None,
        }
    }
}

impl Fault for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.code(),
            Self::Type { .. } => "type",
            Self::Threshold { .. } => "threshold",
            Self::Needs { .. } => "needs",
            Self::Format { .. } => "format",
            Self::Agent { .. } => "agent",
            Self::Domain { .. } => "domain",
            Self::Channel { .. } => "channel",
            Self::Audience { .. } | Self::AudienceWildcard { .. } => "audience",
            Self::Epoch { .. } => "epoch",
            Self::RootBehind { .. } => "root_behind",
            Self::Rollback { .. } => "rollback",
            Self::Equivocation { .. } => "equivocation",
            Self::Jump { .. } => "jump",
            Self::TimeJump { .. } => "time_jump",
            Self::Expired { .. } => "expired",
            Self::RootExpired { .. } => "root_expired",
            Self::RootGap { .. } => "root_gap",
            Self::RootFork { .. } => "root_fork",
            Self::RootSteps { .. } => "root_steps",
            Self::RootChain { .. } => "root_chain",
            Self::Anchor { .. } => "anchor",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Malformed(malformed) => malformed.class(),
            Self::RootBehind { .. } | Self::RootGap { .. } => Class::Unavailable,
            _ => Class::Denied,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Malformed(malformed) => return malformed.hint(),
            Self::Type { .. } => "a signature made for one kind of document is worth nothing in another; ask the builder for the right file".into(),
            Self::Threshold { strangers, .. } if strangers.is_empty() => {
                "ask the signers for the missing signatures; `airlock trust show` lists whose count".into()
            }
            Self::Threshold { strangers, .. } => {
                let names: Vec<String> = strangers.iter().map(KeyId::fingerprint).collect();
                format!("keys that do not count here signed it too ({}); `airlock trust show` lists whose count", names.join(", "))
            }
            Self::Needs { .. } | Self::Format { .. } | Self::Agent { .. } => {
                "update the agent first; `airlock inspect` says whether this medium carries the next one".into()
            }
            Self::Domain { .. } => "this medium belongs to another organisation's trust root; take it to its own site".into(),
            Self::Channel { .. } => "name the channel under `channels` in airlock.yaml if this node is to follow it".into(),
            Self::Audience { .. } => "take the medium to the cluster that it names, or ask for a bundle for this one".into(),
            Self::AudienceWildcard { .. } => "set `audienceWildcards: true` in airlock.yaml if this node is to take bundles for everybody".into(),
            Self::Epoch { .. } => "ask for a bundle of the current epoch; older ones ended with the rotation of the trust root".into(),
            Self::RootBehind { .. } | Self::RootGap { .. } => {
                "bring a medium that carries the whole chain of trust roots (`trust/`)".into()
            }
            Self::Rollback { .. } => "this is an old medium; to go back on purpose use `airlock rollback`".into(),
            Self::Equivocation { .. } => "two different bundles carry one number: stop, and ask the signers which one is theirs".into(),
            Self::Jump { digest, .. } | Self::Expired { digest, .. } => {
                format!("if it is to be accepted all the same: `airlock approve {digest}`")
            }
            Self::TimeJump { .. } => "check this node's clock; if the clock is right, ask the signers about theirs".into(),
            Self::RootExpired { .. } => "what runs keeps running; bring a medium with a newer trust root".into(),
            Self::RootFork { .. } => "a root key signed two histories: stop, and ask the holders of the root keys".into(),
            Self::RootSteps { .. } => "bring an older medium first".into(),
            Self::RootChain { .. } => "ask the holders of the root keys; `cargo xtask root` checks a chain before it signs".into(),
            Self::Anchor { .. } => "compare the root sheet with the file once more, and trust neither until they agree".into(),
        })
    }
}
