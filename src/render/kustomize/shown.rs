//! Configurations of transformers as the original shows them in messages: it makes YAML of each before it reads it.

use super::{Error, kustomization::Patch};
use crate::yaml::{Value, emit::emit, value::Map};

/// The fields of a configuration, by their names.
pub(super) type Fields = Vec<(&'static str, Value)>;

/// Fields as YAML.
pub(super) fn print(fields: &[(&str, Value)]) -> String {
    emit(&object(fields))
}

/// A transformer that cannot be configured. The original shows the configuration that it made of the kustomization.
pub(super) fn trouble(error: Error, kind: &str, config: &[(&str, Value)]) -> Error {
    let config = print(config);
    error.context(format!("trouble configuring builtin {kind} with config: `\n{config}`"))
}

/// Text as a value.
pub(super) fn text(text: &str) -> Value {
    Value::from(text)
}

/// Texts as a value.
pub(super) fn texts(texts: &[String]) -> Value {
    Value::Seq(texts.iter().map(|it| text(it)).collect())
}

/// An object without what is empty.
pub(super) fn object(fields: &[(&str, Value)]) -> Value {
    let mut map = Map::new();
    for (name, value) in fields {
        let is_empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Bool(value) => !value,
            _ => false,
        };
        if !is_empty {
            map.insert((*name).to_owned(), value.clone());
        }
    }
    Value::Map(map)
}

/// What a `PatchTransformer` is told.
pub(super) fn patch_config(patch: &Patch) -> Fields {
    let target = patch.target.as_ref().map_or(Value::Null, |target| {
        object(&[
            ("group", text(&target.id.gvk.group)),
            ("version", text(&target.id.gvk.version)),
            ("kind", text(&target.id.gvk.kind)),
            ("name", text(&target.id.name)),
            ("namespace", text(&target.id.namespace)),
            ("annotationSelector", text(&target.annotations)),
            ("labelSelector", text(&target.labels)),
        ])
    });
    let options = patch.options.map_or(Value::Null, |options| {
        object(&[
            ("allowNameChange", Value::Bool(options.allow_name_change)),
            ("allowKindChange", Value::Bool(options.allow_kind_change)),
        ])
    });
    vec![("path", text(&patch.path)), ("patch", text(&patch.patch)), ("target", target), ("options", options)]
}
