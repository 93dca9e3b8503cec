//! A walk over a value that keeps its own stack, so that depth costs memory and never the thread.

use super::Value;

/// What the walk meets.
pub(super) enum Step<'a> {
    /// A scalar or an empty collection.
    Leaf(&'a Value),
    /// A list that has items.
    Seq,
    /// A mapping that has entries.
    Map,
    /// The key of the value that comes next.
    Key(&'a str),
    /// The end of the innermost list.
    EndSeq,
    /// The end of the innermost mapping.
    EndMap,
}

/// Visits `root` depth first, keys in the order that `sort` gives them.
pub(super) struct Walk<'a, S> {
    next: Option<&'a Value>,
    open: Vec<Open<'a>>,
    /// The entries still to come of all open mappings, each mapping's in reverse.
    entries: Vec<(&'a str, &'a Value)>,
    sort: S,
}

enum Open<'a> {
    Seq(std::slice::Iter<'a, Value>),
    Map { left: usize },
}

impl<'a, S: Fn(&mut [(&'a str, &'a Value)])> Walk<'a, S> {
    pub(super) fn new(root: &'a Value, sort: S) -> Self {
        Self { next: Some(root), open: Vec::new(), entries: Vec::new(), sort }
    }
}

impl<'a, S: Fn(&mut [(&'a str, &'a Value)])> Iterator for Walk<'a, S> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        if let Some(value) = self.next.take() {
            return Some(match value {
                Value::Seq(items) if !items.is_empty() => {
                    self.open.push(Open::Seq(items.iter()));
                    Step::Seq
                }
                Value::Map(map) if !map.is_empty() => {
                    let start = self.entries.len();
                    self.entries.extend(map.iter());
                    if let Some(entries) = self.entries.get_mut(start..) {
                        (self.sort)(entries);
                        entries.reverse();
                    }
                    self.open.push(Open::Map { left: map.len() });
                    Step::Map
                }
                leaf => Step::Leaf(leaf),
            });
        }
        match self.open.last_mut()? {
            Open::Seq(items) => {
                self.next = items.next();
                if self.next.is_some() {
                    return self.next();
                }
                self.open.pop();
                Some(Step::EndSeq)
            }
            Open::Map { left: 0 } => {
                self.open.pop();
                Some(Step::EndMap)
            }
            Open::Map { left } => {
                *left -= 1;
                let (key, value) = self.entries.pop()?;
                self.next = Some(value);
                Some(Step::Key(key))
            }
        }
    }
}
