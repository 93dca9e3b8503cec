//! Plans and the cluster in memory, with bundles that come, power that fails and people who meddle: whatever happens,
//! the last bundle is what is left, nothing is forgotten, and nothing goes that must not.

use std::collections::BTreeSet;

use airlock::{
    archive::{Node, SafePath, Tree},
    object::{Object, ObjectId, order},
    plan::{self, Budget, Guard, PRUNE_ANNOTATION, Plan, Purpose, Step},
    render::{Owner, Rendered},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    plan::render_only,
    support::{bundle::Maker, model::Model},
};

/// What an object of a bundle is like, by kind; the number is a version of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Namespace { which: u8, agrees: bool },
    Settings { which: u8, space: u8, version: u8 },
    Frozen { which: u8, version: u8 },
    Claim { agrees: bool },
    Definition { agrees: bool },
    Widget { which: u8, version: u8 },
    Class { version: u8 },
}

impl Thing {
    fn value(self) -> Value {
        let agreement = |agrees| if agrees { json!({PRUNE_ANNOTATION: "allowed"}) } else { json!({}) };
        match self {
            Self::Namespace { which, agrees } => json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": format!("space-{which}"), "annotations": agreement(agrees)},
            }),
            Self::Settings { which, space, version } => json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": format!("settings-{which}"), "namespace": format!("space-{space}")},
                "data": {"version": version.to_string(), format!("only-{version}"): "x"},
            }),
            Self::Frozen { which, version } => json!({
                "apiVersion": "v1", "kind": "Secret", "immutable": true,
                "metadata": {
                    "name": format!("frozen-{which}"), "namespace": "space-0",
                    "annotations": {"kustomize.toolkit.fluxcd.io/force": "enabled"},
                },
                "stringData": {"version": version.to_string()},
            }),
            Self::Claim { agrees } => json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data", "namespace": "space-0", "annotations": agreement(agrees)},
                "spec": {"accessModes": ["ReadWriteOnce"]},
            }),
            Self::Definition { agrees } => json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "widgets.example.com", "annotations": agreement(agrees)},
                "spec": {
                    "group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
                    "versions": [{"name": "v1", "served": true, "storage": true}],
                },
            }),
            Self::Widget { which, version } => json!({
                "apiVersion": "example.com/v1", "kind": "Widget",
                "metadata": {"name": format!("widget-{which}"), "namespace": "space-0"},
                "spec": {"size": version},
            }),
            Self::Class { version } => json!({
                "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
                "metadata": {"name": "fast"}, "provisioner": format!("example.com/{version}"),
            }),
        }
    }
}

fn thing() -> impl Strategy<Value = Thing> {
    let version = 0_u8..3;
    prop_oneof![
        2 => (0_u8..2, any::<bool>()).prop_map(|(which, agrees)| Thing::Namespace { which, agrees }),
        6 => (0_u8..5, 0_u8..2, version.clone())
            .prop_map(|(which, space, version)| Thing::Settings { which, space, version }),
        2 => (0_u8..2, version.clone()).prop_map(|(which, version)| Thing::Frozen { which, version }),
        1 => any::<bool>().prop_map(|agrees| Thing::Claim { agrees }),
        1 => any::<bool>().prop_map(|agrees| Thing::Definition { agrees }),
        2 => (0_u8..3, version.clone()).prop_map(|(which, version)| Thing::Widget { which, version }),
        1 => version.prop_map(|version| Thing::Class { version }),
    ]
}

#[derive(Clone, Debug)]
enum Event {
    /// A bundle is accepted, and power fails after so many operations, again and again.
    Bundle { things: Vec<Thing>, power: Vec<usize> },
    /// Someone deletes an object.
    Remove(prop::sample::Index),
    /// Someone changes what we set.
    Change(prop::sample::Index),
    /// Someone adds what is not ours.
    Add(prop::sample::Index),
}

fn event() -> impl Strategy<Value = Event> {
    let things = proptest::collection::vec(thing(), 1..12);
    let power = proptest::collection::vec(0_usize..14, 0..4);
    prop_oneof![
        4 => (things, power).prop_map(|(things, power)| Event::Bundle { things, power }),
        1 => any::<prop::sample::Index>().prop_map(Event::Remove),
        1 => any::<prop::sample::Index>().prop_map(Event::Change),
        1 => any::<prop::sample::Index>().prop_map(Event::Add),
    ]
}

fn rendered(things: &[Thing], sequence: u64, model: &Model) -> Rendered {
    let mut objects: Vec<(String, Value)> =
        things.iter().map(|it| it.value()).map(|it| (name(&it), it)).collect();
    // What others live in comes along, or the bundle could not be applied at all.
    for space in ["space-0", "space-1"] {
        if objects.iter().any(|(_, it)| it["metadata"]["namespace"] == space) {
            let which = if space == "space-0" { 0 } else { 1 };
            let value = Thing::Namespace { which, agrees: false }.value();
            objects.push((name(&value), value));
        }
    }
    if objects.iter().any(|(_, it)| it["kind"] == "Widget") {
        let value = Thing::Definition { agrees: false }.value();
        objects.push((name(&value), value));
    }
    // The first of a name counts.
    let mut known = BTreeSet::new();
    objects.retain(|(name, _)| known.insert(name.clone()));
    let nodes = objects.iter().map(|(name, value)| {
        (SafePath::new(&format!("{name}.json")).unwrap(), Node::file(serde_json::to_vec(value).unwrap()))
    });
    let mut maker = Maker { sequence, ..Maker::default() };
    maker.entry(json!({"name": "shop", "kind": "manifests"}), &Tree::new(nodes).unwrap());
    render_only(&maker.content(), model)
}

fn name(value: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("cluster").to_owned();
    let metadata = &value["metadata"];
    format!("{}-{}-{}", text(&value["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
}

fn guard() -> Guard {
    // The budget has its own tests; here only what is protected stops a plan.
    Guard { budget: Budget { count: 10_000, percent: 100 }, inventoried: 10_000, ..Guard::default() }
}

/// Plans and acts until nothing is left to do, the plan is refused, or the power fails.
fn run(model: &mut Model, rendered: &Rendered, power: &mut usize) -> Result<(), String> {
    for _ in 0..8 {
        let observed = model.observe(rendered);
        let plan = match plan::plan(rendered, &observed, &guard(), &BTreeSet::new()) {
            Ok(plan) => plan,
            Err(refused) => return Err(format!("refused: {refused}")),
        };
        in_order(&plan);
        if plan.is_empty() {
            return Ok(());
        }
        let gone = model.deleted.len();
        let end = model.act(&plan, power);
        nothing_precious_went(&model.deleted[gone..]);
        nothing_is_forgotten(model, rendered.owner());
        end?;
    }
    panic!("there is no end")
}

/// The inventory before the first write, stages and ids ascending, then deletions descending, then the inventory,
/// then health; and nothing after "plan again".
fn in_order(plan: &Plan) {
    let place = |step: &Step| match step {
        Step::Record(inventory) if !inventory.attempted.is_empty() => 0,
        Step::Apply(it) => it.stage as usize * 10,
        Step::Recreate(it) => it.stage as usize * 10,
        Step::Wait(it) => match it.purpose {
            Purpose::Stage(stage) => stage as usize * 10 + 5,
            Purpose::Health => 100,
        },
        Step::Delete(_) => 60,
        Step::Record(_) => 80,
        Step::Replan(_) | Step::Forget(_) => 110,
    };
    let places: Vec<usize> = plan.steps().iter().map(place).collect();
    assert!(places.is_sorted(), "{plan:#?}");
    let ids =
        |wanted: fn(&Step) -> Option<ObjectId>| plan.steps().iter().filter_map(wanted).collect::<Vec<_>>();
    let deleted = ids(|step| match step {
        Step::Delete(it) => Some(it.id.clone()),
        _ => None,
    });
    assert!(deleted.is_sorted_by(|a, b| order::compare(a, b).is_gt()), "{deleted:?}");
    for stage in 1..=4 {
        let written = plan.steps().iter().filter_map(|step| match step {
            Step::Apply(it) => (it.stage as usize == stage).then(|| it.object.id()),
            Step::Recreate(it) => (it.stage as usize == stage).then(|| it.object.id()),
            _ => None,
        });
        let written: Vec<ObjectId> = written.collect();
        assert!(written.is_sorted_by(|a, b| order::compare(a, b).is_lt()), "{written:?}");
    }
}

/// What the guard protects goes only when it agreed.
fn nothing_precious_went(deleted: &[Object]) {
    for object in deleted {
        let precious =
            ["Namespace", "CustomResourceDefinition", "PersistentVolumeClaim"].contains(&object.kind());
        let agreed = object.annotation(PRUNE_ANNOTATION) == Some("allowed");
        assert!(!precious || agreed, "{} is gone", object.id());
    }
}

/// Whatever carries our labels is in the inventory, at every instant.
fn nothing_is_forgotten(model: &Model, owner: &Owner) {
    let held: BTreeSet<ObjectId> =
        model.inventory(owner).iter().flat_map(|it| it.all().map(|entry| entry.id.clone())).collect();
    for id in ours(model, owner) {
        assert!(held.contains(&id), "{id} is forgotten");
    }
}

fn ours(model: &Model, owner: &Owner) -> BTreeSet<ObjectId> {
    model.ids().into_iter().filter(|id| model.get(id).is_some_and(|it| owner.owns(it))).collect()
}

fn live(events: &[Event]) {
    let owner = Owner { channel: "platform".parse().unwrap(), entry: "shop".parse().unwrap() };
    let mut model = Model::default();
    let mut last: Option<Rendered> = None;
    for (at, event) in events.iter().enumerate() {
        model.settle();
        let ids: Vec<ObjectId> = ours(&model, &owner).into_iter().collect();
        let pick =
            |index: &prop::sample::Index| (!ids.is_empty()).then(|| ids[index.index(ids.len())].clone());
        match event {
            Event::Bundle { things, power } => {
                let rendered = rendered(things, at as u64 + 1, &model);
                for power in power {
                    let _ = run(&mut model, &rendered, &mut power.clone());
                }
                last = Some(rendered);
            }
            Event::Remove(index) => pick(index).iter().for_each(|id| model.remove(id)),
            Event::Change(index) => {
                let Some(id) = pick(index) else { continue };
                let patch = match id.group_kind.kind.as_str() {
                    "ConfigMap" => json!({"data": {"version": "theirs"}}),
                    "Widget" => json!({"spec": {"size": 99}}),
                    _ => json!({"metadata": {"labels": {"airlock.dev/entry": null}}}),
                };
                // A label that is taken away would make the object nobody's; only what is still rendered gets it back.
                let rendered = last.iter().any(|it| it.objects().iter().any(|object| object.id() == id));
                if rendered {
                    model.merge(&id, &patch);
                }
            }
            Event::Add(index) => {
                if let Some(id) = pick(index) {
                    model.merge(
                        &id,
                        &json!({"metadata": {"annotations": {"theirs": "kept"}}, "theirs": {"x": 1}}),
                    );
                }
            }
        }
    }
    let Some(rendered) = last else { return };
    model.settle();
    match run(&mut model, &rendered, &mut usize::MAX.clone()) {
        Ok(()) => {
            let desired: BTreeSet<ObjectId> = rendered.objects().iter().map(Object::id).collect();
            assert_eq!(ours(&model, &owner), desired, "what is left is what was rendered");
            let inventory = model.inventory(&owner).unwrap();
            let held: BTreeSet<ObjectId> = inventory.entries.iter().map(|entry| entry.id.clone()).collect();
            assert_eq!(held, desired);
            assert!(inventory.attempted.is_empty() && inventory.bundle == Some(rendered.origin().bundle));
            let writes = model.writes;
            run(&mut model, &rendered, &mut usize::MAX.clone()).unwrap();
            assert_eq!(model.writes, writes, "a cluster that has converged costs no writes");
        }
        // Only the guard stops a bundle here.
        Err(why) => assert!(why.contains("would be deleted"), "{why}"),
    }
}

/// `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|it| it.parse().ok()).unwrap_or(48)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_last_bundle_is_what_is_left(events in proptest::collection::vec(event(), 1..7)) {
        live(&events);
    }
}
