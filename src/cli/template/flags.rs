//! The flags of `helm template`.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::{
    fault::{Class, Report},
    render::{
        gotemplate::Map,
        helm::{name_of_template, values::Overrides},
    },
};

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "helm's flags")]
pub(in crate::cli) struct Args {
    /// The name of the release, and the chart: a directory or a `.tgz`
    #[arg(required = true, num_args = 1..=2, value_names = ["NAME", "CHART"])]
    place: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) values: ValueArgs,
    /// The namespace of the release
    #[arg(long, short, default_value = "default")]
    pub(super) namespace: String,
    /// Print the definitions in `crds/` too
    #[arg(long)]
    pub(super) include_crds: bool,
    /// Accepted; definitions are not printed unless `--include-crds` says so
    #[arg(long, conflicts_with = "include_crds")]
    skip_crds: bool,
    /// The version of Kubernetes that the chart sees
    #[arg(long, value_name = "VERSION")]
    pub(super) kube_version: Option<String>,
    /// More API versions that the chart sees
    #[arg(long, short, value_name = "VERSION", value_delimiter = ',')]
    pub(super) api_versions: Vec<String>,
    /// Print only what these templates wrote
    #[arg(long, short, value_name = "TEMPLATE")]
    pub(super) show_only: Vec<String>,
    /// Show the chart an upgrade, not an installation
    #[arg(long)]
    pub(super) is_upgrade: bool,
    /// Leave the hooks out
    #[arg(long)]
    pub(super) no_hooks: bool,
    /// Leave the tests out
    #[arg(long)]
    pub(super) skip_tests: bool,
    /// Do not hold the values against the chart's schema
    #[arg(long)]
    pub(super) skip_schema_validation: bool,
    /// Make the name of the release from a template
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "generate_name")]
    name_template: Option<String>,
    /// Make the name of the release from that of the chart and the time
    #[arg(long, short)]
    generate_name: bool,
    /// Write one file a template below this directory
    #[arg(long, value_name = "DIR")]
    pub(super) output_dir: Option<PathBuf>,
    /// Put the files of `--output-dir` into a directory of the release's name
    #[arg(long)]
    pub(super) release_name: bool,
    /// Accepted: nothing here talks to a cluster
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: Option<String>,
    /// Accepted: errors are told whole
    #[arg(long)]
    debug: bool,
}

/// The flags that give values, in the order in which they count.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct ValueArgs {
    /// A file of values; `-` is standard input
    #[arg(long = "values", short = 'f', value_name = "FILE")]
    files: Vec<String>,
    /// A value: `a.b=c,d[0]=e`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A value that is text
    #[arg(long, value_name = "KEY=VALUE")]
    set_string: Vec<String>,
    /// A value in JSON
    #[arg(long, value_name = "KEY=JSON")]
    set_json: Vec<String>,
    /// A value that stands in a file
    #[arg(long, value_name = "KEY=FILE")]
    set_file: Vec<String>,
    /// A value that is text, taken as it stands
    #[arg(long, value_name = "KEY=VALUE")]
    set_literal: Vec<String>,
}

impl Args {
    /// The name of the release and the place of the chart.
    pub(super) fn name_and_chart(&self) -> Result<(String, &Path), String> {
        if self.dry_run.as_deref() == Some("server") {
            return Err(
                "--dry-run=server needs a cluster, and nothing here talks to one; use --dry-run=client"
                    .into(),
            );
        }
        match self.place.as_slice() {
            [_, _] if self.generate_name => Err("cannot set --generate-name and also specify a name".into()),
            [_, _] if self.name_template.is_some() => {
                Err("cannot set --name-template and also specify a name".into())
            }
            [name, chart] => Ok((name.clone(), Path::new(chart))),
            [chart] => {
                let chart = Path::new(chart);
                let name = match &self.name_template {
                    Some(text) => {
                        let world = super::world(false).map_err(|report| report.error)?;
                        name_of_template(text, world)?
                    }
                    None if self.generate_name => generated(chart),
                    None => "release-name".to_owned(),
                };
                Ok((name, chart))
            }
            _ => Err("say which chart".into()),
        }
    }
}

/// The chart's name and the time.
fn generated(chart: &Path) -> String {
    let base = chart.file_name().map_or_else(|| "chart".into(), |it| it.to_string_lossy());
    let base = base.split('.').next().filter(|it| !it.is_empty()).unwrap_or("chart");
    format!("{base}-{}", jiff::Timestamp::now().as_second())
}

impl ValueArgs {
    /// Reads the files and puts everything together.
    pub(in crate::cli) fn read(&self) -> Result<Map, Report> {
        let mut files = Vec::with_capacity(self.files.len());
        for name in self.files.iter().flat_map(|it| it.split(',')) {
            let text = file(name).map_err(|why| Report::new("values", Class::Invalid, why, None))?;
            files.push((name.to_owned(), text));
        }
        let overrides = Overrides {
            files,
            json: self.set_json.clone(),
            typed: self.set.clone(),
            text: self.set_string.clone(),
            file: self.set_file.clone(),
            literal: self.set_literal.clone(),
        };
        Ok(overrides.values(&file)?)
    }
}

/// A file, or standard input for `-`.
fn file(name: &str) -> Result<Vec<u8>, String> {
    if name.trim() == "-" {
        let mut text = Vec::new();
        std::io::stdin().lock().read_to_end(&mut text).map_err(|error| error.to_string())?;
        return Ok(text);
    }
    if name.contains("://") {
        return Err(format!("{name} is not fetched: nothing here uses a network; name a file"));
    }
    std::fs::read(name).map_err(|error| format!("open {name}: {error}"))
}
