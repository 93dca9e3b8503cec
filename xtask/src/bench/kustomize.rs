//! Building kustomizations: a real one with large definitions, and overlays of many objects.

use std::{fmt::Write as _, fs, path::Path};

use airlock::{
    archive::{Node, SafePath, Tree},
    render::kustomize::{Options, TreeFiles, build},
};
use anyhow::{Context as _, Result, ensure};

use super::{Row, best, table};
use crate::golden::{Oracle, checkout};

const RUNS: usize = 5;

/// The original becomes slow with the square of the number of objects, so it builds the largest overlay never.
const SIZES: [(usize, bool); 4] = [(400, true), (1_000, true), (1_600, true), (10_000, false)];

pub(super) fn run() -> Result<String> {
    let oracle = Oracle::build(&checkout(), "kustomize")?;
    let folder = tempfile::tempdir()?;
    let mut rows = Vec::new();
    let mut notes = String::new();
    let mut measure = |what: String, top: &Path, path: &str, by_original: bool| -> Result<f64> {
        let tree = read(top)?;
        let files = TreeFiles::new(&tree, Vec::new());
        let directory = format!("/{path}");
        let mut size = 0;
        let ours = best(RUNS, || {
            size = build(&files, &directory, &Options::default()).map_or(0, |output| output.text().len());
        });
        let mut original = None;
        if by_original {
            let directory = top.join(path);
            let printed = oracle.run(&["bench", &directory.to_string_lossy(), "2"], None)?;
            let printed = String::from_utf8(printed)?;
            let mut words = printed.split_whitespace();
            let (seconds, bytes) = (words.next().context("no seconds")?, words.next().context("no size")?);
            ensure!(bytes == size.to_string(), "{what}: {size} bytes, and {bytes} of the original's");
            original = Some(seconds.parse()?);
            writeln!(notes, "{what}: the original takes {} KiB", words.next().unwrap_or("?"))?;
        }
        rows.push(Row { what, bytes: size, original, ours });
        Ok(ours)
    };
    if let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS") {
        let archive = Path::new(&corpus).join("kustomize/argoproj-argo-workflows/tree.tgz");
        let top = folder.path().join("argo");
        tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(archive)?)).unpack(&top)?;
        measure("argo-workflows, cluster-install".into(), &top, "manifests/cluster-install", true)?;
    }
    let mut seconds = Vec::new();
    for (size, by_original) in SIZES {
        let top = folder.path().join(size.to_string());
        overlay(&top, size)?;
        seconds.push((size, measure(format!("overlay of {size} objects"), &top, "overlay", by_original)?));
    }
    let of = |wanted: usize| seconds.iter().find(|(size, _)| *size == wanted).map_or(f64::NAN, |it| it.1);
    let ratio = of(10_000) / of(1_000);
    Ok(format!(
        "{}{notes}10,000 objects take {ratio:.1} times as long as 1,000; peak of ours: {}\n",
        table(&rows),
        peak()
    ))
}

/// The most memory that this process had.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "?".into(), |line| line.trim().to_owned())
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

fn read(top: &Path) -> Result<Tree> {
    let mut nodes = Vec::new();
    let mut open = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(top)?.to_string_lossy().into_owned();
            if path.is_symlink() {
                let target = fs::read_link(&path)?.to_string_lossy().into_owned();
                nodes.push((SafePath::new(&name)?, Node::Symlink { target }));
            } else if path.is_dir() {
                open.push(path);
            } else if let Ok(name) = SafePath::new(&name) {
                nodes.push((name, Node::file(fs::read(&path)?)));
            }
        }
    }
    Ok(Tree::new(nodes)?)
}
