//! Whatever the bytes are, both readers end, and what they read hangs together. Run it with
//! `cargo xtask fuzz yaml --seconds 3600`.

#![no_main]

use std::ops::ControlFlow;

use airlock::yaml::{self, Document, Kind, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for version in [Version::V2, Version::V3] {
        let mut first = None;
        let mut nodes = 0;
        let read = yaml::each(input, version, |document| {
            check(&document);
            nodes += document.len();
            let _ = document.to_value(version);
            let _ = document.to_value_strict();
            first.get_or_insert(document.len());
            ControlFlow::Continue(())
        });
        // An empty scalar needs an indicator, and an indicator is a byte: `[a: ]` has the most nodes for its length.
        assert!(nodes <= 3 * input.len() + 1, "{nodes} nodes of {} bytes", input.len());
        let alone = yaml::parse_first(input, version).map(|document| document.len());
        match (first, read) {
            (Some(len), _) => assert_eq!(alone, Ok(len)),
            (None, Ok(())) => assert_eq!(alone, Ok(0)),
            (None, Err(error)) => assert_eq!(alone, Err(error)),
        }
    }
});

/// Each node is the root or the child of one collection, comes after its parent, and an alias stands for a node
/// that is not an alias.
fn check(document: &Document<'_>) {
    let mut open: Vec<_> = document.root().into_iter().collect();
    let mut seen = 0;
    while let Some(id) = open.pop() {
        seen += 1;
        let node = document.node(id);
        match node.kind {
            Kind::Mapping => assert_eq!(document.children(id).len() % 2, 0),
            Kind::Alias => assert_ne!(document.node(document.resolve_alias(id)).kind, Kind::Alias),
            Kind::Sequence | Kind::Scalar => (),
        }
        for child in document.children(id) {
            assert!(*child > id);
            open.push(*child);
        }
    }
    assert_eq!(seen, document.len());
}
