//! `reflect.DeepEqual`: types count, and a nil slice is not an empty one.

use crate::{
    limits,
    render::gotemplate::{Failure, Value},
};

/// Whether two values are deeply equal.
///
/// # Errors
/// When they lie too deep, as what holds itself does.
pub(super) fn deep_equal(a: &Value, b: &Value) -> Result<bool, Failure> {
    equal(a, b, 0)
}

fn equal(a: &Value, b: &Value, depth: usize) -> Result<bool, Failure> {
    if depth > limits::VALUE_DEPTH {
        return Err(format!("values lie more than {} deep", limits::VALUE_DEPTH).into());
    }
    if a.type_name() != b.type_name() {
        return Ok(false);
    }
    Ok(match (a, b) {
        (Value::Nil, Value::Nil) | (Value::NilPointer(_), Value::NilPointer(_)) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a, _), Value::Int(b, _)) => a == b,
        (Value::Uint(a, _), Value::Uint(b, _)) => a == b,
        (Value::Float(a, _), Value::Float(b, _)) => a == b,
        (Value::Complex(a, b), Value::Complex(c, d)) => a == c && b == d,
        (Value::Str(a), Value::Str(b)) | (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            if a.is_nil() != b.is_nil() || a.len() != b.len() {
                return Ok(false);
            }
            if a.is_same(b) {
                return Ok(true);
            }
            let (a, b) = (a.items(), b.items());
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal(a, b, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.is_nil() != b.is_nil() || a.len() != b.len() {
                return Ok(false);
            }
            let (false, Some(a), Some(b)) = (a.is_same(b), a.entries(), b.entries()) else { return Ok(true) };
            for ((key, a), (other, b)) in a.iter().zip(b.iter()) {
                if key != other || !equal(a, b, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Object(a), Value::Object(b)) => {
            if std::rc::Rc::ptr_eq(a, b) {
                return Ok(true);
            }
            if let (Some(a), Some(b)) = (a.underlying(), b.underlying()) {
                return equal(&a, &b, depth + 1);
            }
            let (fields, others) = (a.fields(), b.fields());
            if fields.is_empty() {
                return Ok(a.equals(b.as_ref()).unwrap_or_else(|| a.text() == b.text()));
            }
            for ((_, a), (_, b)) in fields.iter().zip(&others) {
                if !equal(a, b, depth + 1)? {
                    return Ok(false);
                }
            }
            fields.len() == others.len()
        }
        // Functions are equal only where both are nil.
        _ => false,
    })
}
