//! What Flux does to an object before it applies it (fluxcd/pkg/ssa `normalize`).
//!
//! A built-in kind makes a trip through its Go type: unknown fields are lost, empty ones are left out or filled in as
//! the type has it, quantities and instants get their canonical text. So a typo in a Deployment is dropped in silence,
//! as Flux drops it, and two ways of writing the same object compare equal. An object that does not fit its type
//! stays as it is; the server will say what is wrong with it. Other kinds are left alone.

mod certificate;
mod instant;
mod quantity;
mod trip;
mod types;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{Object, order::is_definition};

pub use self::quantity::{NotAQuantity, canonical_quantity};

/// The object as Flux applies it:
///
/// - a built-in kind as its Go type writes it, Roles and ClusterRoles excepted;
/// - ports of containers and Services without a protocol get `TCP`, which is part of their key;
/// - a Secret's `stringData` is put into `data`;
/// - `status` is dropped, except that of a CustomResourceDefinition, and `metadata.creationTimestamp` is dropped
///   (Flux writes null);
/// - the `caBundle` of a CustomResourceDefinition that holds no certificate is dropped, since the server would refuse it.
///
/// ```
/// use airlock::object::{Object, normalize::normalize};
/// use serde_json::json;
/// let secret = json!({
///     "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "creationTimestamp": null},
///     "stringData": {"user": "admin"}, "typo": true,
/// });
/// let normal = normalize(Object::new(secret, "example")?);
/// assert_eq!(normal.into_value(), json!({
///     "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"user": "YWRtaW4="},
/// }));
/// # Ok::<(), airlock::object::ObjectError>(())
/// ```
pub fn normalize(mut object: Object) -> Object {
    // Their rules would be reordered by the types (kustomize-controller#1041).
    let role = object.api_version() == "rbac.authorization.k8s.io/v1"
        && matches!(object.kind(), "Role" | "ClusterRole");
    if !role {
        if let Some(mut fields) = typed(&object) {
            amend(&object, &mut fields);
            object.fields = fields;
        }
        if let Some(Value::Object(metadata)) = object.fields.get_mut("metadata") {
            metadata.remove("creationTimestamp");
        }
        if !is_definition(&object) {
            object.fields.remove("status");
        }
    }
    if is_definition(&object) {
        drop_invalid_bundle(&mut object.fields);
    }
    object
}

/// An object as drift is compared: a HorizontalPodAutoscaler without repeated or empty metrics, which dry-runs before
/// Kubernetes 1.27 return (`DryRunUnstructured`).
pub fn comparable(mut object: Object) -> Object {
    let Some(mut fields) = (object.kind() == "HorizontalPodAutoscaler").then(|| typed(&object)).flatten()
    else {
        return object;
    };
    if object.api_version() == "autoscaling/v2"
        && let Some(Value::Object(spec)) = fields.get_mut("spec")
        && let Some(Value::Array(metrics)) = spec.get_mut("metrics")
    {
        let mut kept: Vec<Value> = Vec::new();
        for metric in std::mem::take(metrics) {
            let empty = metric.get("type").and_then(Value::as_str).unwrap_or("").is_empty();
            if !empty && !kept.contains(&metric) {
                kept.push(metric);
            }
        }
        if kept.is_empty() {
            spec.remove("metrics");
        } else {
            *metrics = kept;
        }
    }
    object.fields = fields;
    object
}

/// The trip through the Go type, where there is one and the object fits.
fn typed(object: &Object) -> Option<Map<String, Value>> {
    let kind = types::of_kind(object.api_version(), object.kind())?;
    trip::through(&object.fields, kind).ok()
}

/// What the original changes in the typed object. Only these versions have a case of their own there.
fn amend(object: &Object, fields: &mut Map<String, Value>) {
    let pod: &[&str] = match (object.api_version(), object.kind()) {
        ("v1", "Pod") => &["spec"],
        ("apps/v1", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch/v1", "Job") => {
            &["spec", "template", "spec"]
        }
        ("batch/v1", "CronJob") => &["spec", "jobTemplate", "spec", "template", "spec"],
        ("v1", "Service") => {
            if let Some(spec) = below(fields, &["spec"]) {
                default_protocol(spec);
            }
            return;
        }
        ("v1", "Secret") => return merge_string_data(fields),
        _ => return,
    };
    // Init containers are not looked at.
    if let Some(Value::Array(containers)) = below(fields, pod).and_then(|spec| spec.get_mut("containers")) {
        containers.iter_mut().filter_map(Value::as_object_mut).for_each(default_protocol);
    }
}

fn below<'a>(fields: &'a mut Map<String, Value>, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    path.iter().try_fold(fields, |fields, key| fields.get_mut(*key)?.as_object_mut())
}

fn default_protocol(owner: &mut Map<String, Value>) {
    let Some(Value::Array(ports)) = owner.get_mut("ports") else { return };
    for port in ports.iter_mut().filter_map(Value::as_object_mut) {
        port.entry("protocol").or_insert_with(|| "TCP".into());
    }
}

fn merge_string_data(secret: &mut Map<String, Value>) {
    let Some(Value::Object(texts)) = secret.remove("stringData") else { return };
    let data = secret.entry("data").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(data) = data else { return };
    for (key, text) in texts {
        data.insert(key, STANDARD.encode(text.as_str().unwrap_or("")).into());
    }
}

fn drop_invalid_bundle(definition: &mut Map<String, Value>) {
    let Some(client) = below(definition, &["spec", "conversion", "webhook", "clientConfig"]) else { return };
    let Some(Value::String(bundle)) = client.get("caBundle") else { return };
    let valid = bundle.is_empty()
        || trip::decode_base64(bundle).is_some_and(|pem| pem.is_empty() || certificate::any_in_pem(&pem));
    if !valid {
        client.remove("caBundle");
    }
}
