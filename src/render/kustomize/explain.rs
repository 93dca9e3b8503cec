//! What touched a resource, for those who ask.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{
    Build,
    node::{NodeId, Nodes},
    resmap::ResMap,
};

/// How all resources looked before a step; none where nobody asked.
pub(super) struct Before(Option<Vec<u64>>);

/// Remembers how all resources look.
pub(super) fn before(build: &Build<'_>, map: &ResMap) -> Before {
    let looks = |resource: &super::resource::Resource| look(&build.nodes, resource.node);
    Before(build.explain.then(|| map.list().iter().map(looks).collect()))
}

/// Notes a step at each resource that it changed.
pub(super) fn after(build: &Build<'_>, map: &mut ResMap, before: Before, name: &str) {
    let Before(Some(before)) = before else { return };
    // Steps keep the order, and none adds a resource; one that is gone has no trail.
    let changed: Vec<usize> = map
        .list()
        .iter()
        .zip(&before)
        .enumerate()
        .filter(|(_, (resource, before))| look(&build.nodes, resource.node) != **before)
        .map(|(at, _)| at)
        .collect();
    for at in changed {
        map.change(at, |resource| resource.trail.push(name.to_owned()));
    }
}

/// A number that changes when anything in a node changes that is printed.
fn look(nodes: &Nodes<'_>, node: NodeId) -> u64 {
    let mut hasher = DefaultHasher::new();
    walk(nodes, node, &mut hasher);
    hasher.finish()
}

fn walk(nodes: &Nodes<'_>, node: NodeId, hasher: &mut DefaultHasher) {
    let it = &nodes[node];
    (it.kind as u8).hash(hasher);
    it.value.hash(hasher);
    nodes.tag_text(it.tag).hash(hasher);
    for pair in it.content.chunks(2) {
        // What Kustomize notes for itself is no change.
        let internal = matches!(pair, [key, _] if it.kind == super::node::Kind::Mapping
            && super::resource::annotation::OF_BUILD.contains(&&*nodes[*key].value));
        if !internal {
            pair.iter().for_each(|child| walk(nodes, *child, hasher));
        }
    }
}
