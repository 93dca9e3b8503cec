//! The parts of a kustomization that are lists of more than texts.

use super::super::{
    Error,
    config::Config,
    decode::{Decoder, FromValue, Pairs},
    fieldspec::{FieldSpec, merge_all, merge_one},
    id::{Gvk, ResId},
    selector::Selector,
};
use crate::yaml::Value;

/// Labels, and where they go.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Label {
    pub(in super::super) pairs: Pairs,
    pub(in super::super) include_selectors: bool,
    pub(in super::super) include_templates: bool,
    pub(in super::super) fields: Vec<FieldSpec>,
}

/// A patch, in the file or in one of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Patch {
    pub(in super::super) path: String,
    pub(in super::super) patch: String,
    pub(in super::super) target: Option<Selector>,
    pub(in super::super) options: Option<PatchOptions>,
}

/// What a patch may change that others may not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct PatchOptions {
    pub(in super::super) allow_name_change: bool,
    pub(in super::super) allow_kind_change: bool,
}

/// Another name, tag or digest for an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Image {
    pub(in super::super) name: String,
    pub(in super::super) new_name: String,
    pub(in super::super) tag_suffix: String,
    pub(in super::super) new_tag: String,
    pub(in super::super) digest: String,
}

/// How many replicas something has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Replica {
    pub(in super::super) name: String,
    pub(in super::super) count: i64,
}

/// A replacement, in the file or in one of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct ReplacementField {
    pub(in super::super) replacement: Replacement,
    pub(in super::super) path: String,
}

/// A value that is copied from one place to others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Replacement {
    pub(in super::super) source: Option<SourceSelector>,
    pub(in super::super) source_value: Option<String>,
    pub(in super::super) targets: Vec<TargetSelector>,
}

/// Where a value comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct SourceSelector {
    pub(in super::super) id: ResId,
    pub(in super::super) field_path: String,
    pub(in super::super) options: Option<FieldOptions>,
}

/// Where a value goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct TargetSelector {
    pub(in super::super) select: Option<Selector>,
    pub(in super::super) reject: Vec<Selector>,
    pub(in super::super) field_paths: Vec<String>,
    pub(in super::super) options: Option<FieldOptions>,
}

/// Which part of a field is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct FieldOptions {
    pub(in super::super) delimiter: String,
    pub(in super::super) index: i64,
    pub(in super::super) create: bool,
}

/// A value with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Var {
    pub(in super::super) name: String,
    /// Whose value it is.
    pub(in super::super) object: ResId,
    /// Its kind without what `apiVersion` says.
    said: Gvk,
    pub(in super::super) field_path: String,
}

impl Var {
    /// As messages show it that were made before anything was looked up.
    pub(in super::super) fn said(&self) -> String {
        format!("{{{} {} {{{}}}}}", self.name, self.said, self.field_path)
    }
}

/// The order of what is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct SortOptions {
    pub(in super::super) order: String,
    pub(in super::super) legacy: Option<LegacySortOptions>,
}

/// Kinds that come first, and that come last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct LegacySortOptions {
    pub(in super::super) first: Vec<String>,
    pub(in super::super) last: Vec<String>,
}

/// What a ConfigMap or Secret is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct GeneratorArgs {
    pub(in super::super) namespace: String,
    pub(in super::super) name: String,
    pub(in super::super) behavior: String,
    pub(in super::super) literals: Vec<String>,
    pub(in super::super) files: Vec<String>,
    pub(in super::super) envs: Vec<String>,
    pub(in super::super) env: String,
    pub(in super::super) options: Option<GeneratorOptions>,
    /// A Secret's.
    pub(in super::super) secret_type: String,
}

/// What is written beside the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct GeneratorOptions {
    pub(in super::super) labels: Option<Pairs>,
    pub(in super::super) annotations: Option<Pairs>,
    pub(in super::super) disable_name_suffix_hash: bool,
    pub(in super::super) immutable: bool,
}

impl Label {
    /// The fields that labels go to: its own, and those that are configured.
    pub(in super::super) fn all_fields(&self, config: &Config) -> Result<Vec<FieldSpec>, Error> {
        let failed = |error: Error| error.context("failed to merge labels");
        let mut fields = self.fields.clone();
        merge_all(&mut fields, &config.labels).map_err(failed)?;
        if self.include_selectors {
            merge_all(&mut fields, &config.common_labels).map_err(failed)?;
            return Ok(fields);
        }
        if self.include_templates {
            merge_all(&mut fields, &config.template_labels)
                .map_err(|error| error.context("failed to merge template fieldSpec"))?;
        }
        let own = FieldSpec { path: "metadata/labels".to_owned(), create: true, ..FieldSpec::default() };
        merge_one(&mut fields, own).map_err(failed)?;
        Ok(fields)
    }
}

impl FromValue for Label {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "Label", &mut |decoder, name, value| {
            match name {
                "pairs" => it.pairs = decoder.pairs(value)?.unwrap_or_default(),
                "includeselectors" => it.include_selectors = decoder.truth(value)?,
                "includetemplates" => it.include_templates = decoder.truth(value)?,
                "fields" => it.fields = decoder.list(value, "[]types.FieldSpec")?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

impl FromValue for Patch {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "Patch", &mut |decoder, name, value| {
            match name {
                "path" => it.path = decoder.text(value)?,
                "patch" => it.patch = decoder.text(value)?,
                "target" => it.target = decoder.optional(value)?,
                "options" => it.options = decoder.optional(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

impl FromValue for PatchOptions {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "PatchArgs", &mut |decoder, name, value| {
            match name {
                "allownamechange" => it.allow_name_change = decoder.truth(value)?,
                "allowkindchange" => it.allow_kind_change = decoder.truth(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

/// The words of an identity, as they come among other fields.
#[derive(Default)]
pub(in super::super) struct IdWords([String; 5]);

impl IdWords {
    /// Takes a field, if it is one of them. `around` is the type that they are embedded in, if they are.
    pub(in super::super) fn take(
        &mut self,
        decoder: &mut Decoder,
        name: &str,
        value: &Value,
        around: &[&'static str],
    ) -> Result<bool, Error> {
        let [group, version, kind, own, namespace] = &mut self.0;
        let word = match name {
            "group" => group,
            "version" => version,
            "kind" => kind,
            "name" => own,
            "namespace" => namespace,
            _ => return Ok(false),
        };
        decoder.embed(around);
        if matches!(name, "group" | "version" | "kind") {
            decoder.embed(&["Gvk"]);
        }
        *word = decoder.text(value)?;
        Ok(true)
    }

    pub(in super::super) fn id(&self) -> ResId {
        let [group, version, kind, name, namespace] = &self.0;
        ResId {
            gvk: Gvk::new(group, version, kind),
            cluster: false,
            name: name.as_str().into(),
            namespace: namespace.as_str().into(),
        }
    }
}

impl FromValue for Selector {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        let mut words = IdWords::default();
        decoder.object(value, "Selector", &mut |decoder, name, value| {
            match name {
                "annotationselector" => it.annotations = decoder.text(value)?,
                "labelselector" => it.labels = decoder.text(value)?,
                _ => return words.take(decoder, name, value, &["ResId"]),
            }
            Ok(true)
        })?;
        it.id = words.id();
        Ok(it)
    }
}

impl FromValue for Image {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "Image", &mut |decoder, name, value| {
            match name {
                "name" => it.name = decoder.text(value)?,
                "newname" => it.new_name = decoder.text(value)?,
                "tagsuffix" => it.tag_suffix = decoder.text(value)?,
                "newtag" => it.new_tag = decoder.text(value)?,
                "digest" => it.digest = decoder.text(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

impl FromValue for Replica {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "Replica", &mut |decoder, name, value| {
            match name {
                "name" => it.name = decoder.text(value)?,
                "count" => it.count = decoder.number(value, "int64")?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

impl FromValue for ReplacementField {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "ReplacementField", &mut |decoder, name, value| {
            if name == "path" {
                it.path = decoder.text(value)?;
                return Ok(true);
            }
            if matches!(name, "source" | "targets" | "sourcevalue") {
                decoder.embed(&["Replacement"]);
            }
            it.replacement.take(decoder, name, value)
        })?;
        Ok(it)
    }
}

impl Replacement {
    fn take(&mut self, decoder: &mut Decoder, name: &str, value: &Value) -> Result<bool, Error> {
        match name {
            "source" => self.source = decoder.optional(value)?,
            "targets" => self.targets = decoder.list(value, "[]*types.TargetSelector")?,
            "sourcevalue" => {
                self.source_value = if value.is_null() { None } else { Some(decoder.text(value)?) };
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl FromValue for Replacement {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "Replacement", &mut |decoder, name, value| it.take(decoder, name, value))?;
        Ok(it)
    }
}

impl FromValue for SourceSelector {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        let mut words = IdWords::default();
        decoder.object(value, "SourceSelector", &mut |decoder, name, value| {
            match name {
                "fieldpath" => it.field_path = decoder.text(value)?,
                "options" => it.options = decoder.optional(value)?,
                _ => return words.take(decoder, name, value, &["ResId"]),
            }
            Ok(true)
        })?;
        it.id = words.id();
        Ok(it)
    }
}

impl FromValue for TargetSelector {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "TargetSelector", &mut |decoder, name, value| {
            match name {
                "select" => it.select = decoder.optional(value)?,
                "reject" => it.reject = decoder.list(value, "[]*types.Selector")?,
                "fieldpaths" => it.field_paths = decoder.texts(value)?,
                "options" => it.options = decoder.optional(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

impl FromValue for FieldOptions {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "FieldOptions", &mut |decoder, name, value| {
            match name {
                "delimiter" => it.delimiter = decoder.text(value)?,
                "index" => it.index = decoder.number(value, "int")?,
                "encoding" => drop(decoder.text(value)?),
                "create" => it.create = decoder.truth(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

impl FromValue for Var {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "Var", &mut |decoder, name, value| {
            match name {
                "name" => it.name = decoder.text(value)?,
                "objref" => {
                    let target = decoder.optional::<VarTarget>(value)?.unwrap_or_default();
                    (it.object, it.said) = (target.0, target.1);
                }
                "fieldref" => it.field_path = decoder.optional::<FieldRef>(value)?.unwrap_or_default().0,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

#[derive(Default)]
struct VarTarget(ResId, Gvk);

impl FromValue for VarTarget {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut words = IdWords::default();
        let mut api_version = String::new();
        decoder.object(value, "Target", &mut |decoder, name, value| {
            if name == "apiversion" {
                api_version = decoder.text(value)?;
                return Ok(true);
            }
            words.take(decoder, name, value, &[])
        })?;
        let mut id = words.id();
        let said = id.gvk.clone();
        match api_version.split('/').collect::<Vec<_>>().as_slice() {
            [""] => (),
            [version] => id.gvk.version = (*version).into(),
            [group, version] => {
                id.gvk.group = (*group).into();
                id.gvk.version = (*version).into();
            }
            _ => (),
        }
        Ok(Self(id, said))
    }
}

#[derive(Default)]
struct FieldRef(String);

impl FromValue for FieldRef {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "FieldSelector", &mut |decoder, name, value| {
            if name == "fieldpath" {
                it.0 = decoder.text(value)?;
                return Ok(true);
            }
            Ok(false)
        })?;
        Ok(it)
    }
}

impl FromValue for SortOptions {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "SortOptions", &mut |decoder, name, value| {
            match name {
                "order" => it.order = decoder.text_of(value, "types.SortOrder")?,
                "legacysortoptions" => it.legacy = decoder.optional(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

impl FromValue for LegacySortOptions {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "LegacySortOptions", &mut |decoder, name, value| {
            match name {
                "orderfirst" => it.first = decoder.texts(value)?,
                "orderlast" => it.last = decoder.texts(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

impl GeneratorArgs {
    /// Reads one whose type is called `owner`.
    pub(super) fn read(decoder: &mut Decoder, value: &Value, owner: &'static str) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, owner, &mut |decoder, name, value| {
            if name == "type" && owner == "ConfigMapArgs" {
                return Ok(false);
            }
            it.take(decoder, name, value)
        })?;
        Ok(it)
    }

    /// Takes a field, if it is one of these.
    pub(in super::super) fn take(
        &mut self,
        decoder: &mut Decoder,
        name: &str,
        value: &Value,
    ) -> Result<bool, Error> {
        match name {
            "namespace" | "name" | "behavior" | "options" => decoder.embed(&["GeneratorArgs"]),
            "literals" | "files" | "envs" | "env" => decoder.embed(&["GeneratorArgs", "KvPairSources"]),
            _ => (),
        }
        match name {
            "namespace" => self.namespace = decoder.text(value)?,
            "name" => self.name = decoder.text(value)?,
            "behavior" => self.behavior = decoder.text(value)?,
            "literals" => self.literals = decoder.texts(value)?,
            "files" => self.files = decoder.texts(value)?,
            "envs" => self.envs = decoder.texts(value)?,
            "env" => self.env = decoder.text(value)?,
            "options" => self.options = decoder.optional(value)?,
            "type" => self.secret_type = decoder.text(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl FromValue for GeneratorArgs {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        Self::read(decoder, value, "SecretArgs")
    }
}

impl FromValue for GeneratorOptions {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "GeneratorOptions", &mut |decoder, name, value| {
            match name {
                "labels" => it.labels = decoder.pairs(value)?,
                "annotations" => it.annotations = decoder.pairs(value)?,
                "disablenamesuffixhash" => it.disable_name_suffix_hash = decoder.truth(value)?,
                "immutable" => it.immutable = decoder.truth(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}
