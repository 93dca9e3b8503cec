//! What an API server refuses at once: missing fields, wrong names, and changes of what cannot change.

use serde_json::{Map, Value};

use super::{
    core::{invalid, refuse},
    serve::Kind,
};
use crate::{
    cluster::Error,
    object::{Gvk, Object},
};

const IMMUTABLE: &str = "field is immutable";

/// Fields that stay as they were made: group, kind, path, what the server assumes where it is not written, and its words.
const FIXED: [(&str, &str, &str, &str, &str); 23] = [
    ("apps", "Deployment", "/spec/selector", "", IMMUTABLE),
    ("apps", "DaemonSet", "/spec/selector", "", IMMUTABLE),
    ("apps", "ReplicaSet", "/spec/selector", "", IMMUTABLE),
    ("batch", "Job", "/spec/template", "", IMMUTABLE),
    ("batch", "Job", "/spec/selector", "", IMMUTABLE),
    ("batch", "Job", "/spec/completions", "", IMMUTABLE),
    ("batch", "Job", "/spec/completionMode", "NonIndexed", IMMUTABLE),
    ("", "Secret", "/type", "Opaque", IMMUTABLE),
    ("rbac.authorization.k8s.io", "RoleBinding", "/roleRef", "", IMMUTABLE),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", "/roleRef", "", IMMUTABLE),
    ("storage.k8s.io", "StorageClass", "/provisioner", "", IMMUTABLE),
    ("storage.k8s.io", "StorageClass", "/parameters", "", "updates to parameters are forbidden."),
    ("storage.k8s.io", "StorageClass", "/reclaimPolicy", "Delete", IMMUTABLE),
    ("storage.k8s.io", "StorageClass", "/volumeBindingMode", "Immediate", IMMUTABLE),
    ("scheduling.k8s.io", "PriorityClass", "/value", "", IMMUTABLE),
    ("node.k8s.io", "RuntimeClass", "/handler", "", IMMUTABLE),
    ("networking.k8s.io", "IngressClass", "/spec/controller", "", IMMUTABLE),
    ("", "PersistentVolume", "/spec/csi", "", "spec.persistentvolumesource is immutable after creation"),
    ("", "PersistentVolume", "/spec/nfs", "", "spec.persistentvolumesource is immutable after creation"),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "/spec/group", "", IMMUTABLE),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "/spec/scope", "", IMMUTABLE),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "/spec/names/kind", "", IMMUTABLE),
    ("apps", "StatefulSet", "/spec/serviceName", "", IMMUTABLE),
];

/// What may change in a StatefulSet's `spec`, and what is judged by itself above.
const STATEFUL_SET: [&str; 8] = [
    "minReadySeconds",
    "ordinals",
    "persistentVolumeClaimRetentionPolicy",
    "replicas",
    "revisionHistoryLimit",
    "serviceName",
    "template",
    "updateStrategy",
];

const STATEFUL_SET_SAYS: &str = "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', \
     'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are \
     forbidden";

const CLAIM_SAYS: &str = "spec: Forbidden: spec is immutable after creation except resources.requests and \
     volumeAttributesClassName for bound claims";

const POD_SAYS: &str = "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`, \
     `spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing \
     tolerations), `spec.terminationGracePeriodSeconds`; the field is immutable";

/// Whether a change is one that the server makes.
pub(super) fn change(gvk: &Gvk, live: &Object, new: &Value) -> Result<(), Error> {
    let mut causes = Vec::new();
    let before = Value::Object(live.fields().clone());
    for (group, kind, path, default, says) in FIXED {
        if !gvk.is(group, kind) {
            continue;
        }
        let assumed = Value::from(default);
        let of = |object: &'_ Value| {
            let found = object.pointer(path).filter(|it| !it.is_null()).cloned();
            found.or_else(|| (!default.is_empty()).then(|| assumed.clone()))
        };
        let (was, is) = (of(&before), of(new));
        if was != is {
            let name = path.trim_start_matches('/').replace('/', ".");
            causes.push(format!("{name}: Invalid value: {}: {says}", is.unwrap_or(Value::Null)));
        }
    }
    let same =
        |a: Option<&Value>, b: Option<&Value>| a.filter(|it| !it.is_null()) == b.filter(|it| !it.is_null());
    let spec = |object: &Value, may: &[&str]| -> Map<String, Value> {
        let mut spec = object.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
        spec.retain(|key, _| !may.contains(&key.as_str()));
        spec
    };
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "ConfigMap" | "Secret") if before.get("immutable") == Some(&Value::Bool(true)) => {
            for field in ["immutable", "data", "binaryData"] {
                if !same(before.get(field), new.get(field)) {
                    causes.push(format!("{field}: Forbidden: field is immutable when `immutable` is set"));
                }
            }
        }
        ("apps", "StatefulSet") if spec(&before, &STATEFUL_SET) != spec(new, &STATEFUL_SET) => {
            causes.push(STATEFUL_SET_SAYS.to_owned());
        }
        ("", "PersistentVolumeClaim") => {
            let of = |object: &Value| {
                // The binder fills the name in.
                let may = ["volumeAttributesClassName", "volumeName", "resources"];
                (spec(object, &may), object.pointer("/spec/resources/limits").cloned())
            };
            if of(&before) != of(new) {
                causes.push(CLAIM_SAYS.to_owned());
            }
        }
        ("", "Pod") if pod_spec(&before) != pod_spec(new) => causes.push(POD_SAYS.to_owned()),
        ("", "Service") => {
            let (was, is) = (before.pointer("/spec/clusterIP"), new.pointer("/spec/clusterIP"));
            if let (Some(was), Some(is)) = (was, is)
                && was != is
                && before.pointer("/spec/type") == new.pointer("/spec/type")
            {
                causes.push(format!("spec.clusterIP: Invalid value: {is}: {IMMUTABLE}"));
            }
        }
        _ => {}
    }
    if causes.is_empty() { Ok(()) } else { Err(invalid(gvk, live.name(), &causes)) }
}

/// A pod's `spec` without what may change.
fn pod_spec(pod: &Value) -> Value {
    let mut spec = pod.get("spec").cloned().unwrap_or(Value::Null);
    if let Some(fields) = spec.as_object_mut() {
        for key in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"] {
            fields.remove(key);
        }
        for key in ["containers", "initContainers"] {
            for container in fields.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(container) = container.as_object_mut() {
                    container.remove("image");
                }
            }
        }
    }
    spec
}

/// Whether an object is one of its kind.
pub(super) fn object(kind: &Kind, object: &Value) -> Result<(), Error> {
    let gvk = &kind.resource.gvk;
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("");
    let mut causes = Vec::new();
    if let Some(rule) = name_rule(gvk, name) {
        causes.push(format!("metadata.name: Invalid value: {name:?}: {rule}"));
    }
    for (key, value) in object.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().unwrap_or("");
        if !is_label_value(value) {
            causes.push(format!("metadata.labels: Invalid value: {value:?}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"));
        }
        if !is_label_value(key.rsplit('/').next().unwrap_or("")) {
            causes.push(format!("metadata.labels: Invalid value: {key:?}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"));
        }
    }
    if gvk.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or("");
        let wants = format!("{}.{}", text("/spec/names/plural"), text("/spec/group"));
        if name != wants {
            causes.push(format!(
                "metadata.name: Invalid value: {name:?}: must be spec.names.plural+\".\"+spec.group"
            ));
        }
        if object.pointer("/spec/versions").and_then(Value::as_array).is_none_or(|it| it.is_empty()) {
            causes.push(
                "spec.versions: Invalid value: null: must have exactly one version marked as storage version"
                    .to_owned(),
            );
        }
    }
    let workload = gvk.group == "apps"
        && matches!(gvk.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet");
    if workload {
        selector(object, &mut causes);
    }
    let pod_spec = match gvk.kind.as_str() {
        _ if workload || gvk.is("batch", "Job") => Some("/spec/template/spec"),
        "CronJob" if gvk.group == "batch" => Some("/spec/jobTemplate/spec/template/spec"),
        "Pod" if gvk.group.is_empty() => Some("/spec"),
        _ => None,
    };
    if let Some(path) = pod_spec {
        containers(object, path, &mut causes);
    }
    if kind.is_custom()
        && let super::schema::Schema::Definition(node) = kind.schema()
    {
        custom(node, object, "", 0, &mut causes);
    }
    if causes.is_empty() { Ok(()) } else { Err(invalid(gvk, name, &causes)) }
}

fn selector(object: &Value, causes: &mut Vec<String>) {
    let wanted = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let expressions = object.pointer("/spec/selector/matchExpressions").is_some();
    let Some(wanted) = wanted.filter(|it| !it.is_empty()) else {
        if !expressions {
            causes.push("spec.selector: Required value".to_owned());
        }
        return;
    };
    let labels = object.pointer("/spec/template/metadata/labels");
    if wanted.iter().any(|(key, value)| labels.and_then(|it| it.get(key)) != Some(value)) {
        let labels = labels.unwrap_or(&Value::Null);
        causes.push(format!("spec.template.metadata.labels: Invalid value: {labels}: `selector` does not match template `labels`"));
    }
}

fn containers(object: &Value, path: &str, causes: &mut Vec<String>) {
    let dotted = path.trim_start_matches('/').replace('/', ".");
    let list = object.pointer(&format!("{path}/containers")).and_then(Value::as_array);
    let Some(list) = list.filter(|it| !it.is_empty()) else {
        causes.push(format!("{dotted}.containers: Required value"));
        return;
    };
    for (at, container) in list.iter().enumerate() {
        for key in ["name", "image"] {
            if container.get(key).and_then(Value::as_str).is_none_or(str::is_empty) {
                causes.push(format!("{dotted}.containers[{at}].{key}: Required value"));
            }
        }
    }
}

/// The rules of a definition's schema that stand for most mistakes: types, required fields, enumerations.
fn custom(node: &Value, value: &Value, path: &str, depth: usize, causes: &mut Vec<String>) {
    const DEPTH: usize = 64;
    if value.is_null() || depth > DEPTH || path == "metadata" {
        return;
    }
    let step = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let either = node.get("x-kubernetes-int-or-string").and_then(Value::as_bool) == Some(true);
    let fits = match node.get("type").and_then(Value::as_str) {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|it| it.fract() == 0.0)
        }
        Some("number") => value.is_number(),
        _ => true,
    };
    if !fits && !either {
        let wanted = node.get("type").and_then(Value::as_str).unwrap_or("");
        let found = match value {
            Value::Object(_) => "object",
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Bool(_) => "boolean",
            _ => "number",
        };
        causes.push(format!(
            "{path}: Invalid value: {found:?}: {path} in body must be of type {wanted}: {found:?}"
        ));
        return;
    }
    if let Some(allowed) = node.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        causes.push(format!("{path}: Unsupported value: {value}: supported values: {}", allowed.join(", ")));
    }
    match value {
        Value::Object(map) => {
            for key in
                node.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
            {
                if !map.contains_key(key) {
                    causes.push(format!("{}: Required value", step(key)));
                }
            }
            for (key, value) in map {
                let below = node
                    .get("properties")
                    .and_then(|it| it.get(key))
                    .or_else(|| node.get("additionalProperties"));
                if let Some(below) = below {
                    custom(below, value, &step(key), depth + 1, causes);
                }
            }
        }
        Value::Array(items) => {
            if let Some(below) = node.get("items") {
                for (at, item) in items.iter().enumerate() {
                    custom(below, item, &format!("{path}[{at}]"), depth + 1, causes);
                }
            }
        }
        _ => {}
    }
}

/// What is wrong with a name, in Kubernetes' words.
fn name_rule(gvk: &Gvk, name: &str) -> Option<&'static str> {
    if gvk.group == "rbac.authorization.k8s.io" {
        // Any path segment; the door of `Object` has checked that.
        return None;
    }
    let label = |text: &str| {
        let bytes = text.as_bytes();
        !bytes.is_empty()
            && bytes.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-')
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-')
    };
    if gvk.is("", "Namespace") || gvk.is("", "Service") {
        return (!label(name) || name.len() > 63).then_some("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character");
    }
    (!name.split('.').all(label) || name.len() > 253).then_some("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character")
}

fn is_label_value(text: &str) -> bool {
    let bytes = text.as_bytes();
    let end = |c: Option<&u8>| c.is_none_or(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && bytes.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
        && end(bytes.first())
        && end(bytes.last())
}

/// Namespaces that stay.
pub(super) fn deletion(kind: &Kind, name: &str) -> Result<(), Error> {
    if kind.resource.gvk.is("", "Namespace") && matches!(name, "default" | "kube-system" | "kube-public") {
        let text = format!("namespaces {name:?} is forbidden: this namespace may not be deleted");
        return Err(refuse(403, "Forbidden", text));
    }
    Ok(())
}
