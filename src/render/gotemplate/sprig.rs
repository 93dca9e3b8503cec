//! What Sprig 3.3.0 gives to templates, as Helm 4.2.3 has it: every function of its text map but `env` and `expandenv`,
//! which Helm takes away.
//!
//! ```text
//! text words · numeric cast decimal · list dict merge equal · defaults reflect · date clock layout duration
//! json encoding · regex regexp · versions semver · url path network · random crypto · toml (for Helm's functions)
//! ```
//!
//! One file is one family of functions with their table, or one library that they stand on. Time, randomness and the
//! cache of expressions come in through the [`Environment`] that the caller of the engine gives as host.

mod call;
mod cast;
pub mod clock;
pub mod crypto;
mod date;
mod decimal;
mod defaults;
mod dict;
mod duration;
mod encoding;
mod environment;
mod equal;
pub mod json;
pub(crate) mod layout;
mod list;
mod merge;
mod network;
mod numeric;
mod path;
mod random;
mod reflect;
mod regex;
pub mod regexp;
pub mod semver;
mod text;
pub mod toml;
mod unicode;
pub(crate) mod url;
mod versions;
mod words;

use super::function::Function;

pub use environment::Environment;

/// All functions, for a [`Table`](super::Table).
pub fn functions() -> impl Iterator<Item = &'static Function> {
    [
        crypto::FUNCTIONS,
        date::FUNCTIONS,
        defaults::FUNCTIONS,
        dict::FUNCTIONS,
        json::FUNCTIONS,
        list::FUNCTIONS,
        network::FUNCTIONS,
        numeric::FUNCTIONS,
        path::FUNCTIONS,
        random::FUNCTIONS,
        reflect::FUNCTIONS,
        regex::FUNCTIONS,
        text::FUNCTIONS,
        url::FUNCTIONS,
        versions::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}
