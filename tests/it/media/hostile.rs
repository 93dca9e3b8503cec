//! What a hostile tar or directory may try.

use super::*;

#[test]
fn names_and_kinds_in_a_hostile_tar() {
    let bundle = || named("bundle.dsse");
    check_tar(&tar(&[bundle()]), "ok");
    check_tar(&tar(&[bundle(), blob("9"), blob("8"), blob("1"), blob("2")]), "ok");
    let upper = format!("blobs/sha256/{}", "AB".repeat(32));
    for name in [
        "BUNDLE.DSSE",
        "Bundle.dsse",
        "INDEX.JSON",
        "./bundle.dsse",
        "/bundle.dsse",
        "../bundle.dsse",
        "trust/../bundle.dsse",
        "bundle.dsse/",
        "bundle.dsse ",
        "bundle.dsse\u{200b}",
        "trust/1.root.dsse",
        "trust/00001.root.dsse",
        "trust/+001.root.dsse",
        "trust//0001.root.dsse",
        "trust/0001.root.dsse.part",
        "blobs/sha256/../../etc/passwd",
        "blobs/sha256/",
        "blobs/sha256/00",
        "blobs/sha512/00",
        "blobs\\sha256\\00",
        &upper,
        "airlock-want.json",
        "README",
        "\n",
    ] {
        check_tar(&tar(&[bundle(), named(name)]), "format none of a bundle's");
        // A tar that starts with something else is somebody else's.
        check_tar(&tar(&[named(name), bundle()]), "no_bundle");
    }
    for (flag, name) in [
        (b'1', "index.json"),
        (b'2', "index.json"),
        (b'3', "index.json"),
        (b'4', "index.json"),
        (b'5', "blobs/"),
        (b'6', "index.json"),
        (b'7', "index.json"),
        (b'x', "PaxHeaders/bundle.dsse"),
        (b'g', "pax_global_header"),
        (b'L', "././@LongLink"),
        (b'K', "././@LongLink"),
        (b'S', "index.json"),
    ] {
        check_tar(&tar(&[bundle(), Entry::new(name, flag, "")]), "format no regular file");
    }
    check_tar(&tar(&[bundle(), named("index.json").link("/etc/passwd")]), "format no regular file");
    check_tar(
        &tar(&[bundle(), Entry { magic: *b"ustar  \0", ..named("index.json") }]),
        "format ustar format",
    );
    check_tar(
        &tar(&[bundle(), Entry { magic: *b"\0\0\0\0\0\0\0\0", ..named("index.json") }]),
        "format neither",
    );
    check_tar(&tar(&[bundle(), Entry { prefix: b"..".to_vec(), ..named("index.json") }]), "format none of a");
    check_tar(&tar(&[bundle(), Entry::new(b"index.json\0x", b'0', "")]), "format after the end of a name");
}

#[test]
fn orders_and_ends_of_a_hostile_tar() {
    let bundle = || named("bundle.dsse");
    let order = |names: &[&str], expect| {
        let entries: Vec<Entry> = names.iter().map(|it| named(it)).collect();
        check_tar(&tar(&entries), expect);
    };
    order(&["bundle.dsse", "bundle.dsse"], "format repeated or out of order");
    order(&["bundle.dsse", "trust/0001.root.dsse"], "format repeated or out of order");
    order(&["bundle.dsse", "agent.dsse"], "format repeated or out of order");
    order(&["trust/0002.root.dsse", "trust/0001.root.dsse"], "format repeated or out of order");
    order(&["trust/0001.root.dsse", "trust/0001.root.dsse"], "format repeated or out of order");
    order(&["volume.json", "index.json"], "format repeated or out of order");
    check_tar(&tar(&[blob("1"), bundle()]), "format repeated or out of order");
    check_tar(&tar(&[bundle(), blob("1"), blob("1")]), "format repeated or out of order");
    check_tar(
        &tar(&[bundle(), blob("9"), blob("8"), blob("2"), blob("1")]),
        "format repeated or out of order",
    );
    check_tar(
        &tar(&[bundle(), blob("9"), blob("8"), blob("1"), blob("1")]),
        "format repeated or out of order",
    );
    check_tar(
        &tar(&[bundle(), blob("9"), blob("8"), blob("1"), blob("8")]),
        "format repeated or out of order",
    );
    check_tar(
        &tar(&[bundle(), blob("8"), blob("9"), blob("1"), blob("8")]),
        "format repeated or out of order",
    );

    let bytes = tar(&[bundle(), blob("1")]);
    let then = |more: &[u8]| [&bytes, more].concat();
    check_tar(&then(&[0; 9216]), "ok");
    check_tar(&then(&bundle().bytes()), "format something follows its end");
    check_tar(&then(b"x"), "format something follows its end");
    check_tar(&then(&vec![0; 2 << 20]), "format something follows its end");
    check_tar(&bytes[..bytes.len() - 512], "ok");
    let middle = bytes.len() - 1024;
    check_tar(
        &[&bytes[..middle], &[0; 512], &blob("2").bytes(), &[0; 1024]].concat(),
        "format something follows",
    );
    let mut flipped = bytes.clone();
    flipped[1030] ^= 1;
    check_tar(&flipped, "format checksum");

    let sized = |size: &[u8; 12]| tar(&[bundle(), blob("1").size(size)]);
    check_tar(&sized(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"), "format overflow 64 bits");
    check_tar(&sized(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xfa\x01"), "format overflow 64 bits");
    check_tar(&sized(b"\x80\0\0\x01\0\0\0\0\0\0\0\x01"), "format number");
    check_tar(&sized(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "format number");
    check_tar(&sized(b"-0000000001\0"), "format number");
    check_tar(&[], "no_bundle");
    check_tar(&[0; 1024], "no_bundle");
    check_tar(&bytes[..511], "no_bundle");
    check_tar(b"PK\x03\x04 this is a zip of some length, and it is certainly no tar", "no_bundle");
    check_tar(&[b'x'; 600], "no_bundle");
}

/// A blob that claims more than there is is short, and hides nothing that lies behind it.
#[test]
fn a_claim_beyond_the_end_is_a_short_blob() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("it.tar");
    fs::write(&path, tar(&[named("bundle.dsse"), blob("1").size(b"77777777777\0")])).unwrap();
    let medium = TarMedium::open(&path).unwrap();
    assert!(medium.is_truncated());
    let digest = Digest::from_hex(&"1".repeat(64)).unwrap();
    let opened = medium.open(Item::Blob(digest)).unwrap().unwrap();
    assert_eq!(opened.size, 512 + 1024, "what is there, not what is claimed");
}

/// Everything but regular files under the layout's names is refused, not followed, waited for or opened.
#[test]
fn names_in_a_hostile_directory() {
    let place = tempfile::tempdir().unwrap();
    let secret = place.path().join("secret");
    fs::create_dir_all(secret.join("sha256")).unwrap();
    fs::write(secret.join("file"), "secret").unwrap();
    fs::write(secret.join("0001.root.dsse"), "secret").unwrap();
    let blob = Item::Blob(Digest::of(b"x"));
    fs::write(secret.join("sha256").join(Digest::of(b"x").hex()), "x").unwrap();
    type Prepare<'a> = &'a dyn Fn(&Path);
    let rows: &[(&str, Item, Prepare<'_>, &str)] = &[
        (
            "link to a file",
            Item::Bundle,
            &|d| symlink("../secret/file", d.join("bundle.dsse")).unwrap(),
            "link",
        ),
        (
            "absolute link",
            Item::Bundle,
            &|d| symlink(secret.join("file"), d.join("bundle.dsse")).unwrap(),
            "link",
        ),
        ("link that dangles", Item::Bundle, &|d| symlink("none", d.join("bundle.dsse")).unwrap(), "link"),
        ("link to itself", Item::Bundle, &|d| symlink("bundle.dsse", d.join("bundle.dsse")).unwrap(), "link"),
        (
            "link inside",
            Item::Bundle,
            &|d| {
                fs::write(d.join("other"), "x").unwrap();
                symlink("other", d.join("bundle.dsse")).unwrap();
            },
            "link",
        ),
        (
            "link to /proc",
            Item::Bundle,
            &|d| symlink("/proc/self/environ", d.join("bundle.dsse")).unwrap(),
            "link",
        ),
        ("trust is a link", Item::Root(1), &|d| symlink("../secret", d.join("trust")).unwrap(), "link"),
        ("blobs is a link", blob, &|d| symlink("../secret", d.join("blobs")).unwrap(), "link"),
        (
            "sha256 is a link",
            blob,
            &|d| {
                fs::create_dir(d.join("blobs")).unwrap();
                symlink("../../secret/sha256", d.join("blobs/sha256")).unwrap();
            },
            "link",
        ),
        ("a directory", Item::Bundle, &|d| fs::create_dir(d.join("bundle.dsse")).unwrap(), "a directory"),
        ("a socket", Item::Bundle, &|d| drop(UnixListener::bind(d.join("bundle.dsse")).unwrap()), "a socket"),
        ("a fifo", Item::Bundle, &|d| run("mkfifo", &[&d.join("bundle.dsse")]), "a fifo"),
        ("nothing", Item::Bundle, &|_| (), "none"),
        ("a file for trust", Item::Root(1), &|d| fs::write(d.join("trust"), "x").unwrap(), "none"),
        ("upper case", Item::Bundle, &|d| fs::write(d.join("BUNDLE.DSSE"), "x").unwrap(), "none"),
        ("a file", Item::Bundle, &|d| fs::write(d.join("bundle.dsse"), "x").unwrap(), "ok"),
    ];
    for (number, (what, item, prepare, expect)) in rows.iter().enumerate() {
        let directory = place.path().join(format!("m{number}"));
        fs::create_dir(&directory).unwrap();
        prepare(&directory);
        let medium = DirectoryMedium::open(&directory).unwrap();
        let found = match medium.open(*item) {
            Ok(Some(_)) => "ok".to_owned(),
            Ok(None) => "none".to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expect), "{what}: {found}");
        // The listing follows no link either.
        assert!(medium.roots().map_or(true, |roots| roots.is_empty()), "{what}");
    }
}

/// A device may do something when it is opened, so it is not.
#[test]
fn devices_are_not_opened() {
    let place = tempfile::tempdir().unwrap();
    let made =
        Command::new("mknod").arg(place.path().join("bundle.dsse")).args(["c", "1", "5"]).output().unwrap();
    if !made.status.success() {
        println!("skipped: devices_are_not_opened needs the right to make a device");
        return;
    }
    let medium = DirectoryMedium::open(place.path()).unwrap();
    assert!(medium.open(Item::Bundle).unwrap_err().to_string().contains("a device"));
}

#[test]
fn roots_are_listed_by_their_one_spelling() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("trust")).unwrap();
    for name in [
        "0002.root.dsse",
        "0001.root.dsse",
        "3.root.dsse",
        "0004.ROOT.DSSE",
        "0005.root.dsse.part",
        "x",
        "10000.root.dsse",
    ] {
        fs::write(place.path().join("trust").join(name), "").unwrap();
    }
    let medium = DirectoryMedium::open(place.path()).unwrap();
    assert_eq!(medium.roots().unwrap(), [1, 2, 10_000]);
}
