//! How far a channel reaches, held against every object before anything else sees it.

use super::{Lookup, OutOfReach, Place, Why};
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

/// Whether a channel may let something be read: what it renders may show what it read, so it reaches no further than
/// what it writes.
///
/// # Errors
/// When it may not.
pub(super) fn check_read(asked: &Lookup, reach: &ChannelScope) -> Result<(), Why> {
    let refuse = |why| Err(Why::Reads { what: asked.to_string(), why });
    match asked.namespace.as_str() {
        AGENT_NAMESPACE => refuse(OutOfReach::Agent),
        // What lives in no namespace, or lives in any.
        "" => {
            let of_cluster = Scopes::built_in().of(&asked.gvk.group_kind()) == Some(Scope::Cluster);
            match reach.cluster_scoped && (of_cluster || reach.namespaces.is_none()) {
                true => Ok(()),
                false => refuse(OutOfReach::Cluster),
            }
        }
        namespace if !reach.reaches(Some(namespace)) => refuse(OutOfReach::Namespace(namespace.to_owned())),
        _ => Ok(()),
    }
}
