//! The tables that keys name: which exist, which are only implied, and what may be defined twice.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    key::joined,
    scan::{Error, Scanner},
};
use crate::render::gotemplate::{
    List, Map, Str, Value,
    value::{ANY_MAP, ANY_MAPS},
};

/// The document as it grows.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Map,
    /// Keys of tables that were implied by longer keys only.
    implicit: BTreeSet<Vec<u8>>,
    /// Keys whose value is an array.
    arrays: BTreeSet<Vec<u8>>,
    /// The line of the key that was read last, which some errors name.
    pub(super) line: i64,
}

pub(super) fn new_map() -> Map {
    Map::new(&ANY_MAP, BTreeMap::new())
}

/// The table that a value is: itself, or the last one of an array of tables.
fn table(value: &Value) -> Option<Map> {
    match value {
        Value::Map(map) => Some(map.clone()),
        Value::List(list) if list.list_type() == &ANY_MAPS => match list.items().last() {
            Some(Value::Map(map)) => Some(map.clone()),
            _ => None,
        },
        _ => None,
    }
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { root: new_map(), implicit: BTreeSet::new(), arrays: BTreeSet::new(), line: 1 }
    }

    pub(super) fn imply(&mut self, key: &[Str]) {
        self.implicit.insert(joined(key));
    }

    /// Notes whether the value of a key is an array.
    pub(super) fn note(&mut self, scanner: &Scanner<'_>, is_array: bool) {
        let mut key = scanner.context.clone();
        if !scanner.current.is_empty() || key.is_empty() {
            key.push(scanner.current.clone());
        }
        let key = joined(&key);
        if is_array {
            self.arrays.insert(key);
        } else {
            self.arrays.remove(&key);
        }
    }

    fn fail(&self, scanner: &Scanner<'_>, text: &str, key: &[Str], end: &str) -> Error {
        let key = String::from_utf8_lossy(&joined(key)).into_owned();
        scanner.fail_at(format!("{text} '{key}' {end}"), self.line)
    }

    /// Goes to a table, and makes it and those on the way where they are missing.
    pub(super) fn enter(&mut self, scanner: &mut Scanner<'_>, key: &[Str], array: bool) -> Result<(), Error> {
        let Some((last, parents)) = key.split_last() else { return Ok(()) };
        let mut at = self.root.clone();
        let mut context = Vec::with_capacity(key.len());
        for part in parents {
            context.push(part.clone());
            if !at.contains(part) {
                self.imply(&context);
                // A fresh map is never nil.
                let _ = at.insert(part.clone(), new_map().into());
            }
            at = match at.get(part).as_ref().and_then(table) {
                Some(next) => next,
                None => return Err(self.fail(scanner, "Key", &context, "was already created as a hash.")),
            };
        }
        scanner.context = context;
        if array {
            let known = at.get(last).unwrap_or_else(|| List::new(&ANY_MAPS, Vec::new()).into());
            let Value::List(list) = known else {
                return Err(self.fail(
                    scanner,
                    "Key",
                    key,
                    "was already created and cannot be used as an array.",
                ));
            };
            if list.list_type() != &ANY_MAPS {
                return Err(self.fail(
                    scanner,
                    "Key",
                    key,
                    "was already created and cannot be used as an array.",
                ));
            }
            let mut tables = list.to_vec();
            tables.push(new_map().into());
            let _ = at.insert(last.clone(), List::new(&ANY_MAPS, tables).into());
        } else {
            self.set(scanner, last, new_map().into())?;
        }
        scanner.context.push(last.clone());
        Ok(())
    }

    /// Sets a key of the table that is being filled.
    pub(super) fn set(&mut self, scanner: &Scanner<'_>, key: &Str, value: Value) -> Result<(), Error> {
        let mut at = self.root.clone();
        let mut context = Vec::with_capacity(scanner.context.len() + 1);
        for part in &scanner.context {
            context.push(part.clone());
            at = match at.get(part).as_ref().and_then(table) {
                Some(next) => next,
                None => return Err(self.fail(scanner, "Key", &context, "has already been defined.")),
            };
        }
        context.push(key.clone());
        let whole = joined(&context);
        if at.contains(key) {
            // What was implied may be written out once.
            let implied = self.implicit.remove(&whole);
            if !implied {
                return Err(self.fail(scanner, "Key", &context, "has already been defined."));
            }
            if !self.arrays.contains(&whole) {
                return Ok(());
            }
        }
        let _ = at.insert(key.clone(), value);
        Ok(())
    }
}
