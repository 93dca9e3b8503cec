//! `cargo xtask test`: everything that CI runs, with the set-up it needs, and one closing line.

#![expect(clippy::print_stdout, reason = "a task tells how far it is")]

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{dist, setup};

/// Run everything that CI runs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Build the real API server and its companions first, where they are not there; else what needs them is skipped, and said
    #[arg(long)]
    pub peers: bool,
    /// Leave out the static build, which takes the longest
    #[arg(long)]
    quick: bool,
}

/// A program that tests run, and the Debian package that has it.
const TOOLS: [(&str, &str, &str); 9] = [
    ("ssh-keygen", "openssh-client", "signatures are made and checked with the real OpenSSH"),
    ("openssl", "openssl", "encrypted keys are read by another program"),
    ("mkfs.ext4", "e2fsprogs", "sticks are mounted for real"),
    ("docker-registry", "docker-registry", "bundles are pushed into a real registry and pulled from it"),
    ("skopeo", "skopeo", "and copied to another one by a tool that knows nothing of them"),
    ("git", "git", "repositories, commits and their signatures are made and judged by the original"),
    ("sshd", "openssh-server", "bundles come by ssh from a real server"),
    ("systemd-nspawn", "systemd-container", "the agent is a service of a real systemd"),
    ("readelf", "binutils", "the static binary is looked at"),
];

/// How tests came out.
#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Runs every step, prints how long each took, and ends with `N passed, N failed`.
pub fn run(args: &Args) -> Result<()> {
    let mut count = Count::default();
    tools(&mut count)?;
    if args.peers {
        step(&mut count, "peers", |_| {
            // What cannot be had is left out by the tests that need it, which say so.
            for lack in setup::attempt()? {
                println!("missing: {lack}");
            }
            Ok(true)
        })?;
    }
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments);
        command
    };
    step(&mut count, "formatting", |_| succeeds(&mut cargo(&["fmt", "--all", "--check"])))?;
    step(&mut count, "lints", |_| {
        succeeds(&mut cargo(&[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    step(&mut count, "documentation", |_| {
        let mut doc =
            cargo(&["doc", "--locked", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
        succeeds(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step(&mut count, "tests", |count| {
        let mut command = cargo(&["test", "--locked", "--workspace", "--no-fail-fast"]);
        // Tables that lie in the sources of Go and of Helm are read where they can be.
        let has_go =
            Command::new("go").arg("version").stdout(Stdio::null()).status().is_ok_and(|it| it.success());
        if has_go {
            command.env("AIRLOCK_ORACLE", "1");
        }
        tests(count, command)
    })?;
    if !args.quick {
        step(&mut count, "static binary", |count| {
            for check in dist::check(&dist::build(true)?)? {
                println!("  {}: {}", check.name, check.found);
                count.add(check.passed);
            }
            Ok(true)
        })?;
    }
    println!("{} passed, {} failed, {} skipped", count.passed, count.failed, count.skipped);
    std::io::stdout().flush()?;
    if count.failed > 0 || count.passed == 0 {
        bail!("{} failed", count.failed);
    }
    Ok(())
}

impl Count {
    fn add(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }
}

/// Installs what is missing where that is possible, and says exactly what to do where it is not.
fn tools(count: &mut Count) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Administrators' tools are not on everybody's path.
    let folders: Vec<PathBuf> =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).collect();
    let lacks = |tool: &str| !folders.iter().any(|folder| folder.join(tool).is_file());
    let missing: Vec<_> = TOOLS.into_iter().filter(|(tool, ..)| lacks(tool)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|(_, package, _)| *package).collect();
    let apt = |arguments: &[&str]| {
        Command::new("apt-get")
            .args(arguments)
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    println!("installing {}", packages.join(" "));
    let install = [&["install", "--yes", "--no-install-recommends"], packages.as_slice()].concat();
    if apt(&install) || (apt(&["update"]) && apt(&install)) {
        return Ok(());
    }
    for (tool, package, why) in missing {
        println!("missing: {tool} ({why}); on Debian: apt-get install {package}");
        count.skipped += 1;
    }
    Ok(())
}

fn step(count: &mut Count, name: &str, work: impl FnOnce(&mut Count) -> Result<bool>) -> Result<()> {
    println!("== {name}");
    let start = Instant::now();
    let passed = work(count)?;
    count.add(passed);
    println!("   {name}: {} in {:.0} s", if passed { "ok" } else { "FAILED" }, start.elapsed().as_secs_f64());
    Ok(())
}

fn succeeds(command: &mut Command) -> Result<bool> {
    Ok(command.status().context("cargo does not start")?.success())
}

/// Runs cargo's tests, passes their output on, and adds up what each binary says of itself.
fn tests(count: &mut Count, mut command: Command) -> Result<bool> {
    // A test that is left out for want of something prints `skipped: …`, which would otherwise be swallowed.
    command.args(["--", "--show-output"]);
    let mut child = command.stdout(Stdio::piped()).spawn().context("cargo does not start")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if let Some(rest) = line.strip_prefix("test result: ") {
            let number = |name: &str| {
                let field = rest.split(['.', ';']).map(str::trim).find(|it| it.ends_with(name));
                field.and_then(|it| it.split(' ').next()?.parse::<u64>().ok()).unwrap_or(0)
            };
            count.passed += number("passed");
            count.failed += number("failed");
            count.skipped += number("ignored");
        } else if line.trim_start().starts_with("skipped: ") {
            count.skipped += 1;
        }
        println!("{line}");
    }
    Ok(child.wait()?.success())
}
