//! `valuesFrom`, row by row beside what Flux's helm-controller makes of it (`tests/oracle/values`).

use std::{collections::BTreeMap, error::Error as _};

use airlock::{
    archive::{Node, SafePath, Tree},
    object::Object,
    render::{Inputs, Lookup, Outcome, Spec, render},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::bundle::Maker;

/// A row; the field names are those of the oracle.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Row {
    about: String,
    values: Map<String, Value>,
    values_from: Vec<Value>,
    config_maps: Data,
    secrets: Data,
}

type Data = BTreeMap<String, BTreeMap<String, String>>;

/// A chart that shows its values.
fn chart() -> Tree {
    let file = |name: &str, text: &str| (SafePath::new(name).unwrap(), Node::file(text));
    let shows = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {values: {{ .Values | toJson | quote }}}\n";
    Tree::new([
        file("Chart.yaml", "{apiVersion: v2, name: shows, version: 1.0.0}"),
        file("templates/a.yaml", shows),
    ])
    .unwrap()
}

#[test]
fn values_come_as_flux_brings_them() {
    let data = |name: &str| {
        let path = format!("{}/tests/data/values/from/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    let rows: Vec<Row> = serde_yaml::from_str(&data("rows.yaml")).unwrap();
    let expected: Vec<Value> = serde_json::from_str(&data("rows.expected.json")).unwrap();
    assert_eq!(rows.len(), expected.len(), "the oracle saw other rows: cargo xtask golden values");
    assert!(rows.len() >= 41, "only {} rows", rows.len());
    let mut wrong = Vec::new();
    for (row, expect) in rows.iter().zip(expected) {
        let (found, expect) = (plain(made(row)), plain(expect));
        if found != expect {
            wrong.push(format!("{}\n    original {expect}\n    ours     {found}", row.about));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

fn made(row: &Row) -> Value {
    let mut maker = Maker::default();
    let entry = json!({"name": "shop", "kind": "chart", "targetNamespace": "shop",
        "values": row.values, "valuesFrom": row.values_from});
    maker.entry(entry, &chart());
    let content = maker.content();
    let mut inputs = Inputs::new(&content, Map::new());
    let spec = Spec::from(&content.release().entries[0]);
    for _ in 0..2 {
        match render(&content, &spec, &inputs) {
            Ok(Outcome::Needs(needs)) => {
                let lookups = needs.lookups.into_iter();
                inputs.answers.lookups.extend(lookups.map(|it| (it.clone(), found(row, &it))));
            }
            Ok(Outcome::Rendered(rendered)) => {
                let text = rendered.objects()[0].text(&["data", "values"]).unwrap();
                return json!({"values": serde_json::from_str::<Value>(text).unwrap()});
            }
            Err(error) => return json!({"error": error.source().unwrap().to_string()}),
        }
    }
    panic!("{}: asks for ever", row.about)
}

/// What a cluster with the row's objects answers.
fn found(row: &Row, asked: &Lookup) -> Vec<Object> {
    assert_eq!(asked.namespace, "shop");
    let secret = asked.gvk.kind == "Secret";
    let held = if secret { &row.secrets } else { &row.config_maps };
    let encoded = |text: &String| match secret {
        true => BASE64_STANDARD.encode(text),
        false => text.clone(),
    };
    let object = |data: &BTreeMap<String, String>| {
        let data: BTreeMap<&String, String> = data.iter().map(|(key, it)| (key, encoded(it))).collect();
        let fields = json!({"apiVersion": "v1", "kind": asked.gvk.kind,
            "metadata": {"name": asked.name, "namespace": asked.namespace}, "data": data});
        Object::new(fields, "it").unwrap()
    };
    held.get(&asked.name).map(object).into_iter().collect()
}

/// Numbers of one kind, and no nulls: a chart takes them for what is not to be.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, it)| !it.is_null());
            Value::Object(kept.map(|(key, it)| (key, plain(it))).collect())
        }
        other => other,
    }
}
