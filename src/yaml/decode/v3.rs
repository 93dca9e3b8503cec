//! go-yaml v3 into `map[string]interface{}`, then to JSON, as kyaml does it.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::{Decoder, Key, MESSAGES, key, v2::want_map};
use crate::yaml::{
    Error, Version,
    node::{Document, Kind, NodeId, Style, short_tag},
    resolve::{Scalar, may_be_special},
    scan::ScalarStyle,
    value::{Map, Value},
};

pub(super) fn decode(document: &Document<'_>) -> Result<Value, Error> {
    let mut decoder = Decoder::new(document, Version::V3, false);
    decoder.budget.count()?;
    let value = match document.root() {
        Some(root) if decoder.kind(root) == Kind::Mapping => {
            decoder.budget.count()?;
            let mut into = Mapping::new(true, decoder.document.children(root).len() / 2);
            decoder.fill(root, &mut into, None)?;
            Value::Map(into.map)
        }
        Some(root) => decoder.any(root)?.unwrap_or_default(),
        None => Value::Null,
    };
    decoder.finish(value)
}

/// A mapping in the making: to Go a map from text, or one from keys of no particular type, which JSON refuses.
struct Mapping {
    map: Map,
    text_keys: bool,
}

impl Mapping {
    /// A mapping with room for `size` entries.
    fn new(text_keys: bool, size: usize) -> Self {
        Self { map: Map::with_capacity(size), text_keys }
    }
}

/// Up to this many keys each is compared with each.
const SMALL: usize = 16;

impl<'d> Decoder<'d, '_> {
    /// A value of no particular type; none where a mistake was reported and the original drops it.
    fn any(&mut self, id: NodeId) -> Result<Option<Value>, Error> {
        self.budget.count()?;
        match self.kind(id) {
            Kind::Scalar => self.scalar(id).map(Some),
            Kind::Alias => {
                let target = self.enter_alias(id)?;
                let value = self.any(target)?;
                self.leave_alias(id);
                Ok(value)
            }
            Kind::Sequence => {
                self.enter()?;
                let children = self.document.children(id);
                let mut items = Vec::with_capacity(children.len());
                for child in children {
                    items.extend(self.any(*child)?);
                }
                self.leave();
                Ok(Some(Value::Seq(items)))
            }
            Kind::Mapping => {
                let size = self.document.children(id).len() / 2;
                let mut into = Mapping::new(self.is_string_map(id), size);
                if !self.fill(id, &mut into, None)? {
                    return Ok(None);
                }
                if !into.text_keys && self.json.is_none() {
                    let text = "json: unsupported type: map[interface {}]interface {}";
                    self.json = Some(Error::Json(text.to_owned()));
                }
                Ok(Some(Value::Map(into.map)))
            }
        }
    }

    /// Decodes the entries of a mapping into `into`. `merged` are the keys that must not be set again, when this
    /// mapping is being merged into another. Gives whether the keys were unique.
    fn fill(
        &mut self,
        id: NodeId,
        into: &mut Mapping,
        mut merged: Option<&mut HashSet<Key>>,
    ) -> Result<bool, Error> {
        if !self.keys_are_unique(id) {
            return Ok(false);
        }
        self.enter()?;
        let children = self.document.children(id);
        // What is written is unique, and so are the texts of keys that are decoded as they are written.
        let unique = into.map.is_empty() && self.are_plain_texts(id);
        let mut merge = None;
        for pair in children.chunks_exact(2) {
            let &[key_id, value_id] = pair else { continue };
            if self.is_merge_v3(key_id) {
                merge = Some(value_id);
                continue;
            }
            let key =
                if into.text_keys { self.text_key(key_id)?.map(Key::String) } else { self.any_key(key_id)? };
            let Some(key) = key else { continue };
            if let Some(merged) = merged.as_deref_mut()
                && !merged.insert(key.clone())
            {
                continue;
            }
            if let Some(value) = self.any(value_id)?
                && let Key::String(text) = key
            {
                if unique {
                    into.map.append(text, value);
                } else {
                    into.map.insert(text, value);
                }
            }
        }
        if let Some(merge) = merge {
            self.merge_v3(id, merge, into, merged)?;
        }
        self.leave();
        Ok(true)
    }

    /// Reports each pair of equal keys. Keys are equal to the original when kind and text are, so that any two lists
    /// are; tags and quotes do not count.
    fn keys_are_unique(&mut self, id: NodeId) -> bool {
        let document = self.document;
        let keys = || document.children(id).iter().step_by(2).map(|key| (*key, document.node(*key)));
        let count = document.children(id).len() / 2;
        let unique = if count <= SMALL {
            keys().enumerate().all(|(at, (_, key))| {
                keys().skip(at + 1).all(|(_, other)| key.value != other.value || key.kind != other.kind)
            })
        } else {
            let mut seen = HashSet::with_capacity(count);
            keys().all(|(_, key)| seen.insert((key.kind, &*key.value)))
        };
        if unique {
            return true;
        }
        // The original's order is by the first of a pair, then by the second.
        let mut groups: HashMap<_, Vec<NodeId>> = HashMap::new();
        for (id, key) in keys() {
            groups.entry((key.kind, &*key.value)).or_default().push(id);
        }
        let mut positions: HashMap<_, usize> = HashMap::new();
        for (id, key) in keys() {
            let group = groups.get(&(key.kind, &*key.value)).map_or(&[][..], Vec::as_slice);
            let position = positions.entry((key.kind, &*key.value)).or_default();
            *position += 1;
            for other in group.get(*position..).unwrap_or_default() {
                if self.errors.len() >= MESSAGES {
                    return false;
                }
                let (line, first) = (self.line(*other), self.line(id));
                self.report(|| {
                    let key = key::quote(&key.value);
                    format!("line {line}: mapping key {key} already defined at line {first}")
                });
            }
        }
        false
    }

    /// A key that is decoded into text: as it is written, whatever it means. A key that is null is dropped.
    fn text_key(&mut self, id: NodeId) -> Result<Option<String>, Error> {
        self.budget.count()?;
        let node = self.document.node(id);
        match node.kind {
            Kind::Scalar => Ok(match self.resolve(id)? {
                Scalar::Null => None,
                Scalar::String(text) => Some(text.into_owned()),
                Scalar::Binary(bytes) => Some(key::text_of(bytes)),
                _ => Some(node.value.clone().into_owned()),
            }),
            Kind::Alias => {
                let target = self.enter_alias(id)?;
                let key = self.text_key(target)?;
                self.leave_alias(id);
                Ok(key)
            }
            Kind::Sequence | Kind::Mapping => {
                if node.kind == Kind::Sequence || self.keys_are_unique(id) {
                    let message = self.mismatch(id, "string");
                    self.report(|| message);
                }
                Ok(None)
            }
        }
    }

    fn mismatch(&self, id: NodeId, go_type: &str) -> String {
        let tag = self.document.tag(id);
        let value = if matches!(&*tag, "!!seq" | "!!map") { "" } else { " ``" };
        format!("line {}: cannot unmarshal {tag}{value} into {go_type}", self.line(id))
    }

    /// A key of no particular type; none where a mistake was reported and the original drops it.
    fn any_key(&mut self, id: NodeId) -> Result<Option<Key>, Error> {
        self.budget.count()?;
        match self.kind(id) {
            Kind::Scalar => self.resolve(id).map(Key::new).map(Some),
            Kind::Alias => {
                let target = self.enter_alias(id)?;
                let key = self.any_key(target)?;
                self.leave_alias(id);
                Ok(key)
            }
            Kind::Sequence | Kind::Mapping => {
                self.budget.decoded -= 1;
                match self.any(id)? {
                    Some(_) => Err(self.complex_key(id)),
                    None => Ok(None),
                }
            }
        }
    }

    /// What is written in `parent` and what was merged before is not set again.
    fn merge_v3(
        &mut self,
        parent: NodeId,
        id: NodeId,
        into: &mut Mapping,
        merged: Option<&mut HashSet<Key>>,
    ) -> Result<(), Error> {
        let mut own = HashSet::new();
        let merged = match merged {
            Some(merged) => merged,
            None => {
                for key in self.document.children(parent).iter().step_by(2) {
                    own.extend(self.merge_key(*key)?);
                }
                &mut own
            }
        };
        match self.kind(id) {
            Kind::Mapping | Kind::Alias => self.merge_one_v3(id, into, merged),
            Kind::Sequence => {
                for child in self.document.children(id) {
                    self.merge_one_v3(*child, into, merged)?;
                }
                Ok(())
            }
            Kind::Scalar => Err(want_map()),
        }
    }

    /// A key of a mapping into which another is merged. Where the original decoded it into text before, it now finds
    /// that a list or a mapping cannot be looked up.
    fn merge_key(&mut self, id: NodeId) -> Result<Option<Key>, Error> {
        let target = self.document.resolve_alias(id);
        let go_type = match self.kind(target) {
            Kind::Scalar | Kind::Alias => return self.any_key(id),
            Kind::Sequence => "[]interface {}",
            Kind::Mapping if self.is_string_map(target) => "map[string]interface {}",
            Kind::Mapping => "map[interface {}]interface {}",
        };
        match self.any(id)? {
            Some(_) => Err(Error::Content(format!("runtime error: hash of unhashable type {go_type}"))),
            None => Ok(None),
        }
    }

    fn merge_one_v3(
        &mut self,
        id: NodeId,
        into: &mut Mapping,
        merged: &mut HashSet<Key>,
    ) -> Result<(), Error> {
        if self.kind(self.document.resolve_alias(id)) != Kind::Mapping {
            return Err(want_map());
        }
        self.budget.count()?;
        if self.kind(id) == Kind::Mapping {
            return self.fill(id, into, Some(merged)).map(drop);
        }
        let target = self.enter_alias(id)?;
        self.budget.count()?;
        self.fill(target, into, Some(merged))?;
        self.leave_alias(id);
        Ok(())
    }

    pub(super) fn is_merge_v3(&self, id: NodeId) -> bool {
        let node = self.document.node(id);
        if node.value != "<<" || node.kind != Kind::Scalar {
            return false;
        }
        match self.document.explicit_tag(id) {
            None | Some("!") => node.style == Style::Scalar(ScalarStyle::Plain),
            Some(tag) => short_tag(tag) == "!!merge",
        }
    }

    /// Whether all keys are scalars without a tag that mean their own text. Nothing else has to be asked of most.
    fn are_plain_texts(&self, id: NodeId) -> bool {
        self.document.children(id).iter().step_by(2).all(|key| {
            let node = self.document.node(*key);
            let quoted = matches!(node.style, Style::Scalar(style) if style != ScalarStyle::Plain);
            node.kind == Kind::Scalar && node.extra == 0 && (quoted || !may_be_special(&node.value))
        })
    }

    /// Whether all keys are text or merges, by their tags.
    pub(super) fn is_string_map(&self, id: NodeId) -> bool {
        if self.are_plain_texts(id) {
            return true;
        }
        self.document.children(id).iter().step_by(2).all(|key| {
            let tag: Cow<'_, str> = self.document.tag(*key);
            matches!(&*tag, "!!str" | "!!merge")
        })
    }
}
