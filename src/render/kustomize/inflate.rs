//! Charts as generators: what the original has `helm template` print, our own engine renders.
//!
//! A chart lies below the kustomization (`charts/NAME`, or where `chartHome` says), or it is one of the sources that the
//! files know. The original would pull it there; nothing is fetched here.

use super::{
    Build, Charts, Error,
    decode::{Decoder, FromValue, from_yaml},
    error::Cause,
    files::Files,
    kustomization::{HelmChart, HelmGlobals},
    loader::Loader,
    merge::{Growth, merge},
    path::join,
    read,
    resmap::ResMap,
    resource::{Resource, annotation},
    text::print,
    value::{Form, from_value, to_value_directly},
};
use crate::{
    limits,
    render::{
        gotemplate::sprig::clock::Time,
        helm::{self, Randomness, Release, World, values::Overrides},
    },
    yaml::{Value, Version, emit::emit, json::through_json, parse_first},
};

/// A chart that is configured.
#[derive(Debug)]
pub(super) struct Inflation {
    chart: HelmChart,
    /// Where charts lie, absolute.
    home: String,
    additional: Vec<String>,
    inline: Inline,
}

/// What becomes of the values that stand in a kustomization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inline {
    /// They are only there for what the chart's values lack.
    Below,
    /// They are laid over the chart's values.
    Above,
    /// The chart's values do not count.
    Alone,
}

/// A chart that is found.
struct Found {
    /// Where it lies.
    directory: String,
    /// Where the original would have put it, if it is one of the sources.
    stands_for: Option<String>,
}

/// Where a chart lies if nobody says it.
const HOME: &str = "charts";

/// The name of a release if nobody says it. The original asks for one that is made of the time, and does not get it.
const RELEASE: &str = "release-name";

impl Inflation {
    /// Looks at what a kustomization says of a chart.
    ///
    /// # Errors
    /// As the original, before anything is rendered.
    pub(super) fn configure(
        charts: Option<&Charts>,
        loader: &Loader<'_>,
        chart: HelmChart,
        globals: &HelmGlobals,
    ) -> Result<Self, Error> {
        Self::check_enabled(charts)?;
        if chart.name.is_empty() {
            return Err(Error::new("chart name cannot be empty"));
        }
        let home = if globals.chart_home.is_empty() { HOME } else { &globals.chart_home };
        let mut home = if home.starts_with('/') { home.to_owned() } else { join(loader.root(), home) };
        if !chart.version.is_empty() && !chart.repo.is_empty() {
            home = join(&home, &format!("{}-{}", chart.name, chart.version));
        }
        let mut additional = Vec::with_capacity(chart.additional_values_files.len());
        for file in &chart.additional_values_files {
            loader.load(file).map_err(|error| error.context("could not load additionalValuesFile"))?;
            // Even an absolute path is one within the kustomization now.
            additional.push(join(loader.root(), file.trim_start_matches('/')));
        }
        let inline = match chart.values_merge.as_str() {
            "" | "override" => Inline::Above,
            "merge" => Inline::Below,
            "replace" => Inline::Alone,
            _ => return Err(Error::new("valuesMerge must be one of [merge override replace]")),
        };
        Ok(Self { chart, home, additional, inline })
    }

    /// The same of a resource.
    ///
    /// # Errors
    /// As [`configure`](Self::configure), and when it is none of a chart.
    pub(super) fn of_resource(
        charts: Option<&Charts>,
        loader: &Loader<'_>,
        config: &Value,
    ) -> Result<Self, Error> {
        Self::check_enabled(charts)?;
        let Says { chart, globals } = from_yaml(config, "HelmChartInflationGeneratorPlugin")?;
        Self::configure(charts, loader, chart, &globals)
    }

    fn check_enabled(charts: Option<&Charts>) -> Result<(), Error> {
        match charts {
            Some(_) => Ok(()),
            None => Err(Error::because(Cause::HelmOff, "must specify --enable-helm")),
        }
    }

    /// Renders the chart.
    ///
    /// # Errors
    /// When there is no such chart, its values cannot be had, or Helm would refuse it.
    pub(super) fn generate<'a>(
        &self,
        build: &mut Build<'a>,
        loader: &Loader<'a>,
    ) -> Result<Vec<Resource>, Error> {
        build.rendered += 1;
        if build.rendered > limits::KUSTOMIZE_CHARTS {
            return Err(Error::limit("the build", limits::KUSTOMIZE_CHARTS, "charts"));
        }
        let found = self.find(loader.files())?;
        let values = self.values(build, loader, &found)?;
        let charts = build.charts.as_ref().ok_or_else(|| Error::new("must specify --enable-helm"))?;
        let text = self.render(charts, loader, &found, values)?;
        let text = build.arena.keep(text.into_bytes());
        let resources = resources(build, text)?;
        for resource in &resources {
            resource.put_annotation(&mut build.nodes, annotation::HELM_GENERATED, "true")?;
        }
        Ok(resources)
    }

    fn find(&self, files: &dyn Files) -> Result<Found, Error> {
        let place = join(&self.home, &self.chart.name);
        let mut shown = "";
        if let Ok(located) = files.locate(&place) {
            if located.is_directory {
                return Ok(Found { directory: located.path, stands_for: None });
            }
            shown = &place;
        }
        let HelmChart { name, version, repo, .. } = &self.chart;
        if repo.is_empty() {
            let message = format!("no repo specified for pull, no chart found at '{shown}'");
            return Err(Error::because(Cause::Missing, message));
        }
        if let Some(directory) = files.chart_of(repo, name, version) {
            return Ok(Found { directory, stands_for: Some(place) });
        }
        let version = if version.is_empty() { "of whatever version" } else { version };
        let message = format!(
            "chart '{name}' ({repo}, {version}) is neither at '{place}' nor part of the bundle's sources, and nothing is \
             fetched"
        );
        Err(Error::because(Cause::RemoteChart, message))
    }

    /// The values that Helm gets in its first file.
    fn values<'a>(
        &self,
        build: &mut Build<'a>,
        loader: &Loader<'a>,
        found: &Found,
    ) -> Result<Vec<u8>, Error> {
        let inline = self.chart.values_inline.as_ref();
        let Some(inline) = inline.filter(|inline| inline.as_map().is_some_and(|map| !map.is_empty())) else {
            return Ok(self.values_file(loader, found)?.to_vec());
        };
        let unprintable = |error: Error| error.context("error marshaling into JSON");
        if self.inline == Inline::Alone {
            let inline = through_json(inline.clone()).map_err(|error| unprintable(error.into()))?;
            return Ok(emit(&inline).into_bytes());
        }
        let file = self.values_file(loader, found)?;
        let unreadable = |error: Error| error.context("could not parse values file into rnode");
        let document = parse_first(file, Version::V3).map_err(|error| unreadable(error.into()))?;
        if document.root().is_none() {
            return Err(unreadable(Error::new("EOF")));
        }
        let nodes = &mut build.nodes;
        let own = nodes.take_without_aliases(&document)?;
        let inline = from_value(nodes, inline, Form::Go);
        let (below, above) = if self.inline == Inline::Above { (own, inline) } else { (inline, own) };
        let merged = merge(nodes, &build.schemas, below, above, Growth::Append)
            .map_err(|error| error.context("could not merge values"))?;
        let Some(merged) = merged else { return Ok(b"{}\n".to_vec()) };
        let value = to_value_directly(nodes, merged).map_err(|error| {
            // It is a map, and what has no JSON is told when it is printed.
            if error.message().starts_with("json: ") {
                return unprintable(error);
            }
            let all = print(nodes, merged);
            let error =
                error.reworded(|text| format!("received error {text} for the following resource:\n{all}"));
            error.context("could not parse merged values into map")
        })?;
        Ok(emit(&through_json(value).map_err(|error| unprintable(error.into()))?).into_bytes())
    }

    fn values_file<'a>(&self, loader: &Loader<'a>, found: &Found) -> Result<&'a [u8], Error> {
        let path = match self.chart.values_file.as_str() {
            "" => join(&join(&self.home, &self.chart.name), "values.yaml"),
            path => path.to_owned(),
        };
        // What would have been pulled into the kustomization is read where it is instead.
        if let Some(place) = &found.stands_for {
            let base = if path.starts_with('/') { "/" } else { loader.root() };
            let absolute = join(base, &path);
            if let Some(inside) = absolute.strip_prefix(place).filter(|inside| inside.starts_with('/')) {
                let real = format!("{}{inside}", found.directory);
                let located = loader.files().locate(&real).and_then(|it| loader.files().read(&it.path));
                return located.map_err(|why| Error::because(Cause::Missing, why));
            }
        }
        loader.load(&path)
    }

    /// What `helm template` would print.
    fn render(
        &self,
        charts: &Charts,
        loader: &Loader<'_>,
        found: &Found,
        values: Vec<u8>,
    ) -> Result<String, Error> {
        let failed = |why: String| Error::because(Cause::Chart, format!("Error: {why}"));
        let chart = &self.chart;
        let mut capabilities = charts.capabilities.clone();
        let said = Some(chart.kube_version.as_str()).filter(|it| !it.is_empty());
        if let Some(version) = said.or(charts.kube_version.as_deref()) {
            let parsed = version.parse();
            capabilities.kube_version =
                parsed.map_err(|why| failed(format!("invalid kube version '{version}': {why}")))?;
        }
        let more = if chart.api_versions.is_empty() { &charts.api_versions } else { &chart.api_versions };
        capabilities.api_versions.extend(more.iter().flat_map(|it| it.split(',')).map(str::to_owned));
        let name = match (chart.release_name.as_str(), chart.name_template.as_str()) {
            ("", "") => RELEASE.to_owned(),
            ("", template) => helm::name_of_template(template, charts.world()).map_err(failed)?,
            (name, "") => name.to_owned(),
            _ => return Err(failed("cannot set --name-template and also specify a name".to_owned())),
        };
        let mut files = vec![(format!("{}-kustomize-values.yaml", chart.name), values)];
        for path in &self.additional {
            let located = loader.files().locate(path).and_then(|it| loader.files().read(&it.path));
            files.push((path.clone(), located.map_err(failed)?.to_vec()));
        }
        let words = |error: helm::Error| match error {
            helm::Error::Random => Error::because(Cause::Random, error.to_string()),
            error if error.is_late() && !chart.debug => {
                failed(format!("{error}\n\nUse --debug flag to render out invalid YAML"))
            }
            error => failed(whole(&error)),
        };
        let given = Overrides { files, ..Overrides::default() }
            .values(&|name| Err(format!("{name} is not read")))
            .map_err(words)?;
        let loaded = loader.files().chart(&found.directory).map_err(words)?;
        helm::check(&loaded).map_err(words)?;
        let namespace = if chart.namespace.is_empty() { "default" } else { &chart.namespace };
        let release = Release { name, namespace: namespace.to_owned(), revision: 1, is_upgrade: false };
        let options = helm::Options { include_crds: chart.include_crds, ..helm::Options::default() };
        let rendered = helm::install(&loaded, &given, &release, &capabilities, options, charts.world());
        Ok(rendered.map_err(words)?.text(chart.skip_hooks, chart.skip_tests))
    }
}

impl Charts {
    fn world(&self) -> World {
        World {
            now: Time { nanos: self.nanos, ..Time::unix(self.seconds) },
            random: self.secret.map_or(Randomness::Missing, Randomness::Derived),
            // As `helm template` has none.
            cluster: None,
            budget: self.budget,
            lenient: false,
        }
    }
}

/// An error with all that lies behind it, in one line.
fn whole(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", whole(source)),
        None => error.to_string(),
    }
}

/// The resources of what Helm printed. The original reads it twice where the first time fails, in other words.
fn resources<'a>(build: &mut Build<'a>, text: &'a [u8]) -> Result<Vec<Resource>, Error> {
    let Build { nodes, arena, schemas, .. } = build;
    let why = match read::resources(nodes, arena, schemas, text).and_then(ResMap::from_list) {
        Ok(map) => return Ok(map.into_list()),
        Err(why) => why,
    };
    Err(match read::documents(nodes, arena, text) {
        Err(error) => error.context("error reading helm output"),
        Ok(found) if found.is_empty() => why.context("could not parse bytes into resource map"),
        Ok(_) => why.context("could not parse rnode slice into resource map"),
    })
}

/// What a resource that configures a chart says.
#[derive(Default)]
struct Says {
    chart: HelmChart,
    globals: HelmGlobals,
}

impl FromValue for Says {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "HelmChartInflationGeneratorPlugin", &mut |decoder, name, value| {
            Ok(it.globals.take(decoder, name, value, &["HelmGlobals"])?
                || it.chart.take(decoder, name, value, &["HelmChart"])?)
        })?;
        Ok(it)
    }
}
