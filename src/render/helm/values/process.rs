//! Which of the charts within a chart take part, under which name, and what of their values the parent takes over.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    coalesce::{Coalesce, Warnings},
    deep_copy_map, new_map, put, table, to_map,
};
use crate::{
    render::{
        gotemplate::{
            Map, Str, Value,
            fmt::sprint,
            sprig::semver::{Constraints, Version},
        },
        helm::{Chart, Error, chart::Dependency},
    },
    yaml,
};

/// Takes out the charts that conditions and tags disable, renames those with an alias, and imports values. Gives the
/// warnings of the original.
///
/// # Errors
/// When values do not fit.
pub fn process_dependencies(chart: &mut Chart, values: &Map) -> Result<Vec<String>, Error> {
    let mut warnings = Warnings::default();
    enable(chart, values, "", &mut warnings)?;
    import_all(chart, &mut warnings)?;
    Ok(warnings.0)
}

/// Whether a version is in a range; `false` where either of them is none.
pub(in crate::render::helm) fn is_compatible(constraint: &str, version: &str) -> bool {
    match (Version::parse(version), Constraints::parse(constraint)) {
        (Ok(version), Ok(constraint)) => constraint.check(&version),
        _ => false,
    }
}

fn enable(chart: &mut Chart, values: &Map, path: &str, warnings: &mut Warnings) -> Result<(), Error> {
    if !chart.metadata.lists_dependencies {
        return Ok(());
    }
    let wanted = |it: &Chart, dependency: &Dependency| {
        it.name() == dependency.name && is_compatible(&dependency.version, &it.metadata.version)
    };
    let listed = &mut chart.metadata.dependencies;
    let mut taken: Vec<Chart> = Vec::new();
    for child in &chart.dependencies {
        if !listed.iter().any(|it| wanted(child, it)) {
            taken.push(child.clone());
        }
    }
    for dependency in listed.iter_mut() {
        if let Some(child) = chart.dependencies.iter().find(|it| wanted(it, dependency)) {
            let mut child = child.clone();
            if !dependency.alias.is_empty() {
                child.metadata.name.clone_from(&dependency.alias);
            }
            taken.push(child);
        }
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
        dependency.enabled = true;
    }
    chart.dependencies = taken;
    let values = Coalesce { warnings, merge: false }.values(chart, values)?;
    let listed = &mut chart.metadata.dependencies;
    by_tags(listed, &values, warnings);
    by_conditions(listed, &values, path, warnings);
    let disabled: Vec<String> = listed.iter().filter(|it| !it.enabled).map(|it| it.name.clone()).collect();
    chart.dependencies.retain(|it| !disabled.iter().any(|name| name == it.name()));
    listed.retain(|it| !disabled.contains(&it.name));
    chart.metadata.lists_dependencies = !listed.is_empty();
    for child in &mut chart.dependencies {
        let below = format!("{path}{}.", child.name());
        enable(child, &values, &below, warnings)?;
    }
    Ok(())
}

fn by_tags(dependencies: &mut [Dependency], values: &Map, warnings: &mut Warnings) {
    let Ok(tags) = table::table(values, "tags") else { return };
    for dependency in dependencies {
        let (mut on, mut off) = (false, false);
        for tag in &dependency.tags {
            match tags.get(tag.as_bytes()) {
                Some(Value::Bool(true)) => on = true,
                Some(Value::Bool(false)) => off = true,
                Some(_) => {
                    let chart = &dependency.name;
                    warnings.0.push(format!("returned non-bool value tag={tag} chart={chart}"));
                }
                None => (),
            }
        }
        dependency.enabled = on || !off;
    }
}

fn by_conditions(dependencies: &mut [Dependency], values: &Map, path: &str, warnings: &mut Warnings) {
    for dependency in dependencies {
        for condition in dependency.condition.trim().split(',').filter(|it| !it.is_empty()) {
            match table::scalar(values, &format!("{path}{condition}")) {
                Some(Value::Bool(enabled)) => {
                    dependency.enabled = enabled;
                    break;
                }
                Some(_) => {
                    let chart = &dependency.name;
                    warnings.0.push(format!("returned non-bool value path={condition} chart={chart}"));
                }
                None => (),
            }
        }
    }
}

/// Imports from the deepest charts upwards.
fn import_all(chart: &mut Chart, warnings: &mut Warnings) -> Result<(), Error> {
    for child in &mut chart.dependencies {
        import_all(child, warnings)?;
    }
    import(chart, warnings)
}

/// `%v` of what stands under a key, `<nil>` where nothing does.
fn named(map: &yaml::Map, key: &str) -> String {
    let value = map.get(key).map_or(Value::Nil, super::from_yaml);
    String::from_utf8_lossy(&sprint(&[value]).unwrap_or_default()).into_owned()
}

fn import(chart: &mut Chart, warnings: &mut Warnings) -> Result<(), Error> {
    if !chart.metadata.lists_dependencies {
        return Ok(());
    }
    let values = Coalesce { warnings, merge: true }.values(chart, &new_map())?;
    let imported = new_map();
    for dependency in &mut chart.metadata.dependencies {
        let mut kept = Vec::new();
        for import in &dependency.import_values {
            let (child, parent) = match import {
                yaml::Value::Map(map) => (named(map, "child"), named(map, "parent")),
                yaml::Value::String(name) => (format!("exports.{name}"), ".".to_owned()),
                _ => continue,
            };
            let entry = [("child", &child), ("parent", &parent)];
            kept.push(yaml::Value::Map(
                entry.into_iter().map(|(key, text)| (key.to_owned(), text.as_str().into())).collect(),
            ));
            match table::table(&values, &format!("{}.{child}", dependency.name)) {
                Ok(found) => {
                    let found = if parent == "." { found } else { nested(&parent, &found) };
                    Coalesce { warnings, merge: true }.tables(&imported, &found, "");
                }
                Err(error) => {
                    let chart = &dependency.name;
                    warnings.0.push(format!("ImportValues missing table chart={chart} error={error}"));
                }
            }
        }
        dependency.import_values = kept;
    }
    // What the parent says itself counts more than what it imports.
    let values = deep_copy_map(&values);
    Coalesce { warnings, merge: true }.tables(&values, &imported, "");
    chart.values = Some(Arc::new(to_map(&values)));
    Ok(())
}

/// `a.b` around a table.
fn nested(path: &str, inner: &Map) -> Map {
    let mut at = inner.clone();
    for name in path.rsplit('.') {
        let outer = Map::new(&crate::render::gotemplate::value::ANY_MAP, BTreeMap::<Str, Value>::new());
        put(&outer, name, at);
        at = outer;
    }
    at
}
