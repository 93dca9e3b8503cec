//! `index`, `slice` and `len`.

use crate::render::gotemplate::{
    flow::Flow,
    function::Failure,
    strconv::decode,
    value::{Kind, Str, Type, UintKind, Value},
};

/// A value as an index that is at most `capacity`.
fn position(index: &Value, capacity: usize) -> Result<usize, Failure> {
    let number = match index.plain() {
        Value::Int(number, _) => number,
        // Beyond 2^63 it wraps, as in the original, whose message shows so.
        Value::Uint(number, _) => number as i64,
        Value::Nil => return Err("cannot index slice/array with nil".into()),
        _ => return Err(format!("cannot index slice/array with type {}", index.type_name()).into()),
    };
    let found = usize::try_from(number).ok().filter(|it| *it <= capacity);
    found.ok_or_else(|| Failure::Message(format!("index out of range: {number}")))
}

/// The type's name behind a pointer.
fn behind(value: &Value) -> &'static str {
    let name = value.type_name();
    match value {
        Value::Object(object) if object.kind() == Kind::Pointer => name.strip_prefix('*').unwrap_or(name),
        _ => name,
    }
}

/// `item[a][b]…`.
pub(super) fn index(item: &Flow, indexes: &[Flow]) -> Result<Flow, Failure> {
    if matches!(item.value, Value::Nil) {
        return Err("index of untyped nil".into());
    }
    let mut item = Flow::plain(item.value.clone());
    for index in indexes {
        if item.is_nil_pointer() {
            return Err("index of nil pointer".into());
        }
        let index = &index.value;
        item = match item.value.plain() {
            Value::List(list) => {
                let at = position(index, list.len())?;
                let found = list.get(at).ok_or("reflect: slice index out of range")?;
                Flow::of(found, list.list_type().element)
            }
            Value::Bytes(bytes) => byte(&bytes, position(index, bytes.len())?, "slice")?,
            Value::Str(text) => byte(&text, position(index, text.len())?, "string")?,
            Value::Map(map) => {
                let key = match index.plain() {
                    Value::Str(key) => key,
                    Value::Nil => return Err("value is nil; should be of type string".into()),
                    _ => return Err(format!("value has type {}; should be string", index.type_name()).into()),
                };
                let element = map.map_type().element;
                map.get(&key).map_or_else(|| Flow::zero(element), |it| Flow::of(it, element))
            }
            _ => return Err(format!("can't index item of type {}", behind(&item.value)).into()),
        };
    }
    Ok(item)
}

fn byte(bytes: &Str, at: usize, what: &str) -> Result<Flow, Failure> {
    match bytes.get(at) {
        Some(byte) => Ok(Flow::plain(Value::Uint(u64::from(*byte), UintKind::Uint8))),
        None => Err(format!("reflect: {what} index out of range").into()),
    }
}

/// `item[a:b:c]`.
pub(super) fn slice(item: &Flow, indexes: &[Flow]) -> Result<Flow, Failure> {
    if matches!(item.value, Value::Nil) {
        return Err("slice of untyped nil".into());
    }
    if item.is_nil_pointer() && !item.boxed {
        return Err("slice of nil pointer".into());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let plain = item.value.plain();
    let (len, capacity) = match &plain {
        Value::Str(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::Str(text) | Value::Bytes(text) => (text.len(), text.len()),
        Value::List(list) => (list.len(), list.capacity()),
        _ => return Err(format!("can't slice item of type {}", behind(&item.value)).into()),
    };
    let mut bounds = [0, len, capacity];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        // Unlike `index`, the original does not look into an interface here.
        if index.boxed {
            return Err(format!("cannot index slice/array with type {}", index.type_name()).into());
        }
        *bound = position(&index.value, capacity)?;
    }
    let [from, to, max] = bounds;
    for (low, high) in [(from, to), (to, max)] {
        if low > high {
            return Err(format!("invalid slice index: {low} > {high}").into());
        }
    }
    let cut = |text: &Str| Str::from(text.get(from..to).unwrap_or(&[]));
    Ok(Flow::plain(match &plain {
        Value::Str(text) => Value::Str(cut(text)),
        Value::Bytes(bytes) => Value::Bytes(cut(bytes)),
        Value::List(list) => list.slice(from, to, max).map_or(Value::Nil, Value::List),
        _ => Value::Nil,
    }))
}

/// How many elements or bytes it has.
pub(super) fn len(item: &Flow) -> Result<Flow, Failure> {
    if item.is_nothing() {
        // What Go's panic says.
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    if item.is_nil_pointer() {
        return Err("len of nil pointer".into());
    }
    let len = match item.value.plain() {
        Value::Str(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => return Err(format!("len of type {}", behind(&item.value)).into()),
    };
    Ok(Flow::plain(Value::int(i64::try_from(len).unwrap_or(i64::MAX))))
}

/// An argument of `call` as a parameter's type (Go: `prepareArg`).
pub(in super::super) fn prepared(value: &Value, wanted: Type) -> Result<Value, String> {
    let value = match value {
        Value::Nil if wanted.takes_nil() => Value::zero(wanted),
        Value::Nil => return Err(format!("value is nil; should be of type {wanted}")),
        _ => value.clone(),
    };
    if value.is_assignable_to(wanted) {
        return Ok(value);
    }
    // A conversion in Go wraps.
    match (value.plain(), wanted) {
        (Value::Int(number, _), Type::Int(kind)) => Ok(Value::Int(kind.wrap(number), kind)),
        (Value::Int(number, _), Type::Uint(kind)) => Ok(Value::Uint(kind.wrap(number as u64), kind)),
        (Value::Uint(number, _), Type::Int(kind)) => Ok(Value::Int(kind.wrap(number as i64), kind)),
        (Value::Uint(number, _), Type::Uint(kind)) => Ok(Value::Uint(kind.wrap(number), kind)),
        _ => Err(format!("value has type {}; should be {wanted}", value.type_name())),
    }
}

/// The text with each character passed through `escape`, which says nothing where it stays.
pub(super) fn replaced(text: &[u8], escape: impl Fn(u32, &[u8]) -> Option<String>) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while !rest.is_empty() {
        let (rune, width) = decode(rest);
        let (this, after) = rest.split_at(width.min(rest.len()));
        match escape(rune, this) {
            Some(escaped) => out.extend_from_slice(escaped.as_bytes()),
            None => out.extend_from_slice(this),
        }
        rest = after;
    }
    out
}
