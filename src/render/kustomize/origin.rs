//! `buildMetadata`: where a resource comes from, and what changed it.

use super::{
    Error,
    node::Nodes,
    path::join,
    remote::RepoSpec,
    resmap::ResMap,
    resource::{Resource, annotation},
};
use crate::yaml::{Value, Version, emit::emit_pretty, parse_first};

/// Where something comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    path: String,
    repository: String,
    reference: String,
    configured_in: String,
    configured_by: Option<Configuration>,
}

/// The generator or transformer that something comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Configuration {
    api_version: String,
    kind: String,
    name: String,
    namespace: String,
}

impl Origin {
    /// One step further.
    pub(super) fn append(&self, path: &str) -> Self {
        let mut origin = self.clone();
        let mut path = path.to_owned();
        if let Some(spec) = RepoSpec::parse(&path) {
            origin.repository = spec.url();
            origin.reference = spec.reference;
            origin.path.clear();
            // The top of a repository is called as the clone that was not made.
            path = if spec.path.is_empty() { "notCloned".to_owned() } else { super::path::clean(&spec.path) };
        }
        origin.path = join(&origin.path, &path);
        origin
    }

    /// What a built-in generator or transformer of a kustomization says of itself.
    pub(super) fn of_builtin(&self, file: &str, kind: &str) -> Self {
        Self {
            path: String::new(),
            repository: self.repository.clone(),
            reference: self.reference.clone(),
            configured_in: join(&self.path, file),
            configured_by: Some(Configuration {
                api_version: "builtin".to_owned(),
                kind: kind.to_owned(),
                ..Configuration::default()
            }),
        }
    }

    /// What a generator or transformer that is configured by a resource says of itself.
    pub(super) fn of_plugin(nodes: &Nodes<'_>, plugin: &Resource) -> Option<Self> {
        let text = plugin.annotation(nodes, annotation::ORIGIN)?;
        let value = parse_first(text.as_bytes(), Version::V2).ok()?.to_value(Version::V2).ok()?;
        let word = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        Some(Self {
            path: String::new(),
            repository: word("repo"),
            reference: word("ref"),
            configured_in: word("path"),
            configured_by: Some(Configuration {
                api_version: plugin.id().gvk.api_version(),
                kind: plugin.id().gvk.kind.to_string(),
                name: plugin.id().name.to_string(),
                namespace: plugin.id().namespace.to_string(),
            }),
        })
    }

    /// As the annotation has it.
    pub(super) fn text(&self) -> String {
        let mut lines = self.lines("");
        if lines.is_empty() {
            lines.push_str("{}\n");
        }
        lines
    }

    fn lines(&self, indent: &str) -> String {
        let mut out = String::new();
        let mut line = |indent: &str, name: &str, value: &str| {
            if !value.is_empty() {
                let value = emit_pretty(&Value::from(value));
                out.push_str(&format!("{indent}{name}: {value}"));
            }
        };
        line(indent, "path", &self.path);
        line(indent, "repo", &self.repository);
        line(indent, "ref", &self.reference);
        line(indent, "configuredIn", &self.configured_in);
        if let Some(by) = &self.configured_by {
            out.push_str(&format!("{indent}configuredBy:\n"));
            let inner = format!("{indent}  ");
            let mut line = |name: &str, value: &str| {
                if !value.is_empty() {
                    let value = emit_pretty(&Value::from(value));
                    out.push_str(&format!("{inner}{name}: {value}"));
                }
            };
            line("apiVersion", &by.api_version);
            line("kind", &by.kind);
            line("name", &by.name);
            line("namespace", &by.namespace);
        }
        out
    }

    /// As an item of a list.
    fn item(&self) -> String {
        let lines = self.lines("  ");
        format!("- {}", lines.strip_prefix("  ").unwrap_or("{}\n"))
    }

    /// Notes that a transformer went over all resources: those that come from nowhere come from it.
    pub(super) fn mark_transformed(&self, nodes: &mut Nodes<'_>, map: &ResMap) -> Result<(), Error> {
        for resource in map.list() {
            if resource.annotation(nodes, annotation::ORIGIN).is_none() {
                resource.put_annotation(nodes, annotation::ORIGIN, &self.text())?;
                continue;
            }
            let mut all = resource.annotation(nodes, annotation::TRANSFORMATIONS).unwrap_or("").to_owned();
            all.push_str(&self.item());
            resource.put_annotation(nodes, annotation::TRANSFORMATIONS, &all)?;
        }
        Ok(())
    }

    /// Notes where generated resources come from.
    pub(super) fn mark_generated(&self, nodes: &mut Nodes<'_>, resources: &[Resource]) -> Result<(), Error> {
        for resource in resources {
            if resource.annotation(nodes, annotation::ORIGIN).is_none() {
                resource.put_annotation(nodes, annotation::ORIGIN, &self.text())?;
            }
        }
        Ok(())
    }
}
