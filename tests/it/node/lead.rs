//! Several nodes and one cluster: one of them writes.

use super::*;

const WRITES: [&str; 5] = ["apply", "create", "update", "patch", "delete"];

#[tokio::test]
async fn one_of_two_nodes_writes_and_the_other_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = DirectoryCluster::open(folder.path()).unwrap();
    let [mut a, mut b] = [Ship::on(|_| cluster.clone()), Ship::on(|_| cluster.clone())];
    (a.identity, b.identity) = (Some("node-a"), Some("node-b"));
    let (first, second) = (a.start(), b.start());
    let one = bundle(1, &[("shop", &[], vec![space(), settings("a", "1")])]);
    a.carry(&first, &one);
    first.reconcile(None).await;
    assert_eq!(sequences(&first), [None, Some(1), Some(1)], "{:?}", channel(&first));

    b.carry(&second, &one);
    b.counted.take();
    second.reconcile(None).await;
    let failure = channel(&second).failure.unwrap();
    assert_eq!(failure.code, "not_leader");
    assert!(failure.error.starts_with("node `node-a` keeps the cluster"), "{failure:?}");
    let asked = b.counted.take();
    assert!(WRITES.iter().all(|it| !asked.contains_key(it)), "{asked:?}");

    // Drift is the leader's to put back, and nobody else's.
    meddle(&a, a.object("ConfigMap", "a").await.unwrap(), "value", "other").await;
    second.reconcile(None).await;
    assert_eq!(b.value("a").await.as_deref(), Some("other"));
    first.reconcile(None).await;
    assert_eq!(b.value("a").await.as_deref(), Some("1"));

    // The leader is told to stop: it writes nothing more, and nobody waits for its Lease to end.
    meddle(&a, a.object("ConfigMap", "a").await.unwrap(), "value", "other").await;
    first.stop();
    a.counted.take();
    first.reconcile(None).await;
    let asked = a.counted.take();
    assert!(WRITES.iter().all(|it| !asked.contains_key(it)), "{asked:?}");
    first.resign().await;
    second.reconcile(None).await;
    assert_eq!(b.value("a").await.as_deref(), Some("1"));
    assert_eq!(sequences(&second), [None, Some(1), Some(1)], "{:?}", channel(&second));
}
