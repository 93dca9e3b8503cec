//! All nodes that a path leads to, kyaml's `PathMatcher`: lists are entered by number, by `[name=expression]` or by `*`,
//! and texts that are YAML or JSON themselves are entered like what they say.

use super::{
    Error,
    edit::{expect_kind, get, is_selector, kind_before, number, set, split_selector},
    node::{Kind, Node, NodeId, Nodes},
    pattern::Pattern,
    text::{print, quote},
};
use crate::yaml::{Version, parse_first};

/// The nodes at a path. With `create`, what is missing is made, the last part as that kind.
pub(super) fn find(
    nodes: &mut Nodes<'_>,
    root: NodeId,
    path: &[String],
    create: Option<Kind>,
) -> Result<Option<Vec<NodeId>>, Error> {
    let Some((part, rest)) = path.split_first() else { return Ok(Some(vec![root])) };
    if let Some(index) = number(part).filter(|it| *it >= 0) {
        return by_number(nodes, root, part, index, rest, create);
    }
    if is_selector(part) {
        return by_selector(nodes, root, part, rest, create);
    }
    if part == "*" {
        expect_kind(nodes, root, Kind::Sequence)?;
        let mut found = None;
        for item in nodes[root].content.clone() {
            if let Some(more) = find(nodes, item, rest, create)? {
                found.get_or_insert_with(Vec::new).extend(more);
            }
        }
        return Ok(found);
    }
    let field = match (get(nodes, root, part)?, create) {
        (Some(field), _) => field,
        (None, None) => return Ok(None),
        (None, Some(last)) => {
            let field = nodes.empty(kind_before(rest.first().map(String::as_str), last));
            set(nodes, root, part.clone(), field)?;
            field
        }
    };
    if nodes[field].kind == Kind::Scalar && !rest.is_empty() {
        return in_text(nodes, field, rest, create);
    }
    find(nodes, field, rest, create)
}

fn by_number(
    nodes: &mut Nodes<'_>,
    list: NodeId,
    part: &str,
    index: i64,
    rest: &[String],
    create: Option<Kind>,
) -> Result<Option<Vec<NodeId>>, Error> {
    expect_kind(nodes, list, Kind::Sequence)?;
    let len = nodes[list].content.len();
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    if index == len
        && let Some(last) = create
    {
        let item = nodes.empty(kind_before(rest.first().map(String::as_str), last));
        expect_kind(nodes, list, Kind::Sequence)
            .map_err(|error| error.context(format!("failed to append element for {}", quote(part))))?;
        nodes[list].content.push(item);
    }
    let len = nodes[list].content.len();
    let Some(item) = nodes[list].content.get(index).copied() else {
        return Err(Error::new(format!("index {index} specified but only {len} elements found")));
    };
    find(nodes, item, rest, create)
}

fn by_selector(
    nodes: &mut Nodes<'_>,
    list: NodeId,
    part: &str,
    rest: &[String],
    create: Option<Kind>,
) -> Result<Option<Vec<NodeId>>, Error> {
    let (name, expression) = split_selector(part)?;
    let matched = matching(nodes, list, name, expression, rest, create)?;
    if create.is_none() || matched.is_some() {
        return Ok(matched);
    }
    let value = nodes.scalar(expression.to_owned());
    let item = if name.is_empty() {
        value
    } else {
        let key = nodes.scalar(name.to_owned());
        nodes.add(Node { kind: Kind::Mapping, content: vec![key, value], ..Node::default() })
    };
    expect_kind(nodes, list, Kind::Sequence)
        .map_err(|error| error.context(format!("failed to create element for {}", quote(part))))?;
    nodes[list].content.push(item);
    // The original looks again until it finds what it made; an expression that does not match itself has no end there.
    match matching(nodes, list, name, expression, rest, create)? {
        Some(found) => Ok(Some(found)),
        None => Err(Error::new(format!("{} does not match the element that was made for it", quote(part)))),
    }
}

fn matching(
    nodes: &mut Nodes<'_>,
    list: NodeId,
    name: &str,
    expression: &str,
    rest: &[String],
    create: Option<Kind>,
) -> Result<Option<Vec<NodeId>>, Error> {
    expect_kind(nodes, list, Kind::Sequence)?;
    let mut found = None;
    let items = nodes[list].content.clone();
    if items.is_empty() {
        return Ok(None);
    }
    let pattern = Pattern::new(expression)?;
    for item in items {
        let whole = if name.is_empty() { Some(item) } else { nodes.field(item, name) };
        let Some(whole) = whole else { continue };
        if !pattern.is_match(print(nodes, whole).trim()) {
            continue;
        }
        if name.is_empty() {
            // What stands behind such a part is not looked at.
            found.get_or_insert_with(Vec::new).push(item);
        } else if let Some(more) = find(nodes, item, rest, create)? {
            found.get_or_insert_with(Vec::new).extend(more);
        }
    }
    Ok(found.filter(|found| !found.is_empty()))
}

/// The nodes within a text. What is changed there changes nothing, since nobody writes the text again.
fn in_text(
    nodes: &mut Nodes<'_>,
    text: NodeId,
    rest: &[String],
    create: Option<Kind>,
) -> Result<Option<Vec<NodeId>>, Error> {
    let root = parse(nodes, text)?;
    find(nodes, root, rest, create)
}

/// What a text says as YAML.
pub(super) fn parse(nodes: &mut Nodes<'_>, text: NodeId) -> Result<NodeId, Error> {
    let text = nodes[text].value.clone().into_owned();
    let document = parse_first(text.as_bytes(), Version::V3)?.into_owned();
    nodes.check_budget()?;
    match nodes.take(&document)? {
        Some(root) => Ok(root),
        None => Ok(nodes.add(Node { kind: Kind::Scalar, tag: super::node::Tag::Null, ..Node::default() })),
    }
}
