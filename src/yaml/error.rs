//! What is wrong with a document, in the words of go-yaml and `sigs.k8s.io/yaml`.

use std::fmt;

use super::Version;

/// Why a document cannot be read. `Display` gives the text that the original gives, byte for byte; where a document
/// breaks a limit that the original does not have, the text is ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not YAML. The original names a line only where it knows one beyond the first.
    #[error("yaml: {}{problem}", Line(*line))]
    Syntax {
        /// The line as the original counts it; 0 where it names none.
        line: u32,
        /// What was found or missed.
        problem: String,
    },
    /// The text is YAML, but a value, an anchor or a tag is wrong.
    #[error("yaml: {0}")]
    Content(String),
    /// Keys that stand twice, or values that do not fit where they stand: the original goes on and reports them all.
    #[error("yaml: unmarshal errors:\n  {}", .0.join("\n  "))]
    Values(Vec<String>),
    /// The value has no form in JSON: a key that is null, a list or a mapping.
    #[error("{0}")]
    Json(String),
    /// A budget of ours, where the original would go on until the memory ends.
    #[error("yaml: the input exceeds the limit of {limit} {unit}")]
    Limit {
        /// The number from [`crate::limits`].
        limit: usize,
        /// What was counted.
        unit: &'static str,
    },
}

struct Line(u32);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            line => write!(f, "line {line}: "),
        }
    }
}

/// A problem where it was found, before a version words it. It is boxed, since nearly every step of the scanner and
/// the parser returns one or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem(Box<Found>);

/// Lines count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    stage: Stage,
    context: u32,
    line: u32,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Reader,
    Scanner,
    Parser,
}

impl Problem {
    /// Bytes that are no text. The original does not say where.
    pub(super) fn reader(text: &str) -> Self {
        Self::new(Stage::Reader, 0, 0, text)
    }

    /// Characters that form no token: `context` is the line where the token began, `line` where the scanner stands.
    pub(super) fn scanner(context: u32, line: u32, text: impl Into<String>) -> Self {
        Self::new(Stage::Scanner, context, line, text)
    }

    /// Tokens that form no document: `context` is the line where the collection began, 0 where there is none.
    pub(super) fn parser(context: u32, line: u32, text: &str) -> Self {
        Self::new(Stage::Parser, context, line, text)
    }

    fn new(stage: Stage, context: u32, line: u32, text: impl Into<String>) -> Self {
        Self(Box::new(Found { stage, context, line, text: text.into() }))
    }

    /// The original's sentence. v2 names the line of the problem and adds one for the scanner's; v3 prefers the line
    /// where the broken thing began. Neither names line 0, and the parser's lines are one too low in both.
    pub(super) fn into_error(self, version: Version) -> Error {
        let Found { stage, context, line, text } = *self.0;
        let scanner = u32::from(stage == Stage::Scanner);
        let line = match version {
            Version::V2 if line != 0 => line + scanner,
            Version::V2 => context,
            Version::V3 if context != 0 => context + scanner,
            Version::V3 if line != 0 => line + scanner,
            Version::V3 => 0,
        };
        Error::Syntax { line, problem: text }
    }
}
