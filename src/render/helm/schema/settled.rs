//! What does not hold, where the validator and the original tell it differently.

use boon::{ErrorKind, ValidationError};

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
    fault: Fault<'e>,
}

/// The tree as the original has it; none where nothing is left of it.
///
/// The original calculates multiples with fractions and not with floats, looks at nothing else of a value that is not of its
/// format, and tells `allOf` and its like even where a single schema of theirs fails.
pub(super) fn settled<'e>(error: &'e ValidationError<'e, 'e>) -> Option<Fault<'e>> {
    if let ErrorKind::MultipleOf { got, want } = &error.kind
        && is_multiple(&got.to_string(), &want.to_string())
    {
        return None;
    }
    let loose =
        error.causes.iter().filter_map(|it| Some(Loose { schema: it.schema_url, fault: settled(it)? }));
    let mut loose: Vec<Loose<'_>> = loose.collect();
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
        ErrorKind::Reference { url, .. } | ErrorKind::Schema { url } => gathered(url, loose),
        _ => gathered(error.schema_url, loose),
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
        let is_group = causes.len() > 1;
        let mut causes = gathered(&schema, causes);
        if is_group {
            causes = vec![Fault { says: Says::Gathers("validation failed"), place: place.clone(), causes }];
        }
        vec![Fault { says: Says::Gathers(says), place, causes }]
    };
    steps.into_iter().flat_map(told).collect()
}

/// The first keyword with a list of schemas on the way from a schema to what found a fault.
fn first_step(from: &str, cause: &Loose<'_>) -> Option<Step> {
    let way = cause.schema.strip_prefix(from)?;
    let mut segments = way.split('/').skip(1).peekable();
    let mut length = from.len();
    // How deep below the keyword the fault lies in the values.
    let (mut found, mut depth) = (None, 0);
    while let Some(segment) = segments.next() {
        length += 1 + segment.len();
        let numbered = segments.peek().is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()));
        let (deeper, named) = match segment {
            "allOf" | "anyOf" | "oneOf" => (0, true),
            "properties" | "patternProperties" | "prefixItems" => (1, true),
            "dependentSchemas" | "dependencies" | "definitions" | "$defs" => (0, true),
            // A list of schemas, or one for all.
            "items" => (1, numbered),
            "additionalItems" | "additionalProperties" | "contains" => (1, false),
            "unevaluatedItems" | "unevaluatedProperties" => (1, false),
            _ => (0, false),
        };
        if found.is_some() {
            depth += deeper;
        }
        // A name or a number belongs to the keyword.
        if named && let Some(name) = segments.next() {
            length += 1 + name.len();
        }
        if found.is_none() {
            found = match segment {
                "allOf" => Some(("'allOf' failed", length)),
                "anyOf" => Some(("'anyOf' failed", length)),
                "oneOf" => Some(("'oneOf' failed, none matched", length)),
                _ => None,
            };
        }
    }
    let (says, length) = found?;
    let mut place = cause.fault.place.as_str();
    for _ in 0..depth {
        place = place.rsplit_once('/').map_or("", |(above, _)| above);
    }
    Some(Step { schema: cause.schema.get(..length)?.to_owned(), says, place: place.to_owned() })
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
