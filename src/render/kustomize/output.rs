//! What a resource is printed as.
//!
//! The original writes it with go-yaml v3, reads that back, turns it into JSON, reads the JSON as YAML and prints that.
//! [`meaning`] knows what the first detour changes; what the second one does, [`through_json`] knows. Nearly all
//! resources can be printed as they stand, node by node; those that cannot are made a value first.

use super::{
    Error,
    node::{Kind, NodeId, Nodes, Style},
    value::{meaning, to_value},
};
use crate::yaml::{
    Value, Version,
    emit::{Writer, emit_into},
    json::{is_safe_key, is_safe_text, through_json},
    natural,
    resolve::Scalar,
};

/// Appends a resource.
pub(super) fn write(nodes: &Nodes<'_>, id: NodeId, out: &mut String) -> Result<(), Error> {
    let before = out.len();
    let mut writer = Writer::new(out, Version::V2);
    if let Ok(()) = node(nodes, id, true, false, &mut writer) {
        writer.finish();
        return Ok(());
    }
    drop(writer);
    out.truncate(before);
    let value = to_value(nodes, id)?;
    emit_into(&through_json(value)?, out);
    Ok(())
}

/// A resource alone.
pub(super) fn to_string(nodes: &Nodes<'_>, id: NodeId) -> Result<String, Error> {
    let mut out = String::new();
    write(nodes, id, &mut out)?;
    Ok(out)
}

/// It cannot be printed as it stands.
struct Odd;

fn node(
    nodes: &Nodes<'_>,
    id: NodeId,
    outermost: bool,
    in_flow: bool,
    writer: &mut Writer<'_>,
) -> Result<(), Odd> {
    let it = &nodes[id];
    let in_flow = in_flow || it.style == Style::Flow;
    match it.kind {
        Kind::None => writer.null(),
        Kind::Scalar if outermost => return Err(Odd),
        Kind::Scalar => scalar(meaning(nodes, id, in_flow, false).map_err(|_| Odd)?, writer)?,
        Kind::Sequence if it.content.is_empty() => writer.empty_seq(),
        Kind::Sequence => {
            writer.begin_seq();
            for child in &it.content {
                node(nodes, *child, false, in_flow, writer)?;
            }
            writer.end();
        }
        Kind::Mapping if it.content.is_empty() => writer.empty_map(),
        Kind::Mapping => {
            let mut entries = Vec::with_capacity(it.content.len() / 2);
            for (key, value) in nodes.entries(id) {
                if nodes[key].kind != Kind::Scalar {
                    return Err(Odd);
                }
                match meaning(nodes, key, in_flow, true) {
                    Ok(Scalar::String(_)) if is_safe_key(&nodes[key].value) => {
                        entries.push((&*nodes[key].value, value));
                    }
                    _ => return Err(Odd),
                }
            }
            natural::sort(Version::V2, &mut entries, |(key, _)| key);
            // Equal keys stand side by side.
            if entries.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
                return Err(Odd);
            }
            writer.begin_map();
            for (key, value) in entries {
                writer.key(key);
                node(nodes, value, false, in_flow, writer)?;
            }
            writer.end();
        }
    }
    Ok(())
}

fn scalar(scalar: Scalar<'_>, writer: &mut Writer<'_>) -> Result<(), Odd> {
    match scalar {
        Scalar::Null => writer.null(),
        Scalar::Bool(value) => writer.bool(value),
        Scalar::Int(value) => writer.int(value),
        Scalar::Uint(value) => writer.uint(value),
        Scalar::Float(value) => match through_json(Value::Float(value)) {
            Ok(Value::Int(value)) => writer.int(value),
            Ok(Value::Uint(value)) => writer.uint(value),
            Ok(Value::Float(value)) => writer.float(value),
            _ => return Err(Odd),
        },
        Scalar::String(text) if is_safe_text(&text) => writer.text(&text),
        _ => return Err(Odd),
    }
    Ok(())
}
