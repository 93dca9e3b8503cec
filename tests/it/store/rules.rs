//! What the store refuses, and what it mends.

use std::cell::Cell;

use airlock::{
    bundle::Blob,
    store::{Ingest, RealDisk, Recovered, Taken},
};

use super::*;

fn create(disk: &Forgetful) -> Store {
    Store::create(Arc::new(disk.clone()), anchored(), &root()).unwrap().0
}

fn open(disk: &Forgetful, id: Option<&str>) -> Result<(Store, State, Vec<Recovered>), Error> {
    Store::open(Arc::new(disk.clone()), id)
}

/// Spoils a file, or removes it.
type Spoil = Option<fn(&mut Vec<u8>)>;

#[test]
fn one_slot_is_enough_and_none_is_not() {
    const WHOLE: Spoil = Some(|_| ());
    const GONE: Spoil = None;
    const FLIPPED: Spoil = Some(|bytes| bytes[200] ^= 1);
    const SHORT: Spoil = Some(|bytes| bytes.truncate(bytes.len() / 2));
    const EMPTY: Spoil = Some(|bytes| bytes.clear());
    const ZEROS: Spoil = Some(|bytes| bytes.fill(0));
    // The checksum covers the counter, so that an old slot cannot pass for a newer one.
    const RAISED: Spoil = Some(|bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replacen("\"counter\":2", "\"counter\":9", 1).into_bytes();
    });
    for (a, b, id, expect) in [
        (WHOLE, WHOLE, Some(ID), "ok"),
        (GONE, WHOLE, Some(ID), "state-a"),
        (WHOLE, GONE, Some(ID), "state-b"),
        (FLIPPED, WHOLE, Some(ID), "state-a"),
        (WHOLE, SHORT, Some(ID), "state-b"),
        (EMPTY, WHOLE, Some(ID), "state-a"),
        (WHOLE, ZEROS, Some(ID), "state-b"),
        (RAISED, WHOLE, Some(ID), "state-a"),
        (FLIPPED, SHORT, Some(ID), "state_lost"),
        (FLIPPED, GONE, Some(ID), "state_lost"),
        (GONE, EMPTY, None, "state_lost"),
        (GONE, GONE, Some(ID), "state_lost"),
        (GONE, GONE, None, "no_root"),
        (WHOLE, WHOLE, None, "store id"),
        (WHOLE, WHOLE, Some("ffffffffffffffffffffffffffffffff"), "other_store"),
    ] {
        let disk = Forgetful::default();
        let store = create(&disk);
        let mut state = store.state();
        let bundle = Bundle::new(7, &[1], 2, 3);
        bundle.accept(&mut state);
        store.commit(&state).unwrap();
        drop(store);
        for (path, spoil) in [("state-a", a), ("state-b", b)] {
            match spoil {
                Some(spoil) => disk.damage(path, spoil),
                None => disk.remove(path).unwrap(),
            }
        }
        let told = match open(&disk, id) {
            Err(error) => error.code().to_owned(),
            Ok((store, found, notices)) => {
                assert_eq!(found, state, "{expect}");
                drop(store);
                let (_, again, quiet) = open(&disk, Some(ID)).unwrap();
                assert_eq!((again, quiet), (state, vec![]), "and it is mended");
                notices.first().map_or_else(|| "ok".into(), ToString::to_string)
            }
        };
        assert!(told.contains(expect), "{told} is not {expect}");
    }
}

#[test]
fn a_newer_agents_state_is_neither_read_nor_mended() {
    let disk = Forgetful::default();
    drop(create(&disk));
    let newer = |bytes: &mut Vec<u8>| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let body = text.lines().nth(1).unwrap().replacen('{', "{\"later\":1,", 1);
        let checksum = Digest::of(format!("9\n{body}").as_bytes());
        let head = format!(r#"{{"type":"state","format":1,"counter":9,"checksum":"{checksum}","hint":0}}"#);
        *bytes = format!("{head}\n{body}\n").into_bytes();
    };
    disk.damage("state-b", newer);
    let before = disk.files();
    assert_eq!(open(&disk, Some(ID)).err().unwrap().code(), "format");
    assert_eq!(disk.files(), before);
}

#[test]
fn what_must_not_fall_does_not() {
    let disk = Forgetful::default();
    let store = create(&disk);
    let mut state = store.state();
    let bundle = Bundle::new(7, &[1], 2, 3);
    bundle.accept(&mut state);
    state.newest_root.version = 2;
    store.commit(&state).unwrap();
    let changes: [fn(&mut State); 6] = [
        |it| it.channel_mut(&cluster(), &channel()).floor = None,
        |it| it.clusters.clear(),
        |it| it.newest_root.version = 1,
        |it| it.newest_root.digest = Digest::of(b"another"),
        |it| it.store_id = "0".repeat(32),
        |it| it.anchor.digest = Digest::of(b"another"),
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut worse = state.clone();
        change(&mut worse);
        assert_eq!(store.commit(&worse).err().unwrap().code(), "backwards", "{index}");
        assert_eq!(store.state(), state);
    }
    assert_eq!(Store::create(Arc::new(disk.clone()), anchored(), &root()).err().unwrap().code(), "locked");
    drop(store);
    assert_eq!(Store::create(Arc::new(disk), anchored(), &root()).err().unwrap().code(), "anchored");
}

#[test]
fn one_writes_and_others_read() {
    let disk = Forgetful::default();
    let store = create(&disk);
    store.put_root(1, &root()).unwrap();
    assert_eq!(open(&disk, Some(ID)).err().unwrap().code(), "locked");
    let (reader, state, _) = Store::open_read(Arc::new(disk.clone()), Some(ID)).unwrap();
    assert_eq!(reader.roots().unwrap(), [1]);
    let before = disk.files();
    assert_eq!(reader.commit(&state).err().unwrap().code(), "read_only");
    assert_eq!(reader.put_root(2, &root()).err().unwrap().code(), "read_only");
    assert_eq!(reader.ingest().err().unwrap().code(), "read_only");
    assert_eq!(reader.gc(&Keep::default(), 0).err().unwrap().code(), "read_only");
    assert_eq!(disk.files(), before);
    let ingest = store.ingest().unwrap();
    assert_eq!(store.ingest().err().unwrap().code(), "busy");
    assert_eq!(store.gc(&Keep::default(), 0).err().unwrap().code(), "busy");
    drop(ingest);
    store.ingest().unwrap();
}

#[test]
fn an_envelope_is_there_for_good() {
    let disk = Forgetful::default();
    let store = create(&disk);
    let [one, other] = [1, 2].map(|seed| Bundle::new(7, &[seed], 2, 3));
    store.put_bundle(&channel(), one.at, &one.envelope).unwrap();
    store.put_bundle(&channel(), one.at, &one.envelope).unwrap();
    assert_eq!(store.put_bundle(&channel(), one.at, &other.envelope).err().unwrap().code(), "equivocation");
    store.put_root(1, &root()).unwrap();
    let rival = envelope(Role::Root, b"{\"root\":\"one\"}");
    assert_eq!(store.put_root(1, &rival).err().unwrap().code(), "root_fork");
    assert_eq!(store.bundle(&channel(), one.at).unwrap().unwrap().as_bytes(), one.envelope.as_bytes());

    // A damaged one is no rival: the state knows what was there, and the next medium brings it again.
    let mut state = store.state();
    one.accept(&mut state);
    store.commit(&state).unwrap();
    let path = "bundles-v1/platform/1-7.dsse";
    for spoil in [
        |bytes: &mut Vec<u8>| bytes.truncate(9),
        |bytes: &mut Vec<u8>| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let (before, after) = text.split_once("\"payload\": \"eyJ").unwrap();
            *bytes = format!("{before}\"payload\": \"eyK{after}").into_bytes();
        },
    ] {
        disk.damage(path, spoil);
        let checked = store.fsck(&mut |_| ()).unwrap();
        assert_eq!(checked.envelopes, [path]);
        disk.rename("damaged-v1/bundles-v1~platform~1-7.dsse", path).unwrap();
        store.put_bundle(&channel(), one.at, &one.envelope).unwrap();
        assert_eq!(store.bundle(&channel(), one.at).unwrap().unwrap().as_bytes(), one.envelope.as_bytes());
    }
    assert_eq!(store.bundles().unwrap(), [(channel(), one.at)]);
}

#[test]
fn what_is_said_to_be_there_outlives_a_power_cut_at_once() {
    // Whoever did it first may have been stopped anywhere; whoever finds it there and says so has to make it durable.
    let bundle = Bundle::new(7, &[1], 2, 3);
    type Step<'a> = &'a dyn Fn(&Store) -> Result<(), Error>;
    let steps: [(Step<'_>, Step<'_>); 3] = [
        (&|it| it.put_root(1, &root()), &|it| it.root(1).map(|it| assert!(it.is_some()))),
        (&|it| it.put_bundle(&channel(), bundle.at, &bundle.envelope), &|it| {
            it.bundle(&channel(), bundle.at).map(|it| assert!(it.is_some()))
        }),
        (&|it| bundle.import(it).map(drop), &|it| {
            let blobs = it.blobs();
            let right = |digest| read(blobs.as_ref(), &digest).is_some_and(|it| Digest::of(&it) == digest);
            assert!(bundle.reached().into_iter().all(|(digest, _)| right(digest)));
            Ok(())
        }),
    ];
    for (make, look) in steps {
        let mut done = false;
        for k in 1.. {
            let disk = Forgetful::default();
            drop(create(&disk));
            let stopped = Faulty::at(Arc::new(disk.clone()), k, Fault::Stop, |_| ());
            if let Ok((store, ..)) = Store::open(Arc::new(stopped), Some(ID)) {
                done = make(&store).is_ok();
            }
            let (store, ..) = open(&disk, Some(ID)).unwrap();
            make(&store).unwrap();
            look(&open(&disk.power_cut(Outcome::Prefix(0)), Some(ID)).unwrap().0).unwrap();
            if done {
                break;
            }
        }
    }
}

#[test]
fn a_blob_that_goes_to_the_disk_early_is_no_less_durable() {
    let wanted = noise(9, 9 * 1024 * 1024);
    let import = |store: &Store| {
        let mut ingest = store.ingest()?;
        offer(&mut ingest, &wanted, &wanted)?;
        ingest.commit()
    };
    let disk = Forgetful::default();
    drop(create(&disk));
    let counting = Faulty::counting(Arc::new(disk));
    import(&Store::open(Arc::new(counting.clone()), Some(ID)).unwrap().0).unwrap();
    let trace = counting.trace();
    let mut failed = 0;
    for (index, op) in trace.iter().enumerate() {
        // One write among many is like the next.
        if trace.get(index + 1) == Some(op) && *op == Op::Write {
            continue;
        }
        let k = index as u64 + 1;
        for fault in [Fault::Stop, Fault::Eio] {
            let disk = Forgetful::default();
            drop(create(&disk));
            let lossy = disk.clone();
            let faulty = Faulty::at(Arc::new(disk.clone()), k, fault, move |path| lossy.lose_content(path));
            let Ok((store, ..)) = Store::open(Arc::new(faulty), Some(ID)) else { continue };
            let first = import(&store);
            failed += usize::from(matches!(&first, Err(error) if error.code() == "disk"));
            if first.is_err() && fault == Fault::Eio {
                import(&store).unwrap();
            }
            drop(store);
            if fault == Fault::Stop {
                import(&open(&disk, Some(ID)).unwrap().0).unwrap();
            }
            let (store, ..) = open(&disk.power_cut(Outcome::Prefix(0)), Some(ID)).unwrap();
            assert_eq!(read(store.blobs().as_ref(), &Digest::of(&wanted)).unwrap(), wanted, "{k} {fault:?}");
        }
    }
    assert!(failed > 20, "{failed}");
}

#[test]
fn receipts_are_a_chain() {
    let disk = Forgetful::default();
    let store = create(&disk);
    let path = "receipts-v1/receipts.jsonl";
    let mut state = store.state();
    for number in 1..=3 {
        state.receipts = store.append_receipt(&state, now(), serde_json::json!({ "n": number })).unwrap();
        store.commit(&state).unwrap();
    }
    // One whose state was never committed does not count: it is overwritten, by this process and by the next.
    store.append_receipt(&state, now(), serde_json::json!("lost")).unwrap();
    state.receipts = store.append_receipt(&state, now(), serde_json::json!({ "n": 4 })).unwrap();
    store.commit(&state).unwrap();
    let bodies = |store: &Store| -> Vec<String> {
        store.receipts().unwrap().receipts.iter().map(|it| it.body.to_string()).collect()
    };
    let four = [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#, r#"{"n":4}"#];
    assert_eq!(bodies(&store), four);
    let whole = disk.files()[path].clone();
    store.append_receipt(&state, now(), serde_json::json!("lost")).unwrap();
    drop(store);
    for tail in [&b""[..], b"{\"number\":5,", b"\n", b"garbage\n{"] {
        disk.damage(path, |bytes| bytes.extend(tail));
        let (store, _, notices) = open(&disk, Some(ID)).unwrap();
        assert!(matches!(notices[..], [Recovered::ReceiptsCut { .. }]), "{notices:?}");
        assert_eq!(disk.files()[path], whole);
        assert_eq!(bodies(&store), four);
    }

    let lines: Vec<&[u8]> = whole.split_inclusive(|c| *c == b'\n').collect();
    let cases: [(Vec<u8>, usize, bool); 4] = [
        // What is left, how many breaks the chain shows, whether the start says so.
        ([lines[0], lines[2], lines[3]].concat(), 1, false),
        (String::from_utf8(whole.clone()).unwrap().replace("\"n\":2", "\"n\":9").into_bytes(), 1, false),
        ([lines[0], lines[1]].concat(), 1, true),
        (Vec::new(), 1, true),
    ];
    for (left, breaks, said) in cases {
        disk.damage(path, |bytes| *bytes = left.clone());
        let (store, mut state, notices) = open(&disk, Some(ID)).unwrap();
        assert_eq!(notices, if said { vec![Recovered::ReceiptsMissing { known: 4 }] } else { vec![] });
        assert_eq!(store.receipts().unwrap().breaks.len(), breaks);
        // It goes on, and the gap stays to be seen.
        let before = state.receipts;
        state.receipts = store.append_receipt(&state, now(), serde_json::json!({ "n": 5 })).unwrap();
        assert_eq!(state.receipts.count, before.count + 1);
        store.commit(&state).unwrap();
        let chain = store.receipts().unwrap();
        assert_eq!((chain.receipts.last().unwrap().number, chain.breaks.len()), (state.receipts.count, 1));
        drop(store);
        // The next case begins where this one began.
        disk.damage(path, |bytes| *bytes = whole.clone());
        for slot in ["state-a", "state-b"] {
            disk.remove(slot).unwrap();
        }
        let (store, fresh) = Store::create(Arc::new(disk.clone()), anchored(), &root()).unwrap();
        assert_eq!(fresh.receipts, before, "a new state goes on with the receipts that are there");
        drop(store);
    }
}

/// A source that says how many bytes were asked of it.
fn source<'a>(
    bytes: &'a [u8],
    asked: &'a Cell<usize>,
) -> impl FnMut(u64) -> std::io::Result<Box<dyn Read + Send>> + 'a {
    move |skip| {
        let rest = bytes.get(usize::try_from(skip).unwrap()..).unwrap_or_default().to_vec();
        asked.set(asked.get() + rest.len());
        Ok(Box::new(std::io::Cursor::new(rest)))
    }
}

fn offer(ingest: &mut Ingest, wanted: &[u8], given: &[u8]) -> Result<(Taken, usize), Error> {
    let asked = Cell::new(0);
    let taken = ingest.whole(&Digest::of(wanted), wanted.len() as u64, &mut source(given, &asked))?;
    Ok((taken, asked.get()))
}

#[test]
fn only_the_exact_blob_is_taken_in() {
    for len in [0, 1, 1000, 262_144, 262_145, 1_000_000] {
        let wanted = noise(9, len);
        let mut wrong = vec![(noise(9, len + 1), "goes on")];
        if len > 0 {
            wrong.push((noise(9, len - 1), "ends after"));
            wrong.push((noise(8, len), "other content"));
        }
        for (given, why) in wrong {
            let disk = Forgetful::default();
            let store = create(&disk);
            let mut ingest = store.ingest().unwrap();
            let error = offer(&mut ingest, &wanted, &given).unwrap_err();
            let Error::Tampered(mismatch) = &error else { panic!("{error:?}") };
            assert!(mismatch.to_string().contains(why), "{len}: {mismatch}");
            ingest.commit().unwrap();
            assert!(!store.has(&Digest::of(&wanted), len as u64).unwrap());
            // And then the right one comes, once.
            assert!(matches!(offer(&mut ingest, &wanted, &wanted).unwrap(), (Taken::Copied(_), _)));
            assert_eq!(offer(&mut ingest, &wanted, &wanted).unwrap(), (Taken::Held, 0));
            ingest.commit().unwrap();
            assert_eq!(offer(&mut ingest, &wanted, &wanted).unwrap(), (Taken::Held, 0));
            assert_eq!(read(store.blobs().as_ref(), &Digest::of(&wanted)).unwrap(), wanted);
        }
    }
}

#[test]
fn what_broke_off_is_gone_on_with() {
    let wanted = noise(9, 1_000_000);
    let partial = format!("ingest-v1/{}", Digest::of(&wanted).hex());
    let mut longer = wanted.clone();
    longer.push(0);
    // What lies there, and how many bytes are asked of the source.
    for (there, asked) in [
        (wanted[..600_000].to_vec(), 400_000),
        (wanted.clone(), 0),
        (vec![], 1_000_000),
        // Whatever a power cut left there, the blob is read anew, once.
        (vec![0; 600_000], 1_400_000),
        (vec![0; 1_000_000], 1_000_000),
        (longer, 1_000_000),
    ] {
        let disk = Forgetful::default();
        let store = create(&disk);
        disk.create(&partial).unwrap().write_all_at(&there, 0).unwrap();
        let mut ingest = store.ingest().unwrap();
        assert_eq!(offer(&mut ingest, &wanted, &wanted).unwrap().1, asked);
        ingest.commit().unwrap();
        assert_eq!(read(store.blobs().as_ref(), &Digest::of(&wanted)).unwrap(), wanted);
    }
    // A source that fails leaves what it gave.
    let disk = Forgetful::default();
    let store = create(&disk);
    let mut ingest = store.ingest().unwrap();
    let failing = |_| {
        let error = std::io::Error::from_raw_os_error(5);
        struct Broken(std::io::Error);
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::from_raw_os_error(self.0.raw_os_error().unwrap()))
            }
        }
        let start = std::io::Cursor::new(wanted[..600_000].to_vec());
        Ok(Box::new(start.chain(Broken(error))) as Box<dyn Read + Send>)
    };
    let error = ingest.whole(&Digest::of(&wanted), 1_000_000, &mut { failing }).unwrap_err();
    assert_eq!(error.code(), "source");
    assert_eq!(disk.files()[&partial], wanted[..600_000]);
    assert_eq!(offer(&mut ingest, &wanted, &wanted).unwrap().1, 400_000);
}

fn in_parts(whole: &[u8], size: usize) -> (Blob, Vec<Vec<u8>>) {
    let chunks: Vec<Vec<u8>> = whole.chunks(size).map(<[u8]>::to_vec).collect();
    let parts = chunks.iter().map(|it| Part { digest: Digest::of(it), size: it.len() as u64 }).collect();
    let (digest, size) = (Digest::of(whole), whole.len() as u64);
    let media_type = "application/octet-stream".into();
    (Blob { digest, size, unpacked: size, media_type, role: BlobRole::File, parts }, chunks)
}

#[test]
fn parts_come_in_any_order_and_over_any_number_of_imports() {
    let whole = noise(5, 700_000);
    let (blob, chunks) = in_parts(&whole, 100_000);
    let disk = Forgetful::default();
    let store = create(&disk);
    let asked = Cell::new(0);
    let take = |ingest: &mut Ingest, blob: &Blob, index: usize, bytes: &[u8]| {
        ingest.part(blob, index, &mut source(bytes, &asked))
    };
    for index in [6, 0, 3] {
        let mut ingest = store.ingest().unwrap();
        assert_eq!(take(&mut ingest, &blob, index, &chunks[index]).unwrap(), Taken::Copied(100_000));
        assert_eq!(take(&mut ingest, &blob, index, &chunks[index]).unwrap(), Taken::Held);
        // A part is durable at once, with or without the others.
        drop(ingest);
    }
    let disk = disk.power_cut(Outcome::Prefix(0));
    let (store, ..) = open(&disk, Some(ID)).unwrap();
    let mut ingest = store.ingest().unwrap();
    assert_eq!(ingest.missing(&blob).unwrap(), [1, 2, 4, 5]);
    let error = take(&mut ingest, &blob, 1, &chunks[2]).unwrap_err();
    assert_eq!(error.code(), "tampered");
    // The same blob, cut otherwise, takes nothing for its own that is not; its last part begins and ends as the other's.
    let (other, _) = in_parts(&whole, 150_000);
    assert_eq!(ingest.missing(&other).unwrap(), [0, 1, 2, 3]);
    for index in [1, 2, 4] {
        take(&mut ingest, &blob, index, &chunks[index]).unwrap();
    }
    // One that was damaged meanwhile is found when the whole is checked, and has to come again.
    disk.damage(&format!("ingest-v1/{}.parts", blob.digest.hex()), |bytes| bytes[350_000] ^= 1);
    let error = take(&mut ingest, &blob, 5, &chunks[5]).unwrap_err();
    assert_eq!(error.code(), "tampered");
    assert_eq!(ingest.missing(&blob).unwrap(), [3]);
    take(&mut ingest, &blob, 3, &chunks[3]).unwrap();
    assert!(ingest.missing(&blob).unwrap().is_empty());
    ingest.commit().unwrap();
    assert_eq!(read(store.blobs().as_ref(), &blob.digest).unwrap(), whole);
    assert_eq!(disk.files().keys().filter(|it| it.starts_with("ingest")).count(), 0);

    // Parts that are what they should be and do not make the whole: the inventory is wrong, not the medium.
    let mut lie = blob;
    lie.digest = Digest::of(b"something else");
    for (index, chunk) in chunks.iter().enumerate().take(6) {
        take(&mut ingest, &lie, index, chunk).unwrap();
    }
    assert_eq!(take(&mut ingest, &lie, 6, &chunks[6]).unwrap_err().code(), "tampered");
    assert_eq!(ingest.missing(&lie).unwrap().len(), 7);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let disk = Forgetful::default();
    let store = create(&disk);
    let before = disk.files();
    let bundle = Bundle::new(1, &[1, 2], 3, 4);
    let ingest = store.ingest().unwrap();
    let error =
        ingest.admit(bundle.reached().into_iter().chain([(Digest::of(b"big"), 1 << 30)])).unwrap_err();
    assert_eq!(error.code(), "space");
    assert!(error.to_string().contains("needs 10"), "{error}");
    assert_eq!(disk.files(), before);
    assert_eq!(ingest.admit(bundle.reached()).unwrap().blobs, 6);
    drop(ingest);
    drop(bundle.import(&store).unwrap());
    assert_eq!(store.ingest().unwrap().admit(bundle.reached()).unwrap().blobs, 0);
}

#[test]
fn a_collection_takes_what_nobody_names_and_nothing_else() {
    let disk = Forgetful::default();
    let store = create(&disk);
    let [one, two] = [Bundle::new(1, &[1, 2], 3, 4), Bundle::new(2, &[2, 3], 5, 4)];
    store.put_bundle(&channel(), one.at, &one.envelope).unwrap();
    drop(one.import(&store).unwrap());
    disk.set_clock(2_000);
    disk.create("ingest-v1/half").unwrap();
    drop(two.import(&store).unwrap());
    let mut state = store.state();
    two.accept(&mut state);
    store.commit(&state).unwrap();
    assert_eq!(store.gc(&Keep::default(), i64::MAX).err().unwrap().code(), "unkept");
    let mut keep = Keep::default();
    keep.bundle(two.payload, &two.statement, &two.inventory);
    // What is young may belong to a bundle whose other volumes are still to come.
    assert_eq!(store.gc(&keep, 1_000).unwrap().bytes, 0);
    let garbage = store.gc(&keep, 1_500).unwrap();
    // One small blob, the long one, the inventory and the release are the first bundle's alone.
    assert_eq!((garbage.blobs.len(), garbage.files.len()), (4, 0));
    assert_eq!(store.gc(&keep, 3_000).unwrap().files, ["ingest-v1/half"]);
    for (digest, size) in two.reached() {
        assert!(store.has(&digest, size).unwrap());
    }
    assert_eq!(store.bundles().unwrap().len(), 1);
}

#[test]
fn what_a_check_finds_damaged_a_medium_brings_again() {
    let disk = Forgetful::default();
    let store = create(&disk);
    let bundle = Bundle::new(1, &[1, 2], 3, 4);
    drop(bundle.import(&store).unwrap());
    let blobs: Vec<String> = disk.files().into_keys().filter(|it| it.starts_with("blobs-v1")).collect();
    for (path, spoil) in blobs.iter().zip([
        |bytes: &mut Vec<u8>| bytes[0] ^= 1,
        |bytes: &mut Vec<u8>| bytes.clear(),
        |bytes: &mut Vec<u8>| bytes.push(0),
    ]) {
        disk.damage(path, spoil);
    }
    disk.make_dir("blobs-v1/sha256/notes").unwrap();
    disk.create("blobs-v1/sha256/notes/todo").unwrap();
    let mut last = None;
    let checked = store.fsck(&mut |progress| last = Some(progress)).unwrap();
    assert_eq!((checked.blobs, checked.damaged.len()), (6, 3));
    assert_eq!(checked.strange, ["blobs-v1/sha256/notes/todo"]);
    assert_eq!(last.map(|it| it.done), last.map(|it| it.total));
    assert_eq!(bundle.import(&store).map(drop).map_err(|it| it.to_string()), Ok(()));
    assert_eq!(store.fsck(&mut |_| ()).unwrap().damaged, []);
    for (digest, size) in bundle.reached() {
        assert!(store.has(&digest, size).unwrap());
    }
}

#[test]
fn a_real_disk_does_the_same_and_follows_no_link() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open_or_make(&path).unwrap());
    let (store, _) = Store::create(Arc::clone(&disk), anchored(), &root()).unwrap();
    assert_eq!(Store::open(Arc::clone(&disk), Some(ID)).err().unwrap().code(), "locked");
    store.put_root(1, &root()).unwrap();
    let bundle = Bundle::new(1, &[1, 2], 3, 4);
    drop(bundle.import(&store).unwrap());
    assert_eq!(store.fsck(&mut |_| ()).unwrap().damaged, []);
    drop(store);
    let (store, _, notices) = Store::open(Arc::clone(&disk), Some(ID)).unwrap();
    assert_eq!(notices, []);
    for (digest, size) in bundle.reached() {
        assert!(store.has(&digest, size).unwrap());
        assert_eq!(Digest::of(&read(store.blobs().as_ref(), &digest).unwrap()), digest);
    }
    let mode = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt as _;
        path.metadata().unwrap().permissions().mode() & 0o777
    };
    assert_eq!(
        (mode(&path), mode(&path.join("roots-v1")), mode(&path.join("state-a"))),
        (0o700, 0o700, 0o600)
    );

    std::os::unix::fs::symlink("/etc", path.join("out")).unwrap();
    std::os::unix::fs::symlink("state-a", path.join("link")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, path.join("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let access = airlock::store::Access::Read;
    for (bad, found) in [
        ("out/passwd", "symbolic"),
        ("link", "symbolic"),
        ("../store/state-a", "cross-device"),
        ("/etc/passwd", "cross-device"),
        ("pipe", "regular"),
    ] {
        let error = disk.open(bad, access).err().map(|it| it.to_string().to_lowercase()).unwrap_or_default();
        assert!(error.contains(found), "{bad}: {error}");
    }
    assert!(disk.stat("link").map_or(true, |it| it.is_none()));
    assert!(disk.stat("pipe").unwrap().is_none());
    assert!(disk.rename("state-a", "out/state-a").is_err());
}
