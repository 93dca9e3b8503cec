//! Whatever the files say, a build ends, and what it prints can be built again. Run it with
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz kustomize -- -timeout=5 -max_len=16384`.

#![no_main]

use airlock::{
    archive::{Node, SafePath, Tree},
    render::kustomize::{Options, Order, TreeFiles, build},
};
use libfuzzer_sys::fuzz_target;

/// The files of the tree, in the order in which the input gives their content.
const FILES: [&str; 6] = [
    "kustomization.yaml",
    "resources.yaml",
    "patch.yaml",
    "base/kustomization.yaml",
    "base/resources.yaml",
    "component/kustomization.yaml",
];

fuzz_target!(|input: &[u8]| {
    let parts = input.split(|byte| *byte == 0);
    let nodes = FILES.iter().zip(parts).map(|(path, content)| {
        (SafePath::new(path).expect("a plain path"), Node::file(content))
    });
    let tree = Tree::new(nodes).expect("all paths differ");
    let options = Options { order: Order::None, explain: true, ..Options::default() };
    let Ok(output) = build(&TreeFiles::new(&tree, Vec::new()), "/", &options) else { return };

    // What is printed is what a kustomization of nothing else prints.
    let again = [("kustomization.yaml", "resources: [all.yaml]".to_owned()), ("all.yaml", output.text())];
    let nodes = again.map(|(path, text)| (SafePath::new(path).expect("a plain path"), Node::file(text)));
    let tree = Tree::new(nodes).expect("all paths differ");
    if let Ok(again) = build(&TreeFiles::new(&tree, Vec::new()), "/", &options) {
        assert!(again.resources.len() <= output.resources.len());
    }
});
