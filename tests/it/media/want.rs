//! What is missing, told to the courier.

use super::*;

#[test]
fn a_wish_is_left_on_the_medium() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(WANT_LIST);
    let read = || WantList::parse(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(leave(place.path(), wish(), None).unwrap(), Left::Written(path.clone()));
    assert_eq!(read(), WantList::of(wish()));

    // The same cluster wishes anew; another one beside it.
    let again = Want { missing: Vec::new(), ..wish() };
    let other = Want { cluster: "ship-2".parse().unwrap(), newest: None, ..wish() };
    leave(place.path(), again.clone(), None).unwrap();
    leave(place.path(), other.clone(), None).unwrap();
    assert_eq!(read().wants, [other, again]);

    // A tar's wish lies beside it.
    fs::write(place.path().join("x.tar"), "").unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(leave(&place.path().join("x.tar"), wish(), None).unwrap(), Left::Written(path.clone()));

    // What is no want-list is replaced.
    for text in [
        "",
        "{",
        "{\"type\":\"have\",\"format\":1,\"wants\":[]}",
        "{\"type\":\"want\",\"format\":2,\"wants\":[]}",
    ] {
        fs::write(&path, text).unwrap();
        leave(place.path(), wish(), None).unwrap();
        assert_eq!(read(), WantList::of(wish()));
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "and nothing else is left");
}

#[test]
fn a_wish_is_not_written_through_a_name_that_is_no_file() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("target");
    fs::write(&target, "precious").unwrap();
    let path = place.path().join(WANT_LIST);
    let refused = |expect: &str| check(leave(place.path(), wish(), None).map(|_| ()), expect);
    symlink(&target, &path).unwrap();
    refused("not_regular a symbolic link");
    fs::remove_file(&path).unwrap();
    symlink("/nowhere/at/all", &path).unwrap();
    refused("not_regular a symbolic link");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused("not_regular a directory");
    fs::remove_dir(&path).unwrap();
    run("mkfifo", &[&path]);
    refused("not_regular a fifo");
    fs::remove_file(&path).unwrap();
    // The name that it is written under first is removed when it is taken, not written through.
    symlink(&target, place.path().join(format!("{WANT_LIST}.part"))).unwrap();
    assert_eq!(leave(place.path(), wish(), None).unwrap(), Left::Written(path.clone()));
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    // A hard link is a file, and stays what it was: the new list is another file.
    fs::remove_file(&path).unwrap();
    fs::hard_link(&target, &path).unwrap();
    leave(place.path(), wish(), None).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
}

#[test]
fn a_wish_in_words() {
    let place = tempfile::tempdir().unwrap();
    let (contents, stock) = bundle(1, 40);
    let paths = write_volumes(place.path(), "KIOSK", &contents, 30_000, &FromBlobs(&stock), &mut |_| ())
        .unwrap()
        .paths;
    let count = paths.len();
    let subset = |skip: &[usize]| {
        let paths: Vec<PathBuf> = paths
            .iter()
            .enumerate()
            .filter(|(at, _)| !skip.contains(at))
            .map(|(_, path)| path.clone())
            .collect();
        joined(&paths).unwrap()
    };
    assert_eq!(wish().words(Some(&subset(&[2]))), format!("insert disc 3 of {count} (KIOSK)"));
    assert_eq!(wish().words(Some(&subset(&[0, 2]))), format!("insert discs 1 and 3 of {count} (KIOSK)"));
    assert_eq!(
        wish().words(Some(&subset(&[0, 1, 2]))),
        format!("insert discs 1, 2 and 3 of {count} (KIOSK)")
    );
    // All discs are here, and something is missing all the same: the stick is damaged, or the guess was wrong.
    let code = ShortCode::of(&wish().newest.unwrap());
    let words = format!("2 blobs of 17 bytes are missing; ask for channel platform with `--since {code}`");
    assert_eq!(wish().words(Some(&subset(&[]))), words);
    assert_eq!(wish().words(None), words);
    let nothing = Want { newest: None, ..wish() };
    assert!(nothing.words(None).ends_with("ask for the whole bundle of channel platform"));

    assert!(code.to_string().parse::<ShortCode>().unwrap().matches(&wish().newest.unwrap()));
    let other = Newest { digest: Digest::of(b"other"), ..wish().newest.unwrap() };
    assert!(!code.matches(&other));
    for text in ["", "3-41", "3-41-", "3-41-7f3a90b", "3-41-7f3a90b22", "3-41-+f3a90b2", "x-41-7f3a90b2"] {
        assert!(text.parse::<ShortCode>().is_err(), "{text}");
    }
}
