use std::{path::PathBuf, process::ExitCode};

use serde_json::json;

use super::context::Context;
use crate::{bundle::Floor, fault::Report, name::ChannelName};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directory to write into, on a medium
    directory: PathBuf,
    /// The bundle, as EPOCH-SEQUENCE; the active one where it is not said
    #[arg(long, value_name = "EPOCH-SEQUENCE")]
    bundle: Option<Floor>,
    /// The channel, where this node follows several
    #[arg(long)]
    channel: Option<ChannelName>,
}

/// Writes a kept bundle back onto a medium.
pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let channel = context.channel(args.channel)?;
    let node = context.open_to_read()?;
    let progress = context.on_progress();
    let written = node.export(&channel, args.bundle, &args.directory, &*progress);
    context.progress.finish();
    let written = written?;
    let data = json!({"paths": written.paths, "written": written.written, "kept": written.kept});
    context.print(&data, |_| {
        let paths: Vec<String> = written.paths.iter().map(|it| it.display().to_string()).collect();
        format!("{} blobs written, {} were there: {}", written.written, written.kept, paths.join(", "))
    })
}
