//! Charts of strangers: archives, directories with all that they hold, rendered within a small budget, and flags.
#![no_main]

use airlock::{
    archive::{Node, SafePath, Tree},
    render::{
        gotemplate::{Budget, sprig::clock::Time},
        helm::{Capabilities, Options, Randomness, Release, World, chart, install, record, values},
    },
    yaml,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    match kind % 4 {
        0 => drop(chart::read_archive(data)),
        1 => flags(&String::from_utf8_lossy(data)),
        2 => drop(record::decode(&String::from_utf8_lossy(data))),
        _ => directory(data),
    }
});

fn flags(text: &str) {
    for kind in [values::Kind::Typed, values::Kind::Text, values::Kind::Json, values::Kind::Literal] {
        let into = values::from_map(&yaml::Map::new());
        let _ = values::set(kind, text, &into);
    }
}

/// Names and contents by turns, each up to a zero.
fn directory(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == 0);
    let mut nodes = Vec::new();
    while let (Some(name), Some(content)) = (parts.next(), parts.next()) {
        if let Ok(path) = SafePath::from_bytes(name) {
            nodes.push((path, Node::file(content)));
        }
    }
    let Ok(tree) = Tree::new(nodes) else { return };
    let Ok(chart) = chart::read_directory(&tree, "") else { return };
    let world = World {
        now: Time::unix(0),
        random: Randomness::Derived([1; 32]),
        cluster: None,
        budget: Budget { steps: 100_000, bytes: 1 << 20, ..Budget::default() },
        lenient: false,
    };
    let release =
        Release { name: "fuzz".into(), namespace: "default".into(), revision: 1, is_upgrade: false };
    let given = values::from_map(&yaml::Map::new());
    let options = Options { include_crds: true, ..Options::default() };
    if let Ok(rendered) = install(&chart, &given, &release, &Capabilities::default(), options, world) {
        let stored = record::encode(&record::body(&rendered, &given, &release));
        record::decode(&stored).expect("what is encoded is decoded");
    }
}
