//! `toYaml` and `fromYaml`: `sigs.k8s.io/yaml`, which goes through JSON, and go-yaml v3 for the pretty form.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
};

use crate::{
    limits,
    render::{
        gotemplate::{
            Args, Context, Failure, Function, Str, Type, Value,
            sprig::{self, json::Style},
            value::{ANY_MAP, ANYS, FloatKind},
        },
        helm::{engine, values},
    },
    yaml::{self, Version, emit, json, natural},
};

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("toYaml", &[Type::Any], Type::String, |context, args| {
        super::or_empty(written(context, args.any(0)))
    }),
    Function::new("mustToYaml", &[Type::Any], Type::String, |context, args| written(context, args.any(0))),
    Function::new("toYamlPretty", &[Type::Any], Type::String, |context, args| {
        super::or_empty(pretty(context, args.any(0)))
    }),
    Function::new("fromYaml", &[Type::String], Type::MAP, |context, args| {
        Ok(match read(context, args)? {
            Ok(Value::Map(map)) => map.into(),
            Ok(Value::Nil) => Value::map(BTreeMap::new()),
            Ok(other) => failed(&mismatch(&other, ANY_MAP.name)),
            Err(error) => failed(&error),
        })
    }),
    Function::new("fromYamlArray", &[Type::String], Type::LIST, |context, args| {
        Ok(match read(context, args)? {
            Ok(Value::List(list)) => list.into(),
            Ok(Value::Nil) => Value::list(Vec::new()),
            Ok(other) => Value::list(vec![mismatch(&other, ANYS.name).into()]),
            Err(error) => Value::list(vec![error.into()]),
        })
    }),
];

fn failed(error: &str) -> Value {
    Value::map(BTreeMap::from([("Error".into(), error.into())]))
}

/// What JSON's decoder says of a document that is something else.
fn mismatch(found: &Value, wanted: &'static str) -> String {
    format!("error unmarshaling JSON: while decoding JSON: {}", sprig::json::mismatch(found, wanted))
}

fn written(context: &mut dyn Context, value: &Value) -> Result<Value, Failure> {
    let value = to_yaml(value, Form::Json, 0)?;
    let value = json::through_json(value).map_err(|error| match error {
        yaml::Error::Json(_) => format!("error marshaling into JSON: {error}"),
        error => error.to_string(),
    })?;
    finish(context, emit::emit(&value))
}

fn pretty(context: &mut dyn Context, value: &Value) -> Result<Value, Failure> {
    let mut out = String::new();
    let mut writer = emit::Writer::new(&mut out, Version::V3);
    direct(&mut writer, value, 0)?;
    writer.finish();
    finish(context, out)
}

/// Writes a value as go-yaml v3 sees it: what is no text is `!!binary`.
fn direct(writer: &mut emit::Writer<'_>, value: &Value, depth: usize) -> Result<(), Failure> {
    check_depth(depth)?;
    match value {
        Value::Str(text) => writer.bytes(text),
        Value::List(list) if list.is_empty() => writer.empty_seq(),
        Value::List(list) => {
            writer.begin_seq();
            for item in list.to_vec() {
                direct(writer, &item, depth + 1)?;
            }
            writer.end();
        }
        Value::Map(map) if map.is_empty() => writer.empty_map(),
        Value::Map(map) => {
            let entries: Vec<(String, Str, Value)> =
                map.to_vec().into_iter().map(|(key, value)| (clean(&key), key, value)).collect();
            let mut sorted: Vec<&(String, Str, Value)> = entries.iter().collect();
            natural::sort(Version::V3, &mut sorted, |it| &it.0);
            writer.begin_map();
            for (_, key, value) in sorted {
                writer.key_bytes(key);
                direct(writer, value, depth + 1)?;
            }
            writer.end();
        }
        other => emit::write(&to_yaml(other, Form::Direct, depth)?, writer),
    }
    Ok(())
}

fn check_depth(depth: usize) -> Result<(), Failure> {
    match depth > limits::VALUE_DEPTH {
        true => Err(format!("a value lies more than {} deep", limits::VALUE_DEPTH).into()),
        false => Ok(()),
    }
}

fn finish(context: &mut dyn Context, mut text: String) -> Result<Value, Failure> {
    context.charge(text.len() as u64 / 64)?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text.into())
}

/// What a value goes through on its way to YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// JSON, as in `sigs.k8s.io/yaml`.
    Json,
    /// Nothing, as in go-yaml v3.
    Direct,
}

fn to_yaml(value: &Value, form: Form, depth: usize) -> Result<yaml::Value, Failure> {
    check_depth(depth)?;
    Ok(match value {
        Value::Nil | Value::NilPointer(_) => yaml::Value::Null,
        Value::Bool(truth) => yaml::Value::Bool(*truth),
        Value::Int(number, _) => yaml::Value::Int(*number),
        Value::Uint(number, _) => (*number).into(),
        Value::Float(number, FloatKind::Float64) => yaml::Value::Float(*number),
        // The digits of the short float, not those of the long one that holds it.
        #[allow(clippy::cast_possible_truncation, reason = "the float is one of 32 bits")]
        Value::Float(number, FloatKind::Float32) => {
            yaml::Value::Float((*number as f32).to_string().parse().unwrap_or(*number))
        }
        Value::Str(text) => yaml::Value::String(clean(text)),
        Value::List(list) if list.is_nil() && form == Form::Json => yaml::Value::Null,
        Value::List(list) => {
            // Loops in place of iterators: they take less stack, of which each level needs some.
            let mut items = Vec::with_capacity(list.len());
            for item in list.to_vec() {
                items.push(to_yaml(&item, form, depth + 1)?);
            }
            yaml::Value::Seq(items)
        }
        Value::Map(map) => {
            if map.is_nil() && form == Form::Json {
                return Ok(yaml::Value::Null);
            }
            let mut out = yaml::Map::with_capacity(map.len());
            for (key, value) in map.to_vec() {
                out.insert(clean(&key), to_yaml(&value, form, depth + 1)?);
            }
            yaml::Value::Map(out)
        }
        Value::Bytes(bytes) if form == Form::Direct => {
            yaml::Value::Seq(bytes.iter().map(|it| yaml::Value::Int(i64::from(*it))).collect())
        }
        Value::Object(object) if form == Form::Direct && object.type_name() == "time.Duration" => {
            yaml::Value::String(object.text().map(|it| clean(&it)).unwrap_or_default())
        }
        // What has a form of its own in JSON keeps it.
        Value::Object(_) | Value::Bytes(_) | Value::Complex(..) | Value::Func(_) => {
            let text = sprig::json::encode(value, Style::COMPACT)?;
            json::from_json(&String::from_utf8_lossy(&text)).map_err(|error| error.to_string())?
        }
    })
}

/// Text as JSON has it: each byte that is no UTF-8 is a replacement character.
fn clean(text: &Str) -> String {
    if let Ok(text) = str::from_utf8(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

/// Texts that were read in a render, and what they mean.
#[derive(Default)]
pub(in crate::render::helm) struct ReadTexts(RefCell<HashMap<Str, Value>>);

impl ReadTexts {
    /// The value of a text that was read before, which is the caller's own: templates change what they read.
    fn copy_of(&self, text: &Str) -> Option<Value> {
        self.0.borrow().get(text).map(values::deep_copy)
    }

    fn keep(&self, text: &Str, value: &Value) {
        let mut known = self.0.borrow_mut();
        let bytes: usize = known.keys().map(|it| it.len()).sum();
        if known.len() >= limits::TEMPLATE_READS || bytes + text.len() > limits::TEMPLATE_READ_BYTES {
            known.clear();
        }
        if text.len() <= limits::TEMPLATE_READ_BYTES {
            known.insert(text.clone(), values::deep_copy(value));
        }
    }
}

/// The first document of a text.
fn read(context: &mut dyn Context, args: Args<'_>) -> Result<Result<Value, String>, Failure> {
    let text = args.str(0)?;
    context.charge(text.len() as u64 / 16)?;
    // Where no chart is rendered nothing is kept.
    let host = engine::host(context).ok();
    if let Some(known) = host.as_ref().and_then(|it| it.read.copy_of(text)) {
        return Ok(Ok(known));
    }
    let value = yaml::parse_first(text, Version::V2).and_then(|it| it.to_value(Version::V2));
    let value = value.and_then(json::through_json);
    Ok(match value {
        Ok(value) => {
            let value = values::from_yaml(&value);
            if let Some(host) = &host {
                host.read.keep(text, &value);
            }
            Ok(value)
        }
        Err(error) => Err(format!("error converting YAML to JSON: {error}")),
    })
}
