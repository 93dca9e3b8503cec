//! Digests of the records of a whole corpus, in the form in which the oracle's `corpus` prints them.

use std::{
    fmt::Write as _,
    io::Read,
    path::{Path, PathBuf},
};

use airlock::digest::Hasher;
use flate2::read::GzDecoder;

use super::record::record;

/// One line for each archive below `dir`, and one for the plain files of each folder at its top. Documents of more
/// than `limit` bytes are left out; with `pieces` what stands between lines of hyphens is read too.
pub fn corpus(dir: &Path, limit: usize, pieces: bool) -> String {
    let mut groups = Groups { limit, pieces, ..Groups::default() };
    let mut paths = Vec::new();
    walk(dir, &mut paths);
    for path in paths {
        let name = path.strip_prefix(dir).unwrap().to_str().unwrap();
        let mut file = std::fs::File::open(&path).unwrap();
        if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
            groups.begin(name);
            for entry in tar::Archive::new(GzDecoder::new(file)).entries().unwrap() {
                let mut entry = entry.unwrap();
                if entry.header().entry_type().is_file() {
                    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                    groups.add(&name, &mut entry);
                }
            }
        } else if let Some(unpacked) = name.strip_suffix(".gz") {
            groups.begin(name);
            groups.add(unpacked, &mut GzDecoder::new(file));
        } else {
            groups.begin(name.split('/').next().unwrap());
            groups.add(name, &mut file);
        }
    }
    groups.flush();
    groups.lines
}

/// All files, folder by folder in the order of their names.
fn walk(dir: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), into);
        } else {
            into.push(entry.path());
        }
    }
}

#[derive(Default)]
struct Groups {
    limit: usize,
    pieces: bool,
    name: String,
    hash: Hasher,
    count: usize,
    lines: String,
}

impl Groups {
    fn begin(&mut self, name: &str) {
        if self.name != name {
            self.flush();
            self.name = name.to_owned();
        }
    }

    fn flush(&mut self) {
        let (digest, _) = std::mem::take(&mut self.hash).finish();
        if self.count > 0 {
            writeln!(self.lines, "{} {} {}", digest.hex(), self.count, self.name).unwrap();
        }
        self.count = 0;
    }

    fn add(&mut self, name: &str, content: &mut dyn Read) {
        if ![".yaml", ".yml", ".json", ".tpl"].iter().any(|end| name.ends_with(end)) {
            return;
        }
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).unwrap();
        if bytes.len() > self.limit {
            return;
        }
        self.count += 1;
        self.hash.update(format!("{name}\n{}", record(&bytes)).as_bytes());
        if self.pieces {
            for piece in pieces(&bytes) {
                self.hash.update(record(&piece).as_bytes());
            }
        }
    }
}

/// A text cut where a line begins with three hyphens.
fn pieces(text: &[u8]) -> Vec<Vec<u8>> {
    let (mut pieces, mut start, mut at) = (Vec::new(), 0, 0);
    let piece = |part: &[u8]| [b"---", part, b"\n"].concat();
    while at < text.len() {
        if text[at..].starts_with(b"\n---") {
            pieces.push(piece(&text[start..at]));
            at += 4;
            start = at;
        } else {
            at += 1;
        }
    }
    pieces.push(piece(&text[start..]));
    pieces
}
