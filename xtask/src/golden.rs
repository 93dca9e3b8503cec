//! `cargo xtask golden`: what the originals print for our inputs, written beside them.
//!
//! An oracle is a small Go program under `tests/oracle/<stage>`, pinned by its `go.sum`, that judges the inputs under
//! `tests/data/<stage>`:
//!
//! ```text
//! tests/data/yaml/write/keys.json              input of ours
//! tests/data/yaml/write/keys.expected.json     printed by `tests/oracle/yaml write < keys.json`
//! tests/data/yaml/corpus.expected.json         printed by `tests/oracle/yaml corpus $AIRLOCK_CORPUS`
//! tests/data/yaml/read/keys.txt                inputs, each with what `tests/oracle/yamlread rows keys.txt` writes after it
//! (nothing)                                    the tables of Kustomize's own tests, read, built by both and compared at once
//! tests/data/yaml/corpus.read.txt              printed by `tests/oracle/yamlread corpus $AIRLOCK_CORPUS 65536`
//! ```
//!
//! The stage `charts` has no files: it renders the charts of `$AIRLOCK_CORPUS/helm` with values made by rule, with Helm itself
//! and with ours, side by side.

mod charts;

pub mod suite;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

/// Rewrite what the originals print for our inputs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The stage whose oracle runs; all of them without it
    stage: Option<String>,
    /// Change nothing, and fail where a file would change
    #[arg(long)]
    check: bool,
}

/// Runs the command. Gives a line for each file that is, or would be, another one.
///
/// # Errors
/// When an oracle cannot be built or fails, and with `--check` when a file is not what it prints.
pub fn run(args: &Args) -> Result<String> {
    let checkout = checkout();
    let stages = match &args.stage {
        Some(stage) => vec![stage.clone()],
        None => stages(&checkout)?,
    };
    let mut changed = String::new();
    for stage in &stages {
        if stage == READING {
            reading(&checkout, args.check, &mut changed)?;
            continue;
        }
        if stage == CHARTS {
            changed.push_str(&charts::compare()?);
            continue;
        }
        let folder = checkout.join("tests/data").join(stage);
        let oracle = Oracle::build(&checkout, stage)?;
        for input in inputs(&folder)? {
            let kind = name(input.parent().unwrap_or(&folder));
            let printed = oracle.run(&[kind], Some(&input))?;
            let expected = input.with_file_name(format!("{}.expected.json", stem(&input)));
            note(&mut changed, &checkout, &expected, &printed, args.check)?;
        }
        if stage == "kustomize" {
            suite::compare(&oracle)?;
        }
        if let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS")
            && folder.join("corpus.expected.json").exists()
        {
            let printed = oracle.run(&["corpus", &corpus.to_string_lossy()], None)?;
            note(&mut changed, &checkout, &folder.join("corpus.expected.json"), &printed, args.check)?;
        }
    }
    ensure!(!args.check || changed.is_empty(), "the originals print something else for\n{changed}");
    Ok(changed)
}

/// The oracle whose outputs stand in the same files as their inputs.
const READING: &str = "yamlread";

/// The stage that compares whole charts.
const CHARTS: &str = "charts";

/// What the originals read, document by document.
fn reading(checkout: &Path, check: bool, changed: &mut String) -> Result<()> {
    let oracle = Oracle::build(checkout, READING)?;
    let data = checkout.join("tests/data/yaml");
    let folder = tempfile::tempdir()?;
    for entry in fs::read_dir(data.join("read"))? {
        let path = entry?.path();
        // It writes the file anew, so it gets a copy.
        let copy = folder.path().join(name(&path));
        fs::copy(&path, &copy)?;
        oracle.run(&["rows", &copy.to_string_lossy()], None)?;
        note(changed, checkout, &path, &fs::read(&copy)?, check)?;
    }
    if let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS") {
        let printed = oracle.run(&["corpus", &corpus.to_string_lossy(), "65536"], None)?;
        note(changed, checkout, &data.join("corpus.read.txt"), &printed, check)?;
    }
    Ok(())
}

/// The checkout that this program was built from.
pub fn checkout() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// An oracle that was built, outside of the checkout.
#[derive(Debug)]
pub struct Oracle {
    program: PathBuf,
    stage: String,
    /// Keeps the program until it is not needed any more.
    _folder: tempfile::TempDir,
}

impl Oracle {
    /// Builds the oracle of `stage` with the `go` of the path.
    ///
    /// # Errors
    /// When there is no such oracle, no Go, or Go reports something.
    pub fn build(checkout: &Path, stage: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("oracle");
        compile(checkout, stage, &program)?;
        for (_, other) in BESIDE.iter().filter(|(own, _)| *own == stage) {
            compile(checkout, other, &folder.path().join(other))?;
        }
        Ok(Self { program, stage: stage.to_owned(), _folder: folder })
    }

    /// The oracle as a process.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        // Neither the place nor the language of the machine may change what is printed.
        command.args(arguments).envs([("TZ", "UTC"), ("LC_ALL", "C")]);
        command
    }

    /// What the oracle prints for `arguments`, and for `input` where it is given.
    ///
    /// # Errors
    /// When it fails.
    pub fn run(&self, arguments: &[&str], input: Option<&Path>) -> Result<Vec<u8>> {
        let stdin = match input {
            Some(path) => {
                fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?.into()
            }
            None => Stdio::null(),
        };
        let output = self.command(arguments).stdin(stdin).stderr(Stdio::inherit()).output()?;
        let input = input.map(|path| path.display().to_string()).unwrap_or_default();
        ensure!(output.status.success(), "the oracle `{}` fails for {arguments:?} {input}", self.stage);
        Ok(output.stdout)
    }
}

/// Oracles that run another one, which they find beside themselves under its stage's name.
const BESIDE: [(&str, &str); 1] = [("kustomize", "helm")];

fn compile(checkout: &Path, stage: &str, program: &Path) -> Result<()> {
    let source = checkout.join("tests/oracle").join(stage);
    ensure!(source.join("go.mod").exists(), "there is no oracle `{stage}` under tests/oracle");
    let status = Command::new("go")
        .args(["build", "-mod=readonly", "-buildvcs=false", "-o"])
        .args([program, Path::new(".")])
        .current_dir(&source)
        .env_remove("GOFLAGS")
        .status()
        .context("cannot run `go`")?;
    ensure!(status.success(), "the oracle `{stage}` does not build");
    Ok(())
}

/// The stages that have both an oracle and inputs.
fn stages(checkout: &Path) -> Result<Vec<String>> {
    let mut stages = Vec::new();
    for folder in folders(&checkout.join("tests/oracle"))? {
        let stage = name(&folder).to_owned();
        let data = checkout.join("tests/data").join(&stage);
        if stage == READING || data.is_dir() && !inputs(&data)?.is_empty() {
            stages.push(stage);
        }
    }
    if std::env::var_os("AIRLOCK_CORPUS").is_some() {
        stages.push(CHARTS.to_owned());
    }
    Ok(stages)
}

/// The files of our own one folder below `folder`, in order.
fn inputs(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut inputs = Vec::new();
    for kind in folders(folder)? {
        for entry in fs::read_dir(&kind)? {
            let path = entry?.path();
            let name = name(&path);
            if !name.ends_with(".expected.json") && (name.ends_with(".json") || name.ends_with(".yaml")) {
                inputs.push(path);
            }
        }
    }
    inputs.sort();
    Ok(inputs)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn note(changed: &mut String, checkout: &Path, path: &Path, printed: &[u8], check: bool) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == printed) {
        return Ok(());
    }
    changed.push_str(&path.strip_prefix(checkout).unwrap_or(path).to_string_lossy());
    changed.push('\n');
    if !check {
        fs::write(path, printed).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}
