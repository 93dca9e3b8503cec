//! TOML 1.1 as BurntSushi/toml 1.6.0 writes and reads it, for Helm's functions.

mod encode;
mod key;
mod read;
mod scan;
mod tree;

use super::super::value::{Map, Value};

pub use encode::{Unwritten, encode};
pub use scan::Error;

/// Reads a document.
///
/// # Errors
/// In the original's words.
pub fn decode(text: &[u8]) -> Result<Map, Error> {
    read::document(text)
}

/// A date or time of day without a zone: the names that the original gives to zones that are none.
const LOCAL: [&str; 3] = ["datetime-local", "date-local", "time-local"];

/// What is read of one key: the value, and whether an array was written.
type Read = (Value, bool);
