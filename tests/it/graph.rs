//! Dependencies, written as `node: what it depends on`, one a line.

use std::collections::{BTreeSet, VecDeque};

use airlock::graph::Graph;
use proptest::{prelude::*, sample::Index};

fn graph(text: &str) -> Result<Graph<String>, String> {
    let line = |line: &str| {
        let (node, needs) = line.split_once(':').unwrap();
        (node.trim().to_owned(), needs.split_whitespace().map(str::to_owned).collect())
    };
    Graph::new(text.lines().filter(|it| !it.trim().is_empty()).map(line)).map_err(|error| error.to_string())
}

fn joined<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(text: &str, expect: &str) {
    let found = graph(text).map_or_else(|error| error, |graph| joined(graph.order()));
    assert_eq!(found, expect);
}

#[test]
fn the_order_is_that_of_dependencies_and_otherwise_as_written() {
    check("", "");
    check("c:\nb:\na:", "c b a");
    check("c: a\nb:\na:", "b a c");
    check("d: b c\nb: a\nc: a\na:", "a b c d");
    check("a: b b\nb:", "b a");
}

#[test]
fn what_cannot_be_ordered() {
    check("a: b", "`a` depends on `b`, which is not there");
    check("a:\na:", "`a` is there twice");
    check("a: a", "dependencies go in circles: `a` → `a`");
    check("a: b\nb: a\nc: a", "dependencies go in circles: `a` → `b` → `a`");
    check("z: a\na: b\nb: c\nc: d b\nd: a", "dependencies go in circles: `a` → `b` → `c` → `d` → `a`");
    check("a: b\nb: a\nc: d a\nd: c", "dependencies go in circles: `a` → `b` → `a`; `c` → `d` → `c`");
    check("before: in\nin: too\ntoo: in\nafter: in", "dependencies go in circles: `in` → `too` → `in`");
}

#[test]
fn who_wakes() {
    let graph = graph("base:\ncrds:\napp: base crds\nmore: app\nalone:").unwrap();
    let wakes =
        |node: &str, ready: &[&str]| joined(graph.wakes(&node.to_owned(), |it| ready.contains(&it.as_str())));
    assert_eq!(wakes("base", &[]), "");
    assert_eq!(wakes("base", &["crds"]), "app");
    assert_eq!(wakes("crds", &["base"]), "app");
    assert_eq!(wakes("app", &["base", "crds", "app"]), "more");
    assert_eq!(wakes("alone", &[]), "");
    assert_eq!(wakes("unknown", &[]), "");
    assert_eq!(joined(graph.waits_for(&"app".to_owned(), |it| it == "crds")), "base");
    assert_eq!(joined(graph.behind(&"base".to_owned())), "app more");
}

#[test]
fn ten_thousand_in_a_row_and_in_a_circle() {
    let row = |last: &str| -> String {
        (0..10_000)
            .map(|at| if at == 0 { format!("n0: {last}\n") } else { format!("n{at}: n{}\n", at - 1) })
            .collect()
    };
    assert_eq!(graph(&row("")).unwrap().order().count(), 10_000);
    let error = graph(&row("n9999")).unwrap_err();
    assert_eq!(error.matches('→').count(), 10_000);
}

proptest! {
    /// Whatever the edges and in whatever order work ends: nobody begins early, and everybody begins once.
    #[test]
    fn waking_alone_is_enough(
        edges in proptest::collection::vec((0_usize..30, 0_usize..30), 0..80),
        ends in proptest::collection::vec(any::<Index>(), 30),
    ) {
        // An edge goes from the higher to the lower, so there is no cycle.
        let needs = |node: usize| {
            edges.iter().filter(move |(a, b)| a != b && (*a).max(*b) == node).map(|(a, b)| (*a).min(*b))
        };
        let graph = Graph::new((0..30).map(|node| (node, needs(node).collect()))).unwrap();
        let order: Vec<usize> = graph.order().copied().collect();
        let place = |node: usize| order.iter().position(|it| *it == node).unwrap();
        for node in 0..30 {
            prop_assert!(needs(node).all(|other| place(other) < place(node)));
        }
        let mut ready = BTreeSet::new();
        let mut running: VecDeque<usize> = (0..30).filter(|it| graph.waits_for(it, |_| false).is_empty()).collect();
        let mut begun: BTreeSet<usize> = running.iter().copied().collect();
        for end in ends {
            let node = running.remove(end.index(running.len())).unwrap();
            prop_assert!(needs(node).all(|other| ready.contains(&other)));
            for woken in graph.wakes(&node, |it| ready.contains(it)) {
                prop_assert!(begun.insert(*woken), "{woken} begins twice");
                running.push_back(*woken);
            }
            ready.insert(node);
        }
        prop_assert_eq!(ready.len(), 30);
    }
}
