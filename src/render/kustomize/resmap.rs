//! The resources of a kustomization, in order, and found by what they are and were called.

use std::collections::HashMap;

use super::{
    Error,
    error::Cause,
    id::{Key, ResId},
    node::Nodes,
    resource::{Resource, annotation, texts},
    schema::Schemas,
};
use crate::limits;

/// Resources in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct ResMap {
    list: Vec<Resource>,
    /// Positions by what resources are called now; none while nobody asked or once something changed.
    current: Option<Index>,
    /// Positions by all that resources are or were called; likewise.
    any: Option<Index>,
}

/// Positions by identity, in order.
#[derive(Debug, Default)]
struct Index(HashMap<Key, Vec<usize>>);

impl Index {
    fn add<'r>(&mut self, at: usize, ids: impl Iterator<Item = &'r ResId>) {
        for id in ids {
            let known = self.0.entry(id.key()).or_default();
            if let Err(place) = known.binary_search(&at) {
                known.insert(place, at);
            }
        }
    }

    fn remove<'r>(&mut self, at: usize, ids: impl Iterator<Item = &'r ResId>) {
        for id in ids {
            if let Some(known) = self.0.get_mut(&id.key()) {
                known.retain(|it| *it != at);
            }
        }
    }

    fn get(&self, id: &ResId) -> Vec<usize> {
        self.0.get(&id.key()).cloned().unwrap_or_default()
    }
}

/// What a generator's resource does to one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behavior {
    Unspecified,
    Create,
    Replace,
    Merge,
}

impl Behavior {
    pub(super) fn of(text: &str) -> Self {
        match text {
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            "create" => Self::Create,
            _ => Self::Unspecified,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Merge => "merge",
            Self::Create => "create",
            Self::Unspecified => "unspecified",
        }
    }
}

fn registered(resource: &Resource) -> Error {
    let message = format!("may not add resource with an already registered id: {}", resource.id());
    Error::because(Cause::Duplicate, message)
}

impl ResMap {
    /// Resources of which no two may be the same.
    pub(super) fn from_list(list: Vec<Resource>) -> Result<Self, Error> {
        let mut map = Self::default();
        map.append_all(list)?;
        Ok(map)
    }

    pub(super) fn list(&self) -> &[Resource] {
        &self.list
    }

    /// The resources, to change them at will; all that is known of their identities is forgotten.
    pub(super) fn list_mut(&mut self) -> &mut Vec<Resource> {
        self.current = None;
        self.any = None;
        &mut self.list
    }

    pub(super) fn into_list(self) -> Vec<Resource> {
        self.list
    }

    /// Changes one resource, and keeps track of what it is called.
    pub(super) fn change<T>(&mut self, at: usize, change: impl FnOnce(&mut Resource) -> T) -> Option<T> {
        let resource = self.list.get_mut(at)?;
        if self.current.is_none() && self.any.is_none() {
            return Some(change(resource));
        }
        let before = resource.identity();
        let result = change(resource);
        if before.is(resource) {
            return Some(result);
        }
        if let Some(current) = &mut self.current {
            current.remove(at, [&before.current].into_iter());
            current.add(at, [resource.id()].into_iter());
        }
        if let Some(any) = &mut self.any {
            any.remove(at, before.previous.iter().chain([&before.current]));
            any.add(at, resource.all_ids());
        }
        Some(result)
    }

    fn current(&mut self) -> &mut Index {
        let list = &self.list;
        self.current.get_or_insert_with(|| {
            let mut index = Index(HashMap::with_capacity(list.len()));
            for (at, resource) in list.iter().enumerate() {
                index.add(at, [resource.id()].into_iter());
            }
            index
        })
    }

    fn any(&mut self) -> &mut Index {
        let list = &self.list;
        self.any.get_or_insert_with(|| {
            let mut index = Index(HashMap::with_capacity(list.len()));
            for (at, resource) in list.iter().enumerate() {
                index.add(at, resource.all_ids());
            }
            index
        })
    }

    /// Where resources are that are called so now.
    pub(super) fn by_current(&mut self, id: &ResId) -> Vec<usize> {
        self.current().get(id)
    }

    /// Where resources are that are or were called so.
    pub(super) fn by_any(&mut self, nodes: &Nodes<'_>, id: &ResId) -> Vec<usize> {
        let mut found = self.any().get(id);
        found.retain(|at| self.list.get(*at).is_some_and(|resource| !resource.is_empty(nodes)));
        found
    }

    /// The one resource that is or was called so.
    pub(super) fn one_by_any(&mut self, nodes: &Nodes<'_>, id: &ResId) -> Result<usize, Error> {
        let how_many = match self.by_any(nodes, id).as_slice() {
            [one] => return Ok(*one),
            [] => "no",
            _ => "multiple",
        };
        let message = format!("{how_many} matches for Id {id}; failed to find unique target for patch {id}");
        Err(Error::because(Cause::Target, message))
    }

    /// Appends a resource that is not there yet.
    pub(super) fn append(&mut self, resource: Resource) -> Result<(), Error> {
        if !self.by_current(resource.id()).is_empty() {
            return Err(registered(&resource));
        }
        if self.list.len() >= limits::RENDERED_OBJECTS {
            return Err(Error::limit("the build", limits::RENDERED_OBJECTS, "resources"));
        }
        let at = self.list.len();
        self.current().add(at, [resource.id()].into_iter());
        if let Some(any) = &mut self.any {
            any.add(at, resource.all_ids());
        }
        self.list.push(resource);
        Ok(())
    }

    pub(super) fn append_all(&mut self, list: Vec<Resource>) -> Result<(), Error> {
        list.into_iter().try_for_each(|resource| self.append(resource))
    }

    /// Takes what a generator made: new resources, or ones that replace or are merged into others.
    pub(super) fn absorb(
        &mut self,
        nodes: &mut Nodes<'_>,
        schemas: &Schemas,
        list: Vec<Resource>,
    ) -> Result<(), Error> {
        list.into_iter().try_for_each(|resource| self.absorb_one(nodes, schemas, resource))
    }

    fn absorb_one(
        &mut self,
        nodes: &mut Nodes<'_>,
        schemas: &Schemas,
        mut new: Resource,
    ) -> Result<(), Error> {
        let id = new.id().clone();
        let behavior = Behavior::of(new.annotation(nodes, annotation::BEHAVIOR).unwrap_or(""));
        let found = self.by_any(nodes, &id);
        let at = match (found.as_slice(), behavior) {
            ([], Behavior::Merge | Behavior::Replace) => {
                let message = format!("id {} does not exist; cannot merge or replace", id.go_syntax());
                return Err(Error::because(Cause::Target, message));
            }
            ([], _) => return self.append(new),
            ([at], _) => *at,
            _ => {
                let all: Vec<String> =
                    found.iter().filter_map(|at| self.list.get(*at)).map(|it| it.id().to_string()).collect();
                let message = format!(
                    "found multiple objects {} that could accept merge of {id}",
                    super::text::list(&all)
                );
                return Err(Error::because(Cause::Duplicate, message));
            }
        };
        let Some(old) = self.list.get(at).cloned() else { return Ok(()) };
        match behavior {
            Behavior::Replace => new.take_metadata(nodes, &old, schemas)?,
            Behavior::Merge => {
                let origin = old.annotation(nodes, annotation::ORIGIN).map(str::to_owned);
                new.take_metadata(nodes, &old, schemas)?;
                super::generate::merge_data(nodes, new.node, old.node)?;
                if let Some(origin) = origin {
                    new.put_annotation(nodes, annotation::ORIGIN, &origin)?;
                }
            }
            _ => {
                let message = format!(
                    "id {} exists; can not use behavior: '{}', behavior must be merge or replace",
                    id.go_syntax(),
                    behavior.word()
                );
                return Err(Error::because(Cause::Duplicate, message));
            }
        }
        let mut trail = old.trail;
        trail.append(&mut new.trail);
        new.trail = trail;
        new.place = old.place;
        new.refresh(nodes, schemas);
        match self.by_current(new.id()).as_slice() {
            [place] if *place == at => {
                self.change(at, |slot| *slot = new);
                Ok(())
            }
            [] => Err(Error::new(format!("cannot find resource with id {} to replace", new.id()))),
            [_] => Err(Error::new("unexpected target index in replacement")),
            all => Err(Error::new(format!("in Replace: id matched {} resources", all.len()))),
        }
    }

    /// Drops what patches have left nothing of.
    pub(super) fn drop_empty(&mut self, nodes: &Nodes<'_>) {
        if self.list.iter().any(|resource| resource.is_empty(nodes)) {
            self.list_mut().retain(|resource| !resource.is_empty(nodes));
        }
    }

    /// Checks that no two resources are called the same; the first that is called like one before it is an error.
    pub(super) fn check_unique(&mut self) -> Result<(), Error> {
        let twice = self.current().0.values().filter_map(|places| places.get(1)).min().copied();
        match twice.and_then(|at| self.list.get(at)) {
            Some(resource) => Err(registered(resource)),
            None => Ok(()),
        }
    }

    /// Drops what is not meant for the cluster.
    pub(super) fn drop_local(&mut self, nodes: &Nodes<'_>) -> Result<(), Error> {
        let mut kept = std::collections::HashSet::new();
        let mut any = false;
        for resource in &self.list {
            if resource.is_empty(nodes) {
                any = true;
                continue;
            }
            super::read::check_metadata(nodes, resource.node)?;
            let local = texts(nodes, resource.node, "annotations").remove(annotation::LOCAL_CONFIG);
            if local.is_none_or(|value| value == "false") {
                kept.insert(resource.id().key());
            } else {
                any = true;
            }
        }
        if any {
            self.list_mut().retain(|resource| kept.contains(&resource.id().key()));
        }
        Ok(())
    }
}
