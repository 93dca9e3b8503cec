//! Values: where they come from, and what a chart and those within it make of them.

mod coalesce;
mod layers;
mod overrides;
mod process;
mod set;
pub(super) mod table;

use std::collections::BTreeMap;

use crate::{
    render::gotemplate::{Map, Str, Value, value::MapType, value::Type},
    yaml,
};

pub use coalesce::coalesce;
pub(super) use coalesce::coalesce_tables;
pub use layers::{Layer, layered};
pub use overrides::Overrides;
pub(super) use process::is_compatible;
pub use process::process_dependencies;
pub use set::{Kind, Reader, set};

/// What `typeOf .Values` says.
pub static VALUES: MapType = MapType { name: "common.Values", element: Type::Any };

/// A value as Go's decoder of JSON gives it: every number is a float.
#[expect(clippy::cast_precision_loss, reason = "as the original")]
pub fn from_yaml(value: &yaml::Value) -> Value {
    match value {
        yaml::Value::Null => Value::Nil,
        yaml::Value::Bool(truth) => (*truth).into(),
        yaml::Value::Int(number) => Value::float(*number as f64),
        yaml::Value::Uint(number) => Value::float(*number as f64),
        yaml::Value::Float(number) => Value::float(*number),
        yaml::Value::String(text) => text.as_str().into(),
        yaml::Value::Seq(items) => items.iter().map(from_yaml).collect(),
        yaml::Value::Map(map) => from_map(map).into(),
    }
}

/// As [`from_yaml`].
pub fn from_map(map: &yaml::Map) -> Map {
    let entries: BTreeMap<Str, Value> =
        map.iter().map(|(key, value)| (Str::from(key), from_yaml(value))).collect();
    Map::new(&crate::render::gotemplate::value::ANY_MAP, entries)
}

/// 2^53: up to here a float holds every whole number.
const WHOLE: f64 = 9_007_199_254_740_992.0;

fn is_minus_zero(number: f64) -> bool {
    number == 0.0 && number.is_sign_negative()
}

/// The plain data of a value.
#[expect(clippy::cast_possible_truncation, reason = "it was looked at before")]
pub(super) fn to_yaml(value: &Value) -> yaml::Value {
    match value {
        Value::Bool(truth) => yaml::Value::Bool(*truth),
        Value::Int(number, _) => yaml::Value::Int(*number),
        Value::Uint(number, _) => (*number).into(),
        // JSON has no other form for a whole number.
        Value::Float(number, _)
            if number.fract() == 0.0 && number.abs() < WHOLE && !is_minus_zero(*number) =>
        {
            yaml::Value::Int(*number as i64)
        }
        Value::Float(number, _) => yaml::Value::Float(*number),
        Value::Str(text) => yaml::Value::String(text.to_text().into_owned()),
        Value::List(list) => yaml::Value::Seq(list.items().iter().map(to_yaml).collect()),
        Value::Map(map) => yaml::Value::Map(to_map(map)),
        _ => yaml::Value::Null,
    }
}

/// As [`to_yaml`].
pub(super) fn to_map(map: &Map) -> yaml::Map {
    let entry = |(key, value): &(Str, Value)| (key.to_text().into_owned(), to_yaml(value));
    map.to_vec().iter().map(entry).collect()
}

/// A copy that shares nothing.
pub(super) fn deep_copy(value: &Value) -> Value {
    match value {
        Value::List(list) => {
            let items = list.items().iter().map(deep_copy).collect();
            Value::List(crate::render::gotemplate::List::new(list.list_type(), items))
        }
        Value::Map(map) => deep_copy_map(map).into(),
        other => other.clone(),
    }
}

/// As [`deep_copy`]; a nil map becomes an empty one.
pub(super) fn deep_copy_map(map: &Map) -> Map {
    let entries = map.entries();
    let entries = entries.iter().flat_map(|it| it.iter());
    Map::new(map.map_type(), entries.map(|(key, value)| (key.clone(), deep_copy(value))).collect())
}

/// An empty `map[string]interface {}`.
pub(super) fn new_map() -> Map {
    Map::new(&crate::render::gotemplate::value::ANY_MAP, BTreeMap::new())
}

/// Puts a value into a map that is none of the nil ones.
pub(super) fn put(map: &Map, key: impl Into<Str>, value: impl Into<Value>) {
    // Every map here was made by this module, and nil is none of them.
    let _ = map.insert(key.into(), value.into());
}
