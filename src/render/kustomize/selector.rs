//! How patches and replacements choose resources.

use super::{
    Error,
    id::{Gvk, ResId},
    labels::Requirements,
    node::Nodes,
    pattern::Pattern,
    resource::{Resource, texts},
};

/// What a kustomization says: expressions for the words of an identity, and conditions on labels and annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) id: ResId,
    pub(super) annotations: String,
    pub(super) labels: String,
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:a={}:l={}", self.id, self.annotations, self.labels)
    }
}

/// The same with its expressions compiled. What is empty selects everything.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
}

impl Compiled {
    pub(super) fn new(selector: &Selector) -> Result<Self, Error> {
        let pattern = |text: &str| {
            if text.is_empty() { Ok(None) } else { Pattern::whole(text).map(Some) }
        };
        let ResId { gvk, name, namespace, .. } = &selector.id;
        Ok(Self {
            group: pattern(&gvk.group)?,
            version: pattern(&gvk.version)?,
            kind: pattern(&gvk.kind)?,
            name: pattern(name)?,
            namespace: pattern(namespace)?,
        })
    }

    pub(super) fn fits_gvk(&self, gvk: &Gvk) -> bool {
        fits(self.group.as_ref(), &gvk.group)
            && fits(self.version.as_ref(), &gvk.version)
            && fits(self.kind.as_ref(), &gvk.kind)
    }

    pub(super) fn fits_name(&self, name: &str) -> bool {
        fits(self.name.as_ref(), name)
    }

    pub(super) fn fits_namespace(&self, namespace: &str) -> bool {
        fits(self.namespace.as_ref(), namespace)
    }

    /// Whether all words of an identity fit.
    pub(super) fn fits(&self, id: &ResId) -> bool {
        self.fits_gvk(&id.gvk) && self.fits_name(&id.name) && self.fits_namespace(&id.namespace)
    }
}

fn fits(pattern: Option<&Pattern>, text: &str) -> bool {
    pattern.is_none_or(|pattern| pattern.is_match(text))
}

/// Conditions on labels and annotations.
#[derive(Clone, Debug)]
pub(super) struct Conditions {
    labels: Option<Requirements>,
    annotations: Option<Requirements>,
}

impl Conditions {
    pub(super) fn new(selector: &Selector) -> Result<Self, Error> {
        let parse = |text: &str| if text.is_empty() { Ok(None) } else { Requirements::parse(text).map(Some) };
        Ok(Self { labels: parse(&selector.labels)?, annotations: parse(&selector.annotations)? })
    }

    pub(super) fn hold(&self, nodes: &Nodes<'_>, resource: &Resource) -> bool {
        let holds = |requirements: &Option<Requirements>, field| {
            requirements.as_ref().is_none_or(|it| it.hold(&texts(nodes, resource.node, field)))
        };
        holds(&self.labels, "labels") && holds(&self.annotations, "annotations")
    }
}

/// The resources, by their positions, that a selector selects: by what they were called first or are called now.
pub(super) fn select(
    nodes: &Nodes<'_>,
    resources: &[Resource],
    selector: &Selector,
) -> Result<Vec<usize>, Error> {
    let compiled = Compiled::new(selector)?;
    let mut conditions = None;
    let mut selected = Vec::new();
    for (at, resource) in resources.iter().enumerate() {
        let (now, first) = (resource.id(), resource.original_id());
        if !compiled.fits_namespace(first.effective_namespace())
            && !compiled.fits_namespace(now.effective_namespace())
            || !compiled.fits_name(&first.name) && !compiled.fits_name(&now.name)
            || !compiled.fits_gvk(&now.gvk)
        {
            continue;
        }
        // A mistake in a condition shows only where something else was selected.
        let conditions = match &conditions {
            Some(conditions) => conditions,
            None => conditions.insert(Conditions::new(selector)?),
        };
        if conditions.hold(nodes, resource) {
            selected.push(at);
        }
    }
    Ok(selected)
}
