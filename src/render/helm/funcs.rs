//! The functions that Helm 4.2.3 adds to Sprig's, as far as they need no chart: YAML, JSON and TOML.

mod json;
mod toml;
mod yaml;

pub(super) use yaml::ReadTexts;

use crate::render::gotemplate::{Failure, Function, Value};

/// These functions. They hide those of Sprig that have their names, so they come later in a table.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    [json::FUNCTIONS, toml::FUNCTIONS, yaml::FUNCTIONS].into_iter().flatten()
}

/// Where a function swallows its errors this takes their place, save for a budget that is used up.
fn or_empty(result: Result<Value, Failure>) -> Result<Value, Failure> {
    match result {
        Err(failure) if failure.exhausted().is_none() => Ok("".into()),
        result => result,
    }
}
