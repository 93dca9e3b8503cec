//! Events to documents.

use std::{borrow::Cow, collections::HashMap};

use super::{
    Error, Version,
    node::{Document, Kind, Node, NodeId, Style},
    parse::{Comments, Event, EventKind, Parser, Properties},
    scan::small,
};
use crate::limits;

/// Builds documents, one at a time: what comes after the last document that was asked for is not looked at, further
/// than the parser has to.
#[derive(Debug)]
pub(super) struct Composer<'a> {
    parser: Parser<'a>,
    version: Version,
    started: bool,
    nodes_left: usize,
}

/// A collection whose end has not come.
#[derive(Debug)]
struct Open {
    id: NodeId,
    /// Where its children begin among those of all open collections.
    children: usize,
    block_mapping: bool,
    mapping: bool,
}

impl<'a> Composer<'a> {
    pub(super) fn new(parser: Parser<'a>, version: Version) -> Self {
        Self { parser, version, started: false, nodes_left: limits::YAML_NODES }
    }

    /// The next document; none at the end of the stream.
    pub(super) fn next(&mut self) -> Result<Option<Document<'a>>, Error> {
        if !self.started {
            self.started = true;
            self.event()?;
        }
        let start = self.event()?;
        if !matches!(start.kind, EventKind::DocumentStart) {
            return Ok(None);
        }
        let mut builder = Builder::new(self.version);
        if let Some(comments) = start.comments {
            builder.document.comments = *comments;
        }
        loop {
            let event = self.event()?;
            if matches!(event.kind, EventKind::DocumentEnd) {
                // Only the foot belongs to the document here; what else there is goes nowhere.
                if let Some(comments) = event.comments {
                    builder.document.comments.foot = comments.foot;
                }
                break;
            }
            builder.take(event)?;
            if builder.document.nodes.len() > self.nodes_left {
                return Err(Error::Limit { limit: limits::YAML_NODES, unit: "nodes" });
            }
        }
        self.nodes_left -= builder.document.nodes.len();
        Ok(Some(builder.document))
    }

    fn event(&mut self) -> Result<Event<'a>, Error> {
        self.parser.next().map_err(|problem| problem.into_error(self.version))
    }
}

#[derive(Debug)]
struct Builder<'a> {
    document: Document<'a>,
    // Departs: v3 keeps anchors from one document to the next, as YAML does not; Kustomize cuts a stream before it
    // reads it, so nobody sees it.
    anchors: HashMap<&'a str, NodeId>,
    open: Vec<Open>,
    /// The children so far of all open collections.
    children: Vec<NodeId>,
}

impl<'a> Builder<'a> {
    fn new(version: Version) -> Self {
        Self {
            document: Document::empty(version),
            anchors: HashMap::new(),
            open: Vec::new(),
            children: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'a>) -> Result<(), Error> {
        let Event { kind, start, comments } = event;
        let node = |value, kind, style| Node {
            value,
            kind,
            style,
            line: start.line + 1,
            column: start.column + 1,
            first: 0,
            count: 0,
            extra: 0,
        };
        match kind {
            EventKind::Scalar { value, style, properties } => {
                let id = self.add(node(value, Kind::Scalar, Style::Scalar(style)), properties, comments);
                self.complete(id);
            }
            EventKind::Alias(name) => {
                let Some(target) = self.anchors.get(name).copied() else {
                    return Err(Error::Content(format!("unknown anchor '{name}' referenced")));
                };
                let mut node = node(Cow::Borrowed(name), Kind::Alias, Style::Block);
                node.first = small(target.index());
                let id = self.add(node, Properties::default(), comments);
                self.complete(id);
            }
            EventKind::SequenceStart { flow, properties } => {
                let style = if flow { Style::Flow } else { Style::Block };
                let id = self.add(node(Cow::Borrowed(""), Kind::Sequence, style), properties, comments);
                let children = self.children.len();
                self.open.push(Open { id, children, block_mapping: false, mapping: false });
            }
            EventKind::MappingStart { flow, properties } => {
                let style = if flow { Style::Flow } else { Style::Block };
                let id = self.add(node(Cow::Borrowed(""), Kind::Mapping, style), properties, comments);
                let children = self.children.len();
                self.open.push(Open { id, children, block_mapping: !flow, mapping: true });
            }
            EventKind::SequenceEnd | EventKind::MappingEnd => self.close(comments),
            EventKind::StreamStart
            | EventKind::StreamEnd
            | EventKind::DocumentStart
            | EventKind::DocumentEnd => {}
        }
        Ok(())
    }

    fn add(
        &mut self,
        node: Node<'a>,
        properties: Properties<'a>,
        comments: Option<Box<Comments<'a>>>,
    ) -> NodeId {
        let id = NodeId::new(self.document.nodes.len());
        self.document.nodes.push(node);
        if self.document.root.is_none() {
            self.document.root = Some(id);
        }
        if let Some(name) = properties.anchor {
            // A later anchor of the same name hides the earlier one from here on.
            self.anchors.insert(name, id);
            self.document.extra_mut(id).anchor = Some(Cow::Borrowed(name));
        }
        if let Some(tag) = properties.tag {
            self.document.extra_mut(id).tag = Some(*tag);
        }
        if let Some(comments) = comments {
            self.document.extra_mut(id).comments = *comments;
        }
        id
    }

    fn close(&mut self, comments: Option<Box<Comments<'a>>>) {
        let Some(open) = self.open.pop() else { return };
        let children = self.children.get(open.children..).unwrap_or_default();
        // The line and foot comments of a collection come with its end, also where that has none.
        let last_key = children.len().checked_sub(2).and_then(|at| children.get(at)).copied();
        let first = small(self.document.children.len());
        self.document.children.extend_from_slice(children);
        if let Some(node) = self.document.nodes.get_mut(open.id.index()) {
            node.first = first;
            node.count = small(children.len());
        }
        self.children.truncate(open.children);
        if comments.is_some() || self.has_comments(open.id) {
            let Comments { line, mut foot, .. } = comments.map(|it| *it).unwrap_or_default();
            if open.block_mapping
                && !foot.is_empty()
                && let Some(key) = last_key
            {
                self.document.extra_mut(key).comments.foot = std::mem::take(&mut foot);
            }
            let own = &mut self.document.extra_mut(open.id).comments;
            own.line = line;
            own.foot = foot;
        }
        self.complete(open.id);
    }

    fn has_comments(&self, id: NodeId) -> bool {
        self.document.comments(id).is_some()
    }

    /// Puts a complete node into the collection that is open.
    fn complete(&mut self, id: NodeId) {
        let Some(open) = self.open.last() else { return };
        self.children.push(id);
        if !open.mapping {
            return;
        }
        let children = self.children.get(open.children..).unwrap_or_default();
        if children.len() % 2 == 1 {
            // The foot above a key that is less indented belongs to the entry before it.
            if open.block_mapping
                && let Some(before) = children.len().checked_sub(3).and_then(|at| children.get(at)).copied()
                && self.has_foot(id)
            {
                self.move_foot(id, before);
            }
        } else if let Some(key) = children.len().checked_sub(2).and_then(|at| children.get(at)).copied()
            && self.has_foot(id)
            && !self.has_foot(key)
        {
            self.move_foot(id, key);
        }
    }

    fn has_foot(&self, id: NodeId) -> bool {
        self.document.comments(id).is_some_and(|comments| !comments.foot.is_empty())
    }

    fn move_foot(&mut self, from: NodeId, to: NodeId) {
        let foot = std::mem::take(&mut self.document.extra_mut(from).comments.foot);
        self.document.extra_mut(to).comments.foot = foot;
    }
}
