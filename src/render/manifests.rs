//! Files of objects, as they are: what `kubectl apply --recursive --filename` reads, and JSON.

use serde_json::Value;

use super::{Parts, Place, Why};
use crate::{
    archive::{self, Node, Tree, Unresolved},
    limits,
    object::list,
    yaml::{self, Version},
};

/// Reads one file, or all files with an extension of [`Form`] in a directory and those below it, in the order of
/// their paths. Other files are left alone. A link to a file counts as the file; a link to a directory is not entered.
///
/// # Errors
/// When the path leads nowhere, or a document is no object.
pub(super) fn read(tree: &Tree, path: &str) -> Result<Parts, Why> {
    let nowhere = |why: Unresolved| Why::Path { path: path.to_owned(), why };
    let mut parts = Parts::default();
    match tree.resolve(path).map_err(nowhere)? {
        archive::Place::File { path, bytes, .. } => {
            let form = Form::of(path.as_str()).ok_or_else(|| Why::Form(path.as_str().to_owned()))?;
            file(path.as_str(), bytes, form, &mut parts)?;
        }
        archive::Place::Directory { path: directory } => {
            for (path, node) in tree.below(directory) {
                let path = path.as_str();
                let Some(form) = Form::of(path) else { continue };
                let bytes = match node {
                    Node::File { bytes, .. } => bytes,
                    Node::Symlink { .. } => match follow(tree, path)? {
                        Some(bytes) => bytes,
                        None => continue,
                    },
                };
                file(path, bytes, form, &mut parts)?;
            }
        }
    }
    Ok(parts)
}

/// The file behind a link; none where it leads to a directory.
fn follow<'a>(tree: &'a Tree, path: &str) -> Result<Option<&'a [u8]>, Why> {
    match tree.resolve(path) {
        Ok(archive::Place::File { bytes, .. }) => Ok(Some(bytes)),
        Ok(archive::Place::Directory { .. }) => Ok(None),
        Err(why) => Err(Why::Path { path: path.to_owned(), why }),
    }
}

/// How a file is read.
#[derive(Clone, Copy)]
enum Form {
    Yaml,
    Json,
}

impl Form {
    /// By the extension, in lower case only, as kubectl and Flux have it.
    fn of(path: &str) -> Option<Self> {
        match path.rsplit('/').next()?.rsplit_once('.')?.1 {
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

fn file(path: &str, bytes: &[u8], form: Form, parts: &mut Parts) -> Result<(), Why> {
    let documents = match form {
        Form::Yaml => from_yaml(path, bytes)?,
        Form::Json => from_json(path, bytes)?,
    };
    for (at, document) in documents.into_iter().enumerate() {
        let place = Place { file: path.to_owned(), document: at + 1 };
        let objects = list::expand([document], &place.to_string())?;
        parts.objects.extend(objects.into_iter().map(|object| (object, place.clone())));
        if parts.objects.len() > limits::RENDERED_OBJECTS {
            let (what, limit) = ("it".to_owned(), limits::RENDERED_OBJECTS);
            return Err(Why::Limit { what, limit, unit: "objects" });
        }
    }
    Ok(())
}

/// All documents, by the rules of `sigs.k8s.io/yaml`, with which kubectl and Flux read manifests.
fn from_yaml(path: &str, bytes: &[u8]) -> Result<Vec<Value>, Why> {
    let wrong = |why: yaml::Error| Why::Yaml { file: path.to_owned(), why };
    let documents = yaml::parse(without_mark(bytes), Version::V2).map_err(wrong)?;
    documents.iter().map(|it| it.to_value(Version::V2).map(Value::from).map_err(wrong)).collect()
}

/// All values, one after the other, as kubectl's decoder takes them.
fn from_json(path: &str, bytes: &[u8]) -> Result<Vec<Value>, Why> {
    if bytes.len() > limits::YAML_BYTES {
        return Err(Why::Limit { what: path.to_owned(), limit: limits::YAML_BYTES, unit: "bytes" });
    }
    let values = serde_json::Deserializer::from_slice(without_mark(bytes)).into_iter();
    let wrong = |why: serde_json::Error| Why::Json { file: path.to_owned(), why };
    values.map(|value| value.map_err(wrong)).collect()
}

/// Editors of Windows put a mark before the first byte.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
