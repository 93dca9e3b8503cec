//! `namePrefix` and `nameSuffix`.

use super::super::{
    Build, Error,
    edit::set_scalar,
    fieldspec::{Create, FieldSpec, visit_one},
    id::Gvk,
    resmap::ResMap,
    resource::annotation,
};

/// Before or behind the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Side {
    Prefix,
    Suffix,
}

/// What is put before or behind which fields.
#[derive(Clone, Debug)]
pub(in super::super) struct Name {
    pub(in super::super) side: Side,
    pub(in super::super) text: String,
    pub(in super::super) fields: Vec<FieldSpec>,
}

impl Name {
    pub(in super::super) fn apply<'a>(&self, build: &mut Build<'a>, map: &mut ResMap) -> Result<(), Error> {
        let (left_alone, service) = (
            [Gvk::new("", "", "CustomResourceDefinition"), Gvk::new("", "", "Namespace")],
            Gvk::new("apiregistration.k8s.io", "", "APIService"),
        );
        let Build { nodes, schemas, .. } = build;
        for resource in map.list_mut() {
            let first = resource.original_id().gvk.clone();
            if left_alone.iter().chain([&service]).any(|gvk| first.is_selected_by(gvk)) {
                continue;
            }
            for spec in &self.fields {
                if !first.is_selected_by(&spec.gvk) {
                    continue;
                }
                if spec.path == "metadata/name" {
                    let name = match self.side {
                        Side::Prefix => annotation::PREFIXES,
                        Side::Suffix => annotation::SUFFIXES,
                    };
                    resource.append(nodes, name, &self.text)?;
                    if !self.text.is_empty() {
                        resource.store_previous_id(nodes)?;
                    }
                }
                visit_one(nodes, resource.node, spec, Create::TEXT, &mut |nodes, at| {
                    let old = &nodes[at].value;
                    let new = match self.side {
                        Side::Prefix => format!("{}{old}", self.text),
                        Side::Suffix => format!("{old}{}", self.text),
                    };
                    let new = nodes.scalar(new);
                    set_scalar(nodes, at, new)
                })?;
                resource.refresh_current(nodes, schemas);
            }
        }
        Ok(())
    }
}
