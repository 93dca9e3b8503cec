//! `cargo xtask dist`: the one static binary, and what makes it one.

#![expect(clippy::print_stdout, reason = "a task tells how far it is")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

/// The target of the shipped binary. glibc's own static archive is enough, so no other toolchain is needed.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Only here are static flags passed; without `--target` they would reach procedural macros and break them.
const FLAGS: &str = "-C target-feature=+crt-static";

/// Crates that would bring C libraries, CMake or a second TLS into the binary.
const BANNED: [&str; 2] = ["aws-lc-sys", "openssl-sys"];

/// Build the static binary and check that it is one
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Build without link-time optimisation: faster, larger, and the checks are the same
    #[arg(long)]
    pub quick: bool,
}

/// One thing that was checked, and how it came out.
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// What was found.
    pub found: String,
    /// Whether it is as it should be.
    pub passed: bool,
}

/// Builds, checks, prints.
pub fn run(args: &Args) -> Result<()> {
    let binary = build(args.quick)?;
    let checks = check(&binary)?;
    for check in &checks {
        println!("{} {}: {}", if check.passed { "ok  " } else { "FAIL" }, check.name, check.found);
    }
    let size = std::fs::metadata(&binary)?.len();
    println!("{} ({:.1} MB)", binary.display(), size as f64 / 1e6);
    ensure!(checks.iter().all(|it| it.passed), "the binary is not what is shipped");
    Ok(())
}

/// Builds the static binary and says where it is.
pub fn build(quick: bool) -> Result<PathBuf> {
    let profile = if quick { "release" } else { "dist" };
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--package",
            "airlock",
            "--bin",
            "airlock",
            "--locked",
            "--target",
            TARGET,
            "--profile",
            profile,
        ])
        .env("RUSTFLAGS", FLAGS)
        .status()
        .context("cargo does not start")?;
    ensure!(status.success(), "the static build failed");
    Ok(target_dir()?.join(TARGET).join(profile).join("airlock"))
}

/// What makes the binary one that runs on any node.
pub fn check(binary: &Path) -> Result<Vec<Check>> {
    let ldd = output(Command::new("ldd").arg(binary))?;
    let headers = output(Command::new("readelf").args(["--program-headers", "--wide"]).arg(binary))?;
    let interpreter = headers.contains("INTERP");
    let mut checks = vec![
        Check {
            name: "ldd",
            found: ldd.trim().to_owned(),
            passed: ldd.contains("statically linked") || ldd.contains("not a dynamic executable"),
        },
        Check {
            name: "program interpreter",
            found: if interpreter { "there is one" } else { "none" }.into(),
            passed: headers.contains("LOAD") && !interpreter,
        },
    ];
    for name in BANNED {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--package", "airlock", "--edges", "normal,build", "--invert", name])
            .output()?;
        let absent = String::from_utf8_lossy(&tree.stderr).contains("did not match any packages");
        let found = if absent { "not in the tree" } else { "in the tree" };
        checks.push(Check { name, found: found.into(), passed: absent && !tree.status.success() });
    }
    Ok(checks)
}

/// Where cargo puts what it builds.
pub fn target_dir() -> Result<PathBuf> {
    let metadata =
        output(Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    match metadata.get("target_directory").and_then(|it| it.as_str()) {
        Some(directory) => Ok(directory.into()),
        None => bail!("cargo metadata names no target directory"),
    }
}

fn output(command: &mut Command) -> Result<String> {
    let output =
        command.output().with_context(|| format!("{} does not start", command.get_program().display()))?;
    // ldd exits with 1 for a static binary and says so on either stream.
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}
