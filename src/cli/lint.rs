//! `airlock lint`: what `helm lint` prints.

use std::{path::PathBuf, process::ExitCode};

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
    let mut failed = 0;
    for place in &args.charts {
        text += &format!("==> Linting {}\n", place.display());
        let findings = match findings(args, place) {
            Ok(findings) => findings,
            Err(report) => {
                text += &format!("Error {}\n\n", report.error);
                failed += 1;
                continue;
            }
        };
        for finding in &findings {
            text += &format!("{finding}\n");
        }
        text += "\n";
        let tolerated = if args.strict { Severity::Info } else { Severity::Warning };
        failed += usize::from(findings.iter().any(|it| it.severity > tolerated));
    }
    let summary = format!("{} chart(s) linted, {failed} chart(s) failed", args.charts.len());
    if failed == 0 {
        text += &format!("{summary}\n");
    }
    context.print(&text, Clone::clone)?;
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Report::new("lint", Class::Invalid, summary, None))
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
