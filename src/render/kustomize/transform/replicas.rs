//! `replicas`.

use super::super::{
    Error,
    edit::set_scalar,
    error::Cause,
    fieldspec::{Create, FieldSpec, visit_one},
    kustomization::Replica,
    node::{Kind, Node, Nodes, Tag},
    resmap::ResMap,
    text::list,
};

/// Sets the number of replicas of what is or was called so.
pub(in super::super) fn apply(
    nodes: &mut Nodes<'_>,
    map: &mut ResMap,
    replica: &Replica,
    fields: &[FieldSpec],
) -> Result<(), Error> {
    let mut found = false;
    for spec in fields {
        for resource in map.list() {
            let is_meant = !resource.is_empty(nodes)
                && resource.all_ids().any(|id| *id.name == *replica.name && id.gvk.is_selected_by(&spec.gvk));
            if !is_meant {
                continue;
            }
            found = true;
            visit_one(nodes, resource.node, spec, Create::INT, &mut |nodes, at| {
                let value = replica.count.to_string().into();
                let count = nodes.add(Node { kind: Kind::Scalar, tag: Tag::Int, value, ..Node::default() });
                set_scalar(nodes, at, count)
            })?;
        }
    }
    if found {
        return Ok(());
    }
    let kinds: Vec<String> = fields.iter().map(|spec| spec.gvk.to_string()).collect();
    let message = format!(
        "resource with name {} does not match a config with the following GVK {}",
        replica.name,
        list(&kinds)
    );
    Err(Error::because(Cause::Target, message))
}
