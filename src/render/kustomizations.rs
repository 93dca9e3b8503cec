//! Kustomizations of a bundle: what they name elsewhere comes from the bundle's sources.

use std::cell::RefCell;

use super::{
    Parts, Place, Spec, Why,
    kustomize::{self, Options, Source, TreeFiles},
};
use crate::{
    archive::{self, Tree},
    bundle::SourceKind,
    content::Content,
    object::list,
};

/// Builds the kustomization of a spec.
///
/// # Errors
/// When it cannot be built, or a source that it names is damaged.
pub(super) fn read(tree: &Tree, spec: &Spec, content: &Content) -> Result<Parts, Why> {
    // The engine only hears that there is no such source; why is kept here.
    let damaged = RefCell::new(None);
    let open = |source: &crate::bundle::Source| {
        let wanted = &source.content;
        let blob = content.read(&wanted.digest, wanted.size).map_err(Why::from);
        let tree =
            blob.and_then(|blob| Ok(archive::read_tree(blob.as_slice(), wanted.size, wanted.unpacked)?));
        tree.map_err(|why| damaged.replace(Some(why))).ok()
    };
    let sources = content.release().sources.iter().filter(|source| source.kind == SourceKind::Tree);
    let sources = sources.map(|source| Source::new(&source.url, &source.revision, move || open(source)));
    let files = TreeFiles::new(tree, sources.collect());
    let namespace = spec.target_namespace.as_ref().map(ToString::to_string);
    let parts = build(&files, &spec.path, &Options { namespace, ..Options::default() });
    drop(files);
    match damaged.into_inner() {
        Some(why) => Err(why),
        None => parts,
    }
}

/// Builds a kustomization that has nothing but its own tree.
///
/// # Errors
/// When it cannot be built.
pub(super) fn alone(tree: &Tree, path: &str) -> Result<Parts, Why> {
    build(&TreeFiles::new(tree, Vec::new()), path, &Options::default())
}

fn build(files: &TreeFiles<'_>, path: &str, options: &Options) -> Result<Parts, Why> {
    let directory = format!("/{}", path.trim_matches('/'));
    let directory = if path == "." { "/" } else { directory.as_str() };
    let built = kustomize::values(files, directory, options)
        .map_err(|why| Why::Kustomize { path: path.to_owned(), why: Box::new(why) })?;
    let mut parts = Parts::default();
    for resource in built {
        let file = resource.file.trim_start_matches('/').to_owned();
        let place = Place { file, document: resource.document };
        let objects = list::expand([resource.value.into()], &place.to_string())?;
        parts.objects.extend(objects.into_iter().map(|object| (object, place.clone())));
    }
    Ok(parts)
}
