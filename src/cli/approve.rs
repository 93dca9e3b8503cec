use std::process::ExitCode;

use super::context::Context;
use crate::{daemon::control::Request, digest::Digest, fault::Report};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The digest that the refusal printed
    digest: Digest,
}

/// Notes the operator's word: it counts once, for exactly this payload or deletion list, and is in the receipts.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    context.ask(Request::Approve { digest: args.digest })?;
    let data = serde_json::json!({"approved": args.digest});
    context.print(&data, |_| format!("{} is approved, once", args.digest))
}
