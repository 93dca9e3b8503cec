//! Reading YAML and printing it again: sigs.k8s.io/yaml and Kustomize's detour against our own module.

use std::{fmt::Write as _, fs, io::Read as _, path::Path};

use airlock::yaml::{Error, Version, emit::emit_into, json::through_json, parse_first, rewrite};
use anyhow::{Context as _, Result, ensure};

use super::{Row, best, table};
use crate::golden::{Oracle, checkout};

const RUNS: usize = 10;

/// Inputs of 5 and 12 MB: what Helm renders of a large chart, and what Kustomize builds of large CRDs.
pub(super) fn run() -> Result<String> {
    let (helm, kustomize) = match std::env::var_os("AIRLOCK_CORPUS") {
        Some(corpus) => (rendered_charts(Path::new(&corpus))?, built_crds(Path::new(&corpus))?),
        None => (generated(5_000_000), generated(12_000_000)),
    };
    let oracle = Oracle::build(&checkout(), "yaml")?;
    let folder = tempfile::tempdir()?;
    let mut rows = Vec::new();
    for (size, input) in [("5 MB", &helm), ("12 MB", &kustomize)] {
        let path = folder.path().join("input.yaml");
        fs::write(&path, input)?;
        for (what, treat) in [("sigs", through_sigs as Treat), ("kustomize", through_kustomize as Treat)] {
            let printed = String::from_utf8(oracle.run(&["bench", what, &path.to_string_lossy()], None)?)?;
            let (seconds, size_of_original) = printed.trim().split_once(' ').context("no figures")?;
            let mut out = String::new();
            let ours = best(RUNS, || {
                out.clear();
                for document in input.split("\n---\n") {
                    treat(document, &mut out).expect("the original reads it too");
                }
            });
            ensure!(size_of_original == out.len().to_string(), "{what}: other bytes than the original's");
            let what = format!("{size}: read and print as {what} does");
            rows.push(Row { what, bytes: input.len(), original: Some(seconds.parse()?), ours });
        }
        let ours = best(RUNS, || {
            for document in input.split("\n---\n") {
                std::hint::black_box(
                    parse_first(document.as_bytes(), Version::V2).map(|document| document.len()),
                )
                .expect("the original reads it too");
            }
        });
        rows.push(alone(format!("{size}: read only, ours alone"), input, ours));
        let mut out = String::new();
        let ours = best(RUNS, || {
            out.clear();
            for document in input.split("\n---\n") {
                read_and_print(document, &mut out).expect("the original reads it too");
            }
        });
        rows.push(alone(format!("{size}: read as version 3 and print, ours alone"), input, ours));
    }
    Ok(table(&rows))
}

fn alone(what: String, input: &str, ours: f64) -> Row {
    Row { what, bytes: input.len(), original: None, ours }
}

/// No more than to read and to print; both originals go by way of JSON in between.
fn read_and_print(document: &str, out: &mut String) -> Result<(), Error> {
    emit_into(&parse_first(document.as_bytes(), Version::V3)?.to_value(Version::V3)?, out);
    Ok(())
}

type Treat = fn(&str, &mut String) -> Result<(), Error>;

fn through_sigs(document: &str, out: &mut String) -> Result<(), Error> {
    let value = parse_first(document.as_bytes(), Version::V2)?.to_value(Version::V2)?;
    emit_into(&through_json(value)?, out);
    Ok(())
}

fn through_kustomize(document: &str, out: &mut String) -> Result<(), Error> {
    rewrite::build_into(parse_first(document.as_bytes(), Version::V3)?, out)
}

/// The largest charts of the corpus, 5 MB of them.
fn rendered_charts(corpus: &Path) -> Result<String> {
    let mut charts = Vec::new();
    for entry in fs::read_dir(corpus.join("helm"))? {
        let path = entry?.path().join("expected.yaml.gz");
        if path.exists() {
            charts.push(unpacked(&path)?);
        }
    }
    charts.sort_by_key(|chart| std::cmp::Reverse(chart.len()));
    Ok(enough(charts.into_iter().filter(|chart| is_fine(chart)), 5_000_000))
}

/// The largest trees of the corpus, 12 MB of them.
fn built_crds(corpus: &Path) -> Result<String> {
    let mut built = Vec::new();
    for entry in fs::read_dir(corpus.join("kustomize"))? {
        let path = entry?.path().join("expected.tar.gz");
        if !path.exists() {
            continue;
        }
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(&path)?));
        for entry in archive.entries()? {
            let mut text = String::new();
            entry?.read_to_string(&mut text)?;
            built.push(text);
        }
    }
    built.sort_by_key(|text| std::cmp::Reverse(text.len()));
    Ok(enough(built.into_iter().filter(|text| is_fine(text)), 12_000_000))
}

/// Whether each document is a mapping that both versions read.
fn is_fine(text: &str) -> bool {
    let reads = |document: &str, treat: Treat| treat(document, &mut String::new()).is_ok();
    text.split("\n---\n").all(|document| reads(document, through_sigs) && reads(document, through_kustomize))
}

/// Texts until they are about `size` bytes, from the first again where they end too early.
fn enough(texts: impl Iterator<Item = String>, size: usize) -> String {
    let texts: Vec<String> = texts.collect();
    let mut all = String::new();
    for text in texts.iter().cycle() {
        all.push_str(text.trim_end());
        all.push_str("\n---\n");
        if all.len() >= size / 100 * 98 {
            break;
        }
    }
    all.truncate(all.trim_end_matches("\n---\n").len());
    all.push('\n');
    all
}

fn unpacked(path: &Path) -> Result<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(path)?).read_to_string(&mut text)?;
    Ok(text)
}

/// Objects like those of the corpus, for a checkout without one.
fn generated(size: usize) -> String {
    let mut all = String::new();
    for number in 0.. {
        let _ = write!(
            all,
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{number}\n  labels:\n    \
             app.kubernetes.io/name: app\n    app.kubernetes.io/instance: \"{number}\"\nspec:\n  replicas: {}\n  \
             template:\n    spec:\n      containers:\n      - name: main\n        image: registry.example.com/app:v1.{number}\n        \
             args:\n        - --port=8080\n        - --message=a text that is long enough to be folded when it is printed again\n        \
             env:\n        - name: SCRIPT\n          value: |\n            #!/bin/sh\n            set -e\n            exec app\n        \
             resources:\n          limits:\n            cpu: 500m\n            memory: 128Mi\n        ports:\n        \
             - containerPort: 8080\n          protocol: TCP\n",
            number % 7
        );
        if all.len() >= size {
            break;
        }
        all.push_str("---\n");
    }
    all
}
