//! A mapping that keeps the order of its insertion and finds a key fast, however many there are.

use std::hash::{BuildHasher as _, RandomState};

use super::Value;

/// Up to this many entries a walk over the keys beats a hash.
const SMALL: usize = 16;

/// Keys to values, in the order of insertion; each key once.
#[derive(Clone, Default)]
pub struct Map {
    entries: Vec<(String, Value)>,
    /// Present once there are more than [`SMALL`] entries.
    index: Option<Box<Index>>,
}

impl Map {
    /// An empty mapping.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty mapping with room for `capacity` entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), index: None }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What stands under `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let (_, value) = self.entries.get(self.position(key)?)?;
        Some(value)
    }

    /// What stands under `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let position = self.position(key)?;
        let (_, value) = self.entries.get_mut(position)?;
        Some(value)
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Puts `value` under `key` and gives back what stood there. A key that is known keeps its place.
    pub fn insert(&mut self, key: String, value: Value) -> Option<Value> {
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        self.push(key, value);
        None
    }

    /// What stands under `key`, after `default` was put there if nothing did.
    pub fn get_or_insert_with(&mut self, key: &str, default: impl FnOnce() -> Value) -> &mut Value {
        let position = self.position(key).unwrap_or_else(|| {
            self.push(key.to_owned(), default());
            self.entries.len() - 1
        });
        let (_, value) = self.entries.get_mut(position).expect("the position was just found or made");
        value
    }

    /// Takes `key` out; the entries behind it move up.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let position = self.position(key)?;
        let (_, value) = self.entries.remove(position);
        self.reindex();
        Some(value)
    }

    /// Keeps the entries for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
        self.reindex();
    }

    /// The entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> + DoubleEndedIterator {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The entries in order, with values to change.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&str, &mut Value)> + DoubleEndedIterator {
        self.entries.iter_mut().map(|(key, value)| (key.as_str(), value))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        self.entries.iter().map(|(key, _)| key.as_str())
    }

    /// The values in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> + DoubleEndedIterator {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The values in order, to change them.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut Value> + DoubleEndedIterator {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            None => self.entries.iter().position(|(known, _)| known == key),
            Some(index) => index.find(&self.entries, key),
        }
    }

    /// Appends an entry whose key the caller knows not to be there yet.
    pub(in crate::yaml) fn append(&mut self, key: String, value: Value) {
        debug_assert!(!self.contains_key(&key), "{key} is there already");
        self.push(key, value);
    }

    /// Appends a key that is not there yet.
    fn push(&mut self, key: String, value: Value) {
        self.entries.push((key, value));
        match &mut self.index {
            Some(index) => index.add(&self.entries),
            None if self.entries.len() > SMALL => self.reindex(),
            None => (),
        }
    }

    fn reindex(&mut self) {
        self.index = (self.entries.len() > SMALL).then(|| Box::new(Index::of(&self.entries)));
    }
}

impl PartialEq for Map {
    /// The order of insertion is how we found it, not what it means.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl std::fmt::Debug for Map {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(String, Value)> for Map {
    /// A key that comes again replaces the value and keeps its place.
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(entries: T) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl Extend<(String, Value)> for Map {
    fn extend<T: IntoIterator<Item = (String, Value)>>(&mut self, entries: T) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// Positions by hash: open addressing, at most half full, zero for a free slot. The keys stay in the entries.
#[derive(Clone)]
struct Index {
    hasher: RandomState,
    /// One more than the position, so that zero is free.
    slots: Vec<u32>,
}

impl Index {
    fn of(entries: &[(String, Value)]) -> Self {
        let size = (entries.len() * 4).next_power_of_two();
        let mut index = Self { hasher: RandomState::new(), slots: vec![0; size] };
        for (position, (key, _)) in entries.iter().enumerate() {
            index.place(key, position);
        }
        index
    }

    /// Takes the last of `entries` in.
    fn add(&mut self, entries: &[(String, Value)]) {
        if entries.len() * 2 > self.slots.len() {
            *self = Self::of(entries);
        } else if let Some((position, (key, _))) = entries.iter().enumerate().next_back() {
            self.place(key, position);
        }
    }

    fn place(&mut self, key: &str, position: usize) {
        let mut at = self.start(key);
        // A mapping of 2^32 keys does not fit the memory that holds it; one would be found by no one.
        let mark = u32::try_from(position + 1).unwrap_or(u32::MAX);
        while let Some(slot) = self.slots.get_mut(at) {
            if *slot == 0 {
                *slot = mark;
                return;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn find(&self, entries: &[(String, Value)], key: &str) -> Option<usize> {
        let mut at = self.start(key);
        loop {
            let position = (*self.slots.get(at)? as usize).checked_sub(1)?;
            let (known, _) = entries.get(position)?;
            if known == key {
                return Some(position);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn start(&self, key: &str) -> usize {
        let hash = self.hasher.hash_one(key);
        usize::try_from(hash & (self.slots.len() as u64 - 1)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: i64) -> String {
        format!("k{number}")
    }

    #[test]
    fn keys_are_found_in_small_and_in_large_maps_and_keep_their_order() {
        for size in [0, 1, 15, 16, 17, 18, 40, 1000] {
            let mut map: Map = (0..size).map(|n| (key(n), Value::Int(n))).collect();
            assert_eq!(map.len() as i64, size);
            for n in 0..size {
                assert_eq!(map.get(&key(n)), Some(&Value::Int(n)), "{n} of {size}");
            }
            assert_eq!(map.get("k"), None);
            assert_eq!(map.get(&key(size)), None);
            if size > 2 {
                assert_eq!(map.insert(key(1), Value::Null), Some(Value::Int(1)));
                assert_eq!(map.remove(&key(0)), Some(Value::Int(0)));
                assert_eq!(map.remove(&key(0)), None);
                assert_eq!(map.keys().next(), Some("k1"), "a replaced value keeps its place");
                assert_eq!(map.get(&key(size - 1)), Some(&Value::Int(size - 1)));
                map.retain(|known, _| known != "k2");
                assert!(!map.contains_key("k2") && map.contains_key("k1"));
                *map.get_or_insert_with("new", || Value::Int(0)) = Value::Int(9);
                assert_eq!(map.get("new"), Some(&Value::Int(9)));
            }
        }
    }

    #[test]
    fn the_order_does_not_matter_for_equality() {
        let forward: Map = (0..30).map(|n| (key(n), Value::Int(n))).collect();
        let backward: Map = (0..30).rev().map(|n| (key(n), Value::Int(n))).collect();
        assert_eq!(forward, backward);
    }
}
