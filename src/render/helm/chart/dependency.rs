//! What a chart says of the charts that it stands on.

use std::collections::BTreeMap;

use super::{
    decode::{Decoder, Fields, Path},
    metadata::sanitized,
};
use crate::{
    render::gotemplate::{Str, Value, strconv::quote},
    yaml,
};

/// One entry of `dependencies`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dependency {
    /// The name of the chart; after processing its alias.
    pub name: String,
    /// Which versions of it.
    pub version: String,
    /// Where it comes from; of no use here.
    pub repository: String,
    /// Paths of values that enable or disable it; the first that is a truth value decides.
    pub condition: String,
    /// Names under `tags` in the values that enable or disable it.
    pub tags: Vec<String>,
    /// Whether it takes part.
    pub enabled: bool,
    /// What of its values its parent takes over.
    pub import_values: Vec<yaml::Value>,
    /// Another name for it.
    pub alias: String,
}

impl Fields for Dependency {
    const NAME: &'static str = "Dependency";

    fn field(&mut self, name: &str, value: &yaml::Value, path: &Path<'_>, decoder: &mut Decoder) -> bool {
        match name {
            "name" => decoder.text(&mut self.name, value, path),
            "version" => decoder.text(&mut self.version, value, path),
            "repository" => decoder.text(&mut self.repository, value, path),
            "condition" => decoder.text(&mut self.condition, value, path),
            "tags" => decoder.texts(&mut self.tags, value, path),
            "enabled" => decoder.truth(&mut self.enabled, value, path),
            "import-values" => {
                let any = |_: &mut Decoder, item: &yaml::Value| Some(item.clone());
                decoder.list(&mut self.import_values, value, path, "[]interface {}", any);
            }
            "alias" => decoder.text(&mut self.alias, value, path),
            _ => return false,
        }
        true
    }
}

impl Dependency {
    /// Cleans texts and looks at the alias.
    ///
    /// # Errors
    /// In the original's words.
    pub(super) fn validate(&mut self) -> Result<(), String> {
        for text in [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition] {
            sanitized(text);
        }
        self.tags.iter_mut().for_each(sanitized);
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !self.alias.chars().all(legal) {
            let name = quote(self.name.as_bytes());
            return Err(format!("dependency {name} has disallowed characters in the alias"));
        }
        Ok(())
    }

    /// The name under which its values stand.
    pub fn key(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }

    /// What templates see below `.Chart.Dependencies`.
    pub(super) fn to_value(&self) -> Value {
        let text = |text: &String| Value::from(text.as_str());
        let imports = self.import_values.iter().map(crate::render::helm::values::from_yaml);
        Value::map(BTreeMap::from([
            (Str::from("Name"), text(&self.name)),
            ("Version".into(), text(&self.version)),
            ("Repository".into(), text(&self.repository)),
            ("Condition".into(), text(&self.condition)),
            ("Tags".into(), self.tags.iter().map(text).collect()),
            ("Enabled".into(), self.enabled.into()),
            ("ImportValues".into(), imports.collect()),
            ("Alias".into(), text(&self.alias)),
        ]))
    }
}
