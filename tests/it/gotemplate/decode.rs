//! Values as `tests/oracle/gotemplate/value` writes them.

use std::collections::BTreeMap;

use airlock::render::gotemplate::{
    List, Map, Str, Type, Value,
    value::{ANY_MAPS, ANYS, FloatKind, INTS, IntKind, ListType, MapType, STRING_MAP, STRINGS, UintKind},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value as Json;

/// A map type with a name, as the oracle has one.
pub static VALUES: MapType = MapType { name: "value.Values", element: Type::Any };

/// The value that a document stands for.
pub fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::float(number.as_f64().unwrap()),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => items.iter().map(value).collect(),
        Json::Object(entries) => match entries.iter().next() {
            Some((key, arg)) if entries.len() == 1 && key.starts_with('$') => special(key, arg),
            _ => Value::map(map(json)),
        },
    }
}

fn map(json: &Json) -> BTreeMap<Str, Value> {
    json.as_object().unwrap().iter().map(|(key, item)| (key.as_str().into(), value(item))).collect()
}

fn list(kind: &'static ListType, arg: &Json) -> Value {
    List::new(kind, arg.as_array().unwrap().iter().map(value).collect()).into()
}

fn special(key: &str, arg: &Json) -> Value {
    let text = arg.as_str().unwrap_or_default();
    let int = |kind| Value::Int(text.parse().unwrap(), kind);
    let uint = |kind| Value::Uint(text.parse().unwrap(), kind);
    let bytes = || Str::from(STANDARD.decode(text).unwrap());
    match key {
        "$int" => int(IntKind::Int),
        "$int8" => int(IntKind::Int8),
        "$int16" => int(IntKind::Int16),
        "$int32" => int(IntKind::Int32),
        "$int64" => int(IntKind::Int64),
        "$uint" => uint(UintKind::Uint),
        "$uint8" => uint(UintKind::Uint8),
        "$uint16" => uint(UintKind::Uint16),
        "$uint32" => uint(UintKind::Uint32),
        "$uint64" => uint(UintKind::Uint64),
        "$uintptr" => uint(UintKind::Uintptr),
        "$float32" => Value::Float(f64::from(text.parse::<f32>().unwrap()), FloatKind::Float32),
        "$float64" => Value::float(text.parse().unwrap()),
        "$complex128" => {
            let part = |at: usize| arg[at].as_str().unwrap().parse().unwrap();
            Value::Complex(part(0), part(1))
        }
        "$string" => Value::Str(bytes()),
        "$bytes" => Value::Bytes(bytes()),
        "$strings" => list(&STRINGS, arg),
        "$ints" => {
            let items = arg.as_array().unwrap().iter();
            let items = items.map(|it| Value::int(it.as_str().unwrap().parse().unwrap())).collect();
            List::new(&INTS, items).into()
        }
        "$maps" => list(&ANY_MAPS, arg),
        "$stringmap" => Map::new(&STRING_MAP, map(arg)).into(),
        "$values" => Map::new(&VALUES, map(arg)).into(),
        "$nil" => match text {
            "map" => Map::nil(&airlock::render::gotemplate::value::ANY_MAP).into(),
            "list" => List::nil(&ANYS).into(),
            _ => List::nil(&STRINGS).into(),
        },
        _ => panic!("{key} of {arg}"),
    }
}

/// A text as a row writes it.
pub fn bytes(json: &Json) -> Vec<u8> {
    match value(json) {
        Value::Str(text) => text.to_vec(),
        other => panic!("{other:?} is no text"),
    }
}
