//! Taking bundles in, through the real gate and a real store.

use std::{path::PathBuf, sync::Arc};

use airlock::{
    bundle::{Item, Role},
    digest::Digest,
    fault::Fault,
    reconcile::accept::{Accepted, OnBytes, accept},
    store::{RealDisk, Store},
};

use crate::support::{
    kit::{Cargo, day, first_root, next_root, sealed, statement},
    medium::{MapMedium, begin, terms},
};

fn quiet() -> OnBytes {
    Arc::new(|_, _| ())
}

fn cargo(seed: u8) -> Cargo {
    let blobs: Vec<Vec<u8>> =
        (0..8_u8).map(|at| vec![seed.wrapping_add(at); 300_000 * usize::from(at)]).collect();
    Cargo::of(b"a tree", 6, &blobs.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn root_file() -> (u32, Vec<u8>) {
    (1, sealed(Role::Root, &first_root(), &["rosa", "rolf"]))
}

struct Node {
    folder: tempfile::TempDir,
}

impl Node {
    fn new() -> Self {
        let node = Self { folder: tempfile::tempdir().unwrap() };
        begin(node.disk(), &first_root(), &["rosa", "rolf"]);
        node
    }

    fn disk(&self) -> Arc<RealDisk> {
        let path: PathBuf = self.folder.path().join("store");
        std::fs::create_dir_all(&path).unwrap();
        Arc::new(RealDisk::open(&path).unwrap())
    }

    /// Takes a medium in as a process of its own would: everything is read from the disk again.
    fn import(&self, medium: MapMedium, at: i64) -> Result<Accepted, String> {
        let (store, state, notices) = Store::open(self.disk(), None).unwrap();
        assert!(notices.len() <= 1, "{notices:?}");
        let mut memory = airlock::reconcile::Memory::load(&store, state).unwrap();
        let result = accept(&store, &mut memory, &terms(), &medium.volumes(), day(at), &quiet());
        assert_eq!(store.state(), memory.state);
        result.map_err(|error| error.code().to_owned())
    }
}

#[track_caller]
fn code(result: Result<Accepted, String>) -> String {
    match result {
        Ok(Accepted::Staged(_)) => "staged".into(),
        Ok(Accepted::Held(_)) => "held".into(),
        Ok(Accepted::Incomplete { .. }) => "incomplete".into(),
        Err(code) => code,
    }
}

#[test]
fn a_bundle_is_taken_in_once_and_older_ones_are_not() {
    let node = Node::new();
    let cargo = cargo(1);
    let medium = |sequence| {
        MapMedium::of(&[root_file()], &statement(&first_root(), sequence, &cargo), &["bea", "ben"], &cargo)
    };
    assert_eq!(code(node.import(medium(1), 2)), "staged");
    assert_eq!(code(node.import(medium(1), 2)), "held");
    assert_eq!(code(node.import(medium(3), 4)), "staged");
    assert_eq!(code(node.import(medium(2), 4)), "rollback");
    // Nothing is copied twice.
    match node.import(medium(4), 4) {
        Ok(Accepted::Staged(taking)) => assert_eq!((taking.copied, taking.kept), (0, 9)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_missing_is_told_and_what_came_is_kept() {
    let node = Node::new();
    let cargo = cargo(2);
    let whole = MapMedium::of(&[root_file()], &statement(&first_root(), 1, &cargo), &["bea", "ben"], &cargo);
    let mut lacking = whole.clone();
    let [gone, cut, bent] = [1_u8, 2, 3].map(|at| Digest::of(&vec![2 + at; 300_000 * usize::from(at)]));
    lacking.items.remove(&Item::Blob(gone).to_string());
    lacking.items.get_mut(&Item::Blob(cut).to_string()).unwrap().truncate(1000);
    lacking.items.get_mut(&Item::Blob(bent).to_string()).unwrap()[70_000] ^= 1;
    match node.import(lacking, 2) {
        Ok(Accepted::Incomplete { want, damaged, taking }) => {
            let mut expect = [gone, cut, bent];
            expect.sort_unstable();
            assert_eq!(want.missing.iter().map(|it| it.digest).collect::<Vec<_>>(), expect);
            let mut other: Vec<bool> = damaged.iter().map(|it| it.other).collect();
            other.sort_unstable();
            assert_eq!(
                (other, taking.copied),
                (vec![false, true], 6),
                "one is cut short, one holds something else"
            );
        }
        other => panic!("{other:?}"),
    }
    match node.import(whole, 2) {
        Ok(Accepted::Staged(taking)) => assert_eq!((taking.copied, taking.kept), (3, 6)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn roots_are_learned_before_a_bundle_is_judged_and_stay_learned() {
    let node = Node::new();
    let cargo = cargo(3);
    let second = next_root(&first_root());
    let roots = [root_file(), (2, sealed(Role::Root, &second, &["rosa", "rolf"]))];
    let mut refused = statement(&second, 1, &cargo);
    refused.audience = vec!["ship-8".into()];
    assert_eq!(code(node.import(MapMedium::of(&roots, &refused, &["bea", "ben"], &cargo), 3)), "audience");
    let (store, state, _) = Store::open(node.disk(), None).unwrap();
    assert_eq!((state.newest_root.version, store.roots().unwrap()), (2, vec![1, 2]));
    assert!(state.clusters.is_empty());
    drop(store);
    let mut needs = statement(&second, 1, &cargo);
    needs.root_version = 2;
    assert_eq!(code(node.import(MapMedium::of(&[], &needs, &["bea", "ben"], &cargo), 3)), "staged");
}
