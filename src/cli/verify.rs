use std::process::ExitCode;

use super::{context::Context, inspect};
use crate::fault::Report;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A directory, a tar, a directory with volumes, `oci://registry/path:tag`, or `https://host/site.git#refs/tags/site-*`
    #[arg(required = true, value_name = "WHAT")]
    what: Vec<String>,
}

/// Checks everything that an import would check, and takes nothing in.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    inspect::look(&args.what, true, context)
}
