use std::{path::PathBuf, process::ExitCode};

use serde_json::json;

use super::context::Context;
use crate::{fault::Report, name::ChannelName};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file's name in the bundle, as `airlock inspect` shows it
    #[arg(required_unless_present = "agent")]
    file: Option<String>,
    /// The next agent, signed for by the trust root's agent role, instead of a file
    #[arg(long, conflicts_with = "file")]
    agent: bool,
    /// The medium that brings the agent; without it the bundle in use
    #[arg(long, value_name = "PATH", requires = "agent")]
    from: Option<PathBuf>,
    /// Where to write it
    #[arg(long, value_name = "PATH", default_value = ".")]
    to: PathBuf,
    /// The channel, where this node follows several
    #[arg(long)]
    channel: Option<ChannelName>,
}

/// Writes a plain file of the bundle in use, or the next agent, to the disk, checked against what was signed.
pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let channel = context.channel(args.channel)?;
    let node = context.open_to_read()?;
    let name = args.file.as_deref().unwrap_or("airlock");
    let to = match args.to.is_dir() {
        true => args.to.join(name.rsplit('/').next().unwrap_or(name)),
        false => args.to,
    };
    if args.agent {
        let (version, path) = node.extract_agent(&channel, args.from.as_deref(), &to)?;
        let data = json!({"agent": version, "path": path});
        return context.print(&data, |_| format!("agent {version}: {}", path.display()));
    }
    let written = node.extract(&channel, name, &to)?;
    context.print(&json!({"file": name, "path": written}), |_| written.display().to_string())
}
