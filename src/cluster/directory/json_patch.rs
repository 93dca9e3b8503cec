//! JSON patches (RFC 6902), with `test`, as the API server takes them.

use serde_json::Value;

/// Applies all operations, or none.
pub(super) fn apply(document: &mut Value, operations: &[Value]) -> Result<(), String> {
    let mut patched = document.clone();
    for operation in operations {
        one(&mut patched, operation).map_err(|why| format!("{why}: {operation}"))?;
    }
    *document = patched;
    Ok(())
}

fn one(document: &mut Value, operation: &Value) -> Result<(), String> {
    let text = |key: &str| operation.get(key).and_then(Value::as_str);
    let path = text("path").ok_or("an operation has no path")?;
    let value = || operation.get("value").cloned().ok_or("an operation has no value");
    match text("op") {
        Some("add") => add(document, path, value()?),
        Some("remove") => remove(document, path).map(|_| ()),
        Some("replace") => {
            let there = document.pointer_mut(path).ok_or("replace operation does not apply: missing key")?;
            *there = value()?;
            Ok(())
        }
        Some("move") => {
            let moved = remove(document, text("from").ok_or("an operation has no from")?)?;
            add(document, path, moved)
        }
        Some("copy") => {
            let from = text("from").ok_or("an operation has no from")?;
            let copied =
                document.pointer(from).cloned().ok_or("copy operation does not apply: missing key")?;
            add(document, path, copied)
        }
        Some("test") if document.pointer(path).unwrap_or(&Value::Null) == &value()? => Ok(()),
        Some("test") => Err("testing path failed".to_owned()),
        _ => Err("an operation is of no known kind".to_owned()),
    }
}

/// The parent of a path and the last step, unescaped.
fn split<'a>(document: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let (parent, last) = path.rsplit_once('/').ok_or("the path leads nowhere")?;
    let parent = document.pointer_mut(parent).ok_or("the path leads nowhere")?;
    Ok((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    match split(document, path)? {
        (Value::Object(map), key) => {
            map.insert(key, value);
        }
        (Value::Array(items), key) if key == "-" => items.push(value),
        (Value::Array(items), key) => {
            let at = key.parse::<usize>().ok().filter(|at| *at <= items.len());
            items.insert(at.ok_or("the index is out of bounds")?, value);
        }
        _ => return Err("the path leads into a scalar".to_owned()),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, String> {
    match split(document, path)? {
        (Value::Object(map), key) => map.remove(&key).ok_or_else(|| "nothing is there to remove".to_owned()),
        (Value::Array(items), key) => {
            let at = key.parse::<usize>().ok().filter(|at| *at < items.len());
            Ok(items.remove(at.ok_or("the index is out of bounds")?))
        }
        _ => Err("the path leads into a scalar".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(operations: Value, wants: Value) {
        let mut document = json!({"a": [1, 2], "b/c": {"x": true}});
        let result = apply(&mut document, operations.as_array().unwrap());
        assert_eq!(result.map_or(Value::Null, |()| document), wants);
    }

    #[test]
    fn operations() {
        check(
            json!([{"op": "add", "path": "/a/1", "value": 9}]),
            json!({"a": [1, 9, 2], "b/c": {"x": true}}),
        );
        check(
            json!([{"op": "add", "path": "/a/-", "value": 9}]),
            json!({"a": [1, 2, 9], "b/c": {"x": true}}),
        );
        check(json!([{"op": "add", "path": "/a/3", "value": 9}]), Value::Null);
        check(json!([{"op": "remove", "path": "/b~1c/x"}]), json!({"a": [1, 2], "b/c": {}}));
        check(json!([{"op": "remove", "path": "/n"}]), Value::Null);
        check(json!([{"op": "replace", "path": "/a", "value": 0}]), json!({"a": 0, "b/c": {"x": true}}));
        check(json!([{"op": "replace", "path": "/n", "value": 0}]), Value::Null);
        check(
            json!([{"op": "move", "from": "/a", "path": "/b~1c/y"}]),
            json!({"b/c": {"x": true, "y": [1, 2]}}),
        );
        check(
            json!([{"op": "copy", "from": "/a/0", "path": "/z"}]),
            json!({"a": [1, 2], "b/c": {"x": true}, "z": 1}),
        );
        check(json!([{"op": "test", "path": "/a/0", "value": 1}]), json!({"a": [1, 2], "b/c": {"x": true}}));
        check(json!([{"op": "remove", "path": "/a"}, {"op": "test", "path": "/a", "value": 1}]), Value::Null);
    }
}
