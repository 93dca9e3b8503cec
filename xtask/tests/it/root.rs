//! Trust roots: made, signed by several hands, rotated, refused.

use xtask::root::{self, Chain, Change, Edit, Named};

use crate::hands::Hands;

fn begin() -> Hands {
    let mut hands = Hands::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        hands.key(name);
    }
    let edit = hands.edit(hands.holders(2, &["a", "b", "c"]), hands.holders(2, &["d", "e"]));
    root::init(&hands.path("trust"), &edit, &mut hands.world).unwrap();
    hands
}

fn sign(hands: &Hands, version: u32, keys: &[&str]) {
    for key in keys {
        root::sign(&hands.path(&format!("trust/{version:04}.root.dsse")), &hands.path(key), &hands.world)
            .unwrap();
    }
}

#[test]
fn a_chain_grows_by_the_thresholds_of_both() {
    let mut hands = begin();
    let trust = hands.path("trust");
    let unsigned = root::check(&trust).unwrap_err().to_string();
    assert!(unsigned.contains("signed by 0 of the 2 keys") && unsigned.contains("threshold"), "{unsigned}");
    sign(&hands, 1, &["a"]);
    assert!(root::check(&trust).unwrap_err().to_string().contains("signed by 1 of the 2 keys"));
    sign(&hands, 1, &["a"]);
    assert!(root::check(&trust).is_err(), "one key twice is one signer");
    sign(&hands, 1, &["b"]);
    root::check(&trust).unwrap();
    // Version 2 replaces two of three keys: two of the old ones and two of the new ones must sign.
    let new = |name: &str| hands.path(&format!("{name}.pub"));
    let change = Change {
        replace: vec![Named { name: "a".into(), value: new("f") }],
        new_epoch: true,
        ..Change::default()
    };
    root::rotate(&trust, &Edit::default(), &change, &hands.world).unwrap();
    sign(&hands, 2, &["f", "b"]);
    let old = root::check(&trust).unwrap_err().to_string();
    assert!(old.contains("signed by 1 of the 2 keys") && old.contains("root 1"), "{old}");
    sign(&hands, 2, &["a"]);
    let told = root::check(&trust).unwrap();
    assert!(told.contains("trust root 2  epoch 2"), "{told}");
    let newest = Chain::read(&trust).unwrap().newest().unwrap();
    assert_eq!((newest.version, newest.epoch, newest.keys.len()), (2, 2, 5));
    // A file that travels without its chain is signed all the same, and says what it lacks.
    let away = hands.path("away.dsse");
    std::fs::copy(hands.path("trust/0002.root.dsse"), &away).unwrap();
    assert!(root::standing(&away).unwrap().contains("not beside it"));
    root::sign(&away, &hands.path("c"), &hands.world).unwrap();
    root::attach(&hands.path("trust/0002.root.dsse"), &away).unwrap();
    let standing = root::standing(&hands.path("trust/0002.root.dsse")).unwrap();
    assert!(standing.contains("version 2: 3 of 2"), "{standing}");
    hands.world.now = "2020-01-01T00:00:00Z".parse().unwrap();
    let clock = root::rotate(&trust, &Edit::default(), &Change::default(), &hands.world).unwrap_err();
    assert!(clock.to_string().contains("this machine's clock"), "{clock}");
}

#[test]
fn the_sheet_says_what_a_site_compares() {
    let hands = begin();
    let file = hands.path("trust/0001.root.dsse");
    let envelope = xtask::envelope::Envelope::read(&file, airlock::bundle::Role::Root).unwrap();
    let page = root::sheet(&envelope, &root::document(&envelope).unwrap()).unwrap();
    let words = airlock::trust::words::of(&envelope.digest());
    for word in words.split(' ') {
        assert!(page.contains(word), "{page}");
    }
    for text in [
        "trust roots: 2 of 3",
        "channel platform: 2 of 2",
        "namespaces      every one",
        &envelope.digest().hex(),
    ] {
        assert!(page.contains(text), "{text} is not in\n{page}");
    }
    assert!(page.lines().all(|line| line.len() <= 100), "{page}");
}

#[track_caller]
fn refused(edit: &Edit, expect: &str) {
    let mut hands = begin();
    let error = root::init(&hands.path("other"), edit, &mut hands.world).unwrap_err();
    assert!(format!("{error:#}").contains(expect), "{error:#}");
    assert!(!hands.path("other").exists(), "nothing is left of it");
}

#[test]
fn a_root_that_cannot_be_is_not_made() {
    let hands = begin();
    let good = || hands.edit(hands.holders(2, &["a", "b", "c"]), hands.holders(2, &["d", "e"]));
    refused(&Edit { root: None, ..good() }, "who signs trust roots?");
    refused(&Edit { channel: Vec::new(), ..good() }, "who signs bundles?");
    refused(&Edit { namespaces: Vec::new(), cluster_scoped: Vec::new(), ..good() }, "could hold no object");
    refused(
        &Edit { root: Some(hands.holders(4, &["a", "b", "c"])), ..good() },
        "3 keys for a threshold of 4; add keys",
    );
    refused(&Edit { root: Some(hands.holders(0, &["a"])), ..good() }, "for a threshold of 0");
    refused(
        &Edit { root: Some(hands.holders(1, &["a"])), ..good() },
        "role `root` would believe a single key",
    );
    refused(
        &Edit { card: Some(hands.holders(1, &["f"])), ..good() },
        "role `card` would believe a single key",
    );
    refused(
        &Edit { agent: Some(hands.holders(2, &["a", "f"])), ..good() },
        "a root key signs nothing else; make a key",
    );
    refused(&Edit { root: Some(hands.holders(2, &["a", "a"])), ..good() }, "named twice");
    refused(
        &Edit { valid: Some("-1d".parse().unwrap()), ..good() },
        "expires before it is issued; give a longer",
    );
    let named = |name: &str| vec![Named { name: name.into(), value: hands.holders(2, &["d", "e"]) }];
    refused(&Edit { channel: named("root"), ..good() }, "would be taken for the role");
    refused(&Edit { channel: named("Team A"), ..good() }, "is not a channel name");
    refused(&Edit { channel: named("team"), ..good() }, "there is no channel `platform`");
    let again = root::init(&hands.path("trust"), &good(), &mut begin().world).unwrap_err();
    assert!(again.to_string().contains("holds a trust root already"), "{again}");
}

#[test]
fn only_those_sign_who_count() {
    let hands = begin();
    let file = hands.path("trust/0001.root.dsse");
    let error = root::sign(&file, &hands.path("d"), &hands.world).unwrap_err();
    assert!(error.to_string().contains("not of the root role"), "{error}");
    let open =
        root::rotate(&hands.path("trust"), &Edit::default(), &Change::default(), &hands.world).unwrap_err();
    assert!(format!("{open:#}").contains("cannot be followed"), "{open:#}");
}
