//! Objects in manifests, as far as the connected side has to understand them: whose they are, and what they name.

use std::fmt;

use airlock::archive::{Node, Tree};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

/// An object.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// What it is called.
    pub(super) id: Id,
    /// What it says.
    pub(super) value: Value,
}

/// What an object is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    /// Its API group; empty for the core one.
    pub(super) group: String,
    /// Its API version without the group.
    pub(super) version: String,
    /// Its kind.
    pub(super) kind: String,
    /// Its namespace, where it says one.
    pub(super) namespace: Option<String>,
    /// Its name.
    pub(super) name: String,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)?;
        match self.group.as_str() {
            "" => Ok(()),
            group => write!(f, " ({group})"),
        }
    }
}

/// The objects of a tree of plain manifests, below a directory or in one file of it.
///
/// # Errors
/// When a file is no YAML, or something in it is no object.
pub(super) fn read(tree: &Tree, path: &str) -> Result<Vec<Object>> {
    let wanted = path.trim_start_matches("./").trim_end_matches('/');
    let wanted = if wanted == "." { "" } else { wanted };
    let mut objects = Vec::new();
    let mut found = false;
    for (place, node) in tree.iter() {
        let name = place.as_str();
        let below = wanted.is_empty()
            || name == wanted
            || name.strip_prefix(wanted).is_some_and(|it| it.starts_with('/'));
        if !below {
            continue;
        }
        found = true;
        let manifest = [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
        if let (true, Node::File { bytes, .. }) = (manifest, node) {
            parse(bytes, &mut objects).with_context(|| format!("{name} is no manifest"))?;
        }
    }
    ensure!(found, "nothing lies at `{path}`");
    Ok(objects)
}

fn parse(bytes: &[u8], objects: &mut Vec<Object>) -> Result<()> {
    let text = std::str::from_utf8(bytes).context("it is not UTF-8")?;
    for document in serde_yaml::Deserializer::from_str(text) {
        let mut value = serde_yaml::Value::deserialize(document)?;
        value.apply_merge()?;
        collect(json(value)?, objects)?;
    }
    Ok(())
}

/// Takes an object, or those of a `List`, however deep.
fn collect(value: Value, objects: &mut Vec<Object>) -> Result<()> {
    if value.is_null() {
        return Ok(());
    }
    let text = |path: &[&str]| {
        let found = path.iter().try_fold(&value, |at, name| at.get(name));
        found.and_then(Value::as_str).map(str::to_owned)
    };
    let (Some(api), Some(kind)) = (text(&["apiVersion"]), text(&["kind"])) else {
        bail!("a document lacks `apiVersion` or `kind`");
    };
    if kind.ends_with("List")
        && let Some(Value::Array(items)) = value.get("items")
    {
        return items.iter().try_for_each(|item| collect(item.clone(), objects));
    }
    let (group, version) = api.split_once('/').unwrap_or(("", &api));
    let name = text(&["metadata", "name"]).with_context(|| format!("a {kind} lacks `metadata.name`"))?;
    let id = Id {
        group: group.to_owned(),
        version: version.to_owned(),
        kind,
        namespace: text(&["metadata", "namespace"]),
        name,
    };
    objects.push(Object { id, value });
    Ok(())
}

/// YAML to JSON as Kubernetes takes it: keys are strings.
fn json(value: serde_yaml::Value) -> Result<Value> {
    use serde_yaml::Value as Yaml;
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(it) => it.into(),
        Yaml::Number(it) => serde_json::to_value(it)?,
        Yaml::String(it) => it.into(),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(json).collect::<Result<_>>()?),
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key = match key {
                    Yaml::String(it) => it,
                    Yaml::Number(it) => it.to_string(),
                    Yaml::Bool(it) => it.to_string(),
                    _ => bail!("a key is neither text, a number nor true or false"),
                };
                map.insert(key, json(value)?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(it) => json(it.value)?,
    })
}
