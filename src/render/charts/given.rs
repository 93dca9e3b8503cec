//! The values that a chart is given: those of the spec, and below them what the cluster and the site have.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use crate::{
    bundle::{ChannelScope, ValuesFrom, ValuesKind},
    object::{Gvk, Object},
    render::{
        Answers, Lookup, Needs, Spec, Why, gotemplate,
        helm::values::{self, Layer},
        reach,
    },
    yaml,
};

/// What is known beside the spec.
pub(super) struct Known<'a> {
    /// What the site answered.
    pub(super) site: &'a Map<String, Value>,
    /// What the cluster answered; none: nobody can ask it, and what it has is left out.
    pub(super) answers: Option<&'a Answers>,
}

/// What the cluster must be asked before the values of a spec are known.
///
/// # Errors
/// When the channel may not read it.
pub(super) fn questions(spec: &Spec, answers: &Answers, reach: &ChannelScope) -> Result<Needs, Why> {
    let mut needs = Needs::default();
    for asked in spec.values_from.iter().filter_map(|it| question(it, spec)) {
        reach::check_read(&asked, reach)?;
        if !answers.lookups.contains_key(&asked) {
            needs.lookups.insert(asked);
        }
    }
    Ok(needs)
}

/// All values of a spec.
///
/// # Errors
/// When something is not there that must be, or is not what it should be.
pub(super) fn given(spec: &Spec, known: &Known<'_>) -> Result<gotemplate::Map, Why> {
    let mut layers = Vec::new();
    let mut sources = Vec::new();
    // What was missed once is told in other words.
    let mut missed = BTreeSet::new();
    for source in &spec.values_from {
        let layer = match (source.kind, known.answers) {
            (ValuesKind::Site, _) => of_site(source, known.site)?,
            (_, None) => None,
            (_, Some(answers)) => of_cluster(source, spec, answers, &mut missed)?,
        };
        if let Some(layer) = layer {
            layers.push(layer);
            sources.push(source);
        }
    }
    let layered = values::layered(&layers, &table(&spec.values));
    layered.map_err(|(at, error)| match sources.get(at) {
        Some(source) => wrong(source, spec, &error, false),
        None => Why::ValuesFrom { what: error, missing: false },
    })
}

/// Plain data as templates see it.
fn table(map: &Map<String, Value>) -> gotemplate::Map {
    let map: yaml::Map = map.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    values::from_map(&map)
}

/// What holds the values, where the cluster does.
fn question(source: &ValuesFrom, spec: &Spec) -> Option<Lookup> {
    let kind = match source.kind {
        ValuesKind::ConfigMap => "ConfigMap",
        ValuesKind::Secret => "Secret",
        ValuesKind::Site => return None,
    };
    let (namespace, name) = (spec.values_namespace.clone(), source.name.clone());
    Some(Lookup { gvk: Gvk::parse("v1", kind)?, namespace, name })
}

/// One source of the cluster; none: it is not there and need not be.
fn of_cluster(
    source: &ValuesFrom,
    spec: &Spec,
    answers: &Answers,
    missed: &mut BTreeSet<Lookup>,
) -> Result<Option<Layer>, Why> {
    let Some(asked) = question(source, spec) else { return Ok(None) };
    let missing = |why: &str| match source.optional {
        true => Ok(None),
        false => Err(wrong(source, spec, why, true)),
    };
    let Some(object) = answers.lookups.get(&asked).and_then(|it| it.first()) else {
        let plural = if source.kind == ValuesKind::Secret { "secrets" } else { "configmaps" };
        return match missed.insert(asked) {
            true => missing(&format!("{plural} \"{}\" not found", source.name)),
            false => missing("resource not found"),
        };
    };
    let Some(text) = data(object, source) else { return missing("key not found") };
    let text = text.map_err(|why| wrong(source, spec, &why, false))?;
    Ok(Some(match &source.target_path {
        None => Layer::Document(text),
        Some(path) => Layer::Set {
            path: path.clone(),
            text: String::from_utf8_lossy(&text).into_owned(),
            literal: source.literal,
        },
    }))
}

/// What stands under the key.
fn data(object: &Object, source: &ValuesFrom) -> Option<Result<Vec<u8>, String>> {
    let text = object.text(&["data", source.key()])?;
    Some(match source.kind {
        ValuesKind::Secret => {
            BASE64_STANDARD.decode(text).map_err(|error| format!("the Secret holds no base64: {error}"))
        }
        ValuesKind::ConfigMap | ValuesKind::Site => Ok(text.as_bytes().to_vec()),
    })
}

/// What the site answered, whole or in part. These are values already, and nothing is read into them.
fn of_site(source: &ValuesFrom, site: &Map<String, Value>) -> Result<Option<Layer>, Why> {
    let whole;
    let value = match &source.values_key {
        None => {
            whole = Value::Object(site.clone());
            &whole
        }
        Some(key) => match site.get(key) {
            Some(value) => value,
            None if source.optional => return Ok(None),
            None => {
                let what = format!("the site does not answer `{key}`, which the chart's values are to have");
                return Err(Why::ValuesFrom { what, missing: true });
            }
        },
    };
    match (&source.target_path, value) {
        (Some(path), value) => Ok(Some(Layer::Put { path: path.clone(), value: value.clone() })),
        (None, Value::Object(map)) => Ok(Some(Layer::Table(table(map)))),
        (None, _) => {
            let key = source.values_key.as_deref().unwrap_or_default();
            let what = format!("the site's answer `{key}` is no table of values; it needs a `targetPath`");
            Err(Why::ValuesFrom { what, missing: false })
        }
    }
}

/// What is wrong with a source, in the words of Flux's helm-controller.
fn wrong(source: &ValuesFrom, spec: &Spec, why: &str, missing: bool) -> Why {
    if source.kind == ValuesKind::Site {
        let path = source.target_path.as_deref().unwrap_or_default();
        return Why::ValuesFrom {
            what: format!("the site's answer cannot be put at `{path}`: {why}"),
            missing,
        };
    }
    let optional = if source.optional { " optional" } else { "" };
    let (kind, namespace, name, key) = (source.kind, &spec.values_namespace, &source.name, source.key());
    let what = format!(
        "could not resolve{optional} {kind:?} chart values reference '{namespace}/{name}' with key '{key}': {why}"
    );
    Why::ValuesFrom { what, missing }
}
