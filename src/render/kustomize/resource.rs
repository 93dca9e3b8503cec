//! One resource of a build, with what it is and was called.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    Error,
    edit::{clear, lookup, set},
    id::{Gvk, ResId, split_api_version},
    node::{Kind, NodeId, Nodes, Style, Tag},
    schema::Schemas,
};

/// The annotations in which Kustomize keeps what it must remember of a resource. Nobody sees them in the end, but
/// patches and selectors do on the way.
pub(super) mod annotation {
    pub(in super::super) const PREVIOUS_KINDS: &str = "internal.config.kubernetes.io/previousKinds";
    pub(in super::super) const PREVIOUS_NAMES: &str = "internal.config.kubernetes.io/previousNames";
    pub(in super::super) const PREVIOUS_NAMESPACES: &str = "internal.config.kubernetes.io/previousNamespaces";
    pub(in super::super) const PREFIXES: &str = "internal.config.kubernetes.io/prefixes";
    pub(in super::super) const SUFFIXES: &str = "internal.config.kubernetes.io/suffixes";
    pub(in super::super) const ALLOW_NAME_CHANGE: &str = "internal.config.kubernetes.io/allowNameChange";
    pub(in super::super) const ALLOW_KIND_CHANGE: &str = "internal.config.kubernetes.io/allowKindChange";
    pub(in super::super) const REFERRED_BY: &str = "internal.config.kubernetes.io/refBy";
    pub(in super::super) const BEHAVIOR: &str = "internal.config.kubernetes.io/generatorBehavior";
    pub(in super::super) const NEEDS_HASH: &str = "internal.config.kubernetes.io/needsHashSuffix";
    pub(in super::super) const HELM_GENERATED: &str = "internal.config.kubernetes.io/helm-generated";
    pub(in super::super) const ORIGIN: &str = "config.kubernetes.io/origin";
    pub(in super::super) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
    pub(in super::super) const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";
    pub(in super::super) const ENABLED: &str = "enabled";

    /// Those that are taken away at the end.
    pub(in super::super) const OF_BUILD: [&str; 19] = [
        PREVIOUS_KINDS,
        PREVIOUS_NAMES,
        PREFIXES,
        SUFFIXES,
        PREVIOUS_NAMESPACES,
        ALLOW_NAME_CHANGE,
        ALLOW_KIND_CHANGE,
        REFERRED_BY,
        BEHAVIOR,
        NEEDS_HASH,
        "internal.config.kubernetes.io/path",
        "internal.config.kubernetes.io/index",
        "internal.config.kubernetes.io/seqindent",
        "internal.config.kubernetes.io/id",
        "internal.config.kubernetes.io/annotations-migration-resource-id",
        "config.kubernetes.io/path",
        "config.kubernetes.io/index",
        "config.k8s.io/id",
        HELM_GENERATED,
    ];

    /// Whether it is one that survives a JSON patch.
    pub(in super::super) fn is_internal(name: &str) -> bool {
        name.starts_with("internal.config.kubernetes.io/")
            || matches!(name, "config.kubernetes.io/path" | "config.kubernetes.io/index" | "config.k8s.io/id")
    }
}

/// A resource.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) node: NodeId,
    /// What it is called now.
    current: ResId,
    /// What it was called, the oldest first.
    previous: Vec<ResId>,
    /// The vars that take their value from it.
    pub(super) vars: Vec<String>,
    /// The file that it was read from, and where in it, from 1; the kustomization that generated it otherwise.
    pub(super) place: Option<(Rc<str>, usize)>,
    /// Where it was read or made, and what changed it since, for those who ask.
    pub(super) trail: Vec<String>,
}

/// All that a resource is and was called.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) current: ResId,
    pub(super) previous: Vec<ResId>,
}

impl Identity {
    /// Whether a resource is called so.
    pub(super) fn is(&self, resource: &Resource) -> bool {
        self.current == resource.current && self.previous == resource.previous
    }
}

/// Labels or annotations.
pub(super) type Texts = BTreeMap<String, String>;

/// The identity that a node has by its fields.
pub(super) fn id_of(nodes: &Nodes<'_>, node: NodeId, is_cluster: impl Fn(&str, &str) -> bool) -> ResId {
    id_like(&ResId::default(), nodes, node, is_cluster)
}

/// A text that is there already, where it is the same.
fn same_or_new(known: &Rc<str>, text: &str) -> Rc<str> {
    if **known == *text { Rc::clone(known) } else { text.into() }
}

/// The identity that a node has by its fields; most of it is what it was before.
fn id_like(known: &ResId, nodes: &Nodes<'_>, node: NodeId, is_cluster: impl Fn(&str, &str) -> bool) -> ResId {
    let raw = |name| nodes.field(node, name).map_or("", |value| &*nodes[value].value);
    let (api_version, kind) = (raw("apiVersion"), raw("kind"));
    let (group, version) = split_api_version(api_version);
    let metadata = metadata(nodes, node);
    let of = |name| metadata.map_or("", |metadata| nodes.text(metadata, name));
    ResId {
        gvk: Gvk {
            group: same_or_new(&known.gvk.group, group),
            version: same_or_new(&known.gvk.version, version),
            kind: same_or_new(&known.gvk.kind, kind),
        },
        cluster: is_cluster(api_version, kind),
        name: same_or_new(&known.name, of("name")),
        namespace: same_or_new(&known.namespace, of("namespace")),
    }
}

fn metadata(nodes: &Nodes<'_>, node: NodeId) -> Option<NodeId> {
    nodes.field(node, "metadata").filter(|metadata| !nodes.is_empty(*metadata))
}

/// Labels or annotations of a node, empty where it has none.
pub(super) fn texts(nodes: &Nodes<'_>, node: NodeId, field: &str) -> Texts {
    let Some(map) = metadata(nodes, node).and_then(|metadata| nodes.field(metadata, field)) else {
        return Texts::new();
    };
    nodes
        .entries(map)
        .map(|(key, value)| (nodes[key].value.to_string(), nodes[value].value.to_string()))
        .collect()
}

/// Sets labels or annotations of a node as a whole, sorted; without any the field goes.
pub(super) fn set_texts(
    nodes: &mut Nodes<'_>,
    node: NodeId,
    field: &'static str,
    texts: Texts,
) -> Result<(), Error> {
    let Some(metadata) = lookup(nodes, node, &["metadata"], Some(Kind::Mapping))? else { return Ok(()) };
    clear(nodes, metadata, field)?;
    if texts.is_empty() {
        return Ok(());
    }
    let Some(map) = lookup(nodes, metadata, &[field], Some(Kind::Mapping))? else { return Ok(()) };
    for (key, value) in texts {
        let value = nodes.string(value);
        set(nodes, map, key, value)?;
    }
    Ok(())
}

/// Sets one label or annotation, in quotes.
pub(super) fn set_text(
    nodes: &mut Nodes<'_>,
    node: NodeId,
    field: &'static str,
    key: &str,
    value: &str,
) -> Result<(), Error> {
    if field == "annotations" {
        // The original takes an empty mapping away first, and with it null.
        if let Some(metadata) = lookup(nodes, node, &["metadata"], None)? {
            clear_if_empty(nodes, metadata, field)?;
        }
        clear_if_empty(nodes, node, "metadata")?;
    }
    let Some(map) = lookup(nodes, node, &["metadata", field], Some(Kind::Mapping))? else { return Ok(()) };
    let value = nodes.string(value.to_owned());
    nodes[value].style = Style::Single;
    set(nodes, map, key.to_owned(), value)
}

fn clear_if_empty(nodes: &mut Nodes<'_>, node: NodeId, field: &str) -> Result<(), Error> {
    if nodes[node].kind == Kind::Mapping
        && nodes.field(node, field).is_some_and(|value| nodes[value].content.is_empty())
    {
        clear(nodes, node, field)?;
    }
    Ok(())
}

impl Resource {
    pub(super) fn new(nodes: &Nodes<'_>, node: NodeId, schemas: &Schemas) -> Self {
        let mut new = Self {
            node,
            current: ResId::default(),
            previous: Vec::new(),
            vars: Vec::new(),
            place: None,
            trail: Vec::new(),
        };
        new.refresh(nodes, schemas);
        new
    }

    /// Reads the identities again, after something changed the node.
    pub(super) fn refresh(&mut self, nodes: &Nodes<'_>, schemas: &Schemas) {
        self.refresh_current(nodes, schemas);
        let known = std::mem::take(&mut self.previous);
        let names = self.annotation(nodes, annotation::PREVIOUS_NAMES);
        let Some(names) = names else { return };
        let of = |name| self.annotation(nodes, name).unwrap_or("");
        let (namespaces, kinds) = (of(annotation::PREVIOUS_NAMESPACES), of(annotation::PREVIOUS_KINDS));
        let ids = names.split(',').zip(namespaces.split(',')).zip(kinds.split(','));
        let previous = ids.enumerate().map(|(at, ((name, namespace), kind))| {
            let known = known.get(at).unwrap_or(&self.current);
            ResId {
                gvk: Gvk {
                    group: Rc::clone(&self.current.gvk.group),
                    version: Rc::clone(&self.current.gvk.version),
                    kind: same_or_new(&known.gvk.kind, kind),
                },
                cluster: false,
                name: same_or_new(&known.name, name),
                namespace: same_or_new(&known.namespace, namespace),
            }
        });
        self.previous = previous.collect();
    }

    /// Reads the current identity again, after something changed the name or the namespace.
    pub(super) fn refresh_current(&mut self, nodes: &Nodes<'_>, schemas: &Schemas) {
        let is_cluster = |version: &str, kind: &str| schemas.is_cluster_scoped(version, kind);
        self.current = id_like(&self.current, nodes, self.node, is_cluster);
    }

    /// All that it is and was called.
    pub(super) fn identity(&self) -> Identity {
        Identity { current: self.current.clone(), previous: self.previous.clone() }
    }

    /// What it is called now.
    pub(super) fn id(&self) -> &ResId {
        &self.current
    }

    /// What it was called first.
    pub(super) fn original_id(&self) -> &ResId {
        self.previous.first().unwrap_or(&self.current)
    }

    /// What it was called, the oldest first.
    pub(super) fn previous_ids(&self) -> &[ResId] {
        &self.previous
    }

    /// What it was called, and what it is called now.
    pub(super) fn all_ids(&self) -> impl Iterator<Item = &ResId> {
        self.previous.iter().chain([&self.current])
    }

    /// Whether nothing is left of it.
    pub(super) fn is_empty(&self, nodes: &Nodes<'_>) -> bool {
        nodes.is_empty(self.node)
    }

    pub(super) fn annotations(&self, nodes: &Nodes<'_>) -> Texts {
        texts(nodes, self.node, "annotations")
    }

    /// One annotation.
    pub(super) fn annotation<'n>(&self, nodes: &'n Nodes<'_>, name: &str) -> Option<&'n str> {
        let map = nodes.field(metadata(nodes, self.node)?, "annotations")?;
        nodes.field(map, name).map(|value| &*nodes[value].value)
    }

    pub(super) fn set_annotations(&self, nodes: &mut Nodes<'_>, all: Texts) -> Result<(), Error> {
        set_texts(nodes, self.node, "annotations", all)
    }

    /// Sets one annotation as the original does it for itself: all are written anew.
    pub(super) fn put_annotation(&self, nodes: &mut Nodes<'_>, name: &str, value: &str) -> Result<(), Error> {
        let mut all = self.annotations(nodes);
        all.insert(name.to_owned(), value.to_owned());
        self.set_annotations(nodes, all)
    }

    /// Whether an annotation of the build is on.
    pub(super) fn is_enabled(&self, nodes: &Nodes<'_>, name: &str) -> bool {
        self.annotation(nodes, name) == Some(annotation::ENABLED)
    }

    /// Appends to an annotation that is a list with commas.
    pub(super) fn append(&self, nodes: &mut Nodes<'_>, name: &'static str, value: &str) -> Result<(), Error> {
        if value.is_empty() {
            return Ok(());
        }
        let known = metadata(nodes, self.node)
            .and_then(|metadata| nodes.field(metadata, "annotations"))
            .and_then(|map| nodes.field(map, name));
        match known {
            Some(known) => {
                let node = &mut nodes[known];
                let text = node.value.to_mut();
                text.push(',');
                text.push_str(value);
                node.tag = Tag::Str;
                node.tagged = false;
                Ok(())
            }
            None => set_text(nodes, self.node, "annotations", name, value),
        }
    }

    /// Notes what it is called now, before that changes.
    pub(super) fn store_previous_id(&mut self, nodes: &mut Nodes<'_>) -> Result<(), Error> {
        let id = self.current.clone();
        let namespace = id.effective_namespace().to_owned();
        self.append(nodes, annotation::PREVIOUS_NAMES, &id.name)?;
        self.append(nodes, annotation::PREVIOUS_NAMESPACES, &namespace)?;
        self.append(nodes, annotation::PREVIOUS_KINDS, &id.gvk.kind)?;
        self.previous.push(ResId { cluster: false, namespace: namespace.into(), ..id });
        Ok(())
    }

    pub(super) fn name<'n>(&self, nodes: &'n Nodes<'_>) -> &'n str {
        metadata(nodes, self.node).map_or("", |metadata| nodes.text(metadata, "name"))
    }

    pub(super) fn namespace<'n>(&self, nodes: &'n Nodes<'_>) -> &'n str {
        metadata(nodes, self.node).map_or("", |metadata| nodes.text(metadata, "namespace"))
    }

    pub(super) fn set_name<'a>(&self, nodes: &mut Nodes<'a>, name: String) -> Result<(), Error> {
        self.set_in(nodes, &["metadata"], "name", name)
    }

    pub(super) fn set_namespace(&self, nodes: &mut Nodes<'_>, namespace: String) -> Result<(), Error> {
        if namespace.is_empty() {
            return match lookup(nodes, self.node, &["metadata"], None)? {
                Some(metadata) => clear(nodes, metadata, "namespace"),
                None => Ok(()),
            };
        }
        self.set_in(nodes, &["metadata"], "namespace", namespace)
    }

    pub(super) fn set_kind(&self, nodes: &mut Nodes<'_>, kind: String) -> Result<(), Error> {
        self.set_in(nodes, &[], "kind", kind)
    }

    pub(super) fn set_api_version(&self, nodes: &mut Nodes<'_>, api_version: String) -> Result<(), Error> {
        self.set_in(nodes, &[], "apiVersion", api_version)
    }

    fn set_in(
        &self,
        nodes: &mut Nodes<'_>,
        path: &[&str],
        field: &'static str,
        value: String,
    ) -> Result<(), Error> {
        match lookup(nodes, self.node, path, Some(Kind::Mapping))? {
            Some(map) => {
                let value = nodes.scalar(value);
                set(nodes, map, field, value)
            }
            None => Ok(()),
        }
    }

    /// The prefixes that it got so far.
    pub(super) fn prefixes<'n>(&self, nodes: &'n Nodes<'_>) -> Vec<&'n str> {
        self.annotation(nodes, annotation::PREFIXES).map(|all| all.split(',').collect()).unwrap_or_default()
    }

    /// The suffixes that it got so far.
    pub(super) fn suffixes<'n>(&self, nodes: &'n Nodes<'_>) -> Vec<&'n str> {
        self.annotation(nodes, annotation::SUFFIXES).map(|all| all.split(',').collect()).unwrap_or_default()
    }

    /// A copy with nodes of its own.
    pub(super) fn copy(&self, nodes: &mut Nodes<'_>) -> Self {
        Self { node: nodes.copy(self.node), ..self.clone() }
    }

    /// Takes over what is written in another's metadata: labels and annotations that it lacks, name and namespace.
    pub(super) fn take_metadata(
        &mut self,
        nodes: &mut Nodes<'_>,
        other: &Self,
        schemas: &Schemas,
    ) -> Result<(), Error> {
        let context = |what: &'static str| {
            move |error: Error| error.reworded(|text| format!("copyMerge cannot set {what} - {text}"))
        };
        let mut labels = texts(nodes, other.node, "labels");
        labels.extend(texts(nodes, self.node, "labels"));
        set_texts(nodes, self.node, "labels", labels).map_err(context("labels"))?;
        let own = self.annotations(nodes);
        let theirs = other.annotations(nodes);
        let needs_hash = own.contains_key(annotation::NEEDS_HASH);
        let mut merged = theirs.clone();
        merged.extend(own);
        for name in annotation::OF_BUILD {
            match theirs.get(name) {
                Some(value) => {
                    merged.insert(name.to_owned(), value.clone());
                }
                None => {
                    merged.remove(name);
                }
            }
        }
        if !needs_hash {
            merged.remove(annotation::NEEDS_HASH);
        }
        self.set_annotations(nodes, merged).map_err(context("annotations"))?;
        let (name, namespace) = (other.name(nodes).to_owned(), other.namespace(nodes).to_owned());
        self.set_name(nodes, name).map_err(context("name"))?;
        self.set_namespace(nodes, namespace).map_err(context("namespace"))?;
        self.vars.clone_from(&other.vars);
        self.refresh(nodes, schemas);
        Ok(())
    }
}
