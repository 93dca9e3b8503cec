//! `ValueAddTransformer`: one value in many fields.

use super::super::{
    Build, Error,
    edit::{expect_kind, lookup, set_scalar},
    node::Kind,
    resmap::ResMap,
    selector::{Selector, select},
};
use super::namespace::Namespace;

/// A value and the fields that get it.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct ValueAdd {
    pub(in super::super) value: String,
    pub(in super::super) targets: Vec<Target>,
}

/// Fields that get a value.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Target {
    pub(in super::super) selector: Option<Selector>,
    pub(in super::super) field_path: String,
    /// Where in a path of a file the value is put, from 1; 0 replaces all of it.
    pub(in super::super) position: i64,
}

impl ValueAdd {
    pub(in super::super) fn apply<'a>(&self, build: &mut Build<'a>, map: &mut ResMap) -> Result<(), Error> {
        for target in &self.targets {
            let selected = match &target.selector {
                None => (0..map.list().len()).collect(),
                Some(selector) => select(&build.nodes, map.list(), selector)?,
            };
            for at in selected {
                let Build { nodes, schemas, .. } = &mut *build;
                let Some(resource) = map.list_mut().get_mut(at) else { continue };
                if target.field_path == "metadata/namespace" {
                    let namespace = Namespace { namespace: self.value.clone(), ..Namespace::default() };
                    namespace.set(nodes, resource)?;
                    resource.refresh(nodes, schemas);
                    continue;
                }
                let mut fields: Vec<String> = Vec::new();
                for part in target.field_path.split('/') {
                    match fields.last_mut() {
                        Some(last) if last.ends_with('\\') => {
                            last.pop();
                            last.push('/');
                            last.push_str(part);
                        }
                        _ => fields.push(part.to_owned()),
                    }
                }
                let Some(found) = lookup(nodes, resource.node, &fields, Some(Kind::Scalar))? else {
                    continue;
                };
                expect_kind(nodes, found, Kind::Scalar)?;
                let new = if target.position > 0 {
                    insert_part(&nodes[found].value, target.position - 1, &self.value)
                } else {
                    self.value.clone()
                };
                if !new.is_empty() {
                    let new = nodes.scalar(new);
                    set_scalar(nodes, found, new)?;
                }
                resource.refresh(nodes, schemas);
            }
        }
        Ok(())
    }
}

/// Puts a part into a path of a file; an absolute path stays one.
fn insert_part(path: &str, position: i64, part: &str) -> String {
    if part.is_empty() {
        return path.to_owned();
    }
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let at = usize::try_from(position).unwrap_or(0).min(parts.len());
    parts.insert(at, part);
    let joined = parts.join("/");
    let joined = super::super::path::clean(&joined);
    if absolute { format!("/{joined}") } else { joined }
}
