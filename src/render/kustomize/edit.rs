//! How fields are found, set and taken away, as kyaml's filters do it.

use std::borrow::Cow;

use super::{
    Error,
    node::{Kind, Node, NodeId, Nodes, Style},
    text::{is_no_text, print},
};
use crate::limits;

/// The node must be of a kind, unless it is null.
pub(super) fn expect_kind(nodes: &Nodes<'_>, id: NodeId, kind: Kind) -> Result<(), Error> {
    let node = &nodes[id];
    if nodes.is_null(id) || node.kind == kind {
        return Ok(());
    }
    Err(Error::new(format!(
        "wrong node kind: expected {} but got {}: node contents:\n{}",
        kind.name(),
        node.kind.name(),
        print(nodes, id)
    )))
}

/// The value of a field, kyaml's `FieldMatcher`; none in what is null.
pub(super) fn get(nodes: &Nodes<'_>, id: NodeId, name: &str) -> Result<Option<NodeId>, Error> {
    if nodes.is_null(id) {
        return Ok(None);
    }
    expect_kind(nodes, id, Kind::Mapping)?;
    Ok(nodes.field(id, name))
}

/// Takes a field away.
pub(super) fn clear(nodes: &mut Nodes<'_>, id: NodeId, name: &str) -> Result<(), Error> {
    expect_kind(nodes, id, Kind::Mapping)?;
    let at = nodes[id].content.iter().step_by(2).position(|key| nodes[*key].value == name);
    if let Some(at) = at {
        let content = &mut nodes[id].content;
        content.drain(at * 2..(at * 2 + 2).min(content.len()));
    }
    Ok(())
}

/// What the name of a field that is read by an older YAML as something else than text gets: quotes.
fn protect(nodes: &mut Nodes<'_>, value: NodeId) {
    if nodes.is_string(value) && nodes[value].style == Style::Plain && is_no_text(&nodes[value].value) {
        nodes[value].style = Style::Double;
    }
}

/// Sets a scalar to what `value` is; it keeps its style.
pub(super) fn set_scalar(nodes: &mut Nodes<'_>, id: NodeId, value: NodeId) -> Result<(), Error> {
    protect(nodes, value);
    expect_kind(nodes, id, Kind::Scalar)?;
    if nodes.is_null(value) {
        return Ok(());
    }
    nodes[value].style = nodes[id].style;
    nodes.assign(id, value);
    Ok(())
}

/// Sets a field, kyaml's `FieldSetter`: one that is there keeps its style, null takes it away.
pub(super) fn set<'a>(
    nodes: &mut Nodes<'a>,
    id: NodeId,
    name: impl Into<Cow<'a, str>>,
    value: NodeId,
) -> Result<(), Error> {
    set_kept(nodes, id, name, value, false, Style::Plain)
}

/// As [`set`]; `keep_null` keeps even a null, `key_style` is for a key that is not there yet.
pub(super) fn set_kept<'a>(
    nodes: &mut Nodes<'a>,
    id: NodeId,
    name: impl Into<Cow<'a, str>>,
    value: NodeId,
    keep_null: bool,
    key_style: Style,
) -> Result<(), Error> {
    let name = name.into();
    protect(nodes, value);
    if nodes.is_null(value) && !keep_null {
        return clear(nodes, id, &name);
    }
    if let Some(field) = get(nodes, id, &name)? {
        nodes[value].style = nodes[field].style;
        nodes.assign(field, value);
        return Ok(());
    }
    let key = nodes.add(Node { kind: Kind::Scalar, value: name, style: key_style, ..Node::default() });
    nodes[id].content.extend([key, value]);
    Ok(())
}

/// A part of a path that selects items: `[name=value]`.
pub(super) fn is_selector(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

/// The number that Go's `strconv.Atoi` reads.
pub(super) fn number(part: &str) -> Option<i64> {
    part.parse().ok()
}

/// Name and value of `[name=value]`.
pub(super) fn split_selector(part: &str) -> Result<(&str, &str), Error> {
    let inner = part.strip_suffix(']').unwrap_or(part);
    let inner = inner.strip_prefix('[').unwrap_or(inner);
    inner
        .split_once('=')
        .ok_or_else(|| Error::new("list path element must contain fieldName=fieldValue for element to match"))
}

/// The kind of node that stands before the next part of a path; `last` is that of the last one.
pub(super) fn kind_before(next: Option<&str>, last: Kind) -> Kind {
    match next {
        None | Some("") => last,
        Some(next) if is_selector(next) || number(next).is_some_and(|it| it >= 0) => Kind::Sequence,
        Some(_) => Kind::Mapping,
    }
}

/// Follows a path, kyaml's `PathGetter`. With `create`, what is missing is made, the last part as that kind.
pub(super) fn lookup<S: AsRef<str>>(
    nodes: &mut Nodes<'_>,
    root: NodeId,
    path: &[S],
    create: Option<Kind>,
) -> Result<Option<NodeId>, Error> {
    let parts: Vec<&str> =
        path.iter().map(|part| part.as_ref().trim()).filter(|part| !part.is_empty()).collect();
    let mut at = root;
    for (index, part) in parts.iter().enumerate() {
        let next = parts.get(index + 1).copied();
        let found = match number(part) {
            Some(number) if number < 0 => {
                return Err(Error::new(format!("array index {number} cannot be negative")));
            }
            Some(number) => {
                expect_kind(nodes, at, Kind::Sequence)?;
                usize::try_from(number).ok().and_then(|number| nodes[at].content.get(number).copied())
            }
            None if *part == "-" => {
                expect_kind(nodes, at, Kind::Sequence)?;
                match nodes[at].content.last() {
                    Some(last) => Some(*last),
                    None => return Err(Error::new("runtime error: index out of range [-1]")),
                }
            }
            None if *part == "*" => return Err(Error::new("wildcard is not supported in PathGetter")),
            None if is_selector(part) => item(nodes, at, part, create.is_some())?,
            None => match get(nodes, at, part)? {
                Some(value) => Some(value),
                None if nodes.is_null(at) => None,
                None => match create {
                    None => None,
                    Some(last) => {
                        let value = nodes.empty(kind_before(next, last));
                        set(nodes, at, (*part).to_owned(), value)?;
                        Some(value)
                    }
                },
            },
        };
        match found {
            Some(found) => at = found,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// The first item that `[name=value]` selects, kyaml's `ElementMatcher`.
fn item(nodes: &mut Nodes<'_>, list: NodeId, part: &str, create: bool) -> Result<Option<NodeId>, Error> {
    let (name, value) = split_selector(part)?;
    if let Some(found) = find_item(nodes, list, &[name], &[value])? {
        return Ok(Some(found));
    }
    if !create {
        return Ok(None);
    }
    let text = nodes.scalar(value.to_owned());
    let made = if name.is_empty() {
        text
    } else {
        let key = nodes.scalar(name.to_owned());
        nodes.add(Node { kind: Kind::Mapping, content: vec![key, text], ..Node::default() })
    };
    nodes[list].content.push(made);
    Ok(Some(made))
}

/// The first item with these values at these keys; an empty key means the item itself.
pub(super) fn find_item<S: AsRef<str>>(
    nodes: &Nodes<'_>,
    list: NodeId,
    keys: &[S],
    values: &[S],
) -> Result<Option<NodeId>, Error> {
    expect_kind(nodes, list, Kind::Sequence)?;
    let (Some(first_key), Some(first)) = (keys.first(), values.first()) else { return Ok(None) };
    let content = &nodes[list].content;
    if first_key.as_ref().is_empty() {
        return Ok(content.iter().copied().find(|item| nodes[*item].value == first.as_ref()));
    }
    Ok(content.iter().copied().find(|item| {
        nodes[*item].kind == Kind::Mapping
            && !nodes.is_null(*item)
            && keys.iter().zip(values).all(|(key, value)| {
                nodes.field(*item, key.as_ref()).is_some_and(|field| nodes[field].value == value.as_ref())
            })
    }))
}

/// A path that is followed part by part may not be longer than an object is deep.
pub(super) fn check_path(parts: &[String]) -> Result<(), Error> {
    if parts.len() > limits::YAML_VALUE_DEPTH {
        return Err(Error::limit("a path", limits::YAML_VALUE_DEPTH, "parts"));
    }
    Ok(())
}

/// Splits a path at `delimiter`, but not where a backslash stands before it.
pub(super) fn split_path(path: &str, delimiter: char) -> Vec<String> {
    let mut parts = path.split(delimiter);
    let mut first = parts.next().unwrap_or("");
    if first.is_empty()
        && let Some(second) = parts.next()
    {
        first = second;
    }
    let mut result = vec![first.to_owned()];
    for part in parts {
        match result.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => result.push(part.to_owned()),
        }
    }
    result
}

/// As [`split_path`], and keeps together what stands in brackets: `[name=a.b]` selects items, `[a.b]` is a key.
pub(super) fn split_path_smartly(path: &str, delimiter: char) -> Vec<String> {
    let mut result = Vec::new();
    let mut parts = split_path(path, delimiter).into_iter();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            result.push(part);
            continue;
        }
        let mut whole = part;
        for part in parts.by_ref() {
            whole.push(delimiter);
            whole.push_str(&part);
            if part.ends_with(']') {
                break;
            }
        }
        if whole.contains('=') {
            result.push(whole);
        } else {
            result.push(whole.trim_matches(|c| matches!(c, '[' | ']')).to_owned());
        }
    }
    result
}
