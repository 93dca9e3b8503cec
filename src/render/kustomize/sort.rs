//! `sortOptions`: the order in which resources are printed.

use std::collections::HashMap;

use super::{Error, id::ResId, kustomization::SortOptions, resmap::ResMap};

/// Kinds that others build on.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that reach into others.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Where a kind stands when nobody says otherwise.
pub(super) fn default_rank(kind: &str) -> i64 {
    let at = |list: &[&str]| list.iter().position(|it| *it == kind).and_then(|at| i64::try_from(at).ok());
    match (at(&FIRST), at(&LAST)) {
        (Some(at), _) => at - 22,
        (None, Some(at)) => at + 1,
        (None, None) => 0,
    }
}

/// The order in which resources came, or the order of kinds.
pub(super) fn sort(map: &mut ResMap, options: &SortOptions) -> Result<(), Error> {
    match (options.order.as_str(), &options.legacy) {
        ("fifo", None) => Ok(()),
        ("fifo", Some(_)) => Err(Error::new(
            "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'",
        )),
        ("legacy", None) => {
            by_kind(map, &default_rank);
            map.check_unique().map_err(appending)
        }
        ("legacy", Some(legacy)) => {
            let mut ranks: HashMap<&str, i64> = HashMap::new();
            let first = i64::try_from(legacy.first.len()).unwrap_or(i64::MAX);
            for (kind, rank) in legacy.first.iter().zip(-first..) {
                ranks.insert(kind, rank);
            }
            for (kind, rank) in legacy.last.iter().zip(1..) {
                ranks.insert(kind, rank);
            }
            by_kind(map, &|kind| ranks.get(kind).copied().unwrap_or(0));
            map.check_unique().map_err(appending)
        }
        _ => Err(Error::new("the field 'sortOptions.order' must be one of [fifo, legacy]")),
    }
}

fn appending(error: Error) -> Error {
    error.context("SortOrderTransformer: Failed to append to resources")
}

fn by_kind(map: &mut ResMap, rank: &dyn Fn(&str) -> i64) {
    // Of kinds that are called Namespace, the core's comes first.
    map.list_mut().sort_by_cached_key(|resource| {
        let id = resource.id();
        let text = id.gvk.sort_text();
        let core_namespace = &*id.gvk.kind == "Namespace" && id.gvk.group.is_empty();
        (rank(&id.gvk.kind), !core_namespace, text, id_text(id))
    });
}

fn id_text(id: &ResId) -> String {
    let namespace = if id.namespace.is_empty() { "~X" } else { &id.namespace };
    let name = if id.name.is_empty() { "~N" } else { &id.name };
    format!("{}|{namespace}|{name}", id.gvk)
}
