//! A whole node, on a real disk and a directory that stands in for a cluster: what it decides between two media, what
//! it asks of the cluster, and what one fault leaves of everything else.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use airlock::{
    archive::{Node as Item, SafePath, Tree},
    bundle::Site,
    cluster::{Cluster, CreateOptions, Reference, UpdateOptions, directory::DirectoryCluster},
    digest::Digest,
    object::{Gvk, Object, images::ImageField},
    plan::{Budget, Inventory, NAMESPACE},
    reconcile::{ChannelStatus, Clock, EntryStatus, Node, Phase, Profile, Verdict, accept::OnBytes},
    render::Owner,
    store::RealDisk,
};
use serde_json::{Value, json};

use crate::support::{
    bundle::Maker,
    counted::Counted,
    kit::{day, first_root, sealed, statement},
    medium::{MapMedium, begin_as, terms},
};

mod agents;
mod lead;
mod media;
mod real;
mod record;
mod server;
mod shelf;
mod source;

/// A node's disks, and what is carried to it.
struct Ship {
    folder: tempfile::TempDir,
    counted: Counted,
    budget: Budget,
    auto: bool,
    /// What the node calls itself where several keep one cluster.
    identity: Option<&'static str>,
}

pub fn settings(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"},
        "data": {"value": value}})
}

pub fn space() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
}

/// What never becomes ready: see `health.yaml` in [`Ship::new`].
fn stuck() -> Value {
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "stuck", "namespace": "shop"}, "spec": {"maxUnavailable": 1}})
}

fn tree(objects: &[Value]) -> Tree {
    let nodes = objects.iter().enumerate().map(|(at, it)| {
        (SafePath::new(&format!("{at}.json")).unwrap(), Item::file(serde_json::to_vec(it).unwrap()))
    });
    Tree::new(nodes).unwrap()
}

/// A bundle of one entry a row: its name, what it depends on, its objects.
pub fn bundle(sequence: u64, entries: &[(&str, &[&str], Vec<Value>)]) -> Maker {
    let mut maker = Maker { sequence, ..Maker::default() };
    for (name, after, objects) in entries {
        let spec = json!({"name": name, "kind": "manifests", "dependsOn": after, "timeout": "5s"});
        maker.entry(spec, &tree(objects));
    }
    maker
}

impl Ship {
    /// With a directory that stands in for its cluster.
    fn new() -> Self {
        Self::on(|folder| {
            let hidden = folder.join("cluster/.airlock");
            std::fs::create_dir_all(&hidden).unwrap();
            let health = "- {object: PodDisruptionBudget/shop/stuck, status: InProgress}\n";
            std::fs::write(hidden.join("health.yaml"), health).unwrap();
            DirectoryCluster::open(&folder.join("cluster")).unwrap()
        })
    }

    /// On any cluster.
    fn on<C: Cluster + 'static>(cluster: impl FnOnce(&Path) -> C) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("store")).unwrap();
        let disk = RealDisk::open(&folder.path().join("store")).unwrap();
        // No two nodes of a cluster have the same.
        let id = Digest::of(folder.path().as_os_str().as_encoded_bytes()).hex()[..32].to_owned();
        begin_as(&id, Arc::new(disk), &first_root(), &["rosa", "rolf"]);
        let counted = Counted::new(cluster(folder.path()));
        Self { folder, counted, budget: Budget::default(), auto: true, identity: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the node, as a process of its own would.
    fn start(&self) -> Arc<Node> {
        let profile = || Profile {
            cluster: "ship-7".parse().unwrap(),
            terms: terms(),
            site: self.path("site.yaml"),
            auto: self.auto,
            budget: self.budget,
            keep: 3,
        };
        let cluster: Arc<dyn Cluster> = Arc::new(self.counted.clone());
        let open = || {
            let disk = RealDisk::open(&self.path("store")).unwrap();
            let clock: Clock = Arc::new(|| day(7));
            Node::open(Arc::new(disk), None, profile(), Some(Arc::clone(&cluster)), clock)
        };
        // What a runtime that was ended still does on another thread may hold the lock for a moment.
        let mut node = open();
        for _ in 0..50 {
            match &node {
                Err(report) if report.code == "locked" => std::thread::sleep(Duration::from_millis(100)),
                _ => break,
            }
            node = open();
        }
        let node = node.unwrap();
        Arc::new(match self.identity {
            Some(identity) => node.elected_as(identity),
            None => node,
        })
    }

    /// Writes a bundle onto a stick.
    fn stick(&self, maker: &Maker) -> PathBuf {
        let cargo = maker.cargo();
        let roots = [(1, sealed(airlock::bundle::Role::Root, &first_root(), &["rosa", "rolf"]))];
        let mut made = statement(&first_root(), maker.sequence, &cargo);
        // Some agents here run on the machine's own clock.
        made.accept_until = "9999-01-01T00:00:00Z".parse().unwrap();
        let medium = MapMedium::of(&roots, &made, &["bea", "ben"], &cargo);
        let path = self.path(&format!("stick-{}", maker.sequence));
        for (name, bytes) in &medium.items {
            let file = path.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
        path
    }

    /// Carries a bundle to the node.
    #[track_caller]
    fn carry(&self, node: &Node, maker: &Maker) {
        let imported = node.import(&[self.stick(maker)], day(7), &quiet());
        assert!(imported.refusal().is_none(), "{imported:?}");
    }

    async fn object(&self, kind: &str, name: &str) -> Option<Object> {
        self.counted.inner.get(&reference(kind, name)).await.ok()
    }

    async fn value(&self, name: &str) -> Option<String> {
        self.object("ConfigMap", name).await?.text(&["data", "value"]).map(str::to_owned)
    }
}

fn reference(kind: &str, name: &str) -> Reference {
    let group = if kind == "PodDisruptionBudget" { "policy" } else { "" };
    let gvk = Gvk { group: group.into(), version: "v1".into(), kind: kind.into() };
    Reference::new(gvk, if kind == "Namespace" { "" } else { "shop" }, name)
}

/// Somebody changes a field behind the node's back.
async fn meddle(ship: &Ship, mut object: Object, field: &str, value: &str) {
    let mut whole = serde_json::to_value(&object).unwrap();
    whole["data"][field] = value.into();
    object = Object::new(whole, "it").unwrap();
    ship.counted.inner.update(&object, &UpdateOptions::by("somebody")).await.unwrap();
}

fn quiet() -> OnBytes {
    Arc::new(|_, _| ())
}

fn channel(node: &Node) -> ChannelStatus {
    node.status(day(7)).channels.into_iter().find(|it| it.channel.as_str() == "platform").unwrap()
}

fn entries(node: &Node) -> BTreeMap<String, EntryStatus> {
    channel(node).entries.into_iter().map(|it| (it.entry.to_string(), it)).collect()
}

fn sequences(node: &Node) -> [Option<u64>; 3] {
    let channel = channel(node);
    [channel.staged, channel.active, channel.last_good].map(|it| it.map(|it| it.position.sequence))
}

#[tokio::test]
async fn a_cluster_that_has_converged_is_not_tried_again() {
    let ship = Ship::new();
    let node = ship.start();
    let objects: Vec<Value> = (0..20).map(|at| settings(&format!("s{at}"), "1")).chain([space()]).collect();
    ship.carry(&node, &bundle(1, &[("shop", &[], objects)]));
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [None, Some(1), Some(1)], "{:?}", channel(&node));
    node.reconcile(None).await;
    ship.counted.take();
    node.reconcile(None).await;
    // One list for the records, one for the inventories, one for the objects of the kind of which there are many.
    let asked = ship.counted.take();
    let writes = ["apply", "create", "update", "patch", "delete", "dry_run"];
    assert!(writes.iter().all(|it| !asked.contains_key(it)), "{asked:?}");
    assert!(asked.values().sum::<usize>() <= 4, "{asked:?}");
    // What somebody changes is seen nevertheless.
    meddle(&ship, ship.object("ConfigMap", "s3").await.unwrap(), "value", "other").await;
    node.reconcile(None).await;
    assert_eq!(ship.value("s3").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn what_is_rendered_once_is_rendered_anew_only_for_another_bundle_or_other_answers() {
    let ship = Ship::new();
    let node = ship.start();
    ship.carry(&node, &bundle(1, &[("shop", &[], vec![space(), settings("a", "1")])]));
    node.reconcile(None).await;
    ship.carry(&node, &bundle(2, &[("shop", &[], vec![space(), settings("a", "2")])]));
    node.reconcile(None).await;
    assert_eq!(ship.value("a").await.as_deref(), Some("2"));
    let platform = "platform".parse().unwrap();
    node.roll_back(&platform, None, "the test").unwrap();
    node.reconcile(None).await;
    assert_eq!(ship.value("a").await.as_deref(), Some("1"));
    assert_eq!(sequences(&node), [None, Some(1), Some(1)]);
}

#[tokio::test]
async fn a_panic_in_one_entry_is_that_entrys() {
    let ship = Ship::new();
    let node = ship.start();
    *ship.counted.poison.lock().unwrap() = Some("bad".into());
    let rows: [(&str, &[&str], Vec<Value>); 4] = [
        ("base", &[], vec![space()]),
        ("bad", &["base"], vec![settings("bad", "1")]),
        ("good", &["base"], vec![settings("good", "1")]),
        ("after", &["bad"], vec![settings("after", "1")]),
    ];
    ship.carry(&node, &bundle(1, &rows));
    node.reconcile(None).await;
    let entries = entries(&node);
    assert_eq!(entries["good"].phase, Phase::Ready);
    assert_eq!(entries["after"].phase, Phase::DependencyNotReady);
    let failure = entries["bad"].failure.clone().unwrap();
    assert_eq!(failure.code, "panic");
    assert!(failure.error.contains("`bad`"), "{failure:?}");
    assert_eq!(sequences(&node), [None, Some(1), None]);
    // The agent lives, so nothing is counted against the bundle.
    for _ in 0..3 {
        node.reconcile(None).await;
    }
    *ship.counted.poison.lock().unwrap() = None;
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [None, Some(1), Some(1)]);
}

/// Starts the node and ends it in the middle of a pass: killed, or told to stop.
fn interrupted(ship: &Ship, stop: bool) {
    let node = ship.start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // However slow the machine is: the bundle is being worked on, and what never becomes ready is there.
    let at_work = async {
        loop {
            let working = entries(&node).get("shop").is_some_and(|it| it.phase == Phase::Progressing);
            if working && ship.object("PodDisruptionBudget", "stuck").await.is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    runtime.block_on(async {
        tokio::select! {
            () = node.reconcile(None) => panic!("the pass came to an end"),
            () = at_work => (),
        }
    });
    if stop {
        node.finish();
    }
    // With the runtime end all tasks that have a hand on the node, and its lock with them.
    drop(runtime);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_bundle_that_ends_the_agent_twice_is_set_aside() {
    let ship = Ship::new();
    let node = ship.start();
    ship.carry(&node, &bundle(1, &[("shop", &[], vec![space(), settings("a", "1")])]));
    node.reconcile(None).await;
    let kills = vec![space(), settings("a", "2"), stuck()];
    ship.carry(&node, &bundle(2, &[("shop", &[], kills)]));
    drop(node);
    tokio::task::block_in_place(|| (0..2).for_each(|_| interrupted(&ship, false)));
    let node = ship.start();
    assert_eq!(sequences(&node), [None, Some(2), Some(1)]);
    node.reconcile(None).await;
    let channel = channel(&node);
    assert_eq!(channel.failure.map(|it| it.code).as_deref(), Some("denied"));
    assert_eq!(sequences(&node), [None, Some(1), Some(1)]);
    assert!(channel.denied[0].why.contains("twice"), "{:?}", channel.denied);
    node.reconcile(None).await;
    assert_eq!(ship.value("a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_first_bundle_of_all_is_set_aside_too_and_touches_nothing_any_more() {
    let ship = Ship::new();
    let node = ship.start();
    ship.carry(&node, &bundle(1, &[("shop", &[], vec![space(), stuck()])]));
    drop(node);
    tokio::task::block_in_place(|| (0..2).for_each(|_| interrupted(&ship, false)));
    let node = ship.start();
    node.reconcile(None).await;
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [None, None, None]);
    assert!(ship.object("PodDisruptionBudget", "stuck").await.is_some(), "what it brought stays");
    node.activate(&"platform".parse().unwrap(), "the test", day(7)).unwrap();
    assert_eq!(sequences(&node), [Some(1), None, None]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_agent_that_is_stopped_is_not_killed() {
    let ship = Ship::new();
    let node = ship.start();
    ship.carry(&node, &bundle(1, &[("shop", &[], vec![space(), stuck()])]));
    drop(node);
    tokio::task::block_in_place(|| (0..4).for_each(|_| interrupted(&ship, true)));
    let node = ship.start();
    assert_eq!(sequences(&node), [None, Some(1), None]);
}

#[tokio::test]
async fn a_bundle_with_a_paused_entry_is_not_healthy_as_a_whole() {
    let ship = Ship::new();
    let node = ship.start();
    let both = |value: &str| {
        vec![
            ("base", &[] as &[&str], vec![space(), settings("a", value)]),
            ("shop", &["base"], vec![settings("b", value)]),
        ]
    };
    ship.carry(&node, &bundle(1, &both("1")));
    node.reconcile(None).await;
    let platform = "platform".parse().unwrap();
    let hold = airlock::trust::state::Hold { who: "rita".into(), why: "repair".into(), until: None };
    node.pause(&platform, Some(&"shop".parse().unwrap()), hold, day(7)).unwrap();
    // The next bundle drops an entry's object; nothing is given up for a bundle that is not whole.
    ship.carry(&node, &bundle(2, &both("2")));
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [None, Some(2), Some(1)]);
    assert_eq!(entries(&node)["shop"].phase, Phase::Paused);
    assert_eq!((ship.value("a").await.as_deref(), ship.value("b").await.as_deref()), (Some("2"), Some("1")));
    node.resume(&platform, Some(&"shop".parse().unwrap()), "rita", day(7)).unwrap();
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [None, Some(2), Some(2)]);
    assert_eq!(ship.value("b").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_rollback_takes_the_answers_to_the_bundle_that_it_goes_back_to() {
    let ship = Ship::new();
    let node = ship.start();
    let asks = |sequence, name: &str| {
        let mut maker = bundle(sequence, &[("shop", &[], vec![space(), settings("a", "1")])]);
        let schema = json!({"type": "object", "required": [name]});
        maker.site = Some(Site { schema, defaults: serde_json::Map::new() });
        maker
    };
    std::fs::write(ship.path("site.yaml"), "harbour: Kiel\n").unwrap();
    ship.carry(&node, &asks(1, "harbour"));
    node.reconcile(None).await;
    ship.carry(&node, &asks(2, "quay"));
    node.reconcile(None).await;
    assert!(node.awaits_site());
    assert_eq!(channel(&node).waiting.map(|it| it.code).as_deref(), Some("site_input"));
    std::fs::write(ship.path("site.yaml"), "harbour: Kiel\nquay: 7\n").unwrap();
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [None, Some(2), Some(2)]);
    std::fs::write(ship.path("site.yaml"), "quay: 7\n").unwrap();
    let refused = node.roll_back(&"platform".parse().unwrap(), None, "the test").unwrap_err();
    assert_eq!(refused.code, "site_input");
    std::fs::write(ship.path("site.yaml"), "harbour: Kiel\n").unwrap();
    node.roll_back(&"platform".parse().unwrap(), None, "the test").unwrap();
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [None, Some(1), Some(1)]);
}

#[tokio::test]
async fn the_budget_is_one_for_the_bundle_and_the_word_is_used_once() {
    let ship = Ship::new();
    let node = ship.start();
    let many = |range: std::ops::Range<usize>, prefix: &str| -> Vec<Value> {
        range.map(|at| settings(&format!("{prefix}{at}"), "1")).collect()
    };
    let rows = |count: usize| {
        vec![
            ("base", &[] as &[&str], vec![space()]),
            ("one", &["base"], many(0..count, "one-")),
            ("two", &["base"], many(0..count, "two-")),
        ]
    };
    ship.carry(&node, &bundle(1, &rows(5)));
    node.reconcile(None).await;
    // Two of each entry would be within any budget, four of the bundle are not.
    ship.carry(&node, &bundle(2, &rows(3)));
    node.reconcile(None).await;
    let waiting = channel(&node).waiting.unwrap();
    assert_eq!(waiting.code, "deletion_budget");
    assert_eq!(sequences(&node), [Some(2), Some(1), Some(1)]);
    let list = node.preview(&"platform".parse().unwrap()).await.unwrap().deletion_list.unwrap();
    node.approve(list, "rita", day(7)).unwrap();
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [None, Some(2), Some(2)], "{:?}", channel(&node));
    assert!(ship.value("one-3").await.is_none() && ship.value("two-4").await.is_none());
    let history = node.history().unwrap();
    let used = |it: &&Value| it["approved"] == json!(list) && it["what"] == "activated";
    assert_eq!(history.receipts.iter().map(|it| &it.body).filter(used).count(), 1);
    // The word was for this once.
    let state: Value = serde_json::to_value(node.status(day(7))).unwrap();
    assert!(!state.to_string().contains("waivers"));
    ship.carry(&node, &bundle(3, &rows(1)));
    node.reconcile(None).await;
    assert_eq!(channel(&node).waiting.unwrap().code, "deletion_budget");
}

#[tokio::test]
async fn a_damaged_inventory_stops_its_entry_and_no_other() {
    let ship = Ship::new();
    let node = ship.start();
    let rows = |value: &str| {
        vec![
            ("base", &[] as &[&str], vec![space()]),
            ("one", &["base"], vec![settings("a", value)]),
            ("two", &["base"], vec![settings("b", value)]),
        ]
    };
    ship.carry(&node, &bundle(1, &rows("1")));
    node.reconcile(None).await;
    let owner = Owner { channel: "platform".parse().unwrap(), entry: "one".parse().unwrap() };
    let gvk = Gvk { group: String::new(), version: "v1".into(), kind: "ConfigMap".into() };
    let inventory = Reference::new(gvk, NAMESPACE, &Inventory::name(&owner));
    meddle(&ship, ship.counted.inner.get(&inventory).await.unwrap(), "entries", "[").await;
    meddle(&ship, ship.object("ConfigMap", "b").await.unwrap(), "value", "other").await;
    node.reconcile(None).await;
    assert_eq!(entries(&node)["one"].failure.clone().unwrap().code, "inventory_damaged");
    assert_eq!(entries(&node)["two"].phase, Phase::Ready);
    assert_eq!(ship.value("b").await.as_deref(), Some("1"), "the others are kept");
    assert_eq!(ship.value("a").await.as_deref(), Some("1"));
    // A bundle that would need to know what was there does not become active.
    ship.carry(&node, &bundle(2, &rows("2")));
    node.reconcile(None).await;
    assert_eq!(channel(&node).waiting.unwrap().code, "inventory_damaged");
}

#[tokio::test]
async fn a_bundle_that_does_not_carry_what_it_names_never_becomes_active() {
    let ship = Ship::new();
    let node = ship.start();
    let fleet = |image: &str| {
        json!({"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "fleet", "namespace": "shop"},
            "spec": {"engine": image}})
    };
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "fleets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"kind": "Fleet", "plural": "fleets"},
            "versions": [{"name": "v1", "served": true, "storage": true}]}});
    let rows = |image: &str| {
        vec![
            ("base", &[] as &[&str], vec![space(), definition.clone()]),
            ("shop", &["base"], vec![fleet(image)]),
        ]
    };
    let field = ImageField { group: None, kind: "Fleet".into(), path: "spec.engine".into() };
    let mut maker = bundle(1, &rows("registry.example.com/engine:1"));
    maker.closure.image_fields = vec![field.clone()];
    ship.carry(&node, &maker);
    node.reconcile(None).await;
    let waiting = channel(&node).waiting.unwrap();
    assert_eq!(waiting.code, "closure");
    assert!(waiting.error.contains("spec.engine"), "{waiting:?}");
    let mut maker = bundle(2, &rows("registry.example.com/engine:1"));
    maker.closure.image_fields = vec![field];
    maker.closure.external = vec!["registry.example.com/engine:1".into()];
    ship.carry(&node, &maker);
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [None, Some(2), Some(2)], "{:?}", channel(&node));
}

#[tokio::test]
async fn an_entry_that_renders_nothing_is_an_error_unless_it_may() {
    let ship = Ship::new();
    let node = ship.start();
    let rows = |objects| vec![("base", &[] as &[&str], vec![space()]), ("shop", &["base"], objects)];
    ship.carry(&node, &bundle(1, &rows(vec![settings("a", "1")])));
    node.reconcile(None).await;
    ship.carry(&node, &bundle(2, &rows(Vec::new())));
    node.reconcile(None).await;
    assert_eq!(channel(&node).waiting.unwrap().code, "empty_render");
    let mut may = bundle(3, &rows(Vec::new()));
    may.entries[1].allow_empty = true;
    ship.carry(&node, &may);
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [None, Some(3), Some(3)], "{:?}", channel(&node));
    assert_eq!(ship.value("a").await, None);
}

/// A kustomization with a base of a repository and a chart of another one.
fn elsewhere(sequence: u64, named: &[(&str, &str)]) -> Maker {
    let file = |(name, text): &(&str, &str)| (SafePath::new(name).unwrap(), Item::file(*text));
    let tree = |files: &[(&str, &str)]| Tree::new(files.iter().map(file)).unwrap();
    let mut maker = Maker { sequence, ..Maker::default() };
    maker.entry(json!({"name": "shop", "kind": "kustomization", "timeout": "5s"}), &tree(named));
    let base = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: base}\n";
    let source = json!({"url": "https://git.example/team/stack", "revision": "v1", "kind": "tree"});
    maker.source(source, &tree(&[("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", base)]));
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: {{ .Release.Namespace }}}\ndata: {value: {{ randAlphaNum 9 }}}\n";
    let source = json!({"url": "https://charts.example", "revision": "1.0.0", "kind": "chart"});
    maker.source(
        source,
        &tree(&[
            ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
            ("values.yaml", "{}\n"),
            ("templates/b.yaml", template),
        ]),
    );
    maker
}

const SPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";

/// What the agent applies is what its diff has shown, wherever it comes from.
#[tokio::test]
async fn a_diff_knows_bases_and_charts_of_the_bundle() {
    let mut ship = Ship::new();
    ship.auto = false;
    let node = ship.start();
    let says = "namespace: shop\nresources: [space.yaml, 'https://git.example/team/stack?ref=v1']\n\
                helmCharts: [{name: web, repo: 'https://charts.example', version: 1.0.0}]\n";
    ship.carry(&node, &elsewhere(1, &[("kustomization.yaml", says), ("space.yaml", SPACE)]));
    let platform = "platform".parse().unwrap();
    let preview = node.preview(&platform).await.unwrap();
    for id in ["ConfigMap/shop/a", "ConfigMap/shop/b"] {
        assert!(preview.entries[0].text.contains(id), "{preview:?}");
    }
    assert!(preview.refused.is_none(), "{preview:?}");
    node.activate(&platform, "the test", day(7)).unwrap();
    node.reconcile(None).await;
    assert_eq!(ship.value("a").await.as_deref(), Some("base"), "{:?}", channel(&node));
    assert_eq!(ship.value("b").await.unwrap().len(), 9);
}

/// The message is the original's, and nothing of the bundle is applied.
#[tokio::test]
async fn a_kustomization_that_cannot_be_built_applies_nothing() {
    for (at, (says, code, message)) in [
        ("resources: [space.yaml, missing.yaml]\n", "kustomize_missing", "no such file or directory"),
        ("resources: [space.yaml]\nnamePrefixes: x\n", "kustomize", "unknown field \"namePrefixes\""),
        ("resources: [space.yaml, again.yaml]\n", "kustomize_duplicate", "already registered id"),
        ("resources: [.]\n", "kustomize_cycle", "cycle detected"),
        (
            "resources: ['https://git.example/team/stack?ref=v2']\n",
            "kustomize_remote",
            "https://git.example/team/stack?ref=v2",
        ),
        (
            "helmCharts: [{name: web, repo: 'https://charts.example', version: 2.0.0}]\n",
            "kustomize_remote",
            "2.0.0",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let ship = Ship::new();
        let node = ship.start();
        let files = [("kustomization.yaml", says), ("space.yaml", SPACE), ("again.yaml", SPACE)];
        ship.carry(&node, &elsewhere(1, &files));
        node.reconcile(None).await;
        let waiting = channel(&node).waiting.unwrap();
        assert_eq!(waiting.code, code, "{at}: {waiting:?}");
        assert!(waiting.because.iter().any(|it| it.contains(message)), "{at}: {waiting:?}");
        assert!(waiting.hint.is_some(), "{at}: {waiting:?}");
        assert_eq!(sequences(&node), [Some(1), None, None]);
        assert!(ship.object("Namespace", "shop").await.is_none());
    }
}

/// Hooks that nobody runs and definitions that nobody brings must not look like a release that is well.
#[tokio::test]
async fn a_chart_is_shown_and_not_half_installed() {
    let ship = Ship::new();
    let node = ship.start();
    let file = |name: &str, text: &str| (SafePath::new(name).unwrap(), Item::file(text));
    let chart = Tree::new([
        file("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
        file("templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: x}\n"),
    ]);
    let mut maker = Maker::default();
    maker.entry(json!({"name": "shop", "kind": "chart", "targetNamespace": "shop"}), &chart.unwrap());
    let space = Object::new(space(), "it").unwrap();
    ship.counted.inner.create(&space, &CreateOptions::by("somebody")).await.unwrap();
    ship.carry(&node, &maker);
    node.reconcile(None).await;
    assert_eq!(channel(&node).waiting.map(|it| it.code).as_deref(), Some("release"));
    assert_eq!(sequences(&node), [Some(1), None, None]);
    let preview = node.preview(&"platform".parse().unwrap()).await.unwrap();
    assert!(preview.entries[0].text.contains("ConfigMap/shop/a"), "{preview:?}");
    assert_eq!(preview.refused.unwrap().code, "release");
    assert!(ship.value("a").await.is_none());
    // Whoever only looks makes nothing.
    let secret = airlock::cluster::record::known_secret(&*ship.counted.inner).await;
    assert_eq!(secret.unwrap(), None);
}

/// Every mistake that a chart or its values can have is told as on the command line, and nothing of its bundle is applied.
#[tokio::test]
async fn a_chart_with_a_mistake_leaves_everything_as_it_was() {
    let rows = format!("{}/tests/data/helm/render/mistakes.yaml", env!("CARGO_MANIFEST_DIR"));
    let rows: Vec<Value> = serde_yaml::from_str(&std::fs::read_to_string(rows).unwrap()).unwrap();
    let mut told = 0;
    for row in rows {
        let files = row["files"].as_object().unwrap().iter();
        let file = |(name, text): (&String, &Value)| {
            (SafePath::new(name).unwrap(), Item::file(text.as_str().unwrap()))
        };
        let chart = Tree::new(files.map(file)).unwrap();
        let values: Value = row["values"][0]
            .as_str()
            .map_or(json!({}), |text| serde_yaml::from_str(text).unwrap_or_default());
        // A bundle's values are a map by its form.
        if !values.is_object() {
            continue;
        }
        let mut maker = bundle(1, &[("base", &[], vec![space(), settings("one", "1")])]);
        maker.entry(
            json!({"name": "shop", "kind": "chart", "targetNamespace": "shop", "values": values}),
            &chart,
        );
        let ship = Ship::new();
        let node = ship.start();
        ship.carry(&node, &maker);
        node.reconcile(None).await;
        let about = &row["about"];
        // A node has less of a stack for it than a program of its own, and stops it sooner.
        let code = if about == "a template that includes itself" { &json!("limit") } else { &row["code"] };
        let waiting = channel(&node).waiting.unwrap();
        assert_eq!(json!(waiting.code), *code, "{about}: {waiting:?}");
        assert!(waiting.hint.is_some(), "{about}: {waiting:?}");
        assert_eq!(sequences(&node), [Some(1), None, None], "{about}");
        assert!(
            ship.object("Namespace", "shop").await.is_none() && ship.value("one").await.is_none(),
            "{about}"
        );
        told += 1;
    }
    assert!(told >= 20, "only {told} mistakes");
}

/// What a chart's values come from may be missing, and that is the chart's trouble alone.
#[tokio::test]
async fn a_chart_waits_for_values_and_says_so() {
    let ship = Ship::new();
    let node = ship.start();
    let file = |name: &str, text: &str| (SafePath::new(name).unwrap(), Item::file(text));
    let shows = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: '{{ .Values.word }}'}\n";
    let chart = Tree::new([
        file("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
        file("templates/a.yaml", shows),
    ]);
    let mut maker = Maker::default();
    maker.entry(
        json!({"name": "shop", "kind": "chart", "targetNamespace": "shop",
            "valuesFrom": [{"kind": "Secret", "name": "words", "valuesKey": "word", "targetPath": "word"}]}),
        &chart.unwrap(),
    );
    let put = |object: Value| {
        let object = Object::new(object, "it").unwrap();
        let cluster = ship.counted.inner.clone();
        async move { cluster.create(&object, &CreateOptions::by("somebody")).await.unwrap() }
    };
    put(space()).await;
    ship.carry(&node, &maker);
    node.reconcile(None).await;
    let waiting = channel(&node).waiting.unwrap();
    assert_eq!(waiting.code, "release");
    assert!(waiting.because.iter().any(|it| it.contains("secrets \"words\" not found")), "{waiting:?}");
    let preview = node.preview(&"platform".parse().unwrap()).await.unwrap();
    assert!(preview.entries[0].text.starts_with("not rendered yet: could not resolve Secret"), "{preview:?}");
    assert_eq!(preview.refused.unwrap().code, "release");
    put(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "words", "namespace": "shop"},
        "data": {"word": "YWhveQ=="}}))
    .await;
    let preview = node.preview(&"platform".parse().unwrap()).await.unwrap();
    assert!(preview.entries[0].text.contains("ConfigMap/shop/a"), "{preview:?}");
    let reads: Vec<_> = preview.reads.iter().map(|(entry, it)| (entry.as_str(), it.as_slice())).collect();
    assert_eq!(reads, [("shop", &["Secret shop/words".to_owned()][..])]);
}

#[tokio::test]
async fn an_object_goes_from_one_entry_to_another() {
    let ship = Ship::new();
    let node = ship.start();
    let base = ("base", &[] as &[&str], vec![space()]);
    let (a, b) = (settings("a", "1"), settings("b", "1"));
    let rows = [
        base.clone(),
        ("one", &["base"], vec![a.clone(), b.clone()]),
        ("two", &["base"], vec![settings("c", "1")]),
    ];
    ship.carry(&node, &bundle(1, &rows));
    node.reconcile(None).await;
    let before = ship.object("ConfigMap", "b").await.unwrap();
    let rows = [base, ("one", &["base"], vec![a]), ("two", &["base"], vec![settings("c", "1"), b])];
    ship.carry(&node, &bundle(2, &rows));
    // The first pass lets go of it on one side, and the node wakes itself for the other.
    for _ in 0..3 {
        node.reconcile(None).await;
        if sequences(&node)[2] == Some(2) {
            break;
        }
        tokio::time::timeout(Duration::from_secs(1), node.woken()).await.expect("it wakes itself");
    }
    assert_eq!(sequences(&node), [None, Some(2), Some(2)], "{:?}", entries(&node));
    let after = ship.object("ConfigMap", "b").await.unwrap();
    assert_eq!(before.uid(), after.uid(), "it was handed over and not made anew");
}
