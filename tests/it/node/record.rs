//! What the cluster remembers, and what a node that knows less does with it.

use airlock::cluster::{ApplyOptions, record};

use super::*;

#[tokio::test]
async fn roots_and_bundles_are_recorded_before_the_first_write() {
    let ship = Ship::new();
    let node = ship.start();
    *ship.counted.poison.lock().unwrap() = Some("shop".into());
    ship.carry(&node, &bundle(1, &[("shop", &[], vec![space()])]));
    node.reconcile(None).await;
    assert!(ship.object("Namespace", "shop").await.is_none());
    let record = record::read(&*ship.counted.inner).await.unwrap();
    assert_eq!(record.roots.keys().copied().collect::<Vec<_>>(), [1]);
    let channel = &record.channels[&"platform".parse().unwrap()];
    let sequences = [&channel.highest, &channel.active].map(|it| it.as_ref().unwrap().position.sequence);
    assert_eq!(sequences, [1, 1]);
}

#[tokio::test]
async fn a_rollback_leaves_the_highest_and_says_what_is_denied() {
    let ship = Ship::new();
    let node = ship.start();
    for sequence in 1..3 {
        let value = sequence.to_string();
        ship.carry(&node, &bundle(sequence, &[("shop", &[], vec![space(), settings("a", &value)])]));
        node.reconcile(None).await;
    }
    let platform = "platform".parse().unwrap();
    node.roll_back(&platform, None, "the test").unwrap();
    node.reconcile(None).await;
    let record = record::read(&*ship.counted.inner).await.unwrap();
    let channel = &record.channels[&platform];
    let sequences = [&channel.highest, &channel.active].map(|it| it.as_ref().unwrap().position.sequence);
    assert_eq!((sequences, channel.denied.len()), ([2, 1], 1));
}

/// Another node, or this one before it lost its disk, went further.
#[tokio::test]
async fn a_node_that_is_behind_writes_nothing_and_learns_how_far_the_others_are() {
    let ahead = Ship::new();
    let node = ahead.start();
    let second = bundle(2, &[("shop", &[], vec![space(), settings("a", "2")])]);
    ahead.carry(&node, &second);
    node.reconcile(None).await;
    let record = record::read(&*ahead.counted.inner).await.unwrap();

    let ship = Ship::new();
    record::write(&*ship.counted.inner, &record::Record::default(), &unversioned(record), &|| true)
        .await
        .unwrap();
    let node = ship.start();
    ship.carry(&node, &bundle(1, &[("shop", &[], vec![space(), settings("a", "1")])]));
    node.reconcile(None).await;
    let status = channel(&node);
    assert_eq!(status.failure.map(|it| it.code).as_deref(), Some("behind"));
    assert_eq!(status.floor.unwrap().position.sequence, 2);
    assert!(ship.object("Namespace", "shop").await.is_none(), "nothing was written");
    // The bundle that the others run is no rollback and no news, and it is taken in all the same.
    ship.carry(&node, &second);
    node.reconcile(None).await;
    assert_eq!(sequences(&node), [None, Some(2), Some(2)], "{:?}", channel(&node));
}

/// Whoever can write in the agent's namespace cannot raise a floor with what nobody signed for this cluster.
#[tokio::test]
async fn nothing_recorded_is_believed_by_itself() {
    let ship = Ship::new();
    let node = ship.start();
    ship.carry(&node, &bundle(1, &[("shop", &[], vec![space(), settings("a", "1")])]));
    node.reconcile(None).await;
    let mut forged = record::read(&*ship.counted.inner).await.unwrap();
    let platform: airlock::name::ChannelName = "platform".parse().unwrap();
    let channel_record = forged.channels.get_mut(&platform).unwrap();
    channel_record.highest.as_mut().unwrap().position.sequence = 900;
    let gvk = Gvk { group: String::new(), version: "v1".into(), kind: "ConfigMap".into() };
    let there = ship.counted.inner.get(&Reference::new(gvk, NAMESPACE, "channel.platform")).await.unwrap();
    let line = serde_json::to_string(&channel_record).unwrap();
    let patch = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": there.name(), "namespace": NAMESPACE}, "data": {"record": line}});
    let patch = Object::new(patch, "it").unwrap();
    ship.counted.inner.apply(&patch, &ApplyOptions::force("somebody")).await.unwrap();
    node.reconcile(None).await;
    let status = channel(&node);
    assert_eq!(status.failure.map(|it| it.code).as_deref(), Some("behind"));
    assert_eq!(status.floor.unwrap().position.sequence, 1, "the floor is what was verified");
}

fn unversioned(mut record: record::Record) -> record::Record {
    for channel in record.channels.values_mut() {
        channel.version = None;
    }
    record
}
