//! A node, opened as its configuration says, and a real API server: the main job from a stick to objects, and back to them.

use airlock::daemon::{Opened, Settings, open};

use super::*;
use crate::support::peer::{self, ControlPlane};

impl Ship {
    /// The configuration of a node that applies with this kubeconfig.
    fn settings(&self, kubeconfig: &Path) -> Settings {
        let path = |name: &str| self.path(name).display().to_string();
        let text = json!({
            "cluster": "ship-7", "channels": ["platform"], "arch": "amd64", "apply": {"kubeconfig": kubeconfig},
            "store": path("store"), "site": path("site.yaml"), "storeId": path("store-id"), "socket": path("airlock.sock"),
        });
        Settings::parse("airlock.yaml", &text.to_string(), "amd64").unwrap()
    }

    fn opened(&self, plane: &ControlPlane) -> Arc<Node> {
        let clock: Clock = Arc::new(|| day(7));
        let Opened { node, .. } = open(self.settings(&plane.kubeconfig_path()), clock).unwrap();
        node
    }
}

fn workload(name: &str, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": image}]},
        },
    }})
}

fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "crates.shop.example.org"}, "spec": {
        "group": "shop.example.org", "scope": "Namespaced", "names": {"kind": "Crate", "plural": "crates"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
        }}}}],
    }})
}

fn custom(size: i64) -> Value {
    json!({"apiVersion": "shop.example.org/v1", "kind": "Crate", "metadata": {"name": "c", "namespace": "shop"}, "spec": {"size": size}})
}

/// Passes until all entries are ready: a pass that waits for a deployment may run out of the test bundles' five seconds.
async fn settle(node: &Arc<Node>, sequence: u64) {
    for _ in 0..24 {
        node.reconcile(None).await;
        if sequences(node)[2] == Some(sequence) {
            return;
        }
    }
    panic!("{:#?}", channel(node));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_comes_to_a_real_cluster_and_stays_there() {
    let Some(plane) = peer::shared() else { return };
    let ship = Ship::on(|_| plane.client());
    plane.with_node(&*ship.counted.inner).await;
    let node = ship.opened(&plane);
    let carry = |sequence: u64, more: Vec<Value>| {
        let (value, image) = (sequence.to_string(), format!("registry.example.com/web:{sequence}"));
        let shop = [vec![settings("a", &value), workload("web", &image), custom(1)], more].concat();
        let rows = [("base", &[] as &[&str], vec![space(), definition()]), ("shop", &["base"], shop)];
        let mut maker = bundle(sequence, &rows);
        maker.closure.external = vec![image];
        ship.carry(&node, &maker);
    };
    // Carried, and applied: a kind comes with its definition, and a deployment is waited for.
    carry(1, vec![settings("b", "1")]);
    settle(&node, 1).await;
    assert_eq!(ship.value("a").await.as_deref(), Some("1"));
    assert_eq!(ship.value("b").await.as_deref(), Some("1"));

    // Edited by somebody: put back, and what is foreign stays.
    let mut edited = serde_json::to_value(ship.object("ConfigMap", "a").await.unwrap()).unwrap();
    edited["data"] = json!({"value": "other", "foreign": "f"});
    let edited = Object::new(edited, "it").unwrap();
    ship.counted.inner.update(&edited, &UpdateOptions::by("somebody")).await.unwrap();
    node.reconcile(None).await;
    let live = ship.object("ConfigMap", "a").await.unwrap();
    assert_eq!(live.get(&["data"]), Some(&json!({"value": "1", "foreign": "f"})));
    // Deleted: made again.
    let at = reference("ConfigMap", "b");
    ship.counted.inner.delete(&at, &airlock::cluster::DeleteOptions::default()).await.unwrap();
    node.reconcile(None).await;
    assert_eq!(ship.value("b").await.as_deref(), Some("1"));

    // The next bundle drops an object, which goes.
    carry(2, Vec::new());
    settle(&node, 2).await;
    assert_eq!(ship.value("a").await.as_deref(), Some("2"));
    assert!(ship.object("ConfigMap", "b").await.is_none());
    let gvk = Gvk::parse("apps/v1", "Deployment").unwrap();
    let live = ship.counted.inner.get(&Reference::new(gvk, "shop", "web")).await.unwrap();
    assert_eq!(live.get(&["status", "updatedReplicas"]), Some(&json!(2)));

    // What has converged is left alone, to the last version.
    let versions = async || {
        let all = airlock::cluster::ListOptions::in_namespace("shop");
        let mut seen = Vec::new();
        for (api_version, kind) in
            [("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("shop.example.org/v1", "Crate")]
        {
            let gvk = Gvk::parse(api_version, kind).unwrap();
            let (items, _) = ship.counted.inner.list_metadata(&gvk, &all).await.unwrap();
            seen.extend(items.iter().map(|it| it.as_object().resource_version().unwrap().to_owned()));
        }
        seen
    };
    let before = versions().await;
    node.reconcile(None).await;
    assert_eq!(versions().await, before);
}

/// Whatever is wrong with the way to the server: what came is kept, nothing is written, and it says what to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_ways_to_a_server_are_told() {
    let Some(plane) = peer::shared() else { return };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let good = plane.kubeconfig(peer::ADMIN);
    let server = good.split("https://").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for (kubeconfig, code, exit) in [
        (plane.kubeconfig("no-such-token"), "unauthorized", 3),
        (plane.kubeconfig(peer::NOBODY), "forbidden", 3),
        (good.replace(&server, &closed.to_string()), "cluster_unavailable", 5),
        (good.replace("certificate-authority", "ignored"), "cluster_untrusted", 5),
        (good.replace("clusters", "clutters"), "kubeconfig", 4),
    ] {
        let ship = Ship::new();
        let path = ship.path("kubeconfig");
        std::fs::write(&path, &kubeconfig).unwrap();
        let clock: Clock = Arc::new(|| day(7));
        let Opened { node, .. } = open(ship.settings(&path), clock).unwrap();
        ship.carry(&node, &bundle(1, &[("shop", &[], vec![space()])]));
        node.reconcile(None).await;
        assert_eq!(sequences(&node), [Some(1), None, None], "it is kept, and waits");
        let refused = channel(&node).waiting.unwrap();
        assert_eq!((refused.code.as_str(), refused.class.exit_code()), (code, exit), "{refused:?}");
        assert!(refused.hint.is_some(), "{refused:?}");
    }
}

#[tokio::test]
async fn a_kubeconfig_that_names_a_program_ends_nothing_but_the_applying() {
    let ship = Ship::new();
    let path = ship.path("kubeconfig");
    let text = "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n\
                clusters: [{name: k, cluster: {server: 'https://10.0.0.1:6443'}}]\n\
                users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}}}]\n";
    std::fs::write(&path, text).unwrap();
    let clock: Clock = Arc::new(|| day(7));
    let Opened { node, .. } = open(ship.settings(&path), clock).unwrap();
    ship.carry(&node, &bundle(1, &[("shop", &[], vec![space()])]));
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [Some(1), None, None], "it is kept, and waits");
    let refused = channel(&node).waiting.unwrap();
    assert_eq!((refused.code.as_str(), refused.class.exit_code()), ("kubeconfig", 4));
    assert!(refused.error.contains("from the program `aws`, which is not run"), "{refused:?}");
    assert!(refused.hint.is_some());
}
