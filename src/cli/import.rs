use std::{path::PathBuf, process::ExitCode};

use super::{context::Context, words};
use crate::{
    daemon::control::{Reply, Request},
    fault::{Class, Report},
    reconcile::{Imported, Verdict, accept::Accepted},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Sticks, directories, tars and volumes, in any order; volumes of one bundle are put together
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Takes in what lies at the paths; the exit code is that of the first refusal.
pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    // The agent has another working directory.
    let paths = args.paths.into_iter().map(|path| std::path::absolute(&path).unwrap_or(path)).collect();
    let Reply::Imported(imported) = context.ask(Request::Import { paths })? else { return Err(unexpected()) };
    context.print(&imported, text)?;
    let mut code = ExitCode::SUCCESS;
    for medium in &imported.media {
        match &medium.verdict {
            Verdict::Refused(report) => {
                context.output.note(&format!("{}:", medium.medium));
                context.output.fault(report);
                code = ExitCode::from(report.class.exit_code());
            }
            Verdict::Accepted(Accepted::Incomplete { .. }) => {
                code = ExitCode::from(Class::Unavailable.exit_code())
            }
            Verdict::Accepted(_) => (),
        }
    }
    Ok(code)
}

fn text(imported: &Imported) -> String {
    let mut text = String::new();
    for medium in &imported.media {
        let Verdict::Accepted(accepted) = &medium.verdict else { continue };
        let (Accepted::Staged(taking) | Accepted::Held(taking) | Accepted::Incomplete { taking, .. }) =
            accepted;
        let what = format!("bundle {} of channel {}", taking.position, taking.channel);
        text += &match accepted {
            Accepted::Staged(_) => format!("{what}: accepted, {} copied\n", words::bytes(taking.bytes)),
            Accepted::Held(_) if taking.copied == 0 => format!("{what}: already here\n"),
            Accepted::Held(_) => format!("{what}: already here; {} blobs brought back\n", taking.copied),
            Accepted::Incomplete { want, .. } => {
                format!("{what}: {} blobs are missing; what came is kept\n", want.missing.len())
            }
        };
        text += &format!("  signed by {}\n", words::listed(&taking.signers));
        if let Accepted::Incomplete { damaged, .. } = accepted {
            for one in damaged {
                text += &format!("  damaged: {one}\n");
            }
        }
        if let Some(want) = &medium.want {
            text += &format!("  {want}\n");
        }
    }
    text
}

/// The agent answered something else than was asked: it is of another version.
pub(super) fn unexpected() -> Report {
    let hint = "restart the agent: `systemctl restart airlock`";
    Report::new("agent_version", Class::Bug, "the agent answered something else than was asked", Some(hint))
}
