//! From verified content to objects.
//!
//! ```text
//! Content + Spec + Inputs ─▶ engine ─▶ objects ─▶ namespaces ─▶ reach ─▶ labels ─▶ normal form ─▶ Rendered
//!                            by kind
//! ```
//!
//! There is one door, [`render`], whatever the engine. What differs between engines ends where objects begin: from
//! there on every object is held against the reach of its channel, gets the labels of its [`Owner`], and is put into
//! the form in which Flux applies it. Rendering never waits: where it must know something of the cluster it returns
//! [`Outcome::Needs`], and is called again with the answers.

pub mod gotemplate;
pub mod helm;

mod charts;
mod error;
mod inputs;
mod kustomizations;
pub mod kustomize;
mod manifests;
mod namespaces;
mod owner;
mod reach;
mod rendered;
mod spec;

use std::collections::BTreeMap;

use crate::{
    archive,
    bundle::{EntryKind, Kubernetes, Source},
    content::Content,
    limits,
    object::{Object, ObjectId, normalize::normalize},
};

pub(crate) use owner::shortened;

pub use error::{Error, OutOfReach, Why};
pub use inputs::{Answers, Inputs, Lookup, Needs};
pub use owner::{CHANNEL_LABEL, ENTRY_LABEL, Owner};
pub use reach::AGENT_NAMESPACE;
pub use rendered::{Hook, HookDeletion, HookEvent, Origin, Place, ReleaseRecord, Rendered};
pub use spec::{ServiceAccount, Spec};

use rendered::Parts;

/// What a render comes to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Everything is there.
    Rendered(Box<Rendered>),
    /// The cluster must be asked first; then again, with the answers among the inputs.
    Needs(Needs),
}

/// Renders one spec from the content of one bundle.
///
/// # Errors
/// When the content is damaged or not part of the bundle, when the engine refuses it, when an object is out of the
/// channel's reach, and when nothing comes out where something should.
pub fn render(content: &Content, spec: &Spec, inputs: &Inputs) -> Result<Outcome, Error> {
    outcome(content, spec, inputs).map_err(|why| Error { entry: spec.name.clone(), why })
}

fn outcome(content: &Content, spec: &Spec, inputs: &Inputs) -> Result<Outcome, Why> {
    let release = content.release();
    let mut signed =
        release.entries.iter().map(|it| it.content).chain(release.sources.iter().map(|it| it.content));
    if !signed.any(|it| it == spec.content) {
        return Err(Why::NotSigned(spec.content.digest));
    }
    let mut parts = match spec.engine {
        EntryKind::Manifests => {
            let wanted = &spec.content;
            // The whole blob is hashed before a decoder sees its first byte.
            let blob = content.read(&wanted.digest, wanted.size)?;
            let tree = archive::read_tree(blob.as_slice(), wanted.size, wanted.unpacked)?;
            manifests::read(&tree, &spec.path)?
        }
        EntryKind::Kustomization => {
            let wanted = &spec.content;
            let blob = content.read(&wanted.digest, wanted.size)?;
            let tree = archive::read_tree(blob.as_slice(), wanted.size, wanted.unpacked)?;
            kustomizations::read(&tree, spec, content, inputs)?
        }
        EntryKind::Chart => match charts::read(content, spec, inputs)? {
            Ok(parts) => parts,
            Err(needs) => return Ok(Outcome::Needs(needs)),
        },
    };
    if parts.objects.is_empty() && parts.definitions.is_empty() && parts.hooks.is_empty() && !spec.allow_empty
    {
        return Err(Why::Empty);
    }
    if parts.objects.len() > limits::RENDERED_OBJECTS {
        return Err(Why::Limit { what: "it".into(), limit: limits::RENDERED_OBJECTS, unit: "objects" });
    }
    let mut all = parts.take();
    let scopes = match namespaces::settle(&mut all, spec.target_namespace.as_ref(), &inputs.answers)? {
        Ok(scopes) => scopes,
        Err(needs) => return Ok(Outcome::Needs(needs)),
    };
    let statement = &content.root().statement;
    let reach = &content.root().scope;
    for (object, place) in &all {
        reach::check(object, place, &scopes, reach)?;
    }
    parts.put_back(all);
    check_duplicates(&parts.objects)?;
    let owner = Owner { channel: statement.channel.clone(), entry: spec.name.clone() };
    for (object, _) in &mut parts.objects {
        for (key, value) in owner.labels() {
            object.set_label(key, &value);
        }
    }
    parts.objects = parts.objects.into_iter().map(|(object, place)| (normalize(object), place)).collect();
    parts.asked = !inputs.answers.lookups.is_empty();
    let origin = Origin {
        owner,
        bundle: content.root().digest(),
        position: statement.position(),
        generation: spec.generation,
    };
    Ok(Outcome::Rendered(Box::new(Rendered::seal(spec, origin, parts))))
}

/// What a builder knows, and holds against an entry before anybody signed it.
#[derive(Clone, Copy)]
pub struct Draft<'a> {
    /// The answers that the bundle has where a site gives none.
    pub site: &'a serde_json::Map<String, serde_json::Value>,
    /// The versions of Kubernetes that the bundle is made for.
    pub kubernetes: Option<&'a Kubernetes>,
    /// What a kustomization may name elsewhere.
    pub sources: &'a [Source],
    /// Gives the files of one of them.
    pub open: &'a dyn Fn(&Source) -> Option<archive::Tree>,
}

/// The content of an entry that is looked at.
#[derive(Clone, Copy, Debug)]
pub enum Files<'a> {
    /// A tree.
    Tree(&'a archive::Tree),
    /// The blob of a chart, packed by Helm or as a tree.
    Chart(&'a [u8]),
}

/// What a builder sees.
#[derive(Debug)]
pub enum Preview {
    /// Loose objects, hooks among them. Nothing can apply them.
    Objects(Vec<(Object, Place)>),
    /// Nothing yet: the entry takes what only the site or its cluster has. This is what it says without.
    Waits(Why),
}

/// What an engine makes of an entry before anybody signed it, for the builder, who looks for images and tells signers what
/// changes.
///
/// # Errors
/// When the engine refuses it, whatever the site will say.
pub fn preview(files: Files<'_>, spec: &Spec, draft: &Draft<'_>) -> Result<Preview, Why> {
    let path = &spec.path;
    let parts = match (spec.engine, files) {
        (EntryKind::Manifests, Files::Tree(tree)) => manifests::read(tree, path)?,
        (EntryKind::Kustomization, Files::Tree(tree)) => {
            kustomizations::preview(tree, path, draft.sources, draft.open)?
        }
        (EntryKind::Manifests | EntryKind::Kustomization, Files::Chart(_)) => {
            return Err(Why::Form("chart".into()));
        }
        (EntryKind::Chart, files) => {
            let chart = match files {
                Files::Tree(tree) => charts::from_tree(tree, path)?,
                Files::Chart(blob) => charts::from_blob(blob, &spec.content, path)?,
            };
            match charts::preview(&chart, spec, draft)? {
                Ok(parts) => parts,
                Err(why) => return Ok(Preview::Waits(why)),
            }
        }
    };
    check_duplicates(&parts.objects)?;
    Ok(Preview::Objects(with_hooks(parts)))
}

/// Hooks name images too.
fn with_hooks(parts: Parts) -> Vec<(Object, Place)> {
    let mut objects = parts.objects;
    objects.extend(parts.hooks.into_iter().map(|it| (it.object, it.place)));
    objects
}

/// One object, one file: which of two would win depends on their order, so neither does.
fn check_duplicates(objects: &[(Object, Place)]) -> Result<(), Why> {
    let mut known: BTreeMap<ObjectId, &Place> = BTreeMap::new();
    for (object, place) in objects {
        if let Some(first) = known.insert(object.id(), place) {
            let (first, second) = (first.clone(), place.clone());
            return Err(Why::Duplicate { id: object.id().into(), first, second });
        }
    }
    Ok(())
}
