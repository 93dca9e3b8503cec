use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    name::{ChannelName, EntryName},
    object::Object,
};

/// The label that names the channel of an object's entry.
pub const CHANNEL_LABEL: &str = "airlock.dev/channel";

/// The label that names an object's entry.
pub const ENTRY_LABEL: &str = "airlock.dev/entry";

/// Kubernetes' limit for the value of a label.
const LABEL_VALUE: usize = 63;

/// Whose an object is: the entry of a channel that rendered it.
///
/// It is written on every object as two labels, as Flux writes `kustomize.toolkit.fluxcd.io/name` and `/namespace`:
/// only what carries both is ever deleted for it. The same pair names its inventory.
///
/// ```
/// use airlock::render::Owner;
/// let owner = Owner { channel: "platform".parse()?, entry: "monitoring".parse()? };
/// assert_eq!(owner.to_string(), "platform/monitoring");
/// assert_eq!(owner.labels()[1], ("airlock.dev/entry", "monitoring".to_owned()));
/// # Ok::<(), airlock::name::NotAName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// The channel.
    pub channel: ChannelName,
    /// The entry.
    pub entry: EntryName,
}

impl Owner {
    /// The labels that its objects carry.
    pub fn labels(&self) -> [(&'static str, String); 2] {
        [
            (CHANNEL_LABEL, self.channel.as_str().to_owned()),
            (ENTRY_LABEL, shortened(self.entry.as_str(), LABEL_VALUE)),
        ]
    }

    /// Whether an object of the cluster carries its labels.
    pub fn owns(&self, object: &Object) -> bool {
        self.labels().iter().all(|(key, value)| object.label(key) == Some(value))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.channel, self.entry)
    }
}

/// A name that fits: itself, or its beginning and enough of its hash that no other name is shortened to the same.
pub(crate) fn shortened(name: &str, limit: usize) -> String {
    const HASH: usize = 16;
    if name.len() <= limit {
        return name.to_owned();
    }
    let hash: String = Digest::of(name.as_bytes()).hex().chars().take(HASH).collect();
    let begin: String = name.chars().take(limit.saturating_sub(HASH + 1)).collect();
    format!("{}-{hash}", begin.trim_end_matches(['.', '-']))
}
