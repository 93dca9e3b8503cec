//! Which kinds are served: the built-in ones, and what CustomResourceDefinitions define.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde_json::Value;

use super::{
    log::State,
    schema::{Schema, built_in_kinds},
};
use crate::{
    cluster::{Error, Resource},
    object::{
        GroupKind, Gvk, Object,
        scope::{Scope, Scopes},
    },
};

/// A kind that is served.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) resource: Resource,
    /// The definition and the position of the version in it.
    definition: Option<(Arc<Object>, usize)>,
}

/// The built-in kinds in their stable versions.
static BUILT_IN: LazyLock<BTreeMap<Gvk, Resource>> = LazyLock::new(|| {
    let scopes = Scopes::built_in();
    let stable = |version: &str| version.trim_start_matches('v').bytes().all(|c| c.is_ascii_digit());
    // Aggregated and extension APIs are not part of client-go.
    let more = [
        ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "v1", "APIService"),
    ];
    let kinds = built_in_kinds().chain(more).filter(|(_, version, _)| stable(version));
    let resource = |(group, version, kind): (&str, &str, &str)| {
        let gvk = Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() };
        let namespaced = scopes.of(&gvk.group_kind())? == Scope::Namespaced;
        Some((gvk.clone(), Resource { plural: plural(kind), gvk, namespaced, verbs: verbs() }))
    };
    kinds.filter_map(resource).collect()
});

/// What can be done with every kind here.
fn verbs() -> Vec<String> {
    ["create", "delete", "get", "list", "patch", "update", "watch"].map(str::to_owned).to_vec()
}

/// As Kubernetes names its own resources.
fn plural(kind: &str) -> String {
    let name = kind.to_ascii_lowercase();
    let end = |suffixes: &[&str]| suffixes.iter().any(|it| name.ends_with(it));
    if name == "endpoints" {
        name
    } else if end(&["s", "x", "ch", "sh"]) {
        name + "es"
    } else if let Some(stem) = name.strip_suffix('y').filter(|it| !it.ends_with(['a', 'e', 'i', 'o', 'u'])) {
        format!("{stem}ies")
    } else {
        name + "s"
    }
}

pub(super) fn definition_kind() -> GroupKind {
    GroupKind { group: "apiextensions.k8s.io".to_owned(), kind: "CustomResourceDefinition".to_owned() }
}

/// The kinds that a definition serves.
fn defined(definition: &Arc<Object>) -> impl Iterator<Item = Kind> + '_ {
    let text = |path: &[&str]| definition.text(path).unwrap_or("").to_owned();
    let (group, kind) = (text(&["spec", "group"]), text(&["spec", "names", "kind"]));
    let plural = text(&["spec", "names", "plural"]);
    let namespaced = definition.text(&["spec", "scope"]) == Some("Namespaced");
    // While it goes, its objects can still be read and deleted.
    let versions = definition.get(&["spec", "versions"]).and_then(Value::as_array);
    versions.into_iter().flatten().enumerate().filter_map(move |(at, version)| {
        let served = version.get("served").and_then(Value::as_bool).unwrap_or(false);
        let version = version.get("name")?.as_str().filter(|_| served)?.to_owned();
        let gvk = Gvk { group: group.clone(), version, kind: kind.clone() };
        let resource = Resource { gvk, plural: plural.clone(), namespaced, verbs: verbs() };
        Some(Kind { resource, definition: Some((definition.clone(), at)) })
    })
}

fn definitions(state: &State) -> impl Iterator<Item = &Arc<Object>> {
    let kind = definition_kind();
    state.objects.iter().filter(move |(id, _)| id.group_kind == kind).map(|(_, stored)| &stored.object)
}

/// All kinds.
pub(super) fn resources(state: &State) -> Vec<Resource> {
    let more = definitions(state).flat_map(defined).map(|kind| kind.resource);
    BUILT_IN.values().cloned().chain(more).collect()
}

/// One kind.
pub(super) fn kind(state: &State, gvk: &Gvk) -> Result<Kind, Error> {
    if let Some(resource) = BUILT_IN.get(gvk) {
        return Ok(Kind { resource: resource.clone(), definition: None });
    }
    let mut all = definitions(state).flat_map(defined);
    all.find(|kind| kind.resource.gvk == *gvk).ok_or_else(|| Error::NoMatch(gvk.clone()))
}

/// A kind in any of its versions, as a file's path names it.
pub(super) fn any_version(state: &State, kind: &GroupKind) -> bool {
    BUILT_IN.keys().any(|gvk| gvk.group_kind() == *kind)
        || definitions(state).flat_map(defined).any(|it| it.resource.gvk.group_kind() == *kind)
}

impl Kind {
    /// How its objects merge.
    pub(super) fn schema(&self) -> Schema<'_> {
        Schema::of(
            &self.resource.gvk,
            self.version()
                .map(|it| it.get("schema").and_then(|it| it.get("openAPIV3Schema")).unwrap_or(&Value::Null)),
        )
    }

    fn version(&self) -> Option<&Value> {
        let (definition, at) = self.definition.as_ref()?;
        definition.get(&["spec", "versions"])?.get(at)
    }

    /// Whether it comes from a definition.
    pub(super) fn is_custom(&self) -> bool {
        self.definition.is_some()
    }

    /// Whether a write to the object leaves the status alone.
    pub(super) fn has_status(&self) -> bool {
        self.version().is_none_or(|it| it.get("subresources").and_then(|it| it.get("status")).is_some())
    }

    /// `deployments.apps`, as errors name a resource.
    pub(super) fn qualified(&self) -> String {
        let Resource { gvk, plural, .. } = &self.resource;
        if gvk.group.is_empty() { plural.clone() } else { format!("{plural}.{}", gvk.group) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_and_scopes() {
        let state = State::default();
        for (group, version, name, plural, namespaced) in [
            ("", "v1", "ConfigMap", "configmaps", true),
            ("", "v1", "Endpoints", "endpoints", true),
            ("", "v1", "Namespace", "namespaces", false),
            ("networking.k8s.io", "v1", "Ingress", "ingresses", true),
            ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true),
            ("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false),
            ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
            ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false),
        ] {
            let gvk = Gvk { group: group.into(), version: version.into(), kind: name.into() };
            let found = kind(&state, &gvk).unwrap().resource;
            assert_eq!((found.plural.as_str(), found.namespaced), (plural, namespaced), "{name}");
        }
        let old = Gvk { group: "apps".into(), version: "v1beta1".into(), kind: "Deployment".into() };
        assert!(matches!(kind(&state, &old), Err(Error::NoMatch(_))));
    }
}
