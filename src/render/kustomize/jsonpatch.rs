//! JSON patches (RFC 6902), as the original's library applies them: `replace` makes a key that is not there, and what
//! is null cannot be entered.

use super::{Error, text::quote};
use crate::yaml::{Value, Version, json::to_json, parse_first};

/// Operations in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JsonPatch(Vec<Operation>);

#[derive(Clone, Debug, PartialEq)]
struct Operation {
    op: Option<String>,
    path: Option<String>,
    from: Option<String>,
    value: Option<Value>,
}

/// Values of this size, copies counted each time, end a patch.
const COPIED_BYTES: usize = 64 * 1024 * 1024;

impl JsonPatch {
    /// Reads a patch: JSON where it begins with a bracket, else YAML.
    pub(super) fn read(text: &[u8]) -> Result<Self, Error> {
        let value = if text.starts_with(b"[") {
            let json: serde_json::Value =
                serde_json::from_slice(text).map_err(|error| Error::new(error.to_string()))?;
            Value::from(json)
        } else {
            parse_first(text, Version::V2)?.to_value(Version::V2)?
        };
        let items = match value {
            Value::Null => Vec::new(),
            Value::Seq(items) => items,
            other => return Err(mismatch(&other, "jsonpatch.Patch")),
        };
        items.iter().map(Operation::read).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Applies all operations, one after the other.
    pub(super) fn apply(&self, document: &mut Value) -> Result<(), Error> {
        let mut copied = 0;
        self.0.iter().try_for_each(|operation| operation.apply(document, &mut copied).map_err(Error::new))
    }
}

fn mismatch(value: &Value, wanted: &str) -> Error {
    let found = value.json_word();
    Error::new(format!("json: cannot unmarshal {found} into Go value of type {wanted}"))
}

impl Operation {
    fn read(value: &Value) -> Result<Self, Error> {
        let map = match value {
            Value::Map(map) => map,
            Value::Null => return Ok(Self { op: None, path: None, from: None, value: None }),
            other => return Err(mismatch(other, "jsonpatch.Operation")),
        };
        let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self { op: text("op"), path: text("path"), from: text("from"), value: map.get("value").cloned() })
    }

    fn value(&self) -> Value {
        self.value.clone().unwrap_or(Value::Null)
    }

    fn apply(&self, document: &mut Value, copied: &mut usize) -> Result<(), String> {
        const MISSING: &str = "missing value";
        let op = self.op.as_deref().unwrap_or("unknown");
        let path = |what: &str| {
            self.path.as_deref().ok_or_else(|| {
                format!("{what} operation failed to decode path: operation missing path field: {MISSING}")
            })
        };
        let from = |what: &str| {
            self.from.as_deref().ok_or_else(|| {
                format!("{what} operation failed to decode from: operation, missing from field: {MISSING}")
            })
        };
        match op {
            "add" => {
                let path =
                    path("add").map_err(|_| format!("add operation failed to decode path: {MISSING}"))?;
                let (container, key) = find(document, path).ok_or_else(|| {
                    format!("add operation does not apply: doc is missing path: \"{path}\": {MISSING}")
                })?;
                add(container, &key, self.value())
                    .map_err(|why| format!("error in add for path: '{path}': {why}"))
            }
            "remove" => {
                let path = path("remove")
                    .map_err(|_| format!("remove operation failed to decode path: {MISSING}"))?;
                let (container, key) = find(document, path).ok_or_else(|| {
                    format!("remove operation does not apply: doc is missing path: \"{path}\": {MISSING}")
                })?;
                remove(container, &key).map_err(|why| format!("error in remove for path: '{path}': {why}"))
            }
            "replace" => {
                let path = path("replace")?;
                if path.is_empty() {
                    return match self.value() {
                        value @ (Value::Map(_) | Value::Seq(_)) => {
                            *document = value;
                            Ok(())
                        }
                        _ => Err("replace operation value must be object or array: %!w(<nil>)".to_owned()),
                    };
                }
                let (container, key) = find(document, path).ok_or_else(|| {
                    format!("replace operation does not apply: doc is missing path: {path}: {MISSING}")
                })?;
                get(container, &key).map_err(|_| {
                    format!("replace operation does not apply: doc is missing key: {path}: {MISSING}")
                })?;
                set(container, &key, self.value())
                    .map_err(|why| format!("error in remove for path: '{path}': {why}"))
            }
            "move" => {
                let from = from("move")?;
                let (container, key) = find(document, from).ok_or_else(|| {
                    format!("move operation does not apply: doc is missing from path: {from}: {MISSING}")
                })?;
                let wrong = |why: String| format!("error in move for path: '{key}': {why}");
                let value = get(container, &key).map_err(wrong)?.cloned().unwrap_or(Value::Null);
                remove(container, &key).map_err(wrong)?;
                let path = path("move")?;
                let (container, key) = find(document, path).ok_or_else(|| {
                    format!(
                        "move operation does not apply: doc is missing destination path: {path}: {MISSING}"
                    )
                })?;
                add(container, &key, value).map_err(|why| format!("error in move for path: '{path}': {why}"))
            }
            "copy" => {
                let from = from("copy")?;
                let (container, key) = find(document, from).ok_or_else(|| {
                    format!("copy operation does not apply: doc is missing from path: {from}: {MISSING}")
                })?;
                let value =
                    get(container, &key).map_err(|why| format!("error in copy for from: '{from}': {why}"))?;
                let value = value.cloned().unwrap_or(Value::Null);
                *copied += to_json(&value).map_or(0, |text| text.len());
                if *copied > COPIED_BYTES {
                    return Err(format!("copies of more than {COPIED_BYTES} bytes"));
                }
                let path =
                    path("copy").map_err(|_| format!("copy operation failed to decode path: {MISSING}"))?;
                let (container, key) = find(document, path).ok_or_else(|| {
                    format!(
                        "copy operation does not apply: doc is missing destination path: {path}: {MISSING}"
                    )
                })?;
                add(container, &key, value)
                    .map_err(|why| format!("error while adding value during copy: {why}"))
            }
            "test" => {
                let path = path("test")?;
                let failed = || format!("testing value {path} failed: test failed");
                if path.is_empty() {
                    return if same(document, &self.value()) { Ok(()) } else { Err(failed()) };
                }
                let (container, key) = find(document, path).ok_or_else(|| {
                    format!("test operation does not apply: is missing path: {path}: {MISSING}")
                })?;
                let found =
                    get(container, &key).map_err(|why| format!("error in test for path: '{path}': {why}"))?;
                let is_equal = match found {
                    None | Some(Value::Null) => self.value().is_null(),
                    Some(found) => self.value.as_ref().is_some_and(|wanted| same(found, wanted)),
                };
                if is_equal { Ok(()) } else { Err(failed()) }
            }
            other => Err(format!("Unexpected kind: {other}")),
        }
    }
}

/// What JSON writes the same.
fn same(a: &Value, b: &Value) -> bool {
    matches!((to_json(a), to_json(b)), (Ok(a), Ok(b)) if a == b)
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// The object or list that holds what a path leads to, and the last part of the path.
fn find<'v>(document: &'v mut Value, path: &str) -> Option<(&'v mut Value, String)> {
    let mut parts = path.split('/');
    parts.next()?;
    let parts: Vec<&str> = parts.collect();
    let (last, parts) = parts.split_last()?;
    let mut at = document;
    for part in parts {
        let part = unescape(part);
        at = match at {
            Value::Map(map) => map.get_mut(&part)?,
            Value::Seq(items) => {
                let index = index(&part, items.len()).ok()?;
                items.get_mut(index)?
            }
            _ => return None,
        };
        if !matches!(at, Value::Map(_) | Value::Seq(_)) {
            return None;
        }
    }
    Some((at, unescape(last)))
}

/// The position that a part means; negative ones count from the end.
fn index(part: &str, len: usize) -> Result<usize, String> {
    let number: i64 =
        part.parse().map_err(|_| format!("strconv.Atoi: parsing {}: invalid syntax", quote(part)))?;
    let invalid = || format!("Unable to access invalid index: {number}: invalid index referenced");
    let index = if number < 0 { number.saturating_add_unsigned(len as u64) } else { number };
    let index = usize::try_from(index).map_err(|_| invalid())?;
    if index >= len { Err(invalid()) } else { Ok(index) }
}

fn get<'v>(container: &'v Value, key: &str) -> Result<Option<&'v Value>, String> {
    match container {
        Value::Map(map) => Ok(map.get(key)),
        Value::Seq(items) => index(key, items.len()).map(|index| items.get(index)),
        _ => Ok(None),
    }
}

fn set(container: &mut Value, key: &str, value: Value) -> Result<(), String> {
    match container {
        Value::Map(map) => {
            map.insert(key.to_owned(), value);
        }
        Value::Seq(items) => {
            let index = index(key, items.len())?;
            if let Some(slot) = items.get_mut(index) {
                *slot = value;
            }
        }
        _ => (),
    }
    Ok(())
}

fn add(container: &mut Value, key: &str, value: Value) -> Result<(), String> {
    match container {
        Value::Seq(items) if key == "-" => items.push(value),
        Value::Seq(items) => {
            let index = match key.parse::<i64>() {
                Ok(_) => index(key, items.len() + 1)?,
                Err(_) => {
                    return Err(format!(
                        "value was not a proper array index: '{key}': strconv.Atoi: parsing {}: invalid syntax",
                        quote(key)
                    ));
                }
            };
            items.insert(index, value);
        }
        _ => return set(container, key, value),
    }
    Ok(())
}

fn remove(container: &mut Value, key: &str) -> Result<(), String> {
    match container {
        Value::Map(map) => match map.remove(key) {
            Some(_) => Ok(()),
            None => Err(format!("Unable to remove nonexistent key: {key}: missing value")),
        },
        Value::Seq(items) => {
            let index = index(key, items.len())?;
            items.remove(index);
            Ok(())
        }
        _ => Ok(()),
    }
}
