//! Charts: `helm template` beside `airlock template`, whole process each, and beside a chart that the agent has read already.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use airlock::{
    archive::{Node, Unpacked, read_tgz},
    render::{
        gotemplate::{Budget, sprig::clock::Time},
        helm::{Capabilities, Options, Randomness, Release, World, chart, install, values},
    },
    yaml,
};
use anyhow::{Context as _, Result, ensure};

use super::{best, node::binary};
use crate::original;

/// Runs of each; the best counts.
const RUNS: usize = 3;

/// What the charts whose goals are written down are called in the corpus.
const LARGE: [&str; 2] = ["prometheus-community-kube-prometheus-stack", "rjferguson21-big-bang-chart"];

/// What nested templates may take of the stack, as the command gives it.
const STACK: usize = 256 << 20;

/// One chart, and what it took.
struct Measured {
    name: String,
    /// Whether it makes keys, which takes longer than all else and differs from run to run.
    keys: bool,
    original: Process,
    ours: Process,
    /// Seconds in a process that has read the chart.
    inside: f64,
}

#[derive(Clone, Copy)]
struct Process {
    seconds: f64,
    /// The most memory it had, in KiB.
    peak: u64,
}

pub(super) fn run() -> Result<String> {
    let corpus = std::env::var_os("AIRLOCK_CORPUS").context("AIRLOCK_CORPUS names no charts")?;
    let helm = original::helm()?;
    let airlock = binary()?;
    let mut measured = Vec::new();
    let mut folders: Vec<PathBuf> =
        fs::read_dir(Path::new(&corpus).join("helm"))?.map(|it| Ok(it?.path())).collect::<Result<_>>()?;
    folders.retain(|it| it.join("chart.tgz").exists());
    folders.sort();
    for folder in folders {
        let archive = folder.join("chart.tgz");
        let name = folder.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        measured.push(Measured {
            keys: makes_keys(&archive)?,
            original: process(&helm, &archive)?,
            ours: process(&airlock, &archive)?,
            inside: inside(&archive)?,
            name,
        });
    }
    Ok(table(&measured))
}

fn table(measured: &[Measured]) -> String {
    let mut text = format!(
        "{:<58} {:>9} {:>8} {:>6} {:>8} {:>7} {:>7} {:>7}\n",
        "", "helm ms", "ours ms", "ratio", "agent ms", "ratio", "helm MB", "ours MB"
    );
    let row = |it: &Measured| {
        let ms = |seconds: f64| seconds * 1e3;
        #[expect(clippy::cast_precision_loss, reason = "megabytes to one digit")]
        let mb = |kib: u64| kib as f64 / 1024.0;
        format!(
            "{:<58} {:>9.1} {:>8.1} {:>6.1} {:>8.2} {:>7.1} {:>7.1} {:>7.1}\n",
            it.name,
            ms(it.original.seconds),
            ms(it.ours.seconds),
            it.original.seconds / it.ours.seconds,
            ms(it.inside),
            it.original.seconds / it.inside,
            mb(it.original.peak),
            mb(it.ours.peak)
        )
    };
    measured.iter().filter(|it| !it.keys).for_each(|it| text.push_str(&row(it)));
    text.push_str("\ncharts that make keys or certificates, which is most of what they take:\n");
    measured.iter().filter(|it| it.keys).for_each(|it| text.push_str(&row(it)));
    text.push('\n');
    let ratio = |it: &&Measured| it.original.seconds / it.ours.seconds;
    let plain: Vec<&Measured> = measured.iter().filter(|it| !it.keys).collect();
    if let Some(least) = plain.iter().min_by(|a, b| ratio(a).total_cmp(&ratio(b))) {
        let _ = writeln!(text, "least ratio without keys: {:.1} ({})", ratio(least), least.name);
    }
    for it in measured.iter().filter(|it| LARGE.contains(&it.name.as_str())) {
        let _ = writeln!(text, "{}: {:.1} times as fast, {} KiB at most", it.name, ratio(&it), it.ours.peak);
    }
    text
}

/// Whole processes, one after the other. Memory is looked at in a run of its own.
fn process(program: &Path, chart: &Path) -> Result<Process> {
    let command = || {
        let mut command = Command::new(program);
        command.args(["template", "rel"]).arg(chart).args(["--include-crds", "--namespace", "ns"]);
        command.env("TZ", "UTC").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut failed = None;
    let seconds = best(RUNS, || {
        if let Err(error) = command().status() {
            failed = Some(error);
        }
    });
    if let Some(error) = failed {
        return Err(error).with_context(|| format!("{} does not start", program.display()));
    }
    let mut child = command().spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        let line = fs::read_to_string(&status).unwrap_or_default();
        let high =
            line.lines().find_map(|it| it.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(high.unwrap_or(0));
        std::thread::sleep(Duration::from_micros(300));
        ensure!(start.elapsed() < Duration::from_secs(120), "{} does not end", program.display());
    }
    Ok(Process { seconds, peak })
}

/// A render as the agent does it, of a chart that was read before.
fn inside(archive: &Path) -> Result<f64> {
    let bytes = fs::read(archive)?;
    let measure = || -> Result<f64> {
        let chart = chart::read_archive(&bytes)?;
        Ok(best(RUNS, || {
            let world = World {
                now: Time::unix(1_770_000_000),
                random: Randomness::Derived([7; 32]),
                cluster: None,
                budget: Budget { stack: STACK / 2, ..Budget::default() },
                lenient: false,
            };
            let release =
                Release { name: "rel".into(), namespace: "ns".into(), revision: 1, is_upgrade: false };
            let given = values::from_map(&yaml::Map::new());
            let options = Options { include_crds: true, ..Options::default() };
            // What is refused is refused by both.
            drop(install(&chart, &given, &release, &Capabilities::default(), options, world));
        }))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, measure)?;
        thread.join().map_err(|_| anyhow::anyhow!("{} is not rendered", archive.display()))?
    })
}

fn makes_keys(archive: &Path) -> Result<bool> {
    let bytes = fs::read(archive)?;
    let tree = read_tgz(bytes.as_slice(), bytes.len() as u64, Unpacked::AtMost(1 << 30))?;
    let words: [&[u8]; 4] = [b"genCA", b"genPrivateKey", b"genSelfSignedCert", b"genSignedCert"];
    Ok(tree.iter().any(|(path, node)| match node {
        Node::File { bytes, .. } if path.as_str().contains("templates/") => {
            words.iter().any(|word| bytes.windows(word.len()).any(|it| it == *word))
        }
        _ => false,
    }))
}
