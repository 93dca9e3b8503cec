//! Declared health: what controllers would report, were there any.
//!
//! `.airlock/health.yaml` is a list; the first line that names an object counts, and without one all is well at once:
//!
//! ```yaml
//! - {object: Deployment/web/*, status: Current, after: 5s}
//! - {object: Job/web/migrate, status: Failed, message: the database refuses the password}
//! ```

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    core::{Core, seconds},
    layout::HIDDEN,
    log::Happened,
    managed::{self, Manager, Write},
};
use crate::{
    cluster::Error,
    duration::GoDuration,
    object::{Object, ObjectId, health::Status},
};

/// Who writes these statuses.
const MANAGER: &str = "kube-controller-manager";

/// The reason of the conditions that this makes.
const REASON: &str = "Declared";

/// Kinds that are well only when a controller says so.
const CONTROLLED: [(&str, &str); 9] = [
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("apps", "ReplicaSet"),
    ("batch", "Job"),
    ("", "Pod"),
    ("", "PersistentVolumeClaim"),
    ("policy", "PodDisruptionBudget"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
];

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    /// `Kind/namespace/name` or `Kind/name`; a `*` ends a part and stands for any rest of it.
    object: String,
    #[serde(default)]
    status: Word,
    #[serde(default)]
    message: String,
    #[serde(default)]
    after: Option<GoDuration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum Word {
    #[default]
    Current,
    InProgress,
    Failed,
}

/// What is declared, and which objects are not there yet.
#[derive(Debug, Default)]
pub(super) struct Declared {
    declarations: Vec<Declaration>,
    /// Inode, size and times of the file that was read.
    stamp: Option<(u64, u64, i64, i64)>,
    due: BTreeMap<ObjectId, Timestamp>,
}

impl Declared {
    fn of(&self, id: &ObjectId) -> Option<&Declaration> {
        self.declarations.iter().find(|it| it.names(id))
    }

    pub(super) fn forget(&mut self, id: &ObjectId) {
        self.due.remove(id);
    }

    /// Whether time alone will change something.
    pub(super) fn is_waiting(&self) -> bool {
        !self.due.is_empty()
    }
}

impl Declaration {
    fn names(&self, id: &ObjectId) -> bool {
        let text = id.to_string();
        let (wanted, parts) = (self.object.split('/'), text.split('/'));
        wanted.clone().count() == parts.clone().count()
            && wanted.zip(parts).all(|(wanted, part)| match wanted.strip_suffix('*') {
                Some(begin) => part.starts_with(begin),
                None => wanted == part,
            })
    }
}

fn file(root: &Path) -> PathBuf {
    root.join(HIDDEN).join("health.yaml")
}

impl Core {
    /// Reads what is declared anew when the file changed, and lets time pass.
    pub(super) fn declare_due(&mut self) -> Result<(), Error> {
        let stamp = std::fs::metadata(file(&self.root)).ok();
        let stamp = stamp.map(|it| (it.ino(), it.size(), it.ctime(), it.ctime_nsec()));
        if stamp != self.declared.stamp {
            self.declared.declarations = match std::fs::read(file(&self.root)) {
                Ok(bytes) => serde_yaml::from_slice(&bytes).map_err(|error| {
                    let source = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
                    Error::Disk { path: file(&self.root).display().to_string(), source }
                })?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(self.disk(error)),
            };
            self.declared.stamp = stamp;
            let all: Vec<ObjectId> = self.log.state.objects.keys().cloned().collect();
            for id in all {
                self.declare_anew(&id)?;
            }
        }
        let now = self.now();
        let due = self.declared.due.iter().filter(|(_, at)| **at <= now);
        let due: Vec<ObjectId> = due.map(|(id, _)| id.clone()).collect();
        for id in due {
            self.declare_anew(&id)?;
        }
        Ok(())
    }

    /// Gives an object the status of a new generation.
    pub(super) fn declare(&mut self, id: &ObjectId) -> Result<(), Error> {
        let Some(live) = self.live(id) else { return Ok(()) };
        let observed = live.get(&["status", "observedGeneration"]).and_then(Value::as_i64);
        if live.get(&["status"]).is_some() && (live.generation().is_none() || observed == live.generation()) {
            return Ok(());
        }
        self.declare_anew(id)
    }

    fn declare_anew(&mut self, id: &ObjectId) -> Result<(), Error> {
        self.declared.due.remove(id);
        let Some(live) = self.live(id) else { return Ok(()) };
        let gvk = live.gvk();
        let declaration = self.declared.of(id).cloned();
        let controlled = CONTROLLED.iter().any(|(group, kind)| gvk.is(group, kind));
        if declaration.is_none() && !controlled && !is_declared(&live) {
            return Ok(());
        }
        let now = self.now();
        let since = since(&live).unwrap_or(now);
        let (word, message) = match &declaration {
            None => (Word::Current, String::new()),
            Some(it) => {
                let due = it.after.map(|after| {
                    let after = SignedDuration::try_from(after.0).unwrap_or(SignedDuration::MAX);
                    since.saturating_add(after).unwrap_or(Timestamp::MAX)
                });
                match due.filter(|due| *due > now) {
                    Some(due) => {
                        self.declared.due.insert(id.clone(), due);
                        (Word::InProgress, it.message.clone())
                    }
                    None => (it.status, it.message.clone()),
                }
            }
        };
        let kept = live.get(&["status"]).cloned().unwrap_or(Value::Null);
        let status = status(&live, word, &message, since, kept);
        if live.get(&["status"]) == Some(&status) {
            return Ok(());
        }
        let kind = self.kind(gvk)?;
        let mut new = (*live).clone().into_value();
        if let Some(fields) = new.as_object_mut() {
            fields.insert("status".to_owned(), status);
        }
        let time = seconds(now);
        let who = Manager { name: MANAGER.to_owned(), applies: false, subresource: "status".to_owned() };
        let write = Write { who, api_version: live.api_version(), time: &time };
        let before = (*live).clone().into_value();
        let new = managed::update(&before, &new, &kind.schema(), &write);
        self.change(Happened::Modified, new).map(|_| ())
    }
}

/// Whether the status comes from a declaration, which may be gone by now.
fn is_declared(object: &Object) -> bool {
    condition(object, "Reconciling").or_else(|| condition(object, "Stalled")).is_some()
}

/// When the object's generation began to be worked on.
fn since(object: &Object) -> Option<Timestamp> {
    let observed = object.get(&["status", "observedGeneration"]).and_then(Value::as_i64);
    let same = observed == object.generation();
    condition(object, "Reconciling").filter(|_| same)?.get("lastTransitionTime")?.as_str()?.parse().ok()
}

fn condition<'a>(object: &'a Object, kind: &str) -> Option<&'a Value> {
    let conditions = object.get(&["status", "conditions"]).and_then(Value::as_array);
    conditions.into_iter().flatten().find(|it| {
        let text = |key: &str| it.get(key).and_then(Value::as_str);
        text("type") == Some(kind) && text("reason") == Some(REASON)
    })
}

/// The status that kstatus reads as the word. What it finds wrong is said by the two conditions that every kind may have, and by the
/// kind's own way where it has one.
fn status(object: &Object, word: Word, message: &str, since: Timestamp, kept: Value) -> Value {
    let gvk = object.gvk();
    let well = word == Word::Current;
    let time = seconds(since);
    let replicas = object.get(&["spec", "replicas"]).and_then(Value::as_i64).unwrap_or(1);
    let ready = if well { replicas } else { 0 };
    let made = |kind: &str, status: bool, reason: &str, message: &str| {
        let status = if status { "True" } else { "False" };
        json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": time})
    };
    let mut conditions: Vec<Value> = Vec::new();
    let mut fields = match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apps", "Deployment") => {
            let (reason, says) = match word {
                Word::Current => ("NewReplicaSetAvailable", "the new pods are available"),
                Word::InProgress => ("ReplicaSetUpdated", "the new pods are starting"),
                Word::Failed => ("ProgressDeadlineExceeded", "the new pods did not become available in time"),
            };
            conditions.push(made("Progressing", word != Word::Failed, reason, says));
            let (reason, says) = if well {
                ("MinimumReplicasAvailable", "enough pods are available")
            } else {
                ("MinimumReplicasUnavailable", "not enough pods are available")
            };
            conditions.push(made("Available", well, reason, says));
            json!({"replicas": replicas, "updatedReplicas": replicas, "readyReplicas": ready, "availableReplicas": ready})
        }
        ("apps", "StatefulSet") => {
            let revision = format!("{}-{}", object.name(), object.generation().unwrap_or(0));
            json!({
                "replicas": replicas, "readyReplicas": ready, "currentReplicas": ready, "updatedReplicas": ready,
                "availableReplicas": ready, "currentRevision": revision, "updateRevision": revision,
            })
        }
        ("apps", "DaemonSet") => {
            let ready = i64::from(well);
            json!({
                "desiredNumberScheduled": 1, "currentNumberScheduled": 1, "updatedNumberScheduled": 1,
                "numberAvailable": ready, "numberReady": ready, "numberMisscheduled": 0,
            })
        }
        ("apps", "ReplicaSet") => json!({
            "replicas": replicas, "fullyLabeledReplicas": replicas, "readyReplicas": ready, "availableReplicas": ready,
        }),
        ("batch", "Job") => {
            let completions = object.get(&["spec", "completions"]).and_then(Value::as_i64).unwrap_or(1);
            match word {
                Word::Current => {
                    conditions.push(made("Complete", true, "CompletionsReached", ""));
                    json!({"startTime": time, "completionTime": time, "succeeded": completions})
                }
                Word::InProgress => json!({"startTime": time, "active": 1}),
                Word::Failed => {
                    conditions.push(made("Failed", true, "BackoffLimitExceeded", message));
                    json!({"startTime": time, "failed": 1})
                }
            }
        }
        ("", "Pod") => {
            conditions.push(made("Ready", well, if well { "" } else { "ContainersNotReady" }, message));
            json!({"phase": "Running", "startTime": time})
        }
        ("", "PersistentVolumeClaim") => json!({"phase": if well { "Bound" } else { "Pending" }}),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            conditions.push(made("NamesAccepted", true, "NoConflicts", "no conflicts found"));
            if well {
                conditions.push(made(
                    "Established",
                    true,
                    "InitialNamesAccepted",
                    "the initial names have been accepted",
                ));
            }
            let versions = object.get(&["spec", "versions"]).and_then(Value::as_array).into_iter().flatten();
            let stores = |it: &&Value| it.get("storage").and_then(Value::as_bool) == Some(true);
            let stored: Vec<&Value> = versions.filter(stores).filter_map(|it| it.get("name")).collect();
            json!({"acceptedNames": object.get(&["spec", "names"]), "storedVersions": stored})
        }
        // Whatever else there is keeps what its own writers said.
        _ => match kept {
            Value::Object(mut fields) => {
                let list = fields.remove("conditions");
                let own = list.as_ref().and_then(Value::as_array).into_iter().flatten();
                let ours = |it: &&Value| it.get("reason").and_then(Value::as_str) == Some(REASON);
                conditions.extend(own.filter(|it| !ours(it)).cloned());
                Value::Object(fields)
            }
            _ => Value::Object(Map::new()),
        },
    };
    let says = if message.is_empty() { Status::InProgress.as_str() } else { message };
    match word {
        Word::Current => {}
        Word::InProgress => conditions.push(made("Reconciling", true, REASON, says)),
        Word::Failed if gvk.is("batch", "Job") => {}
        Word::Failed => conditions.push(made("Stalled", true, REASON, message)),
    }
    if let Some(generation) = object.generation() {
        map_set(&mut fields, "observedGeneration", generation.into());
    }
    if !conditions.is_empty() {
        map_set(&mut fields, "conditions", Value::Array(conditions));
    }
    fields
}

fn map_set(fields: &mut Value, key: &str, value: Value) {
    if let Some(fields) = fields.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}
