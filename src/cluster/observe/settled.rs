//! What need not be asked again.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    digest::Digest,
    object::{Object, ObjectId},
    plan::{Observed, Plan},
    render::Rendered,
};

/// What an earlier comparison found equal: it stays so until the object or what is wanted changes, and is not asked again.
#[derive(Clone, Debug, Default)]
pub struct Settled(BTreeMap<ObjectId, Compared>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Compared {
    desired: Digest,
    uid: String,
    version: String,
}

impl Compared {
    fn of(desired: &Object, live: &Object) -> Option<Self> {
        let bytes = serde_json::to_vec(desired).ok()?;
        let (uid, version) = (live.uid()?.to_owned(), live.resource_version()?.to_owned());
        Some(Self { desired: Digest::of(&bytes), uid, version })
    }
}

impl Settled {
    /// Notes what a plan found unchanged.
    pub fn note(&mut self, rendered: &Rendered, observed: &Observed, plan: &Plan) {
        let unchanged: BTreeSet<&ObjectId> = plan.unchanged().iter().collect();
        for object in rendered.objects() {
            let id = object.id();
            let live = observed.objects.get(&id).and_then(|it| it.object.as_ref());
            match live.filter(|_| unchanged.contains(&id)).and_then(|live| Compared::of(object, live)) {
                Some(compared) => self.0.insert(id, compared),
                // What drifted stays known by what it was last, so that whoever puts it back knows that it drifted.
                None if self.was_equal(object) => continue,
                None => self.0.remove(&id),
            };
        }
    }

    /// Notes what was written, as the server answered: to apply the same again would change nothing.
    pub fn note_written<'a>(
        &mut self,
        rendered: &Rendered,
        written: impl Fn(&ObjectId) -> Option<&'a Object>,
    ) {
        for object in rendered.objects() {
            let id = object.id();
            if let Some(compared) = written(&id).and_then(|live| Compared::of(object, live)) {
                self.0.insert(id, compared);
            }
        }
    }

    /// Whether an earlier comparison found anything equal to it.
    pub(super) fn knows(&self, id: &ObjectId) -> bool {
        self.0.contains_key(id)
    }

    /// Whether this version of an object is the one that was compared, or written.
    pub fn is_version(&self, id: &ObjectId, uid: &str, version: &str) -> bool {
        self.0.get(id).is_some_and(|it| it.uid == uid && it.version == version)
    }

    /// Whether the object was as it should be for the very same desired state, so that any difference came later.
    pub fn was_equal(&self, desired: &Object) -> bool {
        let bytes = serde_json::to_vec(desired).unwrap_or_default();
        self.0.get(&desired.id()).is_some_and(|it| it.desired == Digest::of(&bytes))
    }

    pub(super) fn holds(&self, desired: &Object, live: &Object) -> bool {
        let known = self.0.get(&desired.id());
        known.is_some() && known == Compared::of(desired, live).as_ref()
    }
}
