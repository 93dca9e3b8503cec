//! The command line, from nothing to a stick: what the README tells a platform engineer to type.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::hands::{Hands, PASSPHRASE};

/// Runs a line of the command line in the directory, and returns what it printed.
#[track_caller]
fn run(hands: &Hands, line: &str) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(line.split_whitespace())
        .current_dir(hands.dir.path())
        .env_clear()
        .env("AIRLOCK_PASSPHRASE_FILE", "passphrase")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

#[test]
fn from_nothing_to_a_stick() {
    let hands = Hands::new();
    fs::write(hands.path("passphrase"), format!("{PASSPHRASE}\n")).unwrap();
    fs::set_permissions(hands.path("passphrase"), PermissionsExt::from_mode(0o600)).unwrap();
    let ok = |line: &str, expect: &str| {
        let told = run(&hands, line).unwrap_or_else(|error| panic!("{line}\n{error}"));
        assert!(told.contains(expect), "{line}\n{expect} is not in\n{told}");
    };
    ok("key new alice --label alice", "public   alice.pub");
    for name in ["bob", "dora", "emil", "carla"] {
        ok(&format!("key new {name} --label {name} --unencrypted"), "SHA256:");
    }
    ok("key show alice.pub", "label    alice");
    ok("key new keys/zoe --label zoe --unencrypted", "SHA256:");
    assert_eq!(fs::metadata(hands.path("keys")).unwrap().permissions().mode() & 0o777, 0o700);
    ok(
        "root init --root 2:alice.pub,bob.pub --card 1:carla.pub --single --channel platform=2:dora.pub,emil.pub \
         --namespaces platform=* --images platform=* --cluster-scoped platform",
        "0 of 2 signed",
    );
    ok("root sign trust/0001.root.dsse --key alice", "1 of 2 signed");
    ok("root sign trust/0001.root.dsse --key bob", "2 of 2 signed");
    ok("root sheet", "airlock trust init FILE --sha256 ");
    ok("root show", "\"version\": 1");
    ok("root check", "the chain holds");
    ok("bundle init web", "next: edit bundles/web/bundle.yaml");
    ok("bundle build web", "target/bundles/web/1-1");
    ok("bundle request web --to request", "+ ConfigMap/default/web");
    ok("bundle sign request --key dora --trust trust", "1 of 2 signed");
    ok("bundle attach web request/bundle.dsse", "1 of 2 signed");
    ok("bundle sign web --key emil", "the gate accepts it");
    ok("bundle inspect web", "each as it was signed; 0 are not here");
    ok("bundle write web --directory stick", "3 blobs and parts written, 0 were there");
    ok("bundle write web --tar web.tar", "web.tar");
    ok("bundle write web --volumes 1MB:discs", "discs/web-1-1-1-of-1.tar");
    ok("bundle inspect web.tar", "the gate accepts it");
    ok("bundle card web --key carla --to card.dsse", "signed by 1 of 1");
    // The root changes after the bundle was built, and goes along.
    ok("root rotate --single --valid 3y", "+ admits until");
    for key in ["alice", "bob"] {
        ok(&format!("root sign trust/0002.root.dsse --key {key}"), "of 2 signed");
    }
    ok("bundle write web --directory newer --trust trust", "newer");
    assert!(hands.path("newer/trust/0002.root.dsse").exists());
    let no = |line: &str, expect: &str| {
        let told = run(&hands, line).unwrap_err();
        assert!(told.starts_with("error: ") && told.contains(expect), "{line}\n{expect} is not in\n{told}");
    };
    no("bundle build nothing", "makes a bundle");
    no("bundle sign nothing --key dora", "neither a path nor a bundle that was built");
    no("bundle sign web --key alice", "not of channel `platform`");
    no("root init --root 2:alice.pub,bob.pub --channel a=2:dora.pub,emil.pub", "holds a trust root already");
    no("key new alice --label alice", "nothing is overwritten");
    no("bundle write web --directory stick --since 9", "no bundle `9`");
    fs::remove_dir_all(hands.path("target")).unwrap();
    no("bundle inspect web", "builds it again, byte for byte");
    ok("bundle build web", "0 of 2 signed");
    assert_eq!(fs::read_dir(Path::new(&hands.path("stick/blobs/sha256"))).unwrap().count(), 3);
}
