//! What a kustomization file says.

use super::{
    Error,
    decode::{Decoder, FromValue, Pairs},
    fieldspec::FieldSpec,
    id::{Gvk, ResId},
    selector::Selector,
};
use crate::yaml::{self, Value, Version};

/// The names that the file may have.
pub(super) const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

const KUSTOMIZATION: (&str, &str) = ("Kustomization", "kustomize.config.k8s.io/v1beta1");
const COMPONENT: (&str, &str) = ("Component", "kustomize.config.k8s.io/v1alpha1");

/// A kustomization, old fields moved to where they belong now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kustomization {
    pub(super) kind: String,
    pub(super) api_version: String,
    metadata: Option<Value>,
    pub(super) openapi: Option<Pairs>,
    pub(super) name_prefix: String,
    pub(super) name_suffix: String,
    pub(super) namespace: String,
    pub(super) common_labels: Option<Pairs>,
    pub(super) labels: Vec<Label>,
    pub(super) common_annotations: Option<Pairs>,
    pub(super) patches_strategic_merge: Vec<String>,
    pub(super) patches_json6902: Vec<Patch>,
    pub(super) patches: Vec<Patch>,
    pub(super) images: Vec<Image>,
    pub(super) replacements: Vec<ReplacementField>,
    pub(super) replicas: Vec<Replica>,
    pub(super) vars: Vec<Var>,
    pub(super) sort_options: Option<SortOptions>,
    pub(super) resources: Vec<String>,
    pub(super) components: Vec<String>,
    pub(super) crds: Vec<String>,
    pub(super) config_maps: Vec<GeneratorArgs>,
    pub(super) secrets: Vec<GeneratorArgs>,
    pub(super) helm_charts: Vec<Value>,
    helm_globals: Option<Value>,
    pub(super) generator_options: Option<GeneratorOptions>,
    pub(super) configurations: Vec<String>,
    pub(super) generators: Vec<String>,
    pub(super) transformers: Vec<String>,
    pub(super) validators: Vec<String>,
    pub(super) build_metadata: Vec<String>,
    /// Whether it says anything beside what it is. An empty list is something.
    says_something: bool,
    /// What the file uses that is better written otherwise today.
    pub(super) warnings: Vec<&'static str>,
}

/// Labels, and where they go.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Label {
    pub(super) pairs: Pairs,
    pub(super) include_selectors: bool,
    pub(super) include_templates: bool,
    pub(super) fields: Vec<FieldSpec>,
}

/// A patch, in the file or in one of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Patch {
    pub(super) path: String,
    pub(super) patch: String,
    pub(super) target: Option<Selector>,
    pub(super) options: Option<PatchOptions>,
}

/// What a patch may change that others may not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PatchOptions {
    pub(super) allow_name_change: bool,
    pub(super) allow_kind_change: bool,
}

/// Another name, tag or digest for an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) name: String,
    pub(super) new_name: String,
    pub(super) tag_suffix: String,
    pub(super) new_tag: String,
    pub(super) digest: String,
}

/// How many replicas something has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Replica {
    pub(super) name: String,
    pub(super) count: i64,
}

/// A replacement, in the file or in one of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ReplacementField {
    pub(super) replacement: Replacement,
    pub(super) path: String,
}

/// A value that is copied from one place to others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Replacement {
    pub(super) source: Option<SourceSelector>,
    pub(super) source_value: Option<String>,
    pub(super) targets: Vec<TargetSelector>,
}

/// Where a value comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SourceSelector {
    pub(super) id: ResId,
    pub(super) field_path: String,
    pub(super) options: Option<FieldOptions>,
}

/// Where a value goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TargetSelector {
    pub(super) select: Option<Selector>,
    pub(super) reject: Vec<Selector>,
    pub(super) field_paths: Vec<String>,
    pub(super) options: Option<FieldOptions>,
}

/// Which part of a field is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldOptions {
    pub(super) delimiter: String,
    pub(super) index: i64,
    pub(super) create: bool,
}

/// A value with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Var {
    pub(super) name: String,
    /// Whose value it is.
    pub(super) object: ResId,
    /// Its kind without what `apiVersion` says.
    said: Gvk,
    pub(super) field_path: String,
}

impl Var {
    /// As messages show it that were made before anything was looked up.
    pub(super) fn said(&self) -> String {
        format!("{{{} {} {{{}}}}}", self.name, self.said, self.field_path)
    }
}

/// The order of what is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SortOptions {
    pub(super) order: String,
    pub(super) legacy: Option<LegacySortOptions>,
}

/// Kinds that come first, and that come last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LegacySortOptions {
    pub(super) first: Vec<String>,
    pub(super) last: Vec<String>,
}

/// What a ConfigMap or Secret is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct GeneratorArgs {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) behavior: String,
    pub(super) literals: Vec<String>,
    pub(super) files: Vec<String>,
    pub(super) envs: Vec<String>,
    pub(super) env: String,
    pub(super) options: Option<GeneratorOptions>,
    /// A Secret's.
    pub(super) secret_type: String,
}

/// What is written beside the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct GeneratorOptions {
    pub(super) labels: Option<Pairs>,
    pub(super) annotations: Option<Pairs>,
    pub(super) disable_name_suffix_hash: bool,
    pub(super) immutable: bool,
}

impl Kustomization {
    /// Reads a file. What is not an object, has an unknown field or says nothing is an error.
    pub(super) fn read(text: &[u8]) -> Result<Self, Error> {
        let invalid = |error: Error| error.context("invalid Kustomization");
        let value = yaml::parse_first(text, Version::V2).and_then(|document| document.to_value(Version::V2));
        let value = value.map_err(|error| invalid(error.into()))?;
        let mut it: Self = Decoder::json("Kustomization").read(&value).map_err(invalid)?;
        it.fix();
        Ok(it)
    }

    /// Moves what was written in old fields.
    fn fix(&mut self) {
        if self.kind.is_empty() {
            KUSTOMIZATION.0.clone_into(&mut self.kind);
        }
        if self.api_version.is_empty() {
            let version = if self.kind == COMPONENT.0 { COMPONENT.1 } else { KUSTOMIZATION.1 };
            version.clone_into(&mut self.api_version);
        }
        for generator in self.config_maps.iter_mut().chain(&mut self.secrets) {
            if !generator.env.is_empty() {
                let env = std::mem::take(&mut generator.env);
                generator.envs.push(env);
            }
        }
    }

    /// Whether it says nothing but what it is.
    pub(super) fn is_empty(&self) -> bool {
        !self.says_something
    }

    /// What is wrong with kind and version.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.kind != KUSTOMIZATION.0 && self.kind != COMPONENT.0 {
            complaints.push(format!("kind should be {} or {}", KUSTOMIZATION.0, COMPONENT.0));
        }
        let wanted = if self.is_component() { COMPONENT.1 } else { KUSTOMIZATION.1 };
        if self.api_version != wanted {
            complaints.push(format!("apiVersion for {} should be {wanted}", self.kind));
        }
        complaints
    }

    pub(super) fn is_component(&self) -> bool {
        self.kind == COMPONENT.0
    }

    fn warn(&mut self, warning: &'static str) {
        self.warnings.push(warning);
    }
}

impl FromValue for Kustomization {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        let (mut bases, mut image_tags) = (Vec::new(), Vec::new());
        let mut old = [false; 6];
        decoder.object(value, "Kustomization", &mut |decoder, name, value| {
            let is_there = !value.is_null();
            it.says_something |= match (name, value) {
                ("kind" | "apiversion", _) | (_, Value::Null) => false,
                // Appending nothing to nothing leaves nothing.
                ("bases" | "imagetags" | "helmchartinflationgenerator", Value::Seq(items)) => !items.is_empty(),
                (_, Value::String(text)) => !text.is_empty(),
                _ => true,
            };
            match name {
                "kind" => {
                    decoder.embed(&["TypeMeta"]);
                    it.kind = decoder.text(value)?;
                }
                "apiversion" => {
                    decoder.embed(&["TypeMeta"]);
                    it.api_version = decoder.text(value)?;
                }
                "metadata" => it.metadata = decoder.optional::<Metadata>(value)?.map(|_| value.clone()),
                "openapi" => it.openapi = decoder.pairs(value)?,
                "nameprefix" => it.name_prefix = decoder.text(value)?,
                "namesuffix" => it.name_suffix = decoder.text(value)?,
                "namespace" => it.namespace = decoder.text(value)?,
                "commonlabels" => {
                    it.common_labels = decoder.pairs(value)?;
                    old[1] = is_there;
                }
                "labels" => it.labels = decoder.list(value, "[]types.Label")?,
                "commonannotations" => it.common_annotations = decoder.pairs(value)?,
                "patchesstrategicmerge" => {
                    it.patches_strategic_merge = decoder.list(value, "[]types.PatchStrategicMerge")?;
                    old[4] = is_there;
                }
                "patchesjson6902" => {
                    it.patches_json6902 = decoder.list(value, "[]types.Patch")?;
                    old[3] = is_there;
                }
                "patches" => it.patches = decoder.list(value, "[]types.Patch")?,
                "images" => it.images = decoder.list(value, "[]types.Image")?,
                "imagetags" => {
                    image_tags = decoder.list(value, "[]types.Image")?;
                    old[2] = is_there;
                }
                "replacements" => it.replacements = decoder.list(value, "[]types.ReplacementField")?,
                "replicas" => it.replicas = decoder.list(value, "[]types.Replica")?,
                "vars" => {
                    it.vars = decoder.list(value, "[]types.Var")?;
                    old[5] = is_there;
                }
                "sortoptions" => it.sort_options = decoder.optional(value)?,
                "resources" => it.resources = decoder.texts(value)?,
                "components" => it.components = decoder.texts(value)?,
                "crds" => it.crds = decoder.texts(value)?,
                "bases" => {
                    bases = decoder.texts(value)?;
                    old[0] = is_there;
                }
                "configmapgenerator" => it.config_maps = generators(decoder, value, "ConfigMapArgs")?,
                "secretgenerator" => it.secrets = generators(decoder, value, "SecretArgs")?,
                "helmglobals" => it.helm_globals = Some(decoder.mapping(value, "types.HelmGlobals")?).filter(|_| is_there),
                "helmcharts" | "helmchartinflationgenerator" => {
                    it.helm_charts.extend(decoder.list::<Anything>(value, "[]types.HelmChart")?.into_iter().map(|it| it.0));
                }
                "generatoroptions" => it.generator_options = decoder.optional(value)?,
                "configurations" => it.configurations = decoder.texts(value)?,
                "generators" => it.generators = decoder.texts(value)?,
                "transformers" => it.transformers = decoder.texts(value)?,
                "validators" => it.validators = decoder.texts(value)?,
                "buildmetadata" => it.build_metadata = decoder.texts(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        it.resources.append(&mut bases);
        it.images.append(&mut image_tags);
        const WARNINGS: [&str; 6] = [
            "# Warning: 'bases' is deprecated. Please use 'resources' instead. Run 'kustomize edit fix' to update your Kustomization automatically.",
            "# Warning: 'commonLabels' is deprecated. Please use 'labels' instead. Run 'kustomize edit fix' to update your Kustomization automatically.",
            "# Warning: 'imageTags' is deprecated. Please use 'images' instead. Run 'kustomize edit fix' to update your Kustomization automatically.",
            "# Warning: 'patchesJson6902' is deprecated. Please use 'patches' instead. Run 'kustomize edit fix' to update your Kustomization automatically.",
            "# Warning: 'patchesStrategicMerge' is deprecated. Please use 'patches' instead. Run 'kustomize edit fix' to update your Kustomization automatically.",
            "# Warning: 'vars' is deprecated. Please use 'replacements' instead. [EXPERIMENTAL] Run 'kustomize edit fix' to update your Kustomization automatically.",
        ];
        for (warning, is_old) in WARNINGS.into_iter().zip(old) {
            if is_old {
                it.warn(warning);
            }
        }
        Ok(it)
    }
}

fn generators(decoder: &mut Decoder, value: &Value, owner: &'static str) -> Result<Vec<GeneratorArgs>, Error> {
    match value {
        Value::Seq(items) => items.iter().map(|item| GeneratorArgs::read(decoder, item, owner)).collect(),
        other => decoder.list::<GeneratorArgs>(other, &format!("[]types.{owner}")),
    }
}

/// A value that is kept as it is.
struct Anything(Value);

impl FromValue for Anything {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        decoder.mapping(value, "types.HelmChart").map(Self)
    }
}

struct Metadata;

impl FromValue for Metadata {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        decoder.object(value, "ObjectMeta", &mut |decoder, name, value| {
            match name {
                "name" | "namespace" => drop(decoder.text(value)?),
                "labels" | "annotations" => drop(decoder.pairs(value)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self)
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
pub(super) struct IdWords([String; 5]);

impl IdWords {
    /// Takes a field, if it is one of them. `around` is the type that they are embedded in, if they are.
    pub(super) fn take(
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

    pub(super) fn id(&self) -> ResId {
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
                "order" => it.order = decoder.text(value)?,
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
    fn read(decoder: &mut Decoder, value: &Value, owner: &'static str) -> Result<Self, Error> {
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
    pub(super) fn take(&mut self, decoder: &mut Decoder, name: &str, value: &Value) -> Result<bool, Error> {
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
