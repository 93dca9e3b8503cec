//! What is special about the directory: its files, people who edit them, declared health, other processes, and kills.

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use airlock::{
    cluster::{
        ApplyOptions, Cluster, CreateOptions, DeleteOptions, ListOptions, Reference, UpdateOptions,
        WatchEvent, directory::DirectoryCluster,
    },
    object::health::{Status, flux},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CountedIds, SetClock, code, conformance, eventually, gvk, object};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let root = tempfile::tempdir().unwrap();
    let cluster = DirectoryCluster::open(root.path()).unwrap();
    let compacted = cluster.clone();
    let expire = Box::new(move || compacted.compact().unwrap());
    conformance::run(&conformance::Peer { cluster: Arc::new(cluster), expire }).await;
}

/// A cluster with a clock and UIDs of the test's, and namespace `web`.
async fn web(root: &Path) -> (DirectoryCluster, Arc<SetClock>) {
    let clock = Arc::new(SetClock::new());
    let cluster = DirectoryCluster::open_with(root, clock.clone(), Arc::new(CountedIds::default())).unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}});
    let made = cluster.create(&object(namespace), &CreateOptions::by("test")).await;
    assert!(matches!(code(&made), "ok" | "already_exists"));
    (cluster, clock)
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "web"}, "data": data})
}

fn deployment(name: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "web"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": "app:1"}]}},
        },
    })
}

async fn force(cluster: &DirectoryCluster, value: Value) -> airlock::object::Object {
    cluster.apply(&object(value), &ApplyOptions::force("ours")).await.unwrap()
}

fn at(kind: &str, name: &str) -> Reference {
    let api_version = if kind == "ConfigMap" { "v1" } else { "apps/v1" };
    Reference::new(gvk(api_version, kind), "web", name)
}

/// Every visible file below the root.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            match path.is_dir() {
                true if name != ".airlock" => folders.push(path),
                true => {}
                false => found.push(name),
            }
        }
    }
    found.sort_unstable();
    found
}

#[tokio::test]
async fn files_are_what_a_person_would_write() {
    let root = tempfile::tempdir().unwrap();
    let (cluster, _) = web(root.path()).await;
    force(&cluster, deployment("frontend", 2)).await;
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "system:reader"}, "rules": []});
    force(&cluster, role).await;
    let long = "n".repeat(253);
    force(&cluster, config_map(&long, json!({"a": "b"}))).await;
    let listed = files(root.path());
    assert_eq!(
        listed[..6],
        [
            "cluster/ClusterRole.rbac.authorization.k8s.io/system:reader.yaml",
            "cluster/Namespace/default.yaml",
            "cluster/Namespace/kube-public.yaml",
            "cluster/Namespace/kube-system.yaml",
            "cluster/Namespace/web.yaml",
            listed[5].as_str(),
        ]
    );
    assert_eq!(listed[6..], ["namespaces/web/Deployment.apps/frontend.yaml"]);
    assert!(listed[5].starts_with("namespaces/web/ConfigMap/nnn") && listed[5].contains('~'), "{listed:?}");
    assert_eq!(code(&cluster.get(&at("ConfigMap", &long)).await), "ok");
    let text = fs::read_to_string(root.path().join("namespaces/web/Deployment.apps/frontend.yaml")).unwrap();
    let shown: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(shown, deployment("frontend", 2), "{text}");
    // Folders that are empty go with the last file.
    cluster.delete(&at("Deployment", "frontend"), &DeleteOptions::default()).await.unwrap();
    assert!(!root.path().join("namespaces/web/Deployment.apps").exists());
}

#[tokio::test]
async fn the_same_input_gives_the_same_bytes() {
    let mut logs = Vec::new();
    for _ in 0..2 {
        let root = tempfile::tempdir().unwrap();
        let (cluster, _) = web(root.path()).await;
        force(&cluster, deployment("frontend", 2)).await;
        cluster.delete(&at("Deployment", "frontend"), &DeleteOptions::default()).await.unwrap();
        logs.push(fs::read(root.path().join(".airlock/log")).unwrap());
    }
    assert_eq!(logs[0], logs[1]);
}

#[tokio::test]
async fn a_directory_that_holds_something_else_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("thesis.txt"), "mine").unwrap();
    assert_eq!(code(&DirectoryCluster::open(root.path()).map(|_| ())), "disk");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

/// What people do to files, and what a watch tells about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hands_are_a_foreign_manager() {
    let root = tempfile::tempdir().unwrap();
    let (cluster, _) = web(root.path()).await;
    let made = force(&cluster, deployment("frontend", 2)).await;
    let path = root.path().join("namespaces/web/Deployment.apps/frontend.yaml");
    let kind = gvk("apps/v1", "Deployment");
    let options = ListOptions::in_namespace("web");
    let (_, from) = cluster.list_metadata(&kind, &options).await.unwrap();
    let mut watch = cluster.watch_metadata(&kind, &options, &from).await.unwrap();
    let mut next = async || loop {
        match tokio::time::timeout(Duration::from_secs(10), watch.next()).await.unwrap().unwrap().unwrap() {
            WatchEvent::Bookmark(_) => {}
            event => return event,
        }
    };
    // Edited in place, as an editor or a sed would.
    let text = fs::read_to_string(&path).unwrap().replace("replicas: 2", "replicas: 5   # by hand");
    assert!(text.contains("by hand"));
    fs::write(&path, &text).unwrap();
    let WatchEvent::Modified(event) = next().await else { panic!("not modified") };
    assert_eq!(event.as_object().generation(), Some(2));
    let live = cluster.get(&at("Deployment", "frontend")).await.unwrap();
    assert_eq!((live.get(&["spec", "replicas"]), live.uid()), (Some(&json!(5)), made.uid()));
    let managed = live.get(&["metadata", "managedFields"]).unwrap().as_array().unwrap();
    let file = managed.iter().find(|it| it["manager"] == "file").unwrap();
    assert_eq!(file["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        text,
        "a person's comment stays until something changes the object"
    );
    let conflict = cluster
        .apply(
            &object(deployment("frontend", 2)),
            &ApplyOptions { force: false, ..ApplyOptions::force("ours") },
        )
        .await;
    assert_eq!(
        conflict.unwrap_err().to_string(),
        "Apply failed with 1 conflict: conflict with \"file\" using apps/v1: .spec.replicas"
    );
    // Put back.
    force(&cluster, deployment("frontend", 2)).await;
    assert!(fs::read_to_string(&path).unwrap().contains("replicas: 2\n"));
    while !matches!(&next().await, WatchEvent::Modified(it) if it.as_object().generation() == Some(3)) {}

    // In somebody's hands: an editor empties the file, thinks for a while, and fills it.
    let uid = cluster.get(&at("Deployment", "frontend")).await.unwrap().uid().map(str::to_owned);
    for slow in ["", "apiVersion: apps/v1\nkind: Dep"] {
        fs::write(&path, slow).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let there = cluster.get(&at("Deployment", "frontend")).await.unwrap();
        assert_eq!(there.uid().map(str::to_owned), uid, "a file that is being written is no deletion");
    }
    fs::write(&path, &text).unwrap();
    while !matches!(&next().await, WatchEvent::Modified(it) if it.as_object().generation() == Some(4)) {}
    force(&cluster, deployment("frontend", 2)).await;
    while !matches!(&next().await, WatchEvent::Modified(it) if it.as_object().generation() == Some(5)) {}

    // Removed, and broken for good, which is the same to a cluster.
    for spoil in
        [|path: &Path| fs::remove_file(path).unwrap(), |path: &Path| fs::write(path, "\t- {").unwrap()]
    {
        let uid = cluster.get(&at("Deployment", "frontend")).await.unwrap().uid().map(str::to_owned);
        spoil(&path);
        loop {
            if let WatchEvent::Deleted(event) = next().await {
                assert_eq!(event.as_object().uid(), uid.as_deref());
                break;
            }
        }
        force(&cluster, deployment("frontend", 2)).await;
        assert!(fs::read_to_string(&path).unwrap().contains("replicas: 2\n"));
        while !matches!(next().await, WatchEvent::Added(_)) {}
    }

    // Added, and renamed: another object.
    fs::write(path.with_file_name("by-hand.yaml"), serde_yaml::to_string(&deployment("by-hand", 1)).unwrap())
        .unwrap();
    loop {
        if let WatchEvent::Added(event) = next().await {
            assert_eq!(event.as_object().name(), "by-hand");
            break;
        }
    }
    // A file whose name and content differ, one of an unknown kind, and one in no namespace are no objects.
    fs::write(path.with_file_name("other.yaml"), serde_yaml::to_string(&deployment("by-hand", 1)).unwrap())
        .unwrap();
    fs::create_dir_all(root.path().join("namespaces/nowhere/ConfigMap")).unwrap();
    fs::write(
        root.path().join("namespaces/nowhere/ConfigMap/a.yaml"),
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}",
    )
    .unwrap();
    fs::create_dir_all(root.path().join("namespaces/web/Widget.example.org")).unwrap();
    fs::write(
        root.path().join("namespaces/web/Widget.example.org/a.yaml"),
        "{apiVersion: example.org/v1, kind: Widget, metadata: {name: a}}",
    )
    .unwrap();
    let (deployments, _) = cluster.list(&kind, &options).await.unwrap();
    assert_eq!(deployments.iter().map(|it| it.name()).collect::<Vec<_>>(), ["by-hand", "frontend"]);
    let (maps, _) = cluster.list(&gvk("v1", "ConfigMap"), &ListOptions::default()).await.unwrap();
    assert!(maps.is_empty());

    // A whole namespace, by its one file.
    fs::remove_file(root.path().join("cluster/Namespace/web.yaml")).unwrap();
    eventually("the namespace takes its content along", async || {
        let (left, _) = cluster.list(&kind, &ListOptions::default()).await.unwrap();
        left.is_empty().then_some(())
    })
    .await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_with_finalizers_comes_back_until_they_are_done() {
    let root = tempfile::tempdir().unwrap();
    let (cluster, _) = web(root.path()).await;
    let mut value = config_map("held", json!({}));
    value["metadata"]["finalizers"] = json!(["example.org/hold"]);
    force(&cluster, value).await;
    let path = root.path().join("namespaces/web/ConfigMap/held.yaml");
    fs::remove_file(&path).unwrap();
    let held = cluster.get(&at("ConfigMap", "held")).await.unwrap();
    assert!(held.deleted().is_some() && path.exists());
    let patch = [json!({"op": "remove", "path": "/metadata/finalizers"})];
    cluster.patch(&at("ConfigMap", "held"), &patch, &UpdateOptions::by("holder")).await.unwrap();
    assert_eq!(code(&cluster.get(&at("ConfigMap", "held")).await), "not_found");
    assert!(!path.exists());
}

#[tokio::test]
async fn health_is_declared() {
    let root = tempfile::tempdir().unwrap();
    let (cluster, clock) = web(root.path()).await;
    let health = root.path().join(".airlock/health.yaml");
    let pod_template = json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "main", "image": "app:1"}], "restartPolicy": "Never"}});
    let kinds = [
        deployment("x", 3),
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "x", "namespace": "web"}, "spec": {"serviceName": "x", "selector": {"matchLabels": {"app": "x"}}, "template": pod_template}}),
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "x", "namespace": "web"}, "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": pod_template}}),
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "x", "namespace": "web"}, "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": pod_template}}),
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x", "namespace": "web"}, "spec": {"template": pod_template}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "web"}, "spec": {"containers": [{"name": "main", "image": "app:1"}]}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "x", "namespace": "web"}, "spec": {"accessModes": ["ReadWriteOnce"]}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x", "namespace": "web"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "x", "namespace": "web"}, "spec": {}}),
    ];
    let look = async |value: &Value| {
        let live = cluster.get(&Reference::of(&object(value.clone()))).await.unwrap();
        let now: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let health = flux(&live, &[], now);
        (health.status, health.message)
    };
    for value in &kinds {
        force(&cluster, value.clone()).await;
        assert_eq!(look(value).await.0, Status::Current, "{value}");
    }
    fs::write(&health, "- {object: '*/web/*', status: InProgress, message: pulling}\n").unwrap();
    for value in &kinds {
        let (status, message) = look(value).await;
        assert_eq!(status, Status::InProgress, "{value}: {message}");
        assert!(message == "pulling" || value["kind"] == "Job", "{message}");
    }
    fs::write(&health, "- {object: '*/web/*', status: Failed, message: no such image}\n").unwrap();
    for value in &kinds {
        let (status, message) = look(value).await;
        assert_eq!(status, Status::Failed, "{value}: {message}");
        assert!(message == "no such image" || value["kind"] == "Job", "{message}");
    }
    fs::remove_file(&health).unwrap();
    for value in &kinds {
        assert_eq!(look(value).await.0, Status::Current, "{value}");
    }
    // In time, and anew for every generation.
    fs::write(
        &health,
        "- {object: Deployment/web/x, after: 5s}\n- {object: Deployment/web/x, status: Failed}\n",
    )
    .unwrap();
    for replicas in [4, 5] {
        force(&cluster, deployment("x", replicas)).await;
        assert_eq!(look(&kinds[0]).await.0, Status::InProgress);
        clock.advance(Duration::from_millis(4900));
        assert_eq!(look(&kinds[0]).await.0, Status::InProgress);
        clock.advance(Duration::from_secs(1));
        assert_eq!(look(&kinds[0]).await.0, Status::Current);
    }
    fs::write(&health, "- {object: Deployment/web/x, status: Splendid}\n").unwrap();
    assert_eq!(code(&cluster.get(&at("Deployment", "x")).await), "disk");
}

/// Two handles on one directory are two processes, as far as locks and logs are concerned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_a_directory() {
    let root = tempfile::tempdir().unwrap();
    let (one, _) = web(root.path()).await;
    let two = DirectoryCluster::open(root.path()).unwrap();
    let kind = gvk("v1", "ConfigMap");
    let (_, from) = two.list_metadata(&kind, &ListOptions::default()).await.unwrap();
    let mut watch = two.watch_metadata(&kind, &ListOptions::default(), &from).await.unwrap();
    force(&one, config_map("count", json!({"n": "0"}))).await;
    let event = tokio::time::timeout(Duration::from_secs(10), watch.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Added(it) if it.as_object().name() == "count"));
    // Both count with optimistic concurrency; not one step is lost, and both compact the log meanwhile.
    let count = async |cluster: DirectoryCluster| {
        let mut conflicts = 0;
        for done in 0..25 {
            loop {
                let live = cluster.get(&at("ConfigMap", "count")).await.unwrap();
                let n: u64 = live.text(&["data", "n"]).unwrap().parse().unwrap();
                let mut value = live.into_value();
                value["data"]["n"] = json!((n + 1).to_string());
                match code(&cluster.update(&object(value), &UpdateOptions::by("counter")).await) {
                    "ok" => break,
                    "conflict" => conflicts += 1,
                    other => panic!("{other}"),
                }
            }
            if done % 10 == 0 {
                cluster.compact().unwrap();
            }
        }
        conflicts
    };
    let (a, b) = tokio::join!(tokio::spawn(count(one.clone())), tokio::spawn(count(two.clone())));
    a.unwrap();
    b.unwrap();
    for cluster in [&one, &two] {
        let live = cluster.get(&at("ConfigMap", "count")).await.unwrap();
        assert_eq!(live.text(&["data", "n"]), Some("50"));
    }
}

/// After a kill at any byte of the log, with the file written or not, the directory goes on where it was.
#[tokio::test]
async fn a_log_cut_anywhere_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let (cluster, _) = web(root.path()).await;
    let file = root.path().join("namespaces/web/ConfigMap/a.yaml");
    let log = root.path().join(".airlock/log");
    force(&cluster, config_map("a", json!({"n": "1"}))).await;
    let (before, old) = (fs::read(&log).unwrap(), fs::read(&file).unwrap());
    force(&cluster, config_map("a", json!({"n": "2"}))).await;
    let (after, new) = (fs::read(&log).unwrap(), fs::read(&file).unwrap());
    assert!(after.starts_with(&before) && old != new);
    let change = before.len() + after[before.len()..].iter().position(|c| *c == b'\n').unwrap() + 1;
    drop(cluster);
    let mut points = 0;
    for cut in (before.len()..=after.len()).filter(|cut| {
        cut % 7 == 0 || [before.len(), change - 1, change, after.len() - 1, after.len()].contains(cut)
    }) {
        // The file is renamed between the two lines, so it can be new only where the first line is whole.
        for there in [&old, &new] {
            let logged = cut >= change;
            if there == &new && !logged || there == &old && cut == after.len() {
                continue;
            }
            fs::write(&log, &after[..cut]).unwrap();
            fs::write(&file, there).unwrap();
            let cluster = DirectoryCluster::open(root.path()).unwrap();
            let live = cluster.get(&at("ConfigMap", "a")).await.unwrap();
            let wants = if logged { "2" } else { "1" };
            assert_eq!(live.text(&["data", "n"]), Some(wants), "cut at {cut}");
            assert_eq!(fs::read(&file).unwrap(), if logged { new.clone() } else { old.clone() });
            let managed = live.get(&["metadata", "managedFields"]).unwrap().to_string();
            assert!(!managed.contains("\"file\""), "nobody edited it: {managed}");
            force(&cluster, config_map("a", json!({"n": "3"}))).await;
            points += 1;
        }
    }
    assert!(points > 50, "{points}");
}

/// The other half of [`kills_lose_nothing`]: writes until it is killed.
#[test]
#[ignore = "run by `kills_lose_nothing`, which kills it"]
fn writer() {
    let root = std::env::var_os("AIRLOCK_TEST_ROOT").expect("whoever runs it says where it writes");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cluster = DirectoryCluster::open(Path::new(&root)).unwrap();
        for n in 0_u64.. {
            let name = format!("m-{}", n % 7);
            force(&cluster, config_map(&name, json!({"n": n.to_string()}))).await;
            println!("{name} {n}");
            if n % 11 == 10 {
                cluster.delete(&at("ConfigMap", "m-3"), &DeleteOptions::default()).await.ok();
                cluster.compact().unwrap();
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing() {
    use std::io::Read as _;
    let root = tempfile::tempdir().unwrap();
    drop(web(root.path()).await);
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cluster::directory::writer", "--ignored", "--nocapture", "--quiet"])
            .env("AIRLOCK_TEST_ROOT", root.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(150 + round * 13)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        let whole = &said[..said.rfind('\n').map_or(0, |at| at + 1)];
        let acknowledged: std::collections::BTreeMap<&str, u64> = whole
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(name, n)| Some((name, n.parse().ok()?)))
            .collect();
        assert!(!acknowledged.is_empty(), "round {round}: nothing was written in time: {said}");
        let cluster = DirectoryCluster::open(root.path()).unwrap();
        for (name, n) in acknowledged {
            let found = cluster.get(&at("ConfigMap", name)).await;
            if name == "m-3" && code(&found) == "not_found" {
                continue;
            }
            let live = found.unwrap();
            let there: u64 = live.text(&["data", "n"]).unwrap().parse().unwrap();
            assert!(there >= n, "round {round}: {name} went back from {n} to {there}");
            let managed = live.get(&["metadata", "managedFields"]).unwrap().to_string();
            assert!(!managed.contains("\"file\""), "round {round}: nobody edited {name}: {managed}");
        }
        for file in files(root.path()) {
            let text = fs::read_to_string(root.path().join(&file)).unwrap();
            let shown: Value = serde_yaml::from_str(&text).unwrap();
            assert!(shown["metadata"]["name"].is_string(), "{file} is whole");
        }
    }
}
