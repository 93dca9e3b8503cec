//! `cargo xtask bench`: how long the originals take, how long we take, on the same input.

mod api;
mod helm;
mod kustomize;
mod node;
#[path = "../../tests/it/support/peer.rs"]
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the tests' own control plane"
)]
mod peer;
mod pull;
mod store;
mod yaml;
mod yard;

use std::process::Command;

use anyhow::{Result, ensure};

/// Measure against the originals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    /// Reading YAML and printing it again
    Yaml,
    /// Building kustomizations
    Kustomize,
    /// Rendering charts, whole processes beside each other
    Helm,
    /// `airlock import` of gigabytes
    Import,
    /// `airlock pull` of a gibibyte from a registry, beside `skopeo copy` of the same
    Pull,
    /// From the start of `airlock run` to the moment when it is ready
    Start,
    /// Opening a store of many blobs
    Open,
    /// Objects on a real API server: applied, put back, changed, ready
    Api,
    /// Ten quiet minutes of an agent with 1,000 objects
    Still,
}

/// Runs a benchmark and gives its table.
///
/// # Errors
/// When an input cannot be had, or an original cannot be built or fails.
pub fn run(subject: Subject) -> Result<String> {
    // Figures of code that is not optimised mean nothing.
    if cfg!(debug_assertions) {
        return run_optimised(subject);
    }
    match subject {
        Subject::Yaml => yaml::run(),
        Subject::Kustomize => kustomize::run(),
        Subject::Helm => helm::run(),
        Subject::Import => node::import(),
        Subject::Pull => pull::run(),
        Subject::Start => node::start(),
        Subject::Open => store::open(),
        Subject::Api => api::run(),
        Subject::Still => api::still(),
    }
}

fn run_optimised(subject: Subject) -> Result<String> {
    let name = clap::ValueEnum::to_possible_value(&subject).map(|value| value.get_name().to_owned());
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--package", "xtask", "--", "bench"])
        .args(name)
        .current_dir(crate::golden::checkout())
        .stderr(std::process::Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the benchmark fails");
    Ok(String::from_utf8(output.stdout)?)
}

/// A row of a table: what was done, how many bytes went in, and the seconds of both.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) bytes: usize,
    /// Where the original has such a step.
    pub(crate) original: Option<f64>,
    pub(crate) ours: f64,
}

/// The table for `rows`.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = format!("{:<44} {:>8} {:>11} {:>9} {:>7}\n", "", "MB", "original s", "ours s", "ratio");
    for Row { what, bytes, original, ours } in rows {
        #[expect(clippy::cast_precision_loss, reason = "megabytes to one digit")]
        let megabytes = *bytes as f64 / 1e6;
        let (original, ratio) = match original {
            Some(original) => (format!("{original:.3}"), format!("{:.1}", original / ours)),
            None => Default::default(),
        };
        let row = format!("{what:<44} {megabytes:>8.1} {original:>11} {ours:>9.4} {ratio:>7}");
        table.push_str(row.trim_end());
        table.push('\n');
    }
    table
}

/// The best of `runs` runs, in seconds.
pub(crate) fn best(runs: usize, mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..runs {
        let start = std::time::Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}
