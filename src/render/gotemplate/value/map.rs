//! Go's map with string keys: shared by all who hold it.

use std::{
    cell::{Ref, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
};

use super::{Str, Value, kind::MapType, sink};

/// A map. A clone is the same map, so that `set` is seen everywhere. Keys stand in the order of their bytes, as
/// `range` and printing show them.
///
/// Only strings are keys: whatever a chart can name came through JSON.
#[derive(Clone)]
pub struct Map {
    kind: &'static MapType,
    /// `None` is the nil map, which is empty and takes nothing.
    table: Option<Rc<Table>>,
}

struct Table(RefCell<BTreeMap<Str, Value>>);

impl Drop for Table {
    fn drop(&mut self) {
        sink::drop_all(std::mem::take(self.0.get_mut()).into_values());
    }
}

/// Go panics with these words where something is put into a nil map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("assignment to entry in nil map")]
pub struct NilMap;

impl Map {
    /// A map over `entries`, whose values have the type that `kind` says.
    pub fn new(kind: &'static MapType, entries: BTreeMap<Str, Value>) -> Self {
        Self { kind, table: Some(Rc::new(Table(RefCell::new(entries)))) }
    }

    /// The nil map of a type.
    pub fn nil(kind: &'static MapType) -> Self {
        Self { kind, table: None }
    }

    /// Its type.
    pub fn map_type(&self) -> &'static MapType {
        self.kind
    }

    /// The same map, seen under another type of the same shape.
    pub fn with_type(mut self, kind: &'static MapType) -> Self {
        self.kind = kind;
        self
    }

    /// Whether it is nil, not merely empty.
    pub fn is_nil(&self) -> bool {
        self.table.is_none()
    }

    /// How many keys it has.
    pub fn len(&self) -> usize {
        self.table.as_ref().map_or(0, |table| table.0.borrow().len())
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.table.as_ref()?.0.borrow().get(key).cloned()
    }

    /// Whether there is such a key.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.table.as_ref().is_some_and(|table| table.0.borrow().contains_key(key))
    }

    /// Puts a value under a key.
    ///
    /// # Errors
    /// When the map is nil.
    pub fn insert(&self, key: Str, value: Value) -> Result<(), NilMap> {
        let Some(table) = &self.table else { return Err(NilMap) };
        let old = table.0.borrow_mut().insert(key, value);
        drop(old);
        Ok(())
    }

    /// Takes a key out; one that is not there is no error.
    pub fn remove(&self, key: &[u8]) -> Option<Value> {
        self.table.as_ref()?.0.borrow_mut().remove(key)
    }

    /// The keys and values, borrowed: let go before anything else may write. `None` for the nil map.
    pub fn entries(&self) -> Option<Ref<'_, BTreeMap<Str, Value>>> {
        self.table.as_ref().map(|table| table.0.borrow())
    }

    /// A copy of the keys and values, in order.
    pub fn to_vec(&self) -> Vec<(Str, Value)> {
        self.entries()
            .map_or_else(Vec::new, |it| it.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// The keys in order.
    pub fn keys(&self) -> Vec<Str> {
        self.entries().map_or_else(Vec::new, |it| it.keys().cloned().collect())
    }

    /// A map of its own with the same keys and the same values; what these refer to stays shared.
    pub fn shallow_copy(&self) -> Self {
        match self.entries() {
            Some(entries) => Self::new(self.kind, entries.clone()),
            None => Self::nil(self.kind),
        }
    }

    /// Whether both are one map.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.table, &other.table) {
            (Some(one), Some(two)) => Rc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        }
    }

    /// Gives the values away where nobody else holds the map.
    pub(super) fn into_sole_values(self) -> Option<std::collections::btree_map::IntoValues<Str, Value>> {
        let table = Rc::try_unwrap(self.table?).ok()?;
        Some(std::mem::take(&mut *table.0.borrow_mut()).into_values())
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(len {})", self.kind.name, self.len())
    }
}
