//! `eq` and its kin.

use std::cmp::Ordering;

use crate::render::gotemplate::{
    flow::Flow,
    fmt,
    function::Failure,
    value::{Kind, Value},
};

const BAD_TYPE: &str = "invalid type for comparison";

/// The kinds that can be compared, whatever their width.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Basic {
    Bool(bool),
    Complex(f64, f64),
    Int(i64),
    Float(f64),
    Uint(u64),
    String,
}

fn basic(value: &Value) -> Option<Basic> {
    Some(match value {
        Value::Bool(truth) => Basic::Bool(*truth),
        Value::Int(number, _) => Basic::Int(*number),
        Value::Uint(number, _) => Basic::Uint(*number),
        Value::Float(number, _) => Basic::Float(*number),
        Value::Complex(real, imaginary) => Basic::Complex(*real, *imaginary),
        Value::Str(_) => Basic::String,
        Value::Object(object) => return object.underlying().as_ref().and_then(basic),
        _ => return None,
    })
}

fn text(value: &Value) -> Value {
    value.plain()
}

fn incompatible(one: &Value, two: &Value) -> Failure {
    let (one, two) = (one.type_name(), two.type_name());
    Failure::Message(format!("incompatible types for comparison: {one} and {two}"))
}

/// `first == a || first == b || …`.
pub(super) fn eq(first: &Value, others: &[Flow]) -> Result<bool, Failure> {
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if equal(first, &other.value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(one: &Value, two: &Value) -> Result<bool, Failure> {
    match (basic(one), basic(two)) {
        (Some(Basic::Int(int)), Some(Basic::Uint(uint)))
        | (Some(Basic::Uint(uint)), Some(Basic::Int(int))) => Ok(u64::try_from(int) == Ok(uint)),
        (Some(Basic::String), Some(Basic::String)) => match (text(one), text(two)) {
            (Value::Str(one), Value::Str(two)) => Ok(one == two),
            _ => Ok(false),
        },
        (Some(one_basic), Some(two_basic)) => {
            if std::mem::discriminant(&one_basic) == std::mem::discriminant(&two_basic) {
                Ok(one_basic == two_basic)
            } else {
                Err(incompatible(one, two))
            }
        }
        (None, None) => identical(one, two),
        _ if matches!(one, Value::Nil) || matches!(two, Value::Nil) => Ok(false),
        _ => Err(incompatible(one, two)),
    }
}

/// Of values that are nil, or of no basic kind.
fn identical(one: &Value, two: &Value) -> Result<bool, Failure> {
    let (one_kind, two_kind) = (one.kind(), two.kind());
    if one_kind != two_kind && one_kind != Kind::Invalid && two_kind != Kind::Invalid {
        let format = b"non-comparable types %s: %v, %s: %v";
        let names = (Value::from(one.type_name()), Value::from(two.type_name()));
        let args = [one.clone(), names.0, names.1, two.clone()];
        return Err(String::from_utf8_lossy(&fmt::sprintf(format, &args)?).into_owned().into());
    }
    if one.is_nil() || two.is_nil() {
        return Ok(one.is_nil() && two.is_nil());
    }
    if let (Value::Object(one), Value::Object(two)) = (one, two) {
        if std::rc::Rc::ptr_eq(one, two) && two.kind() == Kind::Pointer {
            return Ok(true);
        }
        if let Some(equal) = two.equals(one.as_ref()) {
            return Ok(equal && one.type_name() == two.type_name());
        }
    }
    let args = [two.clone(), Value::from(two.type_name())];
    let text = fmt::sprintf(b"non-comparable type %s: %v", &args)?;
    Err(String::from_utf8_lossy(&text).into_owned().into())
}

/// `one < two`.
pub(super) fn lt(one: &Value, two: &Value) -> Result<bool, Failure> {
    let (Some(one_basic), Some(two_basic)) = (basic(one), basic(two)) else { return Err(BAD_TYPE.into()) };
    Ok(match (one_basic, two_basic) {
        (Basic::Int(one), Basic::Int(two)) => one < two,
        (Basic::Uint(one), Basic::Uint(two)) => one < two,
        (Basic::Float(one), Basic::Float(two)) => one.partial_cmp(&two) == Some(Ordering::Less),
        (Basic::String, Basic::String) => match (text(one), text(two)) {
            (Value::Str(one), Value::Str(two)) => one < two,
            _ => false,
        },
        (Basic::Int(one), Basic::Uint(two)) => u64::try_from(one).map_or(true, |one| one < two),
        (Basic::Uint(one), Basic::Int(two)) => u64::try_from(two).is_ok_and(|two| one < two),
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(..), Basic::Complex(..)) => {
            return Err(BAD_TYPE.into());
        }
        _ => return Err(incompatible(one, two)),
    })
}

/// `one <= two`, as Go puts it together.
pub(super) fn le(one: &Value, two: &[Flow]) -> Result<bool, Failure> {
    let Some(other) = two.first() else { return Err(BAD_TYPE.into()) };
    Ok(lt(one, &other.value)? || eq(one, two)?)
}
