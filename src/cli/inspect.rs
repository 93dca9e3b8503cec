use std::{path::Path, process::ExitCode, sync::Arc};

use super::{
    context::{Context, clock, runtime},
    pull::url,
    words,
};
use crate::{
    bundle::Medium,
    daemon::{self, Settings, profile},
    fault::{Class, Report},
    reconcile::inspect::{Inspection, inspect},
    source::{Asked, GiveWay, Spec, Url, Volumes, find},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A directory, a tar, a directory with volumes, `oci://registry/path:tag`, or `https://host/site.git#refs/tags/site-*`
    #[arg(required = true, value_name = "WHAT")]
    what: Vec<String>,
}

/// Shows what a medium carries.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    look(&args.what, false, context)
}

pub(super) fn look(what: &[String], thorough: bool, context: &Context) -> Result<ExitCode, Report> {
    let settings = context.settings()?;
    let (_, memory) = context.read(&settings)?;
    let terms = profile(&settings).terms;
    // What lies on the network is read as it is looked at, so the runtime stays until the end.
    let runtime = runtime()?;
    let _within = runtime.enter();
    let mut media = Vec::new();
    for what in what {
        match Url::is_meant(what) {
            true => media.push(remote(url(what)?, &settings)?),
            false => media.extend(find(Path::new(what))?.media),
        }
    }
    let mut seen = Vec::new();
    for volumes in Volumes::group(media)? {
        let progress = |done, total| context.progress.bytes("checking", done, total);
        seen.push(inspect(&memory, &terms, &volumes, clock()(), thorough, &progress)?);
        context.progress.finish();
    }
    context.print(&seen, |seen| seen.iter().map(|it| text(it, thorough)).collect::<Vec<_>>().join("\n"))?;
    let mut code = ExitCode::SUCCESS;
    for report in seen.iter().filter_map(|it| it.verdict.as_ref()) {
        context.output.fault(report);
        code = ExitCode::from(report.class.exit_code());
    }
    Ok(code)
}

/// A bundle at a place on the network, reached as the configuration reaches that server, where it does.
fn remote(url: Url, settings: &Settings) -> Result<Arc<dyn Medium>, Report> {
    let known = daemon::sources(settings).into_iter().map(|it| it.spec);
    // Who looks need not be who may write into the store.
    let spec = Spec { objects: None, ..Spec::like(url.clone(), known) };
    match spec.open(&GiveWay::default())?.newest(None)? {
        Asked::Bundle { medium, .. } => Ok(medium),
        Asked::Same => Err(Report::new("source_answer", Class::Bug, format!("{url} gives nothing"), None)),
    }
}

fn text(it: &Inspection, thorough: bool) -> String {
    let mut text = format!("medium      {}\npayload     {}\n", it.medium, it.digest);
    let Some(statement) = &it.statement else {
        text += "verdict     not signed by those who count here; nothing below the envelope was read\n";
        return text;
    };
    let mut line = |name: &str, value: String| text += &format!("{name:<11} {value}\n");
    line("channel", statement.channel.to_string());
    line("bundle", format!("{} of {}", statement.position(), statement.created));
    line("for", words::listed(&statement.audience));
    line("accept", format!("until {}", statement.accept_until));
    line("signed by", words::listed(&it.signers));
    line("roots", words::listed(&it.roots.iter().map(ToString::to_string).collect::<Vec<_>>()));
    if let Some(agent) = &it.agent {
        line("agent", agent.clone());
    }
    line("blobs", format!("{}, {}", it.blobs, words::bytes(it.bytes)));
    if it.absent > 0 {
        line("absent", format!("{} pieces are not on this medium", it.absent));
    }
    if let Some(release) = &it.release {
        line("release", format!("{} {}", release.name, release.description).trim_end().to_owned());
        for entry in &release.entries {
            let kind = serde_json::to_value(entry.kind).ok().and_then(|it| it.as_str().map(str::to_owned));
            let after: Vec<String> = entry.depends_on.iter().map(ToString::to_string).collect();
            let after =
                if after.is_empty() { String::new() } else { format!(", after {}", after.join(", ")) };
            line("entry", format!("{} ({}, {}{after})", entry.name, kind.unwrap_or_default(), entry.path));
        }
        for source in &release.sources {
            line("source", format!("{} at {}", source.url, source.revision));
        }
        for image in release.images.keys() {
            line("image", image.clone());
        }
        for image in &release.closure.external {
            line("image", format!("{image} (on the site already)"));
        }
        for name in release.files.keys() {
            line("file", name.clone());
        }
        if let Some(site) = &release.site {
            let asked = site.schema.get("properties").and_then(|it| it.as_object());
            let asked: Vec<String> = asked.into_iter().flat_map(|it| it.keys().cloned()).collect();
            line("asks", words::listed(&asked));
        }
    }
    for damaged in &it.damaged {
        line("damaged", damaged.clone());
    }
    let verdict = match (&it.verdict, it.known, thorough) {
        (Some(report), ..) => format!("refused [{}]", report.code),
        (None, true, _) => "already here".to_owned(),
        (None, false, true) => "good: every blob on the medium is what was signed".to_owned(),
        (None, false, false) => "would be accepted".to_owned(),
    };
    line("verdict", verdict);
    text
}
