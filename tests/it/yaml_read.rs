//! The reader of yaml against the originals: nodes, values and error texts.
//!
//! `tests/data/yaml/read/*.txt` hold documents, and after each what `tests/oracle/yamlread` printed for it
//! (`go run . rows ../../data/yaml/read/*.txt` there prints them anew).

mod corpus;
mod record;

use std::path::{Path, PathBuf};

use airlock::{
    limits,
    yaml::{self, Error, Version},
};

use record::{record, unquote};

/// Documents of which the original makes something else, by intent.
const DEPARTURES: &[&str] = &[
    // v3 carries anchors over to the documents that follow. YAML does not, and Kustomize never sees it, since it
    // cuts a stream before it reads it.
    r#""--- &x a\n--- *x""#,
    r#""a: &x b\n---\n*x""#,
];

#[test]
fn documents_are_read_as_by_the_originals() {
    let (mut rows, mut wrong) = (0, Vec::new());
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/yaml/read")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let (_, records) = text.split_once("=== ").unwrap();
        for row in records.split("\n=== ") {
            let (document, expected) = row.split_once('\n').unwrap();
            rows += 1;
            // Bytes that are not UTF-8 leave the original as an escape, and a value of ours as the character itself.
            let expected = expected.replace("\\ufffd", "\u{fffd}");
            let found = record(&unquote(document));
            if (found.trim_end() != expected.trim_end()) != DEPARTURES.contains(&document) {
                wrong.push(format!("{}: {document}\n  wanted\n{expected}\n  found\n{found}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {rows} differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows > 1000, "only {rows} rows");
}

#[test]
fn what_the_originals_leave_open_has_a_limit() {
    let read = |text: &str, version| {
        let document = yaml::parse_first(text.as_bytes(), version)?;
        document.to_value(version).map(drop)
    };
    let limit = |limit, unit| Err(Error::Limit { limit, unit });
    for version in [Version::V2, Version::V3] {
        let depth = limits::YAML_VALUE_DEPTH;
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(read(&nested(depth), version), Ok(()));
        assert_eq!(read(&nested(depth + 1), version), limit(depth, "levels"));
        let open = "[".repeat(depth / 2);
        let close = "]".repeat(depth / 2);
        let twice = format!("- &a {open}{close}\n- {open}*a{close}\n");
        assert_eq!(read(&twice, version), limit(depth, "levels"), "aliases count where they are used");
    }
    let count = |text: &[u8]| yaml::parse(text, Version::V2).map(|documents| documents.len());
    let (documents, bytes) = (limits::YAML_DOCUMENTS, limits::YAML_BYTES);
    assert_eq!(count("---\n".repeat(documents).as_bytes()), Ok(documents));
    assert_eq!(
        count("---\n".repeat(documents + 1).as_bytes()),
        Err(Error::Limit { limit: documents, unit: "documents" })
    );
    assert_eq!(count(&vec![b' '; bytes + 1]), Err(Error::Limit { limit: bytes, unit: "bytes" }));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Every document of the corpus up to 64 KiB, templates that are no YAML included: `yamlread corpus` printed the
/// digests. (`yamlread pieces` does so for all of it, larger ones and single documents too.)
#[test]
fn the_corpus_is_read_as_by_the_originals() {
    let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS").map(PathBuf::from) else {
        println!("skipped: AIRLOCK_CORPUS is not set");
        return;
    };
    let expected = include_str!("../data/yaml/corpus.read.txt");
    let found = corpus::corpus(&corpus, 64 * 1024, false);
    let wrong: Vec<_> = found.lines().filter(|line| !expected.contains(line)).collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(found.lines().count(), expected.lines().count(), "the oracle saw other files");
}
