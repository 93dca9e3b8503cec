//! The object stage against the originals: every table has inputs of ours and, beside them, what `tests/oracle/object`
//! printed for them.

use std::path::Path;

use airlock::object::{
    GroupKind, Object, ObjectId,
    health::{self, Health},
    list::expand,
    normalize, optout, order,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// A table: its inputs and what the oracle printed, row by row.
struct Table {
    name: String,
    input: Value,
    expected: Map<String, Value>,
}

/// All tables of a stage.
fn tables(stage: &str) -> Vec<Table> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/object").join(stage);
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(stem) = name.strip_suffix(".yaml") else { continue };
        let input = serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let expected = std::fs::read_to_string(folder.join(format!("{stem}.expected.json"))).unwrap();
        tables.push(Table {
            name: format!("{stage}/{stem}"),
            input,
            expected: serde_json::from_str(&expected).unwrap(),
        });
    }
    assert!(!tables.is_empty(), "no table of {stage}");
    tables
}

/// Compares row by row and reports all that differ.
#[track_caller]
fn check(stage: &str, judge: impl Fn(&Value) -> Vec<(String, Value)>) {
    let (mut rows, mut wrong) = (0, String::new());
    for Table { name, input, expected } in tables(stage) {
        let found = judge(&input);
        assert_eq!(found.len(), expected.len(), "{name}: rows, or two of one name");
        for (row, found) in found {
            rows += 1;
            let wanted = expected.get(&row).unwrap_or(&Value::Null);
            if *wanted != found {
                wrong += &format!("{name}, {row}:\n  wanted {wanted}\n  found  {found}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(rows > 0, "{stage} has no rows");
}

/// A JSON merge patch; the text `<null>` stands for a null that stays.
fn merge(base: &Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return settle(patch) };
    let mut merged = match settle(base) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    for (key, change) in changes {
        if change.is_null() {
            merged.remove(key);
        } else {
            let below = merge(merged.get(key).unwrap_or(&Value::Null), change);
            merged.insert(key.clone(), below);
        }
    }
    Value::Object(merged)
}

/// `base`, changed as the row says under `key`, or as it is.
fn patched(base: &Value, row: &Value, key: &str) -> Value {
    row.get(key).map_or_else(|| settle(base), |patch| merge(base, patch))
}

fn settle(value: &Value) -> Value {
    match value {
        Value::String(text) if text == "<null>" => Value::Null,
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), settle(value))).collect(),
        Value::Array(items) => items.iter().map(settle).collect(),
        other => other.clone(),
    }
}

fn rows(input: &Value) -> impl Iterator<Item = (String, &Value)> {
    let rows = input["rows"].as_array().unwrap();
    rows.iter().map(|row| (row["name"].as_str().unwrap().to_owned(), row))
}

fn object(value: Value) -> Object {
    Object::new(value, "row").unwrap()
}

const NOW: &str = "2026-06-01T12:00:00Z";

/// An object of a health table: a patch over its base, made `age` seconds ago.
fn live(base: &Value, row: &Value, name: Option<String>) -> Object {
    let mut value = patched(base, row, "patch");
    if let Some(age) = row["age"].as_i64() {
        let created = NOW.parse::<Timestamp>().unwrap() - SignedDuration::from_secs(age);
        value["metadata"]["creationTimestamp"] = created.to_string().into();
    }
    if let Some(name) = name {
        value["metadata"]["name"] = name.into();
    }
    object(value)
}

#[test]
fn health() {
    let now: Timestamp = NOW.parse().unwrap();
    let told = |Health { status, message }: Health| match status {
        health::Status::Unknown => json!({"status": "Unknown", "error": message}),
        status => json!({"status": status.as_str(), "message": message}),
    };
    check("health", |input| {
        let judge = |(name, row): (String, &Value)| {
            let parent = live(&input["base"], row, None);
            let pods = row["pods"].as_array().into_iter().flatten().enumerate();
            let pods: Vec<Object> =
                pods.map(|(at, pod)| live(&input["pod"], pod, Some(format!("pods-{at}")))).collect();
            // The original has an error there and no status.
            let mut plain = told(health::kstatus(&parent, now));
            if plain.get("error").is_some() {
                plain.as_object_mut().unwrap().remove("status");
            }
            (name, json!({"kstatus": plain, "flux": told(health::flux(&parent, &pods, now))}))
        };
        rows(input).map(judge).collect()
    });
}

/// The short form of an object: `apiVersion Kind name [namespace]`.
fn manifest(lines: &Value) -> Vec<Object> {
    let parse = |line: &Value| {
        let words: Vec<&str> = line.as_str().unwrap().split(' ').collect();
        let mut value = json!({"apiVersion": words[0], "kind": words[1], "metadata": {"name": words[2]}});
        if let Some(namespace) = words.get(3) {
            value["metadata"]["namespace"] = (*namespace).into();
        }
        object(value)
    };
    lines.as_array().unwrap().iter().map(parse).collect()
}

fn short(objects: &[Object]) -> Vec<String> {
    let line = |object: &Object| {
        let namespace = object.namespace().map(|namespace| format!(" {namespace}")).unwrap_or_default();
        format!("{} {} {}{namespace}", object.api_version(), object.kind(), object.name())
    };
    objects.iter().map(line).collect()
}

#[test]
fn the_order_of_apply_and_delete() {
    check("order", |input| {
        let sort = |(name, lines): (&String, &Value)| {
            let (mut apply, mut delete) = (manifest(lines), manifest(lines));
            order::sort_for_apply(&mut apply);
            order::sort_for_delete(&mut delete);
            (name.clone(), json!({"apply": short(&apply), "delete": short(&delete)}))
        };
        input.as_object().unwrap().iter().map(sort).collect()
    });
}

#[test]
fn stages() {
    check("stage", |input| {
        let custom = input["custom"].as_str().unwrap().split(',');
        let custom = custom.map(|kind| kind.parse::<GroupKind>().unwrap()).collect();
        let objects = manifest(&input["objects"]);
        let stage = |object: &Object| order::stage_of(object, &custom) as u8;
        objects.iter().map(|it| (short(std::slice::from_ref(it)).remove(0), stage(it).into())).collect()
    });
}

#[test]
fn ids() {
    check("id", |input| {
        let parse = input["parse"].as_array().unwrap().iter().map(|text| {
            let text = text.as_str().unwrap();
            let result = match text.parse::<ObjectId>() {
                Ok(id) => json!({
                    "namespace": id.namespace, "name": id.name,
                    "group": id.group_kind.group, "kind": id.group_kind.kind, "again": id.inventory(),
                }),
                Err(_) => json!("refused"),
            };
            (format!("parse {text}"), result)
        });
        let print = input["print"].as_array().unwrap().iter().map(|four| {
            let part = |at: usize| four[at].as_str().unwrap().to_owned();
            let group_kind = GroupKind { group: part(2), kind: part(3) };
            let id = ObjectId { namespace: part(0), name: part(1), group_kind };
            let name = format!("print [{} {} {} {}]", part(0), part(1), part(2), part(3));
            (name, json!({"inventory": id.inventory(), "event": id.to_string()}))
        });
        parse.chain(print).collect()
    });
}

#[test]
fn lists() {
    let table = tables("list").remove(0);
    for (name, case) in table.input.as_object().unwrap() {
        let documents =
            serde_yaml::Deserializer::from_str(case["documents"].as_str().or(case.as_str()).unwrap());
        let documents = documents.map(|it| serde::Deserialize::deserialize(it).unwrap());
        let found = match expand(documents, "row") {
            Ok(objects) => json!({"objects": short(&objects)}),
            Err(error) => json!({"error": error.to_string()}),
        };
        let theirs = &table.expected[name];
        match case.get("ours") {
            None => assert_eq!(found, *theirs, "{name}"),
            Some(ours) => {
                assert_eq!(found, *ours, "{name}");
                assert_ne!(found, *theirs, "{name}: no departure");
            }
        }
    }
    assert_eq!(table.input.as_object().unwrap().len(), table.expected.len());
}

#[test]
fn normalisation() {
    check("normalize", |input| {
        let judge = |(name, case): (&String, &Value)| {
            let normal = normalize::normalize(object(settle(case)));
            let mut result = json!({"object": dated(normal.clone())});
            if normal.kind() == "HorizontalPodAutoscaler" {
                result["dryRun"] = normalize::comparable(normal).into_value();
            }
            (name.clone(), result)
        };
        input.as_object().unwrap().iter().map(judge).collect()
    });
}

/// Flux writes a null creation where we write none.
fn dated(object: Object) -> Value {
    let role = object.gvk().group == "rbac.authorization.k8s.io" && object.gvk().version == "v1";
    let untouched = role && matches!(object.kind(), "Role" | "ClusterRole");
    let mut value = object.into_value();
    if !untouched {
        assert!(value["metadata"].get("creationTimestamp").is_none());
        value["metadata"]["creationTimestamp"] = Value::Null;
    }
    value
}

#[test]
fn quantities() {
    check("quantity", |input| {
        let judge = |quantity: &Value| {
            // The original is given the JSON, and takes the quotes off.
            let json = serde_json::to_string(quantity).unwrap();
            let text = quantity.as_str().unwrap_or(&json);
            let result = normalize::canonical_quantity(text);
            (json, result.map_or_else(|_| json!("refused"), Value::from))
        };
        input["quantities"].as_array().unwrap().iter().map(judge).collect()
    });
}

#[test]
fn opting_out() {
    check("optout", |input| {
        let judge = |(name, row): (String, &Value)| {
            let desired = object(patched(&input["base"], row, "desired"));
            let live = row.get("live").map(|live| object(merge(&input["live"], live)));
            let found = optout::for_apply(&desired, live.as_ref());
            let skipped = found.skip.is_some();
            // An oracle sees what was done: foreign metadata is cleaned and an object recreated only where there is one.
            let there = live.is_some() && !skipped;
            let mut result = json!({
                "skipped": skipped, "cleaned": there && !found.merge, "recreate": there && found.force,
            });
            if let Some(live) = &live {
                result["deleted"] = optout::for_delete(live).is_none().into();
            }
            (name, result)
        };
        rows(input).map(judge).collect()
    });
}
