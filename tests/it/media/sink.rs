//! Writing media: half a copy is none.

use super::*;

/// Stopped at every blob: no bundle is there, or still the old one with all of its blobs; the second run goes on.
#[test]
fn half_a_copy_is_no_bundle() {
    let place = tempfile::tempdir().unwrap();
    let (old, old_stock) = bundle(1, 5);
    let (new, new_stock) = bundle(2, 30);
    let total = all(&new).len();
    for (number, piece) in all(&new).iter().enumerate() {
        let fresh = place.path().join(format!("fresh{number}"));
        let used = place.path().join(format!("used{number}"));
        write(&used, &old, &old_stock).unwrap();
        let before = whole(&DirectoryMedium::open(&used).unwrap(), &new);
        let supply = Fails(&new_stock, piece.digest, None);
        let shared = all(&old).iter().any(|it| it.digest == piece.digest);
        for directory in [&fresh, &used] {
            let result = write_directory(directory, &new, &supply, &mut |_| ());
            if shared && directory == &used {
                assert!(result.is_ok(), "what is there is not read again from the supply");
                continue;
            }
            check(result.map(|_| ()), "io read blob");
        }
        assert!(find(&fresh).is_err());
        if !shared {
            let medium = DirectoryMedium::open(&used).unwrap();
            assert_eq!(document(&medium, Item::Bundle).as_ref(), Some(&old.bundle));
            assert_eq!(whole(&medium, &old), all(&old).len());
        }
        let written = write(&used, &new, &new_stock).unwrap();
        assert_eq!(written.written + written.kept, total as u64);
        assert!(written.kept >= before as u64);
        check_same(&DirectoryMedium::open(&used).unwrap(), &new);
        let path = place.path().join(format!("{number}.tar"));
        assert!(write_tar(&path, &new, &supply, &mut |_| ()).is_err());
        assert!(!path.exists() && !path.with_extension("tar.part").exists());
    }
}

#[test]
fn a_sink_writes_no_wrong_bundle() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let (contents, stock) = bundle(1, 12);
    let piece = *contents.pieces.iter().find(|it| it.size == 5000).unwrap();
    let good = stock.0[&piece.digest].clone();
    let mut flipped = good.clone();
    flipped[4999] ^= 1;
    for (what, bytes) in
        [("flipped", flipped), ("short", good[..4999].to_vec()), ("long", [&good[..], b"x"].concat())]
    {
        let supply = Fails(&stock, piece.digest, Some(bytes));
        check(write_directory(&at(what), &contents, &supply, &mut |_| ()).map(|_| ()), "tampered");
        assert!(find(&at(what)).is_err());
        check(write_tar(&at("x.tar"), &contents, &supply, &mut |_| ()).map(|_| ()), "tampered");
    }
    let mut poor = stock.clone();
    poor.0.remove(&piece.digest);
    check(write(&at("poor"), &contents, &poor).map(|_| ()), "absent");

    let mut huge = contents.clone();
    huge.pieces.push(Piece {
        digest: Digest::from_hex(&"f".repeat(64)).unwrap(),
        size: 1 << 50,
        slice: None,
    });
    check(write(&at("huge"), &huge, &stock).map(|_| ()), "full");
    check(write_tar(&at("huge.tar"), &huge, &FromBlobs(&stock), &mut |_| ()).map(|_| ()), "full");
    check(huge.volumes(1 << 40, Form::Tar, "x").map(|_| ()), "too_large");

    // Another domain's roots are not written over this one's.
    write(&at("domain"), &contents, &stock).unwrap();
    let mut other = contents.clone();
    other.roots.insert(1, bundle::encode(Role::Root, b"another domain", &[]));
    check(write(&at("domain"), &other, &stock).map(|_| ()), "mixed");
    // A damaged root is mended.
    fs::write(at("domain/trust/0001.root.dsse"), "").unwrap();
    write(&at("domain"), &contents, &stock).unwrap();
    check_same(&DirectoryMedium::open(&at("domain")).unwrap(), &contents);
    // An agent that the next bundle does not bring does not stay.
    let without = Contents { agent: None, ..contents.clone() };
    write(&at("domain"), &without, &stock).unwrap();
    check_same(&DirectoryMedium::open(&at("domain")).unwrap(), &without);

    // Links on a medium are replaced, not written through.
    let target = at("target");
    fs::write(&target, "precious").unwrap();
    write(&at("links"), &contents, &stock).unwrap();
    for name in ["bundle.dsse", "index.json", "bundle.dsse.part", &Item::Blob(piece.digest).to_string()] {
        let path = at("links").join(name);
        let _ = fs::remove_file(&path);
        symlink(&target, &path).unwrap();
    }
    write(&at("links"), &contents, &stock).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    check_same(&DirectoryMedium::open(&at("links")).unwrap(), &contents);
    fs::remove_dir_all(at("links/blobs")).unwrap();
    symlink(place.path(), at("links/blobs")).unwrap();
    check(write(&at("links"), &contents, &stock).map(|_| ()), "io make");
}

/// Too many files for a directory of FAT become tars; the bytes heard are the bytes written.
#[test]
fn many_blobs_become_tars() {
    let place = tempfile::tempdir().unwrap();
    let mut stock = Stock::default();
    let (mut contents, _) = bundle(1, 0);
    contents.head = vec![stock.add(b"inventory".to_vec()), stock.add(b"release".to_vec())];
    contents.pieces =
        (0..limits::BLOBS_PER_DIRECTORY).map(|it| stock.add(it.to_string().into_bytes())).collect();
    contents.pieces.sort_unstable();
    let mut heard = 0;
    let written =
        write_medium(place.path(), "many", &contents, &FromBlobs(&stock), &mut |bytes| heard += bytes)
            .unwrap();
    assert_eq!(written.paths, [place.path().join("many-1-of-1.tar")]);
    assert_eq!(heard, all(&contents).iter().map(|it| it.size).sum::<u64>());
    check_same(&joined(&written.paths).unwrap(), &contents);
    contents.pieces.truncate(limits::BLOBS_PER_DIRECTORY - 2);
    contents.pieces.truncate(100);
    let written =
        write_medium(&place.path().join("few"), "few", &contents, &FromBlobs(&stock), &mut |_| ()).unwrap();
    assert_eq!(written.paths, [place.path().join("few")]);
}
