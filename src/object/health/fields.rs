//! Reading fields as the original does: the lenient readers take a default for a field of another type, the strict
//! ones fail, in the original's words.

use serde_json::{Number, Value};

use crate::object::Object;

/// A field that has another form than the rule needs. The text is the error of the original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Odd(pub(super) String);

/// One condition; a missing field is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Condition<'a> {
    pub(super) kind: &'a str,
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

/// An object whose fields are read.
pub(super) struct Fields<'a>(pub(super) &'a Object);

impl<'a> Fields<'a> {
    /// A text, or `default` where there is none (kstatus `GetStringField`).
    pub(super) fn text(&self, path: &[&str], default: &'a str) -> &'a str {
        self.0.text(path).unwrap_or(default)
    }

    /// A whole number, or `default` where there is none (kstatus `GetIntField`).
    pub(super) fn int(&self, path: &[&str], default: i64) -> i64 {
        self.0.get(path).and_then(Value::as_i64).unwrap_or(default)
    }

    /// `NestedString`.
    pub(super) fn strict_text(&self, path: &[&str]) -> Result<Option<&'a str>, Odd> {
        self.typed(path, "string", Value::as_str)
    }

    /// `NestedInt64`.
    pub(super) fn strict_int(&self, path: &[&str]) -> Result<Option<i64>, Odd> {
        self.typed(path, "int64", Value::as_i64)
    }

    /// `NestedMap`.
    pub(super) fn map(&self, path: &[&str]) -> Result<Option<()>, Odd> {
        self.typed(path, "map[string]interface{}", |value| value.as_object().map(|_| ()))
    }

    /// `NestedSlice`.
    pub(super) fn list(&self, path: &[&str]) -> Result<Option<&'a Vec<Value>>, Odd> {
        self.typed(path, "[]interface{}", Value::as_array)
    }

    fn typed<T>(
        &self,
        path: &[&str],
        wanted: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Odd> {
        let wrong = |depth: usize, value: &Value, wanted: &str| {
            let path = path.get(..depth).unwrap_or(path).join(".");
            let (text, of) = (printed(value), go_type(value));
            Odd(format!(".{path} accessor error: {text} is of the type {of}, expected {wanted}"))
        };
        let Some((first, rest)) = path.split_first() else { return Ok(None) };
        let Some(mut value) = self.0.fields().get(*first) else { return Ok(None) };
        for (depth, key) in rest.iter().enumerate() {
            match value {
                Value::Null => return Ok(None),
                Value::Object(fields) => match fields.get(*key) {
                    Some(found) => value = found,
                    None => return Ok(None),
                },
                other => return Err(wrong(depth + 2, other, "map[string]interface{}")),
            }
        }
        read(value).map(Some).ok_or_else(|| wrong(path.len(), value, wanted))
    }

    /// `status.conditions`, all of them or none: one of another form fails the whole, as the conversion to Go's
    /// struct does (`GetObjectWithConditions`).
    pub(super) fn conditions(&self) -> Result<Vec<Condition<'a>>, Odd> {
        let conditions = match self.0.fields().get("status") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Object(status)) => status.get("conditions"),
            Some(other) => return Err(Odd(format!("cannot restore struct from: {}", go_kind(other)))),
        };
        match conditions {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(list)) => list.iter().map(condition).collect(),
            Some(other) => Err(Odd(format!("cannot restore slice from {}", go_kind(other)))),
        }
    }
}

fn condition(value: &Value) -> Result<Condition<'_>, Odd> {
    let fields = match value {
        Value::Null => return Ok(Condition::default()),
        Value::Object(fields) => fields,
        other => return Err(Odd(format!("cannot restore struct from: {}", go_kind(other)))),
    };
    let text = |key, of: &str| match fields.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        // Go can turn a whole number into text, so it gets as far as to refuse; of others it knows no way at all.
        Some(Value::Number(number)) if number.as_i64().is_some() => {
            Err(Odd(format!("cannot convert int64 to {of}")))
        }
        Some(_) => Err(Odd("unrecognized type: string".to_owned())),
    };
    Ok(Condition {
        kind: text("type", "string")?,
        status: text("status", "v1.ConditionStatus")?,
        reason: text("reason", "string")?,
        message: text("message", "string")?,
    })
}

/// What `%v` prints of a value.
fn printed(value: &Value) -> String {
    printed_within(value, 16)
}

/// A value may be nested deeper than the stack reaches, so the end of the text is cut where nobody reads on.
fn printed_within(value: &Value, depth: usize) -> String {
    let Some(below) = depth.checked_sub(1) else { return "…".to_owned() };
    let inner = |value| printed_within(value, below);
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => number(value),
        Value::String(value) => value.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(inner).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            let fields: Vec<_> =
                fields.into_iter().map(|(key, value)| format!("{key}:{}", inner(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
    }
}

fn number(value: &Number) -> String {
    match (value.as_i64(), value.as_f64()) {
        (Some(int), _) => int.to_string(),
        // `%v` of a float is the shortest form, with an exponent below 1e-4 and from 1e21 on.
        (None, Some(float)) if float != 0.0 && !(1e-4..1e21).contains(&float.abs()) => {
            let text = format!("{float:e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |it| ('-', it));
            format!("{digits}e{sign}{exponent:0>2}")
        }
        (None, Some(float)) => float.to_string(),
        (None, None) => value.to_string(),
    }
}

/// `%T` of a value.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        other => go_kind(other),
    }
}

/// `reflect.Kind` of a value.
fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "invalid",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.as_i64().is_some() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}
