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
