//! The images that an object names.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Object;

/// An image that an object names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// As it is written there.
    pub image: String,
    /// The object and the field.
    pub place: String,
}

/// A field that names an image in a kind whose shape only its author knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageField {
    /// The API group; any where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The kind.
    pub kind: String,
    /// The path: `spec.image`, `spec.components[].image`, `spec.images.*`.
    pub path: String,
}

/// A mapping is a pod spec where one of these lists holds mappings with an `image`.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The images that an object names: in every pod spec of it, wherever that stands (a Pod, a template of any kind that
/// runs pods, one of a custom resource), and in the declared fields.
pub fn images(object: &Object, fields: &[ImageField]) -> BTreeSet<Named> {
    let id = object.id();
    let mut found = BTreeSet::new();
    let mut note = |image: &str, path: &str| {
        found.insert(Named { image: image.to_owned(), place: format!("{id}, {path}") });
    };
    // The schema of a definition speaks of containers without having any.
    if id.group_kind.kind != "CustomResourceDefinition" {
        for (name, value) in object.fields() {
            pod_specs(value, &mut name.clone(), &mut note);
        }
    }
    for field in fields.iter().filter(|it| it.kind == id.group_kind.kind) {
        if field.group.as_ref().is_none_or(|it| *it == id.group_kind.group) {
            let (first, rest) = field.path.split_once('.').unwrap_or((&field.path, ""));
            let start = object.fields().get(first.trim_end_matches("[]"));
            if let Some(value) = start {
                declared(value, first.ends_with("[]"), rest, &field.path, &mut note);
            }
        }
    }
    found
}

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
                let reference = volume.get("image").and_then(|it| it.get("reference"));
                if let Some(image) = reference.and_then(Value::as_str) {
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

/// Goes on along a declared path: `each` says that `value` is a list whose items are meant.
fn declared(value: &Value, each: bool, path: &str, whole: &str, note: &mut impl FnMut(&str, &str)) {
    if each {
        for item in value.as_array().into_iter().flatten() {
            declared(item, false, path, whole, note);
        }
        return;
    }
    if path.is_empty() {
        if let Value::String(image) = value {
            note(image, whole);
        }
        return;
    }
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let (name, each) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
    let Value::Object(map) = value else { return };
    for (_, inner) in map.iter().filter(|(it, _)| name == "*" || *it == name) {
        declared(inner, each, rest, whole, note);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn images_are_found_wherever_pods_are_described() {
        let object = json!({"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "f"},
            "spec": {"image": "not/a-pod", "engine": {"parts": [{"image": "declared"}, {"other": 1}]},
                "crew": [{"podTemplate": {"spec": {"initContainers": [{"name": "a", "image": "one"}],
                    "containers": [{"name": "b", "image": "two"}, {"name": "c"}],
                    "volumes": [{"name": "v", "image": {"reference": "three"}}]}}}]}});
        let object = Object::new(object, "it").unwrap();
        let field =
            ImageField { group: None, kind: "Fleet".into(), path: "spec.engine.parts[].image".into() };
        let found: Vec<(String, String)> =
            images(&object, &[field]).into_iter().map(|it| (it.image, it.place)).collect();
        let expect = [
            ("declared", "Fleet/f, spec.engine.parts[].image"),
            ("one", "Fleet/f, spec.crew[0].podTemplate.spec.initContainers[0].image"),
            ("three", "Fleet/f, spec.crew[0].podTemplate.spec.volumes[0].image.reference"),
            ("two", "Fleet/f, spec.crew[0].podTemplate.spec.containers[0].image"),
        ];
        assert_eq!(found, expect.map(|(image, place)| (image.to_owned(), place.to_owned())));
    }
}
