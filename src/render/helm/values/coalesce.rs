//! A chart's defaults below the values that are given, and so on for the charts within it.
//!
//! `merge` is the original's word for the form that keeps nulls, for as long as somebody may still need to see them.

use super::{deep_copy_map, new_map, put};
use crate::render::{
    gotemplate::{
        Map, Str, Value,
        fmt::{sprint, sprintf},
        strconv::quote,
    },
    helm::{Chart, Error},
};

const GLOBAL: &[u8] = b"global";

/// What the original prints beside its output.
#[derive(Debug, Default)]
pub(super) struct Warnings(pub(super) Vec<String>);

impl Warnings {
    fn say(&mut self, text: String) {
        // One mistake in a list of globals is found once for every chart.
        if self.0.len() < 1_000 {
            self.0.push(text);
        }
    }
}

/// The values of a chart and of the charts within it: `vals` count most, then the chart's own, then those of the charts
/// within it. A null takes a key out.
///
/// # Errors
/// When something else than a table stands where a chart's values should be.
pub fn coalesce(chart: &Chart, vals: &Map) -> Result<Map, Error> {
    Coalesce { warnings: &mut Warnings::default(), merge: false }.values(chart, vals)
}

/// `over` above `base`, without a chart.
pub(in crate::render::helm) fn coalesce_tables(over: &Map, base: &Map) -> Map {
    let all = new_map();
    let mut coalesce = Coalesce { warnings: &mut Warnings::default(), merge: false };
    coalesce.tables(&all, &deep_copy_map(over), "");
    coalesce.tables(&all, base, "");
    all
}

pub(super) struct Coalesce<'w> {
    pub(super) warnings: &'w mut Warnings,
    pub(super) merge: bool,
}

fn prefixed(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}

fn text(key: &Str) -> String {
    key.to_text().into_owned()
}

/// `%v`.
fn print(value: &Value) -> String {
    String::from_utf8_lossy(&sprint(std::slice::from_ref(value)).unwrap_or_default()).into_owned()
}

impl Coalesce<'_> {
    /// As [`coalesce`], on a copy of what is given.
    pub(super) fn values(&mut self, chart: &Chart, vals: &Map) -> Result<Map, Error> {
        let vals = deep_copy_map(vals);
        self.chart(chart, &vals, "")?;
        Ok(vals)
    }

    fn chart(&mut self, chart: &Chart, dest: &Map, prefix: &str) -> Result<(), Error> {
        self.defaults(chart, dest, prefix);
        for child in &chart.dependencies {
            let name = child.name();
            let values = match dest.get(name.as_bytes()) {
                None => {
                    let values = new_map();
                    put(dest, name, values.clone());
                    values
                }
                Some(Value::Map(map)) if !map.is_nil() => map,
                Some(other) => {
                    let shown = sprintf(b"%t", &[other]).unwrap_or_default();
                    let shown = String::from_utf8_lossy(&shown);
                    return Err(Error::Values(format!("type mismatch on {name}: {shown}")));
                }
            };
            let below = prefixed(prefix, chart.name());
            self.globals(&values, dest, &below);
            self.chart(child, &values, &below)?;
        }
        Ok(())
    }

    /// Merges the globals of `src` into those of `dest`, which is a chart within it.
    fn globals(&mut self, dest: &Map, src: &Map, prefix: &str) {
        let own = match dest.get(GLOBAL) {
            None => new_map(),
            Some(Value::Map(map)) => map,
            Some(_) => {
                self.warnings
                    .say("warning: skipping globals because destination global is not a table.".into());
                return;
            }
        };
        let given = match src.get(GLOBAL) {
            None => new_map(),
            Some(Value::Map(map)) => map,
            Some(_) => {
                self.warnings.say("warning: skipping globals because source global is not a table.".into());
                return;
            }
        };
        for (key, value) in given.to_vec() {
            match (value, own.get(&key)) {
                (Value::Map(map), None) => put(&own, key, map.shallow_copy()),
                (Value::Map(map), Some(Value::Map(known))) => {
                    let copy = map.shallow_copy();
                    // Globals count from the top down, so the two change places.
                    let below = prefixed(prefix, &text(&key));
                    Coalesce { warnings: self.warnings, merge: true }.tables(&copy, &known, &below);
                    put(&own, key, copy);
                }
                (Value::Map(_), Some(_)) => {
                    let key = quote(&key);
                    let why = "Conflict: cannot merge map onto non-map for";
                    self.warnings.say(format!("{why} {key}. Skipping."));
                }
                (_, Some(Value::Map(_))) => {
                    self.warnings.say(format!("key {} is table. Skipping", text(&key)));
                }
                (value, _) => put(&own, key, value),
            }
        }
        put(dest, "global", own);
    }

    /// Fills in the defaults of one chart.
    fn defaults(&mut self, chart: &Chart, vals: &Map, prefix: &str) {
        let below = prefixed(prefix, chart.name());
        let Some(defaults) = &chart.values else { return };
        for (key, default) in super::from_map(defaults).to_vec() {
            match vals.get(&key) {
                Some(Value::Nil) if !self.merge => {
                    vals.remove(&key);
                }
                Some(Value::Map(dest)) => match default {
                    Value::Map(src) => {
                        let merge =
                            self.merge || chart.dependencies.iter().any(|it| *it.name().as_bytes() == *key);
                        if !merge {
                            without_nulls(&src);
                        }
                        let path = prefixed(&below, &text(&key));
                        Coalesce { warnings: self.warnings, merge }.tables(&dest, &src, &path);
                    }
                    Value::Nil => (),
                    _ => {
                        let key = text(&key);
                        self.warnings.say(format!("warning: skipped value for {below}.{key}: Not a table."));
                    }
                },
                Some(_) => (),
                None => {
                    if !self.merge {
                        match &default {
                            Value::Nil => continue,
                            Value::Map(map) => without_nulls(map),
                            _ => (),
                        }
                    }
                    put(vals, key, default);
                }
            }
        }
    }

    /// Merges `src` below `dst`.
    pub(super) fn tables(&mut self, dst: &Map, src: &Map, prefix: &str) {
        let given: Vec<Str> = src
            .to_vec()
            .into_iter()
            .filter(|(_, it)| !matches!(it, Value::Nil))
            .map(|(key, _)| key)
            .collect();
        for (key, value) in dst.to_vec() {
            if matches!(value, Value::Nil) {
                put(src, key, Value::Nil);
            }
        }
        for (key, value) in src.to_vec() {
            let path = || prefixed(prefix, &text(&key));
            match (dst.get(&key), value) {
                (Some(Value::Nil), _) if !self.merge && given.binary_search(&key).is_ok() => {
                    dst.remove(&key);
                }
                (None, value) => put(dst, key, value),
                (Some(Value::Map(known)), Value::Map(map)) => self.tables(&known, &map, &path()),
                (Some(_), value @ Value::Map(_)) => {
                    let (path, value) = (path(), print(&value));
                    let why = "warning: cannot overwrite table with non table for";
                    self.warnings.say(format!("{why} {path} ({value})"));
                }
                (Some(Value::Map(_)), Value::Nil) => (),
                (Some(Value::Map(_)), value) => {
                    let (path, value) = (path(), print(&value));
                    let why = format!("warning: destination for {path} is a table. Ignoring non-table value");
                    self.warnings.say(format!("{why} ({value})"));
                }
                (Some(_), _) => (),
            }
        }
    }
}

/// Takes out every key that holds null, at any depth of tables.
fn without_nulls(map: &Map) {
    for (key, value) in map.to_vec() {
        match value {
            Value::Nil => {
                map.remove(&key);
            }
            Value::Map(inner) => without_nulls(&inner),
            _ => (),
        }
    }
}
