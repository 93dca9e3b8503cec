//! YAML as Go reads and writes it.
//!
//! Helm and Flux read with the rules of go-yaml v2 behind `sigs.k8s.io/yaml`, Kustomize with those of go-yaml v3, and
//! both print with the emitter of v2. No other library agrees with them byte for byte, so this module is our own.
//!
//! ```text
//! bytes ─▶ input ─▶ scan ─▶ parse ─▶ compose ─▶ Document ─▶ decode ─▶ Value
//!          checks   tokens  events   nodes                  meaning
//!
//! Value ─▶ json::through_json ─▶ natural ─▶ emit ─▶ text
//!          what sigs does        keys       styles
//! ```
//!
//! Nothing here trusts its input: every stage is linear in it, and what the originals leave open (depth, aliases,
//! nodes) has a number in [`crate::limits`].

mod compose;
mod decode;
pub mod emit;
mod error;
pub mod float;
mod input;
pub mod json;
pub mod natural;
mod node;
mod parse;
pub mod resolve;
pub mod rewrite;
mod scan;
pub mod value;
mod walk;

use std::{borrow::Cow, ops::ControlFlow};

use self::{compose::Composer, input::Input, parse::Parser, scan::Scanner};
use crate::limits;

pub use self::{
    error::Error,
    node::{Document, Kind, Node, NodeId, Style},
    parse::Comments,
    scan::ScalarStyle,
    value::{Map, Value},
};

/// Which of the two resolvers reads: go-yaml v2 (Helm, values, `sigs.k8s.io/yaml`) or v3 (Kustomize).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// go-yaml v2: YAML 1.1 booleans, timestamps stay text.
    V2,
    /// go-yaml v3: `yes` and `on` are text, `0o17` is a number, timestamps are instants.
    V3,
}

/// Reads all documents of `input`.
///
/// # Errors
/// In the words of go-yaml, for the first thing that is wrong.
pub fn parse(input: &[u8], version: Version) -> Result<Vec<Document<'_>>, Error> {
    let mut documents = Vec::new();
    each(input, version, |document| {
        documents.push(document);
        ControlFlow::Continue(())
    })?;
    Ok(documents)
}

/// Reads the first document of `input` and looks at the rest only as far as the original does, which reads what
/// follows a document up to the next token. An input without any document gives one without nodes.
///
/// # Errors
/// In the words of go-yaml, for the first thing that is wrong.
pub fn parse_first(input: &[u8], version: Version) -> Result<Document<'_>, Error> {
    let mut first = None;
    each(input, version, |document| {
        first = Some(document);
        ControlFlow::Break(())
    })?;
    Ok(first.unwrap_or_else(|| Document::empty(version)))
}

/// Hands each document of `input` to `take` as soon as it is read, until `take` has enough.
///
/// # Errors
/// In the words of go-yaml, for the first thing that is wrong; the documents before it were handed over.
pub fn each<'a>(
    input: &'a [u8],
    version: Version,
    mut take: impl FnMut(Document<'a>) -> ControlFlow<()>,
) -> Result<(), Error> {
    if input.len() > limits::YAML_BYTES {
        return Err(Error::Limit { limit: limits::YAML_BYTES, unit: "bytes" });
    }
    let input = Input::new(input);
    match &input.text {
        Cow::Borrowed(text) => each_of(text, &input, version, &mut take),
        // Text that was UTF-16 lives only here.
        Cow::Owned(text) => each_of(text, &input, version, &mut |document| take(document.into_owned())),
    }
}

fn each_of<'t>(
    text: &'t str,
    input: &Input<'_>,
    version: Version,
    take: &mut dyn FnMut(Document<'t>) -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut composer = Composer::new(Parser::new(Scanner::new(text, input, version)), version);
    let mut count = 0;
    while let Some(document) = composer.next()? {
        count += 1;
        if count > limits::YAML_DOCUMENTS {
            return Err(Error::Limit { limit: limits::YAML_DOCUMENTS, unit: "documents" });
        }
        if take(document).is_break() {
            break;
        }
    }
    Ok(())
}
