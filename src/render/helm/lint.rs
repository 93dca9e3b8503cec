//! What `helm lint` says of a chart.

mod chartfile;
mod deprecated;
mod templates;

use super::{Capabilities, Chart, Error, World, chart, schema, values};
use crate::{
    archive::{Place, Tree},
    render::gotemplate::Map,
};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It could be better.
    Info,
    /// It is against convention, and works.
    Warning,
    /// It will not install.
    Error,
}

/// One thing to say of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// The file, or the directory with a slash at its end.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = match self.severity {
            Severity::Info => "INFO",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        };
        write!(f, "[{word}] {}: {}", self.path, self.message)
    }
}

/// What linting depends on beside the chart.
pub struct Lint<'l> {
    /// The values that are given.
    pub given: &'l Map,
    /// The namespace that templates see.
    pub namespace: &'l str,
    /// What templates see of the cluster.
    pub capabilities: Capabilities,
    /// Whether schemas are left alone.
    pub skip_schema: bool,
    /// How findings name the chart itself.
    pub place: &'l str,
    /// Time, randomness and budget of the render; it lets `required` and `fail` pass.
    pub world: World,
}

/// Everything there is to say of the chart in the directory `path` of a tree.
pub fn lint(tree: &Tree, path: &str, lint: Lint<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    let file = |name: &str| match tree.resolve(&inside(name)) {
        Ok(Place::File { bytes, .. }) => Some(bytes),
        _ => None,
    };
    let is_directory = |name: &str| matches!(tree.resolve(&inside(name)), Ok(Place::Directory { .. }));
    chartfile::check(file("Chart.yaml").unwrap_or_default(), &mut findings);
    match file("values.yaml") {
        None => findings.info("values.yaml", "file does not exist"),
        Some(text) => {
            if let Err(why) = check_values(text, file("values.schema.json"), &lint) {
                findings.error("values.yaml", why);
            }
        }
    }
    let loaded = chart::read_any_directory(tree, path);
    let (place, namespace) = (lint.place.to_owned(), lint.namespace.to_owned());
    if !is_directory("templates") {
        match file("templates") {
            Some(_) => findings.error("templates/", "not a directory"),
            None => findings.warn("templates/", "directory does not exist"),
        }
    } else {
        match &loaded {
            Err(error) => findings.error("templates/", said(error)),
            Ok(chart) => templates::check(chart, lint, &namespace, &mut findings),
        }
    }
    match &loaded {
        Err(error) => findings.error("", format!("unable to load chart\n\t{}", said(error))),
        Ok(chart) => dependencies(chart, &place, &mut findings),
    }
    match (is_directory("crds"), &loaded) {
        (true, Ok(chart)) => templates::check_crds(chart, &mut findings),
        (true, Err(error)) => findings.error("crds/", said(error)),
        (false, _) if file("crds").is_some() => findings.error("crds/", "not a directory"),
        _ => (),
    }
    findings.0
}

/// The words of an error without what lies behind it, as the original prints them.
fn said(error: &Error) -> String {
    error.to_string()
}

/// The defaults by themselves, and with what is given against the chart's own schema.
fn check_values(text: &[u8], schema: Option<&[u8]>, lint: &Lint<'_>) -> Result<(), String> {
    let wrong = |error: String| format!("unable to parse YAML: {error}");
    let own = chart::decode::mapping(text, "common.Values").map_err(wrong)?.unwrap_or_default();
    let Some(schema) = schema.filter(|it| !it.is_empty() && !lint.skip_schema) else { return Ok(()) };
    let coalesced = values::coalesce_tables(lint.given, &values::from_map(&own));
    schema::one(schema, &coalesced)
}

fn dependencies(chart: &Chart, place: &str, findings: &mut Findings) {
    let listed = &chart.metadata.dependencies;
    let unknown: Vec<&str> = chart
        .dependencies
        .iter()
        .map(Chart::name)
        .filter(|it| !listed.iter().any(|of| of.name == *it))
        .collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(",");
        findings.error(place, format!("chart metadata is missing these dependencies: {unknown}"));
    }
    let here = |name: &str| chart.dependencies.iter().any(|it| it.name() == name);
    let missing: Vec<&str> = listed.iter().map(|it| it.name.as_str()).filter(|it| !here(it)).collect();
    if !missing.is_empty() {
        let missing = missing.join(",");
        findings.warn(place, format!("chart directory is missing these dependencies: {missing}"));
    }
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, severity: Severity, path: &str, message: impl Into<String>) {
        self.0.push(Finding { severity, path: path.to_owned(), message: message.into() });
    }

    fn info(&mut self, path: &str, message: impl Into<String>) {
        self.add(Severity::Info, path, message);
    }

    fn warn(&mut self, path: &str, message: impl Into<String>) {
        self.add(Severity::Warning, path, message);
    }

    fn error(&mut self, path: &str, message: impl Into<String>) {
        self.add(Severity::Error, path, message);
    }
}
