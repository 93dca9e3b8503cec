//! The hash behind the names of what generators make.

use sha2::{Digest as _, Sha256};

use super::super::{
    Build, Error,
    edit::lookup,
    node::{Kind, NodeId, Nodes},
    resmap::ResMap,
    resource::annotation,
    value::to_value,
};
use crate::yaml::{Value, json::to_json, value::Map};

/// Appends the hash of their content to the names of those that ask for it.
pub(in super::super) fn apply(build: &mut Build<'_>, map: &mut ResMap) -> Result<(), Error> {
    let Build { nodes, schemas, .. } = build;
    for at in 0..map.list().len() {
        let Some(resource) = map.list().get(at) else { break };
        if !resource.is_enabled(nodes, annotation::NEEDS_HASH) {
            continue;
        }
        let hash = hash(nodes, resource.node)?;
        let changed: Option<Result<(), Error>> = map.change(at, |resource| {
            resource.store_previous_id(nodes)?;
            let name = format!("{}-{hash}", resource.name(nodes));
            resource.set_name(nodes, name)?;
            resource.refresh_current(nodes, schemas);
            Ok(())
        });
        changed.unwrap_or(Ok(()))?;
    }
    Ok(())
}

fn hash(nodes: &mut Nodes<'_>, object: NodeId) -> Result<String, Error> {
    let kind = nodes.field(object, "kind").map_or("", |kind| &*nodes[kind].value).to_owned();
    let mut content = Map::new();
    content.insert("kind".to_owned(), Value::String(kind.clone()));
    content.insert("name".to_owned(), part(nodes, object, &["metadata/name"])?);
    content.insert("data".to_owned(), part(nodes, object, &["data"])?);
    let beside = match kind.as_str() {
        "ConfigMap" => "binaryData",
        "Secret" => {
            content.insert("type".to_owned(), part(nodes, object, &["type"])?);
            "stringData"
        }
        _ => {
            return Err(Error::new(format!("no hash is known of kind {kind}")));
        }
    };
    if let map @ Value::Map(_) = part(nodes, object, &[beside])? {
        content.insert(beside.to_owned(), map);
    }
    let text = to_json(&Value::Map(content)).map_err(|error| Error::new(error.to_string()))?;
    let digest = Sha256::digest(text.as_bytes());
    let hex: String = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(10).map(letter).collect();
    Ok(hex)
}

/// A field: a scalar as it is written, anything else as JSON, nothing as empty text. (The original looks for the name
/// under a key that is called `metadata/name`, and never finds it.)
fn part(nodes: &mut Nodes<'_>, object: NodeId, path: &[&str]) -> Result<Value, Error> {
    let Some(found) = lookup(nodes, object, path, None)? else { return Ok(Value::String(String::new())) };
    if nodes[found].kind == Kind::Scalar {
        return Ok(Value::String(nodes[found].value.to_string()));
    }
    Ok(match to_value(nodes, found)? {
        map @ Value::Map(_) => floats(map),
        _ => Value::Null,
    })
}

/// What Go reads from JSON: all numbers are floats, which print as integers up to a size.
fn floats(value: Value) -> Value {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "what Go reads from JSON is a float")]
        Value::Int(value) => Value::Float(value as f64),
        #[expect(clippy::cast_precision_loss, reason = "what Go reads from JSON is a float")]
        Value::Uint(value) => Value::Float(value as f64),
        Value::Seq(items) => Value::Seq(items.into_iter().map(floats).collect()),
        Value::Map(map) => {
            let mut new = Map::new();
            for (key, value) in map.iter() {
                new.insert(key.to_owned(), floats(value.clone()));
            }
            Value::Map(new)
        }
        other => other,
    }
}

/// A digit of a hash: no vowels, and nothing that looks like something else.
fn letter(digit: u8) -> char {
    match char::from_digit(u32::from(digit), 16).unwrap_or('0') {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    }
}
