//! A real process on the real disk, killed without warning, again and again.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use airlock::{
    bundle::Role,
    content::Content,
    reconcile::{
        Memory,
        accept::{Accepted, accept},
    },
    store::{RealDisk, Store},
    trust::state::State,
};
use serde_json::json;

use super::{ID, channel, cluster, noise, platform, position, quiet};
use crate::support::{
    kit::{Cargo, day, first_root, sealed, statement},
    medium::{MapMedium, begin, terms},
};

/// Where the child finds its store; without it, it does nothing.
const STORE: &str = "AIRLOCK_TEST_KILLED_STORE";

/// Kills, and the time in which they have to happen.
const KILLS: u32 = 40;
const TIME: Duration = Duration::from_secs(12);

fn root() -> airlock::bundle::TrustRoot {
    airlock::bundle::TrustRoot { expires: day(100_000), ..first_root() }
}

fn bundle(sequence: u64) -> MapMedium {
    let blobs: Vec<Vec<u8>> =
        (0..4).map(|at| noise(sequence * 10 + at, 900 + 40_000 * usize::try_from(at).unwrap())).collect();
    let cargo = Cargo::of(b"a tree", 6, &blobs.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let root = root();
    let roots = [(1, sealed(Role::Root, &root, &["rosa", "rolf"]))];
    MapMedium::of(&roots, &statement(&root, sequence, &cargo), &["bea", "ben"], &cargo)
}

fn open(folder: &Path) -> (Store, Memory) {
    let (store, state, _) = Store::open(Arc::new(RealDisk::open(folder).unwrap()), Some(ID)).unwrap();
    let memory = Memory::load(&store, state).unwrap();
    (store, memory)
}

/// The other half of [`a_process_may_be_killed_at_any_moment`]: takes bundle after bundle in and tells of each.
#[test]
#[ignore = "run by `a_process_may_be_killed_at_any_moment`, which kills it"]
fn a_process_that_is_killed() {
    let folder = std::env::var_os(STORE).expect("whoever runs it says where its store is");
    let (store, mut memory) = open(Path::new(&folder));
    let mut out = std::io::stdout();
    loop {
        let sequence = position(&memory.state).sequence + 1;
        let now = day(i64::try_from(sequence).unwrap());
        match accept(&store, &mut memory, &terms(), &bundle(sequence).volumes(), now, &quiet()).unwrap() {
            Accepted::Staged(taking) => writeln!(out, "\naccepted {}", taking.position.sequence).unwrap(),
            other => panic!("{other:?}"),
        }
        out.flush().unwrap();
        let activate =
            |state: &mut State| state.channel_mut(&cluster(), &platform()).activate(Default::default());
        memory.change(&store, now, &json!({"what": "activate"}), activate).unwrap();
        writeln!(out, "\nactive {sequence}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_process_may_be_killed_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let root = root();
    drop(begin(Arc::new(RealDisk::open_or_make(&store).unwrap()), &root, &["rosa", "rolf"]));
    let begun = Instant::now();
    let (mut kills, mut accepted, mut active) = (0, 0, 0);
    while kills < KILLS && begun.elapsed() < TIME {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "crash::kill::a_process_that_is_killed",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(STORE, &store)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Moments that differ from one kill to the next, over the time of a few acceptances; the machine adds its own.
        std::thread::sleep(Duration::from_millis(25 + u64::from(kills) * 37 % 230));
        child.kill().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        for line in said.lines().map_while(Result::ok) {
            match line.split_once(' ') {
                Some(("accepted", number)) => accepted = accepted.max(number.parse().unwrap()),
                Some(("active", number)) => active = active.max(number.parse().unwrap()),
                _ => (),
            }
        }
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let status = child.wait().unwrap();
        assert!(status.code().is_none(), "it ended by itself: {errors}");
        kills += 1;

        let (store, memory) = open(&store);
        let floor = position(&memory.state).sequence;
        let now = channel(&memory.state);
        assert!(floor >= accepted, "the floor fell from {accepted} to {floor}");
        assert!(now.active.map_or(0, |it| it.position.sequence) >= active, "what ran does not run");
        for held in [now.staged, now.active].into_iter().flatten() {
            let root = memory.admitted(&store, &platform(), &held).unwrap();
            let content = Content::open(root, store.blobs()).unwrap();
            for blob in content.inventory().unwrap().iter() {
                content.read(&blob.digest, blob.size).unwrap();
            }
        }
        let chain = store.receipts().unwrap();
        assert!(chain.breaks.is_empty(), "{:?}", chain.breaks);
    }
    println!("crash: {kills} kills of a process that had accepted {accepted} bundles, on the real disk");
    assert!(kills > 3 && accepted > 0, "{kills} kills, {accepted} bundles");
}
