//! `cargo xtask fuzz`: inputs that nobody thought of, guided by what code they reach.
//!
//! The targets lie in `tests/fuzz`, a workspace of its own: libFuzzer is C++ and its instrumentation needs a nightly
//! compiler, and neither may reach what ships. What it finds interesting is kept outside of the checkout.

#![expect(clippy::print_stdout, reason = "a task tells how far it is")]

mod charts;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::golden::checkout;

/// What makes the compiler count what an input reaches. cargo-fuzz passes the same.
const FLAGS: [&str; 7] = [
    "--cfg fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
];

/// Cargo needs the target so that build scripts stay as they are.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Look for inputs that break what must not break
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The target: a file of `tests/fuzz/fuzz_targets`
    target: String,
    /// For so many seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The longest input, in bytes
    #[arg(long, default_value_t = 65_536)]
    max_len: usize,
}

/// Builds the target, runs it over the inputs of its stage and what was kept of earlier runs.
///
/// # Errors
/// When there is no such target or no nightly compiler, and when an input broke it: that input is named.
pub fn run(args: &Args) -> Result<()> {
    let checkout = checkout();
    let workspace = checkout.join("tests/fuzz");
    let file = workspace.join("fuzz_targets").join(format!("{}.rs", args.target));
    ensure!(file.exists(), "there is no {}", file.display());
    let place = checkout.join("target/fuzz");
    let built = Command::new("cargo")
        .args(["+nightly", "build", "--release", "--locked", "--target", TARGET, "--bin", &args.target])
        .arg("--target-dir")
        .arg(&place)
        .current_dir(&workspace)
        .env_remove("RUSTUP_TOOLCHAIN")
        .env("RUSTFLAGS", FLAGS.join(" "))
        .status()
        .context("cargo does not start")?;
    ensure!(built.success(), "the target cannot be built; `rustup toolchain install nightly` may help");
    let corpus = place.join("corpus").join(&args.target);
    std::fs::create_dir_all(&corpus)?;
    let seeds = seeds(
        &checkout.join("tests/data").join(stage(&args.target)),
        &place.join("seeds").join(&args.target),
    )?;
    charts::seeds(&args.target, &checkout.join("tests/data/helm"), &seeds)?;
    let found = place.join("found").join(&args.target);
    std::fs::create_dir_all(&found)?;
    let words = charts::words(&args.target, &place)?;
    println!("{} seconds; what is interesting goes to {}", args.seconds, corpus.display());
    let status = Command::new(place.join(TARGET).join("release").join(&args.target))
        .arg(&corpus)
        .arg(&seeds)
        .arg(format!("-max_total_time={}", args.seconds))
        .arg(format!("-max_len={}", args.max_len))
        .arg(format!("-artifact_prefix={}/", found.display()))
        .args(["-timeout=5", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .args(words.map(|it| format!("-dict={}", it.display())))
        .status()
        .context("the target does not start")?;
    ensure!(status.success(), "an input broke it; it lies in {}", found.display());
    Ok(())
}

/// A target's name begins with its stage.
fn stage(target: &str) -> &str {
    target.split('_').next().unwrap_or(target)
}

/// Copies the stage's inputs to one directory, each under its own name: libFuzzer does not look deeper.
fn seeds(from: &Path, to: &Path) -> Result<PathBuf> {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    std::fs::create_dir_all(to)?;
    let mut open = vec![from.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(listed) = std::fs::read_dir(&folder) else { continue };
        for item in listed {
            let path = item?.path();
            if path.is_dir() {
                open.push(path);
            } else if std::fs::metadata(&path)?.len() <= 65_536 {
                let name = path.strip_prefix(from).unwrap_or(&path).display().to_string().replace('/', "-");
                std::fs::copy(&path, to.join(name))?;
            }
        }
    }
    Ok(to.to_owned())
}
