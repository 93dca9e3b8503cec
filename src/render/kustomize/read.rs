//! Texts to resources: documents are cut, read, expanded and checked as kyaml's `ByteReader` and Kustomize's resource
//! factory do it.

use std::collections::VecDeque;

use super::{
    Error,
    node::{NodeId, Nodes},
    resource::{Resource, Texts},
    schema::Schemas,
    texts::TextArena,
    value::{Form, from_value, to_value_directly},
};
use crate::{
    limits,
    yaml::{Value, Version, parse_first},
};

/// All resources of a text, lists expanded.
pub(super) fn resources<'a>(
    nodes: &mut Nodes<'a>,
    arena: &'a TextArena,
    schemas: &Schemas,
    text: &'a [u8],
) -> Result<Vec<Resource>, Error> {
    let found = documents(nodes, arena, text)?;
    let found = checked(nodes, found)?;
    let found = expand(nodes, found)?;
    Ok(found.into_iter().map(|node| Resource::new(nodes, node, schemas)).collect())
}

/// The documents of a text; the items of a list that stands alone.
pub(super) fn documents<'a>(
    nodes: &mut Nodes<'a>,
    arena: &'a TextArena,
    text: &'a [u8],
) -> Result<Vec<NodeId>, Error> {
    if text.len() > limits::YAML_BYTES {
        return Err(Error::limit("a file", limits::YAML_BYTES, "bytes"));
    }
    let text = if text.windows(2).any(|pair| pair == b"\r\n") {
        arena.keep(without_carriage_returns(text))
    } else {
        text
    };
    let parts = split(text)?;
    let alone = parts.len() == 1;
    let mut found = Vec::new();
    for part in parts {
        nodes.check_budget()?;
        let document = parse_first(part, Version::V3)
            .map_err(|error| Error::from(error).context("MalformedYAMLError"))?;
        let document = if is_utf16(part) { document.into_owned() } else { document };
        let Some(node) = nodes.take(&document)? else { continue };
        let is_list = alone
            && matches!(nodes.text(node, "kind"), "List" | "ResourceList")
            && (nodes.field(node, "items").is_some() || nodes.field(node, "functionConfig").is_some());
        if is_list {
            if let Some(items) = nodes.field(node, "items") {
                found.extend(nodes[items].content.iter().copied());
            }
            continue;
        }
        found.push(node);
    }
    Ok(found)
}

fn is_utf16(text: &[u8]) -> bool {
    text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff")
}

fn without_carriage_returns(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\r' || bytes.peek() != Some(&b'\n') {
            out.push(byte);
        }
    }
    out
}

/// Cuts a text at lines that begin with `---`, behind which only a comment may stand. A document keeps the line break
/// before its separator.
fn split(text: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let mut parts = Vec::new();
    if text.is_empty() {
        return Ok(parts);
    }
    let (mut start, mut from) = (0, 0);
    while let Some(at) = find(text, from, b"\n---") {
        let Some(end) = find(text, at + 4, b"\n") else { break };
        let separator = text.get(at..end).unwrap_or_default();
        let behind = separator.get(4..).unwrap_or_default().trim_ascii();
        if behind.first().is_some_and(|byte| *byte != b'#') {
            let line = String::from_utf8_lossy(separator.trim_ascii()).into_owned();
            return Err(Error::new(format!("invalid document separator: {line}")));
        }
        parts.push(text.get(start..=at).unwrap_or_default());
        start = end + 1;
        from = start;
    }
    parts.push(text.get(start..).unwrap_or_default());
    Ok(parts)
}

fn find(text: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = text.get(from..)?;
    let first = *what.first()?;
    let mut at = 0;
    loop {
        at += rest.get(at..)?.iter().position(|byte| *byte == first)?;
        if rest.get(at..)?.starts_with(what) {
            return Some(from + at);
        }
        at += 1;
    }
}

/// Without what is empty; the rest must say what it is.
fn checked(nodes: &Nodes<'_>, found: Vec<NodeId>) -> Result<Vec<NodeId>, Error> {
    let found: Vec<NodeId> = found.into_iter().filter(|node| !nodes.is_empty(*node)).collect();
    found.iter().try_for_each(|node| check_metadata(nodes, *node))?;
    Ok(found)
}

/// kyaml's `GetValidatedMetadata`.
pub(super) fn check_metadata(nodes: &Nodes<'_>, node: NodeId) -> Result<(), Error> {
    let text = |name| nodes.text(node, name);
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let metadata = nodes.field(node, "metadata").filter(|it| !nodes.is_empty(*it));
    let of = |name| metadata.map_or("", |metadata| nodes.text(metadata, name));
    let (name, namespace) = (of("name"), of("namespace"));
    let labels = || super::resource::texts(nodes, node, "labels");
    let annotations = || super::resource::texts(nodes, node, "annotations");
    let describe = || {
        let map = |texts: Texts| {
            let texts: Vec<String> = texts.iter().map(|(key, value)| format!("{key}:{value}")).collect();
            format!("map{}", super::text::list(&texts))
        };
        format!(
            "{{{{{api_version} {kind}}} {{{{{name} {namespace}}} {} {}}}}}",
            map(labels()),
            map(annotations())
        )
    };
    let said = [api_version, kind, name, namespace].iter().any(|it| !it.is_empty());
    let has = |field| nodes.field(node, field).is_some_and(|it| !nodes.is_empty(it));
    if !said && !has("apiVersion") && !has("kind") && labels().is_empty() && annotations().is_empty() {
        return Err(Error::new("missing Resource metadata"));
    }
    if kind.is_empty() {
        return Err(Error::new(format!("missing kind in object {}", describe())));
    }
    if !kind.ends_with("List") && name.is_empty() {
        return Err(Error::new(format!("missing metadata.name in object {}", describe())));
    }
    Ok(())
}

/// Puts the items of lists behind all else.
fn expand<'a>(nodes: &mut Nodes<'a>, found: Vec<NodeId>) -> Result<Vec<NodeId>, Error> {
    let mut result = Vec::new();
    let mut queue: VecDeque<NodeId> = found.into();
    while let Some(node) = queue.pop_front() {
        let kind = nodes.field(node, "kind").map_or("", |kind| &*nodes[kind].value);
        if !kind.ends_with("List") {
            result.push(node);
            continue;
        }
        let kind = kind.to_owned();
        let value = to_value_directly(nodes, node)
            .map_err(|error| error.context(format!("trouble expanding list of {kind}; received error")))?;
        match value.get("items") {
            None => result.push(node),
            Some(Value::Null) => (),
            Some(Value::Seq(items)) => {
                let mut inner = Vec::new();
                for item in items {
                    nodes.check_budget()?;
                    match item {
                        Value::Null => (),
                        Value::Map(_) if is_list(item) => {
                            let Some(items) = item.get("items").and_then(Value::as_seq) else { continue };
                            inner.extend(items.iter().map(|item| from_value(nodes, item, Form::Json)));
                        }
                        _ => inner.push(from_value(nodes, item, Form::Json)),
                    }
                }
                queue.extend(checked(nodes, inner)?);
            }
            Some(other) => {
                let found = match other {
                    Value::Bool(_) => "bool",
                    Value::Int(_) => "int",
                    Value::Uint(_) => "uint64",
                    Value::Float(_) => "float64",
                    Value::String(_) => "string",
                    _ => "map[string]interface {}",
                };
                let message = format!("expected array in {kind}/items, but found {found}");
                return Err(Error::new(message));
            }
        }
    }
    Ok(result)
}

fn is_list(item: &Value) -> bool {
    matches!(item.get("kind").and_then(Value::as_str), Some("List" | "ResourceList"))
        && (item.get("items").is_some() || item.get("functionConfig").is_some())
}
