use std::{path::PathBuf, process::ExitCode};

use super::{context::Context, words};
use crate::{
    daemon::control::{Reply, Request},
    fault::{Class, Report},
    reconcile::{Imported, Told, Verdict, accept::Accepted, import::incomplete},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Sticks, directories, tars, volumes and latest cards, in any order; volumes of one bundle are put together
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Takes in what lies at the paths; the exit code is that of the first refusal.
pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    // The agent has another working directory.
    let paths = args.paths.into_iter().map(|path| std::path::absolute(&path).unwrap_or(path)).collect();
    let Reply::Imported(imported) = context.ask(Request::Import { paths })? else { return Err(unexpected()) };
    print(&imported, context)
}

/// Prints what came of media; the exit code is that of the last refusal.
pub(super) fn print(imported: &Imported, context: &Context) -> Result<ExitCode, Report> {
    context.print(imported, text)?;
    let mut code = ExitCode::SUCCESS;
    for medium in &imported.media {
        match &medium.verdict {
            Verdict::Refused(report) => {
                context.output.note(&format!("{}:", medium.medium));
                context.output.fault(report);
                code = ExitCode::from(report.class.exit_code());
            }
            Verdict::Accepted(accepted) => {
                if let Accepted::Incomplete { damaged, .. } = &**accepted {
                    let report = incomplete(&medium.medium, damaged);
                    context.output.fault(&report);
                    code = ExitCode::from(report.class.exit_code());
                }
            }
            Verdict::Told(_) => (),
        }
    }
    Ok(code)
}

fn text(imported: &Imported) -> String {
    let mut text = String::new();
    for medium in &imported.media {
        let accepted = match &medium.verdict {
            Verdict::Accepted(accepted) => accepted,
            Verdict::Told(told) => {
                text += &card(told);
                continue;
            }
            Verdict::Refused(_) => continue,
        };
        let taking = accepted.taking();
        let what = format!("bundle {} of channel {}", taking.position, taking.channel);
        text += &match &**accepted {
            Accepted::Staged(_) => format!("{what}: accepted, {} copied\n", words::bytes(taking.bytes)),
            Accepted::Held(_) if taking.copied == 0 => format!("{what}: already here\n"),
            Accepted::Held(_) => format!("{what}: already here; {} blobs brought back\n", taking.copied),
            Accepted::Incomplete { want, .. } => {
                let missing = match want.missing.len() {
                    1 => "1 blob is".to_owned(),
                    count => format!("{count} blobs are"),
                };
                format!("{what}: {missing} missing; what came is kept\n")
            }
        };
        text += &format!("  signed by {}\n", words::listed(&taking.signers));
        if let Some(want) = &medium.want {
            text += &format!("  {want}\n");
        }
    }
    text
}

/// What a latest card says to this node.
fn card(told: &Told) -> String {
    let at = format!("bundle {} of channel {}", told.position, told.channel);
    match told.behind {
        true => format!("{at} is the newest, made {}; it has not come here yet\n", told.created),
        false => format!("{at} was the newest when the card was made, and this node has it or a newer one\n"),
    }
}

/// The agent answered something else than was asked: it is of another version.
pub(super) fn unexpected() -> Report {
    let hint = "restart the agent: `systemctl restart airlock`";
    Report::new("agent_version", Class::Bug, "the agent answered something else than was asked", Some(hint))
}
