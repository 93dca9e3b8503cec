//! What every cluster does, whoever implements the port: run against a directory here, and against a real API server
//! wherever there is one.

mod watches;

use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

use airlock::{
    cluster::{
        ApplyOptions, Cluster, CreateOptions, DeleteOptions, Error, ListOptions, PropagationPolicy,
        Reference, ResourceVersion, UpdateOptions,
    },
    object::Object,
};
use serde_json::{Value, json};

use self::watches::{events, expiry, impersonation, leases, watching, watching_by_label};
use super::{code, eventually, gone, gvk, object};

/// A cluster to be tried.
pub(crate) struct Peer {
    pub(crate) cluster: Arc<dyn Cluster>,
    /// Makes it forget its history.
    pub(crate) expire: Box<dyn Fn() + Send + Sync>,
}

type Check = for<'a> fn(&'a Peer, &'a str) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), |peer, namespace| Box::pin($name(peer, namespace)))),*]
    };
}

const CHECKS: &[(&str, Check)] = checks![
    discovery,
    reading,
    applying,
    conflicts,
    dry_runs,
    creating,
    updating,
    patching,
    generations,
    statuses,
    deleting,
    finalizers,
    owners,
    namespaces,
    definitions,
    immutable_fields,
    invalid_objects,
    watching,
    watching_by_label,
    expiry,
    leases,
    events,
    impersonation,
];

/// Every check, each in a namespace of its own.
pub(crate) async fn run(peer: &Peer) {
    for (name, check) in CHECKS {
        let namespace = format!("conformance-{}", name.replace('_', "-"));
        make(peer, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})).await;
        eprintln!("conformance: {name}");
        check(peer, &namespace).await;
        let reference = Reference::new(gvk("v1", "Namespace"), "", &namespace);
        peer.cluster.delete(&reference, &DeleteOptions::default()).await.unwrap();
    }
}

async fn make(peer: &Peer, value: Value) -> Object {
    peer.cluster.create(&object(value), &CreateOptions::by("maker")).await.unwrap()
}

async fn apply(peer: &Peer, value: Value, manager: &str) -> Result<Object, Error> {
    let options = ApplyOptions { field_manager: manager.to_owned(), force: false, dry_run: false };
    peer.cluster.apply(&object(value), &options).await
}

async fn force(peer: &Peer, value: Value, manager: &str) -> Result<Object, Error> {
    peer.cluster.apply(&object(value), &ApplyOptions::force(manager)).await
}

fn config_map(namespace: &str, name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data})
}

fn deployment(namespace: &str, name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    })
}

fn reference(object: &Object) -> Reference {
    Reference::of(object)
}

async fn version_now(peer: &Peer, namespace: &str) -> ResourceVersion {
    let listed =
        peer.cluster.list_metadata(&gvk("v1", "ConfigMap"), &ListOptions::in_namespace(namespace)).await;
    listed.unwrap().1
}

async fn discovery(peer: &Peer, _: &str) {
    let version = peer.cluster.version().await.unwrap();
    assert_eq!(version.major, "1");
    assert!(version.git_version.starts_with("v1."), "{version:?}");
    let resources = peer.cluster.resources().await.unwrap();
    for (api_version, kind, plural, namespaced) in [
        ("v1", "ConfigMap", "configmaps", true),
        ("v1", "Namespace", "namespaces", false),
        ("apps/v1", "Deployment", "deployments", true),
        ("networking.k8s.io/v1", "Ingress", "ingresses", true),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
        ("coordination.k8s.io/v1", "Lease", "leases", true),
    ] {
        let found = peer.cluster.resource(&gvk(api_version, kind)).await.unwrap();
        assert_eq!((found.plural.as_str(), found.namespaced), (plural, namespaced), "{kind}");
        assert!(resources.contains(&found), "{kind}");
    }
    for (api_version, kind) in
        [("v1", "Widget"), ("apps/v1beta1", "Deployment"), ("example.org/v1", "ConfigMap")]
    {
        let error = peer.cluster.resource(&gvk(api_version, kind)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("no matches for kind \"{kind}\" in version \"{api_version}\""));
    }
    let nowhere = Reference::new(gvk("example.org/v1", "Widget"), "default", "x");
    assert_eq!(code(&peer.cluster.get(&nowhere).await), "no_match");
    let widget = json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "x", "namespace": "default"}});
    assert_eq!(code(&force(peer, widget, "ours").await), "no_match");
}

async fn reading(peer: &Peer, namespace: &str) {
    for (name, label) in [("a", "one"), ("b", "two"), ("c", "one")] {
        let mut value = config_map(namespace, name, json!({}));
        value["metadata"]["labels"] = json!({"team": label});
        make(peer, value).await;
    }
    let all = ListOptions::in_namespace(namespace);
    for (options, wants) in [
        (all.clone().labelled("team", "one"), vec!["a", "c"]),
        (all.clone().labelled("team", "three"), vec![]),
        (all.clone().labelled("other", "one"), vec![]),
        (ListOptions::in_namespace("no-such-namespace"), vec![]),
    ] {
        let (objects, _) = peer.cluster.list(&gvk("v1", "ConfigMap"), &options).await.unwrap();
        assert_eq!(objects.iter().map(Object::name).collect::<Vec<_>>(), wants, "{options:?}");
        let (metadata, _) = peer.cluster.list_metadata(&gvk("v1", "ConfigMap"), &options).await.unwrap();
        assert_eq!(metadata.iter().map(|it| it.as_object().name()).collect::<Vec<_>>(), wants);
        assert!(metadata.iter().all(|it| it.as_object().get(&["data"]).is_none()));
    }
    let missing = Reference::new(gvk("v1", "ConfigMap"), namespace, "none");
    let error = peer.cluster.get(&missing).await.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.reason()),
        ("configmaps \"none\" not found", Some("NotFound"))
    );
}

async fn applying(peer: &Peer, namespace: &str) {
    let first = apply(peer, config_map(namespace, "a", json!({"x": "1", "y": "1"})), "ours").await.unwrap();
    assert!(first.uid().is_some() && first.resource_version().is_some() && first.created().is_some());
    let again = apply(peer, config_map(namespace, "a", json!({"x": "1", "y": "1"})), "ours").await.unwrap();
    assert_eq!(again.resource_version(), first.resource_version(), "nothing changed, so nothing is written");
    assert_eq!(peer.cluster.get(&reference(&first)).await.unwrap(), first);

    let mut theirs = first.clone().into_value();
    theirs["data"]["foreign"] = json!("f");
    peer.cluster.update(&object(theirs), &UpdateOptions::by("theirs")).await.unwrap();
    let dropped = apply(peer, config_map(namespace, "a", json!({"x": "2"})), "ours").await.unwrap();
    assert_eq!(dropped.get(&["data"]), Some(&json!({"x": "2", "foreign": "f"})));
    assert_eq!(dropped.uid(), first.uid());
    let owners: BTreeMap<String, Value> = dropped
        .get(&["metadata", "managedFields"])
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                format!("{} {}", it["manager"].as_str().unwrap(), it["operation"].as_str().unwrap()),
                it["fieldsV1"].clone(),
            )
        })
        .collect();
    assert_eq!(owners["ours Apply"], json!({"f:data": {"f:x": {}}}));
    assert_eq!(owners["theirs Update"], json!({"f:data": {"f:foreign": {}}}));

    // Lists with keys: a side-car that someone else adds stays, ours moves on.
    let made = apply(peer, deployment(namespace, "d", "app:1"), "ours").await.unwrap();
    let mut injected = made.into_value();
    let containers = injected["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
    containers.push(json!({"name": "side", "image": "side:1"}));
    // Controllers write in between, so the version is left out.
    injected["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    peer.cluster.update(&object(injected), &UpdateOptions::by("injector")).await.unwrap();
    let moved = apply(peer, deployment(namespace, "d", "app:2"), "ours").await.unwrap();
    let containers = moved.get(&["spec", "template", "spec", "containers"]).unwrap().as_array().unwrap();
    let images: Vec<_> = containers.iter().map(|it| it["image"].as_str().unwrap()).collect();
    assert_eq!(images, ["app:2", "side:1"]);

    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": namespace}, "stringData": {"k": "v"}});
    let secret = peer.cluster.create(&object(secret), &CreateOptions::by("ours")).await.unwrap();
    assert_eq!((secret.get(&["data"]), secret.get(&["stringData"])), (Some(&json!({"k": "dg=="})), None));
}

async fn conflicts(peer: &Peer, namespace: &str) {
    apply(peer, config_map(namespace, "a", json!({"x": "1", "y": "1"})), "one").await.unwrap();
    let error = apply(peer, config_map(namespace, "a", json!({"x": "2"})), "two").await.unwrap_err();
    assert_eq!(error.to_string(), "Apply failed with 1 conflict: conflict with \"one\": .data.x");
    let Error::Conflict { fields, .. } = error else { panic!("{error:?}") };
    assert_eq!((fields[0].field.as_str(), fields[0].message.as_str()), (".data.x", "conflict with \"one\""));
    let taken = force(peer, config_map(namespace, "a", json!({"x": "2"})), "two").await.unwrap();
    assert_eq!(taken.get(&["data"]), Some(&json!({"x": "2", "y": "1"})));
    // What was taken over is not theirs to remove any more.
    let rest = apply(peer, config_map(namespace, "a", json!({})), "one").await.unwrap();
    assert_eq!(rest.get(&["data"]), Some(&json!({"x": "2"})));
    // The same value is nobody's loss.
    let shared = apply(peer, config_map(namespace, "a", json!({"x": "2"})), "three").await;
    assert_eq!(code(&shared), "ok");
}

async fn dry_runs(peer: &Peer, namespace: &str) {
    let value = config_map(namespace, "a", json!({"x": "1"}));
    let would = peer.cluster.apply(&object(value.clone()), &ApplyOptions::dry_run("ours")).await.unwrap();
    assert_eq!(would.get(&["data"]), Some(&json!({"x": "1"})));
    assert_eq!(
        would.resource_version(),
        None,
        "what is not there has no version, by which it is known to be new"
    );
    assert_eq!(code(&peer.cluster.get(&reference(&would)).await), "not_found");
    let options = CreateOptions { dry_run: true, ..CreateOptions::by("ours") };
    peer.cluster.create(&object(value.clone()), &options).await.unwrap();
    assert_eq!(code(&peer.cluster.get(&reference(&would)).await), "not_found");

    let made = apply(peer, value, "ours").await.unwrap();
    let changed = object(config_map(namespace, "a", json!({"x": "2"})));
    let would = peer.cluster.apply(&changed, &ApplyOptions::dry_run("ours")).await.unwrap();
    assert_eq!(would.get(&["data"]), Some(&json!({"x": "2"})));
    assert_eq!((would.uid(), would.resource_version()), (made.uid(), made.resource_version()));
    let options = UpdateOptions { dry_run: true, ..UpdateOptions::by("ours") };
    peer.cluster.update(&changed, &options).await.unwrap();
    let delete = DeleteOptions { dry_run: true, ..DeleteOptions::default() };
    peer.cluster.delete(&reference(&made), &delete).await.unwrap();
    assert_eq!(peer.cluster.get(&reference(&made)).await.unwrap(), made, "nothing of it was written");

    // What a write would be refused for, a dry-run is refused for.
    let nowhere = object(config_map("no-such-namespace", "a", json!({})));
    let error = peer.cluster.apply(&nowhere, &ApplyOptions::dry_run("ours")).await.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.reason()),
        ("namespaces \"no-such-namespace\" not found", Some("NotFound"))
    );
}

async fn creating(peer: &Peer, namespace: &str) {
    let made = make(peer, config_map(namespace, "a", json!({"x": "1"}))).await;
    let again = peer
        .cluster
        .create(&object(config_map(namespace, "a", json!({"x": "2"}))), &CreateOptions::by("two"))
        .await;
    let error = again.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.reason()),
        ("configmaps \"a\" already exists", Some("AlreadyExists"))
    );
    assert_eq!(peer.cluster.get(&reference(&made)).await.unwrap(), made);
}

async fn updating(peer: &Peer, namespace: &str) {
    let made = make(peer, config_map(namespace, "a", json!({"x": "1"}))).await;
    let with = |key: &str, value: &str| {
        let mut changed = config_map(namespace, "a", json!({"x": "2"}));
        changed["metadata"][key] = json!(value);
        object(changed)
    };
    let by = UpdateOptions::by("ours");
    let second =
        peer.cluster.update(&with("resourceVersion", made.resource_version().unwrap()), &by).await.unwrap();
    assert_ne!(second.resource_version(), made.resource_version());
    let stale = peer
        .cluster
        .update(&with("resourceVersion", made.resource_version().unwrap()), &by)
        .await
        .unwrap_err();
    assert_eq!(
        stale.to_string(),
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again"
    );
    assert!(matches!(stale, Error::Conflict { .. }));
    let other = "11111111-1111-4111-8111-111111111111";
    assert_eq!(code(&peer.cluster.update(&with("uid", other), &by).await), "conflict");
    let missing = object(config_map(namespace, "none", json!({})));
    assert_eq!(code(&peer.cluster.update(&missing, &by).await), "not_found");
    // A replacement takes away what it does not name, whoever owns it.
    let replaced = peer.cluster.update(&object(config_map(namespace, "a", json!({}))), &by).await.unwrap();
    assert!(replaced.get(&["data"]).is_none_or(|it| *it == json!({})));
}

async fn patching(peer: &Peer, namespace: &str) {
    let made = apply(peer, config_map(namespace, "a", json!({"x": "1"})), "old").await.unwrap();
    let at = reference(&made);
    let by = UpdateOptions::by("ours");
    let patch = [
        json!({"op": "test", "path": "/data/x", "value": "1"}),
        json!({"op": "replace", "path": "/data/x", "value": "2"}),
    ];
    let patched = peer.cluster.patch(&at, &patch, &by).await.unwrap();
    assert_eq!(patched.text(&["data", "x"]), Some("2"));
    assert_eq!(
        code(&peer.cluster.patch(&at, &patch, &by).await),
        "invalid",
        "the test does not hold any more"
    );
    // Managed fields can be rewritten, which is how a manager's fields are handed to another.
    let fields = json!([{
        "manager": "ours", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "time": "2026-01-02T03:04:05Z", "fieldsV1": {"f:data": {"f:x": {}}},
    }]);
    let version = patched.resource_version().unwrap();
    let patch = [
        json!({"op": "replace", "path": "/metadata/managedFields", "value": fields}),
        json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}),
    ];
    peer.cluster.patch(&at, &patch, &by).await.unwrap();
    let emptied = apply(peer, config_map(namespace, "a", json!({})), "ours").await.unwrap();
    assert_eq!(emptied.text(&["data", "x"]), None, "it was ours to drop");
    assert_eq!(code(&peer.cluster.patch(&at, &patch, &by).await), "conflict", "the version has moved on");
}

async fn generations(peer: &Peer, namespace: &str) {
    let first = apply(peer, deployment(namespace, "d", "app:1"), "ours").await.unwrap();
    assert_eq!(first.generation(), Some(1));
    let mut labelled = deployment(namespace, "d", "app:1");
    labelled["metadata"]["labels"] = json!({"a": "b"});
    assert_eq!(
        apply(peer, labelled, "ours").await.unwrap().generation(),
        Some(1),
        "labels are no change of what is wanted"
    );
    assert_eq!(apply(peer, deployment(namespace, "d", "app:2"), "ours").await.unwrap().generation(), Some(2));
    assert_eq!(make(peer, config_map(namespace, "a", json!({}))).await.generation(), None);
}

fn definition(name: &str, group: &str) -> Value {
    let lower = name.to_ascii_lowercase();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{lower}s.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": name, "plural": format!("{lower}s"), "singular": lower, "listKind": format!("{name}List")},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "required": ["size"], "properties": {
                        "size": {"type": "integer"},
                        "mode": {"type": "string", "enum": ["fast", "safe"]},
                        "parts": {
                            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                            "items": {"type": "object", "required": ["name"], "properties": {
                                "name": {"type": "string"}, "value": {"type": "string"},
                            }},
                        },
                        "plain": {"type": "array", "items": {"type": "string"}},
                    }},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                }}},
            }],
        },
    })
}

async fn define(peer: &Peer, kind: &str, group: &str) -> Reference {
    let made = force(peer, definition(kind, group), "ours").await.unwrap();
    eventually("the definition is established", async || {
        let live = peer.cluster.get(&reference(&made)).await.unwrap();
        let conditions = live.get(&["status", "conditions"])?.as_array()?.clone();
        conditions.iter().any(|it| it["type"] == "Established" && it["status"] == "True").then_some(())
    })
    .await;
    eventually("the kind is served", async || {
        peer.cluster.resource(&gvk(&format!("{group}/v1"), kind)).await.ok()
    })
    .await;
    reference(&made)
}

async fn statuses(peer: &Peer, namespace: &str) {
    let definition = define(peer, "Gauge", "statuses.example.org").await;
    let gauge = |spec: Value, status: Value| json!({"apiVersion": "statuses.example.org/v1", "kind": "Gauge", "metadata": {"name": "g", "namespace": namespace}, "spec": spec, "status": status});
    let options = ApplyOptions::force("controller");
    let early =
        peer.cluster.apply_status(&object(gauge(json!({"size": 1}), json!({"a": 1}))), &options).await;
    assert_eq!(code(&early), "not_found", "a status makes no object");
    let made = force(peer, gauge(json!({"size": 1}), json!({"ignored": true})), "ours").await.unwrap();
    assert_eq!(made.get(&["status"]), None, "the object's own write leaves the status alone");
    let with = peer
        .cluster
        .apply_status(&object(gauge(json!({"size": 9}), json!({"a": 1}))), &options)
        .await
        .unwrap();
    assert_eq!(
        (with.get(&["spec", "size"]), with.get(&["status"])),
        (Some(&json!(1)), Some(&json!({"a": 1})))
    );
    assert_eq!(with.generation(), Some(1), "a status is no new generation");
    let kept = force(peer, gauge(json!({"size": 2}), Value::Null), "ours").await.unwrap();
    assert_eq!((kept.get(&["status"]), kept.generation()), (Some(&json!({"a": 1})), Some(2)));
    let mut replaced = gauge(json!({"size": 9}), json!({"b": 2}));
    replaced["metadata"]["resourceVersion"] = json!(kept.resource_version());
    let replaced = object(replaced);
    let by = UpdateOptions::by("controller");
    let after = peer.cluster.update_status(&replaced, &by).await.unwrap();
    assert_eq!(
        (after.get(&["spec", "size"]), after.get(&["status"])),
        (Some(&json!(2)), Some(&json!({"b": 2})))
    );
    assert_eq!(code(&peer.cluster.update_status(&replaced, &by).await), "conflict");
    peer.cluster.delete(&definition, &DeleteOptions::default()).await.unwrap();
}

async fn deleting(peer: &Peer, namespace: &str) {
    let made = make(peer, config_map(namespace, "a", json!({}))).await;
    let at = reference(&made);
    let other = DeleteOptions::seen("11111111-1111-4111-8111-111111111111");
    let error = peer.cluster.delete(&at, &other).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }) && error.to_string().contains("precondition"), "{error}");
    let mut stale = DeleteOptions::seen(made.uid().unwrap());
    stale.preconditions.resource_version = Some(ResourceVersion("1".to_owned()));
    assert_eq!(code(&peer.cluster.delete(&at, &stale).await), "conflict");
    peer.cluster.delete(&at, &DeleteOptions::seen(made.uid().unwrap())).await.unwrap();
    assert_eq!(code(&peer.cluster.get(&at).await), "not_found");
    assert_eq!(code(&peer.cluster.delete(&at, &DeleteOptions::default()).await), "not_found");
    let again = make(peer, config_map(namespace, "a", json!({}))).await;
    assert_ne!(again.uid(), made.uid(), "the same name is another object");
}

async fn finalizers(peer: &Peer, namespace: &str) {
    let mut value = config_map(namespace, "a", json!({}));
    value["metadata"]["finalizers"] = json!(["example.org/hold"]);
    let made = make(peer, value).await;
    let at = reference(&made);
    peer.cluster.delete(&at, &DeleteOptions::default()).await.unwrap();
    let held = peer.cluster.get(&at).await.unwrap();
    assert!(held.deleted().is_some());
    assert_eq!(held.uid(), made.uid());
    assert_eq!(
        code(&peer.cluster.delete(&at, &DeleteOptions::default()).await),
        "ok",
        "asking again changes nothing"
    );
    let patch = [json!({"op": "remove", "path": "/metadata/finalizers"})];
    peer.cluster.patch(&at, &patch, &UpdateOptions::by("holder")).await.unwrap();
    gone(&*peer.cluster, &at).await;
}

async fn owners(peer: &Peer, namespace: &str) {
    for (propagation, survives) in [
        (PropagationPolicy::Background, false),
        (PropagationPolicy::Foreground, false),
        (PropagationPolicy::Orphan, true),
    ] {
        let word = propagation.as_str().to_ascii_lowercase();
        let owner = make(peer, config_map(namespace, &format!("owner-{word}"), json!({}))).await;
        let owned = |name: &str, owner: &Object| {
            let mut value = config_map(namespace, name, json!({}));
            value["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "v1", "kind": "ConfigMap", "name": owner.name(), "uid": owner.uid(), "blockOwnerDeletion": true,
            }]);
            value
        };
        let child = make(peer, owned(&format!("child-{word}"), &owner)).await;
        let grandchild = make(peer, owned(&format!("grandchild-{word}"), &child)).await;
        // The garbage collector of a real cluster must have seen them.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let options = DeleteOptions { propagation, ..DeleteOptions::default() };
        peer.cluster.delete(&reference(&owner), &options).await.unwrap();
        gone(&*peer.cluster, &reference(&owner)).await;
        if survives {
            let child = peer.cluster.get(&reference(&child)).await.unwrap();
            assert!(child.deleted().is_none() && child.owner_references().is_empty());
            peer.cluster.get(&reference(&grandchild)).await.unwrap();
        } else {
            gone(&*peer.cluster, &reference(&child)).await;
            gone(&*peer.cluster, &reference(&grandchild)).await;
        }
    }
}

async fn namespaces(peer: &Peer, namespace: &str) {
    let inner = format!("{namespace}-inner");
    let made =
        make(peer, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": inner}})).await;
    assert_eq!(made.label("kubernetes.io/metadata.name"), Some(inner.as_str()));
    let plain = make(peer, config_map(&inner, "plain", json!({}))).await;
    let mut value = config_map(&inner, "held", json!({}));
    value["metadata"]["finalizers"] = json!(["example.org/hold"]);
    let held = make(peer, value).await;
    peer.cluster.delete(&reference(&made), &DeleteOptions::default()).await.unwrap();
    gone(&*peer.cluster, &reference(&plain)).await;
    let live = peer.cluster.get(&reference(&made)).await.unwrap();
    assert_eq!(live.text(&["status", "phase"]), Some("Terminating"));
    let late =
        peer.cluster.create(&object(config_map(&inner, "late", json!({}))), &CreateOptions::by("ours")).await;
    let error = late.unwrap_err();
    assert!(
        matches!(error, Error::Forbidden(_)) && error.to_string().contains("because it is being terminated"),
        "{error}"
    );
    let patch = [json!({"op": "remove", "path": "/metadata/finalizers"})];
    peer.cluster.patch(&reference(&held), &patch, &UpdateOptions::by("holder")).await.unwrap();
    gone(&*peer.cluster, &reference(&made)).await;
    let kept = Reference::new(gvk("v1", "Namespace"), "", "default");
    assert_eq!(code(&peer.cluster.delete(&kept, &DeleteOptions::default()).await), "forbidden");
}

async fn definitions(peer: &Peer, namespace: &str) {
    let widget = |spec: Value| json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": namespace}, "spec": spec});
    assert_eq!(code(&force(peer, widget(json!({"size": 1})), "ours").await), "no_match");
    let at = define(peer, "Widget", "example.org").await;
    let parts = |list: Value| json!({"size": 1, "parts": list, "plain": ["x"]});
    apply(peer, widget(parts(json!([{"name": "a", "value": "1"}]))), "one").await.unwrap();
    let two = json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": namespace}, "spec": {"parts": [{"name": "b", "value": "2"}], "size": 1}});
    let merged = apply(peer, two, "two").await.unwrap();
    assert_eq!(
        merged.get(&["spec", "parts"]),
        Some(&json!([{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]))
    );
    let other = json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": namespace}, "spec": {"plain": ["y"], "size": 1}});
    let error = apply(peer, other, "three").await.unwrap_err();
    assert_eq!(error.to_string(), "Apply failed with 1 conflict: conflict with \"one\": .spec.plain");
    for (spec, says) in [
        (json!({}), "spec.size: Required value"),
        (json!({"size": "large"}), "spec.size: "),
        (json!({"size": 1, "mode": "slow"}), "spec.mode: Unsupported value: \"slow\""),
    ] {
        let mut value = widget(spec);
        value["metadata"]["name"] = json!("wrong");
        let error = force(peer, value, "ours").await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)) && error.to_string().contains(says), "{error}");
    }
    let live = peer.cluster.get(&reference(&merged)).await.unwrap();
    peer.cluster.delete(&at, &DeleteOptions::default()).await.unwrap();
    gone(&*peer.cluster, &at).await;
    eventually("the kind is not served any more", async || {
        (code(&peer.cluster.get(&reference(&live)).await) == "no_match").then_some(())
    })
    .await;
    assert_eq!(code(&peer.cluster.resource(&gvk("example.org/v1", "Widget")).await), "no_match");
}

async fn immutable_fields(peer: &Peer, namespace: &str) {
    let job = |image: &str| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": namespace}, "spec": {"suspend": true, "template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "main", "image": image}],
        }}}})
    };
    let mut selector = deployment(namespace, "d", "app:1");
    selector["spec"]["selector"]["matchLabels"] = json!({"app": "other"});
    selector["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    let set = |service: &str| {
        let mut set = deployment(namespace, "s", "app:1");
        set["kind"] = json!("StatefulSet");
        set["spec"]["serviceName"] = json!(service);
        set
    };
    let frozen = |value: &str| {
        let mut map = config_map(namespace, "frozen", json!({"x": value}));
        map["immutable"] = json!(true);
        map
    };
    let secret = |kind: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": namespace}, "type": kind});
    let claim = |class: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": namespace}, "spec": {
            "storageClassName": class, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        }})
    };
    let binding = |role: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b", "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role}, "subjects": []})
    };
    for (before, after, says) in [
        (deployment(namespace, "d", "app:1"), selector, "spec.selector: Invalid value"),
        (job("a:1"), job("a:2"), "spec.template"),
        (set("one"), set("two"), "spec.serviceName: Invalid value: \"two\": field is immutable"),
        (frozen("1"), frozen("2"), "data: Forbidden: field is immutable when `immutable` is set"),
        (secret("Opaque"), secret("example.org/other"), "type: Invalid value"),
        (claim("a"), claim("b"), "spec: Forbidden: spec is immutable after creation"),
    ] {
        force(peer, before, "ours").await.unwrap();
        for options in [ApplyOptions::dry_run("ours"), ApplyOptions::force("ours")] {
            let error = peer.cluster.apply(&object(after.clone()), &options).await.unwrap_err();
            assert!(matches!(error, Error::Immutable(_)), "{after}: {error:?}");
            assert!(error.to_string().contains(says), "{error}");
        }
    }
    force(peer, binding("one"), "ours").await.unwrap();
    let error = force(peer, binding("two"), "ours").await.unwrap_err();
    assert!(matches!(error, Error::Immutable(_)), "{error:?}");
    assert!(error.to_string().contains("roleRef: Invalid value: "), "{error}");
}

async fn invalid_objects(peer: &Peer, namespace: &str) {
    let mut label = config_map(namespace, "a", json!({}));
    label["metadata"]["labels"] = json!({"a": "not a label"});
    let mut selector = deployment(namespace, "d", "app:1");
    selector["spec"]["selector"]["matchLabels"] = json!({"app": "other"});
    let mut empty = deployment(namespace, "d", "app:1");
    empty["spec"]["template"]["spec"]["containers"] = json!([]);
    for (value, says) in [
        (config_map(namespace, "Upper", json!({})), "metadata.name: Invalid value: \"Upper\""),
        (label, "metadata.labels: Invalid value: \"not a label\""),
        (selector, "`selector` does not match template `labels`"),
        (empty, "spec.template.spec.containers: Required value"),
    ] {
        let error = force(peer, value, "ours").await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(error.reason(), Some("Invalid"));
    }
}
