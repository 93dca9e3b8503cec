//! `labels`, `commonLabels` and `commonAnnotations`.

use super::super::{
    Error,
    decode::Pairs,
    edit::set,
    fieldspec::{Create, FieldSpec, visit_all},
    node::{Kind, Node, NodeId, Nodes, Tag},
    resmap::ResMap,
};

/// Which entries are set in which mappings.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Entries {
    pub(in super::super) pairs: Pairs,
    pub(in super::super) fields: Vec<FieldSpec>,
}

impl Entries {
    /// Entries for the labels or annotations of the objects themselves.
    pub(in super::super) fn of_metadata(field: &str, key: &str, value: &str) -> Self {
        let path = format!("metadata/{field}");
        Self {
            pairs: [(key.to_owned(), value.to_owned())].into(),
            fields: vec![FieldSpec { path, create: true, ..FieldSpec::default() }],
        }
    }

    pub(in super::super) fn apply(&self, nodes: &mut Nodes<'_>, map: &mut ResMap) -> Result<(), Error> {
        if self.pairs.is_empty() {
            return Ok(());
        }
        for resource in map.list() {
            self.set(nodes, resource.node)?;
        }
        // Neither labels nor these annotations are part of an identity.
        map.drop_empty(nodes);
        Ok(())
    }

    /// Sets the entries in one object.
    pub(in super::super) fn set(&self, nodes: &mut Nodes<'_>, object: NodeId) -> Result<(), Error> {
        for (key, value) in &self.pairs {
            // One node for all fields, as in the original: where it is added, it is the same in all of them, and what
            // changes one of them later changes them all.
            let shared =
                Node { kind: Kind::Scalar, tag: Tag::Str, value: value.clone().into(), ..Node::default() };
            let shared = nodes.add(shared);
            visit_all(nodes, object, &self.fields, Create::MAPPING, &mut |nodes, at| {
                set(nodes, at, key.clone(), shared)
            })?;
        }
        Ok(())
    }
}
