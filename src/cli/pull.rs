use std::process::ExitCode;

use super::{
    context::Context,
    import::{print, unexpected},
};
use crate::{
    daemon::control::{Reply, Request},
    fault::{Class, Report},
    source::Url,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to ask, as in `oci://registry/path:tag` or `https://host/site.git#refs/tags/site-*`, or the file of a
    /// `git bundle`, as in `file:///media/stick/site.bundle`; all of the configuration's `sources` without
    #[arg(value_name = "SOURCE")]
    source: Option<String>,
}

/// Asks places on the network once; the exit code is that of the last refusal.
pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let source = args.source.as_deref().map(url).transpose()?.map(|it| it.to_string());
    let Reply::Imported(imported) = context.ask(Request::Pull { source })? else { return Err(unexpected()) };
    print(&imported, context)
}

/// A place that was named on the command line.
pub(super) fn url(text: &str) -> Result<Url, Report> {
    text.parse().map_err(|why: String| {
        Report::new(
            "source_url",
            Class::Invalid,
            why,
            Some("write it as in `oci://registry/path:tag` or `https://host/site.git#main`"),
        )
    })
}
