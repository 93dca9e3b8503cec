//! What does not hold, where the validator and the original tell it differently.

use boon::{ErrorKind, ValidationError};
use serde_json::Value as Json;

use crate::render::gotemplate::sprig::url::Url;

/// One thing that does not hold, and because of what.
pub(super) struct Fault<'e> {
    pub(super) says: Says<'e>,
    /// Where in the values, as a JSON pointer.
    pub(super) place: String,
    pub(super) causes: Vec<Self>,
}

/// What a fault says.
pub(super) enum Says<'e> {
    /// What the validator found.
    Error(&'e ValidationError<'e, 'e>),
    /// What gathers others, which the validator leaves out where only one schema of a keyword fails.
    Gathers(&'static str),
}

/// A fault, and the schema that found it.
struct Loose<'e> {
    schema: &'e str,
    /// Where in the values what it looked at stands; a fault in a name says nothing of that itself.
    place: String,
    fault: Fault<'e>,
}

/// The tree as the original has it; none where nothing is left of it.
///
/// The original calculates multiples with fractions and not with floats, looks at nothing else of a value that is not of its
/// format, and tells `allOf` and its like even where a single schema of theirs fails.
pub(super) fn settled<'e>(error: &'e ValidationError<'e, 'e>, values: &Json) -> Option<Fault<'e>> {
    if let ErrorKind::MultipleOf { got, want } = &error.kind
        && is_multiple(&got.to_string(), &want.to_string())
    {
        return None;
    }
    let from = match &error.kind {
        ErrorKind::Reference { url, .. } | ErrorKind::Schema { url } => url,
        _ => error.schema_url,
    };
    let mut names: Vec<(&str, &str)> = Vec::new();
    let mut loose: Vec<Loose<'_>> = Vec::new();
    for it in &error.causes {
        let place = match &it.kind {
            ErrorKind::PropertyName { prop } => {
                let before = names.iter().filter(|known| **known == (it.schema_url, prop)).count();
                names.push((it.schema_url, prop));
                let (way, from) = (pointer(it.schema_url), pointer(from));
                let way = way.strip_prefix(from.as_str()).unwrap_or_default();
                named(values, &error.instance_location.to_string(), way, prop, before)
            }
            _ => it.instance_location.to_string(),
        };
        if let Some(fault) = settled(it, values) {
            loose.push(Loose { schema: it.schema_url, place, fault });
        }
    }
    stop_at_formats(&mut loose);
    let mut causes = match &error.kind {
        // Each is what one schema of the keyword says, and that keyword is told already.
        ErrorKind::AllOf | ErrorKind::AnyOf | ErrorKind::OneOf(_) => {
            let below = |it: Loose<'e>| match first_step(error.schema_url, &it) {
                Some(step) => gathered(&step.schema, vec![it]),
                None => vec![it.fault],
            };
            loose.into_iter().flat_map(below).collect()
        }
        _ => gathered(from, loose),
    };
    let gathers =
        matches!(error.kind, ErrorKind::Group | ErrorKind::Reference { .. } | ErrorKind::Schema { .. });
    match causes.len() {
        0 if error.causes.is_empty() => (),
        0 if gathers || matches!(error.kind, ErrorKind::AllOf) => return None,
        1 if matches!(error.kind, ErrorKind::Group) => return causes.pop(),
        _ => (),
    }
    Some(Fault { says: Says::Error(error), place: error.instance_location.to_string(), causes })
}

/// A value that is not of its format is not looked at any further by the same schema.
fn stop_at_formats(causes: &mut Vec<Loose<'_>>) {
    let is_format = |it: &Loose<'_>| matches!(&it.fault.says, Says::Error(error) if matches!(error.kind, ErrorKind::Format { .. }));
    let formats: Vec<(String, String)> = causes
        .iter()
        .filter(|it| is_format(it))
        .map(|it| (it.fault.place.clone(), it.schema.to_owned()))
        .collect();
    causes.retain(|it| {
        let stopped = |(place, schema): &(String, String)| {
            let below = it.schema.strip_prefix(schema.as_str());
            *place == it.fault.place && below.is_some_and(|it| it.is_empty() || it.starts_with('/'))
        };
        is_format(it) || !formats.iter().any(stopped)
    });
}

/// A keyword between a schema and what was found below it.
#[derive(PartialEq, Eq)]
struct Step {
    /// The schema of the keyword that was looked at.
    schema: String,
    says: &'static str,
    /// Where in the values the keyword stands.
    place: String,
}

/// Puts faults below the keywords that led to them from the schema `from`. What several faults have in common is where the
/// original has a group.
fn gathered<'e>(from: &str, causes: Vec<Loose<'e>>) -> Vec<Fault<'e>> {
    let mut steps: Vec<(Option<Step>, Vec<Loose<'e>>)> = Vec::new();
    for cause in causes {
        let step = first_step(from, &cause);
        match steps.iter_mut().find(|(known, _)| step.is_some() && *known == step) {
            Some((_, causes)) => causes.push(cause),
            None => steps.push((step, vec![cause])),
        }
    }
    let told = |(step, causes): (Option<Step>, Vec<Loose<'e>>)| {
        let Some(Step { schema, says, place }) = step else {
            return causes.into_iter().map(|it| it.fault).collect::<Vec<_>>();
        };
        let group = (causes.len() > 1).then(|| common(&schema, &place, &causes));
        let mut causes = gathered(&schema, causes);
        if let Some(place) = group {
            causes = vec![Fault { says: Says::Gathers("validation failed"), place, causes }];
        }
        vec![Fault { says: Says::Gathers(says), place, causes }]
    };
    steps.into_iter().flat_map(told).collect()
}

/// Where the last schema that led to all these faults looked at the values: it is the one that has more than one.
fn common(from: &str, place: &str, causes: &[Loose<'_>]) -> String {
    let mut ways = causes.iter().map(|it| way(from, it));
    let mut shared = ways.next().unwrap_or_default();
    for other in ways {
        let same = shared.iter().zip(&other).take_while(|(a, b)| a == b).count();
        shared.truncate(same);
    }
    shared.last().map_or(place, |it| it.place).to_owned()
}

/// The first keyword with a list of schemas on the way from a schema to what found a fault.
fn first_step(from: &str, cause: &Loose<'_>) -> Option<Step> {
    let says = |keyword: &str| match keyword {
        "allOf" => Some("'allOf' failed"),
        "anyOf" => Some("'anyOf' failed"),
        "oneOf" => Some("'oneOf' failed, none matched"),
        _ => None,
    };
    let found = way(from, cause).into_iter().find_map(|it| Some((says(it.keyword)?, it)))?;
    let (says, Schema { address, place, .. }) = found;
    Some(Step { schema: address.to_owned(), says, place: place.to_owned() })
}

/// A schema that led to a fault.
#[derive(PartialEq, Eq)]
struct Schema<'a> {
    keyword: &'a str,
    address: &'a str,
    /// What of the values it looked at.
    place: &'a str,
}

/// All schemas from one to what found a fault, which is the last one.
fn way<'a>(from: &str, cause: &'a Loose<'_>) -> Vec<Schema<'a>> {
    let Some(rest) = cause.schema.strip_prefix(from) else { return Vec::new() };
    let mut length = from.len();
    let mut schemas = Vec::new();
    let mut segments = rest.split('/').skip(1).peekable();
    while let Some(keyword) = segments.next() {
        length += 1 + keyword.len();
        let (name, deeper) = step(keyword, &mut segments);
        length += name.map_or(0, |it| 1 + it.len());
        schemas.push((keyword, cause.schema.get(..length).unwrap_or(cause.schema), deeper));
    }
    // The last one looked at the place that is known; each step before it one level above, or the same.
    let mut place = cause.place.as_str();
    let mut out = Vec::new();
    for (keyword, address, deeper) in schemas.into_iter().rev() {
        out.push(Schema { keyword, address, place });
        if deeper {
            place = place.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
    out.reverse();
    out
}

/// The name or number that belongs to a keyword, and whether it goes deeper into the values.
fn step<'a>(
    keyword: &str,
    segments: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
) -> (Option<&'a str>, bool) {
    let numbered = |it: &&str| it.bytes().all(|it| it.is_ascii_digit());
    match keyword {
        "allOf" | "anyOf" | "oneOf" | "dependentSchemas" | "dependencies" | "definitions" | "$defs" => {
            (segments.next(), false)
        }
        "properties" | "patternProperties" | "prefixItems" => (segments.next(), true),
        // A list of schemas, or one for all.
        "items" => (segments.next_if(numbered), true),
        "additionalItems" | "additionalProperties" | "contains" => (None, true),
        "unevaluatedItems" | "unevaluatedProperties" => (None, true),
        _ => (None, false),
    }
}

/// The JSON pointer in the address of a schema.
pub(super) fn pointer(url: &str) -> String {
    let fragment = Url::parse(url.as_bytes()).map(|it| it.fragment).unwrap_or_default();
    String::from_utf8(fragment).unwrap_or_default()
}

/// Where the object with that key stands which a schema on `way` from the one at `place` looked at: the next one, where
/// `before` of them were told already.
fn named(values: &Json, place: &str, way: &str, key: &str, before: usize) -> String {
    let Some(top) = values.pointer(place) else { return place.to_owned() };
    let mut here = vec![(place.to_owned(), top)];
    let mut segments = way.split('/').skip(1).peekable();
    while let Some(keyword) = segments.next() {
        let (name, goes_deeper) = step(keyword, &mut segments);
        // What is named by a pattern may have any name.
        let name = name.filter(|_| keyword != "patternProperties");
        if goes_deeper {
            here = here.into_iter().flat_map(|(place, value)| below(&place, value, name)).collect();
        }
    }
    let has_key = |it: &&(String, &Json)| it.1.get(key).is_some();
    here.iter().filter(has_key).nth(before).map_or_else(|| place.to_owned(), |(place, _)| place.clone())
}

/// What stands in a value: under one name or number, or all.
fn below<'v>(place: &str, value: &'v Json, name: Option<&str>) -> Vec<(String, &'v Json)> {
    let at = |key: &str| format!("{place}/{key}");
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match (name, value) {
        (Some(name), value) => {
            value.pointer(&format!("/{name}")).map(|it| (at(name), it)).into_iter().collect()
        }
        (None, Json::Object(map)) => map.iter().map(|(key, it)| (at(&escaped(key)), it)).collect(),
        (None, Json::Array(list)) => {
            list.iter().enumerate().map(|(index, it)| (at(&index.to_string()), it)).collect()
        }
        (None, _) => Vec::new(),
    }
}

/// Whether a decimal is a whole number of times another one.
fn is_multiple(number: &str, of: &str) -> bool {
    let (Some((number, scale)), Some((of, of_scale))) = (decimal(number), decimal(of)) else { return false };
    let most = scale.max(of_scale);
    let scaled = |number: i128, by: i32| {
        10_i128.checked_pow((most - by).try_into().ok()?).and_then(|it| number.checked_mul(it))
    };
    match (scaled(number, scale), scaled(of, of_scale)) {
        (Some(number), Some(of)) => number.checked_rem(of) == Some(0),
        _ => false,
    }
}

/// A decimal as a whole number and how many places it is to be moved to the right.
fn decimal(text: &str) -> Option<(i128, i32)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let number = format!("{whole}{fraction}").parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    Some((number, places.checked_sub(exponent.parse().ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_are_counted_in_decimals() {
        for (number, of, expect) in [
            ("4.35", "0.01", true),
            ("0.3", "0.1", true),
            ("1.005", "0.01", false),
            ("1e21", "0.01", true),
            ("-6", "3", true),
            ("7", "3", false),
            ("0", "2.5", true),
            ("3.3e-7", "1e-7", false),
            ("1e400", "3", false),
        ] {
            assert_eq!(is_multiple(number, of), expect, "{number} of {of}");
        }
    }
}
