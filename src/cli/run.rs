use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use super::context::{Context, runtime};
use crate::{
    daemon::{self, Environment, Systemd},
    fault::Report,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Log lines as JSON
    #[arg(long)]
    json: bool,
}

/// Starts the log, opens the node, runs until it is told to stop.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    let filter = EnvFilter::try_from_env("AIRLOCK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if args.json {
        log.json().init();
    } else {
        log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init();
    }
    let opened = context.open()?;
    match daemon::confine(&daemon::writable(&opened.settings)) {
        Ok(true) => (),
        Ok(false) => {
            tracing::info!("this kernel has no Landlock, so only the unit says where the agent may write")
        }
        Err(error) => tracing::warn!("the agent may write anywhere that its user may: {error}"),
    }
    let systemd = Systemd::find(&Environment::of_process(), std::process::id()).with_listeners();
    runtime()?.block_on(daemon::run(opened, systemd))?;
    Ok(ExitCode::SUCCESS)
}
