//! The main job, from nothing to a reconciled cluster: the demo checks by itself how each of its commands ends.

use std::{path::Path, process::Command};

#[test]
fn the_demo_ends_as_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let demo = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["demo", "--directory"])
        .arg(folder.path().join("demo"))
        .current_dir(checkout)
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&demo.stdout);
    assert!(demo.status.success(), "{shown}\n{}", String::from_utf8_lossy(&demo.stderr));
    for expect in [
        "[rollback]",
        "[tampered]",
        "[audience]",
        "Deployment/harbour/tides",
        "quay-7",
        "[release]",
        "That was it",
    ] {
        assert!(shown.contains(expect), "the demo does not show {expect}:\n{shown}");
    }
    // What it shows is the story, and not this machine.
    let told = shown.split("That was it").next().unwrap();
    assert!(!told.contains(&folder.path().display().to_string()), "{told}");
}
