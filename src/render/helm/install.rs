//! A chart to what is installed: the one road from a chart and values to manifests, hooks and notes.

use std::{borrow::Cow, collections::BTreeSet};

use super::{
    Capabilities, Chart, Error, Event, Hook, Lookup, Manifest, Release, World, engine, manifest, schema,
    values,
};
use crate::render::gotemplate::{Map, Str, strconv::quote};

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
    /// The files of `crds/` where they are part of the manifest, each with the name that it is shown under.
    definitions: Vec<(String, Str)>,
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
    let mut definitions = Vec::new();
    if options.include_crds {
        chart.each_crd(&mut |name, file| definitions.push((name, file.data.clone())));
    }
    Ok(Rendered { chart, definitions, manifests, hooks, notes, warnings, needs: written.needs })
}

/// A document below the line that says where it is from.
fn sourced<'t>(path: &'t str, document: Cow<'t, str>) -> [Cow<'t, str>; 5] {
    ["---\n# Source: ".into(), path.into(), "\n".into(), document, "\n".into()]
}

impl Rendered {
    /// The manifest as Helm keeps it: every document with a line that says where it is from.
    pub fn manifest(&self) -> String {
        self.documents().collect()
    }

    fn documents(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let definitions = self.definitions.iter().flat_map(|(name, text)| sourced(name, text.to_text()));
        let manifests = self.manifests.iter().flat_map(|it| sourced(&it.path, it.content.as_str().into()));
        definitions.chain(manifests)
    }

    /// What `helm template` prints.
    pub fn text(&self, no_hooks: bool, skip_tests: bool) -> String {
        self.pieces(no_hooks, skip_tests).concat()
    }

    /// As [`text`](Self::text), in the pieces that it is put together from: they may be megabytes, which nobody has to
    /// move.
    pub fn pieces(&self, no_hooks: bool, skip_tests: bool) -> Vec<Cow<'_, str>> {
        let mut pieces: Vec<Cow<'_, str>> = self.documents().collect();
        // The manifest ends with its text and one line feed, whatever the last document ends with.
        while let Some(last) = pieces.pop() {
            let end = last.trim_end().len();
            if end > 0 {
                pieces.push(match last {
                    Cow::Borrowed(text) => text.trim_end().into(),
                    Cow::Owned(mut text) => {
                        text.truncate(end);
                        text.into()
                    }
                });
                break;
            }
        }
        pieces.push("\n".into());
        let hooks = if no_hooks { &[][..] } else { &self.hooks };
        let shown = hooks.iter().filter(|it| !(skip_tests && it.events.contains(&Event::Test)));
        pieces.extend(shown.flat_map(|hook| sourced(&hook.path, hook.manifest.as_str().into())));
        pieces
    }
}
