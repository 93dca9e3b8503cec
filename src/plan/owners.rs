use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{object::ObjectId, render::Owner};

/// Whose an object is, seen from one entry: what all others hold, or render. Making such a view costs nothing, however
/// many objects there are.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    all: Arc<BTreeMap<ObjectId, BTreeSet<Owner>>>,
    beside: Option<Owner>,
}

impl Owners {
    /// Everybody's, that of the entry that asks included until [`Owners::beside`] leaves it out.
    pub fn of(held: impl IntoIterator<Item = (ObjectId, Owner)>) -> Self {
        let mut all: BTreeMap<ObjectId, BTreeSet<Owner>> = BTreeMap::new();
        for (id, owner) in held {
            all.entry(id).or_default().insert(owner);
        }
        Self { all: Arc::new(all), beside: None }
    }

    /// The same without what `owner` itself has.
    #[must_use]
    pub fn beside(&self, owner: &Owner) -> Self {
        Self { all: Arc::clone(&self.all), beside: Some(owner.clone()) }
    }

    /// Who else has the object.
    pub fn get(&self, id: &ObjectId) -> Option<&Owner> {
        self.all.get(id).and_then(|owners| self.others(owners))
    }

    /// Whether somebody else has it.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.get(id).is_some()
    }

    /// All that others have.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Owner)> {
        self.all.iter().filter_map(|(id, owners)| Some((id, self.others(owners)?)))
    }

    fn others<'a>(&self, owners: &'a BTreeSet<Owner>) -> Option<&'a Owner> {
        owners.iter().find(|it| Some(*it) != self.beside.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_sees_what_the_others_have() {
        let owner =
            |entry: &str| Owner { channel: "platform".parse().unwrap(), entry: entry.parse().unwrap() };
        let id = |name: &str| -> ObjectId { format!("shop_{name}__ConfigMap").parse().unwrap() };
        let all = Owners::of([
            (id("ours"), owner("shop")),
            (id("both"), owner("shop")),
            (id("both"), owner("till")),
            (id("theirs"), owner("till")),
        ]);
        let seen = all.beside(&owner("shop"));
        assert_eq!(seen.get(&id("ours")), None);
        // What two entries hold while it is handed over is the other's for each of them.
        assert_eq!(seen.get(&id("both")), Some(&owner("till")));
        assert_eq!(all.beside(&owner("till")).get(&id("both")), Some(&owner("shop")));
        assert!(seen.contains(&id("theirs")) && !seen.contains(&id("nobody's")));
        assert_eq!(seen.iter().count(), 2);
    }
}
