//! Files to a chart.

use std::{collections::BTreeMap, sync::Arc};

use super::{Chart, File, Files, Lock, archive, decode, metadata::Draft};
use crate::{
    limits,
    render::{gotemplate::Str, helm::Error},
    yaml::{self, Value},
};

/// Editors of Windows put it before the first byte.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The text behind the mark, where there is one.
pub(super) fn without_mark(text: Str) -> Str {
    match text.strip_prefix(MARK) {
        Some(behind) => Str::from(behind),
        None => text,
    }
}

/// Looks at the version of the format, before anything else of a chart.
pub(super) fn check_version(text: &[u8]) -> Result<(), Error> {
    let wrong = |error| Error::Chart(format!("cannot load Chart.yaml: {error}"));
    let map = decode::mapping(text.strip_prefix(MARK).unwrap_or(text), "loader.chartBase")
        .map_err(wrong)?
        .unwrap_or_default();
    match map.get("apiVersion") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(version)) if matches!(version.as_str(), "" | "v1" | "v2") => Ok(()),
        Some(Value::Seq(_) | Value::Map(_)) => Ok(()),
        Some(_) => Err(Error::Chart("unsupported chart version".into())),
    }
}

/// Makes a chart of its files, in their order.
pub(super) fn load(files: Vec<File>) -> Result<Chart, Error> {
    load_nested(files, 0, &mut { limits::CHART_TOTAL_BYTES })
}

/// As [`load`], `depth` charts deep, with what archives may still unpack to.
pub(super) fn load_nested(files: Vec<File>, depth: usize, left: &mut u64) -> Result<Chart, Error> {
    if depth > limits::CHART_DEPTH {
        return Err(Error::Chart(format!("charts lie more than {} deep", limits::CHART_DEPTH)));
    }
    let cannot = |name: &str| {
        let name = name.to_owned();
        move |error: String| Error::Chart(format!("cannot load {name}: {error}"))
    };
    let mut draft = Draft::default();
    let mut found = false;
    for file in files.iter().filter(|it| it.name == "Chart.yaml") {
        found = true;
        draft.read(&file.data).map_err(cannot("Chart.yaml"))?;
        // Helm 2 took charts that do not say it.
        if draft.metadata.api_version.is_empty() {
            draft.metadata.api_version = "v1".into();
        }
    }
    let mut values = None;
    let mut kept = Files::default();
    let mut inner: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for mut file in files {
        match file.name.as_str() {
            "Chart.yaml" => (),
            "Chart.lock" => kept.lock = Lock::read(&file.data).map_err(cannot("Chart.lock"))?,
            "values.yaml" => {
                let read = read_values(&file.data).map_err(cannot("values.yaml"))?;
                values = Some(Arc::new(read));
            }
            "values.schema.json" => kept.schema = Some(file.data),
            // What charts of version 1 have beside `Chart.yaml`. A later version still reads it.
            "requirements.yaml" => {
                found = true;
                draft.read(&file.data).map_err(cannot("requirements.yaml"))?;
                if draft.metadata.api_version == "v1" {
                    kept.other.push(file);
                }
            }
            "requirements.lock" => {
                found = true;
                kept.lock = Lock::read(&file.data).map_err(cannot("requirements.lock"))?;
                if draft.metadata.api_version == "v1" {
                    kept.other.push(file);
                }
            }
            name if name.starts_with("templates/") => kept.templates.push(file),
            name if name.starts_with("charts/") && !name.ends_with(".prov") => {
                let name = name.trim_start_matches("charts/").to_owned();
                let chart = name.split('/').next().unwrap_or_default().to_owned();
                file.name = name;
                inner.entry(chart).or_default().push(file);
            }
            _ => kept.other.push(file),
        }
    }
    if !found {
        return Err(Error::Chart("Chart.yaml file is missing".into()));
    }
    let metadata = draft.validated().map_err(Error::Chart)?;
    let mut chart = Chart { metadata, values, files: Arc::new(kept), dependencies: Vec::new() };
    for (name, files) in inner {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let wrong = |error: Error| {
            Error::Chart(format!("error unpacking subchart {name} in {}: {error}", chart.name()))
        };
        let child = if name.ends_with(".tgz") {
            match files.first() {
                Some(file) if file.name == name => archive::read_nested(&file.data, depth + 1, left),
                other => {
                    let got = other.map_or("", |it| &it.name);
                    let place = chart.name();
                    let why = format!("error unpacking subchart tar in {place}: expected {name}, got {got}");
                    return Err(Error::Chart(why));
                }
            }
        } else {
            // A file directly in `charts/` is no chart.
            let inner = files.into_iter().filter_map(|file| {
                let (_, name) = file.name.split_once('/')?;
                Some(File { name: name.to_owned(), data: file.data })
            });
            load_nested(inner.collect(), depth + 1, left)
        };
        chart.dependencies.push(child.map_err(wrong)?);
    }
    Ok(chart)
}

/// Reads a file of values: of several documents a later one is merged over the earlier ones.
///
/// # Errors
/// In the original's words.
pub fn read_values(text: &[u8]) -> Result<yaml::Map, String> {
    let mut values = yaml::Map::new();
    for document in documents(text)? {
        let map = decode::mapping(document, "map[string]interface {}");
        let map = map.map_err(|error| format!("cannot unmarshal yaml document: {error}"))?;
        merge(&mut values, map.unwrap_or_default());
    }
    Ok(values)
}

/// Merges `over` into `base`: mappings are merged, everything else is replaced.
pub(crate) fn merge(base: &mut yaml::Map, over: yaml::Map) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Map(base)), Value::Map(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The documents between lines that begin with three hyphens.
fn documents(text: &[u8]) -> Result<Vec<&[u8]>, String> {
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if let Some(rest) = line.strip_prefix(b"---") {
            let rest = String::from_utf8_lossy(rest);
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(format!("error reading yaml document: invalid Yaml document separator: {rest}"));
            }
            // The line belongs to what follows it.
            if at > start {
                documents.extend(text.get(start..at));
                // What ends a document is read away with it.
                start = at + line.len();
            }
        }
        at += line.len();
    }
    if text.len() > start {
        documents.extend(text.get(start..));
    }
    Ok(documents)
}
