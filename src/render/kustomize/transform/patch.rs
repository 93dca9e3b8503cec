//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.

use std::collections::BTreeSet;

use super::super::{
    Build, Error,
    jsonpatch::JsonPatch,
    kustomization::{Patch, PatchOptions},
    loader::Loader,
    merge::{Growth, merge},
    node::Nodes,
    read,
    resmap::ResMap,
    resource::{Resource, annotation},
    selector::{Selector, select},
    text::quote,
    value::{Form, from_value, to_value},
};
use crate::yaml::Value;

/// A patch that is read.
#[derive(Debug)]
pub(in super::super) struct Patches {
    /// Strategic merge patches; none where this is a JSON patch.
    merges: Vec<Resource>,
    json: Option<JsonPatch>,
    target: Option<Selector>,
    /// Where it comes from, for messages.
    source: String,
}

impl Patches {
    /// Reads an entry of `patches`: which of the two forms it has, its content says.
    pub(in super::super) fn read<'a>(
        build: &mut Build<'a>,
        loader: &Loader<'a>,
        args: &Patch,
        config: &dyn Fn() -> String,
    ) -> Result<Self, Error> {
        let inline = args.patch.trim();
        let (text, source): (&'a [u8], String) = match (inline.is_empty(), args.path.is_empty()) {
            (true, true) => {
                return Err(Error::new(format!("must specify one of patch and path in\n{}", config())));
            }
            (false, false) => {
                return Err(Error::new(format!(
                    "patch and path can't be set at the same time\n{}",
                    config()
                )));
            }
            (false, true) => (build.arena.keep(inline.as_bytes()), format!("[patch: {}]", quote(inline))),
            (true, false) => {
                let text = loader.load(&args.path).map_err(|error| {
                    error.context(format!("failed to get the patch file from path({})", args.path))
                })?;
                (text, format!("[path: {}]", quote(&args.path)))
            }
        };
        let merges = read::resources(&mut build.nodes, build.arena, &build.schemas, text);
        let json = if text.is_empty() {
            Err(Error::new("empty json patch operations"))
        } else {
            JsonPatch::read(text)
        };
        match (merges, json) {
            (Ok(merges), Ok(json)) if !merges.is_empty() && !json.is_empty() => {
                Err(Error::new(format!("illegally qualifies as both an SM and JSON patch: {source}")))
            }
            (Ok(merges), _) => {
                if let Some(options) = args.options {
                    allow(&mut build.nodes, &merges, options)?;
                }
                Ok(Self { merges, json: None, target: args.target.clone(), source })
            }
            (Err(_), Ok(json)) => {
                Ok(Self { merges: Vec::new(), json: Some(json), target: args.target.clone(), source })
            }
            (Err(_), Err(_)) => Err(Error::new(format!("unable to parse SM or JSON patch from {source}"))),
        }
    }

    pub(in super::super) fn apply<'a>(&self, build: &mut Build<'a>, map: &mut ResMap) -> Result<(), Error> {
        match &self.json {
            Some(json) => self.apply_json(build, map, json),
            None => self.apply_merges(build, map),
        }
    }

    fn apply_json<'a>(&self, build: &mut Build<'a>, map: &mut ResMap, json: &JsonPatch) -> Result<(), Error> {
        let Some(target) = &self.target else {
            return Err(Error::new(format!("must specify a target for JSON patch {}", self.source)));
        };
        for at in select(&build.nodes, map.list(), target)? {
            let Build { nodes, schemas, .. } = &mut *build;
            let changed: Option<Result<(), Error>> = map.change(at, |resource| {
                resource.store_previous_id(nodes)?;
                apply_json(nodes, resource, json)?;
                resource.refresh(nodes, schemas);
                Ok(())
            });
            changed.unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    fn apply_merges<'a>(&self, build: &mut Build<'a>, map: &mut ResMap) -> Result<(), Error> {
        if self.merges.is_empty() {
            return Ok(());
        }
        if let Some(target) = &self.target {
            let [patch] = self.merges.as_slice() else {
                return Err(Error::new(format!(
                    "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field: {}",
                    self.source
                )));
            };
            let selected = select(&build.nodes, map.list(), target).map_err(|error| {
                let target = quote(&target.to_string());
                error.context(format!("unable to find patch target {target} in `resources`"))
            })?;
            return apply_to_all(build, map, &selected, patch);
        }
        for patch in &self.merges {
            let id = patch.original_id().clone();
            let at = map.one_by_any(&build.nodes, &id).map_err(|error| {
                error.context(format!("no resource matches strategic merge patch {}", quote(&id.to_string())))
            })?;
            let Build { nodes, schemas, .. } = &mut *build;
            let changed: Option<Result<(), Error>> = map.change(at, |resource| {
                let result = apply_merge(nodes, schemas, resource, patch);
                resource.refresh(nodes, schemas);
                result
            });
            changed.unwrap_or(Ok(()))?;
        }
        Ok(())
    }
}

/// The patches of `patchesStrategicMerge`: each in the kustomization or in a file of its own.
#[derive(Debug)]
pub(in super::super) struct MergePatches(Vec<Resource>);

impl MergePatches {
    pub(in super::super) fn read<'a>(
        build: &mut Build<'a>,
        loader: &Loader<'a>,
        paths: &[String],
        inline: &str,
    ) -> Result<Self, Error> {
        if paths.is_empty() && inline.is_empty() {
            return Err(Error::new("empty file path and empty patch content"));
        }
        let mut patches = Vec::new();
        for path in paths {
            let Build { nodes, arena, schemas, .. } = &mut *build;
            // A path that can be read as a patch is one.
            let text = arena.keep(path.as_bytes());
            match read::resources(nodes, arena, schemas, text) {
                Ok(found) => patches.extend(found),
                Err(_) => {
                    let text = loader.load(path)?;
                    let found = read::resources(nodes, arena, schemas, text);
                    patches.extend(found.map_err(|error| super::super::in_file(error, path))?);
                }
            }
        }
        if !inline.is_empty() {
            let Build { nodes, arena, schemas, .. } = &mut *build;
            let text = arena.keep(inline.as_bytes());
            patches.extend(read::resources(nodes, arena, schemas, text)?);
        }
        if patches.is_empty() {
            let files = super::super::text::list(paths);
            return Err(Error::new(format!("patch appears to be empty; files={files}, Patch={inline}")));
        }
        Ok(Self(patches))
    }

    pub(in super::super) fn apply<'a>(&self, build: &mut Build<'a>, map: &mut ResMap) -> Result<(), Error> {
        for patch in &self.0 {
            let id = patch.original_id().clone();
            let at = map.one_by_any(&build.nodes, &id)?;
            apply_to_all(build, map, &[at], patch)?;
        }
        Ok(())
    }
}

/// An entry of `patchesJson6902`.
#[derive(Debug)]
pub(in super::super) struct Json6902 {
    target: Selector,
    json: JsonPatch,
}

impl Json6902 {
    pub(in super::super) fn read(
        loader: &Loader<'_>,
        target: Option<&Selector>,
        path: &str,
        inline: &str,
    ) -> Result<Self, Error> {
        let Some(target) = target else {
            return Err(Error::new("runtime error: invalid memory address or nil pointer dereference"));
        };
        if target.id.name.is_empty() {
            return Err(Error::new("must specify the target name"));
        }
        let text = match (path.is_empty(), inline.is_empty()) {
            (true, true) => return Err(Error::new("empty file path and empty jsonOp")),
            (false, false) => return Err(Error::new("must specify a file path or jsonOp, not both")),
            (true, false) => inline.as_bytes(),
            (false, true) => {
                let text = loader.load(path)?;
                if text.is_empty() {
                    return Err(Error::new(format!("patch file '{path}' empty seems to be empty")));
                }
                text
            }
        };
        let json = JsonPatch::read(text).map_err(|error| {
            let starts = text.starts_with(b"[");
            if starts { error.context(format!("decoding {}", String::from_utf8_lossy(text))) } else { error }
        })?;
        if json.is_empty() {
            let text = String::from_utf8_lossy(text);
            return Err(Error::new(format!("patch appears to be empty; file={path}, JsonOp={text}")));
        }
        Ok(Self { target: target.clone(), json })
    }

    pub(in super::super) fn apply<'a>(&self, build: &mut Build<'a>, map: &mut ResMap) -> Result<(), Error> {
        for at in select(&build.nodes, map.list(), &self.target)? {
            let Build { nodes, schemas, .. } = &mut *build;
            let changed: Option<Result<(), Error>> = map.change(at, |resource| {
                apply_json(nodes, resource, &self.json)?;
                resource.refresh(nodes, schemas);
                Ok(())
            });
            changed.unwrap_or(Ok(()))?;
        }
        Ok(())
    }
}

fn allow(nodes: &mut Nodes<'_>, patches: &[Resource], options: PatchOptions) -> Result<(), Error> {
    for patch in patches {
        if options.allow_name_change {
            patch.put_annotation(nodes, annotation::ALLOW_NAME_CHANGE, annotation::ENABLED)?;
        }
        if options.allow_kind_change {
            patch.put_annotation(nodes, annotation::ALLOW_KIND_CHANGE, annotation::ENABLED)?;
        }
    }
    Ok(())
}

/// Patches a resource as JSON. What Kustomize remembers of it in annotations outlives the patch.
fn apply_json(nodes: &mut Nodes<'_>, resource: &mut Resource, patch: &JsonPatch) -> Result<(), Error> {
    let internal = resource.annotations(nodes).into_iter().filter(|(key, _)| annotation::is_internal(key));
    let internal: Vec<(String, String)> = internal.collect();
    let mut value = to_value(nodes, resource.node)?;
    patch.apply(&mut value)?;
    if !matches!(value, Value::Map(_)) {
        return Err(Error::new("json: cannot unmarshal array into Go value of type map[string]interface {}"));
    }
    nodes.check_budget()?;
    resource.node = from_value(nodes, &value, Form::Go);
    nodes.check_depth(resource.node)?;
    let mut annotations = resource.annotations(nodes);
    annotations.extend(internal);
    resource.set_annotations(nodes, annotations)
}

/// Lays copies of a patch over resources, and checks that all are still called differently.
fn apply_to_all(
    build: &mut Build<'_>,
    map: &mut ResMap,
    selected: &[usize],
    patch: &Resource,
) -> Result<(), Error> {
    // All that are called as one of the selected now, each once.
    let ids: Vec<_> =
        selected.iter().filter_map(|at| map.list().get(*at)).map(|it| it.id().clone()).collect();
    let places: BTreeSet<usize> = ids.iter().flat_map(|id| map.by_current(id)).collect();
    for at in places {
        let Build { nodes, schemas, .. } = &mut *build;
        nodes.check_budget()?;
        let mut copy = patch.copy(nodes);
        copy.take_metadata(nodes, patch, schemas)?;
        let changed: Option<Result<(), Error>> = map.change(at, |resource| {
            copy.set_api_version(nodes, resource.id().gvk.api_version())?;
            let result = apply_merge(nodes, schemas, resource, &copy);
            resource.refresh(nodes, schemas);
            result
        });
        changed.unwrap_or(Ok(()))?;
    }
    map.drop_empty(&build.nodes);
    map.check_unique()
}

/// Lays a patch over a resource. Its name and kind stay unless the patch may change them, its namespace always.
fn apply_merge(
    nodes: &mut Nodes<'_>,
    schemas: &super::super::schema::Schemas,
    resource: &mut Resource,
    patch: &Resource,
) -> Result<(), Error> {
    let (name, namespace) = (resource.name(nodes).to_owned(), resource.namespace(nodes).to_owned());
    let kind = resource.id().gvk.kind.to_string();
    let may_rename = patch.is_enabled(nodes, annotation::ALLOW_NAME_CHANGE);
    let may_change_kind = patch.is_enabled(nodes, annotation::ALLOW_KIND_CHANGE);
    if may_rename || may_change_kind {
        resource.store_previous_id(nodes)?;
    }
    if merge(nodes, schemas, resource.node, patch.node, Growth::Prepend)?.is_none() {
        // Nothing is left of it.
        resource.node = nodes.empty(super::super::node::Kind::None);
        return Ok(());
    }
    if resource.is_empty(nodes) {
        return Ok(());
    }
    if !may_change_kind {
        resource.set_kind(nodes, kind)?;
    }
    if !may_rename {
        resource.set_name(nodes, name)?;
    }
    resource.set_namespace(nodes, namespace)
}
