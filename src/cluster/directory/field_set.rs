//! Sets of fields: who owns what, in the form of `metadata.managedFields[].fieldsV1`.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Map, Value};

/// One step of a path, written as `FieldsV1` writes it: `f:name`, `k:{"name":"nginx"}`, `v:"finalizer"`.
pub(super) type Element = String;

/// A set of paths. A path may be in it alone, with some that lead on from it, or only as the way to those.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSet {
    nodes: BTreeMap<Element, Node>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    member: bool,
    below: FieldSet,
}

/// The step into a field of a map.
pub(super) fn field(name: &str) -> Element {
    format!("f:{name}")
}

impl FieldSet {
    /// Reads `fieldsV1`; what is no map is empty.
    pub(super) fn from_json(value: &Value) -> Self {
        let fields = value.as_object().into_iter().flatten();
        let node = |value: &Value| {
            let below = Self::from_json(value);
            let dot = value.get(".").is_some();
            Node { member: dot || below.nodes.is_empty(), below }
        };
        let nodes = fields.filter(|(key, _)| *key != ".").map(|(key, value)| (key.clone(), node(value)));
        Self { nodes: nodes.collect() }
    }

    /// Writes `fieldsV1`.
    pub(super) fn to_json(&self) -> Value {
        let node = |node: &Node| {
            let mut below = node.below.to_json();
            if let (true, false, Some(map)) =
                (node.member, node.below.nodes.is_empty(), below.as_object_mut())
            {
                map.insert(".".to_owned(), Value::Object(Map::new()));
            }
            below
        };
        Value::Object(self.nodes.iter().map(|(key, it)| (key.clone(), node(it))).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(super) fn insert(&mut self, path: &[Element]) {
        let Some((first, rest)) = path.split_first() else { return };
        let node = self.nodes.entry(first.clone()).or_default();
        if rest.is_empty() {
            node.member = true;
        } else {
            node.below.insert(rest);
        }
    }

    /// Takes out a path and everything that leads on from it.
    pub(super) fn remove_all(&mut self, path: &[&str]) {
        let Some((first, rest)) = path.split_first() else { return };
        let key = field(first);
        if rest.is_empty() {
            self.nodes.remove(&key);
        } else if let Some(node) = self.nodes.get_mut(&key) {
            node.below.remove_all(rest);
            if !node.member && node.below.is_empty() {
                self.nodes.remove(&key);
            }
        }
    }

    /// Takes out a first step itself, and leaves what leads on from it.
    pub(super) fn remove_bare(&mut self, element: &str) {
        if let Some(node) = self.nodes.get_mut(element) {
            node.member = false;
            if node.below.is_empty() {
                self.nodes.remove(element);
            }
        }
    }

    /// Leaves only what begins with these fields of the object.
    pub(super) fn retain_fields(&mut self, keep: impl Fn(&str) -> bool) {
        self.nodes.retain(|key, _| key.strip_prefix("f:").is_some_and(&keep));
    }

    pub(super) fn has(&self, element: &str) -> bool {
        self.nodes.get(element).is_some_and(|node| node.member)
    }

    /// What leads on from one step.
    pub(super) fn below(&self, element: &str) -> Option<&Self> {
        self.nodes.get(element).map(|node| &node.below).filter(|below| !below.is_empty())
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        for (key, node) in &other.nodes {
            let into = all.nodes.entry(key.clone()).or_default();
            into.member |= node.member;
            into.below = into.below.union(&node.below);
        }
        all
    }

    /// Path by path: what is in this one and not in the other.
    pub(super) fn difference(&self, other: &Self) -> Self {
        self.pair(other, |here, there| here && !there, true)
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.pair(other, |here, there| here && there, false)
    }

    fn pair(&self, other: &Self, keep: fn(bool, bool) -> bool, alone: bool) -> Self {
        let pair = |(key, node): (&Element, &Node)| {
            let kept = match other.nodes.get(key) {
                Some(there) => Node {
                    member: keep(node.member, there.member),
                    below: node.below.pair(&there.below, keep, alone),
                },
                None if alone => node.clone(),
                None => return None,
            };
            (kept.member || !kept.below.is_empty()).then(|| (key.clone(), kept))
        };
        Self { nodes: self.nodes.iter().filter_map(pair).collect() }
    }

    /// The same with every field on the way to a path as a member, so that an emptied structure goes as a whole
    /// (structured-merge-diff `EnsureNamedFieldsAreMembers`).
    pub(super) fn with_parents(&self) -> Self {
        let node = |(key, node): (&Element, &Node)| {
            let member = node.member || key.starts_with("f:");
            (key.clone(), Node { member, below: node.below.with_parents() })
        };
        Self { nodes: self.nodes.iter().map(node).collect() }
    }

    /// The members, as the server writes paths in conflicts: `.spec.containers[name="nginx"].image`.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, prefix: &str, paths: &mut Vec<String>) {
        for (key, node) in &self.nodes {
            let path = format!("{prefix}{}", readable(key));
            if node.member {
                paths.push(path.clone());
            }
            node.below.collect(&path, paths);
        }
    }
}

fn readable(element: &str) -> String {
    let (kind, text) = element.split_once(':').unwrap_or(("f", element));
    let json = || serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    match kind {
        "k" => {
            let mut out = String::from("[");
            for (at, (key, value)) in json().as_object().into_iter().flatten().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                let _ = write!(out, "{comma}{key}={value}");
            }
            out + "]"
        }
        "v" => format!("[={}]", json()),
        "i" => format!("[{text}]"),
        _ => format!(".{text}"),
    }
}
