//! Deleting, and what goes along: contents of namespaces, objects of removed kinds, dependants.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    core::{Core, conflict, metadata, not_found, seconds},
    log::Happened,
    serve::definition_kind,
    validate,
    write::namespace_id,
};
use crate::{
    cluster::{DeleteOptions, Error, PropagationPolicy, Reference},
    object::{GroupKind, Object, ObjectId},
};

/// The finalizer that keeps an object until its dependants are gone.
const FOREGROUND: &str = "foregroundDeletion";

impl Core {
    pub(super) fn delete(&mut self, reference: &Reference, options: &DeleteOptions) -> Result<(), Error> {
        let (kind, id) = self.place(reference)?;
        self.scan_one(&id)?;
        let live = self.live(&id).ok_or_else(|| not_found(&kind, &id.name))?;
        let wanted = &options.preconditions;
        let differs = |what: &str, wanted: &str, found: &str| {
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). The object might have been deleted and then recreated"
            );
            conflict(&kind, &id.name, &why)
        };
        if let Some(uid) = wanted.uid.as_deref().filter(|it| Some(*it) != live.uid()) {
            return Err(differs("UID", uid, live.uid().unwrap_or("")));
        }
        if let Some(version) =
            wanted.resource_version.as_ref().filter(|it| Some(it.0.as_str()) != live.resource_version())
        {
            return Err(differs("ResourceVersion", &version.0, live.resource_version().unwrap_or("")));
        }
        validate::deletion(&kind, &id.name)?;
        if options.dry_run {
            return Ok(());
        }
        self.begin_deletion(&id, options.propagation)
    }

    /// Removes an object, or marks it where something must happen first.
    pub(super) fn begin_deletion(
        &mut self,
        id: &ObjectId,
        propagation: PropagationPolicy,
    ) -> Result<(), Error> {
        let Some(live) = self.live(id) else { return Ok(()) };
        self.unsettled = true;
        if live.deleted().is_some() {
            return Ok(());
        }
        let uid = live.uid().unwrap_or("").to_owned();
        let dependants = self.dependants(&uid);
        let mut finalizers = finalizers(&live);
        match propagation {
            PropagationPolicy::Orphan => {
                for dependant in &dependants {
                    self.orphan(dependant, &uid)?;
                }
            }
            PropagationPolicy::Foreground if !dependants.is_empty() => finalizers.push(FOREGROUND.to_owned()),
            _ => {}
        }
        if finalizers.is_empty() && self.holds(id).is_empty() {
            return self.remove(&live);
        }
        let now = seconds(self.now());
        let mut object = (*live).clone().into_value();
        let fields = metadata(&mut object);
        fields.insert("deletionTimestamp".to_owned(), now.into());
        fields.insert("deletionGracePeriodSeconds".to_owned(), 0.into());
        if !finalizers.is_empty() {
            fields.insert("finalizers".to_owned(), json!(finalizers));
        }
        if let Some(generation) = live.generation() {
            fields.insert("generation".to_owned(), (generation + 1).into());
        }
        if *id == namespace_id(&id.name) {
            super::core::map_at(&mut object, "status").insert("phase".to_owned(), "Terminating".into());
        }
        self.change(Happened::Modified, object).map(|_| ())
    }

    fn remove(&mut self, object: &Arc<Object>) -> Result<(), Error> {
        self.unsettled = true;
        self.declared.forget(&object.id());
        self.change(Happened::Deleted, (**object).clone().into_value()).map(|_| ())
    }

    fn orphan(&mut self, id: &ObjectId, owner: &str) -> Result<(), Error> {
        let Some(live) = self.live(id) else { return Ok(()) };
        let mut object = (*live).clone().into_value();
        let fields = metadata(&mut object);
        if let Some(owners) = fields.get_mut("ownerReferences").and_then(Value::as_array_mut) {
            owners.retain(|it| it.get("uid").and_then(Value::as_str) != Some(owner));
            if owners.is_empty() {
                fields.remove("ownerReferences");
            }
        }
        self.change(Happened::Modified, object).map(|_| ())
    }

    fn dependants(&self, uid: &str) -> Vec<ObjectId> {
        let objects = self.log.state.objects.iter();
        let owned =
            objects.filter(|(_, it)| it.object.owner_references().iter().any(|owner| owner.uid == uid));
        owned.map(|(id, _)| id.clone()).collect()
    }

    /// What an object holds that must go before it: a namespace its content, a definition the objects of its kind.
    fn holds(&self, id: &ObjectId) -> Vec<ObjectId> {
        let all = self.log.state.objects.keys();
        if *id == namespace_id(&id.name) {
            return all.filter(|it| it.namespace == id.name).cloned().collect();
        }
        let Some(definition) = self.live(id).filter(|_| id.group_kind == definition_kind()) else {
            return Vec::new();
        };
        let text = |path: &[&str]| definition.text(path).unwrap_or("").to_owned();
        let kind = GroupKind { group: text(&["spec", "group"]), kind: text(&["spec", "names", "kind"]) };
        all.filter(|it| it.group_kind == kind).cloned().collect()
    }

    /// Carries on with every deletion until nothing moves: what controllers do in the background of a cluster.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        while std::mem::take(&mut self.unsettled) {
            let objects = self.log.state.objects.values().map(|it| it.object.clone());
            let alive: BTreeSet<String> =
                objects.clone().filter_map(|it| it.uid().map(str::to_owned)).collect();
            let all: Vec<Arc<Object>> = objects
                .filter(|it| it.deleted().is_some() || it.get(&["metadata", "ownerReferences"]).is_some())
                .collect();
            for object in all {
                self.settle_one(&object, &alive)?;
            }
        }
        Ok(())
    }

    fn settle_one(&mut self, object: &Arc<Object>, alive: &BTreeSet<String>) -> Result<(), Error> {
        let id = object.id();
        let Some(object) = self.live(&id) else { return Ok(()) };
        if object.deleted().is_none() {
            let owners = object.owner_references();
            if !owners.is_empty() && owners.iter().all(|owner| !alive.contains(&owner.uid)) {
                self.begin_deletion(&id, PropagationPolicy::Background)?;
            }
            return Ok(());
        }
        for held in self.holds(&id) {
            if self.live(&held).is_some_and(|it| it.deleted().is_none()) {
                self.begin_deletion(&held, PropagationPolicy::Background)?;
            }
        }
        let mut finalizers = finalizers(&object);
        if let Some(at) = finalizers.iter().position(|it| it == FOREGROUND) {
            let dependants = self.dependants(object.uid().unwrap_or(""));
            for dependant in &dependants {
                if self.live(dependant).is_some_and(|it| it.deleted().is_none()) {
                    self.begin_deletion(dependant, PropagationPolicy::Foreground)?;
                }
            }
            if self.dependants(object.uid().unwrap_or("")).is_empty() {
                finalizers.remove(at);
                let mut value = (*object).clone().into_value();
                let fields = metadata(&mut value);
                fields.remove("finalizers");
                if !finalizers.is_empty() {
                    fields.insert("finalizers".to_owned(), json!(finalizers));
                }
                self.change(Happened::Modified, value)?;
                self.unsettled = true;
            }
            return Ok(());
        }
        if finalizers.is_empty() && self.holds(&id).is_empty() {
            self.remove(&object)?;
        }
        Ok(())
    }
}

fn finalizers(object: &Object) -> Vec<String> {
    let list = object.get(&["metadata", "finalizers"]).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
