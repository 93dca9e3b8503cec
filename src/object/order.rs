//! In which order objects are applied, and in which stages.

use std::{cmp::Ordering, collections::BTreeSet};

use super::{GroupKind, Object, ObjectId};

/// Kinds that come first, in this order; the last two come last; all others stand between, by group and kind
/// (fluxcd/pkg/ssa `ReconcileOrder`). The group does not count here.
const FIRST: [&str; 23] = [
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Flux's order of two objects for apply, by bytes where nothing else decides (`SortableMetas.Less`).
pub fn compare(a: &ObjectId, b: &ObjectId) -> Ordering {
    let key = |id: &ObjectId| rank(&id.group_kind.kind);
    key(a).cmp(&key(b)).then_with(|| a.group_kind.cmp(&b.group_kind)).then_with(|| {
        let (a, b) = ((&a.namespace, &a.name), (&b.namespace, &b.name));
        a.cmp(&b)
    })
}

fn rank(kind: &str) -> usize {
    let position = |kinds: &[&str]| kinds.iter().position(|first| *first == kind);
    position(&FIRST).or_else(|| position(&LAST).map(|place| FIRST.len() + 1 + place)).unwrap_or(FIRST.len())
}

/// Sorts for apply. Objects of one id keep their order.
pub fn sort_for_apply(objects: &mut [Object]) {
    objects.sort_by_cached_key(|object| Key(object.id()));
}

/// Sorts for deletion: the order of apply, backwards.
pub fn sort_for_delete(objects: &mut [Object]) {
    objects.sort_by_cached_key(|object| std::cmp::Reverse(Key(object.id())));
}

/// An id that sorts in the order of apply, for sets and maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(pub ObjectId);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The stages of an apply (`ApplyAllStaged`): each is dry-run as a whole before any of it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// CustomResourceDefinitions, Namespaces and ClusterRoles. They are waited for.
    Definitions = 1,
    /// Kinds that end in `Class`. They are waited for.
    Classes = 2,
    /// Kinds that the node's configuration names. They are not waited for.
    Custom = 3,
    /// Everything else.
    Rest = 4,
}

impl Stage {
    /// Whether what the stage applied must be well before the next one starts.
    pub fn waits(self) -> bool {
        matches!(self, Self::Definitions | Self::Classes)
    }
}

/// The stage of an object; `custom` are the kinds of [`Stage::Custom`]. The kinds of the first stage are compared
/// without case, as Flux does.
pub fn stage_of(object: &Object, custom: &BTreeSet<GroupKind>) -> Stage {
    let kind = object.kind();
    if is_definition(object) || is_kind(object, "Namespace", "", "v1") || is_cluster_role(object) {
        Stage::Definitions
    } else if kind.ends_with("Class") {
        Stage::Classes
    } else if custom.contains(&object.gvk().group_kind()) {
        Stage::Custom
    } else {
        Stage::Rest
    }
}

/// Whether it is a CustomResourceDefinition, whatever the case of its kind.
pub fn is_definition(object: &Object) -> bool {
    object.kind().eq_ignore_ascii_case("CustomResourceDefinition")
        && object.gvk().group == "apiextensions.k8s.io"
}

fn is_cluster_role(object: &Object) -> bool {
    object.kind().eq_ignore_ascii_case("ClusterRole") && object.gvk().group == "rbac.authorization.k8s.io"
}

fn is_kind(object: &Object, kind: &str, group: &str, version: &str) -> bool {
    object.kind().eq_ignore_ascii_case(kind) && object.gvk().group == group && object.gvk().version == version
}
