//! `namespace`: the namespace of all that lives in one, and what else names it.

use std::collections::HashMap;

use super::super::{
    Build, Error,
    edit::{get, lookup, set_scalar},
    error::Cause,
    fieldspec::{Create, FieldSpec, visit_all},
    id::Key,
    node::{Kind, Node, NodeId, Nodes, Tag},
    resmap::ResMap,
    resource::{Resource, annotation},
};
use crate::yaml::Value;

/// Which subjects of a role binding get the namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Subjects {
    /// Those called `default`.
    #[default]
    Default,
    /// All service accounts.
    ServiceAccounts,
    /// None.
    None,
}

impl Subjects {
    pub(in super::super) fn read(text: &str) -> Result<Self, Error> {
        match text {
            "" | "defaultOnly" => Ok(Self::Default),
            "allServiceAccounts" => Ok(Self::ServiceAccounts),
            "none" => Ok(Self::None),
            other => Err(Error::new(format!(
                "invalid value {} for setRoleBindingSubjects: must be one of \"defaultOnly\", \"none\" or \"allServiceAccounts\"",
                super::super::text::quote(other)
            ))),
        }
    }
}

/// What is set where.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Namespace {
    pub(in super::super) namespace: String,
    pub(in super::super) fields: Vec<FieldSpec>,
    /// Whether only what has none gets it.
    pub(in super::super) unset_only: bool,
    pub(in super::super) subjects: Subjects,
}

impl Namespace {
    pub(in super::super) fn apply<'a>(&self, build: &mut Build<'a>, map: &mut ResMap) -> Result<(), Error> {
        if self.namespace.is_empty() {
            return Ok(());
        }
        let Build { nodes, schemas, .. } = build;
        let list = map.list_mut();
        let mut count: HashMap<Key, usize> = HashMap::with_capacity(list.len());
        for resource in list.iter() {
            *count.entry(resource.id().key()).or_default() += 1;
        }
        for at in 0..list.len() {
            let Some(resource) = list.get_mut(at) else { break };
            if resource.is_empty(nodes)
                || resource.annotation(nodes, annotation::HELM_GENERATED) == Some("true")
            {
                continue;
            }
            let before = resource.id().key();
            resource.store_previous_id(nodes)?;
            self.set(nodes, resource)?;
            resource.refresh_current(nodes, schemas);
            if let Some(count) = count.get_mut(&before) {
                *count -= 1;
            }
            let same = count.entry(resource.id().key()).or_default();
            *same += 1;
            // Those that come later are called as before, and may be in the way all the same.
            if *same != 1 {
                let id = resource.id().clone();
                let all: Vec<String> =
                    list.iter().filter(|it| it.id().same(&id)).map(|it| json(nodes, it.node)).collect();
                let all = super::super::text::list(&all);
                let message = format!("namespace transformation produces ID conflict: {all}");
                return Err(Error::because(Cause::Duplicate, message));
            }
        }
        Ok(())
    }

    /// Sets the namespace in one resource.
    pub(in super::super) fn set(&self, nodes: &mut Nodes<'_>, resource: &Resource) -> Result<(), Error> {
        let object = resource.node;
        let api_version = nodes.field(object, "apiVersion").map_or("", |it| &*nodes[it].value).to_owned();
        let kind = resource.id().gvk.kind.to_string();
        if !resource.id().cluster {
            let own =
                [FieldSpec { path: "metadata/namespace".to_owned(), create: true, ..FieldSpec::default() }];
            let create = Create { kind: Some(Kind::Scalar), tag: Tag::None };
            visit_all(nodes, object, &own, create, &mut |nodes, at| self.write(nodes, at))?;
        }
        let is_binding = |kind: &str| matches!(kind, "RoleBinding" | "ClusterRoleBinding");
        if is_binding(&kind) {
            self.set_subjects(nodes, object)?;
        }
        let fields: Vec<FieldSpec> = self
            .fields
            .iter()
            .filter(|spec| {
                spec.path != "metadata/namespace"
                    && (api_version == "v1" || spec.path != "metadata/name")
                    && !(is_binding(&kind) && is_binding(&spec.gvk.kind) && spec.path == "subjects/namespace")
            })
            .cloned()
            .collect();
        visit_all(nodes, object, &fields, Create::TEXT, &mut |nodes, at| self.write(nodes, at)).map_err(
            |error| {
                let wrong_kind = error.message().contains("wrong node kind: expected ScalarNode but got ");
                error.context(if wrong_kind {
                    "namespace field specs must target scalar nodes"
                } else {
                    "namespace transformation failed"
                })
            },
        )
    }

    fn write(&self, nodes: &mut Nodes<'_>, at: NodeId) -> Result<(), Error> {
        if self.unset_only && !nodes.is_empty(at) && !nodes[at].value.is_empty() {
            return Ok(());
        }
        let value = self.namespace.clone().into();
        let value = nodes.add(Node { kind: Kind::Scalar, tag: Tag::Str, value, ..Node::default() });
        set_scalar(nodes, at, value)
    }

    fn set_subjects(&self, nodes: &mut Nodes<'_>, object: NodeId) -> Result<(), Error> {
        let (field, wanted) = match self.subjects {
            Subjects::None => return Ok(()),
            Subjects::Default => ("name", "default"),
            Subjects::ServiceAccounts => ("kind", "ServiceAccount"),
        };
        let Some(subjects) = lookup(nodes, object, &["subjects"], None)? else { return Ok(()) };
        if nodes.is_null(subjects) {
            return Ok(());
        }
        let context = |error: Error| error.context("setting namespace on (cluster)role binding subjects");
        super::super::edit::expect_kind(nodes, subjects, Kind::Sequence).map_err(context)?;
        for subject in nodes[subjects].content.clone() {
            let found = get(nodes, subject, field).map_err(|error| {
                context(error.context(format!("looking up {field} on (cluster)role binding subject")))
            })?;
            if !found.is_some_and(|found| !nodes.is_null(found) && nodes[found].value == wanted) {
                continue;
            }
            if let Some(place) =
                lookup(nodes, subject, &["namespace"], Some(Kind::Scalar)).map_err(context)?
            {
                self.write(nodes, place).map_err(context)?;
            }
        }
        Ok(())
    }
}

/// A node as one line of JSON.
fn json(nodes: &Nodes<'_>, node: NodeId) -> String {
    let value = super::super::value::to_value(nodes, node).unwrap_or(Value::Null);
    crate::yaml::json::to_json(&value).unwrap_or_default()
}
