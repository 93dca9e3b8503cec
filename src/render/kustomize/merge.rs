//! Strategic merges, as kyaml's `merge2` does them: a patch is laid over an object, and where both have a list, the
//! schema says whether one replaces the other or their items are merged.

use std::collections::{BTreeSet, HashSet};

use super::{
    Error,
    edit::{clear, expect_kind, find_item, get, set_kept, set_scalar},
    node::{Kind, Node, NodeId, Nodes, Style, Tag},
    schema::{SchemaId, Schemas},
    text::print,
};

/// Where the items of a list come that only the patch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// Before those of the object, as patches have it.
    Prepend,
    /// Behind them, as values of charts have it.
    Append,
}

/// Lays `patch` over `object`, and gives what is left: mostly `object` itself. Nodes of the patch become nodes of the
/// object.
///
/// Of a patch that replaces the whole object (`$patch: replace` at its top) it gives the patch, and the object has not
/// changed.
pub(super) fn merge(
    nodes: &mut Nodes<'_>,
    schemas: &Schemas,
    object: NodeId,
    patch: NodeId,
    growth: Growth,
) -> Result<Option<NodeId>, Error> {
    let merged = Merger { nodes, schemas, growth }.walk(Some(object), Some(patch), None)?;
    Ok(merged.map(|it| it.node))
}

struct Merger<'m, 'a> {
    nodes: &'m mut Nodes<'a>,
    schemas: &'m Schemas,
    growth: Growth,
}

/// What stands in a place after the merge.
#[derive(Clone, Copy)]
struct Merged {
    node: NodeId,
    /// A null that somebody wrote and that stays.
    keep_null: bool,
    /// Which of the two it was, for the style of a new key.
    from: Side,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Object,
    Patch,
    Neither,
}

/// What `$patch` asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

impl Merger<'_, '_> {
    fn is_null(&self, node: Option<NodeId>) -> bool {
        node.is_none_or(|node| self.nodes.is_null(node))
    }

    fn walk(
        &mut self,
        object: Option<NodeId>,
        patch: Option<NodeId>,
        schema: Option<SchemaId>,
    ) -> Result<Option<Merged>, Error> {
        let schema = self.schema(object, patch, schema)?;
        let first = [object, patch].into_iter().flatten().find(|node| !self.nodes.is_null(*node));
        let kind = first.map(|node| self.nodes[node].kind);
        if let Some(kind @ (Kind::Mapping | Kind::Sequence | Kind::Scalar)) = kind {
            for node in [object, patch].into_iter().flatten() {
                expect_kind(self.nodes, node, kind)?;
            }
        }
        match kind {
            None | Some(Kind::None | Kind::Mapping) => self.walk_map(object, patch, schema),
            Some(Kind::Sequence) => {
                let merge = schema.and_then(|schema| self.schemas.merge(schema)).filter(|merge| merge.merges);
                match merge {
                    Some(merge) => {
                        let items = schema.and_then(|schema| self.schemas.items(schema));
                        self.walk_list(object, patch, items, &merge.keys)
                    }
                    None => Ok(chosen(object, patch)),
                }
            }
            Some(Kind::Scalar) => Ok(chosen(object, patch)),
        }
    }

    /// A comment that is a schema counts most; where the way down gives none, an object that says its kind has one.
    fn schema(
        &self,
        object: Option<NodeId>,
        patch: Option<NodeId>,
        schema: Option<SchemaId>,
    ) -> Result<Option<SchemaId>, Error> {
        for node in [object, patch].into_iter().flatten().filter(|node| !self.nodes.is_null(*node)) {
            if let Some(own) = self.of_remark(node)? {
                return Ok(Some(own));
            }
        }
        if schema.is_some() {
            return Ok(schema);
        }
        for node in [object, patch].into_iter().flatten() {
            if self.nodes[node].kind != Kind::Mapping || self.nodes.is_null(node) {
                continue;
            }
            let (api_version, kind) = (self.nodes.text(node, "apiVersion"), self.nodes.text(node, "kind"));
            if api_version.is_empty() || kind.is_empty() {
                continue;
            }
            if let Some(schema) = self.schemas.of_kind(api_version, kind)? {
                return Ok(Some(schema));
            }
        }
        Ok(None)
    }

    fn of_remark(&self, node: NodeId) -> Result<Option<SchemaId>, Error> {
        match self.nodes.remark(node) {
            Some(remark) => self.schemas.of_remark(remark),
            None => Ok(None),
        }
    }

    /// The schema in the comment of a field: of its value, else of its key.
    fn of_field_remark(&self, entry: Option<(NodeId, NodeId)>) -> Result<Option<SchemaId>, Error> {
        let Some((key, value)) = entry else { return Ok(None) };
        let of_value = self.of_remark(value)?;
        if of_value.is_some() { Ok(of_value) } else { self.of_remark(key) }
    }

    fn walk_map(
        &mut self,
        object: Option<NodeId>,
        patch: Option<NodeId>,
        schema: Option<SchemaId>,
    ) -> Result<Option<Merged>, Error> {
        self.take_style(object, patch);
        let Some(merged) = self.visit_map(object, patch)? else { return Ok(None) };
        let target = merged.node;
        // The place of the object is taken by what was chosen.
        let (object, patch) = (Some(target), patch);
        let names: BTreeSet<String> = [object, patch]
            .into_iter()
            .flatten()
            .filter(|node| !self.nodes.is_null(*node))
            .flat_map(|node| self.nodes.entries(node).map(|(key, _)| self.nodes[key].value.to_string()))
            .collect();
        for name in names {
            let entry = |node: Option<NodeId>| node.and_then(|node| self.nodes.entry(node, &name));
            let (own, other) = (entry(object), entry(patch));
            let mut inner = self.of_field_remark(own)?;
            if inner.is_none() {
                inner = self.of_field_remark(other)?;
            }
            let inner = inner.or_else(|| schema.and_then(|schema| self.schemas.field(schema, &name)));
            let value = self.walk(own.map(|it| it.1), other.map(|it| it.1), inner)?;
            match value {
                None => {
                    if !self.nodes.is_null(target) {
                        clear(self.nodes, target, &name)?;
                    }
                }
                Some(value) => {
                    let key = match value.from {
                        Side::Object => own,
                        Side::Patch => other,
                        Side::Neither => None,
                    };
                    let style = key.map_or(Style::Plain, |(key, _)| self.nodes[key].style);
                    set_kept(self.nodes, target, name, value.node, value.keep_null, style)?;
                }
            }
        }
        Ok(Some(merged))
    }

    fn visit_map(&mut self, object: Option<NodeId>, patch: Option<NodeId>) -> Result<Option<Merged>, Error> {
        if self.is_null(object) {
            if let Some(patch) = patch
                && matches!(self.directive(patch), Ok(Directive::Delete))
            {
                return Ok(None);
            }
            // A null that was written and that no patch speaks of stays.
            if let (Some(object), None) = (object, patch)
                && !self.nodes[object].value.is_empty()
            {
                let value = self.nodes[object].value.clone();
                let node = Node { kind: Kind::Scalar, tag: Tag::Null, value, ..Node::default() };
                let node = self.nodes.add(node);
                return Ok(Some(Merged { node, keep_null: true, from: Side::Neither }));
            }
            return Ok(patch.map(|node| Merged { node, keep_null: false, from: Side::Patch }));
        }
        self.visit_collection(object, patch)
    }

    fn visit_collection(
        &mut self,
        object: Option<NodeId>,
        patch: Option<NodeId>,
    ) -> Result<Option<Merged>, Error> {
        let own = object.map(|node| Merged { node, keep_null: false, from: Side::Object });
        let Some(patch) = patch else { return Ok(own) };
        if self.nodes.is_null(patch) {
            return Ok(None);
        }
        Ok(match self.directive(patch)? {
            Directive::Delete => None,
            Directive::Replace => Some(Merged { node: patch, keep_null: false, from: Side::Patch }),
            Directive::Merge => own,
        })
    }

    /// An empty collection was written in brackets, which is not wanted for what comes into it. A patch's comment is from
    /// now on the object's.
    fn take_style(&mut self, object: Option<NodeId>, patch: Option<NodeId>) {
        if let (Some(object), Some(patch)) = (object, patch) {
            self.nodes.take_remark(object, patch);
        }
        if let (Some(object), Some(patch)) = (object, patch)
            && self.nodes[object].kind != Kind::Scalar
            && self.nodes[object].content.is_empty()
        {
            self.nodes[object].style = self.nodes[patch].style;
        }
    }

    /// Reads `$patch` and takes it out of the patch.
    fn directive(&mut self, patch: NodeId) -> Result<Directive, Error> {
        const KEY: &str = "$patch";
        match self.nodes[patch].kind {
            Kind::Mapping => {
                let Some(value) = get(self.nodes, patch, KEY)? else { return Ok(Directive::Merge) };
                let directive = directive_of(&self.nodes[value].value)?;
                clear(self.nodes, patch, KEY)?;
                Ok(directive)
            }
            Kind::Sequence => {
                // Only an item that has nothing else speaks of the list.
                let content = self.nodes[patch].content.clone();
                let found = content.iter().copied().find(|item| self.nodes.field(*item, KEY).is_some());
                let Some(item) = found.filter(|item| self.nodes[*item].content.len() <= 2) else {
                    return Ok(Directive::Merge);
                };
                let Some(value) = self.nodes.field(item, KEY) else { return Ok(Directive::Merge) };
                let text = self.nodes[value].value.to_string();
                let directive = directive_of(&text)?;
                self.set_item(patch, None, &[KEY], &[text.as_str()])?;
                Ok(directive)
            }
            _ => {
                let tag = self.nodes.tag_text(self.nodes[patch].tag).unwrap_or("");
                let text = print(self.nodes, patch);
                Err(Error::new(format!(
                    "no implemented strategic merge patch strategy for '{tag}' ('{text}')"
                )))
            }
        }
    }

    /// Merges two lists whose items `keys` tell apart.
    fn walk_list(
        &mut self,
        object: Option<NodeId>,
        patch: Option<NodeId>,
        items: Option<SchemaId>,
        keys: &[String],
    ) -> Result<Option<Merged>, Error> {
        self.take_style(object, patch);
        let chosen = if self.is_null(object) {
            patch.map(|node| Merged { node, keep_null: false, from: Side::Patch })
        } else {
            self.visit_collection(object, patch)?
        };
        let Some(chosen) = chosen else { return Ok(None) };
        let object = Some(chosen.node);
        let primitive = keys.is_empty();
        let lists = match self.growth {
            Growth::Prepend => [patch, object],
            Growth::Append => [object, patch],
        };
        let values = if primitive { self.texts_of(lists) } else { self.values_of(lists, keys) };
        let no_key = [String::new()];
        let keys = if primitive { &no_key[..] } else { keys };
        let merged = self.merge_items(chosen.node, object, patch, items, keys, values)?;
        Ok(merged.map(|node| Merged { node, from: Side::Neither, ..chosen }))
    }

    /// What tells the items of both lists apart.
    fn values_of(&self, lists: [Option<NodeId>; 2], keys: &[String]) -> Vec<Vec<String>> {
        let mut all: Vec<Vec<String>> = Vec::new();
        let mut seen = HashSet::new();
        for list in lists.into_iter().flatten().filter(|list| !self.nodes.is_null(*list)) {
            for item in &self.nodes[list].content {
                let of = |key: &String| self.nodes.text(*item, key).to_owned();
                let values: Vec<String> = keys.iter().map(of).collect();
                if seen.insert(values.clone()) {
                    all.push(values);
                }
            }
        }
        all
    }

    fn texts_of(&self, lists: [Option<NodeId>; 2]) -> Vec<Vec<String>> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for list in lists.into_iter().flatten() {
            for item in &self.nodes[list].content {
                let text = self.nodes[*item].value.to_string();
                if seen.insert(text.clone()) {
                    all.push(vec![text]);
                }
            }
        }
        all
    }

    fn merge_items(
        &mut self,
        target: NodeId,
        object: Option<NodeId>,
        patch: Option<NodeId>,
        items: Option<SchemaId>,
        keys: &[String],
        mut values: Vec<Vec<String>>,
    ) -> Result<Option<NodeId>, Error> {
        let added = self.nodes.empty(Kind::Sequence);
        if keys.len() > 1 {
            unify(&mut values);
        }
        let known: HashSet<usize> = keys_in_use(&values);
        let mut used: (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for one in &values {
            if one.is_empty() {
                continue;
            }
            used = in_use(keys, one, &known);
            let (keys, values) = (&used.0, &used.1);
            // Each side looks its item up by those keys alone that this one has.
            let own: HashSet<usize> =
                values.iter().enumerate().filter(|it| !it.1.is_empty()).map(|it| it.0).collect();
            let lookup = {
                let texts: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
                let found: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
                let (keys, values) = in_use(&texts, &found, &own);
                let of = |list: Option<NodeId>| match list {
                    Some(list) if self.nodes[list].kind == Kind::Sequence => {
                        find_item(self.nodes, list, &keys, &values).ok().flatten()
                    }
                    _ => None,
                };
                (of(object), of(patch))
            };
            let merged = self.walk(lookup.0, lookup.1, items)?;
            let gone = merged.is_none_or(|it| self.nodes.is_empty_map(it.node));
            match merged {
                Some(merged) if !gone => {
                    for (key, value) in keys.iter().zip(values) {
                        if value.is_empty() {
                            continue;
                        }
                        if key.is_empty() {
                            let value = self.nodes.scalar((*value).to_owned());
                            set_scalar(self.nodes, merged.node, value)?;
                        } else if self.nodes.field(merged.node, key).is_none() {
                            let value = self.nodes.scalar((*value).to_owned());
                            set_kept(self.nodes, merged.node, (*key).to_owned(), value, false, Style::Plain)?;
                        }
                    }
                    self.set_item(added, Some(merged.node), keys, values)?;
                }
                _ => self.set_item(target, None, keys, values)?,
            }
        }
        let result = match self.growth {
            _ if values.is_empty() => target,
            Growth::Prepend => self.append_items(added, target, &used.0)?,
            Growth::Append => self.append_items(target, added, &used.0)?,
        };
        Ok(Some(result).filter(|node| !self.nodes.is_null(*node)))
    }

    /// Appends the items of `source` to `target`; one that is there already is replaced where it stands.
    fn append_items(&mut self, target: NodeId, source: NodeId, keys: &[&str]) -> Result<NodeId, Error> {
        for item in self.nodes[source].content.clone() {
            if keys.first().is_none_or(|key| key.is_empty()) {
                let value = self.nodes[item].value.to_string();
                self.set_item(target, Some(item), &[""], &[value.as_str()])?;
                continue;
            }
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                match get(self.nodes, item, key)? {
                    Some(value) => values.push(self.nodes[value].value.to_string()),
                    None => self.nodes[target].content.push(item),
                }
            }
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            if keys.len() > 1 {
                self.set_item(target, None, keys, &values)?;
            }
            self.set_item(target, Some(item), keys, &values)?;
        }
        Ok(target)
    }

    /// kyaml's `ElementSetter`: replaces the items with these values, appends one where there is none, or takes them
    /// away where there is no new one.
    fn set_item(
        &mut self,
        list: NodeId,
        item: Option<NodeId>,
        keys: &[&str],
        values: &[&str],
    ) -> Result<(), Error> {
        expect_kind(self.nodes, list, Kind::Sequence)?;
        let sets_mapping = keys.first().is_some_and(|key| !key.is_empty())
            && values.first().is_some_and(|value| !value.is_empty());
        let mut content = Vec::new();
        let mut found_one = false;
        for known in self.nodes[list].content.clone() {
            if self.nodes.is_empty_map(known) {
                continue;
            }
            if self.nodes[known].kind != Kind::Mapping && sets_mapping {
                content.push(known);
                continue;
            }
            let found = self.matches(known, keys, values)?;
            if !found {
                if !values.is_empty() {
                    content.push(known);
                }
                continue;
            }
            found_one = true;
            content.extend(item);
        }
        match item {
            Some(item) if !found_one && !self.nodes.is_null(item) => content.push(item),
            _ => (),
        }
        self.nodes[list].content = content;
        Ok(())
    }

    fn matches(&self, item: NodeId, keys: &[&str], values: &[&str]) -> Result<bool, Error> {
        // Where there are fewer values than keys, the last comparison counts for the rest.
        let mut last = None;
        for (at, key) in keys.iter().enumerate() {
            if let Some(value) = values.get(at) {
                last = if key.is_empty() {
                    expect_kind(self.nodes, item, Kind::Scalar)?;
                    Some(item).filter(|item| self.nodes[*item].value == *value)
                } else {
                    let field = get(self.nodes, item, key)?;
                    // An empty value asks for no value at all.
                    field.filter(|field| value.is_empty() || self.nodes[*field].value == *value)
                };
            }
            if last.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The patch's node where there is one, else the object's.
fn chosen(object: Option<NodeId>, patch: Option<NodeId>) -> Option<Merged> {
    let of = |node: Option<NodeId>, from| node.map(|node| Merged { node, keep_null: false, from });
    of(patch, Side::Patch).or_else(|| of(object, Side::Object))
}

fn directive_of(text: &str) -> Result<Directive, Error> {
    match text {
        "delete" => Ok(Directive::Delete),
        "replace" => Ok(Directive::Replace),
        "merge" => Ok(Directive::Merge),
        other => Err(Error::new(format!("unknown patch strategy '{other}'"))),
    }
}

/// Items of which one lacks a key that the other has are the same item.
fn unify(values: &mut [Vec<String>]) {
    for at in 0..values.len() {
        for other in 0..values.len() {
            let (Some(a), Some(b)) = (values.get(at), values.get(other)) else { continue };
            let Some(unified) = unified(a, b) else { continue };
            for index in [at, other] {
                if let Some(slot) = values.get_mut(index) {
                    slot.clone_from(&unified);
                }
            }
        }
    }
}

fn unified(a: &[String], b: &[String]) -> Option<Vec<String>> {
    if a.len() != b.len() {
        return None;
    }
    let mut common = false;
    let mut result = Vec::with_capacity(a.len());
    for (a, b) in a.iter().zip(b) {
        if a == b {
            common = true;
        } else if !a.is_empty() && !b.is_empty() {
            return None;
        }
        result.push(if a.is_empty() { b.clone() } else { a.clone() });
    }
    common.then_some(result)
}

/// The keys that any item has, by their position.
fn keys_in_use(values: &[Vec<String>]) -> HashSet<usize> {
    values
        .iter()
        .flat_map(|one| one.iter().enumerate().filter(|it| !it.1.is_empty()).map(|it| it.0))
        .collect()
}

/// Of one item's keys and values those that are in use; all where none is.
fn in_use<'k>(
    keys: &'k [String],
    values: &'k [String],
    known: &HashSet<usize>,
) -> (Vec<&'k str>, Vec<&'k str>) {
    let all = |texts: &'k [String]| texts.iter().map(String::as_str).collect::<Vec<_>>();
    if known.is_empty() {
        return (all(keys), all(values));
    }
    let keys = keys.iter().enumerate().filter(|(at, _)| known.contains(at)).map(|(_, key)| key.as_str());
    let values = values
        .iter()
        .enumerate()
        .filter(|(at, value)| !value.is_empty() || known.contains(at))
        .map(|(_, value)| value.as_str());
    (keys.collect(), values.collect())
}
