//! One kustomization: what it reads, makes and changes, in this order.

use std::rc::Rc;

use super::{
    Build, Error,
    config::Config,
    crds,
    error::Cause,
    generate::{Generated, with_global},
    in_file,
    inflate::Inflation,
    kustomization::{FILE_NAMES, Kustomization, Patch, Var},
    loader::Loader,
    origin::Origin,
    plugin::{self, Generator},
    read,
    resmap::ResMap,
    resource::annotation,
    shown::{object, patch_config, text, texts, trouble},
    step::{Configured, Step, run_all},
    text::quote,
    transform::{
        metadata::Entries,
        name::{Name, Side},
        namespace::Namespace,
        patch::{Json6902, MergePatches, Patches},
        vars::VarSet,
    },
};
use crate::yaml::Value;

/// A kustomization in its directory.
pub(super) struct Target<'a> {
    loader: Loader<'a>,
    file: &'static str,
    pub(super) says: Kustomization,
    /// Where it comes from; none where nobody asked for it.
    pub(super) origin: Option<Origin>,
    /// The namespace that kustomizations around this one give, for charts alone.
    chart_namespace: String,
}

/// Resources, with what is needed to change them.
#[derive(Debug, Default)]
pub(super) struct Accumulator {
    pub(super) map: ResMap,
    pub(super) config: Option<Rc<Config>>,
    pub(super) vars: VarSet,
}

impl Accumulator {
    fn merge_config(&mut self, other: &Rc<Config>, defaults: &Rc<Config>) -> Result<(), Error> {
        match &mut self.config {
            // Nothing is added to what is the same.
            Some(own) if Rc::ptr_eq(own, other) => Ok(()),
            Some(own) => Rc::make_mut(own).merge(other),
            None if Rc::ptr_eq(other, defaults) => {
                self.config = Some(Rc::clone(other));
                Ok(())
            }
            // What was put in order since may now cover what came before it, and that goes.
            None => {
                let mut fresh = Config::default();
                fresh.merge(other)?;
                self.config = Some(Rc::new(fresh));
                Ok(())
            }
        }
    }

    fn merge(&mut self, other: Self, defaults: &Rc<Config>) -> Result<(), Error> {
        self.map.append_all(other.map.into_list())?;
        if let Some(config) = &other.config {
            self.merge_config(config, defaults)?;
        }
        self.vars.absorb(other.vars)
    }

    fn config(&self) -> Config {
        self.config.as_deref().cloned().unwrap_or_default()
    }
}

impl<'a> Target<'a> {
    /// Reads the kustomization of a directory.
    pub(super) fn load(build: &mut Build<'a>, loader: Loader<'a>) -> Result<Self, Error> {
        let mut found = FILE_NAMES.iter().filter_map(|name| Some((*name, loader.load(name).ok()?)));
        let (file, text) = match (found.next(), found.next()) {
            (Some(one), None) => one,
            (None, _) => {
                let [first, second, third] = FILE_NAMES;
                let message = format!(
                    "unable to find one of '{first}', '{second}' or '{third}' in directory '{}'",
                    loader.root()
                );
                return Err(Error::because(Cause::Missing, message));
            }
            (Some(_), Some(_)) => {
                let message = format!("Found multiple kustomization files under: {}\n", loader.root());
                return Err(Error::new(message));
            }
        };
        let says = Kustomization::read(text)?;
        build.warnings.extend(says.warnings.iter().map(|warning| (*warning).to_owned()));
        if says.is_empty() {
            return Err(Error::new("kustomization.yaml is empty"));
        }
        let complaints = says.complaints();
        if !complaints.is_empty() {
            return Err(Error::new(format!(
                "Failed to read kustomization file under {}:\n{}",
                loader.root(),
                complaints.join("\n")
            )));
        }
        Ok(Self { loader, file, says, origin: None, chart_namespace: String::new() })
    }

    /// Takes the definitions that it brings.
    pub(super) fn choose_schema(&self, build: &Build<'a>) -> Result<(), Error> {
        let field = self.says.openapi.as_ref();
        let content = match field.and_then(|field| field.get("path")) {
            Some(path) => Some(self.loader.load(path)?),
            None => None,
        };
        build.schemas.choose(field, content)
    }

    /// The pipeline of one kustomization.
    pub(super) fn accumulate(
        &mut self,
        build: &mut Build<'a>,
        mut into: Accumulator,
    ) -> Result<Accumulator, Error> {
        // 1. Resources: files, and other kustomizations, in the order in which they are named.
        let resources = self.says.resources.clone();
        self.accumulate_resources(build, &mut into, &resources)
            .map_err(|error| error.context("accumulating resources"))?;

        // 2. Which fields the transformers work on.
        let config = match self.says.configurations.as_slice() {
            [] => Rc::clone(&build.defaults),
            paths => Rc::new(Config::load(&self.loader, paths)?),
        };
        into.merge_config(&config, &build.defaults)?;
        if !self.says.crds.is_empty() {
            let context =
                |error: Error| error.context(format!("loading CRDs {}", super::text::list(&self.says.crds)));
            let config = Rc::new(crds::load(&self.loader, &self.says.crds).map_err(context)?);
            into.merge_config(&config, &build.defaults)?;
        }

        // 3. What is generated.
        self.run_generators(build, &mut into)?;

        // 4. Components, which work on what is there so far.
        let components = self.says.components.clone();
        into = self
            .accumulate_components(build, into, &components)
            .map_err(|error| error.context("accumulating components"))?;

        // 5. Transformers: those of the kustomization's own fields, then those that resources configure.
        let config = into.config();
        let mut steps = self.built_in_steps(build, &config)?;
        let transformers = self.says.transformers.clone();
        steps.extend(self.plugin_steps(build, &transformers)?);
        run_all(build, &mut into.map, &steps)?;

        // 6. Validators, which may look and not touch.
        self.run_validators(build, &mut into)?;

        // 7. Vars, which are resolved once all names are final.
        let Accumulator { map, vars, .. } = &mut into;
        vars.merge(&build.nodes, map, &self.says.vars).map_err(|error| {
            let all: Vec<String> = self.says.vars.iter().map(Var::said).collect();
            error.context(format!("merging vars {}", super::text::list(&all)))
        })?;
        Ok(into)
    }

    /// The transformers of the kustomization's own fields. Their order is Kustomize's, whatever that of the fields is.
    fn built_in_steps(&self, build: &mut Build<'a>, config: &Config) -> Result<Vec<Configured>, Error> {
        let says = &self.says;
        let mut steps = Vec::new();
        let mut add = |step: Step, kind: &str, what: &str| {
            let origin = self.origin.as_ref().map(|origin| origin.of_builtin(self.file, kind));
            let name = format!("{}: {what}", super::path::join(self.loader.root(), self.file));
            steps.push(Configured { step, origin, name });
        };

        if !says.patches_strategic_merge.is_empty() {
            let paths = &says.patches_strategic_merge;
            let patches = MergePatches::read(build, &self.loader, paths, "").map_err(|error| {
                trouble(error, "PatchStrategicMergeTransformer", &[("paths", texts(paths))])
            })?;
            add(Step::MergePatches(patches), "PatchStrategicMergeTransformer", "patchesStrategicMerge");
        }
        for (number, patch) in says.patches.iter().enumerate() {
            let config = || super::shown::print(&patch_config(patch));
            let patches = Patches::read(build, &self.loader, patch, &config)
                .map_err(|error| trouble(error, "PatchTransformer", &patch_config(patch)))?;
            let what = if patch.path.is_empty() { format!("#{}", number + 1) } else { patch.path.clone() };
            add(Step::Patches(patches), "PatchTransformer", &format!("patches {what}"));
        }
        if !says.namespace.is_empty() {
            let namespace = Namespace {
                namespace: says.namespace.clone(),
                fields: config.namespace.clone(),
                ..Namespace::default()
            };
            add(Step::Namespace(namespace), "NamespaceTransformer", "namespace");
        }
        if !says.name_prefix.is_empty() {
            let (text, fields) = (says.name_prefix.clone(), config.name_prefix.clone());
            add(Step::Name(Name { side: Side::Prefix, text, fields }), "PrefixTransformer", "namePrefix");
        }
        if !says.name_suffix.is_empty() {
            let (text, fields) = (says.name_suffix.clone(), config.name_suffix.clone());
            add(Step::Name(Name { side: Side::Suffix, text, fields }), "SuffixTransformer", "nameSuffix");
        }
        let common_labels = says.common_labels.clone().unwrap_or_default();
        if !says.labels.is_empty() || !common_labels.is_empty() {
            for label in &says.labels {
                let fields = label.all_fields(config)?;
                let entries = Entries { pairs: label.pairs.clone(), fields };
                add(Step::Entries(entries), "LabelTransformer", "labels");
            }
            let entries = Entries { pairs: common_labels, fields: config.common_labels.clone() };
            add(Step::Entries(entries), "LabelTransformer", "commonLabels");
        }
        if let Some(pairs) = says.common_annotations.clone().filter(|pairs| !pairs.is_empty()) {
            let entries = Entries { pairs, fields: config.common_annotations.clone() };
            add(Step::Entries(entries), "AnnotationsTransformer", "commonAnnotations");
        }
        for patch in &says.patches_json6902 {
            let Patch { target, path, patch: inline, .. } = patch;
            let json = Json6902::read(&self.loader, target.as_ref(), path, inline).map_err(|error| {
                let mut fields = patch_config(patch);
                if let Some(field) = fields.iter_mut().find(|(name, _)| *name == "patch") {
                    field.0 = "jsonOp";
                }
                trouble(error, "PatchJson6902Transformer", &fields)
            })?;
            add(Step::Json6902(json), "PatchJson6902Transformer", "patchesJson6902");
        }
        for replica in &says.replicas {
            let step = Step::Replicas(replica.clone(), config.replicas.clone());
            add(step, "ReplicaCountTransformer", &format!("replicas {}", replica.name));
        }
        for image in &says.images {
            let step = Step::Images(image.clone(), config.images.clone());
            add(step, "ImageTagTransformer", &format!("images {}", image.name));
        }
        if !says.replacements.is_empty() {
            let all = plugin::replacements(&self.loader, &says.replacements).map_err(|error| {
                let paths = says.replacements.iter().map(|field| object(&[("path", text(&field.path))]));
                trouble(error, "ReplacementTransformer", &[("Replacements", Value::Seq(paths.collect()))])
            })?;
            add(Step::Replacements(all), "ReplacementTransformer", "replacements");
        }
        Ok(steps)
    }

    /// The transformers that resources configure.
    fn plugin_steps(&mut self, build: &mut Build<'a>, paths: &[String]) -> Result<Vec<Configured>, Error> {
        let plugins = self.plugins(build, paths, "configuring external transformer")?;
        let mut steps = Vec::new();
        for resource in plugins.list() {
            let step = plugin::transformer(build, &self.loader, resource)?;
            let origin = Origin::of_plugin(&build.nodes, resource);
            let name = format!("{}: {}", super::path::join(self.loader.root(), self.file), resource.id());
            steps.push(Configured { step, origin, name });
        }
        Ok(steps)
    }

    /// The resources that configure generators or transformers: inline, in files, or in other kustomizations.
    fn plugins(&mut self, build: &mut Build<'a>, entries: &[String], what: &str) -> Result<ResMap, Error> {
        let mut into = Accumulator::default();
        let mut paths = Vec::new();
        for entry in entries {
            let text = build.arena.keep(entry.as_bytes());
            let Build { nodes, arena, schemas, .. } = &mut *build;
            let inline = read::resources(nodes, arena, schemas, text).and_then(ResMap::from_list);
            let Ok(inline) = inline else {
                paths.push(entry.clone());
                continue;
            };
            if let Some(origin) = &self.origin {
                let origin = origin.append(self.file);
                for resource in inline.list() {
                    resource.put_annotation(nodes, annotation::ORIGIN, &origin.text())?;
                }
            }
            into.map.append_all(inline.into_list()).map_err(|error| error.context(what))?;
        }
        self.accumulate_resources(build, &mut into, &paths)?;
        Ok(into.map)
    }

    fn run_generators(&mut self, build: &mut Build<'a>, into: &mut Accumulator) -> Result<(), Error> {
        let says = &self.says;
        let mut generators: Vec<(Generator, Option<Origin>, String)> = Vec::new();
        for (kind, all, name) in [
            (Generated::ConfigMap, &says.config_maps, "ConfigMapGenerator"),
            (Generated::Secret, &says.secrets, "SecretGenerator"),
        ] {
            for args in all {
                let args = with_global(args, says.generator_options.as_ref());
                let origin = self.origin.as_ref().map(|origin| origin.of_builtin(self.file, name));
                generators.push((Generator::Data(kind, args), origin, name.to_owned()));
            }
        }
        for chart in &says.helm_charts {
            const KIND: &str = "HelmChartInflationGenerator";
            let globals = says.helm_globals.clone().unwrap_or_default();
            let mut chart = chart.clone();
            if chart.namespace.is_empty() {
                self.namespace_of_charts().clone_into(&mut chart.namespace);
            }
            let shown = chart.shown(&globals);
            let chart = Inflation::configure(build.charts.as_ref(), &self.loader, chart, &globals)
                .map_err(|error| trouble(error, KIND, &shown))?;
            let origin = self.origin.as_ref().map(|origin| origin.of_builtin(self.file, KIND));
            generators.push((Generator::Chart(Box::new(chart)), origin, KIND.to_owned()));
        }
        let entries = self.says.generators.clone();
        let loading = |error: Error| error.context("loading generator plugins");
        let plugins = self.plugins(build, &entries, "configuring external generator").map_err(loading)?;
        for resource in plugins.list() {
            let generator = plugin::generator(build, &self.loader, resource)
                .map_err(|error| loading(error.context("failed to load generator")))?;
            let origin = Origin::of_plugin(&build.nodes, resource);
            generators.push((generator, origin, resource.id().to_string()));
        }
        for (generator, origin, name) in generators {
            let mut made = generator.generate(build, &self.loader)?;
            if let Some(origin) = &origin {
                origin.mark_generated(&mut build.nodes, &made)?;
            }
            let place = super::path::join(self.loader.root(), self.file);
            let shared: Rc<str> = place.as_str().into();
            for one in &mut made {
                one.refresh(&build.nodes, &build.schemas);
                if build.explain {
                    one.trail.push(format!("{place}: {name}"));
                }
                one.place = Some((Rc::clone(&shared), 1));
            }
            let Build { nodes, schemas, .. } = &mut *build;
            into.map
                .absorb(nodes, schemas, made)
                .map_err(|error| error.context(format!("merging from generator {name}")))?;
        }
        Ok(())
    }

    /// The namespace of charts that name none: this kustomization's, else that of the ones around it.
    fn namespace_of_charts(&self) -> &str {
        if self.says.namespace.is_empty() { &self.chart_namespace } else { &self.says.namespace }
    }

    fn run_validators(&mut self, build: &mut Build<'a>, into: &mut Accumulator) -> Result<(), Error> {
        if self.says.validators.is_empty() {
            return Ok(());
        }
        const LABEL: &str = "validated-by";
        let validators = self.says.validators.clone();
        let steps = self.plugin_steps(build, &validators)?;
        let print = |build: &Build<'_>, map: &ResMap| {
            map.list()
                .iter()
                .map(|resource| super::output::to_string(&build.nodes, resource.node))
                .collect::<Result<Vec<_>, _>>()
        };
        for step in &steps {
            let before = print(build, &into.map)?;
            run_all(build, &mut into.map, std::slice::from_ref(step))?;
            let mut stripped = Vec::new();
            for resource in into.map.list() {
                let copy = resource.copy(&mut build.nodes);
                let mut labels = super::resource::texts(&build.nodes, copy.node, "labels");
                if labels.remove(LABEL).is_some() {
                    super::resource::set_texts(&mut build.nodes, copy.node, "labels", labels)?;
                }
                stripped.push(copy);
            }
            let mut after = ResMap::default();
            after.list_mut().extend(stripped);
            let after = print(build, &after)?;
            if before != after {
                let why = if before.len() == after.len() {
                    "nodes unequal"
                } else {
                    "lists have different number of entries"
                };
                return Err(Error::new(format!("validator shouldn't modify the resource map: {why}")));
            }
        }
        Ok(())
    }

    /// Reads what is named: as a file first, and where that fails as a directory or repository.
    fn accumulate_resources(
        &mut self,
        build: &mut Build<'a>,
        into: &mut Accumulator,
        paths: &[String],
    ) -> Result<(), Error> {
        for path in paths {
            let Err(as_file) = self.accumulate_file(build, into, path) else { continue };
            let loader = match self.loader.enter(path) {
                Ok(loader) => loader,
                // What is no YAML is a file, and that is the mistake.
                Err(_) if as_file.is_malformed_yaml() => return Err(as_file),
                Err(error) => {
                    return Err(error.context(format!("accumulation err='{as_file}'")).rather(&as_file));
                }
            };
            let taken = std::mem::take(into);
            *into = self
                .accumulate_directory(build, taken, loader, path, false)
                .map_err(|error| error.context(format!("accumulation err='{as_file}'")))?;
        }
        Ok(())
    }

    fn accumulate_components(
        &mut self,
        build: &mut Build<'a>,
        mut into: Accumulator,
        paths: &[String],
    ) -> Result<Accumulator, Error> {
        for path in paths {
            let loader = self
                .loader
                .enter(path)
                .map_err(|error| error.reworded(|text| format!("loader.New {}", quote(text))))?;
            into = self
                .accumulate_directory(build, into, loader, path, true)
                .map_err(|error| error.reworded(|text| format!("accumulateDirectory: {}", quote(text))))?;
        }
        Ok(into)
    }

    fn accumulate_directory(
        &mut self,
        build: &mut Build<'a>,
        into: Accumulator,
        loader: Loader<'a>,
        path: &str,
        is_component: bool,
    ) -> Result<Accumulator, Error> {
        let root = loader.root().to_owned();
        let mut target = Self::load(build, loader)
            .map_err(|error| error.context(format!("couldn't make target for path '{root}'")))?;
        target.says.build_metadata.clone_from(&self.says.build_metadata);
        self.namespace_of_charts().clone_into(&mut target.chart_namespace);
        target.origin = self.origin.as_ref().map(|origin| origin.append(path));
        target.choose_schema(build)?;
        let kind = &target.says.kind;
        if is_component && !target.says.is_component() {
            return Err(Error::new(format!("expected kind 'Component' for path '{root}' but got '{kind}'")));
        }
        if !is_component && target.says.is_component() {
            return Err(Error::new(format!("expected kind != 'Component' for path '{root}'")));
        }
        let recursed = |error: Error| error.context(format!("recursed accumulation of path '{root}'"));
        // A component works on what is there; another kustomization is finished by itself.
        let (mut into, sub) = if is_component {
            (Accumulator::default(), target.accumulate(build, into).map_err(recursed)?)
        } else {
            let sub = target.accumulate(build, Accumulator::default()).map_err(recursed)?;
            (into, sub)
        };
        into.merge(sub, &build.defaults)
            .map_err(|error| error.context(format!("recursed merging from path '{root}'")))?;
        Ok(into)
    }

    fn accumulate_file(
        &self,
        build: &mut Build<'a>,
        into: &mut Accumulator,
        path: &str,
    ) -> Result<(), Error> {
        let from = |error: Error| error.context(format!("accumulating resources from '{path}'"));
        let text = self.loader.load(path).map_err(from)?;
        let Build { nodes, arena, schemas, .. } = &mut *build;
        let resources = read::resources(nodes, arena, schemas, text).and_then(ResMap::from_list);
        let mut resources = resources.map_err(|error| from(in_file(error, path)))?.into_list();
        if let Some(origin) = &self.origin {
            let text = origin.append(path).text();
            let entries = Entries::of_metadata("annotations", annotation::ORIGIN, &text);
            for resource in &mut resources {
                entries
                    .set(nodes, resource.node)
                    .map_err(|error| error.context(format!("cannot add path annotation for '{path}'")))?;
            }
        }
        if build.explain {
            let place = super::path::join(self.loader.root(), path);
            for (number, resource) in resources.iter_mut().enumerate() {
                resource.trail.push(format!("{place}, resource {}", number + 1));
            }
        }
        let place: Rc<str> = super::path::join(self.loader.root(), path).into();
        for (number, resource) in resources.iter_mut().enumerate() {
            resource.place = Some((Rc::clone(&place), number + 1));
        }
        into.map
            .append_all(resources)
            .map_err(|error| error.context(format!("merging resources from '{path}'")))
    }
}
