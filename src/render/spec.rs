use std::collections::BTreeSet;

use crate::{
    bundle::{Descriptor, Entry, EntryKind, HealthCheck, ValuesFrom},
    duration::GoDuration,
    name::{EntryName, Namespace},
};

/// What to render and how to keep it: the one form to which an entry of a bundle lowers, and to which a Flux
/// Kustomization or HelmRelease will. Names and defaults are those of a Kustomization's spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The name of the entry.
    pub name: EntryName,
    /// Which engine renders.
    pub engine: EntryKind,
    /// The tree or chart.
    pub content: Descriptor,
    /// The directory or file within it.
    pub path: String,
    /// What must be ready before.
    pub depends_on: BTreeSet<EntryName>,
    /// The namespace of objects that name none. (Kustomize's engine, as Flux uses it, gives it to all.)
    pub target_namespace: Option<Namespace>,
    /// Whether what leaves the render leaves the cluster.
    pub prune: bool,
    /// Whether every applied object must become healthy.
    pub wait: bool,
    /// What must become healthy where `wait` is off.
    pub health_checks: Vec<HealthCheck>,
    /// How long that may take.
    pub timeout: GoDuration,
    /// Whether an object whose immutable field changes is deleted and made again.
    pub force: bool,
    /// Whether a render without a single object is meant so.
    pub allow_empty: bool,
    /// As whom objects are written; none: as the agent itself, which only verified content is.
    pub service_account: Option<ServiceAccount>,
    /// The values of a chart.
    pub values: serde_json::Map<String, serde_json::Value>,
    /// Further values of a chart, below those.
    pub values_from: Vec<ValuesFrom>,
    /// The namespace of the ConfigMaps and Secrets among them: that of the release.
    pub values_namespace: String,
    /// Counts the changes of this spec by itself; 0 where it never changes without its bundle.
    pub generation: i64,
}

/// The namespace of a release that names none.
pub(super) const DEFAULT_NAMESPACE: &str = "default";

/// A service account that is impersonated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: String,
}

impl ServiceAccount {
    /// The user name by which Kubernetes knows it.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }
}

impl From<&Entry> for Spec {
    fn from(entry: &Entry) -> Self {
        Self {
            name: entry.name.clone(),
            engine: entry.kind,
            content: entry.content,
            path: entry.path.clone(),
            depends_on: entry.depends_on.iter().cloned().collect(),
            target_namespace: entry.target_namespace.clone(),
            prune: entry.prune,
            wait: entry.wait,
            health_checks: entry.health_checks.clone(),
            timeout: entry.timeout,
            force: entry.force,
            allow_empty: entry.allow_empty,
            service_account: entry
                .service_account
                .as_ref()
                .map(|it| ServiceAccount { namespace: it.namespace.clone(), name: it.name.clone() }),
            values: entry.values.clone(),
            values_from: entry.values_from.clone(),
            values_namespace: entry
                .target_namespace
                .as_ref()
                .map_or(DEFAULT_NAMESPACE, |it| it.as_str())
                .to_owned(),
            generation: 0,
        }
    }
}
