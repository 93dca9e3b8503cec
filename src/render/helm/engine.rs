//! Templates to text, as Helm does it: one set for a chart and all within it, each with its own scope.

mod capabilities;
mod error;
mod files;
mod functions;
mod glob;
mod methods;
mod scope;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
    sync::{Arc, LazyLock},
};

use super::{
    Chart, Error, funcs,
    random::{Generator, Randomness},
};
use crate::render::gotemplate::{
    Budget, Function, Functions, Map, MissingKey, Render, Str, Table, Templates, Value,
    sprig::{self, Environment, clock::Time},
};

pub use capabilities::{BadVersion, Capabilities, HELM_VERSION, KubeVersion};
pub(super) use functions::{host, without_signs};
pub use glob::glob;

/// What `.Release` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The name.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// Which revision this is.
    pub revision: i64,
    /// Whether there is one already.
    pub is_upgrade: bool,
}

/// What a template asks of the cluster with `lookup`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// The namespace; empty for all.
    pub namespace: String,
    /// The name; empty for all.
    pub name: String,
}

/// Answers a [`Lookup`]: with an object or a list, with an empty map where there is none, with nothing where nobody
/// has asked the cluster yet.
pub type Cluster = Rc<dyn Fn(&Lookup) -> Option<Map>>;

/// What a render may depend on beside the chart and its values.
pub struct World {
    /// The time that templates see.
    pub now: Time,
    /// What templates get where they ask for something random.
    pub random: Randomness,
    /// The cluster; without one every `lookup` finds nothing.
    pub cluster: Option<Cluster>,
    /// What the render may use.
    pub budget: Budget,
    /// Whether `required` and `fail` are let pass, as linting does.
    pub lenient: bool,
}

/// What the functions of this module find behind Sprig's environment.
pub(super) struct Host {
    cluster: Option<Cluster>,
    lenient: bool,
    /// How often each template is being included.
    included: RefCell<HashMap<Str, u32>>,
    /// What nobody has asked the cluster yet.
    needs: RefCell<BTreeSet<Lookup>>,
    /// What `fromYaml` has read: helpers that give maps are included, and read, over and over.
    pub(super) read: funcs::ReadTexts,
}

impl Host {
    fn new(cluster: Option<Cluster>, lenient: bool) -> Self {
        Self {
            cluster,
            lenient,
            included: RefCell::default(),
            needs: RefCell::default(),
            read: funcs::ReadTexts::default(),
        }
    }
}

/// All functions of Helm.
pub(super) static FUNCTIONS: LazyLock<Arc<dyn Functions>> = LazyLock::new(|| {
    Arc::new(All(Table::new(sprig::functions().chain(funcs::functions()).chain(functions::FUNCTIONS))))
});

/// The functions, and the methods of values.
struct All(Table);

impl Functions for All {
    fn find(&self, name: &str) -> Option<&'static Function> {
        self.0.find(name)
    }

    fn method(&self, type_name: &str, name: &str) -> Option<&'static Function> {
        let methods = [
            (super::values::VALUES.name, methods::METHODS),
            (files::FILES.name, files::METHODS),
            (capabilities::SET.name, capabilities::SET_METHODS),
        ];
        let (_, methods) = methods.into_iter().find(|(known, _)| *known == type_name)?;
        methods.iter().find(|it| it.name == name)
    }
}

/// All functions of Helm, to parse templates that are no chart's with.
pub fn functions() -> &'static Arc<dyn Functions> {
    &FUNCTIONS
}

/// The environment that these functions find where no chart is rendered.
pub fn environment(world: World, namespace: &str, release: &str) -> Environment {
    let host = Host::new(world.cluster, world.lenient);
    Environment::new(world.now, Generator::new(world.random, namespace, release), Rc::new(host))
}

/// What templates wrote, by their paths, and what of the cluster they would have had to know.
pub(super) struct Written {
    /// The text of each template that is no partial.
    pub files: BTreeMap<String, Str>,
    /// Where this is not empty the files are not what they will be.
    pub needs: BTreeSet<Lookup>,
}

/// Renders all templates of a chart and of those within it. `values` are coalesced and become part of the render: what
/// templates `set` is seen in them.
///
/// # Errors
/// When a template is none or fails.
pub(super) fn render(
    chart: &Chart,
    values: &Map,
    release: &Release,
    capabilities: &Capabilities,
    world: World,
) -> Result<Written, Error> {
    let scope = scope::Scope::new(chart, values, release, capabilities);
    let mut templates = Templates::new("gotpl", Arc::clone(&FUNCTIONS)).missing_key(MissingKey::Zero);
    let sources = scope::sorted(scope.sources);
    for source in &sources {
        let parsed = templates.parse(&source.path, source.text.clone());
        parsed.map_err(|failed| error::parse(&source.path, &failed))?;
    }
    let host = Rc::new(Host::new(world.cluster, world.lenient));
    let random = Generator::new(world.random, &release.namespace, &release.name);
    let environment = Environment::new(world.now, random.clone(), Rc::clone(&host) as Rc<_>);
    let mut render = Render::new(&templates, world.budget, Rc::new(environment));
    let mut files = BTreeMap::new();
    let mut failed = None;
    for source in &sources {
        if source.is_partial() {
            continue;
        }
        random.begin(&source.path);
        super::values::put(&source.scope, "Template", source.template());
        let dot = Value::Map(source.scope.clone());
        match render.output(source.path.as_bytes(), &dot) {
            Ok(text) => {
                files.insert(source.path.clone(), functions::without_no_value(text.into()));
            }
            Err(why) => {
                failed = Some(error::execute(&source.path, &why));
                break;
            }
        }
    }
    drop(render);
    let needs = host.needs.take();
    if random.is_missing() {
        return Err(Error::Random);
    }
    match failed {
        // What is not known yet may be why it fails.
        Some(failed) if needs.is_empty() => Err(failed),
        _ => Ok(Written { files, needs }),
    }
}
