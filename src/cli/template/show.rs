//! Parts of the output, and output as files.

use std::{collections::BTreeSet, path::Path, process::ExitCode};

use super::Args;
use crate::{
    cli::context::Context,
    fault::{Class, Report},
    render::helm::{Event, Rendered, chart, manifest::split},
};

/// Only what the named templates wrote, in the order in which they are named.
pub(super) fn only(text: &str, wanted: &[String]) -> Result<String, Report> {
    let documents = split(text.as_bytes());
    let mut out = String::new();
    for pattern in wanted {
        let mut missing = true;
        for document in &documents {
            let document = String::from_utf8_lossy(document);
            let Some(source) = source(&document) else { continue };
            if chart::matches(pattern, source).unwrap_or(false) {
                out += &format!("---\n{document}\n");
                missing = false;
            }
        }
        if missing {
            let why = format!("could not find template {pattern} in chart");
            return Err(Report::new(
                "template",
                Class::Invalid,
                why,
                Some("name it as the `# Source:` lines do, without the chart"),
            ));
        }
    }
    Ok(out)
}

/// The template within its chart that a document is from.
fn source(document: &str) -> Option<&str> {
    let (_, after) = document.split_once("# Source: ")?;
    let (_, path) = after.lines().next()?.split_once('/')?;
    (!path.is_empty()).then_some(path)
}

/// Writes each document to the file of its template.
pub(super) fn write(
    rendered: &Rendered,
    args: &Args,
    folder: &Path,
    context: &Context,
) -> Result<ExitCode, Report> {
    let mut folder = folder.to_owned();
    let definitions = folder.clone();
    if args.release_name
        && let Some(name) = args.name_and_chart().ok().map(|(name, _)| name)
    {
        folder.push(name);
    }
    let mut written = BTreeSet::new();
    let mut files: Vec<(&Path, String, String)> = Vec::new();
    if args.include_crds {
        rendered.chart.each_crd(&mut |name, file| {
            files.push((&definitions, name, file.data.to_text().into_owned()));
        });
    }
    for manifest in &rendered.manifests {
        files.push((&folder, manifest.path.clone(), manifest.content.clone()));
    }
    for hook in rendered.hooks.iter().filter(|_| !args.no_hooks) {
        if !(args.skip_tests && hook.events.contains(&Event::Test)) {
            files.push((&folder, hook.path.clone(), hook.manifest.clone()));
        }
    }
    for (folder, name, text) in files {
        let path = folder.join(&name);
        let text = format!("---\n# Source: {name}\n{text}\n");
        let failed = |error: std::io::Error| {
            Report::new(
                "output",
                Class::System,
                format!("{} cannot be written: {error}", path.display()),
                None,
            )
        };
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above).map_err(failed)?;
        }
        if written.insert(path.clone()) {
            std::fs::write(&path, text).map_err(failed)?;
        } else {
            let mut known = std::fs::read(&path).map_err(failed)?;
            known.extend(text.bytes());
            std::fs::write(&path, known).map_err(failed)?;
        }
        context.output.note(&format!("wrote {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}
