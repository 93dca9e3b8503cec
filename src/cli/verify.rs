use std::{path::PathBuf, process::ExitCode};

use super::{context::Context, inspect};
use crate::fault::Report;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A directory, a tar, or a directory with volumes
    #[arg(required = true, value_name = "WHAT")]
    paths: Vec<PathBuf>,
}

/// Checks everything that an import would check, and takes nothing in.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    inspect::look(&args.paths, true, context)
}
