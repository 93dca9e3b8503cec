//! `replacements`: values that are copied from one object into others.

use super::super::{
    Build, Error,
    edit::{check_path, lookup, split_path_smartly},
    error::Cause,
    id::ResId,
    kustomization::{FieldOptions, Replacement, SourceSelector, TargetSelector},
    node::{Kind, NodeId, Nodes},
    pathmatch,
    resmap::ResMap,
    resource::Resource,
    selector::{Compiled, Conditions},
    text::{print, quote},
    value::to_value,
};
use crate::yaml::{Value, json::to_json};

const NAME: &str = "metadata.name";

/// Copies values, one replacement after the other.
pub(in super::super) fn apply(
    build: &mut Build<'_>,
    map: &mut ResMap,
    replacements: &[Replacement],
) -> Result<(), Error> {
    for replacement in replacements {
        let Replacement { source, source_value, targets } = replacement;
        if (source.is_none() && source_value.is_none()) || targets.is_empty() {
            return Err(Error::new("replacements must specify a source and at least one target"));
        }
        let value = match (source, source_value) {
            (Some(_), Some(_)) => {
                return Err(Error::new("value and resource selectors are mutually exclusive"));
            }
            (_, Some(text)) => build.nodes.scalar(text.clone()),
            (Some(source), None) => source_of(&mut build.nodes, map.list(), source)?,
            (None, None) => continue,
        };
        for target in targets {
            write(build, map, value, target)?;
        }
    }
    map.drop_empty(&build.nodes);
    Ok(())
}

impl std::fmt::Display for SourceSelector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.id)?;
        if !self.field_path.is_empty() {
            write!(f, ":{}", self.field_path)?;
        }
        match &self.options {
            Some(options) if !options.delimiter.is_empty() || options.create => {
                write!(f, ":{}({}), create={}", options.delimiter, options.index, options.create)
            }
            _ => Ok(()),
        }
    }
}

/// The node that a value comes from, or a part of its text.
fn source_of(
    nodes: &mut Nodes<'_>,
    resources: &[Resource],
    source: &SourceSelector,
) -> Result<NodeId, Error> {
    // To the original no kind is known to live outside of namespaces here.
    let plain = |id: &ResId| ResId { cluster: false, ..id.clone() };
    let mut matches =
        resources.iter().filter(|it| it.all_ids().any(|id| plain(id).is_selected_by(&source.id)));
    let found = match (matches.next(), matches.next()) {
        (Some(one), None) => one,
        (None, _) => return Err(Error::because(Cause::Target, format!("nothing selected by {source}"))),
        (Some(_), Some(_)) => {
            return Err(Error::because(Cause::Target, format!("multiple matches for selector {source}")));
        }
    };
    let path = if source.field_path.is_empty() { NAME } else { &source.field_path };
    let value = lookup(nodes, found.node, &split_path_smartly(path, '.'), None)
        .map_err(|error| error.context("error looking up replacement source"))?;
    let Some(value) = value.filter(|value| !nodes.is_empty(*value)) else {
        let message = format!("fieldPath `{path}` is missing for replacement source {}", source.id);
        return Err(Error::because(Cause::Target, message));
    };
    let Some(options) = source.options.as_ref().filter(|options| !options.delimiter.is_empty()) else {
        return Ok(value);
    };
    if nodes[value].kind != Kind::Scalar {
        return Err(Error::new("delimiter option can only be used with scalar nodes"));
    }
    let text = nodes[value].value.to_string();
    let part =
        usize::try_from(options.index).ok().and_then(|index| text.split(&options.delimiter).nth(index));
    let Some(part) = part else {
        let index = options.index;
        return Err(Error::new(format!("options.index {index} is out of bounds for value {text}")));
    };
    let copy = nodes.copy(value);
    nodes[copy].value = part.to_owned().into();
    Ok(copy)
}

fn write(
    build: &mut Build<'_>,
    map: &mut ResMap,
    value: NodeId,
    target: &TargetSelector,
) -> Result<(), Error> {
    let Some(select) = &target.select else {
        return Err(Error::new("target must specify resources to select"));
    };
    let wrong = |error: Error| error.context("error creating target selector");
    let compiled = Compiled::new(select).map_err(wrong)?;
    let rejected = target.reject.iter().map(Compiled::new).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    let conditions = Conditions::new(select)?;
    let reject_conditions = target.reject.iter().map(Conditions::new).collect::<Result<Vec<_>, _>>()?;
    let default = [NAME.to_owned()];
    let paths = if target.field_paths.is_empty() { &default[..] } else { &target.field_paths };
    for at in 0..map.list().len() {
        let Some(resource) = map.list().get(at) else { break };
        if !conditions.hold(&build.nodes, resource) {
            continue;
        }
        let by_condition = target.reject.iter().zip(&reject_conditions).any(|(reject, conditions)| {
            !(reject.annotations.is_empty() && reject.labels.is_empty())
                && conditions.hold(&build.nodes, resource)
        });
        let by_id = || {
            target.reject.iter().zip(&rejected).any(|(reject, compiled)| {
                !reject.id.is_blank() && resource.all_ids().any(|id| compiled.fits(id))
            })
        };
        if by_condition || by_id() || !resource.all_ids().any(|id| compiled.fits(id)) {
            continue;
        }
        let Build { nodes, schemas, .. } = &mut *build;
        nodes.check_budget()?;
        let changed: Option<Result<(), Error>> = map.change(at, |resource| {
            let result = set_all(nodes, resource.node, value, paths, target.options.as_ref())
                .and_then(|()| nodes.check_depth(resource.node));
            resource.refresh(nodes, schemas);
            result
        });
        changed.unwrap_or(Ok(()))?;
    }
    Ok(())
}

fn set_all(
    nodes: &mut Nodes<'_>,
    object: NodeId,
    value: NodeId,
    paths: &[String],
    options: Option<&FieldOptions>,
) -> Result<(), Error> {
    for path in paths {
        let create = options.filter(|options| options.create).map(|_| nodes[value].kind);
        let parts = split_path_smartly(path, '.');
        check_path(&parts)?;
        if set_in_text(nodes, object, value, &parts, create).is_some() {
            continue;
        }
        let what = if create.is_some() { "find or create" } else { "find" };
        let missing = format!("unable to {what} field {} in replacement target", quote(path));
        let found = pathmatch::find(nodes, object, &parts, create)
            .map_err(|error| error.context(&missing))?
            .filter(|found| !found.is_empty())
            .ok_or_else(|| Error::because(Cause::Target, missing.clone()))?;
        for field in found {
            set(nodes, field, value, options)?;
        }
    }
    Ok(())
}

fn set(
    nodes: &mut Nodes<'_>,
    field: NodeId,
    value: NodeId,
    options: Option<&FieldOptions>,
) -> Result<(), Error> {
    let value = nodes.copy(value);
    if let Some(options) = options.filter(|options| !options.delimiter.is_empty()) {
        if nodes[field].kind != Kind::Scalar {
            return Err(Error::new("delimiter option can only be used with scalar nodes"));
        }
        let old = nodes[field].value.to_string();
        let new = if nodes.is_null(value) { String::new() } else { nodes[value].value.to_string() };
        let mut parts: Vec<&str> = old.split(&options.delimiter).collect();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &new),
            Ok(index) => match parts.get_mut(index) {
                Some(part) => *part = &new,
                None => parts.push(&new),
            },
        }
        nodes[value].value = parts.join(&options.delimiter).into();
    }
    put(nodes, field, value);
    Ok(())
}

/// A scalar takes the text alone and keeps its type; anything else becomes what the value is.
fn put(nodes: &mut Nodes<'_>, field: NodeId, value: NodeId) {
    if nodes[field].kind == Kind::Scalar {
        nodes[field].value = nodes[value].value.clone();
    } else {
        nodes.assign(field, value);
    }
}

/// Sets a value within a text that is YAML or JSON itself, and writes the text again. None where the path leads into no
/// such text, or to nothing in it.
fn set_in_text(
    nodes: &mut Nodes<'_>,
    object: NodeId,
    value: NodeId,
    path: &[String],
    create: Option<Kind>,
) -> Option<()> {
    let (text, rest) = (1..path.len()).find_map(|end| {
        let (head, rest) = path.split_at_checked(end)?;
        let found = lookup(nodes, object, head, None).ok()??;
        (nodes[found].kind == Kind::Scalar && pathmatch::parse(nodes, found).is_ok()).then_some((found, rest))
    })?;
    let root = pathmatch::parse(nodes, text).ok()?;
    let found = pathmatch::find(nodes, root, rest, create).ok()??;
    if found.is_empty() {
        return None;
    }
    for field in found {
        put(nodes, field, value);
    }
    let old = nodes[text].value.to_string();
    let written = match old.trim().chars().next()? {
        '{' | '[' => {
            let value = to_value(nodes, root).ok()?;
            if old.contains('\n') && old.contains("  ") { pretty(&value, 0) } else { to_json(&value).ok()? }
        }
        _ => print(nodes, root).trim().to_owned(),
    };
    nodes[text].value = written.into();
    Some(())
}

/// `json.MarshalIndent` with two spaces.
fn pretty(value: &Value, depth: usize) -> String {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match value {
        Value::Map(map) if !map.is_empty() => {
            let mut entries: Vec<(&str, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            let lines: Vec<String> = entries
                .into_iter()
                .map(|(key, value)| {
                    let key = to_json(&Value::from(key)).unwrap_or_default();
                    format!("{inner}{key}: {}", pretty(value, depth + 1))
                })
                .collect();
            format!("{{\n{}\n{outer}}}", lines.join(",\n"))
        }
        Value::Seq(items) if !items.is_empty() => {
            let lines: Vec<String> =
                items.iter().map(|item| format!("{inner}{}", pretty(item, depth + 1))).collect();
            format!("[\n{}\n{outer}]", lines.join(",\n"))
        }
        other => to_json(other).unwrap_or_default(),
    }
}
