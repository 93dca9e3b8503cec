//! Documents to values: what the original decodes into a value of no particular type, and what is left of it in JSON.
//!
//! Both versions walk the tree once and expand aliases as they meet them. The budget for that is go-yaml's: of a
//! small document nearly everything may come from aliases, of a large one little.

mod key;
mod v2;
mod v3;

use std::collections::HashSet;

use self::key::Key;
use super::{
    Error, Version,
    node::{Document, Kind, NodeId, Style},
    resolve::{self, Scalar},
    scan::ScalarStyle,
    value::Value,
};
use crate::limits;

impl Document<'_> {
    /// The value of the document.
    ///
    /// With [`Version::V2`] it is what `sigs.k8s.io/yaml` makes of it on the way to JSON: keys that are numbers or
    /// truth values become text, a later key replaces an earlier one, and a merge counts where it stands.
    ///
    /// With [`Version::V3`] it is what kyaml's `RNode.MarshalJSON` makes of it: the keys of the outermost mapping are
    /// text as they are written, a key that stands twice is an error, and what is written beats what is merged.
    ///
    /// # Errors
    /// In the words of the original.
    pub fn to_value(&self, version: Version) -> Result<Value, Error> {
        match version {
            Version::V2 => v2::decode(self, false),
            Version::V3 => v3::decode(self),
        }
    }

    /// The value as `YAMLToJSONStrict` makes it: as v2, but a key that stands twice is an error, merged or not.
    ///
    /// # Errors
    /// In the words of the original.
    pub fn to_value_strict(&self) -> Result<Value, Error> {
        v2::decode(self, true)
    }
}

/// What both versions keep while they decode.
struct Decoder<'d, 'a> {
    document: &'d Document<'a>,
    version: Version,
    /// A key that stands twice is an error, and the first one counts.
    strict: bool,
    budget: Budget,
    depth: usize,
    /// The aliases that are being expanded.
    aliases: HashSet<NodeId>,
    /// What is reported together at the end.
    errors: Vec<String>,
    /// What the way to JSON will stumble over, once everything else was found good.
    json: Option<Error>,
}

/// Departs: a key that stands n times makes about n² messages in v3; nobody reads more than these.
const MESSAGES: usize = 1000;

impl<'d, 'a> Decoder<'d, 'a> {
    fn new(document: &'d Document<'a>, version: Version, strict: bool) -> Self {
        Self {
            document,
            version,
            strict,
            budget: Budget::default(),
            depth: 0,
            aliases: HashSet::new(),
            errors: Vec::new(),
            json: None,
        }
    }

    /// Wraps up: mistakes within the document come before those of the way to JSON.
    fn finish(self, value: Value) -> Result<Value, Error> {
        if !self.errors.is_empty() {
            return Err(Error::Values(self.errors));
        }
        self.json.map_or(Ok(value), Err)
    }

    fn report(&mut self, message: impl FnOnce() -> String) {
        if self.errors.len() < MESSAGES {
            self.errors.push(message());
        }
    }

    /// Goes into an alias: gives the node that it stands for.
    fn enter_alias(&mut self, id: NodeId) -> Result<NodeId, Error> {
        if !self.aliases.insert(id) {
            let name = &self.document.node(id).value;
            return Err(Error::Content(format!("anchor '{name}' value contains itself")));
        }
        self.budget.alias_depth += 1;
        Ok(self.document.resolve_alias(id))
    }

    fn leave_alias(&mut self, id: NodeId) {
        self.budget.alias_depth -= 1;
        self.aliases.remove(&id);
    }

    /// Goes into a collection.
    fn enter(&mut self) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > limits::YAML_VALUE_DEPTH {
            return Err(Error::Limit { limit: limits::YAML_VALUE_DEPTH, unit: "levels" });
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The meaning of a scalar.
    fn resolve(&self, id: NodeId) -> Result<Scalar<'d>, Error> {
        let node = self.document.node(id);
        let plain = node.style == Style::Scalar(ScalarStyle::Plain);
        let tag = match self.document.explicit_tag(id) {
            // `!` alone: to v2 a tag that it does not know, to v3 no tag.
            Some("!") if self.version == Version::V3 => None,
            tag => tag,
        };
        resolve::resolve(self.version, tag, plain, std::borrow::Cow::Borrowed(&node.value))
            .map_err(Error::Content)
    }

    fn scalar(&mut self, id: NodeId) -> Result<Value, Error> {
        Ok(match self.resolve(id)? {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Int(value) => Value::Int(value),
            Scalar::Uint(value) => Value::Uint(value),
            Scalar::Float(value) => Value::Float(value),
            Scalar::String(text) => Value::String(text.into_owned()),
            Scalar::Binary(bytes) => Value::String(key::text_of(bytes)),
            Scalar::Timestamp(instant) => {
                if let Err(error) = instant.to_json() {
                    self.json.get_or_insert_with(|| Error::Json(error.to_owned()));
                }
                Value::String(instant.to_string())
            }
            Scalar::Merge => Value::String("<<".to_owned()),
        })
    }

    fn kind(&self, id: NodeId) -> Kind {
        self.document.node(id).kind
    }

    /// The line of a node as messages count it.
    fn line(&self, id: NodeId) -> u32 {
        self.document.node(id).line
    }

    /// A mapping or a list where a key must be a scalar.
    fn complex_key(&self, id: NodeId) -> Error {
        Error::Content(format!("invalid map key: {}", key::go_syntax(self, id)))
    }
}

/// go-yaml's budget for aliases, and ours for all nodes.
#[derive(Debug, Default)]
struct Budget {
    decoded: usize,
    from_aliases: usize,
    alias_depth: usize,
}

impl Budget {
    /// Up to this many nodes of an expanded document 99 % may come from aliases.
    const LOW: usize = 400_000;
    /// From this many on 10 % may.
    const HIGH: usize = 4_000_000;

    /// Counts a node.
    #[inline]
    fn count(&mut self) -> Result<(), Error> {
        self.decoded += 1;
        if self.alias_depth > 0 {
            self.from_aliases += 1;
            if self.from_aliases > 100 && self.decoded > 1000 && self.share() > self.allowed_share() {
                return Err(Error::Content("document contains excessive aliasing".to_owned()));
            }
        }
        if self.decoded > limits::YAML_NODES {
            return Err(Error::Limit { limit: limits::YAML_NODES, unit: "nodes" });
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "both stay far below 2^53")]
    fn share(&self) -> f64 {
        self.from_aliases as f64 / self.decoded as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "both stay far below 2^53")]
    fn allowed_share(&self) -> f64 {
        match self.decoded {
            ..=Self::LOW => 0.99,
            Self::HIGH.. => 0.10,
            decoded => 0.99 - 0.89 * ((decoded - Self::LOW) as f64 / (Self::HIGH - Self::LOW) as f64),
        }
    }
}
