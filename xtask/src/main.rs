//! Tasks of the connected side, as a command line: `cargo xtask --help`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use xtask::{World, bench, bundle, demo, dist, fuzz, golden, key, root, setup, test};

/// Tasks of the connected side.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    /// A file whose first line is the passphrase of the keys that are opened (also AIRLOCK_PASSPHRASE_FILE)
    #[arg(long, global = true, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, once in the life of the process")]
enum Task {
    #[command(subcommand, about = "Make keys and look at them")]
    Key(key::Command),
    #[command(subcommand, about = "Begin, change, sign and print the trust root")]
    Root(root::Command),
    #[command(about = "Write what the originals print for our test inputs")]
    Golden(golden::Args),
    #[command(about = "Measure against the originals")]
    Bench {
        /// What is measured
        subject: bench::Subject,
    },
    #[command(subcommand, about = "Build, sign and write bundles")]
    Bundle(bundle::Command),
    #[command(about = "Show the main job, from nothing to a reconciled cluster")]
    Demo(demo::Args),
    #[command(about = "Build the real peers that tests are made against")]
    Setup(setup::Args),
    #[command(about = "Run everything that CI runs")]
    Test(test::Args),
    #[command(about = "Look for inputs that break what must not break")]
    Fuzz(fuzz::Args),
    #[command(about = "Build the static binary and check that it is one")]
    Dist(dist::Args),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut world = World::of_process(args.passphrase_file);
    let result = match &args.task {
        Task::Key(command) => key::run(command, &mut world).map(String::into_bytes),
        Task::Root(command) => root::run(command, &mut world),
        Task::Golden(args) => golden::run(args).map(String::into_bytes),
        Task::Bench { subject } => bench::run(*subject).map(String::into_bytes),
        Task::Bundle(command) => bundle::run(command, &world),
        Task::Demo(args) => demo::run(args).map(|()| Vec::new()),
        Task::Setup(args) => setup::run(args).map(|()| Vec::new()),
        Task::Test(args) => test::run(args).map(|()| Vec::new()),
        Task::Fuzz(args) => fuzz::run(args).map(|()| Vec::new()),
        Task::Dist(args) => dist::run(args).map(|()| Vec::new()),
    };
    match result.and_then(|bytes| Ok(std::io::stdout().write_all(&bytes)?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut report = format!("error: {error}\n");
            for cause in error.chain().skip(1) {
                report.push_str(&format!("because: {cause}\n"));
            }
            // Nothing is left to say where even this cannot be written.
            let _ = std::io::stderr().write_all(report.as_bytes());
            ExitCode::FAILURE
        }
    }
}
