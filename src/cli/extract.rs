use std::{path::PathBuf, process::ExitCode};

use serde_json::json;

use super::context::Context;
use crate::{fault::Report, name::ChannelName};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file's name in the bundle, as `airlock inspect` shows it
    file: String,
    /// Where to write it
    #[arg(long, value_name = "PATH", default_value = ".")]
    to: PathBuf,
    /// The channel, where this node follows several
    #[arg(long)]
    channel: Option<ChannelName>,
}

/// Writes a plain file of the active bundle to the disk, checked against what was signed.
pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let channel = context.channel(args.channel)?;
    let node = context.open_to_read()?;
    let to = match args.to.is_dir() {
        true => args.to.join(args.file.rsplit('/').next().unwrap_or(&args.file)),
        false => args.to,
    };
    let written = node.extract(&channel, &args.file, &to)?;
    context.print(&json!({"file": args.file, "path": written}), |_| written.display().to_string())
}
