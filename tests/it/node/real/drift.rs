//! What others do to the objects meanwhile, and what is asked as long as nobody does anything.

use super::*;

/// Passes whenever the node is woken, as the agent's loop does.
pub(super) fn keep(node: &Arc<Node>) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(follow(Arc::clone(node)));
    let node = Arc::clone(node);
    tasks.spawn(async move {
        loop {
            node.reconcile(None).await;
            node.woken().await;
        }
    });
    tasks
}

/// Waits until something holds, and says how long it took.
pub(super) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if holds().await {
            return begun.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// Waits until nothing is asked of the cluster for a second.
pub(super) async fn until_quiet(ground: &Ground) {
    for _ in 0..30 {
        ground.ship.counted.take();
        tokio::time::sleep(Duration::from_secs(1)).await;
        if ground.ship.counted.take().is_empty() {
            return;
        }
    }
    panic!("it never rests: {:?}", ground.ship.counted.take());
}

pub(super) async fn drift_is_put_back_at_once(ground: &mut Ground) {
    let slow = ground.workload("Deployment", "slow", json!({"airlock.test/ends": "badly"}));
    ground.carry(&[
        ("shop", vec![ground.map("a", "1"), ground.map("b", "1")], json!({})),
        ("repair", vec![ground.map("mine", "1")], json!({})),
    ]);
    ground.settle().await;
    let _tasks = keep(&ground.node);
    until_quiet(ground).await;
    // Edited: put back; what is foreign stays.
    let mut edited = ground.get("v1", "ConfigMap", "a").await.unwrap().into_value();
    edited["data"] = json!({"value": "edited", "foreign": "f"});
    ground.client.update(&Object::new(edited, "it").unwrap(), &UpdateOptions::by("somebody")).await.unwrap();
    let took = until("it is put back", async || ground.value("a").await.as_deref() == Some("1")).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    let live = ground.get("v1", "ConfigMap", "a").await.unwrap();
    assert_eq!(live.text(&["data", "foreign"]), Some("f"));
    // Deleted: made again. A label taken away: given back, though the object has left the agent's sight.
    ground.delete("v1", "ConfigMap", "b").await;
    let took = until("it is made again", async || ground.value("b").await.as_deref() == Some("1")).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    let live = ground.get("v1", "ConfigMap", "a").await.unwrap();
    let labels = live.get(&["metadata", "labels"]).unwrap().as_object().unwrap().clone();
    let patch = [json!({"op": "remove", "path": "/metadata/labels"})];
    ground.client.patch(&Reference::of(&live), &patch, &UpdateOptions::by("somebody")).await.unwrap();
    until("the labels are back", async || {
        let live = ground.get("v1", "ConfigMap", "a").await.unwrap();
        live.get(&["metadata", "labels"]).and_then(|it| it.as_object().cloned()) == Some(labels.clone())
    })
    .await;
    // Paused: left alone, and put back when the pause ends.
    let platform = "platform".parse().unwrap();
    let entry = "repair".parse().unwrap();
    let hold = Hold { who: "rita".into(), why: "repair".into(), until: None };
    ground.node.pause(&platform, Some(&entry), hold, day(7)).unwrap();
    ground.apply(ground.map("mine", "repaired"), "kubectl").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(ground.value("mine").await.as_deref(), Some("repaired"));
    ground.node.resume(&platform, Some(&entry), "rita", day(7)).unwrap();
    ground.node.wake();
    until("the repair is over", async || ground.value("mine").await.as_deref() == Some("1")).await;
    // While an entry waits for what does not become ready, the others are kept all the same.
    ground.carry(&[
        ("shop", vec![ground.map("a", "1"), ground.map("b", "1")], json!({})),
        ("repair", vec![ground.map("mine", "1")], json!({})),
        ("slow", vec![slow], json!({})),
    ]);
    ground.node.wake();
    until("the deployment is there", async || ground.get("apps/v1", "Deployment", "slow").await.is_some())
        .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    ground.apply(ground.map("a", "edited"), "somebody").await;
    let took =
        until("it is put back meanwhile", async || ground.value("a").await.as_deref() == Some("1")).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    // Somebody who never stops is told of, and not fought for ever.
    let mut fought = 0;
    for round in 0..40 {
        let value = format!("mine-{round}");
        ground.apply(ground.map("b", &value), "stubborn-controller").await;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2)
            && ground.value("b").await.as_deref() == Some(value.as_str())
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if ground.value("b").await.as_deref() == Some(value.as_str()) {
            break;
        }
        fought += 1;
    }
    assert!((3..=8).contains(&fought), "{fought}");
    until("it is told", async || {
        entries(&ground.node)["shop"]
            .failure
            .as_ref()
            .is_some_and(|it| it.code == "contested" && it.error.contains("by `stubborn-controller`"))
    })
    .await;
    let live = ground.get("v1", "ConfigMap", "b").await.unwrap();
    let managed = live.get(&["metadata", "managedFields"]).unwrap().to_string();
    assert!(managed.contains(FIELD_MANAGER) || managed.contains("stubborn"), "{managed}");
}

pub(super) async fn what_is_still_is_not_asked_for(ground: &mut Ground) {
    let entries: Vec<_> = (0..6)
        .map(|at| {
            (
                ["e0", "e1", "e2", "e3", "e4", "e5"][at],
                vec![ground.map(&format!("m{at}"), "1"), ground.map(&format!("n{at}"), "1")],
                json!({}),
            )
        })
        .collect();
    ground.carry(&entries);
    ground.settle().await;
    let _tasks = keep(&ground.node);
    until_quiet(ground).await;
    // The interval comes round, and there is nothing to ask.
    for _ in 0..3 {
        ground.node.wake();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(ground.ship.counted.take(), BTreeMap::new());
    // One entry's object: the others are not looked at.
    ground.apply(ground.map("m3", "edited"), "somebody").await;
    until("it is put back", async || ground.value("m3").await.as_deref() == Some("1")).await;
    until_quiet(ground).await;
    ground.ship.counted.take();
    ground.apply(ground.map("m3", "edited"), "somebody").await;
    until("it is put back", async || ground.value("m3").await.as_deref() == Some("1")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = ground.ship.counted.take();
    assert_eq!(asked.get("apply"), Some(&1), "{asked:?}");
    assert_eq!(asked.get("dry_run"), Some(&1), "{asked:?}");
    assert!(asked.values().sum::<usize>() <= 8, "{asked:?}");
    // Whoever asks for a look gets one.
    ground.node.doubt();
    ground.node.reconcile(None).await;
    assert!(ground.ship.counted.take().values().sum::<usize>() > 4);
}
