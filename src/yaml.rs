//! YAML as Go reads and writes it.
//!
//! Helm and Flux read with the rules of go-yaml v2 behind `sigs.k8s.io/yaml`, Kustomize with those of go-yaml v3, and
//! both print with the emitter of v2. No other library agrees with them byte for byte, so this module is our own.

pub mod emit;
pub mod float;
pub mod json;
pub mod natural;
pub mod resolve;
pub mod value;
mod walk;

pub use value::{Map, Value};

/// Which of the two resolvers reads: go-yaml v2 (Helm, values, `sigs.k8s.io/yaml`) or v3 (Kustomize).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// go-yaml v2: YAML 1.1 booleans, timestamps stay text.
    V2,
    /// go-yaml v3: `yes` and `on` are text, `0o17` is a number, timestamps are instants.
    V3,
}
