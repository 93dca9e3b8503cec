//! What objects need from outside: images, and APIs that nobody has promised.

use std::collections::BTreeSet;

use airlock::object::{Object, order::is_definition, scope::Scopes};
use serde_json::Value;

use super::description::ImageField;

/// An image that an object names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    /// As it is written there.
    pub(super) image: String,
    /// The object and the field.
    pub(super) place: String,
}

/// The images that an object names: in every pod spec of it, wherever that stands (a Pod, a template of any kind that
/// runs pods, one of a custom resource), and in the declared fields.
pub(super) fn images(object: &Object, fields: &[ImageField]) -> BTreeSet<Named> {
    let mut found = BTreeSet::new();
    let (id, whole) = (object.id(), Value::Object(object.fields().clone()));
    let mut note = |image: &str, path: &str| {
        found.insert(Named { image: image.to_owned(), place: format!("{id}, {path}") });
    };
    // The schema of a CRD speaks of containers without having any.
    if !is_definition(object) {
        pod_specs(&whole, &mut String::new(), &mut note);
    }
    for field in fields.iter().filter(|it| it.kind == object.kind()) {
        if field.group.as_ref().is_none_or(|it| *it == object.gvk().group) {
            declared(&whole, &field.path, &field.path, &mut note);
        }
    }
    found
}

/// A mapping is a pod spec where one of these lists holds mappings with an `image`.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

fn pod_specs(value: &Value, path: &mut String, note: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Object(map) => {
            let lists = CONTAINERS.iter().filter_map(|name| Some((*name, map.get(*name)?.as_array()?)));
            let mut is_pod = false;
            for (name, list) in lists {
                for (at, container) in list.iter().enumerate() {
                    if let Some(image) = container.get("image").and_then(Value::as_str) {
                        is_pod = true;
                        note(image, &format!("{path}.{name}[{at}].image"));
                    }
                }
            }
            let volumes = map.get("volumes").and_then(Value::as_array).filter(|_| is_pod);
            for (at, volume) in volumes.into_iter().flatten().enumerate() {
                if let Some(image) =
                    volume.get("image").and_then(|it| it.get("reference")).and_then(Value::as_str)
                {
                    note(image, &format!("{path}.volumes[{at}].image.reference"));
                }
            }
            for (name, inner) in map {
                within(path, &format!(".{name}"), |path| pod_specs(inner, path, note));
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                within(path, &format!("[{at}]"), |path| pod_specs(inner, path, note));
            }
        }
        _ => (),
    }
}

fn within(path: &mut String, step: &str, walk: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push_str(step);
    walk(path);
    path.truncate(length);
}

/// Follows a path such as `spec.components[].image`; `*` is every name.
fn declared(value: &Value, path: &str, whole: &str, note: &mut impl FnMut(&str, &str)) {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let (name, each) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
    let named: Vec<&Value> = match (name, value) {
        ("*", Value::Object(map)) => map.values().collect(),
        (name, Value::Object(map)) => map.get(name).into_iter().collect(),
        _ => Vec::new(),
    };
    let items = |it: &Value| it.as_array().cloned().unwrap_or_default();
    let reached: Vec<Value> =
        named.into_iter().flat_map(|it| if each { items(it) } else { vec![it.clone()] }).collect();
    for value in reached {
        match (rest, &value) {
            (Some(rest), _) => declared(&value, rest, whole, note),
            (None, Value::String(image)) => note(image, whole),
            _ => (),
        }
    }
}

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
