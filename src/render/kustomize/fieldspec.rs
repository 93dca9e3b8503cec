//! Where in objects a transformer works: kinds and paths.

use std::fmt;

use super::{
    Error,
    edit::{check_path, lookup, split_path},
    id::{Gvk, split_api_version},
    node::{Kind, NodeId, Nodes, Tag},
    text::list,
};

/// A field of a kind. A path leads through lists as if they were not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSpec {
    pub(super) gvk: Gvk,
    pub(super) path: String,
    /// Whether the field is made where it is missing.
    pub(super) create: bool,
}

impl fmt::Display for FieldSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.gvk, self.create, self.path)
    }
}

impl FieldSpec {
    /// Whether it speaks of the same field as `other`, which may be less particular about the kind.
    fn covers(&self, other: &Self) -> bool {
        self.gvk.is_selected_by(&other.gvk) && self.path == other.path
    }
}

/// Adds a field spec that is not there yet.
pub(super) fn merge_one(specs: &mut Vec<FieldSpec>, incoming: FieldSpec) -> Result<(), Error> {
    match specs.iter().find(|known| known.covers(&incoming)) {
        Some(known) if known.create != incoming.create => Err(Error::new("conflicting fieldspecs")),
        Some(_) => Ok(()),
        None => {
            specs.push(incoming);
            Ok(())
        }
    }
}

/// Adds all field specs that are not there yet.
pub(super) fn merge_all(specs: &mut Vec<FieldSpec>, incoming: &[FieldSpec]) -> Result<(), Error> {
    incoming.iter().try_for_each(|one| merge_one(specs, one.clone()))
}

/// What is done with a field that was found.
pub(super) type Visit<'v, 'a> = &'v mut dyn FnMut(&mut Nodes<'a>, NodeId) -> Result<(), Error>;

/// What is made where a field is missing or null.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Create {
    pub(super) kind: Option<Kind>,
    pub(super) tag: Tag,
}

impl Create {
    pub(super) const NOTHING: Self = Self { kind: None, tag: Tag::None };
    pub(super) const MAPPING: Self = Self { kind: Some(Kind::Mapping), tag: Tag::Map };
    pub(super) const TEXT: Self = Self { kind: Some(Kind::Scalar), tag: Tag::Str };
    pub(super) const INT: Self = Self { kind: Some(Kind::Scalar), tag: Tag::Int };
}

/// Calls `visit` for each field that one of `specs` names in an object.
pub(super) fn visit_all<'a>(
    nodes: &mut Nodes<'a>,
    object: NodeId,
    specs: &[FieldSpec],
    create: Create,
    visit: Visit<'_, 'a>,
) -> Result<(), Error> {
    specs.iter().try_for_each(|spec| visit_one(nodes, object, spec, create, visit))
}

/// Calls `visit` for each field that `spec` names in an object.
pub(super) fn visit_one<'a>(
    nodes: &mut Nodes<'a>,
    object: NodeId,
    spec: &FieldSpec,
    create: Create,
    visit: Visit<'_, 'a>,
) -> Result<(), Error> {
    if !applies(nodes, object, &spec.gvk) {
        return Ok(());
    }
    let path = split_path(&spec.path, '/');
    check_path(&path)?;
    let create = if spec.create { create } else { Create { kind: None, ..create } };
    descend(nodes, object, &path, create, visit).map_err(|error| {
        let id = super::resource::id_of(nodes, object, |_, _| false);
        error.context(format!("considering field '{}' of object {id}", spec.path))
    })
}

fn applies(nodes: &Nodes<'_>, object: NodeId, gvk: &Gvk) -> bool {
    let raw = |name| nodes.field(object, name).map_or("", |value| &*nodes[value].value);
    if !gvk.kind.is_empty() && *gvk.kind != *raw("kind") {
        return false;
    }
    if gvk.group.is_empty() && gvk.version.is_empty() {
        return true;
    }
    let (group, version) = split_api_version(raw("apiVersion"));
    (gvk.group.is_empty() || *gvk.group == *group) && (gvk.version.is_empty() || *gvk.version == *version)
}

fn descend<'a>(
    nodes: &mut Nodes<'a>,
    at: NodeId,
    path: &[String],
    create: Create,
    visit: Visit<'_, 'a>,
) -> Result<(), Error> {
    let Some((part, rest)) = path.split_first() else { return visit(nodes, at) };
    if nodes.is_null(at) {
        return Ok(());
    }
    match nodes[at].kind {
        Kind::Sequence => {
            for item in nodes[at].content.clone() {
                descend(nodes, item, path, create, visit)
                    .map_err(|error| error.context(format!("visit traversal on path: {}", list(path))))?;
            }
            Ok(())
        }
        Kind::Mapping => enter(nodes, at, part, rest, create, visit),
        _ => Err(Error::new("expected sequence or mapping node")),
    }
}

fn enter<'a>(
    nodes: &mut Nodes<'a>,
    at: NodeId,
    part: &str,
    rest: &[String],
    create: Create,
    visit: Visit<'_, 'a>,
) -> Result<(), Error> {
    let name = part.strip_suffix("[]").unwrap_or(part);
    let is_list = name.len() != part.len();
    if name.is_empty() {
        return Err(Error::new("cannot set or create an empty field name"));
    }
    let (made, kind, tag) = match create.kind {
        Some(kind) if !is_list && rest.is_empty() => (Some(kind), Some(kind), create.tag),
        Some(_) if !is_list => (Some(Kind::Mapping), Some(Kind::Mapping), Tag::Map),
        _ => (None, is_list.then_some(Kind::Sequence), Tag::None),
    };
    let found =
        lookup(nodes, at, &[name], made).map_err(|error| error.context(format!("fieldName: {name}")))?;
    let Some(field) = found else { return Ok(()) };
    if nodes.is_null(field)
        && let Some(kind) = kind
    {
        nodes[field].kind = kind;
        nodes[field].tag = tag;
    }
    descend(nodes, field, rest, create, visit)
}
