use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// `volume.json`: which of several media this is. A hint for people; nothing depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeLabel {
    /// 1, 2, 3 …
    pub volume: u32,
    /// How many there are.
    pub volumes: u32,
    /// The payload digest of the bundle, so that a person sees which discs belong together.
    pub bundle: Digest,
    /// What is written on the disc.
    pub label: String,
}
