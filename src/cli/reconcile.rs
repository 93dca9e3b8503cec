use std::process::ExitCode;

use super::{context::Context, import::unexpected, status};
use crate::{
    daemon::control::{Reply, Request},
    fault::Report,
    name::EntryName,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this entry
    name: Option<EntryName>,
}

/// One pass now, and how everything stands after it.
pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let Reply::Status(status) = context.ask(Request::Reconcile { entry: args.name })? else {
        return Err(unexpected());
    };
    context.print(&status, |it| status::text(it))
}
