use std::process::ExitCode;

use super::{context::Context, import::unexpected, words};
use crate::{
    daemon::control::{Reply, Request},
    fault::Report,
    name::ChannelName,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The channel, where this node follows several
    #[arg(long)]
    channel: Option<ChannelName>,
}

/// Orders the staged bundle, or the newest that was set aside, to become active.
pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let channel = context.channel(args.channel)?;
    let Reply::Chosen(held) = context.ask(Request::Activate { channel })? else { return Err(unexpected()) };
    context.print(&held, |held| {
        format!("bundle {} becomes active; `airlock status` follows it", words::bundle(held))
    })
}
