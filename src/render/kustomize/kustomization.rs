//! What a kustomization file says.

mod chart;
mod parts;

use super::{
    Error,
    decode::{Decoder, FromValue, Pairs},
};
use crate::yaml::{self, Value, Version};

use chart::OldHelmChart;

pub(super) use chart::{HelmChart, HelmGlobals};
pub(super) use parts::{
    FieldOptions, GeneratorArgs, GeneratorOptions, IdWords, Image, Label, Patch, PatchOptions, Replacement,
    ReplacementField, Replica, SortOptions, SourceSelector, TargetSelector, Var,
};

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
    pub(super) helm_charts: Vec<HelmChart>,
    pub(super) helm_globals: Option<HelmGlobals>,
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
        let (mut bases, mut image_tags, mut old_charts) = (Vec::new(), Vec::new(), Vec::new());
        let mut old = [false; 6];
        decoder.object(value, "Kustomization", &mut |decoder, name, value| {
            let is_there = !value.is_null();
            it.says_something |= match (name, value) {
                ("kind" | "apiversion", _) | (_, Value::Null) => false,
                // Appending nothing to nothing leaves nothing.
                ("bases" | "imagetags" | "helmchartinflationgenerator", Value::Seq(items)) => {
                    !items.is_empty()
                }
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
                "helmglobals" => it.helm_globals = decoder.optional(value)?,
                "helmcharts" => it.helm_charts = decoder.list(value, "[]types.HelmChart")?,
                "helmchartinflationgenerator" => {
                    old_charts = decoder.list(value, "[]types.HelmChartArgs")?;
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
        let (mut charts, globals) = OldHelmChart::split(old_charts);
        it.helm_charts.append(&mut charts);
        if it.helm_globals.is_none() && !globals.is_empty() {
            it.helm_globals = Some(globals);
        }
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

fn generators(
    decoder: &mut Decoder,
    value: &Value,
    owner: &'static str,
) -> Result<Vec<GeneratorArgs>, Error> {
    match value {
        Value::Seq(items) => items.iter().map(|item| GeneratorArgs::read(decoder, item, owner)).collect(),
        other => decoder.list::<GeneratorArgs>(other, &format!("[]types.{owner}")),
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
