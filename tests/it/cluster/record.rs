//! What the cluster records, and how two nodes get on with it.

use std::{collections::BTreeMap, sync::Arc};

use airlock::{
    bundle::Floor,
    cluster::{
        Cluster, Error, Reference, UpdateOptions,
        directory::DirectoryCluster,
        record::{self, Bundle, Channel, Record, RecordError, Root},
    },
    digest::Digest,
    fault::Fault,
    trust::state::{Denial, Hold, RootRef},
};
use serde_json::json;

use super::{gvk, object};

fn root(version: u32, text: &str) -> (u32, Root) {
    let root = RootRef { version, digest: Digest::of(text.as_bytes()) };
    (version, Root { root, envelope: format!("{{\"payload\":\"{text}\"}}").into_bytes() })
}

fn bundle(sequence: u64, text: &str) -> Bundle {
    Bundle {
        position: Floor { epoch: 1, sequence },
        digest: Digest::of(text.as_bytes()),
        root_version: 1,
        envelope: format!("{{\"payload\":\"{text}\"}}").into_bytes(),
    }
}

fn record(roots: &[(u32, &str)], channel: Channel) -> Record {
    Record {
        roots: roots.iter().map(|(version, text)| root(*version, text)).collect(),
        channels: BTreeMap::from([("platform".parse().unwrap(), channel)]),
    }
}

fn at(sequence: u64, text: &str) -> Channel {
    let bundle = bundle(sequence, text);
    Channel { highest: Some(bundle.clone()), active: Some(bundle), ..Channel::default() }
}

fn lead() -> bool {
    true
}

#[tokio::test]
async fn what_is_written_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = DirectoryCluster::open(directory.path()).unwrap();
    let nothing = record::read(&cluster).await.unwrap();
    assert_eq!(nothing, Record::default());
    let mut channel = at(3, "three");
    channel.denied = vec![Denial { digest: Digest::of(b"two"), why: "it breaks the bridge".into() }];
    channel.hold = Some(Hold {
        who: "bosun".into(),
        why: "storm".into(),
        until: Some("2026-02-03T04:05:06Z".parse().unwrap()),
    });
    channel.paused = BTreeMap::from([(
        "radar".parse().unwrap(),
        Hold { who: "bosun".into(), why: "repair".into(), until: None },
    )]);
    channel.inputs = Some(Digest::of(b"site"));
    let ours = record(&[(1, "one"), (2, "two")], channel);
    let written = record::write(&cluster, &nothing, &ours, &lead).await.unwrap();
    let read = record::read(&cluster).await.unwrap();
    assert_eq!(read, written);
    let versioned = read.channels.values().all(|it| it.version.is_some());
    assert!(versioned && read.roots == ours.roots);
    let shown =
        std::fs::read_to_string(directory.path().join("namespaces/airlock-system/ConfigMap/root.2.yaml"))
            .unwrap();
    assert!(shown.contains("immutable: true") && shown.contains("payload"), "{shown}");

    // The same again writes nothing; a rollback makes a lower bundle active and leaves the highest.
    let newest = cluster.version_of("platform").await;
    record::write(&cluster, &read, &read, &lead).await.unwrap();
    assert_eq!(cluster.version_of("platform").await, newest);
    let mut rolled = read.clone();
    rolled.channels.values_mut().next().unwrap().active = Some(bundle(2, "older"));
    record::write(&cluster, &read, &rolled, &lead).await.unwrap();
    let after = record::read(&cluster).await.unwrap();
    let channel = after.channels.values().next().unwrap();
    assert_eq!(channel.active.as_ref().unwrap().position.sequence, 2);
    assert_eq!(channel.highest.as_ref().unwrap().envelope, bundle(3, "three").envelope);
}

trait VersionOf {
    async fn version_of(&self, channel: &str) -> Option<String>;
}

impl VersionOf for DirectoryCluster {
    async fn version_of(&self, channel: &str) -> Option<String> {
        let reference =
            Reference::new(gvk("v1", "ConfigMap"), "airlock-system", &format!("channel.{channel}"));
        self.get(&reference).await.unwrap().resource_version().map(str::to_owned)
    }
}

#[track_caller]
fn check(recorded: &Record, ours: &Record, expect: &str) {
    let code = recorded.admits(ours).map_or_else(|error| error.code(), |()| "leads");
    assert_eq!(code, expect);
}

#[test]
fn who_may_lead() {
    let recorded = record(&[(1, "one"), (2, "two")], at(3, "three"));
    check(&Record::default(), &recorded, "leads");
    check(&recorded, &recorded, "leads");
    check(&recorded, &Record::default(), "behind");
    check(&recorded, &record(&[(1, "one")], at(3, "three")), "behind");
    check(&recorded, &record(&[(1, "one"), (2, "two")], at(2, "two")), "behind");
    check(&recorded, &record(&[(1, "one"), (2, "two")], Channel::default()), "behind");
    check(&recorded, &record(&[(1, "one"), (2, "two"), (3, "3")], at(4, "four")), "leads");
    check(&recorded, &record(&[(1, "one"), (2, "other")], at(4, "four")), "root_fork");
    check(&recorded, &record(&[(1, "one"), (2, "two")], at(3, "another")), "equivocation");
    // A new epoch is higher, whatever its sequence.
    let mut higher = at(1, "new");
    higher.highest.as_mut().unwrap().position.epoch = 2;
    check(&recorded, &record(&[(1, "one"), (2, "two")], higher), "leads");
}

#[tokio::test]
async fn of_two_nodes_that_write_at_once_one_reads_again() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = DirectoryCluster::open(directory.path()).unwrap();
    let first = record(&[(1, "one")], at(1, "one"));
    record::write(&cluster, &Record::default(), &first, &lead).await.unwrap();
    let (seen_by_a, seen_by_b) =
        (record::read(&cluster).await.unwrap(), record::read(&cluster).await.unwrap());
    let next = |seen: &Record, sequence, text| {
        let mut next = seen.clone();
        let channel = next.channels.values_mut().next().unwrap();
        (channel.highest, channel.active) = (Some(bundle(sequence, text)), Some(bundle(sequence, text)));
        next
    };
    record::write(&cluster, &seen_by_a, &next(&seen_by_a, 3, "three"), &lead).await.unwrap();
    let lost = record::write(&cluster, &seen_by_b, &next(&seen_by_b, 2, "two"), &lead).await.unwrap_err();
    assert!(matches!(lost, RecordError::Cluster(Error::Conflict { .. })), "{lost}");
    let seen = record::read(&cluster).await.unwrap();
    let behind = record::write(&cluster, &seen, &next(&seen, 2, "two"), &lead).await.unwrap_err();
    assert_eq!(
        (behind.code(), behind.to_string().as_str()),
        ("behind", "the cluster records bundle 1-3 of channel `platform`, and this node has nothing as new")
    );
    let stopped = record::write(&cluster, &seen, &next(&seen, 4, "four"), &|| false).await.unwrap_err();
    assert_eq!(stopped.code(), "not_leader");
    // Two first nodes: the same root twice is one, another is a fork.
    let again =
        record::write(&cluster, &Record::default(), &record(&[(1, "one")], Channel::default()), &lead)
            .await
            .unwrap_err();
    assert!(matches!(again, RecordError::Cluster(Error::AlreadyExists(_))), "{again}");
    let forked =
        record::write(&cluster, &Record::default(), &record(&[(1, "other")], Channel::default()), &lead)
            .await
            .unwrap_err();
    assert_eq!(forked.code(), "root_fork");
    // What someone broke is named.
    let reference = Reference::new(gvk("v1", "ConfigMap"), "airlock-system", "channel.platform");
    let patch = [json!({"op": "replace", "path": "/data/record", "value": "{}}"})];
    cluster.patch(&reference, &patch, &UpdateOptions::by("someone")).await.unwrap();
    let damaged = record::read(&cluster).await.unwrap_err();
    assert!(
        damaged.code() == "record_damaged" && damaged.to_string().contains("channel.platform"),
        "{damaged}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clusters_secret_is_made_once() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Arc::new(DirectoryCluster::open(directory.path()).unwrap());
    let nodes = (0..6_u8).map(|node| {
        let cluster = cluster.clone();
        tokio::spawn(async move { record::secret(&*cluster, &[node; record::SECRET_BYTES]).await.unwrap() })
    });
    let mut secrets = Vec::new();
    for node in nodes.collect::<Vec<_>>() {
        secrets.push(node.await.unwrap());
    }
    assert!(secrets.windows(2).all(|it| it[0] == it[1]), "{secrets:?}");
    assert_eq!(record::secret(&*cluster, &[99; record::SECRET_BYTES]).await.unwrap(), secrets[0]);
    let other = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cluster-secret", "namespace": "airlock-system"}, "data": {"secret": ""}});
    assert!(cluster.update(&object(other), &UpdateOptions::by("someone")).await.is_err(), "it is immutable");
}
