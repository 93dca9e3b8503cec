//! Regular expressions, which the original hands to Go's `regexp`.

use super::Error;
use crate::render::gotemplate::sprig::regexp::Regexp;

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// Exactly this text: most selectors have nothing special in them.
    Text(String),
    Expression(Regexp),
}

impl Pattern {
    /// An expression that must match from the beginning to the end.
    pub(super) fn whole(pattern: &str) -> Result<Self, Error> {
        if pattern.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | ':' | ' ')) {
            return Ok(Self::Text(pattern.to_owned()));
        }
        Self::new(&format!("^(?:{pattern})$"))
    }

    /// An expression that may match anywhere.
    pub(super) fn new(pattern: &str) -> Result<Self, Error> {
        let expression = Regexp::compile(pattern.as_bytes());
        expression.map(Self::Expression).map_err(|error| Error::new(error.to_string()))
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Text(wanted) => wanted == text,
            Self::Expression(expression) => expression.is_match(text.as_bytes()),
        }
    }
}
