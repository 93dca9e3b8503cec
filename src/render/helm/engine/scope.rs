//! What the templates of each chart see: their own values, and what all share.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Capabilities, Release, files};
use crate::render::{
    gotemplate::{Map, Str, Value, value::object},
    helm::{
        Chart,
        values::{VALUES, new_map, put, table},
    },
};

/// A template with the scope of its chart.
pub(super) struct Source {
    /// `chart/charts/child/templates/x.yaml`.
    pub(super) path: String,
    pub(super) text: Str,
    pub(super) scope: Map,
    /// `chart/charts/child`.
    place: String,
}

impl Source {
    /// Whether it is only there for others.
    pub(super) fn is_partial(&self) -> bool {
        self.path.rsplit('/').next().is_some_and(|it| it.starts_with('_'))
    }

    /// What it sees as `.Template`.
    pub(super) fn template(&self) -> Value {
        let base = format!("{}/templates", self.place);
        let entries = [(Str::from("Name"), self.path.as_str().into()), ("BasePath".into(), base.into())];
        Map::new(&VALUES, entries.into()).into()
    }
}

/// All templates of a chart and those within it.
pub(super) struct Scope {
    pub(super) sources: BTreeMap<String, Source>,
}

impl Scope {
    pub(super) fn new(chart: &Chart, values: &Map, release: &Release, capabilities: &Capabilities) -> Self {
        let about = new_map();
        put(&about, "Name", release.name.as_str());
        put(&about, "Namespace", release.namespace.as_str());
        put(&about, "IsUpgrade", release.is_upgrade);
        put(&about, "IsInstall", !release.is_upgrade);
        put(&about, "Revision", Value::int(release.revision));
        put(&about, "Service", "Helm");
        let shared = Shared { release: about, capabilities: object(capabilities.clone()) };
        let mut scope = Self { sources: BTreeMap::new() };
        scope.add(chart, None, values.clone().with_type(&VALUES), &shared, chart.name());
        scope
    }

    /// Adds the templates of one chart and of those within it, and gives its scope.
    fn add(&mut self, chart: &Chart, above: Option<&Map>, values: Map, shared: &Shared, place: &str) -> Map {
        let children = new_map();
        let scope = Map::new(&VALUES, BTreeMap::new());
        let files = chart.files.other.iter().map(|it| (it.name.as_str(), &it.data));
        put(&scope, "Chart", chart.metadata.to_value(above.is_none()));
        put(&scope, "Files", files::files(files));
        put(&scope, "Release", shared.release.clone());
        put(&scope, "Capabilities", shared.capabilities.clone());
        put(&scope, "Values", values);
        put(&scope, "Subcharts", children.clone());
        for child in &chart.dependencies {
            let values = table::table(&scope, &format!("Values.{}", child.name()));
            let values =
                values.map_or_else(|_| Map::new(&VALUES, BTreeMap::new()), |it| it.with_type(&VALUES));
            let inner = self.add(child, Some(&scope), values, shared, &Chart::place_of(place, child));
            put(&children, child.name(), inner.with_type(&crate::render::gotemplate::value::ANY_MAP));
        }
        for file in &chart.files.templates {
            let base = file.name.rsplit('/').next().unwrap_or_default();
            if chart.is_library() && !base.starts_with('_') {
                continue;
            }
            let path = format!("{place}/{}", file.name);
            let source = Source {
                path: path.clone(),
                text: file.data.clone(),
                scope: scope.clone(),
                place: place.to_owned(),
            };
            self.sources.insert(path, source);
        }
        scope
    }
}

/// What every chart sees alike.
struct Shared {
    release: Map,
    capabilities: Value,
}

/// The order in which templates are parsed and executed: the deepest first, and backwards among those of one depth.
pub(super) fn sorted(sources: BTreeMap<String, Source>) -> Vec<Source> {
    let mut sources: Vec<Source> = sources.into_values().collect();
    sources.sort_by_cached_key(|it| Reverse((it.path.matches('/').count(), it.path.clone())));
    sources
}
