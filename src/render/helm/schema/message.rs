//! The words of the original's validator for what does not hold.

use boon::ErrorKind;
use serde_json::Value as Json;

use super::{
    format,
    settled::{Fault, Says, pointer},
};
use crate::render::gotemplate::{
    strconv::{FloatFormat, format_float, quote},
    value::FloatKind,
};

/// The tree of what does not hold, a line each. The schema is asked for patterns as they were written.
pub(super) fn tree(faults: &[Fault<'_>], schema: &Json) -> String {
    let mut out = String::new();
    for fault in faults {
        level(fault, 0, schema, &mut out);
    }
    out
}

fn level(fault: &Fault<'_>, depth: usize, schema: &Json, out: &mut String) {
    let is_reference =
        matches!(&fault.says, Says::Error(error) if matches!(error.kind, ErrorKind::Reference { .. }));
    let skipped = fault.causes.len() == 1 && is_reference;
    if !skipped {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&"  ".repeat(depth));
        let says = match &fault.says {
            Says::Gathers(says) => (*says).to_owned(),
            Says::Error(error) => match &error.kind {
                ErrorKind::Pattern { got, want } => {
                    let want = written(error.schema_url, schema).unwrap_or_else(|| (*want).to_owned());
                    format!("{} does not match pattern {}", quoted(got), quoted(&want))
                }
                kind => says(kind),
            },
        };
        out.push_str(&format!("- at {}: {says}", quoted(&fault.place)));
    }
    for cause in &fault.causes {
        level(cause, depth + usize::from(!skipped), schema, out);
    }
}

/// The pattern of the schema at an address, as it was written; the validator knows its own form of it.
fn written(url: &str, schema: &Json) -> Option<String> {
    Some(schema.pointer(&format!("{}/pattern", pointer(url)))?.as_str()?.to_owned())
}

/// As Go quotes, but in single marks.
pub(super) fn quoted(text: &str) -> String {
    let text = quote(text.as_bytes()).replace("\\\"", "\"").replace('\'', "\\'");
    let inner = text.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(&text);
    format!("'{inner}'")
}

fn all<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// A value as `%v` prints it, text in marks.
fn shown(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".into(),
        Json::String(text) => quoted(text),
        Json::Array(_) | Json::Object(_) => "value".into(),
        other => other.to_string(),
    }
}

fn is_plain(value: &Json) -> bool {
    !matches!(value, Json::Array(_) | Json::Object(_))
}

/// A count as English prints it.
fn count(number: usize) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number as English prints it.
fn number(number: &serde_json::Number) -> String {
    let value = number.as_f64().unwrap_or_default();
    let text = format_float(value, FloatFormat::General { upper: false }, None, FloatKind::Float64);
    if let Some((mantissa, exponent)) = text.split_once('e') {
        let raised = |c: char| match c {
            '-' => Some('⁻'),
            '0' => Some('⁰'),
            '1' => Some('¹'),
            '2' => Some('²'),
            '3' => Some('³'),
            '4'..='9' => char::from_u32(u32::from('⁴') + u32::from(c) - u32::from('4')),
            _ => None,
        };
        return format!("{mantissa}×10{}", exponent.chars().filter_map(raised).collect::<String>());
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |it| ("-", it));
    match digits.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", grouped(whole)),
        None => format!("{sign}{}", grouped(digits)),
    }
}

fn bounds(word: &str, got: impl AsRef<str>, want: impl AsRef<str>) -> String {
    format!("{word}: got {}, want {}", got.as_ref(), want.as_ref())
}

fn places(got: &[usize]) -> String {
    got.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn says(kind: &ErrorKind<'_, '_>) -> String {
    match kind {
        ErrorKind::Group | ErrorKind::Reference { .. } => "validation failed".into(),
        ErrorKind::Schema { url } => format!("jsonschema validation failed with {}", quoted(url)),
        ErrorKind::ContentSchema => "'contentSchema' failed".into(),
        ErrorKind::PropertyName { prop } => format!("invalid propertyName {}", quoted(prop)),
        ErrorKind::RefCycle { url, kw_loc1, kw_loc2 } => {
            let url = quote(url.as_bytes());
            format!("both {kw_loc1} and {kw_loc2} resolve to {url} causing reference cycle")
        }
        ErrorKind::FalseSchema => "false schema".into(),
        ErrorKind::Type { got, want } => {
            let want: Vec<String> = want.iter().map(|it| it.to_string()).collect();
            format!("got {got}, want {}", want.join(" or "))
        }
        ErrorKind::Enum { want } if want.iter().all(is_plain) => match want.as_slice() {
            [one] => format!("value must be {}", shown(one)),
            many => {
                let many: Vec<String> = many.iter().map(shown).collect();
                format!("value must be one of {}", many.join(", "))
            }
        },
        ErrorKind::Enum { .. } => "'enum' failed".into(),
        ErrorKind::Const { want } if is_plain(want) => format!("value must be {}", shown(want)),
        ErrorKind::Const { .. } => "'const' failed".into(),
        ErrorKind::Format { got, want, err } => {
            let (want, err) = format::told(got, want, err.as_ref());
            format!("{} is not valid {want}: {err}", shown(got))
        }
        ErrorKind::MinProperties { got, want } => bounds("minProperties", count(*got), count(*want)),
        ErrorKind::MaxProperties { got, want } => bounds("maxProperties", count(*got), count(*want)),
        ErrorKind::AdditionalProperties { got } => {
            format!("additional properties {} not allowed", all(got.iter().map(AsRef::as_ref)))
        }
        ErrorKind::Required { want } => match want.as_slice() {
            [one] => format!("missing property {}", quoted(one)),
            many => format!("missing properties {}", all(many.iter().copied())),
        },
        ErrorKind::Dependency { prop, missing } | ErrorKind::DependentRequired { prop, missing } => {
            format!("properties {} required, if {} exists", all(missing.iter().copied()), quoted(prop))
        }
        ErrorKind::MinItems { got, want } => bounds("minItems", count(*got), count(*want)),
        ErrorKind::MaxItems { got, want } => bounds("maxItems", count(*got), count(*want)),
        ErrorKind::Contains => "no items match contains schema".into(),
        ErrorKind::MinContains { got, want } if got.is_empty() => {
            format!("min {} items required to match contains schema, but none matched", count(*want))
        }
        ErrorKind::MinContains { got, want } => {
            let (want, found) = (count(*want), count(got.len()));
            let got = places(got);
            format!("min {want} items required to match contains schema, but matched {found} items at {got}")
        }
        ErrorKind::MaxContains { got, want } => {
            let (want, found) = (count(*want), count(got.len()));
            let got = places(got);
            format!("max {want} items required to match contains schema, but matched {found} items at {got}")
        }
        ErrorKind::UniqueItems { got: [one, two] } => {
            format!("items at {} and {} are equal", count(*one), count(*two))
        }
        ErrorKind::AdditionalItems { got } => format!("last {} additionalItem(s) not allowed", count(*got)),
        ErrorKind::MinLength { got, want } => bounds("minLength", count(*got), count(*want)),
        ErrorKind::MaxLength { got, want } => bounds("maxLength", count(*got), count(*want)),
        ErrorKind::Pattern { got, want } => {
            format!("{} does not match pattern {}", quoted(got), quoted(want))
        }
        ErrorKind::ContentEncoding { want, err } => format!("value is not {} encoded: {err}", quoted(want)),
        ErrorKind::ContentMediaType { want, err, .. } => {
            format!("value if not of mediatype {}: {err}", quoted(want))
        }
        ErrorKind::Minimum { got, want } => bounds("minimum", number(got), number(want)),
        ErrorKind::Maximum { got, want } => bounds("maximum", number(got), number(want)),
        ErrorKind::ExclusiveMinimum { got, want } => bounds("exclusiveMinimum", number(got), number(want)),
        ErrorKind::ExclusiveMaximum { got, want } => bounds("exclusiveMaximum", number(got), number(want)),
        ErrorKind::MultipleOf { got, want } => bounds("multipleOf", number(got), number(want)),
        ErrorKind::Not => "'not' failed".into(),
        ErrorKind::AllOf => "'allOf' failed".into(),
        ErrorKind::AnyOf => "'anyOf' failed".into(),
        ErrorKind::OneOf(None) => "'oneOf' failed, none matched".into(),
        ErrorKind::OneOf(Some((one, two))) => {
            format!("'oneOf' failed, subschemas {}, {} matched", count(*one), count(*two))
        }
    }
}
