//! Lists and watches as one sequence of changes, whatever happens to the watch.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Cluster, Error, ListOptions, Metadata, Reference, ResourceVersion, Watch, WatchEvent};
use crate::object::Gvk;

/// What is different from before.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is there, and was not there in this version before.
    Applied(Metadata),
    /// It is gone; this is how it was last seen.
    Deleted(Metadata),
    /// All that was there when the list was made has been told.
    Listed,
}

/// Follows the objects of one kind: a list, then a watch, and again a list when the watch has expired, with whatever was missed
/// in between told as changes.
pub struct Follow {
    cluster: Arc<dyn Cluster>,
    gvk: Gvk,
    options: ListOptions,
    known: BTreeMap<Reference, Metadata>,
    from: Option<ResourceVersion>,
    watch: Option<Watch>,
    told: VecDeque<Change>,
    goes_on: Arc<AtomicBool>,
}

impl Follow {
    /// Begins with a list, when it is first asked.
    pub fn new(cluster: Arc<dyn Cluster>, gvk: Gvk, options: ListOptions) -> Self {
        let (known, told) = (BTreeMap::new(), VecDeque::new());
        Self { cluster, gvk, options, known, from: None, watch: None, told, goes_on: Arc::default() }
    }

    /// Whether a change would be told as soon as it happens: true from the first watch on, and false from an error until the
    /// server is heard again.
    pub fn goes_on(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.goes_on)
    }

    /// The next change. May be dropped while it waits, and nothing is lost.
    ///
    /// # Errors
    /// When the server cannot be asked. The next call tries again, so callers wait a little in between.
    pub async fn next(&mut self) -> Result<Change, Error> {
        let next = self.advance().await;
        if next.is_err() {
            self.goes_on.store(false, Ordering::Relaxed);
        }
        next
    }

    async fn advance(&mut self) -> Result<Change, Error> {
        loop {
            if let Some(change) = self.told.pop_front() {
                return Ok(change);
            }
            let Some(from) = self.from.clone() else {
                self.list().await?;
                continue;
            };
            let Some(watch) = &mut self.watch else {
                match self.cluster.watch_metadata(&self.gvk, &self.options, &from).await {
                    Ok(watch) => {
                        self.watch = Some(watch);
                        self.goes_on.store(true, Ordering::Relaxed);
                    }
                    Err(Error::Gone(_)) => self.from = None,
                    Err(error) => return Err(error),
                }
                continue;
            };
            match watch.next().await {
                Some(Ok(event)) => self.note(event),
                Some(Err(Error::Gone(_))) => (self.watch, self.from) = (None, None),
                Some(Err(error)) => {
                    self.watch = None;
                    return Err(error);
                }
                // The server ends every watch after some minutes.
                None => self.watch = None,
            }
        }
    }

    /// What is known to be there.
    pub fn known(&self) -> impl Iterator<Item = &Metadata> {
        self.known.values()
    }

    async fn list(&mut self) -> Result<(), Error> {
        let (items, version) = self.cluster.list_metadata(&self.gvk, &self.options).await?;
        let mut gone = std::mem::take(&mut self.known);
        for item in items {
            let before = gone.remove(&item.reference());
            let same = |before: &Metadata| {
                let key = |it: &Metadata| {
                    (
                        it.as_object().uid().map(str::to_owned),
                        it.as_object().resource_version().map(str::to_owned),
                    )
                };
                key(before) == key(&item)
            };
            if !before.as_ref().is_some_and(same) {
                self.told.push_back(Change::Applied(item.clone()));
            }
            self.known.insert(item.reference(), item);
        }
        self.told.extend(gone.into_values().map(Change::Deleted));
        self.told.push_back(Change::Listed);
        self.from = Some(version);
        Ok(())
    }

    fn note(&mut self, event: WatchEvent) {
        self.from = event.resource_version().or_else(|| self.from.take());
        match event {
            WatchEvent::Added(item) | WatchEvent::Modified(item) => {
                self.known.insert(item.reference(), item.clone());
                self.told.push_back(Change::Applied(item));
            }
            WatchEvent::Deleted(item) => {
                self.known.remove(&item.reference());
                self.told.push_back(Change::Deleted(item));
            }
            WatchEvent::Bookmark(_) => {}
        }
    }
}
