//! What is known of kinds: which of their lists merge, and which kinds live outside of namespaces.
//!
//! Kustomize 5.8.1 carries the OpenAPI of Kubernetes 1.21.2. `schema.txt` has of it what a merge asks for, printed by
//! `tests/oracle/kustomize schema`. A kustomization may bring definitions of its own (`openapi`).

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::LazyLock,
};

use super::{Error, decode::Pairs};
use crate::yaml::{Value, Version, parse_first};

const TABLE: &str = include_str!("schema.txt");

/// The one version that is built in.
const BUILT_IN: &str = "v1.21.2";

/// The built-in kinds with a known scope; true for those outside of namespaces.
static SCOPES: LazyLock<HashMap<(String, &'static str), bool>> = LazyLock::new(|| {
    let line = |line: &'static str| {
        let mut words = line.strip_prefix("scope ")?.split(' ');
        let is_cluster = words.next()? == "cluster";
        let api_version = api_version(words.next()?, words.next()?);
        Some(((api_version, words.next()?), is_cluster))
    };
    TABLE.lines().filter_map(line).collect()
});

fn api_version(group: &str, version: &str) -> String {
    if matches!(group, "" | "-") { version.to_owned() } else { format!("{group}/{version}") }
}

/// The definitions of one build.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    all: RefCell<Definitions>,
    custom: RefCell<Option<Rc<[u8]>>>,
    /// A kustomization chose a version or brought definitions; the first one counts.
    is_set: Cell<bool>,
    /// What is chosen is read.
    is_read: Cell<bool>,
    built_in: Cell<BuiltIn>,
    scopes: RefCell<HashMap<(String, String), bool>>,
    /// The schemas of comments.
    remarks: RefCell<HashMap<Rc<str>, Option<SchemaId>>>,
}

/// How far the built-in definitions are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum BuiltIn {
    #[default]
    NotRead,
    /// The scope of a kind was asked for, so that they are read with whatever is read next.
    Wanted,
    Read,
}

#[derive(Debug, Default)]
struct Definitions {
    nodes: Vec<Node>,
    by_name: HashMap<String, SchemaId>,
    by_kind: HashMap<(String, String), SchemaId>,
}

/// A schema of its build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SchemaId(usize);

#[derive(Clone, Debug, Default)]
struct Node {
    fields: HashMap<String, SchemaId>,
    additional: Option<SchemaId>,
    items: Option<SchemaId>,
    is_list: bool,
    /// The name of the definition that this stands for.
    reference: Option<String>,
    merge: Option<Merge>,
}

/// How a list merges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Merge {
    /// The keys that tell items apart; none where they are texts.
    pub(super) keys: Rc<[String]>,
    /// Whether it merges at all.
    pub(super) merges: bool,
}

impl Schemas {
    /// Takes a kustomization's `openapi`, and what its `path` leads to. Only the first that says something counts.
    pub(super) fn choose(&self, field: Option<&Pairs>, content: Option<&[u8]>) -> Result<(), Error> {
        if self.is_set.get() {
            return Ok(());
        }
        let version = field.and_then(|field| field.get("version")).map(String::as_str);
        if let Some(content) = content {
            if version.is_some() {
                return Err(Error::new("builtin version and custom schema provided, cannot use both"));
            }
            *self.custom.borrow_mut() = Some(content.into());
            self.is_set.set(true);
            self.is_read.set(false);
            return Ok(());
        }
        match version {
            None | Some("") => Ok(()),
            Some(BUILT_IN) => {
                self.is_set.set(true);
                self.is_read.set(false);
                Ok(())
            }
            Some(_) => Err(Error::new("the specified OpenAPI version is not built in")),
        }
    }

    /// Whether a kind is known to live outside of namespaces.
    pub(super) fn is_cluster_scoped(&self, api_version: &str, kind: &str) -> bool {
        thread_local! {
            // The key of the table needs a text of its own, and every resource asks.
            static KEY: RefCell<(String, &'static str)> = const { RefCell::new((String::new(), "")) };
        }
        let known = KEY.with_borrow_mut(|key| {
            key.0.clear();
            key.0.push_str(api_version);
            let kind = SCOPED_KINDS.get(kind)?;
            key.1 = kind;
            SCOPES.get(&*key).copied()
        });
        if let Some(is_cluster) = known {
            return is_cluster;
        }
        if self.custom.borrow().is_some() {
            let _ = self.read();
            return self
                .scopes
                .borrow()
                .get(&(api_version.to_owned(), kind.to_owned()))
                .copied()
                .unwrap_or(false);
        }
        if !self.is_read.get() && self.built_in.get() == BuiltIn::NotRead {
            self.built_in.set(BuiltIn::Wanted);
        }
        false
    }

    /// The schema of a kind.
    pub(super) fn of_kind(&self, api_version: &str, kind: &str) -> Result<Option<SchemaId>, Error> {
        self.read()?;
        let all = self.all.borrow();
        Ok(all.by_kind.get(&(api_version.to_owned(), kind.to_owned())).copied())
    }

    /// The schema that a comment is, as kyaml's `fieldmeta` reads it: JSON that says something. What is not known of
    /// schemas says something too, and that is how a list loses what is built in.
    pub(super) fn of_remark(&self, remark: &Rc<str>) -> Result<Option<SchemaId>, Error> {
        if let Some(known) = self.remarks.borrow().get(remark) {
            return Ok(*known);
        }
        self.read()?;
        let value: Option<serde_json::Value> = serde_json::from_str(remark).ok();
        let value = value.map(Value::from).filter(|value| value.as_map().is_some_and(|map| !map.is_empty()));
        let schema = value.map(|value| {
            let mut all = self.all.borrow_mut();
            let id = all.add_schema(&value, 0);
            // A reference that leads nowhere is a schema that says nothing of lists.
            all.resolve(id).unwrap_or_else(|| all.add(Node::default()))
        });
        self.remarks.borrow_mut().insert(Rc::clone(remark), schema);
        Ok(schema)
    }

    /// The schema of a field of an object or of a value of a map.
    pub(super) fn field(&self, schema: SchemaId, name: &str) -> Option<SchemaId> {
        let all = self.all.borrow();
        let node = all.nodes.get(schema.0)?;
        all.resolve(node.fields.get(name).copied().or(node.additional)?)
    }

    /// The schema of the items of a list.
    pub(super) fn items(&self, schema: SchemaId) -> Option<SchemaId> {
        let all = self.all.borrow();
        let node = all.nodes.get(schema.0)?;
        if !node.is_list {
            return None;
        }
        all.resolve(node.items?)
    }

    /// How a list merges.
    pub(super) fn merge(&self, schema: SchemaId) -> Option<Merge> {
        self.all.borrow().nodes.get(schema.0)?.merge.clone()
    }

    fn read(&self) -> Result<(), Error> {
        if self.is_read.replace(true) {
            return Ok(());
        }
        let custom = self.custom.borrow().clone();
        let mut all = self.all.borrow_mut();
        if let Some(custom) = &custom {
            let text = parse_first(custom, Version::V2).and_then(|it| it.to_value(Version::V2));
            let value = text.map_err(|error| Error::from(error).context("invalid schema file"))?;
            all.add_document(&value);
            self.scopes.borrow_mut().extend(scopes(&value));
        }
        if (custom.is_none() || self.built_in.get() == BuiltIn::Wanted)
            && self.built_in.get() != BuiltIn::Read
        {
            all.add_table();
            self.built_in.set(BuiltIn::Read);
        }
        Ok(())
    }
}

/// The kinds of [`SCOPES`], to find one without a text of its own.
static SCOPED_KINDS: LazyLock<std::collections::HashSet<&'static str>> =
    LazyLock::new(|| SCOPES.keys().map(|(_, kind)| *kind).collect());

impl Definitions {
    fn add(&mut self, node: Node) -> SchemaId {
        self.nodes.push(node);
        SchemaId(self.nodes.len() - 1)
    }

    /// Follows references.
    fn resolve(&self, mut id: SchemaId) -> Option<SchemaId> {
        for _ in 0..crate::limits::KUSTOMIZE_DEPTH {
            match &self.nodes.get(id.0)?.reference {
                Some(name) => id = *self.by_name.get(name)?,
                None => return Some(id),
            }
        }
        None
    }

    /// The built-in definitions.
    fn add_table(&mut self) {
        let mut current: Option<SchemaId> = None;
        for line in TABLE.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match *words.as_slice() {
                ["type", name] => {
                    let id = self.add(Node::default());
                    self.by_name.insert(name.to_owned(), id);
                    current = Some(id);
                }
                ["kind", group, version, kind, name] => {
                    let id = match self.by_name.get(name) {
                        Some(id) => *id,
                        None => self.add(Node::default()),
                    };
                    self.by_kind.insert((api_version(group, version), kind.to_owned()), id);
                }
                [field, form, of, ref merge @ ..] if line.split(' ').next() != Some("scope") => {
                    let reference = (of != "-").then(|| of.to_owned());
                    let target = self.add(Node { reference, ..Node::default() });
                    let node = match form {
                        "object" => target,
                        "map" => self.add(Node { additional: Some(target), ..Node::default() }),
                        "list" => {
                            let merge = matches!(merge, ["merge", ..]).then(|| {
                                let keys = merge.get(1).map_or("", |keys| keys);
                                let keys = keys.split(',').filter(|key| !key.is_empty()).map(str::to_owned);
                                Merge { keys: keys.collect(), merges: true }
                            });
                            self.add(Node { items: Some(target), is_list: true, merge, ..Node::default() })
                        }
                        _ => continue,
                    };
                    if let Some(owner) = current.and_then(|id| self.nodes.get_mut(id.0)) {
                        owner.fields.insert(field.to_owned(), node);
                    }
                }
                _ => (),
            }
        }
    }

    /// The definitions of an OpenAPI document.
    fn add_document(&mut self, document: &Value) {
        let Some(definitions) = document.get("definitions").and_then(Value::as_map) else { return };
        for (name, definition) in definitions.iter() {
            let id = self.add_schema(definition, 0);
            self.by_name.insert(name.to_owned(), id);
            let kinds = definition.get("x-kubernetes-group-version-kind").and_then(Value::as_seq);
            for kind in kinds.unwrap_or_default() {
                if let Some(key) = type_of(kind) {
                    self.by_kind.insert(key, id);
                }
            }
        }
    }

    fn add_schema(&mut self, schema: &Value, depth: usize) -> SchemaId {
        if depth > crate::limits::KUSTOMIZE_DEPTH {
            return self.add(Node::default());
        }
        let text = |name: &str| schema.get(name).and_then(Value::as_str);
        let reference = text("$ref").map(|text| {
            text.strip_prefix("#/definitions/").unwrap_or(text).replace("~1", "/").replace("~0", "~")
        });
        let mut fields = HashMap::new();
        if let Some(properties) = schema.get("properties").and_then(Value::as_map) {
            for (name, property) in properties.iter() {
                let id = self.add_schema(property, depth + 1);
                fields.insert(name.to_owned(), id);
            }
        }
        let mut inner = |name: &str| {
            let inner = schema.get(name).filter(|inner| inner.as_map().is_some())?;
            Some(self.add_schema(inner, depth + 1))
        };
        let (additional, items) = (inner("additionalProperties"), inner("items"));
        let is_list = match schema.get("type") {
            Some(Value::String(text)) => text == "array",
            Some(Value::Seq(types)) => matches!(types.as_slice(), [Value::String(text)] if text == "array"),
            _ => false,
        };
        // Without a strategy the keys do not count.
        let merge = text("x-kubernetes-patch-strategy").map(|strategy| {
            let listed = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_seq);
            let keys: Vec<String> = match listed {
                Some(keys) => keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect(),
                None => text("x-kubernetes-patch-merge-key").map(str::to_owned).into_iter().collect(),
            };
            Merge { keys: keys.into(), merges: strategy.split(',').any(|it| it == "merge") }
        });
        self.add(Node { fields, additional, items, is_list, reference, merge })
    }
}

fn type_of(gvk: &Value) -> Option<(String, String)> {
    let text = |name: &str| gvk.get(name).and_then(Value::as_str);
    Some((api_version(text("group").unwrap_or(""), text("version")?), text("kind")?.to_owned()))
}

/// The scopes that follow from the paths of an OpenAPI document.
fn scopes(document: &Value) -> HashMap<(String, String), bool> {
    let mut scopes = HashMap::new();
    let Some(paths) = document.get("paths").and_then(Value::as_map) else { return scopes };
    for (path, item) in paths.iter() {
        let kind =
            item.get("get").and_then(|get| get.get("x-kubernetes-group-version-kind")).and_then(type_of);
        let Some(kind) = kind else { continue };
        if path.contains("namespaces/{namespace}") {
            scopes.insert(kind, false);
        } else {
            scopes.entry(kind).or_insert(true);
        }
    }
    scopes
}
