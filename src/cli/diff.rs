use std::process::ExitCode;

use super::{context::Context, import::unexpected, words};
use crate::{
    daemon::control::{Reply, Request},
    fault::Report,
    name::ChannelName,
    reconcile::Preview,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The channel, where this node follows several
    #[arg(long)]
    channel: Option<ChannelName>,
}

/// Prints the plan of the staged bundle, or else of the active one.
pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let channel = context.channel(args.channel)?;
    let Reply::Diff(preview) = context.ask(Request::Diff { channel })? else { return Err(unexpected()) };
    context.print(&preview, text)?;
    match &preview.refused {
        None => Ok(ExitCode::SUCCESS),
        Some(report) => {
            context.output.fault(report);
            Ok(ExitCode::from(report.class.exit_code()))
        }
    }
}

fn text(preview: &Preview) -> String {
    let what = if preview.active { "active" } else { "staged" };
    let mut text = format!("bundle {} of channel {} ({what})\n", preview.position, preview.channel);
    for entry in &preview.entries {
        text += &format!("\n{}\n", entry.entry);
        for line in entry.text.lines() {
            text += &format!("  {line}\n");
        }
    }
    for (entry, read) in &preview.reads {
        text += &format!("\n{entry} depends on {} of the cluster, which nobody signed\n", read.join(", "));
    }
    if preview.deletions > 0 {
        text += &format!("\n{} would be deleted\n", words::objects(preview.deletions));
    }
    text
}
