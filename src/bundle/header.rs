use serde::Deserialize;

use super::{Malformed, strict};
use crate::name::Need;

/// What every signed document says of itself first. Unknown names beside these are skipped, so that an agent can
/// read the header of a document that is newer than it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Header {
    /// `root`, `bundle`, `agent`, `card`, `release` or `inventory`.
    pub r#type: String,
    /// The version of the format; 1 today.
    pub format: u32,
    /// Abilities without which the document would be misread.
    #[serde(default)]
    pub needs: Vec<Need>,
}

/// The abilities that this agent has. Format 1 needs none.
pub const KNOWN_NEEDS: &[&str] = &[];

impl Header {
    /// Reads the header of a document. `what` names the document in errors.
    ///
    /// # Errors
    /// When it is not strict JSON or has no header.
    pub fn read(what: &str, bytes: &[u8]) -> Result<Self, Malformed> {
        strict::parse(what, bytes)
    }

    /// The first ability that this agent lacks.
    pub fn lacking(&self) -> Option<&Need> {
        self.needs.iter().find(|need| !KNOWN_NEEDS.contains(&need.as_str()))
    }

    /// Checks a header below a signature that was verified: of this type, of a format and with needs that we know.
    ///
    /// # Errors
    /// When the document would be misread.
    pub fn expect(&self, what: &str, r#type: &str) -> Result<(), Malformed> {
        if self.r#type != r#type {
            return Err(Malformed::new(
                what,
                format_args!("it is of type `{}`, not `{}`", self.r#type, r#type),
            ));
        }
        if self.format != 1 {
            let newer = format_args!("its format is {}, and this agent reads 1", self.format);
            return Err(Malformed::new(what, newer));
        }
        match self.lacking() {
            None => Ok(()),
            Some(need) => {
                Err(Malformed::new(what, format_args!("it needs `{need}`, which this agent lacks")))
            }
        }
    }
}
