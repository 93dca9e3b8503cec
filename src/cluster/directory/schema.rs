//! How the fields of an object merge: which lists have keys, what is replaced as a whole.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value};

use super::field_set::Element;
use crate::object::Gvk;

/// Printed by `tests/oracle/cluster` from the schema that client-go is generated with.
const TABLE: &str = include_str!("schema.txt");

/// A key of a list's items, and its value where an item does not say.
type Key = (&'static str, Option<Value>);

/// What is known about a value.
#[derive(Clone, Debug)]
pub(super) enum Schema<'a> {
    /// A built-in type.
    Type(&'static str),
    /// Keys are data; the values may have a type.
    Map(Option<&'static str>),
    /// Items are told apart by keys.
    List(&'static [Key], &'static str),
    /// Items are told apart by themselves.
    Set,
    /// One value, whatever is in it.
    Atomic,
    /// Nothing is known: maps field by field, lists as a whole.
    Plain,
    /// Nothing can be known, so that every key is data.
    Untyped,
    /// A node of the OpenAPI schema of a CustomResourceDefinition.
    Definition(&'a Value),
}

/// How a list merges.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Items<'a> {
    Atomic,
    Set,
    Keyed(Vec<(&'a str, Option<&'a Value>)>),
}

enum Row {
    Type(&'static str),
    Map(Option<&'static str>),
    List(Vec<Key>, &'static str),
    Set,
    Atomic,
    Untyped,
}

struct Table {
    kinds: BTreeMap<(&'static str, &'static str, &'static str), &'static str>,
    fields: BTreeMap<&'static str, BTreeMap<&'static str, Row>>,
}

static TYPES: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { kinds: BTreeMap::new(), fields: BTreeMap::new() };
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&'static str> = line.split(' ').collect();
        match *words.as_slice() {
            ["kind", group, version, kind, name] => {
                let group = if group == "-" { "" } else { group };
                table.kinds.insert((group, version, kind), name);
            }
            [name, field, row] => {
                table.fields.entry(name).or_default().insert(field, read_row(row));
            }
            _ => {}
        }
    }
    table
});

/// Group, version and kind of everything that client-go knows.
pub(super) fn built_in_kinds() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TYPES.kinds.keys().copied()
}

fn read_row(row: &'static str) -> Row {
    let (rule, of) = row.split_once('>').map_or((row, None), |(rule, of)| (rule, Some(of)));
    match (rule, of) {
        ("", Some(of)) => Row::Type(of),
        ("map", of) => Row::Map(of),
        ("set", _) => Row::Set,
        ("any", _) => Row::Untyped,
        (list, Some(of)) if list.starts_with("list:") => {
            let key = |key: &'static str| {
                let (name, default) = key.split_once('=').map_or((key, None), |(name, it)| (name, Some(it)));
                (name, default.map(|it| serde_json::from_str(it).unwrap_or_else(|_| it.into())))
            };
            Row::List(list.trim_start_matches("list:").split(',').map(key).collect(), of)
        }
        _ => Row::Atomic,
    }
}

impl<'a> Schema<'a> {
    /// The schema of a kind: a built-in one, or what its definition says (`definition` is the `openAPIV3Schema` of the version).
    pub(super) fn of(gvk: &Gvk, definition: Option<&'a Value>) -> Self {
        if let Some(definition) = definition {
            return Self::Definition(definition);
        }
        let Gvk { group, version, kind } = gvk;
        // A version that this table has not yet merges as another one does: lists rarely change their keys.
        let any = || TYPES.kinds.iter().find(|((g, _, k), _)| g == group && k == kind).map(|(_, name)| name);
        let exact = TYPES
            .kinds
            .iter()
            .find(|((g, v, k), _)| g == group && v == version && k == kind)
            .map(|(_, name)| name);
        exact.or_else(any).map_or(Self::Plain, |name| Self::Type(name))
    }

    /// The schema of one field.
    pub(super) fn field(&self, key: &str) -> Self {
        match self {
            Self::Type(name) => match TYPES.fields.get(name).and_then(|fields| fields.get(key)) {
                Some(Row::Type(of)) => Self::Type(of),
                Some(Row::Map(of)) => Self::Map(*of),
                Some(Row::List(keys, of)) => Self::List(keys, of),
                Some(Row::Set) => Self::Set,
                Some(Row::Atomic) => Self::Atomic,
                Some(Row::Untyped) => Self::Untyped,
                None => Self::Plain,
            },
            Self::Map(of) => of.map_or(Self::Plain, Self::Type),
            Self::Untyped => Self::Untyped,
            // A root schema has no say about metadata.
            Self::Definition(node) => match node.get("properties").and_then(|it| it.get(key)) {
                _ if key == "metadata" && is_object_root(node) => Self::Type("meta.v1.ObjectMeta"),
                Some(property) => Self::Definition(property),
                None => match node.get("additionalProperties") {
                    Some(of @ Value::Object(_)) => Self::Definition(of),
                    _ => Self::Untyped,
                },
            },
            Self::List(..) | Self::Set | Self::Atomic | Self::Plain => Self::Plain,
        }
    }

    /// The schema of a list's items.
    pub(super) fn item(&self) -> Self {
        match self {
            Self::List(_, "atomic") => Self::Atomic,
            Self::List(_, of) => Self::Type(of),
            Self::Definition(node) => node.get("items").map_or(Self::Untyped, Self::Definition),
            _ => Self::Plain,
        }
    }

    /// Whether a map is one value.
    pub(super) fn is_atomic_map(&self) -> bool {
        match self {
            Self::Atomic => true,
            Self::Definition(node) => {
                node.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic")
            }
            _ => false,
        }
    }

    /// Whether a key of a map is data, and owned as such beside what is below it.
    pub(super) fn owns_key(&self, key: &str) -> bool {
        match self {
            Self::Map(_) | Self::Untyped => true,
            Self::Definition(node) => {
                !(key == "metadata" && is_object_root(node))
                    && node.get("properties").and_then(|it| it.get(key)).is_none()
            }
            _ => false,
        }
    }

    /// How a list merges.
    pub(super) fn items(&self) -> Items<'_> {
        match self {
            Self::List(keys, _) => {
                Items::Keyed(keys.iter().map(|(key, default)| (*key, default.as_ref())).collect())
            }
            Self::Set => Items::Set,
            Self::Definition(node) => match node.get("x-kubernetes-list-type").and_then(Value::as_str) {
                Some("set") => Items::Set,
                Some("map") => {
                    let keys = node.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                    let default = |key: &str| node.get("items")?.get("properties")?.get(key)?.get("default");
                    let keys = keys.into_iter().flatten().filter_map(Value::as_str);
                    Items::Keyed(keys.map(|key| (key, default(key))).collect())
                }
                _ => Items::Atomic,
            },
            _ => Items::Atomic,
        }
    }
}

/// Whether the node describes a whole object: it has `apiVersion` and `kind`, or is embedded as one.
fn is_object_root(node: &Value) -> bool {
    let embedded = node.get("x-kubernetes-embedded-resource").and_then(Value::as_bool) == Some(true);
    let properties = node.get("properties");
    embedded || properties.is_none_or(|it| it.get("apiVersion").is_some() && it.get("kind").is_some())
}

impl Items<'_> {
    /// The step to one item; nothing where the item lacks its keys.
    pub(super) fn element(&self, item: &Value) -> Option<Element> {
        match self {
            Self::Atomic => None,
            Self::Set => Some(format!("v:{item}")),
            Self::Keyed(keys) => {
                let mut keys = keys.clone();
                keys.sort_unstable_by_key(|(name, _)| *name);
                let mut found = Map::new();
                for (name, default) in keys {
                    // An item without a key that has no default is told apart by the others (`keyGetter`).
                    if let Some(value) = item.get(name).or(default) {
                        found.insert(name.to_owned(), value.clone());
                    }
                }
                (!found.is_empty()).then(|| format!("k:{}", Value::Object(found)))
            }
        }
    }
}
