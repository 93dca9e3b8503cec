//! Watches, leases, events, and whom a request is made as.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use airlock::{
    cluster::{
        ApplyOptions, DeleteOptions, Error, Event, EventType, ListOptions, Reference, ResourceVersion, Watch,
        WatchEvent,
        follow::{Change, Follow},
        lease::{Elector, Moment, Outcome},
    },
    render::ServiceAccount,
};
use jiff::Timestamp;
use serde_json::json;

use super::{
    super::{code, eventually, gvk, object},
    Peer, config_map, force, make, reference, version_now,
};

/// The next event that is no bookmark, and not about what the cluster puts into each namespace in its own time.
async fn next(watch: &mut Watch) -> Result<WatchEvent, Error> {
    loop {
        let event =
            tokio::time::timeout(Duration::from_secs(10), watch.next()).await.expect("an event in time");
        match event.expect("the watch goes on") {
            Ok(WatchEvent::Bookmark(_)) => {}
            Ok(event) if told(&event).1 == "kube-root-ca.crt" => {}
            event => return event,
        }
    }
}

fn told(event: &WatchEvent) -> (&'static str, String) {
    match event {
        WatchEvent::Added(it) => ("added", it.as_object().name().to_owned()),
        WatchEvent::Modified(it) => ("modified", it.as_object().name().to_owned()),
        WatchEvent::Deleted(it) => ("deleted", it.as_object().name().to_owned()),
        WatchEvent::Bookmark(_) => ("bookmark", String::new()),
    }
}

pub(super) async fn watching(peer: &Peer, namespace: &str) {
    let kind = gvk("v1", "ConfigMap");
    let before = make(peer, config_map(namespace, "before", json!({}))).await;
    let from = version_now(peer, namespace).await;
    let mut watch =
        peer.cluster.watch_metadata(&kind, &ListOptions::in_namespace(namespace), &from).await.unwrap();
    let made = make(peer, config_map(namespace, "a", json!({"x": "1"}))).await;
    make(peer, config_map("default", &format!("{namespace}-elsewhere"), json!({}))).await;
    let changed = force(peer, config_map(namespace, "a", json!({"x": "2"})), "ours").await.unwrap();
    peer.cluster.delete(&reference(&before), &DeleteOptions::default()).await.unwrap();
    let mut versions = Vec::new();
    for wants in [("added", "a"), ("modified", "a"), ("deleted", "before")] {
        let event = next(&mut watch).await.unwrap();
        let (what, name) = told(&event);
        assert_eq!((what, name.as_str()), wants);
        versions.push(event.resource_version().unwrap().0);
        if let WatchEvent::Added(it) | WatchEvent::Modified(it) = &event {
            assert!(it.as_object().get(&["data"]).is_none() && it.as_object().uid() == made.uid());
        }
    }
    assert_eq!(
        (versions[0].as_str(), versions[1].as_str()),
        (made.resource_version().unwrap(), changed.resource_version().unwrap())
    );
    // A watch goes on from any version that it was told.
    drop(watch);
    let from = ResourceVersion(versions[0].clone());
    let mut again =
        peer.cluster.watch_metadata(&kind, &ListOptions::in_namespace(namespace), &from).await.unwrap();
    assert_eq!(told(&next(&mut again).await.unwrap()), ("modified", "a".to_owned()));
    assert_eq!(told(&next(&mut again).await.unwrap()), ("deleted", "before".to_owned()));
    let elsewhere = Reference::new(kind, "default", &format!("{namespace}-elsewhere"));
    peer.cluster.delete(&elsewhere, &DeleteOptions::default()).await.unwrap();
}

pub(super) async fn watching_by_label(peer: &Peer, namespace: &str) {
    let labelled = |name: &str, label: &str| {
        let mut value = config_map(namespace, name, json!({}));
        value["metadata"]["labels"] = json!({"app": label});
        value
    };
    let from = version_now(peer, namespace).await;
    let options = ListOptions::in_namespace(namespace).labelled("app", "web");
    let mut watch = peer.cluster.watch_metadata(&gvk("v1", "ConfigMap"), &options, &from).await.unwrap();
    for (name, label) in [("a", "web"), ("b", "db"), ("a", "db"), ("b", "web")] {
        force(peer, labelled(name, label), "ours").await.unwrap();
    }
    for wants in [("added", "a"), ("deleted", "a"), ("added", "b")] {
        let event = next(&mut watch).await.unwrap();
        let (what, name) = told(&event);
        assert_eq!((what, name.as_str()), wants);
    }
}

pub(super) async fn expiry(peer: &Peer, namespace: &str) {
    let kind = gvk("v1", "ConfigMap");
    let options = ListOptions::in_namespace(namespace);
    let kept = make(peer, config_map(namespace, "kept", json!({}))).await;
    let goes = make(peer, config_map(namespace, "goes", json!({}))).await;
    let mut follow = Follow::new(peer.cluster.clone(), kind.clone(), options.clone());
    let mut first = Vec::new();
    loop {
        match follow.next().await.unwrap() {
            Change::Listed => break,
            Change::Applied(it) => first.push(it.as_object().name().to_owned()),
            Change::Deleted(it) => panic!("{it:?}"),
        }
    }
    first.retain(|name| name != "kube-root-ca.crt");
    assert_eq!(first, ["goes", "kept"]);
    let old = version_now(peer, namespace).await;
    // Nobody listens meanwhile, and the history is lost.
    force(peer, config_map(namespace, "kept", json!({"x": "1"})), "ours").await.unwrap();
    peer.cluster.delete(&reference(&goes), &DeleteOptions::default()).await.unwrap();
    make(peer, config_map(namespace, "new", json!({}))).await;
    (peer.expire)();
    let watched = peer.cluster.watch_metadata(&kind, &options, &old).await;
    let expired = match watched {
        Ok(mut watch) => next(&mut watch).await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert_eq!(code(&expired), "gone");
    let mut changes = Vec::new();
    while changes.len() < 3 {
        match tokio::time::timeout(Duration::from_secs(10), follow.next())
            .await
            .expect("a change in time")
            .unwrap()
        {
            Change::Listed => {}
            Change::Applied(it) => changes.push(format!("+{}", it.as_object().name())),
            Change::Deleted(it) => changes.push(format!("-{}", it.as_object().name())),
        }
    }
    changes.sort_unstable();
    assert_eq!(changes, ["+kept", "+new", "-goes"], "what was missed is told as changes");
    assert_eq!(follow.known().filter(|it| it.as_object().uid() == kept.uid()).count(), 1);
}

fn moment(start: Instant, seconds: u64) -> Moment {
    let wall: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let passed = Duration::from_secs(seconds);
    Moment { wall: wall.checked_add(passed).unwrap(), steady: start + passed }
}

pub(super) async fn leases(peer: &Peer, namespace: &str) {
    let start = Instant::now();
    let at = |seconds| moment(start, seconds);
    let duration = Duration::from_secs(15);
    let cluster = &*peer.cluster;
    let mut a = Elector::new(namespace, "leader", "node-a", duration);
    let mut b = Elector::new(namespace, "leader", "node-b", duration);
    let held = |outcome: &Outcome| matches!(outcome, Outcome::Held(_));
    assert!(held(&a.try_acquire_or_renew(cluster, at(0)).await.unwrap()));
    assert_eq!(b.try_acquire_or_renew(cluster, at(1)).await.unwrap(), Outcome::HeldBy("node-a".to_owned()));
    assert!(a.leads(at(14)) && !a.leads(at(15)) && !b.leads(at(1)));
    assert!(held(&a.try_acquire_or_renew(cluster, at(10)).await.unwrap()));
    assert!(a.leads(at(24)));
    // B sees the renewal at 12, and waits a whole duration from then.
    assert!(!held(&b.try_acquire_or_renew(cluster, at(12)).await.unwrap()));
    assert!(!held(&b.try_acquire_or_renew(cluster, at(26)).await.unwrap()));
    assert!(held(&b.try_acquire_or_renew(cluster, at(27)).await.unwrap()));
    assert!(b.leads(at(28)) && !a.leads(at(28)));
    assert_eq!(a.try_acquire_or_renew(cluster, at(28)).await.unwrap(), Outcome::HeldBy("node-b".to_owned()));
    let reference = Reference::new(gvk("coordination.k8s.io/v1", "Lease"), namespace, "leader");
    let lease = cluster.get(&reference).await.unwrap();
    assert_eq!(lease.get(&["spec", "leaseTransitions"]), Some(&json!(1)));
    b.release(cluster, at(29)).await.unwrap();
    assert!(!b.leads(at(29)));
    assert!(
        held(&a.try_acquire_or_renew(cluster, at(30)).await.unwrap()),
        "nobody waits for what was released"
    );
    // A machine that slept has a steady clock that did too; the wall clock tells.
    let woken = Moment { wall: at(600).wall, steady: at(31).steady };
    assert!(a.leads(at(31)) && !a.leads(woken));
}

pub(super) async fn events(peer: &Peer, namespace: &str) {
    let about = make(peer, config_map(namespace, "a", json!({}))).await;
    let now = Timestamp::now();
    let message = "ä".repeat(2000);
    let event = Event {
        regarding: &about,
        event_type: EventType::Warning,
        reason: "ReconciliationFailed",
        message: &message,
        component: "kustomize-controller",
        host: "node-a",
        annotations: BTreeMap::from([("kustomize.toolkit.fluxcd.io/revision".to_owned(), "main".to_owned())]),
    };
    event.send(&*peer.cluster, now).await.unwrap();
    let (events, _) =
        peer.cluster.list(&gvk("v1", "Event"), &ListOptions::in_namespace(namespace)).await.unwrap();
    // By field, so that a namespace full of events costs nothing.
    for (uid, count) in [(about.uid().unwrap(), 1), ("11111111-1111-4111-8111-111111111111", 0)] {
        let options = ListOptions::in_namespace(namespace).with_field("involvedObject.uid", uid);
        let (events, _) = peer.cluster.list(&gvk("v1", "Event"), &options).await.unwrap();
        assert_eq!(events.len(), count);
    }
    let found = events.iter().find(|it| it.text(&["reason"]) == Some("ReconciliationFailed")).unwrap();
    assert_eq!(found.text(&["involvedObject", "uid"]), about.uid());
    assert_eq!(found.text(&["type"]), Some("Warning"));
    assert_eq!(found.text(&["message"]).map(str::len), Some(1024));
    assert_eq!(found.annotation("kustomize.toolkit.fluxcd.io/revision"), Some("main"));
}

pub(super) async fn impersonation(peer: &Peer, namespace: &str) {
    let account = ServiceAccount { namespace: namespace.parse().unwrap(), name: "deployer".to_owned() };
    make(peer, json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer", "namespace": namespace}})).await;
    let theirs = peer.cluster.impersonate(&account);
    let value = object(config_map(namespace, "a", json!({})));
    let error = theirs.apply(&value, &ApplyOptions::force("ours")).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error:?}");
    assert!(error.to_string().contains(&format!("User \"system:serviceaccount:{namespace}:deployer\" cannot patch resource \"configmaps\" in API group \"\" in the namespace \"{namespace}\"")), "{error}");
    make(peer, json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r", "namespace": namespace},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch"]}]})).await;
    make(peer, json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": namespace}]})).await;
    eventually("the right is known", async || theirs.apply(&value, &ApplyOptions::force("ours")).await.ok())
        .await;
    assert_eq!(code(&theirs.get(&Reference::of(&value)).await), "ok");
    assert_eq!(code(&theirs.delete(&Reference::of(&value), &DeleteOptions::default()).await), "forbidden");
    let elsewhere = object(config_map("default", "a", json!({})));
    assert_eq!(code(&theirs.apply(&elsewhere, &ApplyOptions::dry_run("ours")).await), "forbidden");
    let listed = theirs.list(&gvk("v1", "ConfigMap"), &ListOptions::in_namespace(namespace)).await;
    assert_eq!(code(&listed), "forbidden");
    assert_eq!(
        code(&peer.cluster.get(&Reference::of(&value)).await),
        "ok",
        "our own rights are as they were"
    );
}
