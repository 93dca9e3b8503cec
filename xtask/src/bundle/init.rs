use std::path::{Path, PathBuf};

use airlock::name::BundleName;
use anyhow::{Context, Result, ensure};

use super::description;
use crate::disk;

const SKELETON: &str = "\
# What this bundle is made of. `cargo xtask bundle build NAME` builds it; bundle.lock pins what it resolved to.
name: NAME
description: \"\"
channel: platform

# Cluster ids; `*` at the end is a pattern, which a node must allow.
audience: [my-cluster]

# How long a site may accept it. What was accepted keeps running.
validity: 90d

target:
  arch: [amd64]

# What is rendered and applied, each as one thing. `kind` is manifests, kustomization or chart; `from` is a path
# beside this file, `source` the name of one under `sources`.
entries:
  - name: NAME
    kind: manifests
    from: manifests

# What Flux objects may name by URL:
# sources:
#   - name: app
#     url: https://git.example.org/app.git
#     revision: v1.2.3
#     git: { path: ../../../app, ref: v1.2.3 }

# Images, each out of an OCI layout (`skopeo copy docker://… oci:images/app`):
# images:
#   - name: registry.example.org/app:1.2.3
#     layout: images/app

# Images that every site has already:
external: []
";

const MANIFEST: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: NAME
  namespace: default
data:
  greeting: hello
";

/// Begins a bundle below `bundles`: a description and a first manifest, to be changed.
///
/// # Errors
/// When it is there already.
pub fn init(bundles: &Path, name: &BundleName) -> Result<PathBuf> {
    let directory = bundles.join(name.as_str());
    ensure!(
        !directory.join(description::FILE).exists(),
        "{} is a bundle already; nothing is overwritten",
        directory.display()
    );
    let manifests = directory.join("manifests");
    std::fs::create_dir_all(&manifests).with_context(|| format!("failed to make {}", manifests.display()))?;
    for (file, text) in [("manifests/configmap.yaml", MANIFEST), (description::FILE, SKELETON)] {
        disk::write_new(&directory.join(file), text.replace("NAME", name.as_str()).as_bytes(), 0o644)?;
    }
    Ok(directory)
}
