//! What a document says of itself, as far as installing needs it.

use std::collections::BTreeMap;

use crate::{
    render::helm::chart::decode::{Decoder, Fields, Path, mapping},
    yaml,
};

/// The head of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`; empty where a document has none, such as one of comments alone.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Default)]
struct Metadata {
    name: String,
    annotations: Option<BTreeMap<String, String>>,
}

impl Fields for Metadata {
    /// The struct of the original has no name.
    const NAME: &'static str = "";

    fn field(&mut self, name: &str, value: &yaml::Value, path: &Path<'_>, decoder: &mut Decoder) -> bool {
        match name {
            "name" => decoder.text(&mut self.name, value, path),
            "annotations" => decoder.text_map(&mut self.annotations, value, path),
            _ => return false,
        }
        true
    }
}

impl Fields for Head {
    const NAME: &'static str = "SimpleHead";

    fn field(&mut self, name: &str, value: &yaml::Value, path: &Path<'_>, decoder: &mut Decoder) -> bool {
        match name {
            "apiVersion" | "apiversion" => decoder.text(&mut self.api_version, value, path),
            "kind" => decoder.text(&mut self.kind, value, path),
            "metadata" => {
                let wanted = "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \
                              \"json:\\\"annotations\\\"\" }";
                let mut metadata = Metadata::default();
                decoder.inner(&mut metadata, value, path, wanted);
                (self.name, self.annotations) = (metadata.name, metadata.annotations.unwrap_or_default());
            }
            _ => return false,
        }
        true
    }
}

impl Head {
    /// Reads the head of a document.
    ///
    /// # Errors
    /// In the original's words, when it is no YAML or no object.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let mut head = Self::default();
        let Some(map) = mapping(text, "util.SimpleHead")? else { return Ok(head) };
        let mut decoder = Decoder::default();
        decoder.structure(&mut head, &map, None);
        decoder.finish()?;
        Ok(head)
    }
}
