//! `cargo xtask setup`: the real peers that tests are made against, built from package registries into a cache outside the checkout.
//!
//! ```text
//! $AIRLOCK_CACHE or ~/.cache/airlock
//! └── peers/<module>/         one folder for each module of tests/peers
//!     ├── etcd, kube-apiserver, …
//!     └── built               the digest of what it was built from; whoever uses the programs compares it
//! ```
//!
//! Each module is a few lines of ours around somebody else's program, pinned by its `go.sum`. Nothing that is built is committed.

#![expect(clippy::print_stdout, reason = "a task tells how far it is")]

use std::{fs, path::PathBuf, process::Command, time::Instant};

use airlock::digest::Digest;
use anyhow::{Context as _, Result, ensure};

use crate::golden::checkout;

/// Build the real peers that tests are made against
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Change nothing, and say what is missing
    #[arg(long)]
    check: bool,
}

/// A module under tests/peers and what is built from it.
struct Peer {
    module: &'static str,
    /// As `go build` takes them.
    packages: &'static [&'static str],
    /// What the linker writes into them.
    variables: &'static [(&'static str, &'static str)],
    why: &'static str,
}

/// Without a version the API server says one that neither kubectl nor Helm can read.
const KUBERNETES: &[(&str, &str)] = &[
    ("k8s.io/component-base/version.gitVersion", "v1.37.2"),
    ("k8s.io/component-base/version.gitMajor", "1"),
    ("k8s.io/component-base/version.gitMinor", "37"),
];

const PEERS: [Peer; 2] = [
    Peer {
        module: "control-plane",
        packages: &["./etcd", "./kube-apiserver", "./kube-controller-manager", "./kube-scheduler"],
        variables: KUBERNETES,
        why: "plans are applied to a real API server",
    },
    Peer {
        module: "kwok",
        packages: &["sigs.k8s.io/kwok/cmd/kwok"],
        variables: &[],
        why: "pods become ready, or fail, without a machine to run them on",
    },
];

/// Runs the command.
///
/// # Errors
/// When something is missing and cannot be built.
pub fn run(args: &Args) -> Result<()> {
    let missing = missing()?;
    for peer in missing {
        ensure!(!args.check, "{} is missing: {}; `cargo xtask setup` builds it", peer.module, peer.why);
        build(peer)?;
    }
    println!("everything is in {}", cache()?.join("peers").display());
    Ok(())
}

/// What cannot be had, in one line each. What can be is built.
pub(crate) fn attempt() -> Result<Vec<String>> {
    let mut lacks = Vec::new();
    for peer in missing()? {
        if let Err(error) = build(peer) {
            lacks.push(format!("{} ({}): {error:#}", peer.module, peer.why));
        }
    }
    Ok(lacks)
}

fn missing() -> Result<Vec<&'static Peer>> {
    let mut missing = Vec::new();
    for peer in &PEERS {
        if fs::read_to_string(place(peer)?.join("built")).ok().as_deref() != Some(&*sum(peer)?) {
            missing.push(peer);
        }
    }
    Ok(missing)
}

/// Where everything is kept that is not made from our own sources.
pub(crate) fn cache() -> Result<PathBuf> {
    let set = std::env::var_os("AIRLOCK_CACHE").map(PathBuf::from);
    let home = std::env::home_dir().map(|it| it.join(".cache/airlock"));
    set.or(home).context("neither AIRLOCK_CACHE nor a home directory is set")
}

fn place(peer: &Peer) -> Result<PathBuf> {
    Ok(cache()?.join("peers").join(peer.module))
}

fn source(peer: &Peer) -> PathBuf {
    checkout().join("tests/peers").join(peer.module)
}

/// What the programs are built from, as one line: their modules are pinned by what is in these two files.
fn sum(peer: &Peer) -> Result<String> {
    let mut bytes = Vec::new();
    for file in ["go.mod", "go.sum"] {
        let path = source(peer).join(file);
        bytes.extend(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    Ok(Digest::of(&bytes).to_string())
}

/// Builds beside what is there, and puts it in its place when all of it is done.
fn build(peer: &Peer) -> Result<()> {
    let (start, place) = (Instant::now(), place(peer)?);
    println!("building {}: {}; the first time takes some minutes", peer.module, peer.why);
    let parent = place.parent().context("the cache is the root of the disk")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let fresh = tempfile::Builder::new().prefix(".building-").tempdir_in(parent)?;
    let variables = peer.variables.iter().map(|(name, value)| format!("-X {name}={value}"));
    let flags: Vec<String> = ["-s", "-w"].map(str::to_owned).into_iter().chain(variables).collect();
    let status = Command::new("go")
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", &flags.join(" "), "-o"])
        .arg(fresh.path())
        .args(peer.packages)
        .current_dir(source(peer))
        .env_remove("GOFLAGS")
        .status()
        .context("cannot run `go`; https://go.dev/dl has it, and so have the distributions")?;
    ensure!(status.success(), "`go build` fails in {}", source(peer).display());
    fs::write(fresh.path().join("built"), sum(peer)?)?;
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::rename(fresh.keep(), &place).with_context(|| format!("cannot make {}", place.display()))?;
    println!("   {}: built in {:.0} s", peer.module, start.elapsed().as_secs_f64());
    Ok(())
}
