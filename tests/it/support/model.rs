//! A cluster in memory: enough of an API server to plan against, to act on and to be interrupted.
//!
//! It knows server-side apply with managers and their fields (lists are atomic), namespaces that must exist, kinds
//! that are served once their definition is established, immutable fields, deletion with UID preconditions and what
//! goes along with it. No controller runs: an object is well once it was waited for.

use std::collections::{BTreeMap, BTreeSet};

use airlock::{
    object::{
        GroupKind, Object, ObjectId,
        health::{Health, Status},
        scope::{Scope, Scopes},
    },
    plan::{
        ApiError, DryRun, Inventory, Live, NAMESPACE, Observed, Owners, Plan, Question, Step, questions,
        questions_of_retired,
    },
    render::{Owner, Rendered},
};
use serde_json::{Map, Value, json};

#[derive(Default)]
pub struct Model {
    objects: BTreeMap<ObjectId, Stored>,
    counter: u64,
    /// What the server says against an object, whatever is sent.
    pub refusals: BTreeMap<ObjectId, ApiError>,
    /// Objects that do not get well.
    pub sick: BTreeMap<ObjectId, Status>,
    /// Kinds that are not served although a definition says so.
    pub unserved: BTreeSet<GroupKind>,
    /// Every deletion, in order, with what went along.
    pub deleted: Vec<Object>,
    /// How many writes there were.
    pub writes: usize,
}

#[derive(Clone)]
struct Stored {
    object: Object,
    /// Leaves of the object that each manager owns.
    managers: BTreeMap<String, BTreeSet<String>>,
    well: bool,
}

impl Model {
    pub fn ids(&self) -> Vec<ObjectId> {
        self.objects.keys().filter(|id| id.namespace != NAMESPACE).cloned().collect()
    }

    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.get(id).map(|it| &it.object)
    }

    pub fn inventory(&self, owner: &Owner) -> Option<Inventory> {
        self.get(&Inventory::id(owner)).map(|it| Inventory::decode(it).unwrap())
    }

    fn inventories(&self) -> impl Iterator<Item = Inventory> {
        let maps = self.objects.values().filter(|it| it.object.namespace() == Some(NAMESPACE));
        maps.map(|it| Inventory::decode(&it.object).unwrap())
    }

    /// Gathers what a plan for the render must know.
    pub fn observe(&self, rendered: &Rendered) -> Observed {
        let mut observed = self.around(rendered.owner());
        loop {
            let asked: Vec<Answer> =
                questions(rendered, &observed).into_iter().map(|it| self.answer(it)).collect();
            if asked.is_empty() {
                return observed;
            }
            asked.into_iter().for_each(|it| it.enter(&mut observed));
        }
    }

    /// The same for an entry that is not there any more.
    pub fn observe_retired(&self, owner: &Owner) -> Observed {
        let mut observed = self.around(owner);
        loop {
            let asked: Vec<Answer> =
                questions_of_retired(&observed).into_iter().map(|it| self.answer(it)).collect();
            if asked.is_empty() {
                return observed;
            }
            asked.into_iter().for_each(|it| it.enter(&mut observed));
        }
    }

    fn around(&self, owner: &Owner) -> Observed {
        let inventories: Vec<Inventory> = self.inventories().collect();
        let held =
            inventories.iter().flat_map(|it| it.all().map(|entry| (entry.id.clone(), it.owner.clone())));
        let owners = Owners::of(held).beside(owner);
        Observed { inventory: self.inventory(owner), owners, ..Observed::default() }
    }

    fn answer(&self, question: Question<'_>) -> Answer {
        match question {
            Question::DryRun(object) => {
                let id = object.id();
                let dry_run = match self.merged(object, "kustomize-controller") {
                    Ok(stored) => DryRun::Would(stored.object),
                    Err(error) if error.code == 0 => self.not_served(&id.group_kind),
                    Err(error) => DryRun::Refused(error),
                };
                Answer::Live(id.clone(), self.live(&id, dry_run))
            }
            Question::Live(id, gvk) => {
                let served = self.serves(&gvk.group_kind(), &gvk.version);
                let dry_run = if served { DryRun::NotAsked } else { self.not_served(&gvk.group_kind()) };
                Answer::Live(id.clone(), self.live(&id, dry_run))
            }
            Question::Contents(id) => {
                let object = self.get(&id).unwrap();
                Answer::Contents(
                    id.clone(),
                    self.objects.keys().filter(|it| goes_along(object, it)).cloned().collect(),
                )
            }
        }
    }

    fn live(&self, id: &ObjectId, dry_run: DryRun) -> Live {
        let stored = self.objects.get(id).filter(|_| !self.unserved.contains(&id.group_kind));
        let status = match (stored, self.sick.get(id)) {
            (None, _) => Status::NotFound,
            (Some(_), Some(sick)) => *sick,
            (Some(stored), None) if stored.well => Status::Current,
            (Some(_), None) => Status::InProgress,
        };
        let health = Health { status, message: String::new() };
        Live { object: stored.map(|it| it.object.clone()), health, dry_run }
    }

    /// Executes a plan as far as `budget` operations reach.
    pub fn act(&mut self, plan: &Plan, budget: &mut usize) -> Result<(), String> {
        let mut failed = Vec::new();
        for step in plan.steps() {
            if !failed.is_empty() && !matches!(step, Step::Delete(_)) {
                return Err(failed.join("; "));
            }
            match step {
                Step::Record(inventory) => {
                    spend(budget)?;
                    self.apply(&inventory.encode().unwrap(), "airlock").map_err(|it| it.message)?;
                }
                Step::Forget(owner) => {
                    spend(budget)?;
                    self.remove(&Inventory::id(owner));
                }
                Step::Apply(apply) => {
                    if !apply.clean_up.is_empty() {
                        spend(budget)?;
                        self.patch(&apply.object.id(), &apply.clean_up);
                    }
                    spend(budget)?;
                    self.apply(&apply.object, plan.writer().manager).map_err(|it| it.message)?;
                }
                Step::Recreate(it) => {
                    spend(budget)?;
                    self.delete(&it.object.id(), &it.uid).map_err(|it| it.message)?;
                    spend(budget)?;
                    self.apply(&it.object, plan.writer().manager).map_err(|it| it.message)?;
                }
                Step::Delete(delete) => {
                    spend(budget)?;
                    failed.extend(self.delete(&delete.id, &delete.uid).err().map(|it| it.message));
                }
                Step::Wait(wait) => {
                    spend(budget)?;
                    for awaited in &wait.objects {
                        if let Some(status) = self.sick.get(&awaited.id) {
                            return Err(format!("{} is {status}", awaited.id));
                        }
                        match self.objects.get_mut(&awaited.id) {
                            Some(stored) => stored.well = true,
                            None if awaited.gone_is_done => (),
                            None => return Err(format!("{} is NotFound", awaited.id)),
                        }
                    }
                }
                Step::Replan(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Server-side apply, with force.
    pub fn apply(&mut self, object: &Object, manager: &str) -> Result<Object, ApiError> {
        let stored = self.merged(object, manager)?;
        let id = object.id();
        let changed = self.objects.get(&id).is_none_or(|it| it.object != stored.object);
        let result = stored.object.clone();
        self.objects.insert(id, stored);
        self.counter += 1;
        self.writes += usize::from(changed);
        Ok(result)
    }

    /// What a server-side apply would store.
    fn merged(&self, object: &Object, manager: &str) -> Result<Stored, ApiError> {
        let id = object.id();
        if !self.serves(&id.group_kind, &object.gvk().version) {
            return Err(refusal(0, "", "not served".into()));
        }
        if let Some(error) = self.refusals.get(&id) {
            return Err(error.clone());
        }
        let namespace = ObjectId {
            namespace: String::new(),
            name: id.namespace.clone(),
            group_kind: GroupKind { group: String::new(), kind: "Namespace".into() },
        };
        if !id.namespace.is_empty() && id.namespace != NAMESPACE && !self.objects.contains_key(&namespace) {
            return Err(refusal(404, "NotFound", format!("namespaces \"{}\" not found", id.namespace)));
        }
        let (number, before) = (self.counter + 1, self.objects.get(&id));
        let none = || Stored { object: object.clone(), managers: BTreeMap::new(), well: false };
        let mut stored = before.cloned().unwrap_or_else(none);
        let mut fields = before.map(|it| it.object.fields().clone()).unwrap_or_default();
        let sent = leaves(object.fields());
        let owned = stored.managers.insert(manager.to_owned(), sent.keys().cloned().collect());
        let kept: BTreeSet<&String> = stored.managers.values().flatten().collect();
        for gone in owned.unwrap_or_default().iter().filter(|it| !kept.contains(it)) {
            take(&mut fields, gone);
        }
        for (path, value) in sent {
            put(&mut fields, &path, value);
        }
        match before {
            Some(before) => immutable(before.object.fields(), &fields)?,
            None => fields["metadata"]["uid"] = format!("uid-{number}").into(),
        }
        if before.is_none_or(|it| *it.object.fields() != fields) {
            stored.well = object.namespace() == Some(NAMESPACE);
            fields["metadata"]["resourceVersion"] = number.to_string().into();
        }
        stored.object = Object::new(Value::Object(fields), "model").unwrap();
        Ok(stored)
    }

    pub fn delete(&mut self, id: &ObjectId, uid: &str) -> Result<(), ApiError> {
        let Some(object) = self.get(id) else { return Ok(()) };
        if object.uid() != Some(uid) {
            return Err(refusal(409, "Conflict", format!("the UID of {id} is not {uid}")));
        }
        self.remove(id);
        Ok(())
    }

    /// Takes an object away with all that goes along.
    pub fn remove(&mut self, id: &ObjectId) {
        let Some(object) = self.get(id).cloned() else { return };
        let along: Vec<ObjectId> =
            self.objects.keys().filter(|it| goes_along(&object, it)).cloned().collect();
        for id in along.iter().chain([id]) {
            if let Some(stored) = self.objects.remove(id) {
                self.deleted.push(stored.object);
                self.writes += 1;
            }
        }
    }

    /// Time passes: definitions are established.
    pub fn settle(&mut self) {
        for stored in self.objects.values_mut().filter(|it| it.object.kind() == "CustomResourceDefinition") {
            stored.well = true;
        }
    }

    /// What someone else does to an object: an RFC 7396 merge.
    pub fn merge(&mut self, id: &ObjectId, patch: &Value) {
        self.counter += 1;
        let stored = self.objects.get_mut(id).unwrap_or_else(|| panic!("{id} is not there"));
        let mut value = Value::Object(stored.object.fields().clone());
        merge(&mut value, patch);
        value["metadata"]["resourceVersion"] = self.counter.to_string().into();
        let touched: BTreeSet<String> =
            patch.as_object().map(|it| leaves(it).into_keys().collect()).unwrap_or_default();
        stored.managers.entry("someone".into()).or_default().extend(touched);
        stored.object = Object::new(value, "model").unwrap();
    }

    fn patch(&mut self, id: &ObjectId, patch: &[Value]) {
        let stored = self.objects.get_mut(id).unwrap();
        let mut fields = stored.object.fields().clone();
        for operation in patch {
            let path = operation["path"].as_str().unwrap();
            match operation["op"].as_str().unwrap() {
                "remove" => take(&mut fields, path),
                "replace" => put(&mut fields, path, operation["value"].clone()),
                other => panic!("{other}"),
            }
        }
        stored.object = Object::new(Value::Object(fields), "model").unwrap();
    }

    fn not_served(&self, kind: &GroupKind) -> DryRun {
        let defined = self.scope(kind).is_some();
        if defined { DryRun::NotServed } else { DryRun::NotDefined }
    }

    fn serves(&self, kind: &GroupKind, version: &str) -> bool {
        if self.unserved.contains(kind) {
            return false;
        }
        if Scopes::built_in().of(kind).is_some() || kind.group.ends_with(".fluxcd.io") {
            return true;
        }
        self.objects.values().any(|it| {
            let text = |path: &[&str]| it.object.text(path).unwrap_or_default();
            let versions = it.object.get(&["spec", "versions"]).and_then(Value::as_array);
            it.well
                && it.object.kind() == "CustomResourceDefinition"
                && text(&["spec", "group"]) == kind.group
                && text(&["spec", "names", "kind"]) == kind.kind
                && versions.is_some_and(|all| all.iter().any(|it| it["name"] == version))
        })
    }

    /// Where a kind lives, for renders that ask.
    pub fn scope(&self, kind: &GroupKind) -> Option<Scope> {
        Scopes::with_definitions(self.objects.values().map(|it| &it.object)).of(kind)
    }
}

enum Answer {
    Live(ObjectId, Live),
    Contents(ObjectId, BTreeSet<ObjectId>),
}

impl Answer {
    fn enter(self, observed: &mut Observed) {
        match self {
            Self::Live(id, live) => {
                observed.objects.insert(id, live);
            }
            Self::Contents(id, ids) => {
                observed.contents.insert(id, ids);
            }
        }
    }
}

fn spend(budget: &mut usize) -> Result<(), String> {
    *budget = budget.checked_sub(1).ok_or("interrupted")?;
    Ok(())
}

fn refusal(code: u16, reason: &str, message: String) -> ApiError {
    ApiError { code, reason: reason.into(), message, causes: Vec::new() }
}

/// Whether the deletion of `object` takes the other along.
fn goes_along(object: &Object, other: &ObjectId) -> bool {
    let text = |path: &[&str]| object.text(path).unwrap_or_default();
    match object.kind() {
        "Namespace" => other.namespace == object.name(),
        "CustomResourceDefinition" => {
            other.group_kind.group == text(&["spec", "group"])
                && other.group_kind.kind == text(&["spec", "names", "kind"])
        }
        _ => false,
    }
}

/// Fields that a server would not let change.
fn immutable(before: &Map<String, Value>, after: &Map<String, Value>) -> Result<(), ApiError> {
    let kind = before["kind"].as_str().unwrap();
    let at = |fields: &Map<String, Value>, path: &[&str]| {
        path.iter().try_fold(&Value::Object(fields.clone()), |value, key| value.get(key)).cloned()
    };
    let changed = |path: &[&str]| at(before, path) != at(after, path);
    let name = before["metadata"]["name"].as_str().unwrap();
    let why = match kind {
        "Job" if changed(&["spec", "template"]) => "spec.template: Invalid value: field is immutable",
        "ConfigMap" | "Secret" if before.get("immutable") == Some(&json!(true)) && changed(&["data"]) => {
            "data: Forbidden: field is immutable when `immutable` is set"
        }
        "PersistentVolumeClaim" if changed(&["spec"]) => "spec: Forbidden: spec is immutable after creation",
        _ => return Ok(()),
    };
    Err(refusal(422, "Invalid", format!("{kind} \"{name}\" is invalid: {why}")))
}

/// The leaves of a map by JSON pointer; lists and empty maps are leaves.
fn leaves(fields: &Map<String, Value>) -> BTreeMap<String, Value> {
    fn walk(prefix: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    walk(&format!("{prefix}/{}", key.replace('~', "~0").replace('/', "~1")), value, found);
                }
            }
            leaf => {
                found.insert(prefix.to_owned(), leaf.clone());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk("", &Value::Object(fields.clone()), &mut found);
    found
}

fn keys(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect()
}

fn put(fields: &mut Map<String, Value>, pointer: &str, leaf: Value) {
    let keys = keys(pointer);
    let (last, parents) = keys.split_last().unwrap();
    let mut at = fields;
    for key in parents {
        let next = at.entry(key.clone()).or_insert_with(|| json!({}));
        if !next.is_object() {
            *next = json!({});
        }
        at = next.as_object_mut().unwrap();
    }
    at.insert(last.clone(), leaf);
}

/// Takes a leaf away, and maps that become empty by it.
fn take(fields: &mut Map<String, Value>, pointer: &str) {
    fn go(fields: &mut Map<String, Value>, keys: &[String]) {
        let Some((first, rest)) = keys.split_first() else { return };
        if rest.is_empty() {
            fields.remove(first);
        } else if let Some(Value::Object(next)) = fields.get_mut(first) {
            go(next, rest);
            if next.is_empty() {
                fields.remove(first);
            }
        }
    }
    go(fields, &keys(pointer));
}

fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    let fields = value.as_object_mut().unwrap();
    for (key, patch) in patch {
        if patch.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), patch);
        }
    }
}
