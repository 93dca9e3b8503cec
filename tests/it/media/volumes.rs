//! Several volumes of one bundle, and what a path may be.

use super::*;

#[test]
fn volumes_in_any_order_and_any_subset() {
    let place = tempfile::tempdir().unwrap();
    let (contents, stock) = bundle(1, 40);
    let written =
        write_volumes(place.path(), "platform-1-1", &contents, 30_000, &FromBlobs(&stock), &mut |_| ())
            .unwrap();
    let paths = written.paths;
    let count = paths.len();
    assert!(count > 3, "{paths:?}");
    for path in &paths {
        assert!(fs::metadata(path).unwrap().len() <= 30_000);
    }
    let total = all(&contents).len();
    let wanted: Vec<Part> =
        contents.pieces.iter().map(|it| Part { digest: it.digest, size: it.size }).collect();

    let mut reversed = paths.clone();
    reversed.reverse();
    for paths in [&paths, &reversed] {
        let volumes = joined(paths).unwrap();
        check_same(&volumes, &contents);
        assert_eq!(volumes.absent().unwrap().0, [0; 0]);
        assert_eq!(volumes.survey(&wanted).missing, []);
        volumes.check_order(&contents.head[0].digest, &contents.head[1].digest).unwrap();
    }
    // Each alone has the inventory, and knows which ones are not there.
    let mut seen = 0;
    for (number, path) in (1..).zip(&paths) {
        let one = joined(std::slice::from_ref(path)).unwrap();
        assert!(contents.head.iter().all(|piece| read(&one, piece).is_some()));
        let (absent, label) = one.absent().unwrap();
        assert_eq!(absent.len(), count - 1);
        assert!(!absent.contains(&number));
        assert_eq!((label.volume, label.label.as_str()), (number, "platform-1-1"));
        let held = whole(&one, &contents) - 2;
        assert_eq!(one.survey(&wanted).missing.len(), total - 2 - held);
        seen += held;
    }
    assert_eq!(seen, total - 2, "every piece is on exactly one volume");

    // The same volume twice harms nobody.
    let twice = joined(&[&paths[..], &paths[..1]].concat()).unwrap();
    check_same(&twice, &contents);
}

#[test]
fn volumes_of_two_bundles_are_mixed() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let (first, stock) = bundle(1, 3);
    write_one_tar(&at("1.tar"), &first, &stock);
    let (second, stock) = bundle(2, 3);
    write_one_tar(&at("2.tar"), &second, &stock);
    let mut forked = first.clone();
    forked.roots.insert(2, bundle::encode(Role::Root, b"another root 2", &[]));
    write_one_tar(&at("3.tar"), &forked, &bundle(1, 3).1);
    let signed = Contents {
        roots: first.roots.iter().map(|(it, bytes)| (*it, [bytes, &b"\n"[..]].concat())).collect(),
        ..first.clone()
    };
    write_one_tar(&at("4.tar"), &signed, &bundle(1, 3).1);
    let mut broken = first;
    broken.bundle = b"{".to_vec();
    write_one_tar(&at("5.tar"), &broken, &bundle(1, 3).1);
    for (names, expect) in [
        (["1.tar", "1.tar"], "ok"),
        (["1.tar", "2.tar"], "mixed their bundle.dsse differ"),
        (["2.tar", "1.tar"], "mixed their bundle.dsse differ"),
        (["1.tar", "3.tar"], "mixed their trust/0002.root.dsse differ"),
        // The same payload under other bytes is the same root.
        (["1.tar", "4.tar"], "ok"),
        (["1.tar", "5.tar"], "format"),
    ] {
        check(joined(&names.map(at)).map(|_| ()), expect);
    }
    let media: Vec<Arc<dyn Medium>> =
        ["2.tar", "1.tar", "2.tar"].map(|it| Arc::new(TarMedium::open(&at(it)).unwrap()) as _).into();
    let groups = Volumes::group(media).unwrap();
    assert_eq!(groups.iter().map(|it| it.media().len()).collect::<Vec<_>>(), [2, 1]);
}

/// A blob that one volume has cut short and another has whole is whole.
#[test]
fn a_good_copy_answers_for_a_short_one() {
    let place = tempfile::tempdir().unwrap();
    let (contents, stock) = bundle(1, 12);
    let [short, good] = ["a", "b"].map(|it| place.path().join(it));
    write(&short, &contents, &stock).unwrap();
    write(&good, &contents, &stock).unwrap();
    for piece in contents.pieces.iter().filter(|it| it.size > 1) {
        let path = short.join(Item::Blob(piece.digest).to_string());
        OpenOptions::new().write(true).open(path).unwrap().set_len(1).unwrap();
    }
    check_same(&joined(&[short.clone(), good.clone()]).unwrap(), &contents);
    check_same(&joined(&[good, short]).unwrap(), &contents);
}

#[test]
fn labels_are_hints() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("d");
    let (contents, stock) = bundle(1, 1);
    write(&directory, &contents, &stock).unwrap();
    let digest = Digest::of(b"");
    let row = |volume, volumes, label: &str| {
        serde_json::to_string(&VolumeLabel { volume, volumes, bundle: digest, label: label.into() }).unwrap()
    };
    for (text, expect) in [
        (row(1, 2, "KIOSK"), Some("KIOSK")),
        (row(2, 1, "KIOSK"), None),
        (row(0, 1, "KIOSK"), None),
        (row(1, 1, "\u{1b}[2Jevil"), Some("[2Jevil")),
        (row(1, 1, &"x".repeat(500)), Some(&*"x".repeat(80))),
        (row(1, 1, &"x".repeat(5000)), None),
        ("{".into(), None),
        (String::new(), None),
    ] {
        fs::write(directory.join("volume.json"), &text).unwrap();
        let label = volume_label(&DirectoryMedium::open(&directory).unwrap());
        assert_eq!(label.map(|it| it.label).as_deref(), expect, "{text:.100}");
        // A label of another bundle says nothing about this one's discs.
        assert!(joined(std::slice::from_ref(&directory)).unwrap().absent().is_none());
    }
}

#[test]
fn what_a_path_is() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let (contents, stock) = bundle(1, 3);
    write(&at("layout"), &contents, &stock).unwrap();
    fs::create_dir_all(at("stick/photos")).unwrap();
    write(&at("stick/platform"), &contents, &stock).unwrap();
    write(&at("stick/.Trash-0"), &contents, &stock).unwrap();
    write(&at("stick/half"), &contents, &stock).unwrap();
    fs::remove_file(at("stick/half/bundle.dsse")).unwrap();
    write_one_tar(&at("stick/disc.tar"), &contents, &stock);
    fs::copy(at("stick/disc.tar"), at("stick/DISC2.TAR")).unwrap();
    fs::copy(at("stick/disc.tar"), at("stick/disc.tar.part")).unwrap();
    fs::write(at("stick/photos.tar"), tar(&[Entry::new("cat.jpg", b'0', "meow")])).unwrap();
    fs::write(at("stick/broken.tar"), tar(&[named("bundle.dsse"), named("bundle.dsse")])).unwrap();
    fs::write(at("stick/notes.txt"), "").unwrap();
    symlink("platform", at("stick/alias")).unwrap();
    symlink("disc.tar", at("stick/alias.tar")).unwrap();
    fs::create_dir(at("empty")).unwrap();
    fs::create_dir(at("upper")).unwrap();
    fs::write(at("upper/BUNDLE.DSSE"), "").unwrap();
    fs::create_dir(at("ruin")).unwrap();
    fs::write(at("ruin/x.tar"), tar(&[named("bundle.dsse"), named("bundle.dsse")])).unwrap();
    symlink("stick", at("link")).unwrap();
    let names = |path: &str| {
        find(&at(path)).map(|found| {
            let names = found.media.iter().map(|it| it.label().replace(place.path().to_str().unwrap(), ""));
            (names.collect::<Vec<_>>().join(" "), found.refused.len())
        })
    };
    for (path, expect, refused) in [
        ("layout", "/layout", 0),
        ("stick", "/stick/disc.tar /stick/platform", 1),
        ("stick/disc.tar", "/stick/disc.tar", 0),
        // A link that the operator names is the operator's.
        ("link", "/link/disc.tar /link/platform", 1),
        ("stick/alias.tar", "/stick/alias.tar", 0),
    ] {
        assert_eq!(names(path).unwrap(), (expect.to_owned(), refused), "{path}");
    }
    for (path, expect) in [
        ("empty", "no_bundle"),
        ("upper", "no_bundle"),
        ("stick/half", "no_bundle"),
        ("stick/photos", "no_bundle"),
        ("stick/photos.tar", "no_bundle"),
        ("stick/notes.txt", "no_bundle"),
        ("stick/broken.tar", "format"),
        ("ruin", "format"),
        ("none", "io"),
    ] {
        check(find(&at(path)).map(|_| ()), expect);
    }
}
