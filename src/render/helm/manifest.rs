//! What templates wrote, as documents: split, told apart from hooks, and in the order in which they are installed.

mod head;
mod hook;
mod order;
mod split;

use std::collections::BTreeMap;

use crate::render::gotemplate::Str;

pub use head::Head;
pub use hook::{Event, Hook};
pub use order::INSTALL_ORDER;
pub use split::split;
pub(super) use split::trim_start;

use super::Error;

/// One document that is no hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The template that wrote it: `chart/templates/x.yaml`.
    pub path: String,
    /// Its text.
    pub content: String,
    /// What it says of itself.
    pub head: Head,
}

/// Splits what templates wrote into documents, and these into manifests and hooks, each in the order of installing.
///
/// # Errors
/// When a document is no YAML, or its head is none of an object.
pub fn sort(files: &BTreeMap<String, Str>) -> Result<(Vec<Hook>, Vec<Manifest>), Error> {
    let (mut hooks, mut manifests) = (Vec::new(), Vec::new());
    for (path, text) in files {
        if path.rsplit('/').next().is_some_and(|it| it.starts_with('_')) {
            continue;
        }
        for content in split(text) {
            let wrong = |error| Error::Manifest(format!("YAML parse error on {path}: {error}"));
            let head = Head::read(content).map_err(wrong)?;
            let content = String::from_utf8_lossy(content).into_owned();
            match head.annotations.get(hook::HOOK) {
                None => manifests.push(Manifest { path: path.clone(), content, head }),
                // Of a hook that nobody knows nothing is left.
                Some(events) => hooks.extend(Hook::read(path, content, &head, events)),
            }
        }
    }
    order::sort_by_kind(&mut hooks, |it| &it.kind);
    order::sort_by_kind(&mut manifests, |it| &it.head.kind);
    Ok((hooks, manifests))
}
