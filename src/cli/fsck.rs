use std::process::ExitCode;

use super::{context::Context, import::unexpected, words};
use crate::{
    daemon::control::{Reply, Request},
    fault::{Class, Report},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Hashes everything again; the exit code says whether something is missing or damaged.
pub(super) fn run(_: &Args, context: &Context) -> Result<ExitCode, Report> {
    let Reply::Checked(checked) = context.ask(Request::Fsck)? else { return Err(unexpected()) };
    context.print(&checked, |it| {
        let mut text = format!("{} blobs, {} hashed\n", it.blobs, words::bytes(it.bytes));
        for damaged in &it.damaged {
            text += &format!("damaged: {damaged}\n");
        }
        for missing in &it.missing {
            text += &format!("missing: {missing}\n");
        }
        text
    })?;
    if checked.damaged.is_empty() && checked.missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let hint = "import a medium of the bundle again: only what is missing is copied";
    Err(Report::new("damaged", Class::Unavailable, "the store is not whole", Some(hint)))
}
