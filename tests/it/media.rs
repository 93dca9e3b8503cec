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

mod damage;
mod hostile;
mod sink;
mod volumes;
mod want;
mod watch;

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

fn run(program: &str, arguments: &[&Path]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn joined(paths: &[PathBuf]) -> Result<Volumes, Error> {
    let media = paths.iter().map(|path| find(path).map(|it| it.media));
    Volumes::new(media.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn wish() -> Want {
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
