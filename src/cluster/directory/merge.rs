//! Merging, comparing and pruning values, as sigs.k8s.io/structured-merge-diff 6.3 does: the heart of server-side apply.
//!
//! Recursion follows an object that was parsed within the limits of depth.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    field_set::{Element, FieldSet, field},
    schema::{Items, Schema},
};

/// What differs between two values.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

/// The paths that a configuration names, and so wants to own.
pub(super) fn field_set(value: &Value, schema: &Schema<'_>) -> FieldSet {
    let mut set = FieldSet::default();
    note(value, schema, &mut Vec::new(), &mut set);
    set
}

fn note(value: &Value, schema: &Schema<'_>, path: &mut Vec<Element>, set: &mut FieldSet) {
    match value {
        Value::Object(map) if !schema.is_atomic_map() => {
            for (key, value) in map {
                path.push(field(key));
                note(value, &schema.field(key), path, set);
                if is_blank(value) && !value.is_array() || schema.owns_key(key) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        Value::Array(items) if schema.items() != Items::Atomic => {
            let how = schema.items();
            for item in items {
                let Some(element) = how.element(item) else { continue };
                path.push(element);
                note(item, &schema.item(), path, set);
                set.insert(path);
                path.pop();
            }
        }
        _ => set.insert(path),
    }
}

/// Null, or an empty map or list.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// What is live with a configuration laid over it.
pub(super) fn merge(live: Option<&Value>, config: Option<&Value>, schema: &Schema<'_>) -> Value {
    let (Some(left), Some(right)) = (live, config) else {
        return config.or(live).cloned().unwrap_or(Value::Null);
    };
    if is_blank(left) && is_blank(right) {
        return right.clone();
    }
    match (left, right) {
        (Value::Object(left), Value::Object(right)) if !schema.is_atomic_map() => {
            let mut out = left.clone();
            for (key, value) in right {
                out.insert(key.clone(), merge(left.get(key), Some(value), &schema.field(key)));
            }
            Value::Object(out)
        }
        (Value::Array(left), Value::Array(right)) if schema.items() != Items::Atomic => {
            merge_list(left, right, schema)
        }
        _ => right.clone(),
    }
}

/// The order of the configuration where it says one, and what is only live stays where it was among its neighbours.
fn merge_list(left: &[Value], right: &[Value], schema: &Schema<'_>) -> Value {
    let how = schema.items();
    let of_item = schema.item();
    let keyed = |items: &[Value]| -> Vec<(Element, Value)> {
        items.iter().filter_map(|item| Some((how.element(item)?, item.clone()))).collect()
    };
    let (left, right) = (keyed(left), keyed(right));
    let in_left: BTreeMap<&Element, &Value> = left.iter().map(|(key, value)| (key, value)).collect();
    let in_right: BTreeMap<&Element, &Value> = right.iter().map(|(key, value)| (key, value)).collect();
    let mut shared = right.iter().map(|(key, _)| key).filter(|key| in_left.contains_key(key));
    let mut next_shared = shared.next();
    let mut taken: Vec<&Element> = Vec::new();
    let mut out = Vec::new();
    let (mut lefts, mut rights) = (left.iter().peekable(), right.iter().peekable());
    while lefts.peek().is_some() || rights.peek().is_some() {
        if let (Some((key, value)), Some((right_key, right_value))) = (lefts.peek(), rights.peek()) {
            if key == right_key {
                out.push(merge(Some(value), Some(right_value), &of_item));
                taken.push(right_key);
                lefts.next();
                rights.next();
                next_shared = shared.next();
                continue;
            }
            if in_right.contains_key(key) && next_shared.is_some_and(|next| next != key) {
                // It is in both, and its turn comes where the configuration has it.
                lefts.next();
                continue;
            }
        }
        if let Some((key, value)) = lefts.peek() {
            if !in_right.contains_key(key) {
                out.push(value.clone());
                lefts.next();
                continue;
            }
            if taken.contains(&key) {
                lefts.next();
            }
        }
        if let Some((key, value)) = rights.next() {
            out.push(merge(in_left.get(key).copied(), Some(value), &of_item));
            taken.push(key);
            if next_shared == Some(key) {
                next_shared = shared.next();
            }
        }
    }
    Value::Array(out)
}

/// What became of every path.
pub(super) fn compare(before: &Value, after: &Value, schema: &Schema<'_>) -> Comparison {
    let mut comparison = Comparison::default();
    walk(Some(before), Some(after), schema, &mut Vec::new(), &mut comparison);
    comparison
}

fn walk(
    left: Option<&Value>,
    right: Option<&Value>,
    schema: &Schema<'_>,
    path: &mut Vec<Element>,
    out: &mut Comparison,
) {
    let blank = left.is_none_or(is_blank) && right.is_none_or(is_blank);
    let empty = Map::new();
    let map_or_nothing = |value: Option<&Value>| matches!(value, None | Some(Value::Null | Value::Object(_)));
    match (left, right) {
        _ if blank => leaf(left, right, path, out),
        (Some(Value::Object(_)), _) | (_, Some(Value::Object(_)))
            if !schema.is_atomic_map() && map_or_nothing(left) && map_or_nothing(right) =>
        {
            let of = |value: Option<&Value>| -> Map<String, Value> {
                value.and_then(Value::as_object).unwrap_or(&empty).clone()
            };
            let (lefts, rights) = (of(left), of(right));
            let keys = lefts.keys().chain(rights.keys().filter(|key| !lefts.contains_key(*key)));
            for key in keys {
                path.push(field(key));
                walk(lefts.get(key), rights.get(key), &schema.field(key), path, out);
                path.pop();
            }
            presence(left, right, path, out);
        }
        (None | Some(Value::Null | Value::Array(_)), None | Some(Value::Null | Value::Array(_)))
            if schema.items() != Items::Atomic =>
        {
            walk_list(left, right, schema, path, out);
            presence(left, right, path, out);
        }
        _ => leaf(left, right, path, out),
    }
}

fn walk_list(
    left: Option<&Value>,
    right: Option<&Value>,
    schema: &Schema<'_>,
    path: &mut Vec<Element>,
    out: &mut Comparison,
) {
    let how = schema.items();
    let keyed = |value: Option<&Value>| -> BTreeMap<Element, Value> {
        let items = value.and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| Some((how.element(item)?, item.clone()))).collect()
    };
    let (lefts, rights) = (keyed(left), keyed(right));
    for key in lefts.keys().chain(rights.keys().filter(|key| !lefts.contains_key(*key))) {
        path.push(key.clone());
        walk(lefts.get(key), rights.get(key), &schema.item(), path, out);
        path.pop();
    }
}

fn presence(left: Option<&Value>, right: Option<&Value>, path: &[Element], out: &mut Comparison) {
    match (left, right) {
        (None, Some(_)) => out.added.insert(path),
        (Some(_), None) => out.removed.insert(path),
        _ => {}
    }
}

fn leaf(left: Option<&Value>, right: Option<&Value>, path: &[Element], out: &mut Comparison) {
    match (left, right) {
        (Some(left), Some(right)) if left != right => out.modified.insert(path),
        _ => presence(left, right, path, out),
    }
}

/// The value without the paths of a set; a structure that is emptied stays, empty.
pub(super) fn remove(value: &Value, set: &FieldSet, schema: &Schema<'_>) -> Value {
    match value {
        Value::Object(map) if !map.is_empty() && !schema.is_atomic_map() => {
            let kept = map.iter().filter(|(key, _)| !set.has(&field(key))).map(|(key, value)| {
                let inner =
                    set.below(&field(key)).map(|set| emptied(value, remove(value, set, &schema.field(key))));
                (key.clone(), inner.unwrap_or_else(|| value.clone()))
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) if !items.is_empty() && schema.items() != Items::Atomic => {
            let how = schema.items();
            let kept = items.iter().filter_map(|item| {
                let Some(element) = how.element(item) else { return Some(item.clone()) };
                if set.has(&element) {
                    return None;
                }
                let inner = set.below(&element).map(|set| emptied(item, remove(item, set, &schema.item())));
                Some(inner.unwrap_or_else(|| item.clone()))
            });
            Value::Array(kept.collect())
        }
        _ => value.clone(),
    }
}

fn emptied(before: &Value, after: Value) -> Value {
    match (before, &after) {
        (Value::Object(_), Value::Null) => Value::Object(Map::new()),
        (Value::Array(_), Value::Null) => Value::Array(Vec::new()),
        _ => after,
    }
}
