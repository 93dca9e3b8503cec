//! The yaml stage against go-yaml, `sigs.k8s.io/yaml`, kyaml and `encoding/json`: every file of inputs has beside it
//! what `tests/oracle/yaml` printed for them, line by line (`cargo xtask golden yaml`).

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use airlock::{
    digest::Digest,
    yaml::{
        Document, Error, Value, Version,
        emit::{Writer, emit, emit_pretty},
        json, natural, parse_first,
        resolve::{Scalar, resolve},
        rewrite,
    },
};
use serde_json::{Value as Json, value::RawValue};

const VERSIONS: [(&str, Version); 2] = [("v2", Version::V2), ("v3", Version::V3)];

/// Compares all rows of a kind: `judge` gives for an input what must be found in the expected row, by name.
#[track_caller]
fn check<'r>(kind: &str, judge: impl Fn(&str, &Json) -> Vec<(&'r str, String)>) {
    let (mut rows, mut wrong) = (0, Vec::new());
    for path in inputs(kind) {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let inputs = std::fs::read_to_string(&path).unwrap();
        let inputs: Vec<Box<RawValue>> = serde_json::from_str(&inputs).unwrap();
        let expected = std::fs::read_to_string(path.with_extension("expected.json")).unwrap();
        let expected: Vec<Json> = serde_json::from_str(&expected).unwrap();
        assert_eq!(inputs.len(), expected.len(), "{kind}/{file}");
        for (input, expected) in inputs.iter().zip(expected) {
            for (name, found) in judge(input.get(), &expected) {
                rows += 1;
                let wanted = if name.is_empty() { &expected } else { &expected[name] };
                if wanted.as_str() != Some(&found) {
                    wrong.push(format!(
                        "{kind}/{file}: {input} as {name}\n  wanted {wanted}\n  found  {found:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {rows} differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows > 0, "no rows of {kind}");
}

fn inputs(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/yaml").join(kind);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| !path.to_string_lossy().ends_with(".expected.json")).collect()
}

fn or_error(result: Result<String, impl std::fmt::Display>) -> String {
    result.unwrap_or_else(|error| format!("error: {error}"))
}

fn through_json(text: &str) -> Result<String, Error> {
    Ok(emit(&json::from_json(text)?))
}

#[test]
fn values_are_written_as_by_the_originals() {
    check("write", |input, _| {
        if input.contains("$bytes") {
            let tree = serde_json::from_str(input).unwrap();
            return VERSIONS.map(|(name, version)| (name, written(&tree, version))).to_vec();
        }
        // A key beyond 1024 characters is one that the reader of JSON refuses, as its original does.
        let value = json::from_json(input)
            .unwrap_or_else(|_| Value::from(serde_json::from_str::<Json>(input).unwrap()));
        vec![
            ("v2", emit(&value)),
            ("v3", emit_pretty(&value)),
            ("json", json::to_json(&value).unwrap()),
            ("sigs", or_error(json::through_json(value).map(|value| emit(&value)))),
        ]
    });
}

/// Writes a tree that holds bytes, which a `Value` does not.
fn written(tree: &Json, version: Version) -> String {
    fn write(tree: &Json, writer: &mut Writer<'_>) {
        match tree {
            Json::Object(map) if map.contains_key("$bytes") => {
                let bytes: Vec<u8> = serde_json::from_value(map["$bytes"].clone()).unwrap();
                writer.bytes(&bytes);
            }
            Json::Object(map) => {
                writer.begin_map();
                for (key, value) in map {
                    writer.key(key);
                    write(value, writer);
                }
                writer.end();
            }
            Json::Array(items) => {
                writer.begin_seq();
                items.iter().for_each(|item| write(item, writer));
                writer.end();
            }
            Json::Number(number) => writer.int(number.as_i64().unwrap()),
            other => unreachable!("{other}"),
        }
    }
    let mut out = String::new();
    let mut writer = Writer::new(&mut out, version);
    write(tree, &mut writer);
    writer.finish();
    out
}

#[test]
fn scalars_mean_what_they_mean_to_the_originals() {
    check("resolve", |input, expected| {
        let text: String = serde_json::from_str(input).unwrap();
        let mut found = Vec::new();
        for (name, wanted) in expected.as_object().unwrap() {
            let (version, tag) = name.split_once(' ').unwrap();
            let version = if version == "v2" { Version::V2 } else { Version::V3 };
            let tag = Some(tag).filter(|tag| !tag.is_empty());
            let scalar = resolve(version, tag, true, Cow::Borrowed(&text));
            // Floats are written in different ways; the number counts.
            let meaning = match scalar {
                Ok(Scalar::Float(float))
                    if wanted.as_str().and_then(|text| text.strip_prefix("float ")?.parse().ok())
                        == Some(float) =>
                {
                    wanted.as_str().unwrap().to_owned()
                }
                scalar => meant(scalar),
            };
            found.push((&*name.clone().leak(), meaning));
        }
        found
    });
}

fn meant(scalar: Result<Scalar<'_>, String>) -> String {
    match scalar {
        Err(error) => format!("error: {error}"),
        Ok(Scalar::Null) => "null".to_owned(),
        Ok(Scalar::Bool(value)) => format!("bool {value}"),
        Ok(Scalar::Int(value)) => format!("int {value}"),
        Ok(Scalar::Uint(value)) => format!("int {value}"),
        Ok(Scalar::Float(value)) => format!("float {value:?}"),
        Ok(Scalar::String(text)) => format!("text {text}"),
        Ok(Scalar::Binary(bytes)) => format!("bytes {}", airlock::digest::hex(&bytes)),
        Ok(Scalar::Merge) => "text <<".to_owned(),
        Ok(Scalar::Timestamp(instant)) => match instant.to_json() {
            Ok(text) => format!("timestamp \"{text}\""),
            Err(error) => format!("error: {error}"),
        },
    }
}

#[test]
fn keys_stand_in_the_order_of_the_originals() {
    let keys: Vec<String> =
        serde_json::from_str(&std::fs::read_to_string(&inputs("natural")[0]).unwrap()).unwrap();
    check("natural", |input, _| {
        let key: String = serde_json::from_str(input).unwrap();
        let order = |version| {
            let signs = keys.iter().map(|other| match natural::compare(version, &key, other) {
                std::cmp::Ordering::Less => '<',
                std::cmp::Ordering::Equal => '=',
                std::cmp::Ordering::Greater => '>',
            });
            signs.collect::<String>()
        };
        VERSIONS.map(|(name, version)| (name, order(version))).to_vec()
    });
}

#[test]
fn json_is_read_as_by_the_original() {
    check("json", |input, _| {
        let text: String = serde_json::from_str(input).unwrap();
        vec![("", or_error(through_json(&text)))]
    });
}

#[test]
fn resources_are_printed_as_by_kustomize() {
    check("rewrite", |input, _| {
        let text: String = serde_json::from_str(input).unwrap();
        vec![("", or_error(parse_first(text.as_bytes(), Version::V3).and_then(rewrite::build)))]
    });
}

/// The documents that Helm and Kustomize rendered, read and printed again.
#[test]
fn the_corpus_is_printed_as_by_the_originals() {
    let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS").map(PathBuf::from) else {
        println!("skipped: AIRLOCK_CORPUS is not set");
        return;
    };
    let expected = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/yaml/corpus.expected.json");
    let expected: BTreeMap<String, BTreeMap<String, Json>> =
        serde_json::from_str(&std::fs::read_to_string(expected).unwrap()).unwrap();
    let files = rendered(&corpus);
    assert!(files.keys().eq(expected.keys()), "the corpus has other files than the oracle saw");
    // Code that is not optimised takes a minute for it; the files share the processors.
    let files = std::sync::Mutex::new(files.into_iter());
    let results = std::sync::Mutex::new((0, Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let next = || files.lock().unwrap().next();
                while let Some((name, text)) = next() {
                    let (documents, wrong) = printed_again(&name, &text, &expected[&name]);
                    let mut results = results.lock().unwrap();
                    results.0 += documents;
                    results.1.extend(wrong);
                }
            });
        }
    });
    let (documents, wrong) = results.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    println!("{documents} documents");
}

/// How many documents a file has, and what is printed differently.
fn printed_again(name: &str, text: &str, expected: &BTreeMap<String, Json>) -> (usize, Vec<String>) {
    let (mut sigs, mut kustomize) = (String::new(), String::new());
    let parts = split(text);
    assert_eq!(expected["documents"], parts.len(), "{name}");
    for part in &parts {
        let read = |version| parse_first(part.as_bytes(), version);
        let value = read(Version::V2).and_then(|document: Document<'_>| document.to_value(Version::V2));
        let printed = value.and_then(|value| Ok(emit(&json::through_json(value)?)));
        sigs += &format!("---\n{}", or_error(printed));
        kustomize += &format!("---\n{}", or_error(read(Version::V3).and_then(rewrite::build)));
    }
    let wrong = [("sigs", sigs), ("kustomize", kustomize)].into_iter().filter_map(|(what, printed)| {
        let same = expected[what] == Digest::of(printed.as_bytes()).to_string();
        (!same).then(|| format!("{name} as {what}"))
    });
    (parts.len(), wrong.collect())
}

/// All files that the originals rendered, by the names that the oracle gives them.
fn rendered(corpus: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (kind, file) in
        [("krusty", "expected.yaml"), ("helm", "expected.yaml.gz"), ("kustomize", "expected.tar.gz")]
    {
        for folder in std::fs::read_dir(corpus.join(kind)).unwrap().map(Result::unwrap) {
            let path = folder.path().join(file);
            let Ok(content) = std::fs::File::open(&path) else { continue };
            let name = path.strip_prefix(corpus).unwrap().to_str().unwrap().to_owned();
            let text = |mut content: &mut dyn Read| {
                let mut text = String::new();
                Read::read_to_string(&mut content, &mut text).unwrap();
                text
            };
            // A decoder reads at once, so there is none for what is not packed.
            let unpacked = || flate2::read::GzDecoder::new(&content);
            match kind {
                "krusty" => drop(files.insert(name, text(&mut &content))),
                "helm" => drop(files.insert(name, text(&mut unpacked()))),
                _ => {
                    for entry in tar::Archive::new(unpacked()).entries().unwrap() {
                        let mut entry = entry.unwrap();
                        let name = format!("{name}/{}", entry.path().unwrap().display());
                        files.insert(name, text(&mut entry));
                    }
                }
            }
        }
    }
    files
}

/// Splits at lines of three hyphens, as the oracle does.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        let rest = line.strip_prefix("---").and_then(|rest| rest.strip_suffix('\n'));
        if let Some(rest) = rest.map(|rest| rest.trim_start_matches([' ', '\t']))
            && (rest.is_empty() || rest.starts_with('#'))
        {
            parts.push(&text[start..at]);
            start = at + line.len();
        }
        at += line.len();
    }
    parts.push(&text[start..]);
    parts
}

/// The table of 165 documents that the originals judged: as JSON, as strict JSON, and through Kustomize.
#[test]
fn the_table_reads_as_the_originals_read_it() {
    let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS").map(PathBuf::from) else {
        println!("skipped: AIRLOCK_CORPUS is not set");
        return;
    };
    let rows = std::fs::read_to_string(corpus.join("tables/yaml.json")).unwrap();
    let rows: Vec<BTreeMap<String, Json>> = serde_json::from_str(&rows).unwrap();
    let mut wrong = Vec::new();
    let mut cells = 0;
    for row in &rows {
        let text = row["doc"].as_str().unwrap();
        for (column, wanted) in row.iter().filter(|(column, _)| *column != "doc") {
            cells += 1;
            let (out, error) = match judged(text, column) {
                Ok(out) => (out, None),
                Err(error) => (String::new(), Some(error)),
            };
            if wanted["out"] != out || wanted.get("err").and_then(Json::as_str) != error.as_deref() {
                wrong.push(format!("{text:?} as {column}\n  wanted {wanted}\n  found  {out:?} {error:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells differ\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(rows.len(), 165);
    println!("{cells} cells");
}

fn judged(text: &str, column: &str) -> Result<String, String> {
    let read = |version| parse_first(text.as_bytes(), version).map_err(|error| error.to_string());
    let as_json = |value: Result<Value, Error>| {
        let text = value.and_then(|value| Ok(json::to_json(&value)?));
        text.map_err(|error| error.to_string())
    };
    match column {
        "json" => as_json(read(Version::V2)?.to_value(Version::V2)),
        "strict" => as_json(read(Version::V2)?.to_value_strict()),
        // The table marks what is found only when the document is decoded.
        "kustomize" => rewrite::build(read(Version::V3)?).map_err(|error| match error {
            Error::Values(_) | Error::Content(_) => format!("re: {error}"),
            error => error.to_string(),
        }),
        other => unreachable!("{other}"),
    }
}
