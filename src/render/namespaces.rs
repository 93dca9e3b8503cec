//! Where objects live: namespaces for those that name none, and none for those that have none.

use super::{Answers, Needs, Place, Why};
use crate::{
    name::Namespace,
    object::{
        GroupKind, Object,
        order::is_definition,
        scope::{Scope, Scopes},
    },
};

/// Gives every namespaced object a namespace, and takes it away from what lives in the cluster as a whole, as the
/// server would. Gives back the scopes that were found, or what the cluster must be asked first.
///
/// A kind that not even the cluster knows is taken for a namespaced one, as Kustomize does, but is not given a
/// namespace where there is no target.
///
/// # Errors
/// When an object would have to be in a namespace and there is none.
pub(super) fn settle(
    objects: &mut [(Object, Place)],
    target: Option<&Namespace>,
    answers: &Answers,
) -> Result<Result<Scopes, Needs>, Why> {
    let mut scopes = defined(objects);
    let mut needs = Needs::default();
    for (object, _) in objects.iter() {
        let kind = object.gvk().group_kind();
        match (scopes.of(&kind), answers.scopes.get(&kind)) {
            (None, None) => {
                needs.scopes.insert(kind);
            }
            (None, Some(Some(scope))) => scopes.insert(kind, *scope),
            _ => (),
        }
    }
    if !needs.scopes.is_empty() {
        return Ok(Err(needs));
    }
    for (object, place) in objects.iter_mut() {
        match (scopes.of(&object.gvk().group_kind()), object.namespace()) {
            (Some(Scope::Cluster), Some(_)) => object.set_namespace(""),
            (Some(Scope::Cluster), None) | (_, Some(_)) => (),
            (scope, None) => match (target, scope) {
                (Some(target), _) => object.set_namespace(target.as_str()),
                (None, Some(Scope::Namespaced)) => {
                    return Err(Why::NoNamespace { id: object.id().into(), place: place.clone() });
                }
                (None, _) => (),
            },
        }
    }
    Ok(Ok(scopes))
}

/// The scopes of built-in kinds, and of those that definitions among the objects bring. A definition of a kind that
/// Kubernetes has itself says nothing: the server would not believe it either.
fn defined(objects: &[(Object, Place)]) -> Scopes {
    let built_in = Scopes::built_in();
    let mut scopes = Scopes::built_in();
    for (object, _) in objects.iter().filter(|(object, _)| is_definition(object)) {
        let text = |path: &[&str]| object.text(path).unwrap_or_default().to_owned();
        let kind = GroupKind { group: text(&["spec", "group"]), kind: text(&["spec", "names", "kind"]) };
        if built_in.of(&kind).is_none() {
            scopes.define(object);
        }
    }
    scopes
}
