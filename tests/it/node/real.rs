//! A node and a real API server: what the server says no to, what it takes time for, and what others do to it meanwhile.
//!
//! One control plane, a namespace for each scenario; what the agent keeps for itself is removed in between.

mod drift;
mod rights;

use std::{pin::Pin, time::Instant};

use airlock::{
    cluster::{ApplyOptions, DeleteOptions, ListOptions, UpdateOptions, api::ApiServer},
    plan::FIELD_MANAGER,
    reconcile::follow,
    trust::state::Hold,
};

use self::{
    drift::{drift_is_put_back_at_once, what_is_still_is_not_asked_for},
    rights::{an_entry_reaches_as_far_as_its_account, the_rights_that_are_printed_are_enough_and_needed},
};
use super::*;
use crate::support::peer;

/// A scenario's ground: a node that is new, and a namespace that nobody else uses.
struct Ground {
    ship: Ship,
    client: ApiServer,
    space: &'static str,
    node: Arc<Node>,
    sequence: u64,
    /// Of somebody who may do nothing yet.
    nobody: String,
}

type Scenario = for<'a> fn(&'a mut Ground) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), |ground| Box::pin($name(ground)))),*]
    };
}

const SCENARIOS: &[(&str, Scenario)] = scenarios![
    every_error_of_a_stage_is_told_before_anything_is_written,
    immutable_fields_need_force,
    a_kind_may_come_with_its_definition,
    what_left_the_render_goes_unless_it_is_not_ours,
    deletions_have_a_budget_and_claims_are_protected,
    opt_outs_are_honoured,
    what_is_not_well_is_explained,
    admission_that_refuses_is_told_and_tried_again,
    a_namespace_that_does_not_go_is_waited_for,
    a_definition_that_somebody_deletes_comes_back,
    a_server_that_asks_for_a_pause_gets_it,
    an_entry_reaches_as_far_as_its_account,
    drift_is_put_back_at_once,
    what_is_still_is_not_asked_for,
    the_rights_that_are_printed_are_enough_and_needed,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_on_a_real_cluster() {
    let Some(plane) = peer::own() else { return };
    let client = plane.client();
    plane.with_node(&client).await;
    for (name, scenario) in SCENARIOS {
        let begun = Instant::now();
        let space: &'static str =
            Box::leak(name.replace('_', "-").chars().take(60).collect::<String>().into_boxed_str());
        let space = space.trim_end_matches('-');
        let ship = Ship::on(|_| plane.client());
        let node = ship.start();
        let nobody = plane.kubeconfig(peer::NOBODY);
        scenario(&mut Ground { ship, client: client.clone(), space, node, sequence: 0, nobody }).await;
        let all = ListOptions::in_namespace(NAMESPACE);
        let kind = gvk("v1", "ConfigMap");
        for it in client.list_metadata(&kind, &all).await.unwrap().0 {
            client.delete(&it.reference(), &DeleteOptions::default()).await.unwrap();
        }
        eprintln!("on a real cluster: {name}: {:.1} s", begun.elapsed().as_secs_f64());
    }
}

fn gvk(api_version: &str, kind: &str) -> Gvk {
    Gvk::parse(api_version, kind).unwrap()
}

impl Ground {
    /// An object of this namespace.
    fn object(&self, api_version: &str, kind: &str, name: &str, rest: Value) -> Value {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": self.space}});
        for (key, value) in rest.as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                ("metadata", Value::Object(more)) => {
                    object["metadata"].as_object_mut().unwrap().extend(more.clone());
                }
                _ => object[key] = value.clone(),
            }
        }
        object
    }

    fn map(&self, name: &str, value: &str) -> Value {
        self.object("v1", "ConfigMap", name, json!({"data": {"value": value}}))
    }

    fn space(&self) -> Value {
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.space}})
    }

    fn workload(&self, kind: &str, name: &str, labels: Value) -> Value {
        let mut labels = labels;
        labels["app"] = name.into();
        let spec = json!({
            "replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "registry.example.com/web:1"}]},
            },
        });
        self.object("apps/v1", kind, name, json!({"spec": spec}))
    }

    /// Carries the next bundle, of entries that all come after the namespace's own.
    fn carry(&mut self, entries: &[(&str, Vec<Value>, Value)]) {
        self.sequence += 1;
        let mut maker = Maker { sequence: self.sequence, ..Maker::default() };
        maker.entry(json!({"name": "base", "kind": "manifests"}), &tree(&[self.space()]));
        for (name, objects, more) in entries {
            let mut spec =
                json!({"name": name, "kind": "manifests", "dependsOn": ["base"], "timeout": "20s"});
            for (key, value) in more.as_object().into_iter().flatten() {
                spec[key] = value.clone();
            }
            maker.entry(spec, &tree(objects));
        }
        maker.closure.external =
            vec!["registry.example.com/web:1".into(), "registry.example.com/web:2".into()];
        self.ship.carry(&self.node, &maker);
    }

    async fn pass(&self) {
        self.node.reconcile(None).await;
    }

    /// Passes until everything is well.
    #[track_caller]
    fn settle(&self) -> impl Future<Output = ()> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            for _ in 0..40 {
                self.pass().await;
                if sequences(&self.node)[2] == Some(self.sequence) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            panic!("{caller}: {:#?}", channel(&self.node));
        }
    }

    async fn get(&self, api_version: &str, kind: &str, name: &str) -> Option<Object> {
        self.client.get(&Reference::new(gvk(api_version, kind), self.space, name)).await.ok()
    }

    async fn value(&self, name: &str) -> Option<String> {
        self.get("v1", "ConfigMap", name).await?.text(&["data", "value"]).map(str::to_owned)
    }

    async fn apply(&self, object: Value, manager: &str) -> Object {
        let object = Object::new(object, "it").unwrap();
        self.client.apply(&object, &ApplyOptions::force(manager)).await.unwrap()
    }

    async fn delete(&self, api_version: &str, kind: &str, name: &str) {
        let at = Reference::new(gvk(api_version, kind), self.space, name);
        self.client.delete(&at, &DeleteOptions::default()).await.unwrap();
    }

    /// What one entry failed with.
    fn failure(&self, entry: &str) -> airlock::fault::Report {
        let entries = entries(&self.node);
        let status = entries.get(entry).unwrap_or_else(|| panic!("{:#?}", channel(&self.node)));
        status.failure.clone().unwrap_or_else(|| panic!("{status:#?}"))
    }
}

async fn every_error_of_a_stage_is_told_before_anything_is_written(ground: &mut Ground) {
    let bad_label =
        ground.object("v1", "ConfigMap", "labelled", json!({"metadata": {"labels": {"a": "not a label"}}}));
    let mut selector = ground.workload("Deployment", "web", json!({}));
    selector["spec"]["selector"]["matchLabels"] = json!({"app": "other"});
    let port = ground.object("v1", "Service", "web", json!({"spec": {"ports": [{"port": 99999}]}}));
    let unknown = ground.object("example.org/v1", "Unknown", "u", json!({}));
    ground.carry(&[("shop", vec![ground.map("good", "1"), bad_label, selector, port, unknown], json!({}))]);
    ground.pass().await;
    let failure = ground.failure("shop");
    assert_eq!((failure.code.as_str(), failure.class.exit_code()), ("dry_run", 4), "{failure:?}");
    let told = [vec![failure.error.clone()], failure.because.clone()].concat();
    assert_eq!(told.len(), 4, "{told:#?}");
    let space = ground.space;
    for (at, says) in [
        (format!("ConfigMap/{space}/labelled dry-run failed (Invalid): "), "metadata.labels: Invalid value"),
        (format!("Service/{space}/web dry-run failed (Invalid): "), "must be between 1 and 65535"),
        (
            format!("Deployment/{space}/web dry-run failed (Invalid): "),
            "`selector` does not match template `labels`",
        ),
        (
            format!("Unknown/{space}/u dry-run failed: "),
            "no matches for kind \"Unknown\" in version \"example.org/v1\"",
        ),
    ] {
        assert!(told.iter().any(|it| it.starts_with(&at) && it.contains(says)), "{at}{says}: {told:#?}");
    }
    assert_eq!(ground.value("good").await, None, "the stage is written as a whole or not at all");
    ground.carry(&[("shop", vec![ground.map("good", "1")], json!({}))]);
    ground.settle().await;
    assert_eq!(ground.value("good").await.as_deref(), Some("1"));
}

async fn immutable_fields_need_force(ground: &mut Ground) {
    let job = |ground: &Ground, image: &str| {
        ground.object("batch/v1", "Job", "migrate", json!({"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "main", "image": format!("registry.example.com/web:{image}")}],
        }}}}))
    };
    let service = |ground: &Ground, address: &str, annotations: Value| {
        ground.object(
            "v1",
            "Service",
            "web",
            json!({
                "metadata": {"annotations": annotations},
                "spec": {"clusterIP": address, "selector": {"app": "web"}, "ports": [{"port": 80}]},
            }),
        )
    };
    ground.carry(&[("shop", vec![job(ground, "1"), service(ground, "10.96.77.1", json!({}))], json!({}))]);
    ground.settle().await;
    let before = [ground.get("batch/v1", "Job", "migrate").await, ground.get("v1", "Service", "web").await]
        .map(|it| it.unwrap().uid().unwrap().to_owned());

    ground.carry(&[("shop", vec![job(ground, "2"), service(ground, "10.96.77.2", json!({}))], json!({}))]);
    ground.pass().await;
    let failure = ground.failure("shop");
    let told = [vec![failure.error.clone()], failure.because.clone()].concat();
    assert_eq!(told.len(), 2, "{failure:?}");
    assert!(
        told.iter().all(|it| it.contains("immutable") || it.contains("may not change once set")),
        "{told:?}"
    );
    assert!(failure.hint.is_some(), "{failure:?}");
    let still = ground.get("batch/v1", "Job", "migrate").await.unwrap();
    assert_eq!(still.uid(), Some(before[0].as_str()));

    // The annotation lets one object be made anew, `force` all of an entry.
    let annotated = json!({"kustomize.toolkit.fluxcd.io/force": "enabled"});
    ground.carry(&[
        ("shop", vec![service(ground, "10.96.77.2", annotated)], json!({})),
        ("jobs", vec![job(ground, "2")], json!({"force": true})),
    ]);
    ground.settle().await;
    let after = [ground.get("batch/v1", "Job", "migrate").await, ground.get("v1", "Service", "web").await]
        .map(Option::unwrap);
    assert!(after.iter().zip(&before).all(|(after, before)| after.uid() != Some(before)));
    assert_eq!(after[1].text(&["spec", "clusterIP"]), Some("10.96.77.2"));
    assert_eq!(after[0].get(&["status", "succeeded"]), Some(&json!(1)), "it ran again and was waited for");
}

fn definition(kind: &str, group: &str) -> Value {
    let plural = format!("{}s", kind.to_ascii_lowercase());
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("{plural}.{group}")}, "spec": {
        "group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
            "spec": {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}},
        }}}}],
    }})
}

async fn a_kind_may_come_with_its_definition(ground: &mut Ground) {
    let crate_of = |ground: &Ground, size: Value| {
        ground.object("come.example.org/v1", "Crate", "c", json!({"spec": {"size": size}}))
    };
    // In one entry: the definition is a stage of its own, and is waited for.
    let all = |ground: &Ground, size: Value| {
        vec![definition("Crate", "come.example.org"), crate_of(ground, size), ground.map("a", "1")]
    };
    ground.carry(&[("shop", all(ground, json!("large")), json!({}))]);
    ground.pass().await;
    assert!(ground.failure("shop").error.contains("spec.size"), "{:?}", ground.failure("shop"));
    assert_eq!(ground.value("a").await, None);
    ground.carry(&[("shop", all(ground, json!(3)), json!({}))]);
    ground.settle().await;
    let made = ground.get("come.example.org/v1", "Crate", "c").await.unwrap();
    assert_eq!(made.get(&["spec", "size"]), Some(&json!(3)));
}

async fn what_left_the_render_goes_unless_it_is_not_ours(ground: &mut Ground) {
    let all = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|it| ground.map(it, "1"));
    ground.carry(&[("shop", all.to_vec(), json!({}))]);
    ground.settle().await;
    let inventory = Reference::new(gvk("v1", "ConfigMap"), NAMESPACE, "inventory.platform.shop");
    assert!(ground.client.get(&inventory).await.is_ok(), "the inventory is in the cluster");
    // Somebody made one of them anew, for himself.
    ground.delete("v1", "ConfigMap", "b").await;
    ground.apply(ground.map("b", "theirs"), "somebody").await;
    ground.carry(&[("shop", all[2..].to_vec(), json!({}))]);
    ground.settle().await;
    assert_eq!(ground.value("a").await, None);
    assert_eq!(ground.value("b").await.as_deref(), Some("theirs"));
    assert_eq!(ground.value("c").await.as_deref(), Some("1"));
    // An entry that does not prune keeps what it drops.
    ground.carry(&[("shop", all[3..].to_vec(), json!({"prune": false}))]);
    ground.settle().await;
    assert_eq!(ground.value("c").await.as_deref(), Some("1"));
}

async fn deletions_have_a_budget_and_claims_are_protected(ground: &mut Ground) {
    let claim = ground.object(
        "v1",
        "PersistentVolumeClaim",
        "data",
        json!({"spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        }}),
    );
    let maps: Vec<Value> = (0..10).map(|at| ground.map(&format!("m{at}"), "1")).collect();
    let with = |more: &[Value]| vec![("shop", [more, &maps[..]].concat(), json!({"wait": false}))];
    ground.carry(&with(&[claim]));
    ground.settle().await;
    let refused = async |ground: &Ground, code: &str| {
        ground.pass().await;
        let waiting = channel(&ground.node).waiting.unwrap();
        assert_eq!(waiting.code, code, "{waiting:?}");
    };
    ground.carry(&with(&[]));
    refused(ground, "protected").await;
    assert!(ground.get("v1", "PersistentVolumeClaim", "data").await.is_some());
    let claim = ground.object(
        "v1",
        "PersistentVolumeClaim",
        "data",
        json!({
            "metadata": {"annotations": {"airlock.dev/prune": "allowed"}},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }),
    );
    ground.carry(&with(&[claim]));
    ground.settle().await;
    ground.carry(&with(&[]));
    ground.settle().await;
    let left = ground.get("v1", "PersistentVolumeClaim", "data").await;
    assert!(left.is_none_or(|it| it.deleted().is_some()));
    ground.carry(&[("shop", maps[6..].to_vec(), json!({}))]);
    refused(ground, "deletion_budget").await;
    assert_eq!(ground.value("m0").await.as_deref(), Some("1"));
}

async fn opt_outs_are_honoured(ground: &mut Ground) {
    let with = |ground: &Ground, name: &str, key: &str, word: &str, value: &str| {
        let annotations = json!({format!("kustomize.toolkit.fluxcd.io/{key}"): word});
        ground.object(
            "v1",
            "ConfigMap",
            name,
            json!({"metadata": {"annotations": annotations}, "data": {"value": value}}),
        )
    };
    let all = |ground: &Ground, value: &str| {
        vec![
            with(ground, "disabled", "reconcile", "disabled", value),
            with(ground, "ignored", "ssa", "Ignore", value),
            with(ground, "once", "ssa", "IfNotPresent", value),
            with(ground, "kept", "prune", "disabled", value),
            ground.map("plain", value),
            ground.map("filler-1", value),
            ground.map("filler-2", value),
            ground.map("filler-3", value),
        ]
    };
    ground.carry(&[("shop", all(ground, "1"), json!({}))]);
    ground.settle().await;
    let seen = async |ground: &Ground| {
        let mut seen = Vec::new();
        for name in ["disabled", "ignored", "once", "kept", "plain"] {
            seen.push(ground.value(name).await);
        }
        seen
    };
    let told = |values: [Option<&str>; 5]| values.map(|it| it.map(str::to_owned)).to_vec();
    assert_eq!(seen(ground).await, told([None, None, Some("1"), Some("1"), Some("1")]));
    ground.carry(&[("shop", all(ground, "2"), json!({}))]);
    ground.settle().await;
    assert_eq!(seen(ground).await, told([None, None, Some("1"), Some("2"), Some("2")]));
    // On the live object it counts as well, until it is taken away.
    let mut live = ground.get("v1", "ConfigMap", "plain").await.unwrap().into_value();
    live["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/reconcile": "disabled"});
    live["data"]["value"] = "repaired".into();
    ground
        .client
        .update(&Object::new(live, "it").unwrap(), &UpdateOptions::by("kubectl-edit"))
        .await
        .unwrap();
    ground.pass().await;
    assert_eq!(ground.value("plain").await.as_deref(), Some("repaired"));
    // What left the render stays where it says so.
    ground.carry(&[(
        "shop",
        all(ground, "2").into_iter().filter(|it| it["metadata"]["name"] != "kept").collect(),
        json!({}),
    )]);
    ground.settle().await;
    assert_eq!(ground.value("kept").await.as_deref(), Some("2"));
    // What kubectl wrote becomes ours, with the annotation that it left.
    let mut live = ground.get("v1", "ConfigMap", "filler-1").await.unwrap().into_value();
    live["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": "{}"});
    live["data"]["extra"] = "x".into();
    ground
        .client
        .update(&Object::new(live, "it").unwrap(), &UpdateOptions::by("kubectl-client-side-apply"))
        .await
        .unwrap();
    ground.pass().await;
    let cleaned = ground.get("v1", "ConfigMap", "filler-1").await.unwrap();
    assert_eq!(cleaned.get(&["data"]), Some(&json!({"value": "2"})));
    assert_eq!(cleaned.annotation("kubectl.kubernetes.io/last-applied-configuration"), None);
}

async fn what_is_not_well_is_explained(ground: &mut Ground) {
    let bad = json!({"airlock.test/ends": "badly"});
    let mut job = ground.object("batch/v1", "Job", "migrate", json!({"spec": {"backoffLimit": 0, "template": {
        "metadata": {"labels": bad}, "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.example.com/web:1"}]},
    }}}));
    job["spec"]["activeDeadlineSeconds"] = json!(600);
    let quota = ground.object("v1", "ResourceQuota", "few", json!({"spec": {"hard": {"pods": "6"}}}));
    let mut starved = ground.workload("Deployment", "starved", json!({}));
    starved["spec"]["progressDeadlineSeconds"] = json!(4);
    ground.carry(&[
        ("job", vec![job], json!({})),
        ("set", vec![ground.workload("StatefulSet", "set", bad.clone())], json!({})),
        ("web", vec![ground.workload("Deployment", "web", bad)], json!({})),
        (
            "good",
            vec![
                ground.workload("Deployment", "good", json!({})),
                ground.workload("DaemonSet", "each", json!({})),
            ],
            json!({}),
        ),
    ]);
    let begun = Instant::now();
    ground.pass().await;
    assert!(
        begun.elapsed() < Duration::from_secs(45),
        "what failed for good is not waited for: {:?}",
        begun.elapsed()
    );
    let space = ground.space;
    assert_eq!(entries(&ground.node)["good"].phase, Phase::Ready, "{:#?}", entries(&ground.node)["good"]);
    let job = ground.failure("job");
    assert_eq!(job.code, "unhealthy");
    assert!(
        job.error.starts_with(&format!(
            "failed early due to stalled resources: [Job/{space}/migrate status: 'Failed']: "
        )),
        "{job:?}"
    );
    assert!(
        job.error.contains("BackoffLimitExceeded")
            && job.error.contains("container main: Error (exit code 1)"),
        "{job:?}"
    );
    let set = ground.failure("set");
    assert!(
        set.error.starts_with(&format!(
            "failed early due to stalled resources: [StatefulSet/{space}/set status: 'Failed']: "
        )),
        "{set:?}"
    );
    assert!(
        set.error.contains(&format!("Pod/{space}/set-0: container main: CrashLoopBackOff: back-off 5m0s")),
        "{set:?}"
    );
    let web = ground.failure("web");
    assert!(
        web.error
            .starts_with(&format!("timeout waiting for: [Deployment/{space}/web status: 'InProgress']: ")),
        "{web:?}"
    );
    assert!(
        web.error.contains(&format!("Pod/{space}/web-")) && web.error.contains("CrashLoopBackOff"),
        "{web:?}"
    );
    assert!(
        web.hint.as_deref().unwrap().contains(&format!("kubectl describe deployment/web -n {space}")),
        "{web:?}"
    );
    // A deployment without pods: the set of replicas says why. All the others go, which is over any usual budget.
    drop(std::mem::replace(&mut ground.node, Ship::new().start()));
    ground.ship.budget = Budget { count: 100, percent: 100 };
    ground.node = ground.ship.start();
    ground.carry(&[
        ("quota", vec![quota], json!({})),
        ("starved", vec![starved], json!({"dependsOn": ["quota"]})),
    ]);
    let used = async || {
        ground.client.list(&gvk("v1", "Pod"), &ListOptions::in_namespace(space)).await.unwrap().0.len()
    };
    let mut more = used().await;
    for at in 0.. {
        if more >= 6 {
            break;
        }
        let pod = ground.object(
            "v1",
            "Pod",
            &format!("eats-{at}"),
            json!({"spec": {"containers": [{"name": "main", "image": "x"}]}}),
        );
        ground.apply(pod, "test").await;
        more += 1;
    }
    ground.pass().await;
    let starved = ground.failure("starved");
    assert!(starved.error.contains("exceeded quota"), "{starved:?}");
}

async fn admission_that_refuses_is_told_and_tried_again(ground: &mut Ground) {
    let rules = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]);
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "no-coffee"}, "spec": {
        "matchConstraints": {"resourceRules": rules},
        "validations": [{"expression": "!has(object.data) || !('coffee' in object.data)", "message": "no coffee here"}],
    }});
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "no-coffee"}, "spec": {
        "policyName": "no-coffee", "validationActions": ["Deny"],
    }});
    ground.apply(policy, "test").await;
    ground.apply(binding, "test").await;
    let coffee =
        |ground: &Ground| ground.object("v1", "ConfigMap", "coffee", json!({"data": {"coffee": "black"}}));
    // It takes a moment until the server asks its new policy.
    let probe = Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "namespace": "default"}, "data": {"coffee": ""}}), "it").unwrap();
    for _ in 0..200 {
        if ground.client.apply(&probe, &ApplyOptions::dry_run("test")).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ground.carry(&[("shop", vec![coffee(ground), ground.map("a", "1")], json!({}))]);
    ground.pass().await;
    let failure = ground.failure("shop");
    assert!(failure.error.contains("no coffee here"), "{failure:?}");
    assert_eq!(ground.value("a").await, None);
    for kind in ["ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"] {
        let at = Reference::new(gvk("admissionregistration.k8s.io/v1", kind), "", "no-coffee");
        ground.client.delete(&at, &DeleteOptions::default()).await.unwrap();
    }
    ground.settle().await;
    assert_eq!(ground.value("a").await.as_deref(), Some("1"));
}

async fn a_namespace_that_does_not_go_is_waited_for(ground: &mut Ground) {
    ground.carry(&[("shop", vec![ground.map("a", "1")], json!({}))]);
    ground.settle().await;
    let held =
        ground.object("v1", "ConfigMap", "held", json!({"metadata": {"finalizers": ["example.org/hold"]}}));
    let held = ground.apply(held, "test").await;
    let space = Reference::new(gvk("v1", "Namespace"), "", ground.space);
    ground.client.delete(&space, &DeleteOptions::default()).await.unwrap();
    for _ in 0..200 {
        if ground.value("a").await.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // It waits for the namespace, a minute at a time, and makes nothing in what goes.
    let waiting = tokio::time::timeout(Duration::from_secs(3), ground.pass()).await;
    assert!(waiting.is_err(), "{:#?}", channel(&ground.node));
    assert_eq!(ground.value("a").await, None);
    let patch = [json!({"op": "remove", "path": "/metadata/finalizers"})];
    ground.client.patch(&Reference::of(&held), &patch, &UpdateOptions::by("test")).await.unwrap();
    for _ in 0..600 {
        if ground.client.get(&space).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for _ in 0..60 {
        ground.pass().await;
        if ground.value("a").await.is_some() && entries(&ground.node)["shop"].phase == Phase::Ready {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{:#?}", channel(&ground.node));
}

async fn a_definition_that_somebody_deletes_comes_back(ground: &mut Ground) {
    let parcel = ground.object("back.example.org/v1", "Parcel", "p", json!({"spec": {"size": 1}}));
    ground.carry(&[
        ("kinds", vec![definition("Parcel", "back.example.org")], json!({})),
        ("shop", vec![parcel], json!({"dependsOn": ["kinds"]})),
    ]);
    ground.settle().await;
    let before = ground.get("back.example.org/v1", "Parcel", "p").await.unwrap();
    let at = Reference::new(
        gvk("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        "",
        "parcels.back.example.org",
    );
    ground.client.delete(&at, &DeleteOptions::default()).await.unwrap();
    for _ in 0..60 {
        ground.pass().await;
        let made = ground.get("back.example.org/v1", "Parcel", "p").await;
        if made.is_some_and(|it| it.uid() != before.uid()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{:#?}", channel(&ground.node));
}

async fn a_server_that_asks_for_a_pause_gets_it(ground: &mut Ground) {
    let maps: Vec<Value> = (0..6).map(|at| ground.map(&format!("m{at}"), "1")).collect();
    ground.ship.counted.throttle.store(4, std::sync::atomic::Ordering::Relaxed);
    ground.carry(&[("shop", maps, json!({}))]);
    ground.settle().await;
    assert_eq!(ground.ship.counted.take().get("throttled"), Some(&4));
}
