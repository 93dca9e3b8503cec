//! Values to typed fields, as Go's `encoding/json` and `sigs.k8s.io/yaml` decode them: names of fields in any case, null
//! for nothing, and their words for what does not fit.

use std::{borrow::Cow, collections::BTreeMap};

use super::{Error, text::quote};
use crate::yaml::{Value, Version, float, parse_first};

/// The names that have capitals, as messages write them. Elsewhere names are compared without case.
const NAMES: [&str; 67] = [
    "additionalValuesFiles",
    "allowKindChange",
    "allowNameChange",
    "annotationSelector",
    "apiVersion",
    "apiVersions",
    "buildMetadata",
    "chartHome",
    "chartName",
    "chartRepoName",
    "chartRepoUrl",
    "chartVersion",
    "commonAnnotations",
    "commonLabels",
    "configHome",
    "configMapGenerator",
    "disableNameSuffixHash",
    "extraArgs",
    "fieldPath",
    "fieldPaths",
    "fieldSpecs",
    "filePathPosition",
    "generatorOptions",
    "helmBin",
    "helmChartInflationGenerator",
    "helmCharts",
    "helmGlobals",
    "helmHome",
    "imageTag",
    "imageTags",
    "includeCRDs",
    "includeSelectors",
    "includeTemplates",
    "jsonOp",
    "kubeVersion",
    "kubernetesService",
    "labelSelector",
    "legacySortOptions",
    "namePrefix",
    "nameReference",
    "nameSuffix",
    "nameTemplate",
    "newName",
    "newTag",
    "orderFirst",
    "orderLast",
    "patchesJson6902",
    "patchesStrategicMerge",
    "projectId",
    "releaseName",
    "releaseNamespace",
    "secretGenerator",
    "serviceAccount",
    "setRoleBindingSubjects",
    "skipHooks",
    "skipTests",
    "sortOptions",
    "sourceValue",
    "tagSuffix",
    "targetFilePath",
    "templateLabels",
    "unsetOnly",
    "valuesFile",
    "valuesInline",
    "valuesLocal",
    "valuesMerge",
    "varReference",
];

/// A type that is read from a value.
pub(super) trait FromValue: Sized {
    /// Reads it.
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error>;
}

/// Texts by name.
pub(super) type Pairs = BTreeMap<String, String>;

/// What is read, and where in it.
#[derive(Debug)]
pub(super) struct Decoder {
    /// A field that nobody knows is an error.
    strict: bool,
    /// Numbers and truth values become text where text is wanted.
    convert: bool,
    /// The names of the fields around.
    fields: Vec<Cow<'static, str>>,
    /// The type that has the innermost one.
    owner: &'static str,
}

impl Decoder {
    /// A decoder for what Go reads from JSON, unknown fields refused.
    pub(super) fn json(owner: &'static str) -> Self {
        Self { strict: true, convert: false, fields: Vec::new(), owner }
    }

    /// A decoder for `UnmarshalStrict` of `sigs.k8s.io/yaml`.
    pub(super) fn strict(owner: &'static str) -> Self {
        Self { strict: true, convert: true, fields: Vec::new(), owner }
    }

    /// A decoder for `Unmarshal` of `sigs.k8s.io/yaml`.
    pub(super) fn lenient(owner: &'static str) -> Self {
        Self { strict: false, convert: true, fields: Vec::new(), owner }
    }

    pub(super) fn read<T: FromValue>(mut self, value: &Value) -> Result<T, Error> {
        T::from_value(&mut self, value)
    }

    /// Calls `field` for each field of an object, with its name in lower case; it says whether it knows the name.
    pub(super) fn object(
        &mut self,
        value: &Value,
        owner: &'static str,
        field: &mut dyn FnMut(&mut Self, &str, &Value) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let map = match value {
            Value::Null => return Ok(()),
            Value::Map(map) => map,
            other => {
                let package = match owner {
                    "TransformerConfig" | "NameBackReferences" => "builtinconfig",
                    _ => "types",
                };
                return Err(self.mismatch(other, &format!("{package}.{owner}")));
            }
        };
        let outer = std::mem::replace(&mut self.owner, owner);
        // What is read is JSON, and that is sorted.
        let mut entries: Vec<(&str, &Value)> = map.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        for (key, value) in entries {
            let lower = key.to_lowercase();
            let known = NAMES.iter().find(|name| name.eq_ignore_ascii_case(&lower));
            self.fields.push(known.map_or_else(|| Cow::Owned(lower.clone()), |name| Cow::Borrowed(*name)));
            self.owner = owner;
            let (depth, convert) = (self.fields.len(), self.convert);
            let is_known = field(self, &lower, value)?;
            self.fields.truncate(depth - 1);
            self.convert = convert;
            if !is_known && self.strict {
                return Err(Error::new(format!("json: unknown field {}", quote(key))));
            }
        }
        self.owner = outer;
        Ok(())
    }

    /// Says that the field at hand belongs to types that are embedded in the one around, outermost first. The original
    /// does not find its way to the type of such a field when it looks for what is text.
    pub(super) fn embed(&mut self, types: &[&'static str]) {
        self.convert &= types.is_empty();
        let Some(own) = self.fields.pop() else { return };
        self.fields.extend(types.iter().map(|name| Cow::Borrowed(*name)));
        self.fields.push(own);
    }

    fn mismatch(&self, value: &Value, wanted: &str) -> Error {
        let found = value.json_word();
        let place = if self.fields.is_empty() {
            "Go value".to_owned()
        } else {
            format!("Go struct field {}.{}", self.owner, self.fields.join("."))
        };
        Error::new(format!("json: cannot unmarshal {found} into {place} of type {wanted}"))
    }

    pub(super) fn text(&mut self, value: &Value) -> Result<String, Error> {
        self.text_of(value, "string")
    }

    /// Text of a type of its own.
    pub(super) fn text_of(&mut self, value: &Value, wanted: &str) -> Result<String, Error> {
        match value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            Value::Bool(value) if self.convert => Ok(value.to_string()),
            Value::Int(value) if self.convert => Ok(value.to_string()),
            Value::Uint(value) if self.convert => Ok(value.to_string()),
            Value::Float(value) if self.convert => {
                let mut text = String::new();
                float::push_general(&mut text, *value);
                Ok(text)
            }
            other => Err(self.mismatch(other, wanted)),
        }
    }

    pub(super) fn truth(&mut self, value: &Value) -> Result<bool, Error> {
        match value {
            Value::Null => Ok(false),
            Value::Bool(value) => Ok(*value),
            other => Err(self.mismatch(other, "bool")),
        }
    }

    pub(super) fn number(&mut self, value: &Value, wanted: &str) -> Result<i64, Error> {
        match value {
            Value::Null => Ok(0),
            Value::Int(value) => Ok(*value),
            #[expect(clippy::cast_possible_truncation, reason = "JSON writes it without a fraction")]
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => Ok(*value as i64),
            Value::Float(value) => {
                let mut text = String::new();
                float::push_json(&mut text, *value);
                let error = self.mismatch(&Value::Int(0), wanted);
                Err(error.reworded(|message| message.replacen("number", &format!("number {text}"), 1)))
            }
            Value::Uint(value) => {
                let error = self.mismatch(&Value::Int(0), wanted);
                Err(error.reworded(|message| message.replacen("number", &format!("number {value}"), 1)))
            }
            other => Err(self.mismatch(other, wanted)),
        }
    }

    /// A list of things; `wanted` is its type in messages.
    pub(super) fn list<T: FromValue>(&mut self, value: &Value, wanted: &str) -> Result<Vec<T>, Error> {
        match value {
            Value::Null => Ok(Vec::new()),
            Value::Seq(items) => items.iter().map(|item| T::from_value(self, item)).collect(),
            other => Err(self.mismatch(other, wanted)),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, value: &Value) -> Result<Vec<String>, Error> {
        self.list(value, "[]string")
    }

    /// Texts by name. None where there is null.
    pub(super) fn pairs(&mut self, value: &Value) -> Result<Option<Pairs>, Error> {
        match value {
            Value::Null => Ok(None),
            Value::Map(map) => {
                let mut entries: Vec<(&str, &Value)> = map.iter().collect();
                entries.sort_unstable_by_key(|(key, _)| *key);
                let mut pairs = Pairs::new();
                for (key, value) in entries {
                    pairs.insert(key.to_owned(), self.text(value)?);
                }
                Ok(Some(pairs))
            }
            other => Err(self.mismatch(other, "map[string]string")),
        }
    }

    /// Something that may be absent.
    pub(super) fn optional<T: FromValue>(&mut self, value: &Value) -> Result<Option<T>, Error> {
        if value.is_null() { Ok(None) } else { T::from_value(self, value).map(Some) }
    }

    /// A mapping of whatever is in it.
    pub(super) fn mapping(&mut self, value: &Value, wanted: &str) -> Result<Value, Error> {
        match value {
            Value::Null | Value::Map(_) => Ok(value.clone()),
            other => Err(self.mismatch(other, wanted)),
        }
    }
}

impl FromValue for String {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        decoder.text(value)
    }
}

/// What `sigs.k8s.io/yaml` reads of a text: its first document.
pub(super) fn unmarshal<T: FromValue>(text: &[u8], owner: &'static str) -> Result<T, Error> {
    let value = parse_first(text, Version::V2).and_then(|document| document.to_value(Version::V2));
    let value = value.map_err(|error| Error::from(error).context("error converting YAML to JSON"))?;
    from_yaml(&value, owner)
}

/// The same of a value that was read already.
pub(super) fn from_yaml<T: FromValue>(value: &Value, owner: &'static str) -> Result<T, Error> {
    Decoder::lenient(owner).read(value).map_err(|error| {
        error.reworded(|text| format!("error unmarshaling JSON: while decoding JSON: {text}"))
    })
}
