//! `Chart.lock`: which versions the dependencies were when somebody fetched them.

use super::{
    Dependency,
    decode::{Decoder, Fields, Path, mapping},
};
use crate::yaml;

/// What the lock says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// When it was written, as RFC 3339 has it.
    pub generated: Option<String>,
    /// The digest of the dependencies that it locks.
    pub digest: String,
    /// The dependencies, each of one version.
    pub dependencies: Vec<Option<Dependency>>,
}

impl Fields for Lock {
    const NAME: &'static str = "Lock";

    fn field(&mut self, name: &str, value: &yaml::Value, path: &Path<'_>, decoder: &mut Decoder) -> bool {
        match name {
            "generated" => {
                let mut text = String::new();
                decoder.text(&mut text, value, path);
                self.generated = (!text.is_empty()).then_some(text);
            }
            "digest" => decoder.text(&mut self.digest, value, path),
            "dependencies" => decoder.structures(&mut self.dependencies, value, path, "[]*v2.Dependency"),
            _ => return false,
        }
        true
    }
}

impl Lock {
    /// Reads a lock.
    ///
    /// # Errors
    /// In the original's words.
    pub(super) fn read(text: &[u8]) -> Result<Option<Self>, String> {
        let Some(map) = mapping(text, "v2.Lock")? else { return Ok(None) };
        let mut lock = Self::default();
        let mut decoder = Decoder::default();
        decoder.structure(&mut lock, &map, None);
        decoder.finish()?;
        if let Some(text) = &lock.generated
            && text.parse::<jiff::Timestamp>().is_err()
        {
            let text = crate::render::gotemplate::strconv::quote(text.as_bytes());
            return Err(format!("error unmarshaling JSON: while decoding JSON: parsing time {text}"));
        }
        Ok(Some(lock))
    }
}
