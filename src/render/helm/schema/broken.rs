//! Schemas that are none, in the words of the original.

use boon::{CompileError, ErrorKind};
use serde_json::Value as Json;

use super::{
    message::{self, quoted},
    settled::settled,
};
use crate::render::gotemplate::{sprig::json, strconv::quote};

/// Reads a schema as Go's decoder reads a stream of one document.
///
/// # Errors
/// In Go's words.
pub(super) fn read(text: &[u8]) -> Result<Json, String> {
    let mut stream = serde_json::Deserializer::from_slice(text).into_iter::<Json>();
    match stream.next() {
        None => Err("EOF".into()),
        Some(Ok(schema)) => {
            match text.get(stream.byte_offset()..).is_some_and(|it| !it.trim_ascii().is_empty()) {
                true => Err("invalid character after top-level value".into()),
                false => Ok(schema),
            }
        }
        Some(Err(error)) => Err(match json::decode(text) {
            Err((words, _)) => match words.to_string() {
                // A stream may go on.
                words if words == "unexpected end of JSON input" => "unexpected EOF".into(),
                words => words,
            },
            Ok(_) => error.to_string(),
        }),
    }
}

/// Why a schema cannot be used.
pub(super) fn told(error: &CompileError) -> String {
    let q = |text: &str| quote(text.as_bytes());
    match error {
        CompileError::ValidationError { url, src } => {
            let metaschema = match &src.kind {
                ErrorKind::Schema { url } => format!("jsonschema validation failed with {}\n", quoted(url)),
                _ => String::new(),
            };
            let faults = settled(src, &Json::Null).map(|it| it.causes).unwrap_or_default();
            let says = message::tree(&faults, &Json::Null);
            format!("{} is not valid against metaschema: {metaschema}{says}", q(&with_fragment(url)))
        }
        CompileError::ParseUrlError { url, src } => format!("error in parsing {}: {src}", q(url)),
        CompileError::LoadUrlError { url, src } => format!("failing loading {}: {src}", q(url)),
        CompileError::UnsupportedUrlScheme { url } => format!("no URLLoader registered for {}", q(url)),
        CompileError::InvalidMetaSchemaUrl { url, src } => format!("invalid $schema in {}: {src}", q(url)),
        CompileError::UnsupportedDraft { url } => format!("draft {} is not supported", q(url)),
        CompileError::MetaSchemaCycle { url } => format!("cycle in resolving $schema in {}", q(url)),
        CompileError::ParseIdError { loc } => format!("error in parsing id at {}", q(&with_fragment(loc))),
        CompileError::ParseAnchorError { loc } => format!("error in parsing anchor at {}", q(loc)),
        CompileError::DuplicateId { url, id, ptr1, ptr2 } => {
            format!("duplicate id {} in {} at {} and {}", q(id), q(url), q(ptr1), q(ptr2))
        }
        CompileError::DuplicateAnchor { anchor, url, ptr1, ptr2 } => {
            format!("duplicate anchor {} in {} at {} and {}", q(anchor), q(url), q(ptr1), q(ptr2))
        }
        CompileError::InvalidJsonPointer(place) => format!("invalid json-pointer {}", q(place)),
        CompileError::JsonPointerNotFound(place) => format!("json-pointer in {} not found", q(place)),
        CompileError::AnchorNotFound { url, reference } => {
            format!("anchor in {} not found in schema {}", q(reference), q(url))
        }
        CompileError::UnsupportedVocabulary { url, vocabulary } => {
            format!("unsupported vocabulary {} in {}", q(vocabulary), q(url))
        }
        CompileError::InvalidRegex { url, regex, src } => {
            format!("invalid regex {} at {}: {src}", q(regex), q(url))
        }
        CompileError::Bug(error) => error.to_string(),
    }
}

/// The original writes every address with its fragment, an empty one included.
fn with_fragment(url: &str) -> String {
    if url.contains('#') { url.to_owned() } else { format!("{url}#") }
}
