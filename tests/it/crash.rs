//! A node that may fail, or stop, at every operation of its disk, from the first root to the next site's medium:
//! import, accept, activate, collect, export. `store/crash.rs` does the same to the store alone; here everything above
//! it takes part, with real signatures and real media.

mod kill;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use airlock::{
    bundle::{Floor, Inventory, Item, Medium, Part, Role, Statement, Unverified, pieces},
    content::{self, Content},
    digest::Digest,
    fault::Report,
    reconcile::{
        Memory,
        accept::{Accepted, OnBytes, accept},
        import::{Verdict, import},
    },
    source::{Contents, FromBlobs, Volumes, write_directory, write_volumes},
    store::{Disk, Keep, Store},
    trust::{
        anchor,
        state::{Held, ReceiptHead, RootRef, State},
    },
};
use serde_json::json;

use crate::support::{
    faulty::{Fault, Faulty},
    forgetful::{Forgetful, Outcome},
    kit::{Cargo, day, first_root, next_root, noise, sealed, statement},
    medium::{MapMedium, terms},
};

const ID: &str = "0123456789abcdef0123456789abcdef";

/// What a fault ends a life with.
type Failure = Box<Report>;

fn failed(fault: impl airlock::fault::Fault) -> Failure {
    Box::new(Report::of(&fault))
}

fn quiet() -> OnBytes {
    Arc::new(|_, _| ())
}

/// What a life was told is done. Whatever comes afterwards, it stays done.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    created: bool,
    root: u32,
    floor: u64,
    active: u64,
    receipts: u64,
    /// Nothing older than what is active is held together any more.
    collecting: bool,
}

/// A bundle of the connected side.
struct Bundle {
    statement: Statement,
    cargo: Cargo,
    /// Blobs and parts as media have them.
    pieces: BTreeMap<Digest, Vec<u8>>,
    roots: Vec<(u32, Vec<u8>)>,
    /// Three media with the documents on each and a third of the pieces.
    volumes: Vec<Arc<MapMedium>>,
}

impl Bundle {
    /// Small blobs by seed; one of more than one buffer; one in three parts.
    fn new(sequence: u64, small: std::ops::Range<u64>, version: u32) -> Self {
        let first = first_root();
        let second = next_root(&first);
        let mut roots = vec![(1, sealed(Role::Root, &first, &["rosa", "rolf"]))];
        if version == 2 {
            roots.push((2, sealed(Role::Root, &second, &["rosa", "rolf"])));
        }
        let mut blobs: Vec<Vec<u8>> =
            small.map(|seed| noise(seed, 20 + usize::try_from(seed).unwrap() * 31)).collect();
        blobs.push(noise(1000 + sequence, 280_000));
        let whole = noise(2000 + sequence, 3_000);
        blobs.push(whole.clone());
        let tree = format!("the tree of bundle {sequence}");
        let others: Vec<&[u8]> = blobs.iter().map(Vec::as_slice).collect();
        let mut cargo = Cargo::of(tree.as_bytes(), tree.len() as u64, &others);
        let parts: Vec<Part> = whole
            .chunks(1_100)
            .map(|part| Part { digest: Digest::of(part), size: part.len() as u64 })
            .collect();
        let rows = cargo.inventory.iter().cloned().map(|mut row| {
            if row.digest == Digest::of(&whole) {
                row.parts = parts.clone();
            }
            row
        });
        cargo.inventory = Inventory::new(rows.collect::<Vec<_>>());
        let mut pieces = cargo.blobs.clone();
        pieces.remove(&Digest::of(&whole));
        pieces.extend(whole.chunks(1_100).map(|part| (Digest::of(part), part.to_vec())));
        let mut statement = statement(if version == 2 { &second } else { &first }, sequence, &cargo);
        statement.root_version = version;
        let mut bundle = Self { statement, cargo, pieces, roots, volumes: Vec::new() };
        bundle.volumes = (0..3).map(|number| Arc::new(bundle.volume(number))).collect();
        bundle
    }

    fn volume(&self, number: usize) -> MapMedium {
        let mut medium = MapMedium { label: format!("disc {number}"), ..MapMedium::default() };
        for (version, bytes) in &self.roots {
            medium.put(Item::Root(*version), bytes.clone());
        }
        medium.put(Item::Bundle, sealed(Role::Bundle, &self.statement, &["bea", "ben"]));
        for document in [self.cargo.inventory.encode(), self.cargo.release.encode()] {
            medium.put(Item::Blob(Digest::of(&document)), document);
        }
        for (digest, bytes) in self.pieces.iter().skip(number).step_by(3) {
            medium.put(Item::Blob(*digest), bytes.clone());
        }
        medium
    }
}

/// A node's life. In its first half a root is anchored, and one bundle is taken in from three directories and made
/// active. In the second a root is learned, the next bundle comes, its first disc before the others, is made active,
/// what nobody needs is collected, and the rest is handed on. Each half is run on its own, so that no fault has to wait
/// for what another one has shown.
struct Life {
    half: Half,
    bundles: Arc<[Bundle; 2]>,
    /// What the disk has when the half begins, and what was told by then.
    before: Forgetful,
    told: Told,
    /// The directories of the first bundle's volumes.
    paths: Vec<PathBuf>,
    /// Where media are written; real files, which are not this test's concern.
    folder: Arc<tempfile::TempDir>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    First,
    Second,
}

impl Life {
    fn new() -> Self {
        let shared = Path::new("/dev/shm");
        let folder = match shared.is_dir() {
            true => tempfile::tempdir_in(shared),
            false => tempfile::tempdir(),
        };
        let folder = folder.unwrap();
        let bundles = [Bundle::new(1, 0..28, 1), Bundle::new(2, 2..32, 2)];
        let mut paths = Vec::new();
        for (number, medium) in bundles[0].volumes.iter().enumerate() {
            let path = folder.path().join(format!("disc-{number}"));
            for (name, bytes) in &medium.items {
                let file = path.join(name);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, bytes).unwrap();
            }
            paths.push(path);
        }
        let (bundles, folder) = (Arc::new(bundles), Arc::new(folder));
        Self {
            half: Half::First,
            bundles,
            before: Forgetful::default(),
            told: Told::default(),
            paths,
            folder,
        }
    }

    /// The second half, on what the first one left.
    fn second(&self, before: Forgetful, told: Told) -> Self {
        let (bundles, folder) = (Arc::clone(&self.bundles), Arc::clone(&self.folder));
        Self { half: Half::Second, bundles, before, told, paths: self.paths.clone(), folder }
    }

    /// A disk of its own as the half finds it.
    fn disk(&self) -> Forgetful {
        self.before.power_cut(Outcome::Prefix(usize::MAX))
    }

    /// Starts as the agent does, or as `trust init` does where nothing was begun, or was begun and not ended.
    fn start(&self, disk: Arc<dyn Disk>, told: &Mutex<Told>) -> Result<(Store, Memory), Failure> {
        let id = told.lock().unwrap().created.then_some(ID);
        let root = Unverified::read("it", self.bundles[0].roots[0].1.clone()).unwrap();
        let (store, state) = match Store::open(Arc::clone(&disk), id) {
            Ok((store, state, _)) => (store, state),
            Err(airlock::store::Error::NoState) => {
                let anchored = anchor(&root, root.payload_digest()).unwrap();
                let at = RootRef { version: anchored.version, digest: anchored.digest() };
                let first = State::anchored(ID.into(), at, anchored.issued);
                Store::create(disk, first, &root).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        let memory = Memory::load(&store, state).map_err(failed)?;
        told.lock().unwrap().created = true;
        Ok((store, memory))
    }

    /// Does whatever is not done yet. Whoever is told, is told here.
    fn live(
        &self,
        store: &Store,
        memory: &mut Memory,
        told: &Mutex<Told>,
        out: &Path,
    ) -> Result<(), Failure> {
        let bundles = if self.half == Half::First { &self.bundles[..1] } else { &self.bundles[..] };
        for bundle in bundles {
            let at = bundle.statement.position();
            let floor = |memory: &Memory| channel(&memory.state).floor.map(|it| it.position);
            if floor(memory) < Some(at) {
                self.take(store, memory, bundle)?;
                let mut told = told.lock().unwrap();
                (told.floor, told.root) = (at.sequence, memory.newest_root().version);
                told.receipts = memory.state.receipts.count;
            }
            if channel(&memory.state).staged.is_some() {
                let change = |state: &mut State| {
                    let channel = state.channel_mut(&cluster(), &platform());
                    channel.activate(Default::default());
                    channel.healthy();
                };
                memory.change(store, day(9), &json!({"what": "activate"}), change).map_err(failed)?;
                let mut told = told.lock().unwrap();
                (told.active, told.receipts) = (at.sequence, memory.state.receipts.count);
            }
        }
        if self.half == Half::First {
            return Ok(());
        }
        let active = channel(&memory.state).active.unwrap();
        let root = memory.admitted(store, &platform(), &active).map_err(failed)?;
        let inventory = content::inventory(&root, store.blobs().as_ref()).map_err(failed)?;
        let mut keep = Keep::default();
        keep.bundle(root.digest(), &root.statement, &inventory);
        told.lock().unwrap().collecting = true;
        store.gc(&keep, i64::MAX).map_err(failed)?;
        export(store, memory, &root, &inventory, out)
    }

    fn take(&self, store: &Store, memory: &mut Memory, bundle: &Bundle) -> Result<(), Failure> {
        if bundle.statement.sequence == 1 {
            let imported = import(store, memory, &terms(), &self.paths, day(5), &quiet());
            return match imported.media.into_iter().next().unwrap().verdict {
                Verdict::Told(told) => panic!("{told:?}"),
                Verdict::Accepted(accepted) if matches!(*accepted, Accepted::Staged(_)) => Ok(()),
                Verdict::Accepted(other) => panic!("{other:?}"),
                Verdict::Refused(report) => Err(Box::new(report)),
            };
        }
        let volumes: Vec<Arc<dyn Medium>> =
            bundle.volumes.iter().map(|it| Arc::clone(it) as Arc<dyn Medium>).collect();
        let first = Volumes::new(volumes[..1].to_vec()).unwrap();
        match accept(store, memory, &terms(), &first, day(7), &quiet()).map_err(failed)? {
            Accepted::Incomplete { .. } => (),
            // What an earlier try brought completes it.
            Accepted::Staged(_) => return Ok(()),
            Accepted::Held(taking) => panic!("{taking:?}"),
        }
        let all = Volumes::new(volumes).unwrap();
        match accept(store, memory, &terms(), &all, day(7), &quiet()).map_err(failed)? {
            Accepted::Staged(_) => Ok(()),
            other => panic!("{other:?}"),
        }
    }

    /// Starts again on what a fault left: what was told is there, and what the state says is true.
    fn check(&self, disk: &Forgetful, told: &Told) {
        let opened = Store::open(Arc::new(disk.clone()), told.created.then_some(ID));
        let (store, state) = match opened {
            Err(airlock::store::Error::NoState) if !told.created => return,
            Err(error) => panic!("{error:?}"),
            Ok((store, state, _)) => (store, state),
        };
        if !told.created && store.root(1).unwrap().is_none() {
            return;
        }
        let memory = Memory::load(&store, state).unwrap();
        let now = channel(&memory.state);
        let floor = now.floor.map_or(0, |it| it.position.sequence);
        assert!(floor >= told.floor, "the floor fell from {} to {floor}", told.floor);
        assert!(memory.newest_root().version >= told.root, "a root was forgotten");
        assert!(memory.state.receipts.count >= told.receipts, "receipts were forgotten");
        assert!(now.active.map_or(0, |it| it.position.sequence) >= told.active, "what ran does not run");
        let chain = store.receipts().unwrap();
        assert_eq!((chain.receipts.len() as u64, chain.breaks.len()), (memory.state.receipts.count, 0));
        let held = [now.staged, now.active, now.last_good].into_iter().flatten();
        let held: BTreeMap<Digest, Held> = held.map(|it| (it.digest, it)).collect();
        for held in held.values() {
            let root = memory.admitted(&store, &platform(), held).unwrap();
            let content = Content::open(root, store.blobs()).unwrap();
            for blob in content.inventory().unwrap().iter() {
                content.read(&blob.digest, blob.size).unwrap();
            }
        }
        if !told.collecting {
            // A bundle that was accepted and is neither staged nor active any more can still be gone back to.
            for bundle in self.bundles.iter().filter(|it| it.statement.sequence <= floor) {
                let blobs = bundle.cargo.on_medium();
                assert!(
                    blobs.iter().all(|(it, bytes)| store.has(it, bytes.len() as u64).unwrap()),
                    "blobs are lost"
                );
            }
        }
    }

    /// Lets a node live on what a fault left, and gives what its disk and its medium have at the end.
    fn go_on(&self, disk: &Forgetful, told: &Told) -> BTreeMap<String, Vec<u8>> {
        let told = Mutex::new(told.clone());
        let out = tempfile::tempdir_in(self.folder.path()).unwrap();
        let (store, mut memory) = self.start(Arc::new(disk.clone()), &told).unwrap();
        self.live(&store, &mut memory, &told, out.path()).unwrap();
        drop(store);
        let mut end = disk.files();
        // How often something was tried is in the receipts and in the counter; what the state says must not differ.
        let mut state = memory.state;
        state.receipts = ReceiptHead { count: 0, digest: Digest::of(b"") };
        end.retain(|path, _| !path.starts_with("receipts-v1/") && !path.starts_with("damaged-v1/"));
        if self.half == Half::First {
            // The list of the parts of a blob that is whole by now may be left over; a collection takes it.
            end.retain(|path, _| !path.starts_with("ingest-v1/"));
        }
        for slot in ["state-a", "state-b"] {
            end.insert(slot.into(), serde_json::to_vec(&state).unwrap());
        }
        for path in walk(out.path()) {
            let name = path.strip_prefix(out.path()).unwrap().to_str().unwrap().to_owned();
            end.insert(format!("medium/{name}"), std::fs::read(path).unwrap());
        }
        end
    }
}

/// The bundle back onto media: as a directory, and as tars.
fn export(
    store: &Store,
    memory: &Memory,
    root: &airlock::trust::Verified<airlock::trust::Root>,
    inventory: &Inventory,
    out: &Path,
) -> Result<(), Failure> {
    let piece = |digest, size| airlock::bundle::Piece { digest, size, slice: None };
    let (listed, release) = (&root.statement.inventory, &root.statement.release);
    let contents = Contents {
        roots: memory.chain().iter().map(|it| (it.version, it.envelope().to_vec())).collect(),
        agent: None,
        bundle: root.envelope().to_vec(),
        index: b"{}".to_vec(),
        label: None,
        head: vec![piece(listed.digest, listed.size), piece(release.digest, release.size)],
        pieces: pieces(inventory),
    };
    let blobs = store.blobs();
    let supply = FromBlobs(blobs.as_ref());
    write_directory(&out.join("stick"), &contents, &supply, &mut |_| ()).map_err(failed)?;
    let tars = out.join("tars");
    std::fs::create_dir_all(&tars).unwrap();
    write_volumes(&tars, "fleet", &contents, 330_000, &supply, &mut |_| ()).map_err(failed)?;
    Ok(())
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files
}

fn cluster() -> airlock::name::ClusterId {
    "ship-7".parse().unwrap()
}

fn platform() -> airlock::name::ChannelName {
    "platform".parse().unwrap()
}

fn channel(state: &State) -> airlock::trust::state::ChannelState {
    state.channel(&cluster(), &platform())
}

/// Runs one life in which `fault` happens at the k-th operation, and what follows. Gives how many states of the disk
/// were looked at.
fn interrupt(life: &Life, k: u64, fault: Fault, cuts: bool, end: &BTreeMap<String, Vec<u8>>) -> usize {
    let disk = life.disk();
    let lossy = disk.clone();
    let faulty: Arc<dyn Disk> =
        Arc::new(Faulty::at(Arc::new(disk.clone()), k, fault, move |path| lossy.lose_content(path)));
    let told = Mutex::new(life.told.clone());
    let out = tempfile::tempdir_in(life.folder.path()).unwrap();
    let outcome = life.start(Arc::clone(&faulty), &told).and_then(|(store, mut memory)| {
        let first = life.live(&store, &mut memory, &told, out.path());
        if first.is_err() && matches!(fault, Fault::Eio | Fault::Enospc | Fault::Interrupted) {
            // The agent goes on with what it has: the fault was a passing one.
            let again = life.live(&store, &mut memory, &told, out.path());
            again.unwrap_or_else(|error| panic!("{fault:?} at operation {k}: {error:?}"));
            return Ok(());
        }
        first
    });
    if fault == Fault::Short {
        assert!(outcome.is_ok(), "{k}: {outcome:?}");
    }
    let told = told.into_inner().unwrap();
    let mut points = 0;
    let mut check = |disk: &Forgetful, how: &dyn Fn() -> String| {
        points += 1;
        let run = || {
            life.check(disk, &told);
            let found = life.go_on(disk, &told);
            let differs = |(path, bytes): &(&String, &Vec<u8>)| end.get(*path) != Some(*bytes);
            let strange: Vec<&String> = found.iter().filter(differs).map(|(path, _)| path).collect();
            assert!(strange.is_empty() && found.len() == end.len(), "it ends elsewhere: {strange:?}");
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
            .unwrap_or_else(|_| panic!("{fault:?} at operation {k}, {}", how()));
    };
    if cuts {
        // The ends of what memory may hold, and the middle; the store's own test has every prefix.
        let outcomes = disk.outcomes();
        let prefixes = outcomes.iter().filter(|it| matches!(it, Outcome::Prefix(_))).count();
        let chosen = outcomes.iter().filter(|it| match it {
            Outcome::Prefix(count) => [0, prefixes / 2].contains(count),
            Outcome::Torn(count) => *count == prefixes / 2,
            Outcome::Names | Outcome::Content => true,
        });
        for outcome in chosen {
            check(&disk.power_cut(*outcome), &|| format!("then a power cut: {outcome:?}"));
        }
    }
    check(&disk, &|| "and the process started again".into());
    points
}

/// Runs a half of a life without any fault, then with each; gives how many operations, faults and points it has, and
/// the disk and what was told at its end.
fn every_fault(life: &Life) -> ([usize; 3], Forgetful, Told) {
    let disk = life.disk();
    let counting = Faulty::counting(Arc::new(disk.clone()));
    let told = Mutex::new(life.told.clone());
    let out = tempfile::tempdir_in(life.folder.path()).unwrap();
    let (store, mut memory) = life.start(Arc::new(counting.clone()), &told).unwrap();
    life.live(&store, &mut memory, &told, out.path()).unwrap();
    drop(store);
    let trace = counting.trace();
    let told = told.into_inner().unwrap();
    let left = disk.power_cut(Outcome::Prefix(usize::MAX));
    let end = life.go_on(&disk, &told);
    let tars = end.keys().filter(|it| it.ends_with(".tar")).count();
    assert_eq!(tars > 1, life.half == Half::Second, "{:?}", end.keys());

    let mut jobs = Vec::new();
    for (index, op) in trace.iter().enumerate() {
        for fault in [Fault::Stop, Fault::Eio, Fault::Enospc, Fault::Short] {
            if fault.concerns(*op) {
                jobs.push((index as u64 + 1, fault, fault == Fault::Stop && op.syncs()));
            }
        }
    }
    let (next, points) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some((k, fault, cuts)) = jobs.get(next.fetch_add(1, Ordering::SeqCst)) {
                    points.fetch_add(interrupt(life, *k, *fault, *cuts, &end), Ordering::SeqCst);
                }
            });
        }
    });
    ([trace.len(), jobs.len(), points.into_inner()], left, told)
}

#[test]
fn a_node_may_fail_or_stop_at_every_operation_of_its_disk() {
    let life = Life::new();
    assert!(life.bundles.iter().all(|it| it.cargo.inventory.len() >= 30));
    let (first, disk, told) = every_fault(&life);
    let (second, ..) = every_fault(&life.second(disk, told));
    let [operations, faults, points] = [0, 1, 2].map(|at| first[at] + second[at]);
    println!(
        "crash: {operations} operations from the first root to the exported medium, {faults} faults, {points} points \
         survived"
    );
    assert!(points >= 2_000, "{points} points");
}

/// The floor as a number, for messages.
fn position(state: &State) -> Floor {
    channel(state).floor.map_or(Floor { epoch: 1, sequence: 0 }, |it| it.position)
}
