//! The templates of the corpus' charts: 77 charts of as many authors, parsed as Go parses them.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use airlock::render::gotemplate::{Function, Functions, Str, Type, Value, parse};
use flate2::read::GzDecoder;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

static ANYTHING: Function = Function::variadic("anything", &[Type::Any], Type::Any, |_, _| Ok(Value::Nil));

/// A function of every name, as Go's mode that does not look for them.
struct Everything;

impl Functions for Everything {
    fn find(&self, name: &str) -> Option<&'static Function> {
        (!matches!(name, "break" | "continue")).then_some(&ANYTHING)
    }
}

#[test]
fn charts_are_parsed_as_by_the_original() {
    let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS").map(PathBuf::from) else {
        println!("skipped: AIRLOCK_CORPUS is not set");
        return;
    };
    let expected = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/gotemplate/corpus.expected.json");
    let expected: BTreeMap<String, Json> =
        serde_json::from_str(&std::fs::read_to_string(expected).unwrap()).unwrap();
    let mut templates = 0;
    for (name, expected) in &expected {
        let found = chart(&corpus.join("helm").join(name).join("chart.tgz"));
        assert_eq!(found, *expected, "{name}");
        templates += found["templates"].as_u64().unwrap();
    }
    println!("{} charts, {templates} templates", expected.len());
}

fn chart(path: &Path) -> Json {
    let mut archive = tar::Archive::new(GzDecoder::new(std::fs::File::open(path).unwrap()));
    let (mut hash, mut count) = (Sha256::new(), 0);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().to_vec()).unwrap();
        if !entry.header().entry_type().is_file() || !name.contains("/templates/") {
            continue;
        }
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        hash.update(name.as_bytes());
        hash.update(b"\n");
        hash.update(parsed(text));
        hash.update(b"\n");
        count += 1;
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"templates": count, "digest": format!("sha256:{digest}")})
}

fn parsed(text: Vec<u8>) -> Vec<u8> {
    let unit = match parse("t", text, &Everything) {
        Ok(unit) => unit,
        Err(error) => return error.to_string().into_bytes(),
    };
    let mut names: Vec<&Str> = unit.defines().collect();
    names.sort();
    let mut out = Vec::new();
    for name in names {
        out.extend_from_slice(name);
        out.extend_from_slice(b":\n");
        out.extend(unit.source(name).unwrap());
        out.push(b'\n');
    }
    out
}
