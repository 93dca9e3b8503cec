//! The nodes of a build, all in one arena.
//!
//! Kustomize works on a tree of pointers, and more than once it puts one node into two places: a label that it sets
//! at a field that is not there yet is the same node wherever it was set, and what changes it later changes it
//! everywhere. Output depends on that, so places hold numbers here, and two may hold the same one.

use std::{
    borrow::Cow,
    collections::HashMap,
    ops::{Index, IndexMut},
    rc::Rc,
};

use crate::{
    limits,
    yaml::{self, Document, ScalarStyle, Version},
};

use super::Error;

/// All nodes of one build.
#[derive(Debug, Default)]
pub(super) struct Nodes<'a> {
    all: Vec<Node<'a>>,
    /// The tags that have no name of their own.
    tags: Vec<Box<str>>,
    /// Comments that may be schemas, without the `#`. No others are kept.
    remarks: HashMap<NodeId, Rc<str>>,
    /// Whether fields are left out that are aliases.
    skips_aliases: bool,
}

/// A node of its arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(u32);

/// A node as go-yaml v3 has it, without its place in the text and nearly all comments.
#[derive(Clone, Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) kind: Kind,
    pub(super) tag: Tag,
    pub(super) style: Style,
    /// Whether the tag was written, so that it is written again.
    pub(super) tagged: bool,
    pub(super) value: Cow<'a, str>,
    /// The items of a sequence, or the keys and values of a mapping in turn.
    pub(super) content: Vec<NodeId>,
}

/// What a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing yet: a field that was made and not set.
    #[default]
    None,
    Scalar,
    Sequence,
    Mapping,
}

/// The tag in its short form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tag {
    /// No tag: what a scalar means follows from its text.
    #[default]
    None,
    Null,
    Bool,
    Int,
    Float,
    Str,
    Timestamp,
    Binary,
    Merge,
    Map,
    Seq,
    /// Any other one, by its number.
    Other(u32),
}

/// How a node is written. Kustomize takes the style of one node for another, so a mapping may be in quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Plain,
    Single,
    Double,
    Literal,
    Folded,
    Flow,
}

impl Kind {
    /// As kyaml names it in its messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Scalar => "ScalarNode",
            Self::Sequence => "SequenceNode",
            Self::Mapping => "MappingNode",
        }
    }
}

impl<'a> Index<NodeId> for Nodes<'a> {
    type Output = Node<'a>;

    fn index(&self, id: NodeId) -> &Node<'a> {
        self.all.get(id.0 as usize).expect("the node is of this build")
    }
}

impl<'a> IndexMut<NodeId> for Nodes<'a> {
    fn index_mut(&mut self, id: NodeId) -> &mut Node<'a> {
        self.all.get_mut(id.0 as usize).expect("the node is of this build")
    }
}

impl<'a> Nodes<'a> {
    /// Whether the build has grown beyond its budget.
    pub(super) fn check_budget(&self) -> Result<(), Error> {
        if self.all.len() > limits::KUSTOMIZE_NODES {
            return Err(Error::limit("the build", limits::KUSTOMIZE_NODES, "nodes"));
        }
        Ok(())
    }

    /// Whether an object has grown deeper than anything that walks it may go: patches and replacements put trees into
    /// trees.
    pub(super) fn check_depth(&self, id: NodeId) -> Result<(), Error> {
        let mut level = vec![id];
        for _ in 0..=limits::YAML_VALUE_DEPTH {
            level = level.iter().flat_map(|id| &self[*id].content).copied().collect();
            if level.is_empty() {
                return Ok(());
            }
        }
        Err(Error::limit("an object", limits::YAML_VALUE_DEPTH, "levels"))
    }

    /// Adds a node.
    pub(super) fn add(&mut self, node: Node<'a>) -> NodeId {
        let id = NodeId(u32::try_from(self.all.len()).expect("the budget is far below"));
        self.all.push(node);
        id
    }

    /// Adds a scalar without a tag, as kyaml's `NewScalarRNode` makes it.
    pub(super) fn scalar(&mut self, value: impl Into<Cow<'a, str>>) -> NodeId {
        self.add(Node { kind: Kind::Scalar, value: value.into(), ..Node::default() })
    }

    /// Adds text, as kyaml's `NewStringRNode` makes it.
    pub(super) fn string(&mut self, value: impl Into<Cow<'a, str>>) -> NodeId {
        let value = value.into();
        let style = if value.contains('\n') { Style::Literal } else { Style::Plain };
        self.add(Node { kind: Kind::Scalar, tag: Tag::Str, style, value, ..Node::default() })
    }

    /// Adds an empty node of a kind.
    pub(super) fn empty(&mut self, kind: Kind) -> NodeId {
        self.add(Node { kind, ..Node::default() })
    }

    /// Adds a copy of a node with all that is in it. What was one node in two places is two nodes in the copy.
    pub(super) fn copy(&mut self, id: NodeId) -> NodeId {
        let mut node = self[id].clone();
        for child in &mut node.content {
            *child = self.copy(*child);
        }
        let copy = self.add(node);
        self.take_remark(copy, id);
        copy
    }

    /// The comment of a node that may be a schema.
    pub(super) fn remark(&self, id: NodeId) -> Option<&Rc<str>> {
        self.remarks.get(&id)
    }

    /// Gives `target` the comment of `source`, if that has one.
    pub(super) fn take_remark(&mut self, target: NodeId, source: NodeId) {
        if let Some(remark) = self.remarks.get(&source) {
            let remark = Rc::clone(remark);
            self.remarks.insert(target, remark);
        }
    }

    /// Makes `target` what `source` is: its children are then in both.
    pub(super) fn assign(&mut self, target: NodeId, source: NodeId) {
        if target != source {
            self[target] = self[source].clone();
            self.remarks.remove(&target);
            self.take_remark(target, source);
        }
    }

    /// The keys of a mapping with their values; none of any other node.
    pub(super) fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let node = &self[id];
        let content = if node.kind == Kind::Mapping { node.content.as_slice() } else { &[] };
        content.chunks_exact(2).filter_map(|pair| match pair {
            &[key, value] => Some((key, value)),
            _ => None,
        })
    }

    /// The first entry of a mapping with this key.
    pub(super) fn entry(&self, id: NodeId, name: &str) -> Option<(NodeId, NodeId)> {
        self.entries(id).find(|(key, _)| self[*key].value == name)
    }

    /// The value of the first entry of a mapping with this key.
    pub(super) fn field(&self, id: NodeId, name: &str) -> Option<NodeId> {
        self.entry(id, name).map(|(_, value)| value)
    }

    /// The text of a field; empty where it is missing or null.
    pub(super) fn text(&self, id: NodeId, name: &str) -> &str {
        match self.field(id, name) {
            Some(value) if !self.is_empty(value) => &self[value].value,
            _ => "",
        }
    }

    /// Whether a node is tagged as null.
    pub(super) fn is_null(&self, id: NodeId) -> bool {
        self[id].tag == Tag::Null
    }

    /// kyaml's `IsNilOrEmpty`.
    pub(super) fn is_empty(&self, id: NodeId) -> bool {
        let node = &self[id];
        node.tag == Tag::Null
            || (node.content.is_empty() && matches!(node.kind, Kind::Mapping | Kind::Sequence))
            || (node.kind == Kind::None && node.content.is_empty() && node.value.is_empty())
    }

    /// kyaml's `IsEmptyMap`.
    pub(super) fn is_empty_map(&self, id: NodeId) -> bool {
        let node = &self[id];
        node.tag == Tag::Null || (node.kind == Kind::Mapping && node.content.is_empty())
    }

    /// Whether a node is text to kyaml: a scalar that has no tag or that of text.
    pub(super) fn is_string(&self, id: NodeId) -> bool {
        let node = &self[id];
        node.kind == Kind::Scalar && matches!(node.tag, Tag::None | Tag::Str)
    }

    /// A tag in its short form.
    pub(super) fn tag_text(&self, tag: Tag) -> Option<&str> {
        Some(match tag {
            Tag::None => return None,
            Tag::Null => "!!null",
            Tag::Bool => "!!bool",
            Tag::Int => "!!int",
            Tag::Float => "!!float",
            Tag::Str => "!!str",
            Tag::Timestamp => "!!timestamp",
            Tag::Binary => "!!binary",
            Tag::Merge => "!!merge",
            Tag::Map => "!!map",
            Tag::Seq => "!!seq",
            Tag::Other(number) => return self.tags.get(number as usize).map(|tag| &**tag),
        })
    }

    fn tag_of(&mut self, text: &str) -> Tag {
        match text {
            "" => Tag::None,
            "!!null" => Tag::Null,
            "!!bool" => Tag::Bool,
            "!!int" => Tag::Int,
            "!!float" => Tag::Float,
            "!!str" => Tag::Str,
            "!!timestamp" => Tag::Timestamp,
            "!!binary" => Tag::Binary,
            "!!merge" => Tag::Merge,
            "!!map" => Tag::Map,
            "!!seq" => Tag::Seq,
            other => {
                self.tags.push(other.into());
                Tag::Other(u32::try_from(self.tags.len() - 1).expect("there are fewer tags than nodes"))
            }
        }
    }

    /// Takes a document in, with its aliases expanded and its merges done, as kyaml's `DeAnchor` does it. None where
    /// there is nothing, or null.
    pub(super) fn take(&mut self, document: &Document<'a>) -> Result<Option<NodeId>, Error> {
        let Some(root) = document.root() else { return Ok(None) };
        let id = self.convert(document, root, 0)?;
        Ok(Some(id).filter(|id| !self.is_null(*id)))
    }

    /// Takes a document in as kyaml's merge finds it that nobody has expanded: it walks mappings, and what it meets there
    /// that is an alias is nothing to it. Lists it leaves alone.
    pub(super) fn take_without_aliases(&mut self, document: &Document<'a>) -> Result<NodeId, Error> {
        let Some(root) = document.root() else { return Ok(self.empty(Kind::None)) };
        self.skips_aliases = true;
        let id = self.convert(document, root, 0);
        self.skips_aliases = false;
        id
    }

    fn convert(&mut self, document: &Document<'a>, id: yaml::NodeId, depth: usize) -> Result<NodeId, Error> {
        if depth > limits::YAML_VALUE_DEPTH {
            return Err(Error::limit("a document", limits::YAML_VALUE_DEPTH, "levels"));
        }
        let from = document.node(id);
        let kind = match from.kind {
            yaml::Kind::Alias => {
                // Without the budget an input of a few lines would fill the memory.
                self.check_budget()?;
                return self.convert(document, document.resolve_alias(id), depth + 1);
            }
            yaml::Kind::Scalar => Kind::Scalar,
            yaml::Kind::Sequence => Kind::Sequence,
            yaml::Kind::Mapping => Kind::Mapping,
        };
        let explicit = document.explicit_tag(id).is_some_and(|tag| tag != "!");
        let tag = if explicit { self.tag_of(&document.tag(id)) } else { implicit_tag(document, id) };
        let style = match from.style {
            yaml::Style::Flow => Style::Flow,
            yaml::Style::Block | yaml::Style::Scalar(ScalarStyle::Plain) => Style::Plain,
            yaml::Style::Scalar(ScalarStyle::SingleQuoted) => Style::Single,
            yaml::Style::Scalar(ScalarStyle::DoubleQuoted) => Style::Double,
            yaml::Style::Scalar(ScalarStyle::Literal) => Style::Literal,
            yaml::Style::Scalar(ScalarStyle::Folded) => Style::Folded,
        };
        let skips_aliases = self.skips_aliases;
        self.skips_aliases &= kind != Kind::Sequence;
        let content = match kind {
            Kind::Mapping if skips_aliases => self.convert_plain(document, id, depth)?,
            Kind::Mapping if has_merge(document, id) => self.convert_merged(document, id, depth)?,
            Kind::Mapping | Kind::Sequence => {
                let children = document.children(id);
                let mut content = Vec::with_capacity(children.len());
                for child in children {
                    content.push(self.convert(document, *child, depth + 1)?);
                }
                if kind == Kind::Mapping {
                    self.repeat_null_keys(&mut content);
                }
                content
            }
            _ => Vec::new(),
        };
        self.skips_aliases = skips_aliases;
        let value = if kind == Kind::Scalar { from.value.clone() } else { Cow::Borrowed("") };
        let node = self.add(Node { kind, tag, style, tagged: explicit, value, content });
        if let Some(comments) = document.comments(id) {
            // kyaml reads the first one that there is, and does not mind if it is none of its own.
            let first = if comments.line.is_empty() { &comments.head } else { &comments.line };
            let text = first.trim_start_matches('#').trim();
            if text.starts_with('{') {
                self.remarks.insert(node, text.into());
            }
        }
        Ok(node)
    }

    fn convert_plain(
        &mut self,
        document: &Document<'a>,
        id: yaml::NodeId,
        depth: usize,
    ) -> Result<Vec<NodeId>, Error> {
        let mut content = Vec::new();
        for (key, value) in document.entries(id) {
            if document.node(value).kind != yaml::Kind::Alias {
                content.push(self.convert(document, key, depth + 1)?);
                content.push(self.convert(document, value, depth + 1)?);
            }
        }
        Ok(content)
    }

    /// The original writes each mapping anew when it expands aliases, and does not find a key again that is null, so that
    /// it stands twice: an error in the end.
    fn repeat_null_keys(&mut self, content: &mut Vec<NodeId>) {
        let nulls: Vec<NodeId> = content
            .chunks_exact(2)
            .filter(|pair| pair.first().is_some_and(|key| self.is_null(*key) && !self[*key].value.is_empty()))
            .flatten()
            .copied()
            .collect();
        for null in nulls {
            let again = self.copy(null);
            content.push(again);
        }
    }

    /// The entries of a mapping with `<<`: its own first, then what they lack; of several merged mappings the first
    /// that has a key counts.
    fn convert_merged(
        &mut self,
        document: &Document<'a>,
        id: yaml::NodeId,
        depth: usize,
    ) -> Result<Vec<NodeId>, Error> {
        let mut content = Vec::new();
        let mut merge = None;
        for (key, value) in document.entries(id) {
            if is_merge(document, key) {
                if merge.replace(value).is_some() {
                    return Err(Error::new("duplicate merge key"));
                }
                continue;
            }
            content.push(self.convert(document, key, depth + 1)?);
            content.push(self.convert(document, value, depth + 1)?);
        }
        let own = content.len();
        for source in merge_values(document, merge)? {
            self.check_budget()?;
            let source = self.convert(document, source, depth + 1)?;
            for (key, value) in self.entries(source).collect::<Vec<_>>() {
                let known = content
                    .chunks(2)
                    .position(|pair| pair.first().is_some_and(|known| self[*known].value == self[key].value));
                match known {
                    Some(at) if at * 2 < own => (),
                    Some(at) => {
                        content.splice(at * 2..at * 2 + 2, [key, value]);
                    }
                    None => content.extend([key, value]),
                }
            }
        }
        Ok(content)
    }
}

fn implicit_tag(document: &Document<'_>, id: yaml::NodeId) -> Tag {
    let node = document.node(id);
    match (node.kind, node.style) {
        (yaml::Kind::Mapping, _) => Tag::Map,
        (yaml::Kind::Sequence, _) => Tag::Seq,
        (_, yaml::Style::Scalar(ScalarStyle::Plain)) if node.value == "<<" => Tag::Merge,
        (_, yaml::Style::Scalar(ScalarStyle::Plain)) => resolved(&node.value),
        _ => Tag::Str,
    }
}

/// The tag that plain text has by itself.
pub(super) fn resolved(text: &str) -> Tag {
    use yaml::resolve::Scalar;
    if yaml::resolve::is_text(Version::V3, text) {
        return Tag::Str;
    }
    match yaml::resolve::resolve(Version::V3, None, true, Cow::Borrowed(text)) {
        Ok(Scalar::Null) => Tag::Null,
        Ok(Scalar::Bool(_)) => Tag::Bool,
        Ok(Scalar::Int(_) | Scalar::Uint(_)) => Tag::Int,
        Ok(Scalar::Float(_)) => Tag::Float,
        Ok(Scalar::Timestamp(_)) => Tag::Timestamp,
        Ok(Scalar::Binary(_)) => Tag::Binary,
        Ok(Scalar::Merge) => Tag::Merge,
        Ok(Scalar::String(_)) | Err(_) => Tag::Str,
    }
}

fn has_merge(document: &Document<'_>, id: yaml::NodeId) -> bool {
    document.entries(id).any(|(key, _)| is_merge(document, key))
}

fn is_merge(document: &Document<'_>, key: yaml::NodeId) -> bool {
    let node = document.node(key);
    node.kind == yaml::Kind::Scalar && node.value == "<<" && document.tag(key) == "!!merge"
}

/// The mappings that a `<<` names, those that count least first.
fn merge_values(document: &Document<'_>, value: Option<yaml::NodeId>) -> Result<Vec<yaml::NodeId>, Error> {
    let Some(value) = value else { return Ok(Vec::new()) };
    match document.node(value).kind {
        yaml::Kind::Mapping => Ok(vec![value]),
        yaml::Kind::Alias => {
            let target = document.resolve_alias(value);
            if document.node(target).kind != yaml::Kind::Mapping {
                return Err(Error::new("invalid map merge: received alias for a non-map value"));
            }
            Ok(vec![target])
        }
        yaml::Kind::Sequence => {
            let mut values = Vec::new();
            for child in document.children(value).iter().rev() {
                if document.node(*child).kind == yaml::Kind::Sequence {
                    return Err(Error::new("invalid map merge: received a nested sequence"));
                }
                values.extend(merge_values(document, Some(*child))?);
            }
            Ok(values)
        }
        yaml::Kind::Scalar => Err(Error::new("map merge requires map or sequence of maps as the value")),
    }
}
