//! The values that a user gives, in the order in which they count.

use super::{Kind, set};
use crate::{
    render::{
        gotemplate::{Map, Value, sprig::json::decode_map},
        helm::{Error, chart},
    },
    yaml,
};

/// What a user gives: each list counts more than those before it, and so does each element.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--values`: a name for errors, and the text.
    pub files: Vec<(String, Vec<u8>)>,
    /// `--set-json`.
    pub json: Vec<String>,
    /// `--set`.
    pub typed: Vec<String>,
    /// `--set-string`.
    pub text: Vec<String>,
    /// `--set-file`.
    pub file: Vec<String>,
    /// `--set-literal`.
    pub literal: Vec<String>,
}

impl Overrides {
    /// All of it together. `read` reads what `--set-file` names.
    ///
    /// # Errors
    /// In the original's words, for the first that cannot be read.
    pub fn values(&self, read: super::Reader<'_>) -> Result<Map, Error> {
        let mut base = yaml::Map::new();
        for (name, text) in &self.files {
            let map = chart::read_values(text)
                .map_err(|error| Error::Values(format!("failed to parse {name}: {error}")))?;
            chart::merge(&mut base, map);
        }
        let values = super::from_map(&base);
        for text in &self.json {
            if text.trim_start().starts_with('{') {
                let wrong = |_| Error::Values(format!("failed parsing --set-json data JSON: {text}"));
                merge(&values, &decode_map(text.trim().as_bytes()).map_err(wrong)?);
            } else {
                let wrong = |_| Error::Values(format!("failed parsing --set-json data {text}"));
                set(Kind::Json, text, &values).map_err(wrong)?;
            }
        }
        let flags = [
            ("--set", Kind::Typed, &self.typed),
            ("--set-string", Kind::Text, &self.text),
            ("--set-file", Kind::File(read), &self.file),
            ("--set-literal", Kind::Literal, &self.literal),
        ];
        for (flag, kind, texts) in flags {
            for text in texts {
                let wrong = |error| Error::Values(format!("failed parsing {flag} data: {error}"));
                set(kind, text, &values).map_err(wrong)?;
            }
        }
        Ok(values)
    }
}

/// Merges `over` into `base`: tables are merged, everything else is replaced.
fn merge(base: &Map, over: &Map) {
    for (key, value) in over.to_vec() {
        match (base.get(&key), value) {
            (Some(Value::Map(base)), Value::Map(over)) => merge(&base, &over),
            (_, value) => super::put(base, key, value),
        }
    }
}
