//! How far a channel reaches, held against every object before anything else sees it.

use super::{OutOfReach, Place, Why};
use crate::{
    bundle::ChannelScope,
    object::{
        Object,
        scope::{Scope, Scopes},
    },
};

/// The agent's own namespace. It holds what the cluster remembers of bundles, so no channel reaches it.
pub const AGENT_NAMESPACE: &str = "airlock-system";

/// Whether an object is within the reach of its channel.
///
/// A Namespace counts as living in the namespace that it names. Of a kind that nobody knows, it cannot be told
/// whether the server would take the object for a cluster-wide one whatever namespace it names, so only a channel
/// that may do everything has it.
pub(super) fn check(
    object: &Object,
    place: &Place,
    scopes: &Scopes,
    reach: &ChannelScope,
) -> Result<(), Why> {
    let is_namespace = object.gvk().is("", "Namespace");
    let namespace = if is_namespace { Some(object.name()) } else { object.namespace() };
    let refuse = |why| Err(Why::Scope { id: object.id().into(), place: place.clone(), why });
    if namespace == Some(AGENT_NAMESPACE) {
        return refuse(OutOfReach::Agent);
    }
    let unlimited = reach.namespaces.is_none() && reach.cluster_scoped;
    match scopes.of(&object.gvk().group_kind()) {
        None if !unlimited => Err(Why::UnknownKind { id: object.id().into(), place: place.clone() }),
        Some(Scope::Cluster) if !is_namespace && !reach.reaches(None) => refuse(OutOfReach::Cluster),
        _ => match namespace {
            Some(name) if !reach.reaches(Some(name)) => refuse(OutOfReach::Namespace(name.to_owned())),
            _ => Ok(()),
        },
    }
}
