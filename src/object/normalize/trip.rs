//! The trip of a JSON object through a Go type and back, as `runtime.DefaultUnstructuredConverter` makes it.

use base64::{
    Engine as _, alphabet,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
};
use serde_json::{Map, Number, Value};

use super::{
    instant,
    quantity::canonical_quantity,
    types::{Type, fields, inner},
};

/// The object does not fit the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit;

/// What came back: the JSON that Go would write, and what `omitempty` and `omitzero` ask of the value.
struct Back {
    json: Value,
    empty: bool,
    zero: bool,
}

/// Sends a whole object on the trip.
pub(super) fn through(object: &Map<String, Value>, of: Type) -> Result<Map<String, Value>, Misfit> {
    let Type::Struct(at) = of else { return Err(Misfit) };
    let mut back = Map::new();
    structure(Some(object), at, &mut back)?;
    Ok(back)
}

/// `value` is nothing for a missing field and for null; both leave the zero value.
fn send(value: Option<&Value>, of: Type) -> Result<Back, Misfit> {
    let value = value.filter(|value| !value.is_null());
    let scalar = |json: Value, zero: bool| Back { json, empty: zero, zero };
    // To Go a structure is never empty, not even one that stands for a text.
    let leaf = |json: Value, zero: bool| Back { json, empty: false, zero };
    Ok(match (of, value) {
        (Type::Text, None) => scalar("".into(), true),
        (Type::Text, Some(Value::String(text))) => scalar(text.clone().into(), text.is_empty()),
        (Type::Bool, None) => scalar(false.into(), true),
        (Type::Bool, Some(Value::Bool(value))) => scalar((*value).into(), !value),
        (Type::Int32 | Type::Int64, None) => scalar(0.into(), true),
        (Type::Int32, Some(Value::Number(number))) => {
            let wrapped = int32(int(number)?);
            scalar(wrapped.into(), wrapped == 0)
        }
        (Type::Int64, Some(Value::Number(number))) => {
            let int = int(number)?;
            scalar(int.into(), int == 0)
        }
        (Type::Bytes, None) => scalar(Value::Null, true),
        (Type::Bytes, Some(value)) => {
            let bytes = bytes(value)?;
            Back { json: STANDARD.encode(&bytes).into(), empty: bytes.is_empty(), zero: false }
        }
        (Type::Quantity, None) => leaf("0".into(), true),
        (Type::Quantity, Some(value)) => {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number_text(number),
                _ => return Err(Misfit),
            };
            leaf(canonical_quantity(&text).map_err(|_| Misfit)?.into(), false)
        }
        (Type::Time | Type::MicroTime, None) => leaf(Value::Null, true),
        (Type::Time | Type::MicroTime, Some(Value::String(text))) => {
            let micro = of == Type::MicroTime;
            match instant::canonical(text, micro).ok_or(Misfit)? {
                Some(text) => leaf(text.into(), false),
                None => leaf(Value::Null, true),
            }
        }
        (Type::IntOrText, None) => leaf(0.into(), true),
        (Type::IntOrText, Some(Value::String(text))) => leaf(text.clone().into(), false),
        (Type::IntOrText, Some(Value::Number(number))) => {
            let int = i32::try_from(int(number)?).map_err(|_| Misfit)?;
            leaf(int.into(), int == 0)
        }
        (Type::Raw, None) => leaf(Value::Null, true),
        (Type::Raw, Some(value)) => leaf(value.clone(), false),
        (Type::Pointer(_) | Type::List(_) | Type::Map(_), None) => scalar(Value::Null, true),
        (Type::Pointer(at), Some(value)) => {
            Back { json: send(Some(value), inner(at))?.json, empty: false, zero: false }
        }
        (Type::List(at), Some(Value::Array(items))) => {
            let of = inner(at);
            let items =
                items.iter().map(|item| Ok(send(Some(item), of)?.json)).collect::<Result<Vec<_>, _>>()?;
            Back { empty: items.is_empty(), zero: false, json: items.into() }
        }
        (Type::Map(at), Some(Value::Object(entries))) => {
            let of = inner(at);
            let entry = |(key, value): (&String, _)| Ok((key.clone(), send(Some(value), of)?.json));
            let entries = entries.iter().map(entry).collect::<Result<Map<_, _>, _>>()?;
            Back { empty: entries.is_empty(), zero: false, json: entries.into() }
        }
        (Type::Struct(at), value) => {
            let from = match value {
                None => None,
                Some(Value::Object(from)) => Some(from),
                Some(_) => return Err(Misfit),
            };
            let mut back = Map::new();
            let zero = structure(from, at, &mut back)?;
            leaf(back.into(), zero)
        }
        _ => return Err(Misfit),
    })
}

/// Sends the fields of a structure; says whether all of them are zero.
fn structure(
    from: Option<&Map<String, Value>>,
    at: usize,
    into: &mut Map<String, Value>,
) -> Result<bool, Misfit> {
    let mut zero = true;
    for field in fields(at) {
        if let ("", Type::Struct(at)) = (field.name, field.of) {
            zero &= structure(from, at, into)?;
            continue;
        }
        let back = send(from.and_then(|from| from.get(field.name)), field.of)?;
        zero &= back.zero;
        let omit = (field.omit_empty && back.empty) || (field.omit_zero && back.zero);
        if !omit {
            into.insert(field.name.to_owned(), back.json);
        }
    }
    Ok(zero)
}

/// A whole number; Go takes a float for one where nothing is lost.
fn int(number: &Number) -> Result<i64, Misfit> {
    if let Some(int) = number.as_i64() {
        return Ok(int);
    }
    let float = number.as_f64().ok_or(Misfit)?;
    // Beyond 2^63 Go's answer depends on the processor, so that does not fit.
    let fits = float.trunc() == float && float.abs() < 9_223_372_036_854_775_808.0;
    if !fits {
        return Err(Misfit);
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within i64, as tested above")]
    let int = float as i64;
    Ok(int)
}

/// Go's conversion to `int32` keeps the low 32 bits.
fn int32(int: i64) -> i32 {
    let [.., a, b, c, d] = int.to_be_bytes();
    i32::from_be_bytes([a, b, c, d])
}

fn bytes(value: &Value) -> Result<Vec<u8>, Misfit> {
    match value {
        Value::String(text) => decode_base64(text).ok_or(Misfit),
        // A list of numbers is one of bytes.
        Value::Array(items) => {
            let byte = |item: &Value| match item {
                Value::Null => Ok(0),
                Value::Number(number) => int(number).map(|int| int.to_be_bytes()[7]),
                _ => Err(Misfit),
            };
            items.iter().map(byte).collect()
        }
        _ => Err(Misfit),
    }
}

/// Go's `base64.StdEncoding`: padded; line breaks are skipped, and bits after the end are not looked at.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let joined: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    LENIENT.decode(joined).ok()
}

/// A number as Go's `encoding/json` writes it.
fn number_text(number: &Number) -> String {
    match (number.as_i64(), number.as_f64()) {
        (None, Some(float)) if float != 0.0 && !(1e-6..1e21).contains(&float.abs()) => {
            let text = format!("{float:e}");
            if text.contains("e-") { text } else { text.replace('e', "e+") }
        }
        (None, Some(float)) => float.to_string(),
        _ => number.to_string(),
    }
}
