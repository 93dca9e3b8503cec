//! Secrets stay out of everything that people and logs read.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use crate::object::Object;

/// What stands for a value that did not change, or that is there only before or only after.
const MASK: &str = "***";
const BEFORE: &str = "*** (before)";
const AFTER: &str = "*** (after)";

/// Where `kubectl apply` keeps a copy of everything.
const COPY: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The fields of a Secret that hold its values.
const FIELDS: [&str; 2] = ["data", "stringData"];

/// The fields of an object before and after, ready to be shown: the values of a Secret are masked as Flux masks them
/// (fluxcd/pkg/ssa `SanitizeUnstructuredData`), so that one sees which changed and nothing else.
pub(super) fn pair(before: &Object, after: &Object) -> (Map<String, Value>, Map<String, Value>) {
    let (mut old, mut new) = (before.fields().clone(), after.fields().clone());
    if is_secret(before) || is_secret(after) {
        for path in [["data"].as_slice(), &["stringData"], &["metadata", "annotations"]] {
            let all = path.len() == 1;
            mask(at(&mut old, path), at(&mut new, path), |key| all || key == COPY);
        }
    }
    (old, new)
}

fn mask(
    old: Option<&mut Map<String, Value>>,
    new: Option<&mut Map<String, Value>>,
    masked: impl Fn(&str) -> bool,
) {
    let (mut none, mut nothing) = (Map::new(), Map::new());
    let (old, new) = (old.unwrap_or(&mut none), new.unwrap_or(&mut nothing));
    for (key, value) in old.iter_mut().filter(|(key, _)| masked(key)) {
        *value = match new.get_mut(key) {
            Some(other) if *other != *value => {
                *other = AFTER.into();
                BEFORE.into()
            }
            Some(other) => {
                *other = MASK.into();
                MASK.into()
            }
            None => MASK.into(),
        };
    }
    for (_, value) in new.iter_mut().filter(|(key, _)| masked(key) && !old.contains_key(*key)) {
        *value = MASK.into();
    }
}

/// A text of a server about an object, without what a Secret holds. Values of less than four characters are masked
/// only in quotes: they would be found everywhere.
pub fn scrub(text: &str, object: &Object) -> String {
    if !is_secret(object) {
        return text.to_owned();
    }
    // A decoder shows a piece of its input, in which a value may be cut.
    let mut text = match text.split_once("error found in #") {
        Some((begin, _)) => format!("{begin}({MASK})"),
        None => text.to_owned(),
    };
    let values = FIELDS.iter().filter_map(|field| object.get(&[field])?.as_object());
    let mut secrets: Vec<String> = Vec::new();
    for value in values.flat_map(Map::values).filter_map(Value::as_str) {
        secrets.push(value.to_owned());
        secrets.extend(BASE64_STANDARD.decode(value).ok().and_then(|it| String::from_utf8(it).ok()));
    }
    // The longest first, so that no value leaves the rest of another.
    secrets.sort_by_key(|it| std::cmp::Reverse(it.len()));
    for secret in secrets.iter().filter(|it| !it.is_empty()) {
        text = match secret.chars().count() {
            ..4 => text.replace(&format!("{secret:?}"), &format!("{MASK:?}")),
            _ => text.replace(secret.as_str(), MASK),
        };
    }
    text
}

fn is_secret(object: &Object) -> bool {
    object.gvk().is("", "Secret")
}

fn at<'a>(fields: &'a mut Map<String, Value>, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    let (first, rest) = path.split_first()?;
    let value = fields.get_mut(*first)?;
    rest.iter().try_fold(value, |value, key| value.get_mut(key))?.as_object_mut()
}
