//! Building kustomizations: a real one with large definitions, and overlays of many objects. Whole processes are
//! measured, from their start to the last byte of their output.

use std::{
    fmt::Write as _,
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::{Row, best, node, table};
use crate::golden::{Oracle, checkout};

const RUNS: usize = 5;

/// The original takes minutes for the largest overlay.
const ORIGINAL_RUNS: usize = 2;

/// The original becomes slow with the square of the number of objects, so it builds the largest overlay never.
const SIZES: [(usize, bool); 4] = [(400, true), (1_000, true), (1_600, true), (10_000, false)];

pub(super) fn run() -> Result<String> {
    let oracle = Oracle::build(&checkout(), "kustomize")?;
    let binary = node::binary()?;
    let folder = tempfile::tempdir()?;
    let mut rows = Vec::new();
    let mut notes = String::new();
    let mut measure = |what: String, directory: &Path, by_original: bool| -> Result<Row> {
        let mut ours = Command::new(&binary);
        ours.arg("build").arg(directory);
        let ours = process(&mut ours, RUNS, &folder.path().join("ours"))?;
        let mut original = None;
        if by_original {
            let mut command = oracle.command(&["print", &directory.to_string_lossy()]);
            let found = process(&mut command, ORIGINAL_RUNS, &folder.path().join("original"))?;
            ensure!(found.output == ours.output, "{what}: the original prints something else");
            writeln!(notes, "{what}: peak memory {} KiB, the original {} KiB", ours.peak, found.peak)?;
            original = Some(found.seconds);
        } else {
            writeln!(notes, "{what}: peak memory {} KiB", ours.peak)?;
        }
        Ok(Row { what, bytes: ours.output.len(), original, ours: ours.seconds })
    };
    let mut goals = Vec::new();
    if let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS") {
        let archive = Path::new(&corpus).join("kustomize/argoproj-argo-workflows/tree.tgz");
        let top = folder.path().join("argo");
        tar::Archive::new(flate2::read::GzDecoder::new(File::open(archive)?)).unpack(&top)?;
        let what = "argo-workflows, cluster-install";
        let row = measure(what.into(), &top.join("manifests/cluster-install"), true)?;
        goals.push((format!("{what}: 20 times as fast"), times(&row) >= 20.0));
        rows.push(row);
    }
    let mut seconds = Vec::new();
    for (size, by_original) in SIZES {
        let top = folder.path().join(size.to_string());
        overlay(&top, size)?;
        let row = measure(format!("overlay of {size} objects"), &top.join("overlay"), by_original)?;
        seconds.push((size, row.ours));
        if size == 1_600 {
            goals.push((format!("{}: 100 times as fast", row.what), times(&row) >= 100.0));
        }
        rows.push(row);
    }
    let of = |wanted: usize| seconds.iter().find(|(size, _)| *size == wanted).map_or(f64::NAN, |it| it.1);
    let ratio = of(10_000) / of(1_000);
    goals.push(("10,000 objects in at most 12 times the time of 1,000".to_owned(), ratio <= 12.0));
    writeln!(notes, "10,000 objects take {ratio:.1} times as long as 1,000")?;
    for (goal, is_met) in goals {
        writeln!(notes, "{goal}: {}", if is_met { "met" } else { "NOT met" })?;
    }
    Ok(format!("{}{notes}", table(&rows)))
}

fn times(row: &Row) -> f64 {
    row.original.map_or(f64::NAN, |original| original / row.ours)
}

/// What a process came to.
struct Found {
    seconds: f64,
    /// In KiB.
    peak: u64,
    output: Vec<u8>,
}

/// The best of several runs of a process that prints into a file.
fn process(command: &mut Command, runs: usize, into: &Path) -> Result<Found> {
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let mut failed = None;
    let seconds = best(runs, || {
        let mut run = || -> Result<()> {
            let ended = command.stdout(File::create(into)?).status()?;
            ensure!(ended.success(), "the process ended with {ended}");
            Ok(())
        };
        failed = run().err().or_else(|| failed.take());
    });
    if let Some(failed) = failed {
        return Err(failed);
    }
    // To look at the memory takes time, so that is a run of its own.
    let mut child = command.stdout(File::create(into)?).spawn()?;
    let peak = node::watch(&mut child)?;
    Ok(Found { seconds, peak, output: fs::read(into)? })
}

/// A base of deployments, services, ConfigMaps and accounts, and an overlay with a prefix, a namespace, labels and a
/// patch for all deployments.
fn overlay(top: &Path, size: usize) -> Result<()> {
    let mut base = String::new();
    for number in 0..size / 4 {
        let name = format!("app-{number}");
        write!(
            base,
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels: {{app: {name}}}\nspec:\n  replicas: 1\n  \
             selector:\n    matchLabels: {{app: {name}}}\n  template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n      \
             serviceAccountName: {name}\n      containers:\n      - name: main\n        image: registry.example/{name}:1.0\n        \
             envFrom:\n        - configMapRef: {{name: {name}}}\n        ports:\n        - containerPort: 8080\n---\n\
             apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  selector: {{app: {name}}}\n  ports:\n  \
             - port: 80\n    targetPort: 8080\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  \
             key: value-{number}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n---\n"
        )?;
    }
    let overlay = "resources: [../base]\nnamePrefix: prod-\nnamespace: prod\nlabels:\n- pairs: {env: prod}\n  includeSelectors: true\n\
                   patches:\n- target: {kind: Deployment}\n  patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    \
                   metadata: {name: any}\n    spec: {replicas: 3}\n";
    for (path, text) in [
        ("base/all.yaml", base.as_str()),
        ("base/kustomization.yaml", "resources: [all.yaml]\n"),
        ("overlay/kustomization.yaml", overlay),
    ] {
        let path = top.join(path);
        fs::create_dir_all(path.parent().context("no parent")?)?;
        fs::write(path, text)?;
    }
    Ok(())
}
