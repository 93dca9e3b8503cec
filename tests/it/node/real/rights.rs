//! As whom the agent writes, and what it needs for that.

use super::{
    drift::{keep, until},
    *,
};

pub(super) async fn the_rights_that_are_printed_are_enough_and_needed(ground: &mut Ground) {
    let role = ground.object(
        "rbac.authorization.k8s.io/v1",
        "Role",
        "reader",
        json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
    );
    let parcel = ground.object("rights.example.org/v1", "Box", "b", json!({"spec": {"size": 1}}));
    let all = vec![
        ground.map("a", "1"),
        ground.map("b", "1"),
        role,
        parcel,
        ground.workload("Deployment", "web", json!({})),
    ];
    let mut maker = Maker::default();
    let mut spec = |name: &str, objects: &[Value], after: Value| {
        maker.entry(
            json!({"name": name, "kind": "manifests", "dependsOn": after, "timeout": "30s"}),
            &tree(objects),
        );
    };
    spec("base", &[ground.space(), definition("Box", "rights.example.org")], json!([]));
    spec("shop", &all, json!(["base"]));
    maker.closure.external = vec!["registry.example.com/web:1".into()];

    // A node that may do nothing says so, and knows what it needs.
    let kubeconfig = ground.ship.path("kubeconfig");
    std::fs::write(&kubeconfig, &ground.nobody).unwrap();
    let config = json!({
        "cluster": "ship-7", "channels": ["platform"], "arch": "amd64", "apply": {"kubeconfig": kubeconfig},
        "store": ground.ship.path("store"), "site": ground.ship.path("site.yaml"), "storeId": ground.ship.path("store-id"),
        "socket": ground.ship.path("airlock.sock"),
    });
    drop(std::mem::replace(&mut ground.node, Ship::new().start()));
    let settings = airlock::daemon::Settings::parse("it", &config.to_string(), "amd64").unwrap();
    let clock: Clock = Arc::new(|| day(7));
    let node = airlock::daemon::open(settings, clock).unwrap().node;
    ground.ship.carry(&node, &maker);
    node.reconcile(None).await;
    let refused = channel(&node).waiting.unwrap();
    assert_eq!((refused.code.as_str(), refused.class.exit_code()), ("forbidden", 3), "{refused:?}");
    assert!(refused.hint.unwrap().contains("airlock generate rbac"));

    let rights = node.rights(&airlock::reconcile::Subject::User("nobody".into())).await.unwrap();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": rights});
    let file = ground.ship.path("rbac.json");
    std::fs::write(&file, list.to_string()).unwrap();
    if let Some(kubectl) = peer::kubectl() {
        let admin = ground.ship.path("admin");
        std::fs::write(&admin, ground.nobody.replace(peer::NOBODY, peer::ADMIN)).unwrap();
        let applied = std::process::Command::new(kubectl)
            .args(["apply", "--kubeconfig", admin.to_str().unwrap(), "--cache-dir"])
            .arg(ground.ship.path("cache"))
            .args(["--filename", file.to_str().unwrap()])
            .output()
            .unwrap();
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    } else {
        for object in rights {
            ground.apply(object, "admin").await;
        }
    }
    let well = async |sequence: u64| {
        for _ in 0..40 {
            node.reconcile(None).await;
            if sequences(&node)[2] == Some(sequence) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("{:#?}", channel(&node));
    };
    well(1).await;
    // Drift is heard and put back, and what leaves the bundle goes.
    let mut tasks = keep(&node);
    tokio::time::sleep(Duration::from_secs(2)).await;
    ground.apply(ground.map("a", "edited"), "somebody").await;
    until("it is put back", async || ground.value("a").await.as_deref() == Some("1")).await;
    tasks.shutdown().await;
    let mut next = Maker { sequence: 2, ..Maker::default() };
    next.entry(
        json!({"name": "base", "kind": "manifests"}),
        &tree(&[ground.space(), definition("Box", "rights.example.org")]),
    );
    next.entry(
        json!({"name": "shop", "kind": "manifests", "dependsOn": ["base"], "timeout": "30s"}),
        &tree(&all[..1].iter().chain(&all[2..]).cloned().collect::<Vec<_>>()),
    );
    next.closure.external = vec!["registry.example.com/web:1".into()];
    ground.ship.carry(&node, &next);
    well(2).await;
    assert_eq!(ground.value("b").await, None);
    // What no entry brings, the agent may not touch.
    let alone = ApiServer::new(airlock::cluster::api::Access::Kubeconfig(kubeconfig));
    let elsewhere =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "default"}});
    let tried = alone.apply(&Object::new(elsewhere, "it").unwrap(), &ApplyOptions::force("x")).await;
    assert!(matches!(tried, Err(airlock::cluster::Error::Forbidden(_))), "{tried:?}");
    let secret = Reference::new(gvk("v1", "Secret"), ground.space, "x");
    assert!(matches!(alone.get(&secret).await, Err(airlock::cluster::Error::Forbidden(_))));
    node.resign().await;
    let lease = Reference::new(gvk("coordination.k8s.io/v1", "Lease"), NAMESPACE, "airlock");
    ground.client.delete(&lease, &DeleteOptions::default()).await.unwrap();
}

pub(super) async fn an_entry_reaches_as_far_as_its_account(ground: &mut Ground) {
    let account =
        |ground: &Ground| json!({"serviceAccount": {"namespace": ground.space, "name": "deployer"}});
    let deployer = ground.object("v1", "ServiceAccount", "deployer", json!({}));
    let role = ground.object("rbac.authorization.k8s.io/v1", "Role", "deployer", json!({"rules": [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "delete", "get", "list", "patch"]},
    ]}));
    let binding = ground.object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "deployer",
        json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
            "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": ground.space}],
        }),
    );
    let rights = vec![deployer, role, binding];
    let secret = ground.object("v1", "Secret", "s", json!({"stringData": {"key": "value"}}));
    let mut with = account(ground);
    with["dependsOn"] = json!(["rights"]);
    ground.carry(&[
        ("rights", rights.clone(), json!({})),
        ("shop", vec![ground.map("a", "1"), secret], with.clone()),
    ]);
    ground.pass().await;
    let failure = ground.failure("shop");
    assert_eq!(failure.class.exit_code(), 3, "{failure:?}");
    let who = format!("User \"system:serviceaccount:{}:deployer\" cannot", ground.space);
    assert!(failure.error.contains(&who), "{failure:?}");
    assert_eq!(ground.value("a").await, None);
    ground.carry(&[
        ("rights", rights, json!({})),
        ("shop", vec![ground.map("a", "1"), ground.map("b", "1")], with),
    ]);
    ground.settle().await;
    assert_eq!(ground.value("b").await.as_deref(), Some("1"));
}
