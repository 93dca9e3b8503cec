//! `Chart.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Dependency,
    decode::{Decoder, Fields, Path, mapping},
};
use crate::{
    render::gotemplate::{
        Map, Str, Value,
        sprig::semver,
        strconv::{is_print, quote},
        value::STRING_MAP,
    },
    yaml,
};

/// What a chart says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The name.
    pub name: String,
    /// A page about it.
    pub home: String,
    /// Where its sources are.
    pub sources: Vec<String>,
    /// Its version.
    pub version: String,
    /// A sentence about it.
    pub description: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Who looks after it.
    pub maintainers: Vec<Maintainer>,
    /// An image.
    pub icon: String,
    /// `v1` or `v2`.
    pub api_version: String,
    /// Read and not used.
    pub condition: String,
    /// Read and not used.
    pub tags: String,
    /// The version of what it installs.
    pub app_version: String,
    /// Whether nobody should use it any more.
    pub deprecated: bool,
    /// Whatever others want to know of it; none where there is no such field.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Which versions of Kubernetes it is for.
    pub kube_version: String,
    /// What it stands on.
    pub dependencies: Vec<Dependency>,
    /// Whether it says on what it stands, if only that it is nothing.
    pub lists_dependencies: bool,
    /// `application` or `library`; empty is the first.
    pub kind: String,
}

/// Someone who looks after a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintainer {
    /// The name.
    pub name: String,
    /// An address for mail.
    pub email: String,
    /// An address on the web.
    pub url: String,
}

impl Fields for Maintainer {
    const NAME: &'static str = "Maintainer";

    fn field(&mut self, name: &str, value: &yaml::Value, path: &Path<'_>, decoder: &mut Decoder) -> bool {
        match name {
            "name" => decoder.text(&mut self.name, value, path),
            "email" => decoder.text(&mut self.email, value, path),
            "url" => decoder.text(&mut self.url, value, path),
            _ => return false,
        }
        true
    }
}

/// The fields while they may still hold nil pointers.
#[derive(Default)]
pub(in crate::render::helm) struct Draft {
    pub(in crate::render::helm) metadata: Metadata,
    maintainers: Vec<Option<Maintainer>>,
    dependencies: Vec<Option<Dependency>>,
}

impl Fields for Draft {
    const NAME: &'static str = "Metadata";

    fn field(&mut self, name: &str, value: &yaml::Value, path: &Path<'_>, decoder: &mut Decoder) -> bool {
        let it = &mut self.metadata;
        match name {
            "name" => decoder.text(&mut it.name, value, path),
            "home" => decoder.text(&mut it.home, value, path),
            "sources" => decoder.texts(&mut it.sources, value, path),
            "version" => decoder.text(&mut it.version, value, path),
            "description" => decoder.text(&mut it.description, value, path),
            "keywords" => decoder.texts(&mut it.keywords, value, path),
            "maintainers" => decoder.structures(&mut self.maintainers, value, path, "[]*v2.Maintainer"),
            "icon" => decoder.text(&mut it.icon, value, path),
            "apiVersion" | "apiversion" => decoder.text(&mut it.api_version, value, path),
            "condition" => decoder.text(&mut it.condition, value, path),
            "tags" => decoder.text(&mut it.tags, value, path),
            "appVersion" | "appversion" => decoder.text(&mut it.app_version, value, path),
            "deprecated" => decoder.truth(&mut it.deprecated, value, path),
            "annotations" => decoder.text_map(&mut it.annotations, value, path),
            "kubeVersion" | "kubeversion" => decoder.text(&mut it.kube_version, value, path),
            "dependencies" => {
                it.lists_dependencies = matches!(value, yaml::Value::Seq(_));
                decoder.structures(&mut self.dependencies, value, path, "[]*v2.Dependency");
            }
            "type" => decoder.text(&mut it.kind, value, path),
            _ => return false,
        }
        true
    }
}

impl Draft {
    /// Reads `Chart.yaml` or `requirements.yaml` over what is there.
    ///
    /// # Errors
    /// In the original's words.
    pub(in crate::render::helm) fn read(&mut self, text: &[u8]) -> Result<(), String> {
        let Some(map) = mapping(text, "v2.Metadata")? else { return Ok(()) };
        let mut decoder = Decoder::default();
        decoder.structure(self, &map, None);
        decoder.finish()
    }

    /// The maintainers; none for a null.
    pub(in crate::render::helm) fn maintainers(&self) -> &[Option<Maintainer>] {
        &self.maintainers
    }

    /// Whether it names a dependency.
    pub(in crate::render::helm) fn depends(&self) -> bool {
        !self.dependencies.is_empty()
    }

    /// Checks and cleans what was read.
    ///
    /// # Errors
    /// In the original's words.
    pub(super) fn validated(self) -> Result<Metadata, String> {
        self.checked().map_err(|error| format!("validation: {error}"))
    }

    fn checked(self) -> Result<Metadata, String> {
        let Self { metadata: mut it, maintainers, dependencies } = self;
        for text in [
            &mut it.name,
            &mut it.description,
            &mut it.home,
            &mut it.icon,
            &mut it.condition,
            &mut it.tags,
            &mut it.app_version,
            &mut it.kube_version,
        ] {
            sanitized(text);
        }
        it.sources.iter_mut().chain(&mut it.keywords).for_each(sanitized);
        if it.api_version.is_empty() {
            return Err("chart.metadata.apiVersion is required".into());
        }
        if it.name.is_empty() {
            return Err("chart.metadata.name is required".into());
        }
        let name = quote(it.name.as_bytes());
        if it.name == "." || it.name == ".." {
            return Err(format!("chart.metadata.name {name} is not allowed"));
        }
        if it.name.contains('/') {
            return Err(format!("chart.metadata.name {name} is invalid"));
        }
        if it.version.is_empty() {
            return Err("chart.metadata.version is required".into());
        }
        if semver::Version::parse(&it.version).is_err() {
            return Err(format!("chart.metadata.version {} is invalid", quote(it.version.as_bytes())));
        }
        if !matches!(it.kind.as_str(), "" | "application" | "library") {
            return Err("chart.metadata.type must be application or library".into());
        }
        for maintainer in maintainers {
            let null = || "maintainers must not contain empty or null nodes".to_owned();
            let mut maintainer = maintainer.ok_or_else(null)?;
            for text in [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url] {
                sanitized(text);
            }
            it.maintainers.push(maintainer);
        }
        let mut known = BTreeSet::new();
        for dependency in dependencies {
            let null = || "dependencies must not contain empty or null nodes".to_owned();
            let mut dependency = dependency.ok_or_else(null)?;
            dependency.validate()?;
            if !known.insert(dependency.key().to_owned()) {
                let key = quote(dependency.key().as_bytes());
                return Err(format!("more than one dependency with name or alias {key}"));
            }
            it.dependencies.push(dependency);
        }
        Ok(it)
    }
}

impl Metadata {
    /// What templates see as `.Chart`: the fields under their names in Go, the empty ones too.
    pub fn to_value(&self, is_root: bool) -> Value {
        let text = |text: &String| Value::from(text.as_str());
        let annotations = match &self.annotations {
            None => Map::nil(&STRING_MAP),
            Some(map) => Map::new(
                &STRING_MAP,
                map.iter().map(|(key, value)| (Str::from(key.as_str()), text(value))).collect(),
            ),
        };
        let maintainers = self.maintainers.iter().map(|it| {
            Value::map(BTreeMap::from([
                (Str::from("Name"), text(&it.name)),
                ("Email".into(), text(&it.email)),
                ("URL".into(), text(&it.url)),
            ]))
        });
        Value::map(BTreeMap::from([
            (Str::from("Name"), text(&self.name)),
            ("Home".into(), text(&self.home)),
            ("Sources".into(), self.sources.iter().map(text).collect()),
            ("Version".into(), text(&self.version)),
            ("Description".into(), text(&self.description)),
            ("Keywords".into(), self.keywords.iter().map(text).collect()),
            ("Maintainers".into(), maintainers.collect()),
            ("Icon".into(), text(&self.icon)),
            ("APIVersion".into(), text(&self.api_version)),
            ("Condition".into(), text(&self.condition)),
            ("Tags".into(), text(&self.tags)),
            ("AppVersion".into(), text(&self.app_version)),
            ("Deprecated".into(), self.deprecated.into()),
            ("Annotations".into(), annotations.into()),
            ("KubeVersion".into(), text(&self.kube_version)),
            ("Dependencies".into(), self.dependencies.iter().map(Dependency::to_value).collect()),
            ("Type".into(), text(&self.kind)),
            ("IsRoot".into(), is_root.into()),
        ]))
    }
}

/// Every space becomes a plain one, and what does not print goes.
pub(super) fn sanitized(text: &mut String) {
    let clean = |c: char| match c {
        c if c.is_whitespace() => Some(' '),
        c if is_print(c.into()) => Some(c),
        _ => None,
    };
    if text.chars().any(|c| clean(c) != Some(c)) {
        *text = text.chars().filter_map(clean).collect();
    }
}
