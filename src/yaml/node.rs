//! A document as a tree of nodes that know how they were written.
//!
//! All nodes of a document lie in one arena and refer to each other by number; what few of them have (tags, anchors,
//! comments) lies beside it. Texts are borrowed from the input where they stand in it in one piece.

use std::borrow::Cow;

use super::{
    Version,
    parse::Comments,
    resolve::{self, Scalar},
    scan::{ScalarStyle, small},
};

/// One document of an input.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    pub(super) version: Version,
    pub(super) nodes: Vec<Node<'a>>,
    /// The children of all collections, each collection's in one piece.
    pub(super) children: Vec<NodeId>,
    pub(super) extras: Vec<Extra<'a>>,
    pub(super) root: Option<NodeId>,
    pub(super) comments: Comments<'a>,
}

/// A node within its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text that a tag or its form gives a meaning.
    Scalar,
    /// A list.
    Sequence,
    /// Keys and values in turn.
    Mapping,
    /// Another node once more. Its value is the name of the anchor.
    Alias,
}

/// How a node was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A scalar.
    Scalar(ScalarStyle),
    /// A collection by indentation.
    Block,
    /// A collection between brackets.
    Flow,
}

/// A node. Its children, tag, anchor and comments are asked of its [`Document`].
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// The text of a scalar without quotes and escapes, or the anchor that an alias names.
    pub value: Cow<'a, str>,
    /// What it is.
    pub kind: Kind,
    /// How it was written.
    pub style: Style,
    /// The line where it starts, from 1.
    pub line: u32,
    /// The column where it starts, in characters, from 1.
    pub column: u32,
    /// The first child in the pool, or the node that an alias stands for.
    pub(super) first: u32,
    pub(super) count: u32,
    /// The number of its [`Extra`], from 1; 0 where it has none.
    pub(super) extra: u32,
}

/// What few nodes have.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra<'a> {
    pub(super) anchor: Option<Cow<'a, str>>,
    pub(super) tag: Option<Cow<'a, str>>,
    pub(super) comments: Comments<'a>,
}

impl NodeId {
    pub(super) fn new(index: usize) -> Self {
        Self(small(index))
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

impl<'a> Document<'a> {
    pub(super) fn empty(version: Version) -> Self {
        Self {
            version,
            nodes: Vec::new(),
            children: Vec::new(),
            extras: Vec::new(),
            root: None,
            comments: Comments::default(),
        }
    }

    /// The version whose parser read it.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The outermost node. There is none only where [`super::parse_first`] found no document at all.
    pub fn root(&self) -> Option<NodeId> {
        self.root
    }

    /// The node of `id`.
    ///
    /// # Panics
    /// When `id` belongs to another document.
    pub fn node(&self, id: NodeId) -> &Node<'a> {
        self.nodes.get(id.index()).expect("the node is of this document")
    }

    /// How many nodes there are; an alias is one.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The items of a sequence, or the keys and values of a mapping in turn.
    pub fn children(&self, id: NodeId) -> &[NodeId] {
        let node = self.node(id);
        match node.kind {
            Kind::Sequence | Kind::Mapping => {
                let first = node.first as usize;
                self.children.get(first..first + node.count as usize).unwrap_or_default()
            }
            Kind::Scalar | Kind::Alias => &[],
        }
    }

    /// The keys of a mapping with their values.
    pub fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let children = match self.node(id).kind {
            Kind::Mapping => self.children(id),
            _ => &[],
        };
        children.chunks_exact(2).filter_map(|pair| match pair {
            &[key, value] => Some((key, value)),
            _ => None,
        })
    }

    /// The value of the first plain key `name` of a mapping.
    pub fn get(&self, id: NodeId, name: &str) -> Option<NodeId> {
        self.entries(id)
            .find(|(key, _)| {
                let key = self.node(*key);
                key.kind == Kind::Scalar && key.value == name
            })
            .map(|(_, value)| value)
    }

    /// The node that an alias stands for; any other node itself.
    pub fn resolve_alias(&self, id: NodeId) -> NodeId {
        let node = self.node(id);
        match node.kind {
            // An alias never stands for an alias, since an alias has no anchor.
            Kind::Alias => NodeId(node.first),
            _ => id,
        }
    }

    fn extra(&self, id: NodeId) -> Option<&Extra<'a>> {
        self.extras.get((self.node(id).extra as usize).checked_sub(1)?)
    }

    /// The tag that was written, with its handle replaced by what it stands for: `tag:yaml.org,2002:int`, `!local`.
    pub fn explicit_tag(&self, id: NodeId) -> Option<&str> {
        self.extra(id)?.tag.as_deref()
    }

    /// The tag in its short form, `!!int`, whether it was written or follows from the form, as v3's `ShortTag` has it.
    pub fn tag(&self, id: NodeId) -> Cow<'_, str> {
        let node = self.node(id);
        if let Some(tag) = self.explicit_tag(id).filter(|tag| *tag != "!") {
            return short_tag(tag);
        }
        Cow::Borrowed(match node.kind {
            Kind::Sequence => "!!seq",
            Kind::Mapping => "!!map",
            Kind::Alias => return self.tag(self.resolve_alias(id)),
            Kind::Scalar if node.style != Style::Scalar(ScalarStyle::Plain) => "!!str",
            Kind::Scalar if node.value == "<<" => "!!merge",
            Kind::Scalar => match resolve::resolve(self.version, None, true, Cow::Borrowed(&node.value)) {
                Ok(Scalar::Null) => "!!null",
                Ok(Scalar::Bool(_)) => "!!bool",
                Ok(Scalar::Int(_) | Scalar::Uint(_)) => "!!int",
                Ok(Scalar::Float(_)) => "!!float",
                Ok(Scalar::Timestamp(_)) => "!!timestamp",
                Ok(Scalar::String(_) | Scalar::Binary(_) | Scalar::Merge) | Err(_) => "!!str",
            },
        })
    }

    /// The anchor that was written before the node.
    pub fn anchor(&self, id: NodeId) -> Option<&str> {
        self.extra(id)?.anchor.as_deref()
    }

    /// The comments of a node. v2 keeps none.
    pub fn comments(&self, id: NodeId) -> Option<&Comments<'a>> {
        Some(&self.extra(id)?.comments).filter(|comments| !comments.is_empty())
    }

    /// The comments of the document itself: what stands above and below an empty line.
    pub fn document_comments(&self) -> &Comments<'a> {
        &self.comments
    }

    pub(super) fn extra_mut(&mut self, id: NodeId) -> &mut Extra<'a> {
        let next = small(self.extras.len() + 1);
        let slot = &mut self.nodes.get_mut(id.index()).expect("the node is of this document").extra;
        if *slot == 0 {
            *slot = next;
            self.extras.push(Extra::default());
        }
        self.extras.get_mut(*slot as usize - 1).expect("every number has an extra")
    }

    /// The same, independent of the input.
    pub fn into_owned(self) -> Document<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        let nodes = self.nodes.into_iter().map(|node| Node { value: owned(node.value), ..node });
        let extras = self.extras.into_iter().map(|extra| Extra {
            anchor: extra.anchor.map(owned),
            tag: extra.tag.map(owned),
            comments: extra.comments.into_owned(),
        });
        Document {
            version: self.version,
            nodes: nodes.collect(),
            children: self.children,
            extras: extras.collect(),
            root: self.root,
            comments: self.comments.into_owned(),
        }
    }
}

/// `!!int` for `tag:yaml.org,2002:int`; other tags as they are.
pub(super) fn short_tag(tag: &str) -> Cow<'_, str> {
    match tag.strip_prefix("tag:yaml.org,2002:") {
        Some(name) => Cow::Owned(["!!", name].concat()),
        None => Cow::Borrowed(tag),
    }
}
