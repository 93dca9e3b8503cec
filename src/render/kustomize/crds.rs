//! `crds`: definitions in OpenAPI that say which fields of a kind are names, labels or annotations.

use super::{
    Error,
    config::{Config, Reference},
    decode::unmarshal,
    fieldspec::FieldSpec,
    id::Gvk,
    loader::Loader,
};
use crate::{
    limits,
    yaml::{Value, value::Map},
};

/// What the files say.
pub(super) fn load(loader: &Loader<'_>, paths: &[String]) -> Result<Config, Error> {
    let mut config = Config::default();
    for path in paths {
        let content = loader.load(path)?;
        if content.is_empty() {
            return Err(Error::new("runtime error: index out of range [0] with length 0"));
        }
        let context =
            |error: Error| error.context(format!("unable to parse open API definition from '{path}'"));
        let Definitions(value) = unmarshal(content, "nameToApiMap").map_err(context)?;
        let Some(types) = value.as_map() else { continue };
        let mut own = Config::default();
        for (name, definition) in types.iter() {
            let Some(properties) = properties(definition) else { continue };
            if !["kind", "apiVersion", "metadata"].iter().all(|field| properties.get(field).is_some()) {
                continue;
            }
            let kind = name.rsplit('.').next().unwrap_or(name);
            walk(&mut own, &Gvk::new("", "", kind), types, name, &mut Vec::new())?;
        }
        config.merge(&own)?;
    }
    Ok(config)
}

struct Definitions(Value);

impl super::decode::FromValue for Definitions {
    fn from_value(decoder: &mut super::decode::Decoder, value: &Value) -> Result<Self, Error> {
        decoder.mapping(value, "accumulator.nameToApiMap").map(Self)
    }
}

/// The properties of a definition, whose name Go writes with a capital.
fn properties(definition: &Value) -> Option<&Map> {
    let schema = definition.get("Schema").or_else(|| definition.get("schema"))?;
    schema.get("properties")?.as_map()
}

fn walk(
    config: &mut Config,
    kind: &Gvk,
    types: &Map,
    name: &str,
    path: &mut Vec<String>,
) -> Result<(), Error> {
    if path.len() > limits::KUSTOMIZE_DEPTH {
        return Err(Error::limit("a definition", limits::KUSTOMIZE_DEPTH, "levels"));
    }
    let Some(properties) = types.get(name).and_then(properties) else { return Ok(()) };
    for (field, property) in properties.iter() {
        path.push(field.to_owned());
        let spec = || FieldSpec { gvk: kind.clone(), path: path.join("/"), create: false };
        let text = |name: &str| property.get(name).and_then(Value::as_str);
        if text("x-kubernetes-annotation").is_some() {
            config.add_annotation(spec())?;
        }
        if text("x-kubernetes-label-selector").is_some() {
            config.add_label(spec())?;
        }
        if text("x-kubernetes-identity").is_some() {
            config.add_prefix(spec())?;
        }
        if let (Some(version), Some(target)) =
            (text("x-kubernetes-object-ref-api-version"), text("x-kubernetes-object-ref-kind"))
        {
            let key = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
            let mut spec = spec();
            spec.path = format!("{}/{key}", spec.path);
            config.add_reference(&Reference { target: Gvk::new("", version, target), fields: vec![spec] })?;
        }
        if let Some(reference) = text("$ref") {
            walk(config, kind, types, reference, path)?;
        }
        path.pop();
    }
    Ok(())
}
