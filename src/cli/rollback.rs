use std::process::ExitCode;

use super::{context::Context, import::unexpected, words};
use crate::{
    bundle::Floor,
    daemon::control::{Reply, Request},
    fault::Report,
    name::ChannelName,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bundle to go back to, as EPOCH-SEQUENCE; the last good one where it is not said
    #[arg(long, value_name = "EPOCH-SEQUENCE")]
    to: Option<Floor>,
    /// The channel, where this node follows several
    #[arg(long)]
    channel: Option<ChannelName>,
}

/// Makes a kept bundle active again. The one that is left is set aside until `airlock activate`.
pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let channel = context.channel(args.channel)?;
    let Reply::Chosen(held) = context.ask(Request::Rollback { channel, to: args.to })? else {
        return Err(unexpected());
    };
    context.print(&held, |held| {
        format!("bundle {} is active again; the one that was left is set aside", words::bundle(held))
    })
}
