//! `images`.

use super::super::{
    Error,
    edit::{expect_kind, get, set_scalar},
    fieldspec::{Create, FieldSpec, visit_all},
    kustomization::Image,
    node::{Kind, NodeId, Nodes},
    pattern::Pattern,
    resmap::ResMap,
};

/// Gives images another name, tag or digest: wherever containers are listed, and in the fields that are configured.
pub(in super::super) fn apply(
    nodes: &mut Nodes<'_>,
    map: &mut ResMap,
    image: &Image,
    fields: &[FieldSpec],
) -> Result<(), Error> {
    // The name is an expression, dots and all.
    let pattern = format!("^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", image.name);
    let updater = Updater { image, pattern: Pattern::new(&pattern)? };
    for resource in map.list() {
        if nodes.text(resource.node, "kind") != "CustomResourceDefinition" {
            updater.walk(nodes, resource.node)?;
        }
    }
    for resource in map.list() {
        if nodes.text(resource.node, "kind") != "CustomResourceDefinition" {
            visit_all(nodes, resource.node, fields, Create::NOTHING, &mut |nodes, at| {
                updater.update(nodes, at)
            })?;
        }
    }
    map.drop_empty(nodes);
    Ok(())
}

struct Updater<'u> {
    image: &'u Image,
    pattern: Pattern,
}

impl Updater<'_> {
    /// Goes through all there is for lists of containers.
    fn walk(&self, nodes: &mut Nodes<'_>, at: NodeId) -> Result<(), Error> {
        match nodes[at].kind {
            Kind::Mapping => {
                for index in (0..nodes[at].content.len()).step_by(2) {
                    let content = &nodes[at].content;
                    let (Some(key), Some(value)) = (content.get(index), content.get(index + 1)) else {
                        break;
                    };
                    let (key, value) = (*key, *value);
                    self.walk(nodes, value)?;
                    if matches!(&*nodes[key].value, "containers" | "initContainers")
                        && nodes[value].kind == Kind::Sequence
                    {
                        for item in nodes[value].content.clone() {
                            if let Some(image) = get(nodes, item, "image")? {
                                self.update(nodes, image)?;
                            }
                        }
                    }
                }
            }
            Kind::Sequence => {
                for index in 0..nodes[at].content.len() {
                    if let Some(item) = nodes[at].content.get(index) {
                        self.walk(nodes, *item)?;
                    }
                }
            }
            _ => (),
        }
        Ok(())
    }

    fn update(&self, nodes: &mut Nodes<'_>, at: NodeId) -> Result<(), Error> {
        expect_kind(nodes, at, Kind::Scalar)?;
        let value = &nodes[at].value;
        if !self.pattern.is_match(value) {
            return Ok(());
        }
        let Image { new_name, new_tag, digest: new_digest, tag_suffix, .. } = self.image;
        let (name, tag, digest) = split(value);
        let name = if new_name.is_empty() { name } else { new_name };
        let (mut tag, mut digest) = (tag.to_owned(), digest);
        if !new_tag.is_empty() {
            tag.clone_from(new_tag);
            digest = new_digest;
        } else if !new_digest.is_empty() {
            tag.clear();
            digest = new_digest;
        } else if !tag_suffix.is_empty() {
            tag.push_str(tag_suffix);
            digest = "";
        }
        let mut new = name.to_owned();
        for (mark, part) in [(':', tag.as_str()), ('@', digest)] {
            if !part.is_empty() {
                new.push(mark);
                new.push_str(part);
            }
        }
        let new = nodes.scalar(new);
        set_scalar(nodes, at, new)
    }
}

/// Name, tag and digest of an image.
fn split(image: &str) -> (&str, &str, &str) {
    // A colon before the first slash is a port's.
    let start = image.find('/').filter(|at| *at > 0).unwrap_or(0);
    let rest = image.get(start..).unwrap_or("");
    let (at, colon) = (rest.find('@').map(|it| it + start), rest.find(':').map(|it| it + start));
    let part = |from: usize, to: usize| image.get(from..to).unwrap_or("");
    match (at, colon) {
        (None, None) => (image, "", ""),
        (Some(at), colon) if colon.is_none_or(|colon| at < colon) => {
            (part(0, at), "", part(at, image.len()).trim_start_matches('@'))
        }
        (Some(at), Some(colon)) => {
            let digest = part(at, image.len());
            (part(0, colon), part(colon + 1, at), digest.strip_prefix('@').unwrap_or(digest))
        }
        (_, Some(colon)) => (part(0, colon), part(colon + 1, image.len()), ""),
        (Some(_), None) => (image, "", ""),
    }
}
