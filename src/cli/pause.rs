use std::process::ExitCode;

use super::context::Context;
use crate::{
    daemon::control::Request,
    duration::GoDuration,
    fault::Report,
    name::{ChannelName, EntryName},
};

#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    /// The entry; without it the whole channel is held
    entry: Option<EntryName>,
    /// For how long, as in 2h or 90m; without it until `airlock resume`
    #[arg(long, value_name = "DURATION")]
    r#for: Option<GoDuration>,
    /// Why, for those who come after
    #[arg(long)]
    reason: String,
    /// The channel, where this node follows several
    #[arg(long)]
    channel: Option<ChannelName>,
}

#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    /// The entry; without it the hold on the channel ends
    entry: Option<EntryName>,
    /// The channel, where this node follows several
    #[arg(long)]
    channel: Option<ChannelName>,
}

/// Leaves an entry alone, or holds a channel.
pub(super) fn pause(args: PauseArgs, context: &Context) -> Result<ExitCode, Report> {
    let channel = context.channel(args.channel)?;
    let what = named(args.entry.as_ref(), &channel);
    let end = args.entry.as_ref().map_or_else(String::new, |entry| format!(" {entry}"));
    let (entry, reason) = (args.entry, args.reason);
    context.ask(Request::Pause { channel, entry, r#for: args.r#for, reason })?;
    context.print(&serde_json::json!({"paused": what}), |_| {
        format!("{what} is paused; `airlock resume{end}` ends it")
    })
}

/// Ends a pause or a hold.
pub(super) fn resume(args: ResumeArgs, context: &Context) -> Result<ExitCode, Report> {
    let channel = context.channel(args.channel)?;
    let what = named(args.entry.as_ref(), &channel);
    context.ask(Request::Resume { channel, entry: args.entry })?;
    context.print(&serde_json::json!({"resumed": what}), |_| format!("{what} goes on"))
}

fn named(entry: Option<&EntryName>, channel: &ChannelName) -> String {
    entry.map_or_else(|| format!("channel {channel}"), |entry| format!("entry {entry}"))
}
