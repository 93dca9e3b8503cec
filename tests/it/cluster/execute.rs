//! From what is there to a plan, and from a plan to what is there: on a directory, through the port.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use airlock::{
    archive::{Node, SafePath, Tree},
    cluster::{
        Cluster, CreateOptions, DeleteOptions, Reference, UpdateOptions,
        directory::DirectoryCluster,
        execute::{Done, End, Executor, Failure, Outcome, Progress, execute},
        observe::{Inventories, Observer, Settled},
    },
    fault::Fault,
    plan::{self, Budget, Guard, Owners, Plan, Step},
    render::{Inputs, Outcome as RenderOutcome, Owner, Rendered, ServiceAccount, Spec, render},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{code, gvk, object};
use crate::support::{bundle::Maker, counted::Counted};

struct Desk {
    root: tempfile::TempDir,
    counted: Counted,
    cluster: Arc<dyn Cluster>,
    settled: Settled,
    sequence: u64,
    /// What the executor told, in words.
    told: Mutex<Vec<String>>,
    /// After so many writes the lease is lost.
    writes_left: AtomicUsize,
}

impl Desk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let counted = Counted::new(DirectoryCluster::open(root.path()).unwrap());
        let cluster: Arc<dyn Cluster> = Arc::new(counted.clone());
        let (told, writes_left) = (Mutex::default(), AtomicUsize::new(usize::MAX));
        Self { root, counted, cluster, settled: Settled::default(), sequence: 0, told, writes_left }
    }

    fn observer(&self) -> Observer {
        Observer { cluster: self.cluster.clone(), concurrency: 4, clock: Arc::new(Timestamp::now) }
    }

    async fn rendered(&mut self, objects: &[Value], spec: Value) -> Rendered {
        self.sequence += 1;
        let nodes = objects.iter().enumerate().map(|(at, it)| {
            (SafePath::new(&format!("{at}.json")).unwrap(), Node::file(serde_json::to_vec(it).unwrap()))
        });
        let mut entry = json!({"name": "shop", "kind": "manifests"});
        for (key, value) in spec.as_object().into_iter().flatten() {
            entry[key] = value.clone();
        }
        let mut maker = Maker { sequence: self.sequence, ..Maker::default() };
        maker.entry(entry, &Tree::new(nodes).unwrap());
        let content = maker.content();
        let spec = Spec::from(&content.release().entries[0]);
        let mut inputs = Inputs::new(&content, Map::new());
        loop {
            match render(&content, &spec, &inputs).unwrap_or_else(|error| panic!("{error}: {}", error.why)) {
                RenderOutcome::Rendered(rendered) => return *rendered,
                RenderOutcome::Needs(needs) => {
                    inputs.answers.extend(self.observer().answer(&needs).await.unwrap());
                }
            }
        }
    }

    async fn plan(&mut self, rendered: &Rendered) -> Result<Plan, String> {
        let inventories = Inventories::read(&*self.cluster).await.unwrap();
        let around = inventories.around(rendered.owner(), &Owners::default()).unwrap();
        let observed = self.observer().observe(rendered, around, &self.settled).await.unwrap();
        let guard =
            Guard { budget: Budget { count: 100, percent: 100 }, inventoried: 1000, ..Guard::default() };
        let plan = plan::plan(rendered, &observed, &guard, &BTreeSet::new()).map_err(|it| it.to_string())?;
        self.settled.note(rendered, &observed, &plan);
        Ok(plan)
    }

    async fn execute(&self, plan: &Plan) -> Outcome {
        let progress = |it: Progress<'_>| {
            if let Progress::Object(id, done) = it {
                self.told.lock().unwrap().push(format!("{id} {done}"));
            }
        };
        let still_leader = || {
            self.writes_left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| it.checked_sub(1))
                .is_ok()
        };
        let clock = Timestamp::now;
        execute(
            plan,
            Executor {
                cluster: &self.cluster,
                still_leader: &still_leader,
                progress: &progress,
                clock: &clock,
            },
        )
        .await
    }

    /// Plans and executes until nothing is left; what was done, in Flux's words.
    async fn converge(&mut self, objects: &[Value], spec: Value) -> Result<Vec<String>, String> {
        let rendered = self.rendered(objects, spec).await;
        self.told.lock().unwrap().clear();
        for _ in 0..6 {
            let plan = self.plan(&rendered).await?;
            if plan.is_empty() {
                return Ok(std::mem::take(&mut *self.told.lock().unwrap()));
            }
            match self.execute(&plan).await.end {
                End::Done | End::Replan(_) => {}
                End::Failed(failure) => return Err(failure.to_string()),
            }
        }
        panic!("there is no end")
    }

    fn file(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }
}

fn namespace() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
}

fn settings(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": {"value": value}})
}

fn deployment(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}},
        },
    })
}

fn widgets() -> [Value; 2] {
    [
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                }}}],
            },
        }),
        json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "shop"}, "spec": {"size": 1}}),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_nothing_to_all_and_back() {
    let mut desk = Desk::new();
    let [definition, widget] = widgets();
    let all = [
        namespace(),
        settings("a", "1"),
        settings("b", "1"),
        deployment("web:1"),
        definition.clone(),
        widget,
    ];
    let done = desk.converge(&all, json!({"wait": true})).await.unwrap();
    assert_eq!(
        done,
        [
            "CustomResourceDefinition/widgets.example.com created",
            "Namespace/shop created",
            "ConfigMap/shop/a created",
            "ConfigMap/shop/b created",
            "Deployment/shop/web created",
            "Widget/shop/w created",
        ]
    );
    assert!(desk.file("namespaces/shop/Widget.example.com/w.yaml").exists());
    assert!(desk.file("namespaces/airlock-system/ConfigMap/inventory.platform.shop.yaml").exists());
    assert_eq!(desk.converge(&all, json!({"wait": true})).await.unwrap(), [""; 0], "it has converged");

    // Drift: edited, removed, and added to.
    let path = desk.file("namespaces/shop/Deployment.apps/web.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("replicas: 2", "replicas: 9")
            .replace("name: web\n  namespace", "annotations:\n    mine: kept\n  name: web\n  namespace"),
    )
    .unwrap();
    fs::remove_file(desk.file("namespaces/shop/ConfigMap/b.yaml")).unwrap();
    let done = desk.converge(&all, json!({"wait": true})).await.unwrap();
    assert_eq!(done, ["ConfigMap/shop/b created", "Deployment/shop/web configured"]);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("replicas: 2") && text.contains("mine: kept"), "{text}");

    // The next bundle: changed, gone.
    let next = [namespace(), settings("a", "2"), deployment("web:1"), definition];
    let done = desk.converge(&next, json!({"wait": true})).await.unwrap();
    assert_eq!(done, ["ConfigMap/shop/a configured", "Widget/shop/w deleted", "ConfigMap/shop/b deleted"]);
    assert!(!desk.file("namespaces/shop/Widget.example.com").exists());

    // An entry that leaves.
    let owner = Owner { channel: "platform".parse().unwrap(), entry: "shop".parse().unwrap() };
    let inventories = Inventories::read(&*desk.cluster).await.unwrap();
    let around = inventories.around(&owner, &Owners::default()).unwrap();
    let observed = desk.observer().observe_retired(&owner, around).await.unwrap();
    let other = Maker { sequence: 9, ..Maker::default() };
    let guard = Guard { budget: Budget { count: 100, percent: 100 }, inventoried: 1000, ..Guard::default() };
    let refused = plan::retire(&other.content(), &observed, &guard).unwrap_err();
    assert_eq!(refused.code(), "protected", "a namespace and a definition go only by the operator's word");
    let word = refused.deletions().unwrap().clone();
    let guard = Guard { approved: vec![plan::Approval::List(word)], ..guard };
    let plan = plan::retire(&other.content(), &observed, &guard).unwrap().unwrap();
    assert!(matches!(desk.execute(&plan).await.end, End::Done));
    assert!(
        !desk.file("namespaces/shop").exists()
            && !desk.file("cluster/CustomResourceDefinition.apiextensions.k8s.io").exists()
    );
    assert!(
        Inventories::read(&*desk.cluster).await.unwrap().iter().next().is_none(),
        "the entry is forgotten"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_settled_costs_one_list() {
    let mut desk = Desk::new();
    let mut all = vec![namespace()];
    all.extend((0..40).map(|at| settings(&format!("s-{at:02}"), "1")));
    desk.converge(&all, json!({})).await.unwrap();
    let rendered = desk.rendered(&all, json!({})).await;
    desk.counted.take();
    assert!(desk.plan(&rendered).await.unwrap().steps().iter().all(|it| matches!(it, Step::Record(_))));
    let first = desk.counted.take();
    assert_eq!(
        (first.get("list"), first.get("get")),
        (Some(&2), Some(&1)),
        "inventories, maps; the namespace: {first:?}"
    );
    let again = desk.plan(&rendered).await.unwrap();
    let second = desk.counted.take();
    assert_eq!(second.get("dry_run"), None, "nothing changed, so nothing is tried again: {second:?}");
    // One that changes is tried again, and only that one.
    fs::remove_file(desk.file("namespaces/shop/ConfigMap/s-07.yaml")).unwrap();
    let plan = desk.plan(&rendered).await.unwrap();
    assert_eq!(desk.counted.take().get("dry_run"), Some(&1));
    assert_eq!(plan.steps().iter().filter(|it| matches!(it, Step::Apply(_))).count(), 1, "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_wants_a_pause_gets_it() {
    let mut desk = Desk::new();
    let all = [namespace()];
    let rendered = desk.rendered(&all, json!({})).await;
    desk.counted.throttle.store(3, Ordering::Relaxed);
    desk.plan(&rendered).await.unwrap();
    assert_eq!(desk.counted.take().get("throttled"), Some(&3));
    desk.counted.throttle.store(usize::MAX, Ordering::Relaxed);
    let inventories = Inventories::read(&*desk.cluster).await.unwrap();
    let around = inventories.around(rendered.owner(), &Owners::default()).unwrap();
    assert_eq!(code(&desk.observer().observe(&rendered, around, &Settled::default()).await), "throttled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_waited_for() {
    let mut desk = Desk::new();
    desk.converge(&[namespace()], json!({})).await.unwrap();
    let health = desk.file(".airlock/health.yaml");
    let all = [namespace(), deployment("web:1")];
    fs::write(&health, "- {object: Deployment/shop/web, after: 700ms}\n").unwrap();
    let start = Instant::now();
    let done = desk.converge(&all, json!({"wait": true})).await.unwrap();
    assert_eq!(done, ["Deployment/shop/web created"]);
    let took = start.elapsed();
    assert!(
        took > Duration::from_millis(600) && took < Duration::from_secs(4),
        "told by the watch and not by the poll: {took:?}"
    );

    fs::write(&health, "- {object: Deployment/shop/web, status: Failed, message: no such image}\n").unwrap();
    let all = [namespace(), deployment("web:2"), settings("a", "1")];
    let rendered = desk.rendered(&all, json!({"wait": true})).await;
    let plan = desk.plan(&rendered).await.unwrap();
    let outcome = desk.execute(&plan).await;
    let End::Failed(failure) = outcome.end else { panic!("{:?}", outcome.end) };
    assert_eq!(
        failure.to_string(),
        "failed early due to stalled resources: [Deployment/shop/web status: 'Failed']: Deployment/shop/web: no such image; \
         Deployment/shop/web: ProgressDeadlineExceeded: the new pods did not become available in time"
    );
    assert_eq!(failure.hint().as_deref(), Some("`kubectl describe deployment/web -n shop` tells more"));
    assert_eq!(failure.code(), "unhealthy");
    let done: Vec<String> = outcome.results.iter().map(|(id, done)| format!("{id} {done}")).collect();
    assert_eq!(
        done,
        ["Namespace/shop unchanged", "ConfigMap/shop/a created", "Deployment/shop/web configured"]
    );

    // A Job that vanishes once it is done is done when it has vanished; one that fails says so.
    fs::write(&health, "- {object: Job/shop/migrate, status: Failed, message: no database}\n").unwrap();
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "namespace": "shop"}, "spec": {"template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "main", "image": "db:1"}],
    }}}});
    let failed = desk
        .converge(&[namespace(), deployment("web:2"), settings("a", "1"), job], json!({"wait": true}))
        .await;
    let failed = failed.unwrap_err();
    let flux = "failed early due to stalled resources: [Job/shop/migrate status: 'Failed']: ";
    assert!(failed.starts_with(flux) && failed.contains("no database"), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_ends_in_time() {
    let desk = Desk::new();
    let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    desk.cluster.create(&object(made), &CreateOptions::by("test")).await.unwrap();
    let mut desk = desk;
    fs::write(
        desk.file(".airlock/health.yaml"),
        "- {object: CustomResourceDefinition/*, status: InProgress}\n",
    )
    .unwrap();
    let [definition, _] = widgets();
    // Flux waits a minute for a stage; a test has less time.
    let rendered = desk.rendered(&[definition, settings("a", "1")], json!({"wait": false})).await;
    let plan = desk.plan(&rendered).await.unwrap();
    let waits = plan.steps().iter().filter(|it| matches!(it, Step::Wait(_))).count();
    assert_eq!(waits, 1, "{plan:?}");
    let ended = tokio::time::timeout(Duration::from_secs(2), desk.execute(&plan)).await;
    assert!(ended.is_err(), "it still waits for the definition, and the next stage was not begun");
    assert_eq!(*desk.told.lock().unwrap(), ["CustomResourceDefinition/widgets.example.com created"]);
    assert_eq!(
        code(&desk.cluster.get(&Reference::new(gvk("v1", "ConfigMap"), "shop", "a")).await),
        "not_found"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn immutable_fields_are_recreated_where_that_is_allowed() {
    let mut desk = Desk::new();
    let frozen = |value: &str| {
        let mut map = settings("frozen", value);
        map["immutable"] = json!(true);
        map
    };
    desk.converge(&[namespace(), frozen("1")], json!({})).await.unwrap();
    let refused = desk.converge(&[namespace(), frozen("2")], json!({})).await.unwrap_err();
    assert_eq!(
        refused,
        "ConfigMap/shop/frozen dry-run failed (Invalid): ConfigMap \"frozen\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
    );
    let before = desk.cluster.get(&Reference::new(gvk("v1", "ConfigMap"), "shop", "frozen")).await.unwrap();
    let done = desk.converge(&[namespace(), frozen("2")], json!({"force": true})).await.unwrap();
    assert_eq!(done, ["ConfigMap/shop/frozen recreated"]);
    let after = desk.cluster.get(&Reference::new(gvk("v1", "ConfigMap"), "shop", "frozen")).await.unwrap();
    assert_ne!(before.uid(), after.uid());
    assert_eq!(after.text(&["data", "value"]), Some("2"));
}

/// Before every single write it is asked whether this node still leads; the next leader goes on from wherever that was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_writes_without_the_lease() {
    let [definition, widget] = widgets();
    let all = [namespace(), settings("a", "1"), deployment("web:1"), definition, widget];
    let mut stops = 0;
    for writes in 0..12 {
        let mut desk = Desk::new();
        desk.writes_left.store(writes, Ordering::Relaxed);
        let result = desk.converge(&all, json!({"wait": true})).await;
        let asked = desk.counted.take();
        let written: usize =
            ["apply", "create", "delete", "patch", "update"].iter().filter_map(|it| asked.get(it)).sum();
        match result {
            Ok(_) => assert!(written <= writes, "{writes}: {asked:?}"),
            Err(error) => {
                assert_eq!(error, Failure::NotLeader.to_string());
                assert!(written <= writes, "{writes}: {asked:?}");
                stops += 1;
                desk.writes_left.store(usize::MAX, Ordering::Relaxed);
                desk.converge(&all, json!({"wait": true})).await.unwrap();
            }
        }
        assert!(desk.file("namespaces/shop/Widget.example.com/w.yaml").exists());
    }
    assert!(stops >= 6, "{stops}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_name_their_object_and_no_secret() {
    let mut desk = Desk::new();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, "stringData": {"password": "hunter2"}});
    let all = [namespace(), secret.clone()];
    desk.converge(&[namespace()], json!({})).await.unwrap();
    let rendered = desk.rendered(&all, json!({})).await;
    let plan = desk.plan(&rendered).await.unwrap();
    // Between plan and execution the namespace goes.
    fs::remove_file(desk.file("cluster/Namespace/shop.yaml")).unwrap();
    let outcome = desk.execute(&plan).await;
    let End::Failed(failure) = outcome.end else { panic!("{:?}", outcome.end) };
    assert_eq!(failure.to_string(), "Secret/shop/s apply failed: namespaces \"shop\" not found");
    assert_eq!(failure.code(), "not_found");
    let (id, done) = outcome.results.last().unwrap();
    assert_eq!((id.to_string().as_str(), done), ("Secret/shop/s", &Done::Failed(failure.to_string())));
    assert!(!format!("{:?}", outcome.results).contains("hunter2"));

    // Deletions are all tried, and each that failed is named.
    desk.converge(&[namespace(), settings("a", "1"), settings("b", "1")], json!({})).await.unwrap();
    let rendered = desk.rendered(&[namespace()], json!({})).await;
    let plan = desk.plan(&rendered).await.unwrap();
    for name in ["a", "b"] {
        // Made again by someone else: another object under the same name.
        let file = desk.file(&format!("namespaces/shop/ConfigMap/{name}.yaml"));
        let text = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        desk.cluster.get(&Reference::new(gvk("v1", "ConfigMap"), "shop", name)).await.unwrap_err();
        fs::write(&file, text).unwrap();
    }
    let outcome = desk.execute(&plan).await;
    let End::Failed(Failure::Deletes(failed)) = outcome.end else { panic!("{:?}", outcome.end) };
    assert_eq!(failed.iter().map(|(id, ..)| id.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert!(
        failed[0].1.starts_with("ConfigMap/shop/b delete failed: Operation cannot be fulfilled"),
        "{}",
        failed[0].1
    );
    let last = desk.converge(&[namespace()], json!({})).await.unwrap();
    assert_eq!(last, ["ConfigMap/shop/b deleted", "ConfigMap/shop/a deleted"], "planned anew they go");
}

/// What an observation says about kinds that are not served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_that_went() {
    let mut desk = Desk::new();
    let [definition, widget] = widgets();
    desk.converge(&[namespace(), definition.clone(), widget], json!({})).await.unwrap();
    // Not established, and then gone.
    let reference = Reference::of(&object(definition));
    let patch = [json!({"op": "replace", "path": "/spec/versions/0/served", "value": false})];
    desk.cluster.patch(&reference, &patch, &UpdateOptions::by("test")).await.unwrap();
    let rendered = desk.rendered(&[namespace()], json!({})).await;
    let dry_runs = async |desk: &Desk| {
        let inventories = Inventories::read(&*desk.cluster).await.unwrap();
        let around = inventories.around(rendered.owner(), &Owners::default()).unwrap();
        let observed = desk.observer().observe(&rendered, around, &Settled::default()).await.unwrap();
        let widget =
            observed.objects.iter().find(|(id, _)| id.group_kind.kind == "Widget").unwrap().1.clone();
        format!("{:?}", widget.dry_run)
    };
    assert_eq!(dry_runs(&desk).await, "NotServed", "its definition is there");
    desk.cluster.delete(&reference, &DeleteOptions::default()).await.unwrap();
    assert_eq!(dry_runs(&desk).await, "NotDefined", "nothing of it can be there");
}

/// Impersonation: objects are written with the entry's rights alone, the inventory with the agent's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_has_its_own_rights() {
    let mut desk = Desk::new();
    let rbac = [
        namespace(),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer", "namespace": "shop"}}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r", "namespace": "shop"},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"]}]}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b", "namespace": "shop"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
            "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": "shop"}]}),
    ];
    for value in rbac {
        desk.cluster.create(&object(value), &CreateOptions::by("admin")).await.unwrap();
    }
    let deployer = ServiceAccount { namespace: "shop".parse().unwrap(), name: "deployer".to_owned() };
    let mut theirs = Desk { cluster: desk.cluster.impersonate(&deployer), ..Desk::new() };
    let rendered = desk.rendered(&[settings("a", "1")], json!({})).await;
    let observer = theirs.observer();
    let observed = observer.observe(&rendered, plan::Observed::default(), &Settled::default()).await.unwrap();
    assert!(matches!(observed.objects.values().next().unwrap().dry_run, plan::DryRun::Would(_)));
    let rendered = theirs.rendered(&[namespace(), settings("a", "1")], json!({})).await;
    let refused = observer.observe(&rendered, plan::Observed::default(), &Settled::default()).await;
    assert_eq!(code(&refused), "forbidden", "it may not even look at a namespace");
}
