//! What Sprig 3.3.0 gives to templates, as Helm 4.2.3 has it: every function of its text map, and Helm's own for YAML,
//! JSON and TOML.

pub mod clock;
mod duration;
mod layout;
pub mod regexp;
pub mod semver;
mod unicode;
