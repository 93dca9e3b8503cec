use std::{
    collections::BTreeSet,
    fs, io,
    path::{Component, Path, PathBuf},
    process::ExitCode,
};

use serde_json::json;

use super::{
    context::Context,
    template::{budget, load, now_and_secret, with_stack},
};
use crate::{
    fault::{Class, Report},
    render::{
        helm::{self, Capabilities, Chart},
        kustomize::{self, Charts, Files, Located, Options, Order, Output, Restriction, TextArena},
    },
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directory with the kustomization
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Write to this file, or a file for each object into this directory
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    /// Whether files outside of the kustomization that names them are read
    #[arg(long, value_enum, default_value_t = LoadRestrictor::RootOnly, value_name = "WHICH")]
    load_restrictor: LoadRestrictor,
    /// The order of the output, where the kustomization's `sortOptions` say nothing about it
    #[arg(long, value_enum, default_value_t = Reorder::Legacy, value_name = "ORDER")]
    reorder: Reorder,
    /// Say of each object where it comes from, and which patches and transformers changed it
    #[arg(long)]
    explain: bool,
    /// Label all objects as managed by Kustomize
    #[arg(long)]
    enable_managedby_label: bool,
    /// Render charts too (`helmCharts`); no program is run for it
    #[arg(long)]
    enable_helm: bool,
    /// The version of Kubernetes that charts see, where the kustomization says nothing about it
    #[arg(long, value_name = "VERSION")]
    helm_kube_version: Option<String>,
    /// More API versions that charts see, where the kustomization says nothing about them
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    helm_api_versions: Vec<String>,
    /// Accepted: what is wrong with a chart is always told whole
    #[arg(long, hide = true)]
    helm_debug: bool,
    /// Refused: no program runs during a build
    #[arg(long, hide = true)]
    helm_command: Option<String>,
    /// Refused: no program runs during a build
    #[arg(long, short, hide = true)]
    env: Vec<String>,
    /// Refused: no program runs during a build
    #[arg(long, hide = true)]
    as_current_user: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
#[value(rename_all = "PascalCase")]
enum LoadRestrictor {
    #[value(name = "LoadRestrictionsRootOnly")]
    RootOnly,
    #[value(name = "LoadRestrictionsNone", alias = "none")]
    None,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Reorder {
    /// Namespaces first, webhooks last
    Legacy,
    /// As the objects come
    None,
}

/// Prints what `kustomize build` prints.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    for (flag, is_set, why) in [
        ("--helm-command", args.helm_command.is_some(), "charts are rendered here, and no program runs"),
        ("--env", !args.env.is_empty(), "no program runs during a build, so none gets an environment"),
        ("--as-current-user", args.as_current_user, "no program runs during a build, whoever asks"),
    ] {
        if is_set {
            return Err(Report::new(
                "unsupported",
                Class::Invalid,
                format!("{flag} is refused: {why}"),
                None,
            ));
        }
    }
    let options = Options {
        restriction: match args.load_restrictor {
            LoadRestrictor::RootOnly => Restriction::RootOnly,
            LoadRestrictor::None => Restriction::None,
        },
        order: match args.reorder {
            Reorder::Legacy => Order::Legacy,
            Reorder::None => Order::None,
        },
        managed_by_label: args.enable_managedby_label,
        namespace: None,
        explain: args.explain,
        charts: charts(args)?,
    };
    let directory = absolute(&args.directory).map_err(|error| system(&args.directory, &error))?;
    // Charts may need more stack than the first thread has.
    let built = match options.charts {
        Some(_) => with_stack(|| Ok(kustomize::build(&Disk::default(), &directory, &options)))?,
        None => kustomize::build(&Disk::default(), &directory, &options),
    };
    let output = match built {
        Ok(output) => output,
        Err(error) => {
            context.output.fault(&Report::new(
                error.code(),
                error.class(),
                error.to_string(),
                Some(error.hint()),
            ));
            // As the original's.
            return Ok(ExitCode::from(1));
        }
    };
    for warning in &output.warnings {
        context.output.note(warning);
    }
    if args.explain {
        let rows: Vec<_> =
            output.resources.iter().map(|it| json!({"object": it.id, "trail": it.trail})).collect();
        return context.print(&json!(rows), |_| explained(&output));
    }
    match &args.to {
        None => {
            let manifest = output.text();
            // The process is about to end, and the system takes megabytes back faster than they are given back one by one.
            std::mem::forget(output);
            context.print(&Built { manifest }, |built| built.manifest.clone())
        }
        Some(to) => {
            write(to, &output).map_err(|error| system(to, &error))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What a build gives, for other programs.
#[derive(serde::Serialize)]
struct Built {
    manifest: String,
}

/// What charts see of the world, if they are to be rendered.
fn charts(args: &Args) -> Result<Option<Charts>, Report> {
    if !args.enable_helm {
        return Ok(None);
    }
    let (now, secret) = now_and_secret()?;
    Ok(Some(Charts {
        seconds: now.as_second(),
        nanos: u32::try_from(now.subsec_nanosecond()).unwrap_or(0),
        secret: Some(secret),
        capabilities: Capabilities::default(),
        kube_version: args.helm_kube_version.clone(),
        api_versions: args.helm_api_versions.clone(),
        budget: budget(),
    }))
}

fn explained(output: &Output) -> String {
    let mut text = String::new();
    for resource in &output.resources {
        text.push_str(&resource.id);
        text.push('\n');
        for step in &resource.trail {
            text.push_str("  ");
            text.push_str(step);
            text.push('\n');
        }
    }
    text
}

/// One file, or in a directory one for each object, with the names that the original gives them.
fn write(to: &Path, output: &Output) -> io::Result<()> {
    if !to.is_dir() {
        return fs::write(to, output.text());
    }
    let namespaces: BTreeSet<&str> = output
        .resources
        .iter()
        .map(|it| it.effective_namespace.as_str())
        .filter(|it| !it.is_empty())
        .collect();
    for resource in &output.resources {
        let mut name = resource.file_name.clone();
        if namespaces.len() > 1 && !resource.effective_namespace.is_empty() {
            name = format!("{}_{name}", resource.effective_namespace.to_lowercase());
        }
        // A name is part of an object, and objects come from anywhere.
        let name = name.replace('/', "_");
        fs::write(to.join(name), &resource.text)?;
    }
    Ok(())
}

fn system(path: &Path, error: &io::Error) -> Report {
    Report::new("disk", Class::System, format!("{}: {error}", path.display()), None)
}

fn absolute(path: &Path) -> io::Result<String> {
    let path = std::path::absolute(path)?;
    Ok(path.to_string_lossy().into_owned())
}

/// The disk, as it is: links are followed, and nothing is written.
#[derive(Default)]
struct Disk {
    /// Files that were read live as long as the build.
    kept: TextArena,
}

impl Files for Disk {
    fn locate(&self, path: &str) -> Result<Located, String> {
        match fs::canonicalize(path) {
            Ok(real) => {
                let is_directory = real.is_dir();
                Ok(Located { path: real.to_string_lossy().into_owned(), is_directory })
            }
            Err(error) => Err(lstat(Path::new(path), &error)),
        }
    }

    fn read(&self, path: &str) -> Result<&[u8], String> {
        let bytes = fs::read(path).map_err(|error| format!("open {path}: {}", words(&error)))?;
        Ok(self.kept.keep(bytes))
    }

    fn repository(&self, _url: &str, _revision: &str) -> Option<String> {
        None
    }

    fn download(&self, _url: &str) -> Option<&[u8]> {
        None
    }

    fn chart_of(&self, _repository: &str, _name: &str, _version: &str) -> Option<String> {
        None
    }

    fn chart(&self, directory: &str) -> Result<Chart, helm::Error> {
        load::chart(Path::new(directory)).map_err(|report| helm::Error::Chart(report.error))
    }
}

/// The first part of a path that is not there, as the original names it.
fn lstat(path: &Path, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotADirectory {
        return words(error);
    }
    let mut so_far = PathBuf::new();
    for part in path.components() {
        so_far.push(part);
        if !matches!(part, Component::RootDir) && fs::symlink_metadata(&so_far).is_err() {
            break;
        }
    }
    format!("lstat {}: {}", so_far.display(), words(error))
}

/// An error of the system without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    format!("{first}{}", chars.as_str())
}
