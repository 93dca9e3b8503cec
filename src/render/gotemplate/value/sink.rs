//! Dropping values that lie deep inside each other.

use super::Value;

/// Drops values without recursion: a chain of a million maps, each in the next, would otherwise end the process.
pub(super) fn drop_all(values: impl Iterator<Item = Value>) {
    let mut open: Vec<Value> = values.filter(|it| matches!(it, Value::Map(_) | Value::List(_))).collect();
    while let Some(value) = open.pop() {
        match value {
            // What nobody else holds is emptied before it is dropped.
            Value::Map(map) => open.extend(map.into_sole_values().into_iter().flatten()),
            Value::List(list) => open.extend(list.into_sole_items().into_iter().flatten()),
            _ => (),
        }
    }
}
