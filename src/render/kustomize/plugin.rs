//! Generators and transformers that are configured by resources (`generators`, `transformers`, `validators`). All that
//! are built in can be used so; programs, containers and scripts are refused.

use super::{
    Build, Error,
    decode::{Decoder, FromValue, Pairs, from_yaml, unmarshal},
    error::Cause,
    fieldspec::FieldSpec,
    generate::{Generated, IamPolicy},
    inflate::Inflation,
    kustomization::{GeneratorArgs, Image, Patch, Replacement, ReplacementField, Replica},
    loader::Loader,
    output,
    path::base,
    resource::Resource,
    selector::Selector,
    step::Step,
    transform::{
        metadata::Entries,
        name::{Name, Side},
        namespace::{Namespace, Subjects},
        patch::{Json6902, MergePatches, Patches},
        value::{Target, ValueAdd},
    },
};
use crate::yaml::{Value, Version, parse_first};

/// A generator that is configured.
#[derive(Debug)]
pub(super) enum Generator {
    Data(Generated, GeneratorArgs),
    Iam(IamPolicy),
    Chart(Box<Inflation>),
}

impl Generator {
    pub(super) fn generate<'a>(
        &self,
        build: &mut Build<'a>,
        loader: &Loader<'a>,
    ) -> Result<Vec<Resource>, Error> {
        match self {
            Self::Data(kind, args) => Ok(vec![super::generate::data(build, loader, *kind, args)?]),
            Self::Iam(policy) => Ok(vec![policy.generate(build)?]),
            Self::Chart(chart) => chart.generate(build, loader),
        }
    }
}

/// What a resource configures.
enum Plugin {
    Generator(Generator),
    Transformer(Step),
}

/// Configures a generator.
pub(super) fn generator<'a>(
    build: &mut Build<'a>,
    loader: &Loader<'a>,
    resource: &Resource,
) -> Result<Generator, Error> {
    match configure(build, loader, resource)? {
        Plugin::Generator(generator) => Ok(generator),
        Plugin::Transformer(_) => {
            Err(Error::new(format!("plugin {} not a generator", resource.original_id())))
        }
    }
}

/// Configures a transformer.
pub(super) fn transformer<'a>(
    build: &mut Build<'a>,
    loader: &Loader<'a>,
    resource: &Resource,
) -> Result<Step, Error> {
    match configure(build, loader, resource)? {
        Plugin::Transformer(step) => Ok(step),
        Plugin::Generator(_) => {
            Err(Error::new(format!("plugin {} not a transformer", resource.original_id())))
        }
    }
}

fn configure<'a>(build: &mut Build<'a>, loader: &Loader<'a>, resource: &Resource) -> Result<Plugin, Error> {
    let gvk = &resource.id().gvk;
    if !gvk.group.is_empty() || &*gvk.version != "builtin" {
        let kind = &resource.original_id().gvk.kind;
        let message = format!("external plugins disabled; unable to load external plugin '{kind}'");
        return Err(Error::because(Cause::Plugin, message));
    }
    let text = output::to_string(&build.nodes, resource.node)
        .map_err(|error| error.context(format!("marshalling yaml from res {}", resource.original_id())))?;
    let config = parse_first(text.as_bytes(), Version::V2)?.to_value(Version::V2)?;
    let plugin = read(build, loader, &gvk.kind, &config, &text);
    let plugin = plugin
        .map_err(|error| error.context(format!("plugin {} fails configuration", resource.original_id())))?;
    plugin.ok_or_else(|| Error::because(Cause::Plugin, format!("unable to load builtin {gvk}")))
}

fn read<'a>(
    build: &mut Build<'a>,
    loader: &Loader<'a>,
    kind: &str,
    config: &Value,
    text: &str,
) -> Result<Option<Plugin>, Error> {
    let step = match kind {
        "ConfigMapGenerator" | "SecretGenerator" => {
            let fields: Fields = from_yaml(config, "Plugin")?;
            let mut args = fields.generator;
            if args.name.is_empty() {
                args.name = fields.name;
            }
            if args.namespace.is_empty() {
                args.namespace = fields.namespace;
            }
            let kind = if kind == "SecretGenerator" { Generated::Secret } else { Generated::ConfigMap };
            return Ok(Some(Plugin::Generator(Generator::Data(kind, args))));
        }
        "IAMPolicyGenerator" => {
            let Iam(policy) = from_yaml(config, "IAMPolicyGeneratorPlugin")?;
            return Ok(Some(Plugin::Generator(Generator::Iam(policy))));
        }
        "HelmChartInflationGenerator" => {
            let chart = Inflation::of_resource(build.charts.as_ref(), loader, config)?;
            return Ok(Some(Plugin::Generator(Generator::Chart(Box::new(chart)))));
        }
        "AnnotationsTransformer" => {
            let fields: Fields = from_yaml(config, "AnnotationsTransformerPlugin")?;
            Step::Entries(Entries { pairs: fields.annotations, fields: fields.specs.unwrap_or_default() })
        }
        "LabelTransformer" => {
            let fields: Fields = from_yaml(config, "LabelTransformerPlugin")?;
            Step::Entries(Entries { pairs: fields.labels, fields: fields.specs.unwrap_or_default() })
        }
        "HashTransformer" => Step::Hash,
        "ImageTagTransformer" => {
            let fields: Fields = from_yaml(config, "ImageTagTransformerPlugin")?;
            Step::Images(fields.image, fields.specs.unwrap_or_default())
        }
        "NamespaceTransformer" => {
            let fields: Fields = from_yaml(config, "NamespaceTransformerPlugin")
                .map_err(|error| error.context("unmarshalling NamespaceTransformer config"))?;
            Step::Namespace(Namespace {
                namespace: fields.namespace,
                fields: fields.specs.unwrap_or_default(),
                unset_only: fields.unset_only,
                subjects: Subjects::read(&fields.subjects)?,
            })
        }
        "PatchJson6902Transformer" => {
            let fields: Fields = from_yaml(config, "PatchJson6902TransformerPlugin")?;
            Step::Json6902(Json6902::read(loader, fields.target.as_ref(), &fields.path, &fields.json_op)?)
        }
        "PatchStrategicMergeTransformer" => {
            let fields: Merges = from_yaml(config, "PatchStrategicMergeTransformerPlugin")?;
            Step::MergePatches(MergePatches::read(build, loader, &fields.paths, &fields.patches)?)
        }
        "PatchTransformer" => {
            let patch: Patch = from_yaml(config, "PatchTransformerPlugin")?;
            Step::Patches(Patches::read(build, loader, &patch, &|| text.to_owned())?)
        }
        "PrefixTransformer" => Step::Name(name(config, Side::Prefix)?),
        "SuffixTransformer" => Step::Name(name(config, Side::Suffix)?),
        "PrefixSuffixTransformer" => {
            Step::Many(vec![Step::Name(name(config, Side::Prefix)?), Step::Name(name(config, Side::Suffix)?)])
        }
        "ReplacementTransformer" => {
            let fields: Fields = from_yaml(config, "ReplacementTransformerPlugin")?;
            Step::Replacements(replacements(loader, &fields.replacements)?)
        }
        "ReplicaCountTransformer" => {
            let fields: Fields = from_yaml(config, "ReplicaCountTransformerPlugin")?;
            Step::Replicas(fields.replica, fields.specs.unwrap_or_default())
        }
        "ValueAddTransformer" => Step::ValueAdd(value_add(loader, config)?),
        _ => return Ok(None),
    };
    Ok(Some(Plugin::Transformer(step)))
}

fn name(config: &Value, side: Side) -> Result<Name, Error> {
    let fields: Fields = from_yaml(config, "PrefixTransformerPlugin")?;
    let Some(specs) = fields.specs else {
        return Err(Error::new("fieldSpecs is not expected to be nil"));
    };
    let text = if side == Side::Prefix { fields.prefix } else { fields.suffix };
    Ok(Name { side, text, fields: specs })
}

/// The replacements of a kustomization, those in files of their own included.
pub(super) fn replacements(
    loader: &Loader<'_>,
    fields: &[ReplacementField],
) -> Result<Vec<Replacement>, Error> {
    let mut all = Vec::new();
    for field in fields {
        if field.path.is_empty() {
            all.push(field.replacement.clone());
            continue;
        }
        if field.replacement.source.is_some() || !field.replacement.targets.is_empty() {
            return Err(Error::new("cannot specify both path and inline replacement"));
        }
        let text = loader.load(&field.path)?;
        let value = parse_first(text, Version::V2).and_then(|document| document.to_value(Version::V2));
        let value = value.map_err(|error| Error::from(error).context("error converting YAML to JSON"))?;
        match &value {
            Value::Seq(_) => all.extend(unmarshal::<List>(text, "Replacement")?.0),
            Value::Map(_) => all.push(unmarshal(text, "Replacement")?),
            other => {
                let kind = match other {
                    Value::String(_) => "string",
                    Value::Bool(_) => "bool",
                    Value::Null => "invalid",
                    _ => "float64",
                };
                let message =
                    format!("unsupported replacement type encountered within replacement path: {kind}");
                return Err(Error::new(message));
            }
        }
    }
    Ok(all)
}

fn value_add(loader: &Loader<'_>, config: &Value) -> Result<ValueAdd, Error> {
    let mut fields: ValueFields = from_yaml(config, "ValueAddTransformerPlugin")?;
    let mut value = fields.value.trim().to_owned();
    if value.is_empty() {
        base(loader.root()).clone_into(&mut value);
    }
    if !fields.file.is_empty() {
        let more: ValueFields = unmarshal(loader.load(&fields.file)?, "ValueAddTransformerPlugin")?;
        fields.targets.extend(more.targets);
    }
    if fields.targets.is_empty() {
        return Err(Error::new("must specify at least one target"));
    }
    for target in &fields.targets {
        if target.field_path.is_empty() {
            return Err(Error::new("fieldPath cannot be empty"));
        }
        if target.position < 0 {
            let position = target.position;
            return Err(Error::new(format!("value of FilePathPosition ({position}) cannot be negative")));
        }
    }
    Ok(ValueAdd { value, targets: fields.targets })
}

/// The fields that any of the plugins has.
#[derive(Debug, Default)]
struct Fields {
    name: String,
    namespace: String,
    generator: GeneratorArgs,
    annotations: Pairs,
    labels: Pairs,
    specs: Option<Vec<FieldSpec>>,
    image: Image,
    unset_only: bool,
    subjects: String,
    target: Option<Selector>,
    path: String,
    json_op: String,
    prefix: String,
    suffix: String,
    replacements: Vec<ReplacementField>,
    replica: Replica,
}

impl FromValue for Fields {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "Plugin", &mut |decoder, name, value| {
            match name {
                "metadata" => {
                    let metadata: Metadata = decoder.optional(value)?.unwrap_or_default();
                    it.name = metadata.name;
                    it.namespace = metadata.namespace;
                }
                "annotations" => it.annotations = decoder.pairs(value)?.unwrap_or_default(),
                "labels" => it.labels = decoder.pairs(value)?.unwrap_or_default(),
                "fieldspecs" => {
                    it.specs =
                        if value.is_null() { None } else { Some(decoder.list(value, "[]types.FieldSpec")?) };
                }
                "imagetag" => it.image = decoder.optional(value)?.unwrap_or_default(),
                "unsetonly" => it.unset_only = decoder.truth(value)?,
                "setrolebindingsubjects" => it.subjects = decoder.text(value)?,
                "target" => it.target = decoder.optional(value)?,
                "path" => it.path = decoder.text(value)?,
                "jsonop" => it.json_op = decoder.text(value)?,
                "prefix" => it.prefix = decoder.text(value)?,
                "suffix" => it.suffix = decoder.text(value)?,
                "replacements" => it.replacements = decoder.list(value, "[]types.ReplacementField")?,
                "replica" => it.replica = decoder.optional(value)?.unwrap_or_default(),
                _ => return it.generator.take(decoder, name, value),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

#[derive(Debug, Default)]
struct Metadata {
    name: String,
    namespace: String,
}

impl FromValue for Metadata {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "ObjectMeta", &mut |decoder, name, value| {
            match name {
                "name" => it.name = decoder.text(value)?,
                "namespace" => it.namespace = decoder.text(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

#[derive(Debug, Default)]
struct Merges {
    paths: Vec<String>,
    patches: String,
}

impl FromValue for Merges {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "PatchStrategicMergeTransformerPlugin", &mut |decoder, name, value| {
            match name {
                "paths" => it.paths = decoder.texts(value)?,
                "patches" => it.patches = decoder.text(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

struct List(Vec<Replacement>);

impl FromValue for List {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        decoder.list(value, "[]types.Replacement").map(Self)
    }
}

struct Iam(IamPolicy);

impl FromValue for Iam {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = IamPolicy::default();
        decoder.object(value, "IAMPolicyGeneratorPlugin", &mut |decoder, name, value| {
            match name {
                "cloud" => it.cloud = decoder.text(value)?,
                "kubernetesservice" => {
                    decoder.object(value, "KubernetesService", &mut |decoder, name, value| {
                        match name {
                            "name" => it.account = decoder.text(value)?,
                            "namespace" => it.namespace = decoder.text(value)?,
                            _ => return Ok(false),
                        }
                        Ok(true)
                    })?;
                }
                "serviceaccount" => {
                    decoder.object(value, "ServiceAccount", &mut |decoder, name, value| {
                        match name {
                            "name" => it.service_account = decoder.text(value)?,
                            "projectid" => it.project = decoder.text(value)?,
                            _ => return Ok(false),
                        }
                        Ok(true)
                    })?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self(it))
    }
}

#[derive(Debug, Default)]
struct ValueFields {
    value: String,
    targets: Vec<Target>,
    file: String,
}

impl FromValue for ValueFields {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "ValueAddTransformerPlugin", &mut |decoder, name, value| {
            match name {
                "value" => it.value = decoder.text(value)?,
                "targets" => it.targets = decoder.list(value, "[]builtins.Target")?,
                "targetfilepath" => it.file = decoder.text(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}

impl FromValue for Target {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "Target", &mut |decoder, name, value| {
            match name {
                "selector" => it.selector = decoder.optional(value)?,
                "fieldpath" => it.field_path = decoder.text(value)?,
                "filepathposition" => it.position = decoder.number(value, "int")?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}
