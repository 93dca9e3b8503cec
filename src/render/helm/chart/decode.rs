//! YAML to fields with the rules of `sigs.k8s.io/yaml` and `encoding/json`: names of fields in any case, numbers and
//! truth values where text is wanted become text, null changes nothing, and of what does not fit the first is told.

use crate::{
    render::gotemplate::{
        strconv::{FloatFormat, format_float},
        value::FloatKind,
    },
    yaml::{self, Value, Version, json},
};

/// What is behind the words of every error.
const PREFIX: &str = "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal";

/// Reads the first document of a text as JSON would hold it.
///
/// # Errors
/// In the original's words.
pub(in crate::render::helm) fn document(text: &[u8]) -> Result<Value, String> {
    let value = yaml::parse_first(text, Version::V2).and_then(|it| it.to_value(Version::V2));
    let value = value.and_then(json::through_json);
    value.map_err(|error| format!("error converting YAML to JSON: {error}"))
}

/// Reads the first document of a text into a Go map.
///
/// # Errors
/// In the original's words, when it is no mapping.
pub(in crate::render::helm) fn mapping(text: &[u8], wanted: &str) -> Result<Option<yaml::Map>, String> {
    match document(text)? {
        Value::Null => Ok(None),
        Value::Map(map) => Ok(Some(map)),
        other => Err(format!("{PREFIX} {} into Go value of type {wanted}", other.json_word())),
    }
}

/// Decodes the fields of structs, and remembers the first thing that does not fit.
#[derive(Default)]
pub(in crate::render::helm) struct Decoder {
    error: Option<String>,
}

/// A struct that is decoded.
pub(in crate::render::helm) trait Fields {
    /// The name of the Go type.
    const NAME: &'static str;

    /// Takes what stands under a key; `false` for a key that is no field.
    fn field(&mut self, name: &str, value: &Value, path: &Path<'_>, decoder: &mut Decoder) -> bool;
}

/// Where a field stands, for the words of an error.
pub(in crate::render::helm) struct Path<'a> {
    /// The Go type of the innermost struct.
    structure: &'static str,
    /// The names above.
    above: Option<&'a Self>,
    name: &'a str,
}

impl Path<'_> {
    fn text(&self) -> String {
        let mut names = vec![self.name];
        let mut at = self.above;
        while let Some(path) = at {
            names.push(path.name);
            at = path.above;
        }
        names.reverse();
        names.join(".")
    }
}

impl Decoder {
    /// The first thing that did not fit.
    ///
    /// # Errors
    /// In the original's words.
    pub(in crate::render::helm) fn finish(self) -> Result<(), String> {
        self.error.map_or(Ok(()), Err)
    }

    /// Decodes a mapping into a struct.
    pub(in crate::render::helm) fn structure<F: Fields>(
        &mut self,
        into: &mut F,
        map: &yaml::Map,
        above: Option<&Path<'_>>,
    ) {
        let mut keys: Vec<_> = map.iter().collect();
        // The way through JSON sorts the keys, which decides where one stands twice in other cases.
        keys.sort_unstable_by_key(|(key, _)| *key);
        for (key, value) in keys {
            for name in [key.to_owned(), key.to_ascii_lowercase()] {
                let path = Path { structure: F::NAME, above, name: &name };
                if into.field(&name, value, &path, self) {
                    break;
                }
            }
        }
    }

    fn wrong(&mut self, value: &Value, path: &Path<'_>, wanted: &str) {
        if self.error.is_none() {
            let (found, structure, path) = (value.json_word(), path.structure, path.text());
            self.error =
                Some(format!("{PREFIX} {found} into Go struct field {structure}.{path} of type {wanted}"));
        }
    }

    /// Text.
    pub(in crate::render::helm) fn text(&mut self, into: &mut String, value: &Value, path: &Path<'_>) {
        match value {
            Value::Null => (),
            Value::String(text) => into.clone_from(text),
            Value::Bool(truth) => *into = truth.to_string(),
            Value::Int(number) => *into = number.to_string(),
            Value::Uint(number) => *into = number.to_string(),
            Value::Float(number) => {
                *into =
                    format_float(*number, FloatFormat::General { upper: false }, None, FloatKind::Float64);
            }
            Value::Seq(_) | Value::Map(_) => self.wrong(value, path, "string"),
        }
    }

    /// A truth value.
    pub(in crate::render::helm) fn truth(&mut self, into: &mut bool, value: &Value, path: &Path<'_>) {
        match value {
            Value::Null => (),
            Value::Bool(truth) => *into = *truth,
            _ => self.wrong(value, path, "bool"),
        }
    }

    /// A pointer to a struct without a name of its own.
    pub(in crate::render::helm) fn inner<F: Fields>(
        &mut self,
        into: &mut F,
        value: &Value,
        path: &Path<'_>,
        wanted: &str,
    ) {
        match value {
            Value::Null => (),
            Value::Map(map) => self.structure(into, map, Some(path)),
            other => self.wrong(other, path, wanted),
        }
    }

    /// A list, each element by `one`, which gets null too.
    pub(in crate::render::helm) fn list<T>(
        &mut self,
        into: &mut Vec<T>,
        value: &Value,
        path: &Path<'_>,
        wanted: &str,
        mut one: impl FnMut(&mut Self, &Value) -> Option<T>,
    ) {
        match value {
            Value::Null => into.clear(),
            Value::Seq(items) => *into = items.iter().filter_map(|it| one(self, it)).collect(),
            _ => self.wrong(value, path, wanted),
        }
    }

    /// A list of texts.
    pub(in crate::render::helm) fn texts(&mut self, into: &mut Vec<String>, value: &Value, path: &Path<'_>) {
        self.list(into, value, path, "[]string", |decoder, item| {
            let mut text = String::new();
            decoder.text(&mut text, item, path);
            Some(text)
        });
    }

    /// A list of pointers to structs; null is a nil pointer.
    pub(in crate::render::helm) fn structures<F: Fields + Default>(
        &mut self,
        into: &mut Vec<Option<F>>,
        value: &Value,
        path: &Path<'_>,
        wanted: &str,
    ) {
        self.list(into, value, path, wanted, |decoder, item| match item {
            Value::Null => Some(None),
            Value::Map(map) => {
                let mut one = F::default();
                decoder.structure(&mut one, map, Some(path));
                Some(Some(one))
            }
            other => {
                decoder.wrong(other, path, &format!("v2.{}", F::NAME));
                None
            }
        });
    }

    /// A map of texts.
    pub(in crate::render::helm) fn text_map(
        &mut self,
        into: &mut Option<std::collections::BTreeMap<String, String>>,
        value: &Value,
        path: &Path<'_>,
    ) {
        match value {
            Value::Null => *into = None,
            Value::Map(map) => {
                let texts = into.get_or_insert_default();
                for (key, value) in map.iter() {
                    let mut text = String::new();
                    self.text(&mut text, value, path);
                    texts.insert(key.to_owned(), text);
                }
            }
            _ => self.wrong(value, path, "map[string]string"),
        }
    }
}
