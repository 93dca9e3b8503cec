//! Which fields of which kinds the transformers work on: what every build starts with, and what a kustomization adds
//! (`configurations`, `crds`).

use std::sync::LazyLock;

use super::{
    Error,
    decode::{Decoder, FromValue},
    fieldspec::{FieldSpec, merge_all, merge_one},
    id::Gvk,
    kustomization::IdWords,
    loader::Loader,
};
use crate::yaml::{self, Value, Version};

/// One line a field, printed by `tests/oracle/kustomize defaults`: section, the kind that is referred to, the kind that
/// has the field, whether it is made, its path.
const TABLE: &str = include_str!("defaults.txt");

/// Fields by what happens to them.
#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    pub(super) name_prefix: Vec<FieldSpec>,
    pub(super) name_suffix: Vec<FieldSpec>,
    pub(super) namespace: Vec<FieldSpec>,
    pub(super) common_labels: Vec<FieldSpec>,
    pub(super) labels: Vec<FieldSpec>,
    pub(super) template_labels: Vec<FieldSpec>,
    pub(super) common_annotations: Vec<FieldSpec>,
    pub(super) name_reference: Vec<Reference>,
    pub(super) var_reference: Vec<FieldSpec>,
    pub(super) images: Vec<FieldSpec>,
    pub(super) replicas: Vec<FieldSpec>,
}

/// The fields that name a resource of a kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    pub(super) target: Gvk,
    pub(super) fields: Vec<FieldSpec>,
}

static DEFAULTS: LazyLock<Vec<Line>> = LazyLock::new(|| TABLE.lines().filter_map(Line::parse).collect());

struct Line {
    section: &'static str,
    target: [&'static str; 3],
    gvk: [&'static str; 3],
    create: bool,
    path: &'static str,
}

impl Line {
    fn parse(line: &'static str) -> Option<Self> {
        let mut words = line.split(' ').map(|word| if word == "-" { "" } else { word });
        let mut next = || words.next();
        Some(Self {
            section: next()?,
            target: [next()?, next()?, next()?],
            gvk: [next()?, next()?, next()?],
            create: next()? == "true",
            path: next()?,
        })
    }
}

impl Config {
    /// What every build starts with.
    pub(super) fn defaults() -> Self {
        let mut config = Self::default();
        for line in DEFAULTS.iter() {
            let [group, version, kind] = line.gvk;
            let spec = FieldSpec {
                gvk: Gvk::new(group, version, kind),
                path: line.path.to_owned(),
                create: line.create,
            };
            if line.section == "nameReference" {
                let [group, version, kind] = line.target;
                let target = Gvk::new(group, version, kind);
                match config.name_reference.last_mut() {
                    Some(last) if last.target == target => last.fields.push(spec),
                    _ => config.name_reference.push(Reference { target, fields: vec![spec] }),
                }
            } else if let Some(specs) = config.section(line.section) {
                specs.push(spec);
            }
        }
        config
    }

    fn section(&mut self, name: &str) -> Option<&mut Vec<FieldSpec>> {
        Some(match name {
            "namePrefix" => &mut self.name_prefix,
            "nameSuffix" => &mut self.name_suffix,
            "namespace" => &mut self.namespace,
            "commonLabels" => &mut self.common_labels,
            "labels" => &mut self.labels,
            "templateLabels" => &mut self.template_labels,
            "commonAnnotations" => &mut self.common_annotations,
            "varReference" => &mut self.var_reference,
            "images" => &mut self.images,
            "replicas" => &mut self.replicas,
            _ => return None,
        })
    }

    /// What a kustomization works with: the defaults, and its own files.
    pub(super) fn load(loader: &Loader<'_>, paths: &[String]) -> Result<Self, Error> {
        let mut config = Self::defaults();
        if paths.is_empty() {
            return Ok(config);
        }
        let mut own = Self::default();
        for path in paths {
            let text = loader.load(path)?;
            let document = yaml::parse_first(text, Version::V2).map_err(reading)?;
            let value = document.to_value_strict().map_err(reading)?;
            let mut one: Self = Decoder::strict("TransformerConfig").read(&value).map_err(|error| {
                error.reworded(|text| format!("error unmarshaling JSON: while decoding JSON: {text}"))
            })?;
            one.sort();
            own.merge(&one)?;
        }
        config.merge(&own)?;
        Ok(config)
    }

    /// Takes over what is not there yet.
    pub(super) fn merge(&mut self, other: &Self) -> Result<(), Error> {
        let failed = |what: &'static str| {
            move |error: Error| error.context(format!("failed to merge {what} fieldSpec"))
        };
        merge_all(&mut self.name_prefix, &other.name_prefix).map_err(failed("NamePrefix"))?;
        merge_all(&mut self.name_suffix, &other.name_suffix).map_err(failed("NameSuffix"))?;
        merge_all(&mut self.namespace, &other.namespace).map_err(failed("NameSpace"))?;
        merge_all(&mut self.common_annotations, &other.common_annotations)
            .map_err(failed("CommonAnnotations"))?;
        merge_all(&mut self.common_labels, &other.common_labels).map_err(failed("CommonLabels"))?;
        merge_all(&mut self.labels, &other.labels).map_err(failed("Labels"))?;
        merge_all(&mut self.template_labels, &other.template_labels).map_err(failed("TemplateLabels"))?;
        merge_all(&mut self.var_reference, &other.var_reference).map_err(failed("VarReference"))?;
        for reference in &other.name_reference {
            self.add_reference(reference).map_err(failed("NameReference"))?;
        }
        merge_all(&mut self.images, &other.images).map_err(failed("Images"))?;
        merge_all(&mut self.replicas, &other.replicas).map_err(failed("Replicas"))?;
        self.sort();
        Ok(())
    }

    pub(super) fn add_reference(&mut self, reference: &Reference) -> Result<(), Error> {
        let mut found = false;
        for known in self.name_reference.iter_mut().filter(|known| known.target == reference.target) {
            merge_all(&mut known.fields, &reference.fields)?;
            found = true;
        }
        if !found {
            self.name_reference.push(reference.clone());
        }
        Ok(())
    }

    pub(super) fn add_annotation(&mut self, spec: FieldSpec) -> Result<(), Error> {
        merge_one(&mut self.common_annotations, spec)
    }

    pub(super) fn add_label(&mut self, spec: FieldSpec) -> Result<(), Error> {
        merge_one(&mut self.common_labels, spec)
    }

    pub(super) fn add_prefix(&mut self, spec: FieldSpec) -> Result<(), Error> {
        merge_one(&mut self.name_prefix, spec)
    }

    fn sort(&mut self) {
        for specs in [
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.namespace,
            &mut self.common_labels,
            &mut self.labels,
            &mut self.template_labels,
            &mut self.common_annotations,
            &mut self.var_reference,
            &mut self.images,
            &mut self.replicas,
        ] {
            sort_by_kind(specs, |spec| &spec.gvk);
        }
        sort_by_kind(&mut self.name_reference, |reference| &reference.target);
    }
}

/// Sorting makes texts of the words, so it is done only where something is out of order.
fn sort_by_kind<T>(items: &mut [T], gvk: impl Fn(&T) -> &Gvk) {
    if !items.is_sorted_by(|a, b| gvk(a).compare(gvk(b)).is_le()) {
        items.sort_by(|a, b| gvk(a).compare(gvk(b)));
    }
}

fn reading(error: yaml::Error) -> Error {
    Error::from(error).context("error converting YAML to JSON")
}

impl FromValue for Config {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut config = Self::default();
        decoder.object(value, "TransformerConfig", &mut |decoder, name, value| {
            match name {
                "namereference" => config.name_reference = decoder.list(value, "builtinconfig.nbrSlice")?,
                "nameprefix" => config.name_prefix = decoder.list(value, "types.FsSlice")?,
                "namesuffix" => config.name_suffix = decoder.list(value, "types.FsSlice")?,
                "namespace" => config.namespace = decoder.list(value, "types.FsSlice")?,
                "commonlabels" => config.common_labels = decoder.list(value, "types.FsSlice")?,
                "labels" => config.labels = decoder.list(value, "types.FsSlice")?,
                "templatelabels" => config.template_labels = decoder.list(value, "types.FsSlice")?,
                "commonannotations" => config.common_annotations = decoder.list(value, "types.FsSlice")?,
                "varreference" => config.var_reference = decoder.list(value, "types.FsSlice")?,
                "images" => config.images = decoder.list(value, "types.FsSlice")?,
                "replicas" => config.replicas = decoder.list(value, "types.FsSlice")?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(config)
    }
}

impl FromValue for Reference {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        let mut words = IdWords::default();
        decoder.object(value, "NameBackReferences", &mut |decoder, name, value| {
            match name {
                "fieldspecs" => it.fields = decoder.list(value, "types.FsSlice")?,
                "group" | "version" | "kind" => return words.take(decoder, name, value, &[]),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        it.target = words.id().gvk;
        Ok(it)
    }
}

impl FromValue for FieldSpec {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        let mut words = IdWords::default();
        decoder.object(value, "FieldSpec", &mut |decoder, name, value| {
            match name {
                "path" => it.path = decoder.text(value)?,
                "create" => it.create = decoder.truth(value)?,
                "group" | "version" | "kind" => return words.take(decoder, name, value, &[]),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        it.gvk = words.id().gvk;
        Ok(it)
    }
}
