//! Paths into values: `a.b.c`.

use crate::render::gotemplate::{Map, Value, strconv::quote};

/// The table at a path.
///
/// # Errors
/// The words of the original's `ErrNoTable`.
pub(in crate::render::helm) fn table(values: &Map, path: &str) -> Result<Map, String> {
    let mut at = values.clone();
    for name in path.split('.') {
        at = match at.get(name.as_bytes()) {
            Some(Value::Map(map)) => map,
            _ => return Err(format!("{} is not a table", quote(name.as_bytes()))),
        };
    }
    Ok(at)
}

/// What stands at a path, when it is no table.
///
/// # Errors
/// The words of the original's `ErrNoValue`.
pub(in crate::render::helm) fn path_value(values: &Map, path: &str) -> Result<Value, String> {
    let key = path.rsplit('.').next().unwrap_or(path);
    scalar(values, path).ok_or_else(|| format!("{} is not a value", quote(key.as_bytes())))
}

/// As [`path_value`], where it does not matter why.
pub(super) fn scalar(values: &Map, path: &str) -> Option<Value> {
    let (at, key) = match path.rsplit_once('.') {
        Some((above, key)) => (table(values, above).ok()?, key),
        None => (values.clone(), path),
    };
    at.get(key.as_bytes()).filter(|value| !matches!(value, Value::Map(_)))
}
