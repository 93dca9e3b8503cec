//! Packs that no honest server sends, as a file and over the wire: refused at the byte where it shows, and nothing kept.

#![expect(clippy::cast_possible_truncation, reason = "numbers are cut into bytes")]

use std::io::Write;

use airlock::{fault::Fault, limits};
use sha1::{Digest as _, Sha1};

use super::Yard;
use crate::support::git_server::{GitServer, liar_with_pack};

const COMMIT: u8 = 1;
const BLOB: u8 = 3;
const OFS_DELTA: u8 = 6;
const REF_DELTA: u8 = 7;

/// A pack in the making, whose headers may say anything.
struct Pack {
    bytes: Vec<u8>,
    count: u32,
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A size in the form of differences: seven bits a byte, the low ones first.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        bytes.push(if value == 0 { byte } else { byte | 0x80 });
        if value == 0 {
            return bytes;
        }
    }
}

impl Pack {
    fn new() -> Self {
        Self { bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), count: 0 }
    }

    /// Adds an entry and says where it stands.
    fn entry(&mut self, kind: u8, says: u64, base: &[u8], compressed: &[u8]) -> usize {
        let at = self.bytes.len();
        let mut byte = (kind << 4) | (says & 15) as u8;
        let mut rest = says >> 4;
        while rest > 0 {
            self.bytes.push(byte | 0x80);
            byte = (rest & 0x7f) as u8;
            rest >>= 7;
        }
        self.bytes.push(byte);
        self.bytes.extend(base);
        self.bytes.extend(compressed);
        self.count += 1;
        at
    }

    fn whole(&mut self, kind: u8, bytes: &[u8]) -> usize {
        self.entry(kind, bytes.len() as u64, &[], &deflated(bytes))
    }

    /// A difference to what stands `distance` bytes before.
    fn delta(&mut self, distance: usize, delta: &[u8]) -> usize {
        let mut rest = distance;
        let mut base = vec![(rest & 0x7f) as u8];
        while rest >> 7 > 0 {
            rest = (rest >> 7) - 1;
            base.insert(0, (rest & 0x7f) as u8 | 0x80);
        }
        self.entry(OFS_DELTA, delta.len() as u64, &base, &deflated(delta))
    }

    fn end(mut self, count: u32) -> Vec<u8> {
        self.bytes[8..12].copy_from_slice(&count.to_be_bytes());
        let sum = Sha1::digest(&self.bytes);
        self.bytes.extend(sum);
        self.bytes
    }

    fn done(self) -> Vec<u8> {
        let count = self.count;
        self.end(count)
    }
}

/// What a difference is that copies all of a base of so many bytes.
fn same(size: u64) -> Vec<u8> {
    // Copy from 0, two bytes of length.
    [varint(size), varint(size), vec![0xb0, (size & 0xff) as u8, (size >> 8) as u8]].concat()
}

fn rows() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mut rows = Vec::new();
    let mut row = |what, pack: Vec<u8>, why| rows.push((what, pack, why));

    let mut pack = Pack::new();
    pack.entry(BLOB, 2 << 30, &[], &deflated(&[0; 1000]));
    row("an object of 2 GiB", pack.done(), "2147483648 bytes, and at most");

    let mut pack = Pack::new();
    pack.entry(COMMIT, limits::GIT_DOCUMENT_BYTES + 1, &[], &deflated(b""));
    row("a commit of 16 MiB", pack.done(), "at most 16777216");

    let mut pack = Pack::new();
    pack.entry(BLOB, 10, &[], &deflated(&vec![0; 50 << 20]));
    row("a bomb that says to have ten bytes", pack.done(), "says to have 10 bytes, and has more");

    let mut pack = Pack::new();
    pack.entry(BLOB, 1000, &[], &deflated(b"few"));
    row("an object that has less than it says", pack.done(), "and has 3");

    let mut pack = Pack::new();
    pack.whole(BLOB, b"one");
    row("more objects than there are", pack.end(2), "cannot be read to its end");

    row("four billion objects", Pack::new().end(u32::MAX), "at most 4000000 may come");

    let mut pack = Pack::new();
    let mut last = pack.whole(BLOB, &[7; 300]);
    for _ in 0..=limits::GIT_DELTA_DEPTH {
        let at = pack.bytes.len();
        pack.delta(at - last, &same(300));
        last = at;
    }
    row("a chain of 4,096 differences", pack.done(), "more than 4095 differences");

    let mut pack = Pack::new();
    let base = pack.whole(BLOB, &[7; 300]);
    let at = pack.bytes.len();
    let large = [varint(300), varint(1 << 31), vec![0xb0, 0x2c, 0x01]].concat();
    pack.delta(at - base, &large);
    row("a difference that makes 2 GiB", pack.done(), "2147483648 bytes, and at most");

    let mut pack = Pack::new();
    pack.whole(BLOB, b"base");
    let at = pack.bytes.len();
    pack.delta(at - 13, &same(4));
    row("a difference to the middle of an object", pack.done(), "no object");

    let mut pack = Pack::new();
    pack.whole(BLOB, b"base");
    pack.delta(4_000, &same(4));
    row("a difference to before the pack", pack.done(), "no object");

    let mut pack = Pack::new();
    let missing = [9; 20];
    pack.entry(REF_DELTA, same(4).len() as u64, &missing, &deflated(&same(4)));
    row("a difference to what nobody has", pack.done(), "which is not here");

    let mut pack = Pack::new();
    pack.entry(BLOB, 4, &[], b"no zlib at all, whatever comes here");
    row("no compression", pack.done(), "object 1 of 1");

    let mut pack = Pack::new();
    pack.entry(5, 4, &[], &deflated(b"kind"));
    row("an object of no kind", pack.done(), "cannot be read");

    let mut pack = Pack::new();
    pack.whole(BLOB, b"something else");
    row("an honest pack of something else", pack.done(), "does not hold");

    row("no pack", b"hello, this is no pack at all, is it".to_vec(), "does not begin");

    let mut pack = Pack::new();
    pack.whole(BLOB, b"x");
    let mut broken = pack.done();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    row("a wrong sum", broken, "");
    rows
}

/// As a file, and over the wire.
#[test]
fn packs_that_lie_leave_nothing() {
    let tip = "1".repeat(40);
    for (what, pack, why) in rows() {
        let yard = Yard::new();
        let head = format!("# v2 git bundle\n{tip} refs/heads/main\n\n");
        std::fs::write(yard.path("it.bundle"), [head.as_bytes(), &pack].concat()).unwrap();
        let file = yard.source(&format!("file://{}", yard.path("it.bundle").display()));
        let honest = why == "does not hold";
        let report = file.refuses(if honest { "git_bundle" } else { "git_pack" });
        assert!(report.error.contains(why), "{what}: {report:?}");
        assert_eq!(yard.packs(), usize::from(honest), "{what}");

        let server = GitServer::start(&yard.path("served"), None);
        server.lie(liar_with_pack("refs/heads/main", &tip, &pack));
        let source = yard.source(&server.url("site.git", "main"));
        let report = source.refuses("git_pack");
        assert!(report.error.contains(why), "{what}: {report:?}");

        // The truth comes through afterwards.
        server.repent();
        yard.push_layout(&super::bundle(1, &super::SIGNERS));
        assert_eq!(yard.pull(&source, 2), "staged", "{what}");
    }
}

#[test]
fn what_gives_way_keeps_nothing() {
    let yard = Yard::new();
    let server = GitServer::start(&yard.path("served"), None);
    yard.push_layout(&super::bundle(1, &super::SIGNERS));
    let source = yard.source(&server.url("site.git", "main"));
    let give_way = airlock::source::GiveWay::default();
    let claim = give_way.claim();
    let git = airlock::source::git::Git::open(&source.place, &source.spec, &give_way).unwrap();
    assert_eq!(git.medium(None).unwrap_err().code(), "gave_way");
    assert_eq!(yard.packs(), 0);
    drop(claim);
    assert!(git.medium(None).unwrap().is_some());
}
