//! APIs that objects need and that nobody has promised.

use airlock::object::{Object, order::is_definition, scope::Scopes};
use serde_json::Value;

/// The APIs that a custom resource definition brings: `group/version/Kind`.
pub(super) fn brings(object: &Object) -> Vec<String> {
    if !is_definition(object) {
        return Vec::new();
    }
    let (group, kind) = (object.text(&["spec", "group"]), object.text(&["spec", "names", "kind"]));
    let (Some(group), Some(kind)) = (group, kind) else { return Vec::new() };
    let versions = object.get(&["spec", "versions"]).and_then(Value::as_array);
    let names = versions.into_iter().flatten().filter_map(|it| it.get("name").and_then(Value::as_str));
    names.map(|version| format!("{group}/{version}/{kind}")).collect()
}

/// The API that an object needs, where Kubernetes itself does not bring it.
pub(super) fn needs(object: &Object) -> Option<String> {
    let gvk = object.gvk();
    let own = Scopes::built_in().of(&gvk.group_kind()).is_some();
    (!own).then(|| format!("{}/{}", object.api_version(), gvk.kind))
}
