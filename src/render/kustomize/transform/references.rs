//! Name references: where an object names another one that is called differently by now.

use std::collections::HashMap;

use super::super::{
    Build, Error,
    config::Reference,
    edit::{get, lookup, set, set_scalar},
    fieldspec::{Create, FieldSpec, visit_one},
    id::Gvk,
    node::{Kind, NodeId, Nodes},
    output,
    resmap::ResMap,
    resource::Resource,
};

/// Sets all names to what those that they mean are called now.
pub(in super::super) fn apply(
    build: &mut Build<'_>,
    map: &mut ResMap,
    references: &[Reference],
) -> Result<(), Error> {
    let fields = Fields::new(references);
    let renamed = Renamed::new(&build.nodes, map.list());
    let nodes = &mut build.nodes;
    for referrer in map.list() {
        let mut all: Vec<usize> = fields.of(&referrer.original_id().gvk).collect();
        // The original takes them in the order of the table.
        all.sort_unstable();
        for number in all {
            let Some((target, field)) = fields.list.get(number) else { continue };
            let finder = Finder { resources: map.list(), renamed: &renamed, referrer, target, field };
            finder.apply(nodes)?;
        }
    }
    // What an object refers to is part of no identity, unless somebody configured it so.
    let Build { nodes, schemas, .. } = build;
    for resource in map.list_mut() {
        resource.refresh_current(nodes, schemas);
    }
    Ok(())
}

/// The fields of the table by the kind that has them.
struct Fields<'r> {
    list: Vec<(&'r Gvk, &'r FieldSpec)>,
    by_kind: HashMap<&'r str, Vec<usize>>,
}

impl<'r> Fields<'r> {
    fn new(references: &'r [Reference]) -> Self {
        let of = |reference: &'r Reference| reference.fields.iter().map(|field| (&reference.target, field));
        let list: Vec<_> = references.iter().flat_map(of).collect();
        let mut by_kind: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, (_, field)) in list.iter().enumerate() {
            by_kind.entry(&field.gvk.kind).or_default().push(number);
        }
        Self { list, by_kind }
    }

    fn of(&self, gvk: &Gvk) -> impl Iterator<Item = usize> {
        let numbers = |kind: &str| self.by_kind.get(kind).map_or(&[][..], Vec::as_slice);
        let own = numbers(&gvk.kind);
        let any = if gvk.kind.is_empty() { &[] } else { numbers("") };
        own.iter()
            .chain(any)
            .copied()
            .filter(|number| self.list.get(*number).is_some_and(|(_, field)| gvk.is_selected_by(&field.gvk)))
    }
}

/// Those that were called differently, by what they were called.
struct Renamed {
    by_name: HashMap<String, Vec<Candidate>>,
    /// All resources, renamed or not, by the namespace that they were in first.
    by_namespace: HashMap<String, Vec<usize>>,
}

struct Candidate {
    at: usize,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

impl Renamed {
    fn new(nodes: &Nodes<'_>, resources: &[Resource]) -> Self {
        let mut by_name: HashMap<String, Vec<Candidate>> = HashMap::new();
        let mut by_namespace: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, resource) in resources.iter().enumerate() {
            let first = resource.original_id().effective_namespace().to_owned();
            by_namespace.entry(first).or_default().push(at);
            for id in resource.previous_ids() {
                let known = by_name.entry(id.name.to_string()).or_default();
                if known.last().is_none_or(|last| last.at != at) {
                    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
                    let (prefixes, suffixes) =
                        (owned(resource.prefixes(nodes)), owned(resource.suffixes(nodes)));
                    known.push(Candidate { at, prefixes, suffixes });
                }
            }
        }
        Self { by_name, by_namespace }
    }
}

/// Looks for what one field of one object means.
struct Finder<'f> {
    resources: &'f [Resource],
    renamed: &'f Renamed,
    referrer: &'f Resource,
    target: &'f Gvk,
    field: &'f FieldSpec,
}

impl Finder<'_> {
    fn apply(&self, nodes: &mut Nodes<'_>) -> Result<(), Error> {
        // The kind was chosen by what the object was called first; by now it may be of another one.
        let spec = FieldSpec { gvk: self.referrer.id().gvk.clone(), ..self.field.clone() };
        let node = self.referrer.node;
        visit_one(nodes, node, &spec, Create::NOTHING, &mut |nodes, at| self.set(nodes, at)).map_err(
            |error| {
                error.context(format!(
                    "updating name reference in '{}' field of '{}'",
                    self.field.path,
                    self.referrer.id()
                ))
            },
        )
    }

    fn set(&self, nodes: &mut Nodes<'_>, at: NodeId) -> Result<(), Error> {
        if nodes.is_null(at) {
            return Ok(());
        }
        match nodes[at].kind {
            Kind::Scalar => self.set_scalar(nodes, at),
            Kind::Mapping => self.set_mapping(nodes, at),
            Kind::Sequence => {
                for item in nodes[at].content.clone() {
                    if nodes.is_null(item) {
                        continue;
                    }
                    match nodes[item].kind {
                        Kind::Scalar => self.set_scalar(nodes, item)?,
                        Kind::Mapping => self.set_mapping(nodes, item)?,
                        _ => {
                            return Err(Error::new(
                                "node is expected to be either a string or a map of string",
                            ));
                        }
                    }
                }
                Ok(())
            }
            Kind::None => Err(Error::new("node must be a scalar, sequence or map")),
        }
    }

    fn set_scalar(&self, nodes: &mut Nodes<'_>, at: NodeId) -> Result<(), Error> {
        let old = nodes[at].value.to_string();
        let found = self.find(nodes, &old, &|_| true, &|a, b| a.id().name == b.id().name)?;
        match found {
            Some(found) if *found.id().name != *old && !found.id().name.is_empty() => {
                let name = nodes.scalar(found.id().name.to_string());
                set_scalar(nodes, at, name)
            }
            _ => Ok(()),
        }
    }

    /// A mapping with a name, and maybe a namespace, which both are looked at and both are set.
    fn set_mapping(&self, nodes: &mut Nodes<'_>, at: NodeId) -> Result<(), Error> {
        let name = get(nodes, at, "name").map_err(|error| error.context("trying to match 'name' field"))?;
        let Some(name) = name else {
            return Err(Error::new("path config error; no 'name' field in node"));
        };
        let old = nodes[name].value.to_string();
        let namespace = get(nodes, at, "namespace")
            .map_err(|error| error.context("trying to match 'namespace' field"))?;
        let namespace = namespace.map(|namespace| nodes[namespace].value.to_string());
        let lives_in = |namespace: &str, first: bool| {
            let namespace = namespace.to_owned();
            move |resource: &Resource| {
                let id = if first { resource.original_id() } else { resource.id() };
                id.effective_namespace() == namespace
            }
        };
        let no_namespace = "_non_namespaceable_";
        let found = match namespace.as_deref() {
            None => self.find(nodes, &old, &|_| true, &same_place)?,
            Some(namespace) if namespace == no_namespace => None,
            Some(namespace) => {
                // Where anything lived in that namespace first, only that counts.
                let by_first = self.lived_there(nodes, namespace);
                self.find(nodes, &old, &lives_in(namespace, by_first), &same_place)?
            }
        };
        let Some(found) = found else { return Ok(()) };
        let (name, namespace) = (found.id().name.to_string(), found.id().namespace.to_string());
        if name == old && namespace.is_empty() {
            return Ok(());
        }
        let value = nodes.scalar(name);
        set(nodes, at, "name", value)?;
        if namespace.is_empty() {
            return Ok(());
        }
        let value = nodes.scalar(namespace);
        set(nodes, at, "namespace", value)
    }

    /// Whether anything in reach lived in a namespace first.
    fn lived_there(&self, nodes: &Nodes<'_>, namespace: &str) -> bool {
        let Some(all) = self.renamed.by_namespace.get(namespace) else { return false };
        let account_namespaces = self.account_namespaces(nodes);
        all.iter()
            .filter_map(|at| self.resources.get(*at))
            .any(|it| self.is_in_reach(nodes, it, &account_namespaces))
    }

    /// Whether the referrer may refer to a resource: by its namespace.
    fn is_in_reach(&self, nodes: &Nodes<'_>, resource: &Resource, account_namespaces: &[String]) -> bool {
        let own = self.referrer.id();
        own.cluster
            || resource.id().cluster
            || resource.id().same_namespace(own)
            || account_namespaces.iter().any(|it| it == resource.namespace(nodes))
    }

    /// The namespaces of the service accounts that a RoleBinding names.
    fn account_namespaces(&self, nodes: &Nodes<'_>) -> Vec<String> {
        if &*self.referrer.id().gvk.kind != "RoleBinding" {
            return Vec::new();
        }
        let Some(subjects) = nodes.field(self.referrer.node, "subjects") else { return Vec::new() };
        let accounts =
            nodes[subjects].content.iter().filter(|it| nodes.text(**it, "kind") == "ServiceAccount");
        accounts
            .filter_map(|it| nodes.field(*it, "namespace"))
            .map(|it| nodes[it].value.to_string())
            .collect()
    }

    /// The one resource that was called `old` and is meant.
    fn find(
        &self,
        nodes: &mut Nodes<'_>,
        old: &str,
        accept: &dyn Fn(&Resource) -> bool,
        are_same: &dyn Fn(&Resource, &Resource) -> bool,
    ) -> Result<Option<&Resource>, Error> {
        let Some(known) = self.renamed.by_name.get(old) else { return Ok(None) };
        let role = self.role(nodes)?;
        let account_namespaces = self.account_namespaces(nodes);
        let own = self.referrer.id();
        let mut left: Vec<(&Candidate, &Resource)> = known
            .iter()
            .filter_map(|candidate| Some((candidate, self.resources.get(candidate.at)?)))
            .filter(|(_, it)| accept(it) && self.is_in_reach(nodes, it, &account_namespaces))
            .filter(|(_, it)| it.previous_ids().iter().any(|id| id.gvk.is_selected_by(self.target)))
            .filter(|(_, it)| {
                role.as_ref()
                    .is_none_or(|role| it.previous_ids().iter().any(|id| id.gvk.is_selected_by(role)))
            })
            .filter(|(_, it)| {
                own.cluster
                    || it.id().cluster
                    || &*it.id().gvk.kind == "ServiceAccount"
                    || own.same_namespace(it.id())
            })
            .collect();
        if let [(_, one)] = left.as_slice() {
            return Ok(Some(one));
        }
        let (prefixes, suffixes) = (self.referrer.prefixes(nodes), self.referrer.suffixes(nodes));
        let fits = |candidate: &Candidate, allow_empty: bool| {
            let fit = |theirs: &[String], own: &[&str]| {
                (allow_empty && (theirs.is_empty() || own.is_empty())) || end_alike(theirs, own)
            };
            fit(&candidate.prefixes, &prefixes) && fit(&candidate.suffixes, &suffixes)
        };
        left.retain(|(candidate, _)| fits(candidate, true));
        if left.len() > 1 {
            left.retain(|(candidate, _)| fits(candidate, false));
        }
        match left.as_slice() {
            [] => Ok(None),
            [(_, one)] => Ok(Some(one)),
            [(_, first), rest @ ..] if rest.iter().all(|(_, it)| are_same(first, it)) => Ok(Some(first)),
            all => {
                let ids: Vec<String> = all.iter().map(|(_, it)| it.id().to_string()).collect();
                let print = |it: &Resource| output::to_string(nodes, it.node).unwrap_or_default();
                let mut message = format!(
                    "found multiple possible referrals: {}\n\n**** Too many possible referral targets to referrer:\n{}\n",
                    ids.join(", "),
                    print(self.referrer)
                );
                for (number, (_, it)) in all.iter().enumerate() {
                    message.push_str(&format!("--- possible referral {number}:\n{}\n", print(it)));
                }
                Err(Error::because(super::super::error::Cause::Target, message))
            }
        }
    }

    /// What the `roleRef` beside the name says.
    fn role(&self, nodes: &mut Nodes<'_>) -> Result<Option<Gvk>, Error> {
        if !self.field.path.ends_with("roleRef/name") {
            return Ok(None);
        }
        let mut word = |name: &str| -> Option<String> {
            let found = lookup(nodes, self.referrer.node, &["roleRef", name], None).ok()??;
            Some(nodes[found].value.to_string())
        };
        let (Some(group), Some(kind)) = (word("apiGroup"), word("kind")) else { return Ok(None) };
        Ok(Some(Gvk::new(&group, "", &kind)))
    }
}

fn same_place(a: &Resource, b: &Resource) -> bool {
    a.id().name == b.id().name && a.id().namespace == b.id().namespace
}

/// Whether the shorter of two lists is the end of the longer one. Nothing is the end of nothing only.
fn end_alike(a: &[String], b: &[&str]) -> bool {
    if a.is_empty() || b.is_empty() {
        return a.is_empty() && b.is_empty();
    }
    a.iter().rev().zip(b.iter().rev()).all(|(a, b)| a == b)
}
