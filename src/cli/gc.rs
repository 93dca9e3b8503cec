use std::process::ExitCode;

use super::{context::Context, import::unexpected, words};
use crate::{
    daemon::control::{Reply, Request},
    fault::Report,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only tell what would go
    #[arg(long)]
    dry_run: bool,
}

/// Collects what no kept bundle names.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    let Reply::Collected(collected) = context.ask(Request::Gc { dry_run: args.dry_run })? else {
        return Err(unexpected());
    };
    context.print(&collected, |it| {
        let verb = if it.dry_run { "would be collected" } else { "collected" };
        format!(
            "{} blobs and {} files {verb}, {}\nkept: {}",
            it.blobs,
            it.files,
            words::bytes(it.bytes),
            words::listed(&it.kept)
        )
    })
}
