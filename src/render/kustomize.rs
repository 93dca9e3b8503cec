//! Kustomizations, as `kustomize build` 5.8.1 builds them, byte for byte.
//!
//! ```text
//! files ─▶ loader ─▶ kustomization ─▶ target: resources ─▶ generators ─▶ components ─▶ transformers ─▶ validators
//!                                     each by itself, bases before what builds on them
//!
//! at the top only: hashes ─▶ name references ─▶ vars ─▶ local resources go ─▶ order ─▶ notes go ─▶ output
//! ```
//!
//! The order within one kustomization is that of `target::Target::accumulate`, the order of its transformers that of
//! `built_in_steps` beside it; what happens once all are together is `run` below. Every transformer is a file in
//! `transform/`.
//!
//! Resources are read once, into one arena of nodes; what the original writes into annotations to remember what a
//! resource was called is there as well, because patches and selectors see it, and beside it as identities that are found
//! by hash. Nothing here runs a program, reads a disk or asks a network: what a kustomization names elsewhere comes from
//! the bundle's sources or not at all.

mod config;
mod crds;
mod decode;
mod edit;
mod error;
mod explain;
mod fieldspec;
mod files;
mod generate;
mod id;
mod inflate;
mod jsonpatch;
mod kustomization;
mod labels;
mod loader;
mod merge;
mod node;
mod origin;
mod output;
mod path;
mod pathmatch;
mod pattern;
mod plugin;
mod read;
mod remote;
mod resmap;
mod resource;
mod schema;
mod selector;
mod shown;
mod sort;
mod step;
mod strip;
mod target;
mod text;
mod texts;
mod transform;
mod value;

use std::rc::Rc;

use crate::{
    render::{gotemplate::Budget, helm::Capabilities},
    yaml::{Value, json::through_json},
};

use self::{
    config::Config,
    kustomization::SortOptions,
    loader::Loader,
    node::Nodes,
    resmap::ResMap,
    schema::Schemas,
    target::{Accumulator, Target},
    transform::{hash, metadata::Entries, references},
};

pub use self::{
    error::Error,
    files::{Files, Located, Source, TreeFiles},
    loader::Restriction,
    texts::TextArena,
};

/// What may be chosen beside the kustomization.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where files may be.
    pub restriction: Restriction,
    /// The order of the output, where the kustomization says nothing about it.
    pub order: Order,
    /// Whether objects are labelled as managed by Kustomize even where the kustomization does not ask for it.
    pub managed_by_label: bool,
    /// The namespace that all resources get, whatever the kustomization says: Flux' `targetNamespace`.
    pub namespace: Option<String>,
    /// Whether [`Built::trail`] is filled.
    pub explain: bool,
    /// What charts depend on (`helmCharts`). Without it a kustomization that names one is refused, as the original
    /// refuses it without `--enable-helm`.
    pub charts: Option<Charts>,
}

/// What charts may depend on beside themselves and their values.
#[derive(Clone, Debug)]
pub struct Charts {
    /// The time that templates see, in seconds since 1970.
    pub seconds: i64,
    /// The nanoseconds behind that.
    pub nanos: u32,
    /// What is random is derived from it; without it a chart that needs something random is refused.
    pub secret: Option<[u8; 32]>,
    /// What a cluster can do, as charts see it.
    pub capabilities: Capabilities,
    /// The version of Kubernetes, where the kustomization says nothing about it.
    pub kube_version: Option<String>,
    /// More API versions, where the kustomization says nothing about them.
    pub api_versions: Vec<String>,
    /// What each render may use.
    pub budget: Budget,
}

/// The order of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Namespaces first, webhooks last.
    #[default]
    Legacy,
    /// As resources came.
    None,
}

/// What a build gives.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The resources, in order.
    pub resources: Vec<Built>,
    /// What the original says on standard error.
    pub warnings: Vec<String>,
}

/// A resource that is built.
#[derive(Clone, Debug)]
pub struct Built {
    /// `Kind.version.group/name.namespace`, as Kustomize names it.
    pub id: String,
    /// The name of the file that it has in a directory of its own.
    pub file_name: String,
    /// Its namespace, `default` where it names none; empty for what lives in none.
    pub effective_namespace: String,
    /// As it is printed.
    pub text: String,
    /// The file that it was read from, or the kustomization that generated it.
    pub file: String,
    /// Where in that file it stands, from 1.
    pub document: usize,
    /// Where it comes from and what changed it, where that was asked for.
    pub trail: Vec<String>,
}

impl Output {
    /// All resources as `kustomize build` prints them.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.resources.iter().map(|it| it.text.as_str()).collect();
        texts.join("---\n")
    }
}

/// Builds the kustomization in a directory, and prints it.
///
/// # Errors
/// In the words of the original, with all that stands before the cause.
pub fn build(files: &dyn Files, directory: &str, options: &Options) -> Result<Output, Error> {
    let arena = TextArena::default();
    let (build, map) = run(files, &arena, directory, options)?;
    let mut output = Output { resources: Vec::with_capacity(map.list().len()), warnings: Vec::new() };
    for resource in map.list() {
        let text = output::to_string(&build.nodes, resource.node).map_err(|error| {
            // What cannot even be decoded is nothing to the original.
            let is_json = error.message().starts_with("json: ");
            let value = if is_json {
                value::go_syntax(&build.nodes, resource.node, true)
            } else {
                NOTHING.to_owned()
            };
            error.context(value)
        })?;
        let (file, document) = place(resource);
        output.resources.push(Built {
            id: resource.id().to_string(),
            file_name: resource.id().file_name(),
            effective_namespace: resource.id().namespace_or_nothing().to_owned(),
            text,
            file,
            document,
            trail: resource.trail.clone(),
        });
    }
    output.warnings = build.warnings;
    Ok(output)
}

fn place(resource: &resource::Resource) -> (String, usize) {
    resource.place.as_ref().map_or_else(Default::default, |(file, number)| (file.to_string(), *number))
}

/// A resource as a value, with where it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The resource.
    pub value: Value,
    /// The file that it was read from, or the kustomization that generated it.
    pub file: String,
    /// Where in that file it stands, from 1.
    pub document: usize,
}

/// Builds the kustomization in a directory, and gives its resources as values.
///
/// # Errors
/// As [`build`].
pub fn values(files: &dyn Files, directory: &str, options: &Options) -> Result<Vec<Placed>, Error> {
    let arena = TextArena::default();
    let (build, map) = run(files, &arena, directory, options)?;
    let value = |resource: &resource::Resource| {
        let value = through_json(value::to_value(&build.nodes, resource.node)?)?;
        let (file, document) = place(resource);
        Ok(Placed { value, file, document })
    };
    map.list().iter().map(value).collect()
}

/// What all parts of one build share.
struct Build<'a> {
    nodes: Nodes<'a>,
    arena: &'a TextArena,
    schemas: Schemas,
    /// The fields that every kustomization starts with.
    defaults: Rc<Config>,
    warnings: Vec<String>,
    explain: bool,
    charts: Option<Charts>,
    /// How many were rendered.
    rendered: usize,
}

/// The whole build of one directory: its kustomization with all that it names, and then what is done once.
fn run<'a>(
    files: &'a dyn Files,
    arena: &'a TextArena,
    directory: &str,
    options: &Options,
) -> Result<(Build<'a>, ResMap), Error> {
    let mut defaults = Config::default();
    defaults.merge(&Config::defaults())?;
    let mut build = Build {
        nodes: Nodes::default(),
        arena,
        schemas: Schemas::default(),
        defaults: Rc::new(defaults),
        warnings: Vec::new(),
        explain: options.explain,
        charts: options.charts.clone(),
        rendered: 0,
    };
    let loader = Loader::new(files, directory, options.restriction)?;
    let mut target = Target::load(&mut build, loader)?;
    target.choose_schema(&build)?;
    if let Some(namespace) = &options.namespace {
        target.says.namespace.clone_from(namespace);
    }
    if !target.says.build_metadata.is_empty() {
        target.origin = Some(origin::Origin::default());
    }
    let Accumulator { mut map, config, vars } = target.accumulate(&mut build, Accumulator::default())?;
    let config = config.unwrap_or_default();

    hash::apply(&mut build, &mut map)?;
    // Names are final; what names others is set to them, and only then vars are worth something.
    references::apply(&mut build, &mut map, &config.name_reference)?;
    vars.resolve(&mut build.nodes, &mut map, &config.var_reference)?;
    map.drop_local(&build.nodes)?;

    let legacy = || SortOptions { order: "legacy".to_owned(), legacy: None };
    match (&target.says.sort_options, options.order) {
        (Some(own), _) => sort::sort(&mut map, own)?,
        (None, Order::Legacy) => sort::sort(&mut map, &legacy())?,
        (None, Order::None) => (),
    }
    let metadata = &target.says.build_metadata;
    if options.managed_by_label || metadata.iter().any(|it| it == "managedByLabel") {
        let label = Entries::of_metadata("labels", "app.kubernetes.io/managed-by", MANAGED_BY);
        label.apply(&mut build.nodes, &mut map)?;
    }
    strip::strip(&mut build, &mut map, metadata)?;
    Ok((build, map))
}

/// A Go map that is not there.
const NOTHING: &str = "map[string]interface {}(nil)";

/// What the original calls itself in a label.
const MANAGED_BY: &str = "kustomize-v5.8.1";

/// An error of what was read from a file, with the name of the file where the original gives it.
fn in_file(error: Error, path: &str) -> Error {
    let text = error.message();
    if text.contains("error converting YAML to JSON") || text.contains("error unmarshaling JSON") {
        return error.reworded(|text| format!("YAML file [{path}] encounters a format error.\n{text}\n"));
    }
    if error.is_malformed_yaml() {
        return error.reworded(|text| format!("{text} in File: {path}"));
    }
    error
}
