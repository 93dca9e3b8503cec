//! One life of a node, interrupted everywhere.

use super::*;

/// What was reported, and therefore must be there whatever happens next.
#[derive(Clone, Default)]
struct Told {
    created: bool,
    root: bool,
    floor: u64,
    receipts: u64,
    /// From here on the first bundle may be gone.
    collecting: bool,
}

struct Life {
    bundles: [Bundle; 2],
}

impl Life {
    fn new() -> Self {
        Self {
            bundles: [Bundle::new(1, &[1, 2, 3, 4, 5], 100, 200), Bundle::new(2, &[3, 4, 5, 6, 7], 101, 200)],
        }
    }

    /// Opens the store as the agent does at its start, or begins it.
    fn open(&self, disk: Arc<dyn Disk>, told: &Mutex<Told>) -> Result<Store, Error> {
        let id = told.lock().unwrap().created.then_some(ID);
        match Store::open(Arc::clone(&disk), id) {
            Err(Error::NoState) => {
                let (store, _) = Store::create(disk, anchored(), &root())?;
                told.lock().unwrap().created = true;
                Ok(store)
            }
            Ok((store, ..)) => {
                told.lock().unwrap().created = true;
                Ok(store)
            }
            Err(error) => Err(error),
        }
    }

    /// Accepts, activates, collects and checks: whatever is not done yet. Whoever is told, is told here.
    fn live(&self, store: &Store, told: &Mutex<Told>) -> Result<(), Error> {
        let tell = |it: &dyn Fn(&mut Told)| it(&mut told.lock().unwrap());
        store.put_root(1, &root())?;
        tell(&|it| it.root = true);
        for bundle in &self.bundles {
            let mut state = store.state();
            let before = state.channel(&cluster(), &channel());
            if before.floor.is_none_or(|it| it.position < bundle.at) {
                let ingest = bundle.import(store)?;
                store.put_bundle(&channel(), bundle.at, &bundle.envelope)?;
                state.receipts =
                    store.append_receipt(&state, now(), serde_json::json!({ "accepted": bundle.payload }))?;
                bundle.accept(&mut state);
                store.commit(&state)?;
                tell(&|it| (it.floor, it.receipts) = (bundle.at.sequence, state.receipts.count));
                drop(ingest);
            }
            if state.channel(&cluster(), &channel()).staged.is_some() {
                let channel_state = state.channel_mut(&cluster(), &channel());
                channel_state.active = channel_state.staged.take();
                channel_state.last_good = channel_state.active;
                store.commit(&state)?;
            }
        }
        let last = &self.bundles[1];
        let mut keep = Keep::default();
        keep.bundle(last.payload, &last.statement, &last.inventory);
        tell(&|it| it.collecting = true);
        store.gc(&keep, i64::MAX)?;
        let checked = store.fsck(&mut |_| ())?;
        assert_eq!((checked.damaged.len(), checked.envelopes.len(), checked.receipts.len()), (0, 0, 0));
        Ok(())
    }

    /// Starts again on what a fault left: what was told is there, and what the state says is true.
    fn check(&self, disk: &Forgetful, told: &Told) {
        let opened = Store::open(Arc::new(disk.clone()), told.created.then_some(ID));
        let (store, state) = match opened {
            Err(Error::NoState) if !told.created => return,
            Err(error) => panic!("{error:?} although {}", told.created),
            Ok((store, state, _)) => (store, state),
        };
        let found = state.channel(&cluster(), &channel());
        let floor = found.floor.map_or(0, |it| it.position.sequence);
        assert!(floor >= told.floor, "the floor fell from {} to {floor}", told.floor);
        assert!(state.receipts.count >= told.receipts, "receipts were forgotten");
        let chain = store.receipts().unwrap();
        assert_eq!((chain.receipts.len() as u64, chain.breaks.len()), (state.receipts.count, 0));
        if told.root || floor > 0 {
            assert_eq!(store.root(1).unwrap().unwrap().as_bytes(), root().as_bytes());
        }
        for bundle in &self.bundles {
            let kept = store.bundle(&channel(), bundle.at).unwrap();
            assert!(kept.is_none_or(|it| it.as_bytes() == bundle.envelope.as_bytes()));
            if bundle.at.sequence > floor {
                continue;
            }
            assert!(store.bundles().unwrap().contains(&(channel(), bundle.at)));
            let relied = [found.staged, found.active, found.last_good];
            let relied = relied.iter().flatten().any(|held| held.digest == bundle.payload);
            if relied || !told.collecting {
                let blobs = store.blobs();
                for (digest, size) in bundle.reached() {
                    assert!(store.has(&digest, size).unwrap(), "blob {digest} of {} is lost", bundle.at);
                    assert_eq!(Digest::of(&read(blobs.as_ref(), &digest).unwrap()), digest);
                }
            }
        }
    }

    /// Lets a node live on what a fault left, and gives what its disk has at the end.
    fn go_on(&self, disk: &Forgetful, told: &Told) -> BTreeMap<String, Vec<u8>> {
        let told = Mutex::new(told.clone());
        let store = self.open(Arc::new(disk.clone()), &told).unwrap();
        self.live(&store, &told).unwrap();
        drop(store);
        self.check(disk, &told.into_inner().unwrap());
        let mut files = disk.files();
        // How often the state was written differs; what it says must not.
        for slot in ["state-a", "state-b"] {
            let text = String::from_utf8(files[slot].clone()).unwrap();
            files.insert(slot.into(), text.lines().nth(1).unwrap().into());
        }
        files
    }
}

/// Runs one life in which `fault` happens at the k-th operation, and what follows.
fn interrupt(life: &Life, k: u64, fault: Fault, cuts: bool, end: &BTreeMap<String, Vec<u8>>) -> usize {
    let disk = Forgetful::default();
    let lossy = disk.clone();
    let faulty: Arc<dyn Disk> =
        Arc::new(Faulty::at(Arc::new(disk.clone()), k, fault, move |path| lossy.lose_content(path)));
    let told = Mutex::new(Told::default());
    let outcome = life.open(Arc::clone(&faulty), &told).and_then(|store| {
        let first = life.live(&store, &told);
        if first.is_err() && matches!(fault, Fault::Eio | Fault::Enospc | Fault::Interrupted) {
            // The agent goes on with the store that it has: the fault was a passing one.
            life.live(&store, &told).unwrap_or_else(|error| panic!("{k} {fault:?}: {error:?}"));
            return Ok(());
        }
        first
    });
    if fault == Fault::Full
        && let Err(error) = &outcome
    {
        assert_eq!(error.code(), "space", "{k}: {error:?}");
    }
    let told = told.into_inner().unwrap();
    let mut points = 0;
    let mut check = |disk: &Forgetful, how: &dyn Fn() -> String| {
        points += 1;
        let run = || {
            life.check(disk, &told);
            assert!(life.go_on(disk, &told) == *end, "the second run ends elsewhere");
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
            .unwrap_or_else(|_| panic!("{fault:?} at operation {k}, {}", how()));
    };
    let outcomes = match cuts {
        true => disk.outcomes(),
        false => vec![Outcome::Prefix(0), Outcome::Names],
    };
    for outcome in outcomes {
        check(&disk.power_cut(outcome), &|| format!("then a power cut: {outcome:?}"));
    }
    // Without a power cut the kernel still has everything; and one that comes after the second run finds all of it.
    check(&disk, &|| "and the process started again".into());
    check(&disk.power_cut(Outcome::Prefix(0)), &|| "the process started again, and then a power cut".into());
    points
}

#[test]
fn every_operation_may_fail_and_every_moment_may_be_the_last() {
    let life = Life::new();
    let disk = Forgetful::default();
    let counting = Faulty::counting(Arc::new(disk.clone()));
    let told = Mutex::new(Told::default());
    let store = life.open(Arc::new(counting.clone()), &told).unwrap();
    life.live(&store, &told).unwrap();
    drop(store);
    let trace = counting.trace();
    let end = life.go_on(&disk, &told.into_inner().unwrap());

    let kinds = [Fault::Stop, Fault::Eio, Fault::Enospc, Fault::Full, Fault::Short, Fault::Interrupted];
    let mut jobs = Vec::new();
    for (index, op) in trace.iter().enumerate() {
        for fault in kinds.into_iter().filter(|it| it.concerns(*op)) {
            // Between two syncs the changes only grow in number, so the moment before each has all prefixes.
            jobs.push((index as u64 + 1, fault, fault == Fault::Stop && op.syncs()));
        }
    }
    let (next, points) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((k, fault, cuts)) = jobs.get(next.fetch_add(1, Ordering::SeqCst)) {
                    points.fetch_add(interrupt(&life, *k, *fault, *cuts, &end), Ordering::SeqCst);
                }
            });
        }
    });
    println!(
        "store: {} operations, {} faults, {} states of the disk opened and run to the end",
        trace.len(),
        jobs.len(),
        points.into_inner()
    );
    assert!(trace.len() > 300, "{} operations", trace.len());
}
