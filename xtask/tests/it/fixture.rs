//! A bundle of everything: manifests, charts in both forms, a Git repository, images, files.

use std::{fs, io::Write, path::Path};

use airlock::digest::Digest;
use serde_json::json;

use crate::hands::{Hands, run_with};

/// What one architecture's layer holds: nothing that shrinks.
fn noise(seed: &str, length: usize) -> Vec<u8> {
    let blocks = (0..).map(|at| *Digest::of(format!("{seed} {at}").as_bytes()).as_bytes());
    blocks.flatten().take(length).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes an OCI layout with one image for these architectures, and says how large its layers are unpacked.
pub(crate) fn layout(directory: &Path, arches: &[&str], layer_size: usize) -> Digest {
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8], media: &str| {
        let digest = Digest::of(bytes);
        fs::write(blobs.join(digest.hex()), bytes).unwrap();
        json!({ "mediaType": media, "digest": digest, "size": bytes.len() })
    };
    let mut manifests = Vec::new();
    for arch in arches {
        let layer = put(&gzip(&noise(arch, layer_size)), "application/vnd.oci.image.layer.v1.tar+gzip");
        let config =
            json!({ "architecture": arch, "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
        let config = put(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json");
        let media = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({ "schemaVersion": 2, "mediaType": media, "config": config, "layers": [layer] });
        let mut described = put(manifest.to_string().as_bytes(), media);
        described["platform"] = json!({ "architecture": arch, "os": "linux" });
        manifests.push(described);
    }
    let mut attestation = put(b"{}", "application/vnd.oci.image.manifest.v1+json");
    attestation["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
    manifests.push(attestation);
    let media = "application/vnd.oci.image.index.v1+json";
    let index = json!({ "schemaVersion": 2, "mediaType": media, "manifests": manifests });
    let mut top = put(index.to_string().as_bytes(), media);
    top["annotations"] = json!({ "org.opencontainers.image.ref.name": "web" });
    let digest = top["digest"].as_str().unwrap().parse().unwrap();
    fs::write(directory.join("index.json"), json!({ "schemaVersion": 2, "manifests": [top] }).to_string())
        .unwrap();
    fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    digest
}

pub(crate) const CHART: &str = "apiVersion: v2\nname: shop\nversion: 1.0.0\n";

pub(crate) const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    spec:
      containers:
        - { name: web, image: 'registry.example/shop/web:1.0' }
---
apiVersion: v1
kind: Secret
metadata: { name: token, namespace: shop }
stringData: { token: hunter2 }
";

pub(crate) const DESCRIPTION: &str = "\
name: everything
description: one of each
channel: platform
audience: [ship-7]
partSize: 64KiB
target: { arch: [amd64] }
entries:
  - name: plain
    kind: manifests
    from: manifests
  - name: charted
    kind: chart
    from: chart
    dependsOn: [plain]
  - name: packed
    kind: chart
    from: shop-1.0.0.tgz
  - name: fromgit
    kind: kustomization
    source: repo
    path: ./overlay
sources:
  - name: repo
    url: https://git.example/shop.git
    revision: v1
    git: { path: repo, ref: v1 }
    namespaces: [shop]
  - name: extra
    url: oci://registry.example/extra
    revision: 0.1.0
    chart: chart
images:
  - name: registry.example/shop/web:1.0
    layout: layout
files:
  - name: bin/tool
    from: tool
    executable: true
site:
  schema: schema.json
  defaults: { replicas: 2 }
";

/// The template of the chart that Helm packed.
const PACKED: &[u8] = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n";

/// Writes the bundle `everything` below `bundles`.
pub(crate) fn everything(bundles: &Path) {
    let top = bundles.join("everything");
    let put = |name: &str, text: &[u8]| {
        let path = top.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("bundle.yaml", DESCRIPTION.as_bytes());
    put("manifests/web.yaml", DEPLOYMENT.as_bytes());
    put("chart/Chart.yaml", CHART.as_bytes());
    let template = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: \"{{ .Values.a }}\"}\n";
    put("chart/templates/a.yaml", template);
    put("schema.json", br#"{"type":"object"}"#);
    put("tool", b"#!/bin/sh\n");
    let chart =
        [("shop/Chart.yaml", CHART.as_bytes()), ("shop/templates/b.yaml", PACKED)].map(|(name, text)| {
            (airlock::archive::SafePath::new(name).unwrap(), airlock::archive::Node::file(text))
        });
    let chart = airlock::archive::Tree::new(chart).unwrap();
    let tar = zstd::decode_all(airlock::archive::write_tree(&chart).unwrap().bytes.as_slice()).unwrap();
    put("shop-1.0.0.tgz", &gzip(&tar));
    put("repo/overlay/kustomization.yaml", b"resources: [../base]\n");
    put("repo/base/kustomization.yaml", b"resources: [settings.yaml]\n");
    put(
        "repo/base/settings.yaml",
        b"apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings, namespace: shop }\n",
    );
    put("repo/run.sh", b"#!/bin/sh\n");
    std::os::unix::fs::symlink("base", top.join("repo/link")).unwrap();
    let repo = top.join("repo");
    let git = |args: &[&str]| {
        let text = |text: &'static str| Path::new(text);
        let environment = [
            ("GIT_AUTHOR_DATE", text("1700000000 +0000")),
            ("GIT_COMMITTER_DATE", text("1700000000 +0000")),
            ("GIT_CONFIG_GLOBAL", text("/dev/null")),
            ("GIT_CONFIG_SYSTEM", text("/dev/null")),
        ];
        let always = ["-C", repo.to_str().unwrap(), "-c", "user.name=a", "-c", "user.email=a@example.org"];
        let output = run_with("git", always.iter().chain(args), b"", &environment);
        assert!(output.status.success(), "git {args:?}: {output:?}");
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "--all"]);
    git(&["update-index", "--chmod=+x", "run.sh"]);
    git(&["commit", "--quiet", "--message=one"]);
    git(&["tag", "--annotate", "--message=one", "v1"]);
    layout(&top.join("layout"), &["amd64", "arm64"], 200_000);
}

impl Hands {
    /// Two signers of two channels, one signer of cards, a signed root, and the bundle `everything` beside it.
    pub(crate) fn with_everything() -> Self {
        let mut hands = Self::with_root();
        everything(&hands.path("bundles"));
        hands.world.now = "2026-10-01T12:00:00.5Z".parse().unwrap();
        hands
    }
}
