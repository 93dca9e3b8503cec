//! Trees and charts: what a foreign archive may hold (A13), and how large it may become (A14).
//!
//! Hostile tars are made here byte for byte, since no well-meaning writer makes them.

use std::io::{self, Read, Write};

use airlock::{
    archive::{
        Error, Node, Place, SafePath, Tree, Unpacked, Unresolved, measure_tgz, read_tar, read_tgz, read_tree,
        write_tree,
    },
    digest::{Checked, Digest},
    fault::Fault,
    limits,
};

/// One header block and what follows it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) flag: u8,
    pub(crate) mode: u32,
    pub(crate) content: Vec<u8>,
    /// The size field where it is not the content's.
    pub(crate) size: Option<[u8; 12]>,
    pub(crate) magic: [u8; 8],
    pub(crate) prefix: Vec<u8>,
}

impl Entry {
    pub(crate) fn new(name: impl AsRef<[u8]>, flag: u8, content: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            link: Vec::new(),
            flag,
            mode: 0o644,
            content: content.as_ref().to_vec(),
            size: None,
            magic: *b"ustar\x0000",
            prefix: Vec::new(),
        }
    }

    pub(crate) fn link(mut self, target: impl AsRef<[u8]>) -> Self {
        self.link = target.as_ref().to_vec();
        self
    }

    pub(crate) fn size(mut self, size: &[u8; 12]) -> Self {
        self.size = Some(*size);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut block = vec![0_u8; 512];
        block[..self.name.len()].copy_from_slice(&self.name);
        block[100..108].copy_from_slice(format!("{:07o}\0", self.mode).as_bytes());
        block[108..124].copy_from_slice(b"0000000\x000000000\0");
        let size = self
            .size
            .unwrap_or_else(|| format!("{:011o}\0", self.content.len()).as_bytes().try_into().unwrap());
        block[124..136].copy_from_slice(&size);
        block[136..148].copy_from_slice(b"00000000000\0");
        block[156] = self.flag;
        block[157..157 + self.link.len()].copy_from_slice(&self.link);
        block[257..265].copy_from_slice(&self.magic);
        block[345..345 + self.prefix.len()].copy_from_slice(&self.prefix);
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|c| u32::from(*c)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block.extend_from_slice(&self.content);
        block.resize(block.len().next_multiple_of(512), 0);
        block
    }
}

pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(Entry::bytes).collect();
    bytes.extend([0; 1024]);
    bytes
}

fn file(name: impl AsRef<[u8]>) -> Entry {
    Entry::new(name, b'0', "x")
}

fn pax(records: &str) -> Entry {
    Entry::new("pax", b'x', records)
}

fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let length = (rest + 1..).find(|it| it.to_string().len() + rest == *it).unwrap();
    format!("{length} {key}={value}\n")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `expect` is `ok`, or the code of the refusal and words of its sentence.
#[track_caller]
fn check(result: Result<Tree, Error>, expect: &str) {
    match result {
        Ok(_) => assert_eq!(expect, "ok"),
        Err(error) => {
            let text = format!("{}: {error}", error.code());
            let (code, words) = expect.split_once(' ').unwrap_or((expect, ""));
            assert!(error.code() == code && error.to_string().contains(words), "{text:?} is not {expect:?}");
            assert!(!error.to_string().contains(char::is_control), "{text:?} would disturb a terminal");
            assert!(error.to_string().len() < 1000, "{text:?} is too long to read");
        }
    }
}

/// Both doors have one policy.
#[track_caller]
fn check_entries(entries: &[Entry], expect: &str) {
    let bytes = tar(entries);
    let (packed, size) = (zstd(&bytes), bytes.len() as u64);
    check(read_tree(packed.as_slice(), packed.len() as u64, size), expect);
    let packed = gzip(&bytes);
    check(read_tgz(packed.as_slice(), packed.len() as u64, Unpacked::Exactly(size)), expect);
}

#[test]
fn paths_of_hostile_entries() {
    let long = |count: usize| "n".repeat(count);
    let gnu = |name: &str| [Entry::new("././@LongLink", b'L', format!("{name}\0")), file("short")];
    let paxed = |name: &str| [pax(&record("path", name)), file("short")];
    let rows: &[(&str, &str)] = &[
        ("", "archive_path empty"),
        ("/etc/passwd", "archive_path absolute"),
        ("//server/share", "archive_path absolute"),
        ("C:/windows/x", "archive_path absolute"),
        ("c:x", "archive_path absolute"),
        ("../evil", "archive_path component"),
        ("..", "archive_path component"),
        (".", "archive_path component"),
        ("a/../../evil", "archive_path component"),
        ("a/..", "archive_path component"),
        ("a/./b", "archive_path component"),
        ("./a", "archive_path component"),
        ("a//b", "archive_path component"),
        ("a/", "archive_path component"),
        ("a\\..\\evil", "archive_path backslash"),
        ("\\evil", "archive_path backslash"),
        ("a\nb", "archive_path control"),
        ("a\rb", "archive_path control"),
        ("a\u{1b}[2Jb", "archive_path control"),
        ("a\u{7f}b", "archive_path control"),
        ("a\u{85}b", "archive_path control"),
        ("a\u{202e}gpj.exe", "archive_path control"),
        ("a\u{2028}b", "archive_path control"),
        ("\u{feff}a", "archive_path control"),
        // What looks dangerous and is not: each is one name of one file.
        ("...", "ok"),
        ("..a", "ok"),
        ("a..", "ok"),
        (".git/hooks/x", "ok"),
        ("~root", "ok"),
        ("$HOME/x", "ok"),
        ("%2e%2e/x", "ok"),
        ("-rf", "ok"),
        ("a b", "ok"),
        ("con", "ok"),
        ("über/ä.yaml", "ok"),
    ];
    for (name, expect) in rows {
        check_entries(&[file(name)], expect);
        // A name that comes by an extension is judged as one that stands in the header.
        check_entries(&paxed(name), expect);
        check_entries(&gnu(name), expect);
    }
    check_entries(&[file(b"a\xff")], "archive_path UTF-8");
    check_entries(&[file(b"a\xc0\xafb")], "archive_path UTF-8");
    check_entries(&[Entry { prefix: b"..".to_vec(), ..file("evil") }], "archive_path component");
    check_entries(&[Entry { prefix: b"/etc".to_vec(), ..file("passwd") }], "archive_path absolute");
    check_entries(&[file(b"safe\0/../../evil")], "archive_format bytes after the end of a name");
    check_entries(&paxed("safe\0/../evil"), "archive_path control");
    check_entries(&paxed(&long(255)), "ok");
    check_entries(&paxed(&long(256)), "archive_path too long");
    check_entries(&paxed(&format!("{}x", "d/".repeat(63))), "ok");
    check_entries(&paxed(&format!("{}x", "d/".repeat(64))), "archive_path too deep");
    check_entries(&paxed(&vec![long(200); 21].join("/")), "archive_path too long");
    check_entries(&gnu(&vec![long(200); 21].join("/")), "archive_limit");
}

#[test]
fn kinds_of_hostile_entries() {
    let kind = |flag: u8| Entry::new("a", flag, "");
    let link = |target: &str| kind(b'2').link(target);
    // What is data, not an escape.
    check_entries(&[link("../../../etc/passwd")], "ok");
    check_entries(&[link("/etc/passwd")], "ok");
    check_entries(&[link("a")], "ok");
    check_entries(&[link("")], "archive_entry link target is empty");
    check_entries(&[link("a\nb")], "archive_entry control character");
    check_entries(&[kind(b'2').link(b"\xff")], "archive_entry UTF-8");
    check_entries(&[pax(&record("linkpath", &"x/".repeat(2049))), link("y")], "archive_entry too long");
    check_entries(&[kind(b'1').link("b")], "archive_entry hard link");
    check_entries(&[kind(b'1').link("/etc/passwd")], "archive_entry hard link");
    check_entries(&[kind(b'3')], "archive_entry device");
    check_entries(&[kind(b'4')], "archive_entry device");
    check_entries(&[kind(b'6')], "archive_entry fifo");
    check_entries(&[kind(b'7')], "archive_entry contiguous");
    check_entries(&[kind(b'S')], "archive_entry sparse");
    check_entries(&[kind(b'M')], "archive_entry backup");
    check_entries(&[kind(b'V')], "archive_entry backup");
    check_entries(&[kind(b'D')], "archive_entry backup");
    check_entries(&[kind(b'Z')], "archive_entry unknown type");
    check_entries(&[kind(0xff)], "archive_entry unknown type");
    check_entries(&[pax(&record("GNU.sparse.major", "1")), file("a")], "archive_format sparse");
    check_entries(&[pax(&record("GNU.sparse.name", "../x")), file("a")], "archive_format sparse");
    check_entries(&[file("a").link("b")], "archive_entry file with a link target");
    check_entries(&[Entry::new("d/", b'5', "x")], "archive_entry says to have content");
    check_entries(&[Entry::new("l", b'2', "x").link("y")], "archive_entry says to have content");
    check_entries(&[Entry::new("d", b'5', "")], "ok");
    check_entries(&[Entry::new("d/", b'5', ""), file("d/a")], "ok");
    check_entries(&[Entry::new("d//", b'5', "")], "archive_path component");
    check_entries(&[Entry::new("./", b'5', "")], "archive_path component");
    check_entries(&[Entry::new("../", b'5', "")], "archive_path component");
    // setuid and other bits are no bits of a tree.
    check_entries(&[Entry { mode: 0o7777, ..file("a") }], "ok");
    // Two readers would see two archives.
    check_entries(&[file("a"), file("a")], "archive_entry comes twice");
    check_entries(&[file("a"), link("b")], "archive_entry comes twice");
    check_entries(&[Entry::new("d/", b'5', ""), Entry::new("d/", b'5', "")], "archive_entry comes twice");
    check_entries(&[file("a"), file("a/b")], "archive_entry a directory and something else");
    check_entries(&[file("a/b"), file("a")], "archive_entry a directory and something else");
    check_entries(&[link("/etc"), file("a/passwd")], "archive_entry a directory and something else");
    check_entries(
        &[Entry::new("a/", b'5', ""), link("/etc")],
        "archive_entry a directory and something else",
    );
    check_entries(&[file("README.md"), file("readme.md")], "archive_entry only its case");
    check_entries(&[file("a/b"), file("A/c")], "archive_entry only its case");
    check_entries(&[file("ÄB"), file("äb")], "archive_entry only its case");
    check_entries(&[file("straße"), file("strasse")], "archive_entry only its case");
    check_entries(&[file("ς"), file("σ")], "archive_entry only its case");
    check_entries(&[file("a"), file("a-b"), file("a.b")], "ok");
    // Extensions that say a thing twice, or to nobody.
    let path = |name: &str| pax(&record("path", name));
    check_entries(
        &[pax(&(record("path", "a") + &record("path", "b"))), file("c")],
        "archive_format repeated",
    );
    check_entries(&[path("a"), path("b"), file("c")], "archive_format repeated");
    check_entries(&[Entry::new("L", b'L', "a\0"), path("b"), file("c")], "archive_format two extended");
    check_entries(
        &[Entry::new("L", b'L', "a\0"), Entry::new("L", b'L', "b\0"), file("c")],
        "archive_format repeated",
    );
    check_entries(&[path("a")], "archive_format speaks of no entry");
    check_entries(&[Entry::new("g", b'g', record("path", "../evil")), file("a")], "archive_format global");
    check_entries(&[Entry::new("g", b'g', record("comment", "f00")), file("a")], "ok");
    check_entries(&[pax(&record("size", "0")), file("a")], "archive_format");
    check_entries(&[pax("99 path=a\n"), file("a")], "archive_format malformed");
    check_entries(&[pax(&record("hdrcharset", "BINARY")), file("a")], "archive_format UTF-8");
    check_entries(&[pax(&record("mtime", "1.5")), file("a")], "ok");
    // Headers that are none.
    check_entries(&[Entry { magic: *b"\0\0\0\0\0\0\0\0", ..file("a") }], "archive_format neither ustar nor");
    check_entries(&[Entry { magic: *b"ustar  \0", ..file("a") }], "ok");
    check_entries(&[file("a").size(b"0000000000x\0")], "archive_format number");
    check_entries(&[file("a").size(b"00000000-01\0")], "archive_format number");
    check_entries(
        &[file("a").size(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")],
        "archive_format number",
    );
    check_entries(
        &[file("a").size(b"\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01")],
        "archive_format number",
    );
}

#[test]
fn tars_that_end_elsewhere() {
    let check_bytes = |bytes: &[u8], expect: &str| {
        check(read_tar(bytes, Unpacked::Exactly(bytes.len() as u64)), expect);
    };
    let whole = tar(&[file("a"), file("b")]);
    check_bytes(&whole, "ok");
    check_bytes(&tar(&[]), "ok");
    check_bytes(&[], "archive_format ends without");
    check_bytes(&[0; 512], "archive_format ends without");
    check_bytes(&whole[..whole.len() - 512], "archive_format ends without");
    check_bytes(&whole[..whole.len() - 1024], "archive_format ends without");
    check_bytes(&whole[..600], "archive_entry ends inside it");
    check_bytes(&whole[..512], "archive_entry ends inside it");
    check_bytes(&whole[..300], "archive_format inside a block");
    check_bytes(&[whole.clone(), vec![0; 9216]].concat(), "ok");
    check_bytes(&[whole.clone(), vec![0; 100]].concat(), "archive_format inside a block");
    check_bytes(&[whole.clone(), file("c").bytes()].concat(), "archive_format follows its end");
    check_bytes(&[vec![0; 512], file("c").bytes(), vec![0; 1024]].concat(), "archive_format follows its end");
    check_bytes(&[whole.clone(), whole.clone()].concat(), "archive_format follows its end");
    let mut padded = whole.clone();
    padded[1023] = 1;
    check_bytes(&padded, "archive_entry padding");
    let mut flipped = whole;
    flipped[0] ^= 1;
    check_bytes(&flipped, "archive_format checksum");
}

/// Bombs, windows, trailing frames, nested archives.
#[test]
fn archives_that_grow() {
    let plain = tar(&[file("a")]);
    let size = plain.len() as u64;
    let frame = zstd(&plain);
    let tree = |bytes: &[u8], unpacked, expect: &str| {
        check(read_tree(bytes, bytes.len() as u64, unpacked), expect);
    };
    let tgz = |bytes: &[u8], unpacked, expect: &str| {
        check(read_tgz(bytes, bytes.len() as u64, unpacked), expect);
    };
    tree(&frame, size, "ok");

    // Sizes are exact.
    tree(&frame, size - 1, "archive_limit unpacks to more than");
    tree(&frame, size + 1, "archive_limit not to");
    tree(&frame, u64::MAX, "archive_limit expands");
    check(read_tree(frame.as_slice(), frame.len() as u64 - 1, size), "archive_format longer");
    check(read_tree(frame.as_slice(), frame.len() as u64 + 1, size), "archive_format shorter");

    // Bombs: by ratio as soon as the claim is known, and in the stream where there is none.
    let zeros = tar(&[Entry::new("zeros", b'0', vec![0; 32 << 20])]);
    tree(&zstd(&zeros), zeros.len() as u64, "archive_limit expands");
    tree(&zstd(&zeros), 4096, "archive_limit unpacks to more than");
    tgz(&gzip(&zeros), Unpacked::AtMost(u64::MAX), "archive_limit expands");
    tgz(&gzip(&zeros), Unpacked::AtMost(1 << 20), "archive_limit unpacks to more than");
    tgz(&gzip(&zeros), Unpacked::Exactly(zeros.len() as u64), "archive_limit expands");
    let bomb = gzip(&zeros);
    let measured = measure_tgz(bomb.as_slice(), bomb.len() as u64, u64::MAX);
    assert_eq!(measured.unwrap_err().code(), "archive_limit");
    let small = tar(&[Entry::new("zeros", b'0', vec![0; 1 << 19])]);
    tree(&zstd(&small), small.len() as u64, "ok");
    // A bomb in an archive in the archive: nothing opens what it was not asked to open.
    let nested =
        tar(&[Entry::new("inner.tar.zst", b'0', zstd(&zeros)), Entry::new("inner.tgz", b'0', &bomb)]);
    tree(&zstd(&nested), nested.len() as u64, "ok");
    tree(&zstd(&frame), frame.len() as u64, "archive_format");
    tree(&gzip(&plain), size, "archive_format");
    tgz(&frame, Unpacked::Exactly(size), "archive_format");

    // Windows.
    let window = |log| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(&plain).unwrap();
        encoder.finish().unwrap()
    };
    tree(&window(27), size, "ok");
    tree(&window(28), size, "archive_format memory");
    tree(&window(31), size, "archive_format memory");

    // Frames after the frame, and before it.
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
    tree(&[frame.clone(), frame.clone()].concat(), size, "archive_format follows");
    tree(&[frame.clone(), frame.clone()].concat(), 2 * size, "archive_limit not to");
    tree(&[frame.clone(), skippable.clone()].concat(), size, "archive_format follows");
    tree(&[skippable, frame.clone()].concat(), size, "archive_format");
    tree(&[frame.clone(), vec![0]].concat(), size, "archive_format follows");
    tree(&frame[..frame.len() - 1], size, "archive_format incomplete");
    tree(&frame[..4], size, "archive_format incomplete");
    tree(&[], size, "archive_format");
    let gz = gzip(&plain);
    tgz(&gz, Unpacked::Exactly(size), "ok");
    tgz(&[gz.clone(), gz.clone()].concat(), Unpacked::Exactly(size), "archive_format follows");
    tgz(&[gz.clone(), vec![0; 512]].concat(), Unpacked::Exactly(size), "archive_format follows");
    tgz(&gz[..gz.len() - 1], Unpacked::Exactly(size), "archive_format incomplete");
    let flip = |at: usize| {
        let mut bytes = gz.clone();
        bytes[at] ^= 1;
        bytes
    };
    tgz(&flip(gz.len() - 8), Unpacked::Exactly(size), "archive_format refused");
    tgz(&flip(gz.len() - 4), Unpacked::Exactly(size), "archive_format refused");

    // Dictionaries and checksums.
    let dictionary = zstd::Encoder::with_dictionary(Vec::new(), 3, &b"kind: Deployment\n".repeat(64));
    let mut encoder = dictionary.unwrap();
    encoder.write_all(&plain).unwrap();
    let foreign = encoder.finish().unwrap();
    if foreign != frame {
        check(read_tree(foreign.as_slice(), foreign.len() as u64, size + 1), "archive_limit not to");
    }
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(&plain).unwrap();
    let mut summed = encoder.finish().unwrap();
    tree(&summed, size, "ok");
    *summed.last_mut().unwrap() ^= 1;
    tree(&summed, size, "archive_format checksum");

    // Sizes in headers.
    check_entries(&[file("a").size(b"77777777777\0")], "archive_limit are more than");
    check_entries(
        &[file("a").size(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff")],
        "archive_limit are more than",
    );
    check_entries(&[pax(&record("size", "18446744073709551615")), file("a")], "archive_limit are more than");
    check_entries(&[pax("").size(b"00000400001\0"), file("a")], "archive_limit are more than");
    check_entries(&[Entry::new("L", b'L', "").size(b"00000020000\0")], "archive_limit are more than");
}

#[test]
fn entries_are_counted() {
    /// The same block for ever.
    struct Endless(Vec<u8>, usize);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let rest = &self.0[self.1..];
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            self.1 = (self.1 + count) % self.0.len();
            Ok(count)
        }
    }
    let block = Entry::new("g", b'g', "").bytes();
    let size = (2 * limits::ARCHIVE_ENTRIES as u64 + 2) * 512;
    check(read_tar(Endless(block, 0), Unpacked::Exactly(size)), "archive_limit more entries");
}

/// Every byte of an archive changed in four ways: a tree or a refusal, never a panic.
#[test]
fn no_changed_byte_is_a_panic() {
    let entries = [
        Entry::new("d/", b'5', ""),
        file("d/a"),
        Entry::new("l", b'2', "").link("d/a"),
        pax(&record("path", "d/long")),
        file("short"),
        Entry::new("L", b'L', "d/longer\0"),
        file("short"),
    ];
    let plain = tar(&entries);
    let size = plain.len() as u64;
    let (frame, gz) = (zstd(&plain), gzip(&plain));
    let mut refused = 0;
    for (bytes, kind) in [(&plain, 0), (&frame, 1), (&gz, 2)] {
        for at in 0..bytes.len() {
            for change in [1, 0x80, 0xff, bytes[at]] {
                let mut bytes = bytes.clone();
                bytes[at] ^= change;
                let packed = bytes.len() as u64;
                let result = match kind {
                    0 => read_tar(bytes.as_slice(), Unpacked::Exactly(size)),
                    1 => read_tree(bytes.as_slice(), packed, size),
                    _ => read_tgz(bytes.as_slice(), packed, Unpacked::AtMost(size)),
                };
                refused += usize::from(result.is_err());
            }
        }
    }
    assert!(refused > plain.len(), "{refused}");
}

#[test]
fn a_wrong_blob_is_tampered_not_malformed() {
    let bytes = tar(&[file("a")]);
    let frame = zstd(&bytes);
    let mut other = frame.clone();
    *other.last_mut().unwrap() ^= 1;
    let size = frame.len() as u64;
    let checked = Checked::new(other.as_slice(), Digest::of(&frame), size);
    check(read_tree(checked, size, bytes.len() as u64), "tampered");
    let checked = Checked::new(&frame[..10], Digest::of(&frame), size);
    check(read_tree(checked, size, bytes.len() as u64), "tampered");
    let checked = Checked::new(frame.as_slice(), Digest::of(&frame), size);
    check(read_tree(checked, size, bytes.len() as u64), "ok");
}

fn example() -> Tree {
    let path = |text: &str| SafePath::new(text).unwrap();
    let deep = format!("{}/{}", "d".repeat(160), "f".repeat(120));
    Tree::new([
        (path("run.sh"), Node::File { bytes: (*b"#!/bin/sh\n").into(), executable: true }),
        (path("base/kustomization.yaml"), Node::file("resources: [a.yaml]\n")),
        (path("base/empty"), Node::file("")),
        (path("dev"), Node::Symlink { target: "base".into() }),
        (path("far"), Node::Symlink { target: format!("base/../{}", "./".repeat(100)) }),
        (path(&deep), Node::file("deep")),
    ])
    .unwrap()
}

#[test]
fn what_is_written_is_read() {
    for tree in [Tree::default(), example()] {
        let packed = write_tree(&tree).unwrap();
        assert_eq!(packed.digest, Digest::of(&packed.bytes));
        let read = read_tree(packed.bytes.as_slice(), packed.bytes.len() as u64, packed.unpacked).unwrap();
        assert_eq!(read, tree);
    }
}

/// The bytes are part of what is signed: a change of them is a change of the format, and a new digest for every tree.
#[test]
fn a_tree_has_one_form() {
    let forward = example();
    let mut nodes: Vec<_> = example().into_nodes().collect();
    nodes.reverse();
    let packed = write_tree(&forward).unwrap();
    assert_eq!(packed, write_tree(&Tree::new(nodes).unwrap()).unwrap());
    assert_eq!(
        packed.digest.to_string(),
        "sha256:25ed418f1d960f99e830f334fd72880ae5a3aa9dcdf8894d90973ff131831878"
    );
}

/// GNU tar is a second reader of what we write.
#[test]
fn other_tools_read_our_trees() {
    let packed = write_tree(&example()).unwrap();
    let bytes = zstd::decode_all(packed.bytes.as_slice()).unwrap();
    assert_eq!(bytes.len() as u64, packed.unpacked);
    let mut archive = ::tar::Archive::new(bytes.as_slice());
    let mut seen = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().to_vec()).unwrap();
        let link = entry.link_name_bytes().map(|it| String::from_utf8(it.to_vec()).unwrap());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert_eq!(entry.header().mtime().unwrap(), 0);
        seen.push((path, link, content, entry.header().mode().unwrap()));
    }
    let wanted: Vec<_> = example()
        .into_nodes()
        .map(|(path, node)| match node {
            Node::File { bytes, executable } => {
                (path.to_string(), None, bytes.to_vec(), if executable { 0o755 } else { 0o644 })
            }
            Node::Symlink { target } => (path.to_string(), Some(target), Vec::new(), 0o777),
        })
        .collect();
    assert_eq!(seen, wanted);
}

#[test]
fn links_are_followed_inside_the_tree_only() {
    let path = |text: &str| SafePath::new(text).unwrap();
    let link = |at: &str, target: &str| (path(at), Node::Symlink { target: target.into() });
    let mut nodes = vec![
        (path("base/a.yaml"), Node::file("a")),
        (path("base-x/b.yaml"), Node::file("b")),
        link("dev", "base"),
        link("apps/one", "../dev"),
        link("apps/up", ".."),
        link("apps/file", "one/a.yaml"),
        link("escape", "../outside"),
        link("deep/escape", "../../etc/passwd"),
        link("absolute", "/base/a.yaml"),
        link("dangling", "base/none"),
        link("self", "self"),
        link("ping", "pong"),
        link("pong", "ping"),
        link("through", "base/a.yaml/x"),
        link("bomb", "bomb/bomb"),
        link("top", "."),
    ];
    for number in 0..41 {
        nodes.push(link(&format!("chain{number}"), &format!("chain{}", number + 1)));
    }
    nodes.push((path("chain41"), Node::file("end")));
    let tree = Tree::new(nodes).unwrap();
    let rows: &[(&str, Result<&str, Unresolved>)] = &[
        ("base/a.yaml", Ok("file base/a.yaml")),
        ("base", Ok("directory base")),
        ("base/", Ok("directory base")),
        ("", Ok("directory ")),
        (".", Ok("directory ")),
        ("./base/./a.yaml", Ok("file base/a.yaml")),
        ("base/../base/a.yaml", Ok("file base/a.yaml")),
        ("dev/a.yaml", Ok("file base/a.yaml")),
        ("apps/one/a.yaml", Ok("file base/a.yaml")),
        ("apps/one", Ok("directory base")),
        // As on a disk: `..` goes up from where the link led.
        ("apps/one/../base-x/b.yaml", Ok("file base-x/b.yaml")),
        ("apps/file", Ok("file base/a.yaml")),
        ("apps/up/apps/up/base", Ok("directory base")),
        ("top/top/top/base", Ok("directory base")),
        ("chain2", Ok("file chain41")),
        ("chain1", Ok("file chain41")),
        ("chain0", Err(Unresolved::Loop)),
        ("..", Err(Unresolved::Outside)),
        ("base/../..", Err(Unresolved::Outside)),
        ("/base", Err(Unresolved::Outside)),
        ("escape", Err(Unresolved::Outside)),
        ("deep/escape", Err(Unresolved::Outside)),
        ("absolute", Err(Unresolved::Outside)),
        ("dangling", Err(Unresolved::Missing)),
        ("none", Err(Unresolved::Missing)),
        ("bas", Err(Unresolved::Missing)),
        ("none/../base", Err(Unresolved::Missing)),
        ("self", Err(Unresolved::Loop)),
        ("ping", Err(Unresolved::Loop)),
        ("bomb", Err(Unresolved::Loop)),
        ("through", Err(Unresolved::NotADirectory)),
        ("base/a.yaml/..", Err(Unresolved::NotADirectory)),
    ];
    for (asked, expect) in rows {
        let place = tree.resolve(asked).map(|place| match place {
            Place::File { path, .. } => format!("file {path}"),
            Place::Directory { path } => format!("directory {path}"),
        });
        assert_eq!(place.as_deref().map_err(|it| *it), *expect, "{asked:?}");
    }
    assert_eq!(tree.names("base"), ["a.yaml"]);
    assert_eq!(tree.names("apps"), ["file", "one", "up"]);
    assert_eq!(tree.below("base").count(), 1);
}

#[test]
fn names_that_windows_would_change_are_told() {
    for (name, portable) in [
        ("a.txt", true),
        ("docs/read me.txt", true),
        (".hidden", true),
        ("a.", false),
        ("a ", false),
        ("dir./a", false),
        (" a", false),
        ("con", false),
        ("Con.txt", false),
        ("aux.tar.gz", false),
        ("nul .txt", false),
        ("COM1", false),
        ("com¹", false),
        ("lpt9.log", false),
        ("com10", true),
        ("comet", true),
        ("console", true),
        ("ab:c", false),
        ("a?b", false),
        ("a*b", false),
        ("a|b", false),
        ("a\"b", false),
        ("a<b>", false),
    ] {
        assert_eq!(SafePath::new(name).unwrap().check_portable().is_ok(), portable, "{name:?}");
    }
}

/// Every archive of the corpus, read as another reader reads it.
#[test]
fn archives_of_the_corpus() {
    let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS") else {
        println!("skipped: archives_of_the_corpus needs AIRLOCK_CORPUS");
        return;
    };
    let mut archives = Vec::new();
    let mut directories = vec![std::path::PathBuf::from(corpus)];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|it| it.to_str()) {
                _ if path.is_dir() => directories.push(path),
                Some("tgz") => archives.push(path),
                _ => (),
            }
        }
    }
    let (mut files, mut dotted) = (0, 0);
    for path in &archives {
        let bytes = std::fs::read(path).unwrap();
        let size = bytes.len() as u64;
        let mut nodes = Vec::new();
        let mut archive = ::tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = String::from_utf8(entry.path_bytes().to_vec()).unwrap();
            let name = name.trim_start_matches("./").to_owned();
            let node = match entry.header().entry_type() {
                ::tar::EntryType::Directory | ::tar::EntryType::XGlobalHeader => continue,
                ::tar::EntryType::Symlink => {
                    let target = entry.link_name_bytes().unwrap().to_vec();
                    Node::Symlink { target: String::from_utf8(target).unwrap() }
                }
                ::tar::EntryType::Regular => {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).unwrap();
                    Node::File {
                        bytes: bytes.into(),
                        executable: entry.header().mode().unwrap() & 0o100 != 0,
                    }
                }
                kind => panic!("{name} of {}: {kind:?}", path.display()),
            };
            nodes.push((SafePath::new(&name).unwrap(), node));
        }
        let expect = Tree::new(nodes).unwrap();
        files += expect.len();
        let unpacked = measure_tgz(bytes.as_slice(), size, u64::MAX).unwrap();
        match read_tgz(bytes.as_slice(), size, Unpacked::Exactly(unpacked)) {
            Ok(tree) => assert!(tree == expect, "{}", path.display()),
            // `tar -C DIRECTORY .` writes no chart and no tree of ours.
            Err(Error::Path { entry, .. }) if entry == "./" => dotted += 1,
            Err(error) => panic!("{}: {error}", path.display()),
        }
        let packed = write_tree(&expect).unwrap();
        let again = read_tree(packed.bytes.as_slice(), packed.bytes.len() as u64, packed.unpacked).unwrap();
        assert!(again == expect, "{}", path.display());
    }
    println!("{} archives, {files} files and links, {dotted} archives start with `./`", archives.len());
    assert!(archives.len() > dotted);
}
