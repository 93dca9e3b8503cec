//! A chart to what is installed: the one road from a chart and values to manifests, hooks and notes.

use std::collections::BTreeSet;

use super::{
    Capabilities, Chart, Error, Hook, Lookup, Manifest, Release, World, engine, manifest, schema, values,
};
use crate::render::gotemplate::{Map, strconv::quote};

/// How a chart is rendered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether the definitions of `crds/` are part of the manifest.
    pub include_crds: bool,
    /// Whether schemas are left alone.
    pub skip_schema: bool,
    /// Whether the notes of charts within it are notes too.
    pub sub_notes: bool,
}

/// What a chart comes to.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The chart as it took part: without what is disabled, with imported values.
    pub chart: Chart,
    /// The manifest as Helm keeps it: every document with a line that says where it is from.
    pub manifest: String,
    /// The documents of the manifest, without definitions of `crds/`.
    pub manifests: Vec<Manifest>,
    /// The hooks.
    pub hooks: Vec<Hook>,
    /// What the chart says to its user.
    pub notes: String,
    /// What the original would print beside its output.
    pub warnings: Vec<String>,
    /// What of the cluster must be known first. Where this is not empty the rest is not what it will be.
    pub needs: BTreeSet<Lookup>,
}

/// Whether a chart can be installed by itself, with all that it stands on.
///
/// # Errors
/// For a library, and when a dependency is not there.
pub fn check(chart: &Chart) -> Result<(), Error> {
    if !matches!(chart.metadata.kind.as_str(), "" | "application") {
        return Err(Error::Chart(format!("{} charts are not installable", chart.metadata.kind)));
    }
    let here = |name: &str| chart.dependencies.iter().any(|it| it.name() == name);
    let missing: Vec<&str> =
        chart.metadata.dependencies.iter().map(|it| it.name.as_str()).filter(|it| !here(it)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Missing(missing.join(", ")))
}

/// Whether a text can be the name of a release.
///
/// # Errors
/// In the original's words.
pub fn check_name(name: &str) -> Result<(), Error> {
    let label = |it: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !it.is_empty() && it.chars().all(inner) && !it.starts_with('-') && !it.ends_with('-')
    };
    if name.len() <= 53 && name.split('.').all(label) {
        return Ok(());
    }
    let why = match name {
        "" => "no name provided".to_owned(),
        _ => {
            let pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
            format!(
                "invalid release name, must match regex {pattern} and the length must not be longer than 53"
            )
        }
    };
    let name = quote(name.as_bytes());
    Err(Error::Name(format!("release name check failed: release name {name}: {why}")))
}

/// Renders a chart with the values that a user gives.
///
/// # Errors
/// In the original's words.
pub fn install(
    chart: &Chart,
    given: &Map,
    release: &Release,
    capabilities: &Capabilities,
    options: Options,
    world: World,
) -> Result<Rendered, Error> {
    check_name(&release.name)?;
    let mut chart = chart.clone();
    let warnings = values::process_dependencies(&mut chart, given)
        .map_err(|error| Error::Values(format!("chart dependencies processing failed: {error}")))?;
    let coalesced = values::coalesce(&chart, given)?;
    if !options.skip_schema {
        schema::validate(&chart, &coalesced)?;
    }
    let wanted = &chart.metadata.kube_version;
    let version = &capabilities.kube_version;
    if !wanted.is_empty() && !values::is_compatible(wanted, &version.normalized) {
        let why = format!("chart requires kubeVersion: {wanted} which is incompatible with Kubernetes");
        return Err(Error::KubeVersion(format!("{why} {}", version.version)));
    }
    let written = engine::render(&chart, &coalesced, release, capabilities, world)?;
    let mut files = written.files;
    let mut notes = String::new();
    let own = format!("{}/templates/NOTES.txt", chart.name());
    for (_, text) in files
        .extract_if(.., |path, _| path.ends_with("NOTES.txt"))
        .filter(|(path, _)| options.sub_notes || *path == own)
    {
        if !notes.is_empty() {
            notes.push('\n');
        }
        notes.push_str(&text.to_text());
    }
    let (hooks, manifests) = match manifest::sort(&files) {
        // What is not known yet may be why a document is none.
        Err(_) if !written.needs.is_empty() => Default::default(),
        sorted => sorted?,
    };
    let mut out = String::new();
    if options.include_crds {
        chart.each_crd(&mut |name, file| {
            out.push_str(&format!("---\n# Source: {name}\n{}\n", file.data.to_text()));
        });
    }
    for Manifest { path, content, .. } in &manifests {
        out.push_str(&format!("---\n# Source: {path}\n{content}\n"));
    }
    Ok(Rendered { chart, manifest: out, manifests, hooks, notes, warnings, needs: written.needs })
}

impl Rendered {
    /// What `helm template` prints.
    pub fn text(&self, no_hooks: bool, skip_tests: bool) -> String {
        let mut out = format!("{}\n", self.manifest.trim());
        if !no_hooks {
            let hooks = self.hooks.iter();
            for hook in hooks.filter(|it| !(skip_tests && it.events.contains(&manifest::Event::Test))) {
                out.push_str(&format!("---\n# Source: {}\n{}\n", hook.path, hook.manifest));
            }
        }
        out
    }
}
