//! One step of the pipeline: a transformer with all that it needs.

use super::{
    Build, Error,
    fieldspec::FieldSpec,
    kustomization::{Image, Replacement, Replica},
    origin::Origin,
    resmap::ResMap,
    transform::{
        hash, images,
        metadata::Entries,
        name::Name,
        namespace::Namespace,
        patch::{Json6902, MergePatches, Patches},
        replacements, replicas,
        value::ValueAdd,
    },
};

/// A transformer that is configured.
#[derive(Debug)]
pub(super) enum Step {
    MergePatches(MergePatches),
    Patches(Patches),
    Namespace(Namespace),
    Name(Name),
    /// Labels or annotations.
    Entries(Entries),
    Json6902(Json6902),
    Replicas(Replica, Vec<FieldSpec>),
    Images(Image, Vec<FieldSpec>),
    Replacements(Vec<Replacement>),
    ValueAdd(ValueAdd),
    Hash,
    Many(Vec<Self>),
}

impl Step {
    fn run(&self, build: &mut Build<'_>, map: &mut ResMap) -> Result<(), Error> {
        match self {
            Self::MergePatches(patches) => patches.apply(build, map),
            Self::Patches(patches) => patches.apply(build, map),
            Self::Namespace(namespace) => namespace.apply(build, map),
            Self::Name(name) => name.apply(build, map),
            Self::Entries(entries) => entries.apply(&mut build.nodes, map),
            Self::Json6902(patch) => patch.apply(build, map),
            Self::Replicas(replica, fields) => replicas::apply(&mut build.nodes, map, replica, fields),
            Self::Images(image, fields) => images::apply(&mut build.nodes, map, image, fields),
            Self::Replacements(all) => replacements::apply(build, map, all),
            Self::ValueAdd(add) => add.apply(build, map),
            Self::Hash => hash::apply(build, map),
            Self::Many(steps) => steps.iter().try_for_each(|step| step.run(build, map)),
        }
    }
}

/// A step, and where it was configured.
#[derive(Debug)]
pub(super) struct Configured {
    pub(super) step: Step,
    pub(super) origin: Option<Origin>,
    /// As `--explain` names it.
    pub(super) name: String,
}

/// Runs steps in order. What patches leave nothing of goes.
pub(super) fn run_all(build: &mut Build<'_>, map: &mut ResMap, steps: &[Configured]) -> Result<(), Error> {
    for configured in steps {
        build.nodes.check_budget()?;
        let before = super::explain::before(build, map);
        configured.step.run(build, map)?;
        super::explain::after(build, map, before, &configured.name);
        if let Some(origin) = &configured.origin {
            origin.mark_transformed(&mut build.nodes, map)?;
        }
        map.drop_empty(&build.nodes);
    }
    Ok(())
}
