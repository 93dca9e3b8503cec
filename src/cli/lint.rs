//! `airlock lint`: what `helm lint` prints.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{
    context::Context,
    template::{ValueArgs, as_helm, capabilities, load, with_stack, world},
};
use crate::{
    fault::{Class, Report},
    render::helm::lint::{Finding, Lint, Severity, lint},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The charts: directories, or `.tgz` files
    #[arg(required = true, value_name = "CHART")]
    charts: Vec<PathBuf>,
    #[command(flatten)]
    values: ValueArgs,
    /// The namespace that templates see
    #[arg(long, short, default_value = "default")]
    namespace: String,
    /// The version of Kubernetes that the charts see
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
    /// The charts below `charts/` as well
    #[arg(long)]
    with_subcharts: bool,
    /// Do not hold the values against the chart's schema
    #[arg(long)]
    skip_schema_validation: bool,
}

/// Says of each chart what is wrong with it.
pub(super) fn run(args: &Args, context: &Context) -> ExitCode {
    as_helm(print(args, context), context)
}

fn print(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    let mut text = String::new();
    let (mut failed, mut is_quiet) = (0, context.quiet);
    let mut charts = args.charts.clone();
    if args.with_subcharts {
        for place in &args.charts {
            subcharts(&place.join("charts"), &mut charts);
        }
    }
    for place in &charts {
        let (findings, error) = match findings(args, place) {
            Ok(findings) => (findings, None),
            Err(report) => (Vec::new(), Some(report.error)),
        };
        let tolerated = if args.strict { Severity::Info } else { Severity::Warning };
        failed += usize::from(error.is_some() || findings.iter().any(|it| it.severity > tolerated));
        let is_worth_it = |it: &Finding| it.severity > Severity::Info;
        if context.quiet && error.is_none() && !findings.iter().any(is_worth_it) {
            continue;
        }
        is_quiet = false;
        text += &format!("==> Linting {}\n", place.display());
        if let Some(error) = error {
            text += &format!("Error {error}\n");
        }
        for finding in findings.iter().filter(|it| !context.quiet || is_worth_it(it)) {
            text += &format!("{finding}\n");
        }
        text += "\n";
    }
    let summary = format!("{} chart(s) linted, {failed} chart(s) failed", charts.len());
    if failed == 0 && !is_quiet {
        text += &format!("{summary}\n");
    }
    context.print(&text, Clone::clone)?;
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Report::new("lint", Class::Invalid, summary, None))
}

/// Every chart in a directory, in the order in which the original walks it. Links are not followed.
fn subcharts(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(listed) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = listed.filter_map(|it| Some(it.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name == "Chart.yaml" {
            found.push(folder.to_owned());
        } else if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
            found.push(path);
        } else if path.is_dir() && !path.is_symlink() {
            subcharts(&path, found);
        }
    }
}

fn findings(args: &Args, place: &PathBuf) -> Result<Vec<Finding>, Report> {
    let capabilities = capabilities(args.kube_version.as_deref())?;
    let (tree, top) = load::tree(place)?;
    let whole = std::fs::canonicalize(place).unwrap_or_else(|_| place.clone());
    if tree
        .file(&if top.is_empty() { "Chart.yaml".to_owned() } else { format!("{top}/Chart.yaml") })
        .is_none()
    {
        let path = place.join("Chart.yaml");
        let why = format!("stat {}: no such file or directory", path.display());
        let why = format!("unable to check Chart.yaml file in chart: {why}");
        return Err(Report::new("chart", Class::Invalid, why, None));
    }
    with_stack(|| {
        let given = args.values.read()?;
        let about = Lint {
            given: &given,
            namespace: &args.namespace,
            capabilities,
            skip_schema: args.skip_schema_validation,
            place: &whole.display().to_string(),
            world: world(true)?,
        };
        Ok(lint(&tree, &top, about))
    })
}
