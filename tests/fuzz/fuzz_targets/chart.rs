//! Charts of strangers: archives, directories with all that they hold, single templates with all of Helm's functions,
//! rendered within a small budget, and flags. Run it with `cargo xtask fuzz chart`.

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
    match kind % 5 {
        0 => drop(chart::read_archive(data)),
        1 => flags(&String::from_utf8_lossy(data)),
        2 => drop(record::decode(&String::from_utf8_lossy(data))),
        3 => directory(data),
        _ => template(data),
    }
});

/// A template in a chart whose values are of every kind.
fn template(data: &[u8]) {
    let path = |name: &str| SafePath::new(name).expect("a plain path");
    let nodes = [
        ("Chart.yaml", b"{apiVersion: v2, name: fuzz, version: 1.2.3, appVersion: v4}".as_slice()),
        ("values.yaml", VALUES),
        ("files/a.txt", b"one\ntwo\n"),
        ("templates/_names.tpl", b"{{ define \"n\" }}{{ .Chart.Name }}{{ end }}"),
        ("templates/a.yaml", data),
    ];
    let tree = Tree::new(nodes.map(|(name, content)| (path(name), Node::file(content))));
    render(&tree.expect("all paths differ"));
}

const VALUES: &[u8] = b"{s: text, e: '', n: 3, f: 1.5, b: true, z: null, l: [1, two, {x: 3}], d: 2026-01-02T03:04:05Z,
  m: {a: {b: {c: 1}}, 'k-1': v}, t: '{{ .Values.s }}', v: 1.2.3-rc.1, r: '[a-z]+', 'y': 'a: [b, {c: d}]', j: '{\"a\": [1]}'}";

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
    if let Ok(tree) = Tree::new(nodes) {
        render(&tree);
    }
}

fn render(tree: &Tree) {
    let Ok(chart) = chart::read_directory(tree, "") else { return };
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
