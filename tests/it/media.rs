//! File media: what is written is read; what is hostile, half copied, cut short or someone else's is never taken for
//! a bundle (A13, A18, A19).

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::{
        fs::{FileExt, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use airlock::{
    bundle::{
        self, Blob, BlobRole, Form, Inventory, Item, Medium, Part, Piece, Role, VolumeLabel, part_sizes,
        pieces,
    },
    content::Blobs,
    digest::{self, Digest},
    fault::Fault,
    limits,
    source::{
        Contents, DirectoryMedium, Error, Event, FromBlobs, Left, Missing, Newest, ShortCode, Supply,
        TarMedium, Volumes, WANT_LIST, Want, WantList, Watch, Written, find, leave, mounts_below,
        volume_label, write_directory, write_medium, write_tar, write_volumes,
    },
};

use crate::archive::{Entry, tar};

/// Blobs in memory.
#[derive(Clone, Default)]
struct Stock(BTreeMap<Digest, Vec<u8>>);

impl Stock {
    fn add(&mut self, bytes: Vec<u8>) -> Piece {
        let digest = Digest::of(&bytes);
        let size = bytes.len() as u64;
        self.0.insert(digest, bytes);
        Piece { digest, size, slice: None }
    }
}

impl Blobs for Stock {
    fn open(&self, digest: &Digest) -> io::Result<Option<Box<dyn Read + Send>>> {
        Ok(self.0.get(digest).map(|bytes| Box::new(io::Cursor::new(bytes.clone())) as Box<dyn Read + Send>))
    }
}

/// Bytes that no compressor shrinks and no two numbers share.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let blocks = (0_u64..).map(|at| *Digest::of(format!("{seed}/{at}").as_bytes()).as_bytes());
    blocks.flatten().take(size).collect()
}

/// A bundle of `count` blobs whose sizes go around the edges of blocks, one of them in parts.
fn bundle(sequence: u64, count: u64) -> (Contents, Stock) {
    let mut stock = Stock::default();
    let mut blobs = Vec::new();
    for number in 0..count {
        let size = [0, 1, 511, 512, 513, 5000][usize::try_from(number % 6).unwrap()];
        let piece = stock.add(noise(number, size));
        blobs.push((piece, Vec::new()));
    }
    let big = noise(u64::MAX, 10_000);
    let mut parts = Vec::new();
    let mut offset = 0;
    for size in part_sizes(big.len() as u64, 4096) {
        let end = offset + usize::try_from(size).unwrap();
        parts.push(Part { digest: Digest::of(&big[offset..end]), size });
        offset = end;
    }
    blobs.push((stock.add(big), parts));
    let inventory = Inventory::new(blobs.into_iter().map(|(piece, parts)| Blob {
        digest: piece.digest,
        size: piece.size,
        unpacked: piece.size,
        media_type: "application/octet-stream".into(),
        role: BlobRole::File,
        parts,
    }));
    let head = vec![stock.add(inventory.encode()), stock.add(format!("release {sequence}").into_bytes())];
    let envelope = |role, payload: String| bundle::encode(role, payload.as_bytes(), &[]);
    let contents = Contents {
        roots: (1..=2).map(|it| (it, envelope(Role::Root, format!("root {it}")))).collect(),
        agent: Some(envelope(Role::Agent, "agent".into())),
        bundle: envelope(Role::Bundle, format!("bundle {sequence}")),
        index: b"{\"schemaVersion\":2,\"manifests\":[]}".to_vec(),
        label: None,
        head,
        pieces: pieces(&inventory),
    };
    (contents, stock)
}

fn write(directory: &Path, contents: &Contents, stock: &Stock) -> Result<Written, Error> {
    write_directory(directory, contents, &FromBlobs(stock), &mut |_| ())
}

fn write_one_tar(path: &Path, contents: &Contents, stock: &Stock) {
    write_tar(path, contents, &FromBlobs(stock), &mut |_| ()).unwrap();
}

/// What an importer does with one piece: the bytes, when they are all there and the right ones.
fn read(medium: &dyn Medium, piece: &Piece) -> Option<Vec<u8>> {
    let opened = medium.open(Item::Blob(piece.digest)).ok()??;
    digest::read_exact(opened.reader, piece.digest, piece.size).ok()
}

fn all(contents: &Contents) -> Vec<Piece> {
    contents.head.iter().chain(&contents.pieces).copied().collect()
}

/// How many of the pieces can be had.
fn whole(medium: &dyn Medium, contents: &Contents) -> usize {
    all(contents).iter().filter(|piece| read(medium, piece).is_some()).count()
}

fn document(medium: &dyn Medium, item: Item) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    medium.open(item).unwrap()?.reader.read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

#[track_caller]
fn check_same(medium: &dyn Medium, contents: &Contents) {
    assert_eq!(whole(medium, contents), all(contents).len());
    assert_eq!(medium.roots().unwrap(), contents.roots.keys().copied().collect::<Vec<_>>());
    for (version, bytes) in &contents.roots {
        assert_eq!(document(medium, Item::Root(*version)).as_ref(), Some(bytes));
    }
    assert_eq!(document(medium, Item::Agent), contents.agent);
    assert_eq!(document(medium, Item::Bundle).as_ref(), Some(&contents.bundle));
    assert_eq!(document(medium, Item::Index).as_ref(), Some(&contents.index));
    assert!(document(medium, Item::OciLayout).unwrap().starts_with(b"{\"imageLayoutVersion\""));
    assert!(medium.open(Item::Root(9)).unwrap().is_none());
    assert!(medium.open(Item::Blob(Digest::of(b"elsewhere"))).unwrap().is_none());
}

#[test]
fn what_is_written_is_read() {
    let place = tempfile::tempdir().unwrap();
    for count in [0, 1, 2, 40] {
        let (contents, stock) = bundle(1, count);
        let directory = place.path().join(format!("d{count}"));
        let written = write(&directory, &contents, &stock).unwrap();
        assert_eq!((written.written, written.kept), (all(&contents).len() as u64, 0));
        check_same(&DirectoryMedium::open(&directory).unwrap(), &contents);

        let path = place.path().join(format!("{count}.tar"));
        write_one_tar(&path, &contents, &stock);
        let medium = TarMedium::open(&path).unwrap();
        check_same(&medium, &contents);
        assert!(!medium.is_truncated());
        let [inventory, release] = [contents.head[0].digest, contents.head[1].digest];
        bundle::check_blob_order("it", medium.blob_order().unwrap(), &inventory, &release).unwrap();
        assert!(contents.bytes(Form::Tar) >= fs::metadata(&path).unwrap().len());
    }
    assert!(
        !fs::read_dir(place.path())
            .unwrap()
            .any(|it| { it.unwrap().path().extension().is_some_and(|it| it == "part") })
    );
}

/// The same contents give the same tar, and another reader agrees on what is in it.
#[test]
fn tars_are_reproducible_and_plain() {
    let place = tempfile::tempdir().unwrap();
    let (contents, stock) = bundle(1, 20);
    let [one, two] = ["one.tar", "two.tar"].map(|name| place.path().join(name));
    write_one_tar(&one, &contents, &stock);
    write_one_tar(&two, &contents, &stock);
    let bytes = fs::read(&one).unwrap();
    assert_eq!(bytes, fs::read(&two).unwrap());
    let mut archive = ::tar::Archive::new(bytes.as_slice());
    let names = archive.entries().unwrap().map(|it| {
        let it = it.unwrap();
        assert_eq!(it.header().entry_type(), ::tar::EntryType::Regular);
        assert!(it.header().as_ustar().is_some());
        String::from_utf8(it.path_bytes().to_vec()).unwrap()
    });
    let names: Vec<String> = names.collect();
    assert_eq!(
        names[..6],
        [
            "trust/0001.root.dsse",
            "trust/0002.root.dsse",
            "agent.dsse",
            "bundle.dsse",
            "oci-layout",
            "index.json"
        ]
    );
    assert_eq!(names.len(), 6 + all(&contents).len());
}

/// `expect` is `ok`, or the code and words of the refusal.
#[track_caller]
fn check_tar(bytes: &[u8], expect: &str) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("it.tar");
    fs::write(&path, bytes).unwrap();
    check(TarMedium::open(&path).map(|_| ()), expect);
}

#[track_caller]
fn check(result: Result<(), Error>, expect: &str) {
    match result {
        Ok(()) => assert_eq!(expect, "ok"),
        Err(error) => {
            let (code, words) = expect.split_once(' ').unwrap_or((expect, ""));
            let text = format!("{}: {error}", error.code());
            assert!(error.code() == code && error.to_string().contains(words), "{text:?} is not {expect:?}");
            assert!(!error.to_string().contains(char::is_control), "{text:?} would disturb a terminal");
        }
    }
}

fn blob(digit: &str) -> Entry {
    Entry::new(format!("blobs/sha256/{}", digit.repeat(64)), b'0', "x")
}

fn named(name: &str) -> Entry {
    Entry::new(name, b'0', "{}")
}

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

/// Cut at every block: what lies before the cut is whole, what lies behind it is missing, nothing is wrong.
#[test]
fn a_truncated_tar_keeps_its_good_blobs() {
    let place = tempfile::tempdir().unwrap();
    let (contents, stock) = bundle(1, 30);
    let path = place.path().join("whole.tar");
    write_one_tar(&path, &contents, &stock);
    let bytes = fs::read(&path).unwrap();
    let total = all(&contents).len();
    let mut last = 0;
    let mut cuts: Vec<usize> = (512..bytes.len()).step_by(512).collect();
    cuts.extend((512..bytes.len()).step_by(1777));
    cuts.sort_unstable();
    for cut in cuts {
        let path = place.path().join("cut.tar");
        fs::write(&path, &bytes[..cut]).unwrap();
        let medium = TarMedium::open(&path).unwrap();
        assert!(medium.is_truncated());
        let whole = whole(&medium, &contents);
        assert!(last <= whole && whole <= total, "cut at {cut}");
        last = whole;
    }
    assert_eq!(last, total, "the last cut takes only the end");
}

/// Every byte of a tar changed: the medium is refused, or whatever is read from it is right.
#[test]
fn a_changed_byte_is_refused_or_harmless() {
    let place = tempfile::tempdir().unwrap();
    let (contents, stock) = bundle(1, 3);
    let path = place.path().join("it.tar");
    write_one_tar(&path, &contents, &stock);
    let bytes = fs::read(&path).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let total = all(&contents).len();
    let (mut refused, mut missing) = (0, 0);
    for (at, byte) in bytes.iter().enumerate() {
        file.write_all_at(&[byte ^ 1], at as u64).unwrap();
        match TarMedium::open(&path) {
            Ok(medium) => missing += usize::from(whole(&medium, &contents) < total),
            Err(_) => refused += 1,
        }
        file.write_all_at(&[*byte], at as u64).unwrap();
    }
    // Headers are refused; content is missing; padding and the documents are for others to judge.
    assert!(refused > 512 * total && missing > 10_000, "{refused} {missing} of {}", bytes.len());
}

/// A layout with its files cut short, empty, flipped, growing: only whole blobs are read.
#[test]
fn a_damaged_directory_keeps_its_good_blobs() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("medium");
    let (contents, stock) = bundle(1, 12);
    write(&directory, &contents, &stock).unwrap();
    let piece = *contents.pieces.iter().find(|it| it.size == 5000).unwrap();
    let path = directory.join(Item::Blob(piece.digest).to_string());
    let good = fs::read(&path).unwrap();
    let total = all(&contents).len();
    let rows: &[(&str, Vec<u8>)] = &[
        ("empty", Vec::new()),
        ("one byte short", good[..4999].to_vec()),
        ("half", good[..2500].to_vec()),
        ("zeros after half, as after a power cut", [&good[..2500], &[0; 2500][..]].concat()),
        ("one byte long", [&good[..], b"x"].concat()),
        ("twice", [&good[..], &good[..]].concat()),
        ("first bit", good.iter().enumerate().map(|(at, c)| if at == 0 { c ^ 1 } else { *c }).collect()),
        ("last bit", good.iter().enumerate().map(|(at, c)| if at == 4999 { c ^ 128 } else { *c }).collect()),
        ("another blob", noise(99, 5000)),
    ];
    for (what, bytes) in rows {
        fs::write(&path, bytes).unwrap();
        let medium = DirectoryMedium::open(&directory).unwrap();
        assert!(read(&medium, &piece).is_none(), "{what}");
        assert_eq!(whole(&medium, &contents), total - 1, "{what}");
        let volumes = Volumes::new(vec![Arc::new(medium)]).unwrap();
        let survey = volumes.survey(&[Part { digest: piece.digest, size: piece.size }]);
        let short = bytes.len() != good.len();
        assert_eq!(survey.missing.len(), usize::from(short), "{what}: sizes are seen before content");
        assert_eq!(survey.damaged.len(), usize::from(short), "{what}");
        // The next copying puts it right, and only it.
        let written = write(&directory, &contents, &stock).unwrap();
        assert_eq!((written.written, written.kept), (1, total as u64 - 1), "{what}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(whole(&DirectoryMedium::open(&directory).unwrap(), &contents), total - 1);
}

/// A file that is still being written when it is opened ends where it ended then.
#[test]
fn a_growing_blob_is_not_whole() {
    let place = tempfile::tempdir().unwrap();
    let bytes = noise(1, 300_000);
    let piece = Piece { digest: Digest::of(&bytes), size: bytes.len() as u64, slice: None };
    fs::create_dir_all(place.path().join("blobs/sha256")).unwrap();
    let path = place.path().join(Item::Blob(piece.digest).to_string());
    fs::write(&path, &bytes[..100_000]).unwrap();
    let medium = DirectoryMedium::open(place.path()).unwrap();
    let opened = medium.open(Item::Blob(piece.digest)).unwrap().unwrap();
    assert_eq!(opened.size, 100_000);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&bytes[100_000..]).unwrap();
    let mut seen = Vec::new();
    { opened.reader }.read_to_end(&mut seen).unwrap();
    assert_eq!(seen.len(), 100_000, "what came later was not there when it was judged");
    assert_eq!(read(&medium, &piece), Some(bytes), "and the next look sees it");
}

/// A file that is swapped or changed under the reader's hands: the bytes that were hashed are the bytes that are used.
#[test]
fn a_medium_that_changes_while_it_is_read() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("medium");
    let (contents, stock) = bundle(1, 6);
    write(&directory, &contents, &stock).unwrap();
    let piece = *contents.pieces.iter().find(|it| it.size == 5000).unwrap();
    let item = Item::Blob(piece.digest);
    let path = directory.join(item.to_string());
    let medium = DirectoryMedium::open(&directory).unwrap();
    let good = read(&medium, &piece).unwrap();

    // Replaced after it was opened: the old file is read to its end.
    let opened = medium.open(item).unwrap().unwrap();
    fs::write(directory.join("new"), noise(7, 5000)).unwrap();
    fs::rename(directory.join("new"), &path).unwrap();
    assert_eq!(digest::read_exact(opened.reader, piece.digest, piece.size).unwrap(), good);
    assert!(read(&medium, &piece).is_none());

    // Overwritten after half of it was read.
    fs::write(&path, &good).unwrap();
    let mut reader =
        digest::Checked::new(medium.open(item).unwrap().unwrap().reader, piece.digest, piece.size);
    let mut half = vec![0; 2500];
    reader.read_exact(&mut half).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&[0; 100], 4000).unwrap();
    assert!(reader.read_to_end(&mut half).is_err(), "the last bytes are not handed on");

    // Cut after half of it was read.
    fs::write(&path, &good).unwrap();
    let mut reader =
        digest::Checked::new(medium.open(item).unwrap().unwrap().reader, piece.digest, piece.size);
    let mut half = vec![0; 2500];
    reader.read_exact(&mut half).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(3000).unwrap();
    assert!(reader.read_to_end(&mut half).is_err());

    // Made a link after it was listed.
    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert!(medium.open(item).unwrap_err().to_string().contains("symbolic link"));

    // The directory itself replaced by a link: what was opened is what is read.
    let moved = place.path().join("moved");
    fs::rename(&directory, &moved).unwrap();
    symlink("/etc", &directory).unwrap();
    assert_eq!(document(&medium, Item::Bundle), Some(contents.bundle.clone()));

    // A tar that is cut after it was indexed.
    let path = place.path().join("it.tar");
    write_one_tar(&path, &contents, &stock);
    let tar = TarMedium::open(&path).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(4096).unwrap();
    assert!(read(&tar, &piece).is_none());
    fs::write(&path, vec![b'x'; 100_000]).unwrap();
    assert!(read(&tar, &piece).is_none());
}

/// Offsets and sizes beyond 32 and 33 bits; what a reader that lost the high bits would find there is a decoy.
#[test]
fn offsets_beyond_four_gigabytes() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("huge.tar");
    let file = File::create(&path).unwrap();
    let content = b"beyond".to_vec();
    let (low, high) = (Digest::from_hex(&"1".repeat(64)).unwrap(), Digest::of(&content));
    let name = |digest: Digest| Item::Blob(digest).to_string();
    let mut at = 0;
    let mut put = |entry: Entry, size: u64| {
        file.write_all_at(&entry.bytes(), at).unwrap();
        let offset = at + 512;
        at = offset + size.next_multiple_of(512);
        offset
    };
    put(named("bundle.dsse"), 2);
    let nine = 9 << 30;
    let mut field = [0; 12];
    field[0] = 0x80;
    field[4..].copy_from_slice(&u64::to_be_bytes(nine));
    let first = put(Entry::new(name(low), b'0', "").size(&field), nine);
    let second = put(Entry::new(name(high), b'0', &content), content.len() as u64);
    let decoy = second % (1 << 32);
    assert!(decoy < first + nine && second > 1 << 33);
    file.write_all_at(b"decoy!", decoy).unwrap();
    file.set_len(at + 1024).unwrap();
    drop(file);

    let medium = TarMedium::open(&path).unwrap();
    assert!(!medium.is_truncated());
    assert_eq!(medium.open(Item::Blob(low)).unwrap().unwrap().size, nine);
    let piece = Piece { digest: high, size: content.len() as u64, slice: None };
    assert_eq!(read(&medium, &piece), Some(content));

    let sparse = place.path().join(Item::Blob(low).to_string());
    fs::create_dir_all(sparse.parent().unwrap()).unwrap();
    File::create(&sparse).unwrap().set_len(5 << 30).unwrap();
    let medium = DirectoryMedium::open(place.path()).unwrap();
    assert_eq!(medium.open(Item::Blob(low)).unwrap().unwrap().size, 5 << 30);
}

fn volumes(paths: &[PathBuf]) -> Result<Volumes, Error> {
    let media = paths.iter().map(|path| find(path).map(|it| it.media));
    Volumes::new(media.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

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
        let volumes = volumes(paths).unwrap();
        check_same(&volumes, &contents);
        assert_eq!(volumes.absent().unwrap().0, [0; 0]);
        assert_eq!(volumes.survey(&wanted).missing, []);
        volumes.check_order(&contents.head[0].digest, &contents.head[1].digest).unwrap();
    }
    // Each alone has the inventory, and knows which ones are not there.
    let mut seen = 0;
    for (number, path) in (1..).zip(&paths) {
        let one = volumes(std::slice::from_ref(path)).unwrap();
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
    let twice = volumes(&[&paths[..], &paths[..1]].concat()).unwrap();
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
        check(volumes(&names.map(at)).map(|_| ()), expect);
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
    check_same(&volumes(&[short.clone(), good.clone()]).unwrap(), &contents);
    check_same(&volumes(&[good, short]).unwrap(), &contents);
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
        assert!(volumes(std::slice::from_ref(&directory)).unwrap().absent().is_none());
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

fn want() -> Want {
    let newest = Newest { at: "3-41".parse().unwrap(), digest: Digest::of(b"newest") };
    let missing =
        vec![Missing { digest: Digest::of(b"a"), size: 10 }, Missing { digest: Digest::of(b"b"), size: 7 }];
    Want {
        cluster: "ship-7".parse().unwrap(),
        channel: "platform".parse().unwrap(),
        bundle: Digest::of(b"bundle"),
        newest: Some(newest),
        missing,
    }
}

#[test]
fn a_wish_is_left_on_the_medium() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(WANT_LIST);
    let read = || WantList::parse(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(leave(place.path(), want(), None).unwrap(), Left::Written(path.clone()));
    assert_eq!(read(), WantList::of(want()));

    // The same cluster wishes anew; another one beside it.
    let again = Want { missing: Vec::new(), ..want() };
    let other = Want { cluster: "ship-2".parse().unwrap(), newest: None, ..want() };
    leave(place.path(), again.clone(), None).unwrap();
    leave(place.path(), other.clone(), None).unwrap();
    assert_eq!(read().wants, [other, again]);

    // A tar's wish lies beside it.
    fs::write(place.path().join("x.tar"), "").unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(leave(&place.path().join("x.tar"), want(), None).unwrap(), Left::Written(path.clone()));

    // What is no want-list is replaced.
    for text in [
        "",
        "{",
        "{\"type\":\"have\",\"format\":1,\"wants\":[]}",
        "{\"type\":\"want\",\"format\":2,\"wants\":[]}",
    ] {
        fs::write(&path, text).unwrap();
        leave(place.path(), want(), None).unwrap();
        assert_eq!(read(), WantList::of(want()));
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "and nothing else is left");
}

#[test]
fn a_wish_is_not_written_through_a_name_that_is_no_file() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("target");
    fs::write(&target, "precious").unwrap();
    let path = place.path().join(WANT_LIST);
    let refused = |expect: &str| check(leave(place.path(), want(), None).map(|_| ()), expect);
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
    assert_eq!(leave(place.path(), want(), None).unwrap(), Left::Written(path.clone()));
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    // A hard link is a file, and stays what it was: the new list is another file.
    fs::remove_file(&path).unwrap();
    fs::hard_link(&target, &path).unwrap();
    leave(place.path(), want(), None).unwrap();
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
        volumes(&paths).unwrap()
    };
    assert_eq!(want().words(Some(&subset(&[2]))), format!("insert disc 3 of {count} (KIOSK)"));
    assert_eq!(want().words(Some(&subset(&[0, 2]))), format!("insert discs 1 and 3 of {count} (KIOSK)"));
    assert_eq!(
        want().words(Some(&subset(&[0, 1, 2]))),
        format!("insert discs 1, 2 and 3 of {count} (KIOSK)")
    );
    // All discs are here, and something is missing all the same: the stick is damaged, or the guess was wrong.
    let code = ShortCode::of(&want().newest.unwrap());
    let words = format!("2 blobs of 17 bytes are missing; ask for channel platform with `--since {code}`");
    assert_eq!(want().words(Some(&subset(&[]))), words);
    assert_eq!(want().words(None), words);
    let nothing = Want { newest: None, ..want() };
    assert!(nothing.words(None).ends_with("ask for the whole bundle of channel platform"));

    assert!(code.to_string().parse::<ShortCode>().unwrap().matches(&want().newest.unwrap()));
    let other = Newest { digest: Digest::of(b"other"), ..want().newest.unwrap() };
    assert!(!code.matches(&other));
    for text in ["", "3-41", "3-41-", "3-41-7f3a90b", "3-41-7f3a90b22", "3-41-+f3a90b2", "x-41-7f3a90b2"] {
        assert!(text.parse::<ShortCode>().is_err(), "{text}");
    }
}

/// A supply that ends in the middle.
struct Fails<'a>(&'a Stock, Digest, Option<Vec<u8>>);

impl Supply for Fails<'_> {
    fn open(&self, piece: &Piece) -> io::Result<Option<Box<dyn Read + Send>>> {
        match &self.2 {
            _ if piece.digest != self.1 => FromBlobs(self.0).open(piece),
            Some(bytes) => Ok(Some(Box::new(io::Cursor::new(bytes.clone())))),
            None => Err(io::Error::other("pulled out")),
        }
    }
}

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
    check_same(&volumes(&written.paths).unwrap(), &contents);
    contents.pieces.truncate(limits::BLOBS_PER_DIRECTORY - 2);
    contents.pieces.truncate(100);
    let written =
        write_medium(&place.path().join("few"), "few", &contents, &FromBlobs(&stock), &mut |_| ()).unwrap();
    assert_eq!(written.paths, [place.path().join("few")]);
}

fn run(program: &str, arguments: &[&Path]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A mount that ends with the test.
struct Mounted(PathBuf);

impl Mounted {
    /// None where this process may not mount.
    fn new(arguments: &[&str], point: &Path) -> Option<Self> {
        fs::create_dir_all(point).unwrap();
        let output = Command::new("mount").args(arguments).arg(point).output().unwrap();
        output.status.success().then(|| Self(point.to_owned()))
    }

    fn remount(&self, how: &str) {
        run("mount", &[Path::new("-o"), Path::new(&format!("remount,{how}")), &self.0]);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

/// Waits until all of `expect` have come, and returns all that came.
#[track_caller]
fn wait_for(watch: &mut Watch, expect: &[Event]) -> Vec<Event> {
    let mut came = Vec::new();
    for _ in 0..100 {
        came.extend(watch.wait(Some(Duration::from_millis(100))).unwrap());
        if expect.iter().all(|it| came.contains(it)) {
            return came;
        }
    }
    panic!("{expect:?} is not in {came:?}");
}

#[test]
fn files_that_arrive_are_heard() {
    let place = tempfile::tempdir().unwrap();
    let top = fs::canonicalize(place.path()).unwrap();
    let (contents, stock) = bundle(1, 3);
    write(&top.join("before"), &contents, &stock).unwrap();
    let mut watch = Watch::new(&top).unwrap();
    assert_eq!(watch.wait(Some(Duration::ZERO)).unwrap(), [Event::Look(top.clone())]);
    assert_eq!(watch.wait(Some(Duration::ZERO)).unwrap(), []);

    write(&top.join("later"), &contents, &stock).unwrap();
    wait_for(&mut watch, &[Event::Arrived(top.join("later/bundle.dsse"))]);
    write(&top.join("before"), &contents, &stock).unwrap();
    wait_for(&mut watch, &[Event::Arrived(top.join("before/bundle.dsse"))]);
    // A tar is written under another name and heard once it has its own.
    let tar = top.join("x.tar");
    write_one_tar(&tar, &contents, &stock);
    let came = wait_for(&mut watch, &[Event::Arrived(tar.clone())]);
    assert_eq!(came, [Event::Arrived(tar.clone())]);

    // A copy in the making is heard when it is closed, not before.
    let mut file = File::create(top.join("slow.tar")).unwrap();
    file.write_all(&[0; 100]).unwrap();
    file.sync_all().unwrap();
    assert_eq!(watch.wait(Some(Duration::from_millis(200))).unwrap(), []);
    drop(file);
    wait_for(&mut watch, &[Event::Arrived(top.join("slow.tar"))]);

    // As a file manager copies, by name: `bundle.dsse` before most of what it needs. The last file is heard too.
    let elsewhere = tempfile::tempdir_in(top.parent().unwrap()).unwrap();
    let from = elsewhere.path().join("from");
    write(&from, &contents, &stock).unwrap();
    let copy = top.join("copied");
    let mut names: Vec<String> = all(&contents).iter().map(|it| Item::Blob(it.digest).to_string()).collect();
    names.extend(["agent.dsse", "bundle.dsse", "index.json", "oci-layout"].map(str::to_owned));
    names.extend(["trust/0001.root.dsse", "trust/0002.root.dsse"].map(str::to_owned));
    names.sort_unstable_by_key(|it| (it.starts_with("blobs"), it.clone()));
    for name in &names {
        fs::create_dir_all(copy.join(name).parent().unwrap()).unwrap();
        let bytes = fs::read(from.join(name)).unwrap();
        let (before, after) = bytes.split_at(bytes.len() / 2);
        let mut file = File::create(copy.join(name)).unwrap();
        file.write_all(before).unwrap();
        file.write_all(after).unwrap();
        drop(file);
        let came = watch.wait(Some(Duration::from_millis(500))).unwrap();
        let late = name.as_str() > "bundle.dsse" || name.starts_with("blobs");
        if late {
            assert_eq!(came, [Event::Arrived(copy.join("bundle.dsse"))], "{name}");
        }
    }
    check_same(&DirectoryMedium::open(&copy).unwrap(), &contents);

    // A directory that is moved in whole.
    write(&elsewhere.path().join("moved"), &contents, &stock).unwrap();
    fs::rename(elsewhere.path().join("moved"), top.join("moved")).unwrap();
    wait_for(&mut watch, &[Event::Arrived(top.join("moved/bundle.dsse"))]);

    // Other people's files, links and deeper levels are none of ours.
    fs::write(top.join("notes.txt"), "").unwrap();
    fs::create_dir(top.join("deep")).unwrap();
    fs::write(top.join("deep/x.tar"), "").unwrap();
    symlink("/etc", top.join("link")).unwrap();
    symlink("x.tar", top.join("link.tar")).unwrap();
    fs::remove_file(tar).unwrap();
    for _ in 0..5 {
        assert_eq!(watch.wait(Some(Duration::from_millis(50))).unwrap(), []);
    }
}

/// Sticks as the kernel mounts them: a file system in memory, and one in an image.
#[test]
fn mounts_come_and_go() {
    let place = tempfile::tempdir().unwrap();
    let top = fs::canonicalize(place.path()).unwrap().join("media");
    let stick = top.join("KIOSK STICK");
    fs::create_dir(&top).unwrap();
    let mut watch = Watch::new(&top).unwrap();
    wait_for(&mut watch, &[Event::Look(top.clone())]);
    let Some(mount) = Mounted::new(&["-t", "tmpfs", "-o", "size=4m,nosuid,nodev,noexec", "tmpfs"], &stick)
    else {
        println!("skipped: mounts_come_and_go needs the right to mount");
        return;
    };
    wait_for(&mut watch, &[Event::Look(stick.clone())]);
    let mounts = mounts_below(&top).unwrap();
    assert_eq!(mounts.len(), 1);
    assert_eq!((mounts[0].point.as_path(), mounts[0].file_system.as_str()), (stick.as_path(), "tmpfs"));
    assert!(!mounts[0].read_only);

    let (contents, stock) = bundle(1, 10);
    write(&stick, &contents, &stock).unwrap();
    wait_for(&mut watch, &[Event::Arrived(stick.join("bundle.dsse"))]);
    check_same(&volumes(std::slice::from_ref(&stick)).unwrap(), &contents);

    // The directory above it is a path to what is mounted below.
    check_same(&volumes(std::slice::from_ref(&top)).unwrap(), &contents);

    // A stick that is full, with the words for it; nothing half is left.
    let mut large = contents.clone();
    let mut large_stock = stock.clone();
    large.pieces.push(large_stock.add(noise(5, 5 << 20)));
    large.pieces.sort_unstable();
    check(write(&stick.join("large"), &large, &large_stock).map(|_| ()), "full");
    let mut quarter = contents.clone();
    quarter.pieces.extend((0..4).map(|it| large_stock.add(noise(it, 1 << 20))));
    let supply = FromBlobs(&large_stock);
    let result = write_volumes(&stick, "x", &quarter, 1_200_000, &supply, &mut |_| ());
    check(result.map(|_| ()), "full");
    assert_eq!(find(&stick).unwrap().media.len(), 1, "not one of the volumes was begun");

    // Another file system mounted inside is not the medium.
    let inside = Mounted::new(&["-t", "tmpfs", "tmpfs"], &stick.join("blobs")).unwrap();
    fs::create_dir(stick.join("blobs/sha256")).unwrap();
    let medium = DirectoryMedium::open(&stick).unwrap();
    let item = Item::Blob(contents.pieces[0].digest);
    assert!(medium.open(item).unwrap_err().to_string().contains("out of the medium"));
    drop(inside);
    assert!(medium.open(item).unwrap().is_some());
    drop(medium);

    // Write-protected: words instead of a file, and a sink that says so.
    mount.remount("ro");
    assert!(mounts_below(&top).unwrap()[0].read_only);
    let Left::Words(words) = leave(&stick, want(), None).unwrap() else { panic!("it was written") };
    assert!(words.contains("--since 3-41-"), "{words}");
    let next = bundle(2, 10);
    check(write(&stick, &next.0, &next.1).map(|_| ()), "read_only");
    mount.remount("rw");
    assert_eq!(leave(&stick, want(), None).unwrap(), Left::Written(stick.join(WANT_LIST)));

    wait_for(&mut watch, &[]);
    drop(mount);
    wait_for(&mut watch, &[Event::Gone(stick.clone())]);
    assert_eq!(mounts_below(&top).unwrap(), []);

    // The same place again, with what was mounted before it was looked for.
    let again = Mounted::new(&["-t", "tmpfs", "tmpfs"], &stick).unwrap();
    wait_for(&mut watch, &[Event::Look(stick.clone())]);
    write_one_tar(&stick.join("disc.tar"), &contents, &stock);
    wait_for(&mut watch, &[Event::Arrived(stick.join("disc.tar"))]);
    drop(again);
    wait_for(&mut watch, &[Event::Gone(stick)]);
}

#[test]
fn a_stick_in_an_image() {
    let place = tempfile::tempdir().unwrap();
    let image = place.path().join("stick.img");
    File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let made = Command::new("mkfs.ext4").arg("-q").arg(&image).output();
    let stick = fs::canonicalize(place.path()).unwrap().join("media/stick");
    fs::create_dir_all(stick.parent().unwrap()).unwrap();
    let mounted = match made {
        Ok(output) if output.status.success() => {
            Mounted::new(&["-o", "loop,nosuid,nodev,noexec", image.to_str().unwrap()], &stick)
        }
        _ => None,
    };
    let Some(mounted) = mounted else {
        println!("skipped: a_stick_in_an_image needs mkfs.ext4, a loop device and the right to mount");
        return;
    };
    let (contents, stock) = bundle(1, 20);
    // Pulled out in the middle, put in again, and finished.
    let last = contents.pieces.last().unwrap().digest;
    assert!(write_directory(&stick, &contents, &Fails(&stock, last, None), &mut |_| ()).is_err());
    drop(mounted);
    let mounted = Mounted::new(&["-o", "loop", image.to_str().unwrap()], &stick).unwrap();
    assert!(find(&stick).is_err());
    let written = write(&stick, &contents, &stock).unwrap();
    assert!(written.kept > 20, "{written:?}");
    drop(mounted);
    let mounted = Mounted::new(&["-o", "loop,ro", image.to_str().unwrap()], &stick).unwrap();
    check_same(&volumes(std::slice::from_ref(&stick)).unwrap(), &contents);
    assert!(matches!(leave(&stick, want(), None).unwrap(), Left::Words(_)));
    drop(mounted);
}
