//! What a node's mirror serves: what is accepted, as long as it is kept.

use airlock::{
    digest::Digest,
    mirror::{Shelf as _, Wanted},
};

use super::*;

fn with_image(sequence: u64, layer: &[u8]) -> (Maker, Digest) {
    let mut maker = bundle(sequence, &[("shop", &[], vec![space()])]);
    let (manifest, _) = maker.image("registry.example.com/app:v1", layer);
    (maker, manifest)
}

fn tagged(node: &Node) -> Option<Digest> {
    node.catalogue().unwrap().manifest(Some("registry.example.com"), "app", &Wanted::Tag("v1"))
}

#[tokio::test]
async fn a_tag_is_what_runs_and_the_rest_is_there_by_digest() {
    let ship = Ship::new();
    let node = ship.start();
    assert_eq!(tagged(&node), None);
    let ((one, first), (two, second)) = (with_image(1, b"one"), with_image(2, b"two"));
    ship.carry(&node, &one);
    assert_eq!(tagged(&node), Some(first), "pods may need it before the pass is over");
    node.reconcile(None).await;
    ship.carry(&node, &two);
    assert_eq!(tagged(&node), Some(first), "what is staged does not change what runs");
    assert!(node.catalogue().unwrap().blob(&second).is_some(), "it can be had by its digest");
    node.reconcile(None).await;
    assert_eq!(tagged(&node), Some(second));
    assert!(node.catalogue().unwrap().blob(&first).is_some(), "a rollback would need it");
    let platform = "platform".parse().unwrap();
    node.roll_back(&platform, None, "the test").unwrap();
    assert_eq!(tagged(&node), Some(first));
}

/// A node with a mirror that answers, and a peer that knows its address alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_takes_bundles_from_the_mirror() {
    let (near, far) = (Ship::new(), Ship::new());
    let first = near.start();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shelf: Arc<dyn airlock::mirror::Shelf> = Arc::<Node>::clone(&first);
    let serving = airlock::mirror::http::serve(listener, move |it| airlock::mirror::answer(&shelf, it));
    let serving = tokio::spawn(serving);
    let urls: Vec<String> = ["airlock/platform", "airlock/ship-7/platform:1-1", "airlock/other"]
        .map(|path| format!("oci://{address}/{path}"))
        .into();
    let second = far.start();
    let pull = async |at: usize| {
        let (node, url) = (Arc::clone(&second), urls[at].parse().unwrap());
        let pulled = tokio::task::spawn_blocking(move || node.pull(Some(url), &quiet())).await.unwrap();
        pulled.unwrap().refusal().map(|it| it.code.to_string())
    };
    let (one, manifest) = with_image(1, b"one");
    assert!(pull(0).await.is_some(), "there is nothing yet");
    near.carry(&first, &one);
    assert_eq!(pull(0).await, None, "the newest one");
    first.reconcile(None).await;
    second.reconcile(None).await;
    assert_eq!(sequences(&second), [None, Some(1), Some(1)]);
    assert_eq!(tagged(&second), Some(manifest), "and hands it on");
    near.carry(&first, &with_image(2, b"two").0);
    assert_eq!(pull(1).await, None, "one by its position is what is there");
    assert_eq!(sequences(&second), [None, Some(1), Some(1)]);
    assert!(pull(2).await.is_some(), "nobody has such a channel");
    assert_eq!(pull(0).await, None);
    assert_eq!(sequences(&second), [Some(2), Some(1), Some(1)]);
    serving.abort();
}
