use std::process::ExitCode;

use super::{context::Context, import::unexpected, output};
use crate::{
    daemon::control::{Reply, Request},
    fault::{Class, Report},
    name::EntryName,
    reconcile::{EntryStatus, Phase},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this entry
    name: Option<EntryName>,
}

/// Shows what is behind every entry that is not ready.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    let Reply::Status(status) = context.ask(Request::Status)? else { return Err(unexpected()) };
    let entries = status.channels.iter().flat_map(|it| &it.entries);
    let chosen: Vec<&EntryStatus> = entries
        .filter(|it| match &args.name {
            Some(name) => it.entry == *name,
            None => it.phase != Phase::Ready,
        })
        .collect();
    if let (Some(name), true) = (&args.name, chosen.is_empty()) {
        let hint = "`airlock status` lists the entries of the active bundle";
        return Err(Report::new(
            "no_entry",
            Class::Invalid,
            format!("there is no entry `{name}`"),
            Some(hint),
        ));
    }
    context.print(&chosen, |chosen| match chosen.is_empty() {
        true => "every entry is ready".to_owned(),
        false => chosen.iter().map(|it| text(it)).collect::<Vec<_>>().join("\n"),
    })
}

fn text(entry: &EntryStatus) -> String {
    let mut text =
        format!("{}: {} since {}\n{}\n", entry.entry, entry.phase.as_str(), entry.since, entry.message);
    if let Some(report) = &entry.failure {
        text += &output::render(report, false);
    }
    for (id, verb) in &entry.changes {
        text += &format!("  {id} {verb}\n");
    }
    text
}
