//! Kustomizations of a bundle: what they name elsewhere comes from the bundle's sources.

use std::cell::RefCell;

use super::{
    Inputs, Parts, Place, Spec, Why, charts,
    gotemplate::Budget,
    helm::Capabilities,
    kustomize::{self, Charts, Options, Source, TreeFiles},
};
use crate::{
    archive::{self, Tree},
    bundle::{self, SourceKind},
    content::Content,
    limits,
    object::list,
};

/// Builds the kustomization of a spec, the charts that it names included.
///
/// # Errors
/// When it cannot be built, or a source that it names is damaged.
pub(super) fn read(tree: &Tree, spec: &Spec, content: &Content, inputs: &Inputs) -> Result<Parts, Why> {
    // The engine only hears that there is no such source; why is kept here.
    let damaged = RefCell::new(None);
    let open = |source: &bundle::Source| {
        let wanted = &source.content;
        let blob = content.read(&wanted.digest, wanted.size).map_err(Why::from);
        let tree = blob.and_then(|blob| unpacked(&blob, source));
        tree.map_err(|why| damaged.replace(Some(why))).ok()
    };
    let files = TreeFiles::new(tree, sources(&content.release().sources, &open));
    let charts = Charts {
        seconds: inputs.time().as_second(),
        nanos: 0,
        secret: inputs.secret,
        capabilities: charts::capabilities(content.root().statement.target.kubernetes.as_ref()),
        kube_version: None,
        api_versions: Vec::new(),
        budget: Budget::default(),
    };
    let namespace = spec.target_namespace.as_ref().map(ToString::to_string);
    let options = Options { namespace, charts: Some(charts), ..Options::default() };
    let parts = build(&files, &spec.path, &options);
    drop(files);
    match damaged.into_inner() {
        Some(why) => Err(why),
        None => parts,
    }
}

/// Builds a kustomization that nobody has signed yet, with what `open` gives of the sources beside it.
///
/// # Errors
/// When it cannot be built.
pub(super) fn preview(
    tree: &Tree,
    path: &str,
    known: &[bundle::Source],
    open: &dyn Fn(&bundle::Source) -> Option<Tree>,
) -> Result<Parts, Why> {
    let charts = Charts {
        seconds: 0,
        nanos: 0,
        // Nobody sees it, and no image depends on it.
        secret: Some([0; 32]),
        capabilities: Capabilities::default(),
        kube_version: None,
        api_versions: Vec::new(),
        budget: Budget::default(),
    };
    let options = Options { charts: Some(charts), ..Options::default() };
    build(&TreeFiles::new(tree, sources(known, open)), path, &options)
}

/// Sources as the engine knows them. The names of the release are those that kustomizations write.
fn sources<'t>(
    known: &'t [bundle::Source],
    open: &'t dyn Fn(&bundle::Source) -> Option<Tree>,
) -> Vec<Source<'t>> {
    let source = |it: &'t bundle::Source| match it.kind {
        SourceKind::Tree => Source::new(&it.url, &it.revision, move || open(it)),
        SourceKind::Chart => Source::chart(&it.url, &it.revision, move || open(it)),
    };
    known.iter().map(source).collect()
}

/// The files of a source's blob: a tree as the builder packs it, or a chart as Helm does.
///
/// # Errors
/// When it is no such thing.
fn unpacked(blob: &[u8], source: &bundle::Source) -> Result<Tree, Why> {
    let wanted = &source.content;
    match source.kind {
        SourceKind::Chart if blob.starts_with(b"\x1f\x8b") => {
            let most = archive::Unpacked::AtMost(limits::CHART_BYTES + limits::CHART_BYTES / 4);
            Ok(archive::read_tgz(blob, blob.len() as u64, most)?)
        }
        _ => Ok(archive::read_tree(blob, wanted.size, wanted.unpacked)?),
    }
}

fn build(files: &TreeFiles<'_>, path: &str, options: &Options) -> Result<Parts, Why> {
    let directory = format!("/{}", path.trim_matches('/'));
    let directory = if path == "." { "/" } else { directory.as_str() };
    let built = kustomize::values(files, directory, options)
        .map_err(|why| Why::Kustomize { path: path.to_owned(), why: Box::new(why) })?;
    let mut parts = Parts::default();
    for resource in built {
        // Sources lie where no name of a tree begins.
        let file = resource.file.trim_start_matches(['/', '\u{1}']).to_owned();
        let place = Place { file, document: resource.document };
        let objects = list::expand([resource.value.into()], &place.to_string())?;
        parts.objects.extend(objects.into_iter().map(|object| (object, place.clone())));
    }
    Ok(parts)
}
