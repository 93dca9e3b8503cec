//! go-yaml v2 into `interface{}`, then `sigs.k8s.io/yaml` on the way to JSON.

use std::collections::HashSet;

use super::{Decoder, Key, key};
use crate::yaml::{
    Error, Version,
    node::{Document, Kind, NodeId, Style},
    resolve::Scalar,
    scan::ScalarStyle,
    value::{Map, Value},
};

pub(super) fn decode(document: &Document<'_>, strict: bool) -> Result<Value, Error> {
    let mut decoder = Decoder::new(document, Version::V2, strict);
    // The document itself is a node to the original.
    decoder.budget.count()?;
    let value = match document.root() {
        Some(root) => decoder.value(root)?,
        None => Value::Null,
    };
    decoder.finish(value)
}

/// A mapping in the making.
#[derive(Default)]
struct Mapping {
    map: Map,
    /// What keys there are, by Go's comparison. Only a strict decoder asks.
    keys: HashSet<Key>,
    /// What JSON will not take, with the key that it stands under: a later value for the key takes it away.
    refused: Vec<(Key, Error)>,
}

impl Mapping {
    /// How many mistakes are kept. One is reported; the others wait for the case that it is taken away.
    const REFUSED: usize = 16;

    /// Notes what is wrong with the value that `key` now has, if anything.
    fn refuse(&mut self, key: Key, error: Option<Error>) {
        self.refused.retain(|(known, _)| *known != key);
        if self.refused.len() < Self::REFUSED {
            self.refused.extend(error.map(|error| (key, error)));
        }
    }
}

impl<'d> Decoder<'d, '_> {
    fn value(&mut self, id: NodeId) -> Result<Value, Error> {
        self.budget.count()?;
        match self.kind(id) {
            Kind::Scalar => self.scalar(id),
            Kind::Alias => {
                let target = self.enter_alias(id)?;
                let value = self.value(target)?;
                self.leave_alias(id);
                Ok(value)
            }
            Kind::Sequence => {
                self.enter()?;
                let children = self.document.children(id);
                let mut items = Vec::with_capacity(children.len());
                for child in children {
                    items.push(self.value(*child)?);
                }
                self.leave();
                Ok(Value::Seq(items))
            }
            Kind::Mapping => {
                let size = self.document.children(id).len() / 2;
                let mut into = Mapping { map: Map::with_capacity(size), ..Mapping::default() };
                let outer = self.json.take();
                self.mapping(id, &mut into)?;
                self.json = outer.or_else(|| into.refused.into_iter().next().map(|(_, error)| error));
                Ok(Value::Map(into.map))
            }
        }
    }

    fn mapping(&mut self, id: NodeId, into: &mut Mapping) -> Result<(), Error> {
        self.enter()?;
        for pair in self.document.children(id).chunks_exact(2) {
            let &[key_id, value_id] = pair else { continue };
            if self.is_merge_v2(key_id) {
                self.merge(value_id, into)?;
                continue;
            }
            let key = self.key(key_id)?;
            let outer = self.json.take();
            let value = self.value(value_id)?;
            let refused = std::mem::replace(&mut self.json, outer);
            if self.strict {
                let key = Key::new(key.clone());
                if into.keys.contains(&key) {
                    let line = self.line(value_id);
                    self.report(|| format!("line {line}: key {} already set in map", key.go_syntax()));
                    continue;
                }
                into.keys.insert(key);
            }
            if refused.is_some() || !into.refused.is_empty() {
                into.refuse(Key::new(key.clone()), refused);
            }
            let text = match key {
                Scalar::String(text) => text.into_owned(),
                other => match Key::new(other).into_text() {
                    Ok(text) => text,
                    Err(key) => {
                        let error = self.unsupported_key(&key, value_id);
                        into.refuse(key, Some(error));
                        continue;
                    }
                },
            };
            into.map.insert(text, value);
        }
        self.leave();
        Ok(())
    }

    /// A key that has no text. It is an error only once the whole document is known to be good.
    fn unsupported_key(&self, key: &Key, value: NodeId) -> Error {
        Error::Json(format!(
            "unsupported map key of type: {}, key: {}, value: {}",
            key.go_type(),
            key.go_syntax(),
            key::go_syntax(self, value)
        ))
    }

    fn key(&mut self, id: NodeId) -> Result<Scalar<'d>, Error> {
        self.budget.count()?;
        match self.kind(id) {
            Kind::Scalar => self.resolve(id),
            Kind::Alias => {
                let target = self.enter_alias(id)?;
                let key = self.key(target)?;
                self.leave_alias(id);
                Ok(key)
            }
            Kind::Sequence | Kind::Mapping => {
                // What is wrong inside comes first.
                self.budget.decoded -= 1;
                self.value(id)?;
                Err(self.complex_key(id))
            }
        }
    }

    fn merge(&mut self, id: NodeId, into: &mut Mapping) -> Result<(), Error> {
        match self.kind(id) {
            Kind::Mapping | Kind::Alias => self.merge_one(id, into),
            Kind::Sequence => {
                // From the last to the first, since the first wins.
                for child in self.document.children(id).iter().rev() {
                    self.merge_one(*child, into)?;
                }
                Ok(())
            }
            Kind::Scalar => Err(want_map()),
        }
    }

    fn merge_one(&mut self, id: NodeId, into: &mut Mapping) -> Result<(), Error> {
        if self.kind(self.document.resolve_alias(id)) != Kind::Mapping {
            return Err(want_map());
        }
        self.budget.count()?;
        if self.kind(id) == Kind::Mapping {
            return self.mapping(id, into);
        }
        let target = self.enter_alias(id)?;
        self.budget.count()?;
        self.mapping(target, into)?;
        self.leave_alias(id);
        Ok(())
    }

    pub(super) fn is_merge_v2(&self, id: NodeId) -> bool {
        let node = self.document.node(id);
        if node.value != "<<" || node.kind != Kind::Scalar {
            return false;
        }
        match self.document.explicit_tag(id) {
            None => node.style == Style::Scalar(ScalarStyle::Plain),
            Some(tag) => matches!(tag, "!" | "tag:yaml.org,2002:merge"),
        }
    }
}

pub(super) fn want_map() -> Error {
    Error::Content("map merge requires map or sequence of maps as the value".to_owned())
}
