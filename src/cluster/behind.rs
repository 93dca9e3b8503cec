//! What lies behind an object that is not well: what it says of itself, its pods, and what controllers said of them last.

use serde_json::Value;

use super::{Cluster, Error, ListOptions, Reference, wait::pods};
use crate::{
    object::{
        Gvk, Object, ObjectId,
        health::{Health, Status, kstatus},
    },
    plan::{Awaited, scrub},
};
use jiff::Timestamp;

/// Objects that are looked behind: a message that names more is read by nobody.
const OBJECTS: usize = 4;

/// Pods of one object that are told of. Where one crashes the others do so, too.
const PODS: usize = 2;

/// Events of one object and its pods.
const EVENTS: usize = 3;

/// One fact, as much as a line takes.
const FACT_BYTES: usize = 400;

/// What is known of objects that are not well, one fact a line. Whatever cannot be asked is left out: this explains an
/// error, and must not become another one.
pub(super) async fn behind(
    cluster: &dyn Cluster,
    blamed: &[(ObjectId, Health)],
    awaited: &[Awaited],
    now: Timestamp,
) -> Vec<String> {
    let mut facts = Vec::new();
    for (id, health) in blamed.iter().take(OBJECTS) {
        if !health.message.is_empty() && health.status != Status::Unknown {
            facts.push(format!("{id}: {}", health.message));
        }
        let Some(awaited) = awaited.iter().find(|it| it.id == *id) else { continue };
        let reference = Reference::new(awaited.gvk.clone(), &id.namespace, &id.name);
        let Ok(object) = cluster.get(&reference).await else { continue };
        facts.extend(
            conditions(&object).filter(|it| !it.contains(&health.message) || health.message.is_empty()),
        );
        let mut about = vec![object.clone()];
        let pods = pods(cluster, &object).await.unwrap_or_default();
        let bad = pods.into_iter().filter(|pod| !is_well(pod, now));
        for pod in bad.take(PODS) {
            facts.push(format!("{}: {}", pod.id(), says(&pod, now)));
            about.push(pod);
        }
        about.extend(replica_set(cluster, &object).await);
        facts.extend(events(cluster, &about).await);
    }
    if let Some(more) = blamed.len().checked_sub(OBJECTS).filter(|it| *it > 0) {
        facts.push(format!("and {more} more"));
    }
    facts.iter().map(|fact| cut(fact.trim())).collect()
}

fn is_well(pod: &Object, now: Timestamp) -> bool {
    kstatus(pod, now).status == Status::Current && pod.text(&["status", "phase"]) != Some("Failed")
}

/// The conditions by which controllers say that something is wrong.
fn conditions(object: &Object) -> impl Iterator<Item = String> {
    let conditions = object.get(&["status", "conditions"]).and_then(Value::as_array);
    let id = object.id();
    conditions.into_iter().flatten().filter_map(move |it| {
        let text = |key: &str| it.get(key).and_then(Value::as_str).unwrap_or("");
        let bad = match text("type") {
            "ReplicaFailure" | "Failed" | "Stalled" => "True",
            "Ready" | "Progressing" => "False",
            _ => return None,
        };
        (text("status") == bad).then(|| format!("{id}: {}: {}", text("reason"), text("message")))
    })
}

/// Why a pod is not well: what its containers say, or what keeps it from a node.
fn says(pod: &Object, now: Timestamp) -> String {
    let mut said = Vec::new();
    for list in ["initContainerStatuses", "containerStatuses"] {
        for container in pod.get(&["status", list]).and_then(Value::as_array).into_iter().flatten() {
            let text =
                |path: &str| container.pointer(path).and_then(Value::as_str).filter(|it| !it.is_empty());
            let number = |path: &str| container.pointer(path).and_then(Value::as_i64);
            let name = text("/name").unwrap_or("?");
            let (reason, message) = match (text("/state/waiting/reason"), text("/state/terminated/reason")) {
                (Some(reason), _) if reason != "PodInitializing" && reason != "ContainerCreating" => {
                    (reason.to_owned(), text("/state/waiting/message"))
                }
                (_, Some(reason)) if number("/state/terminated/exitCode") != Some(0) => {
                    let code = number("/state/terminated/exitCode").unwrap_or(0);
                    (format!("{reason} (exit code {code})"), text("/state/terminated/message"))
                }
                _ => continue,
            };
            let mut line = format!("container {name}: {reason}");
            if let Some(message) = message {
                line = format!("{line}: {message}");
            }
            if let Some(code) = number("/lastState/terminated/exitCode") {
                line = format!("{line}; it ended with {code}");
            }
            if let Some(count) = number("/restartCount").filter(|it| *it > 0) {
                line = format!("{line}, {count} restarts");
            }
            said.push(line);
        }
    }
    if said.is_empty() {
        let scheduled = pod.get(&["status", "conditions"]).and_then(Value::as_array);
        let waits = scheduled.into_iter().flatten().find(|it| {
            let text = |key: &str| it.get(key).and_then(Value::as_str);
            text("type") == Some("PodScheduled") && text("status") == Some("False")
        });
        let why = waits.and_then(|it| it.get("message")).and_then(Value::as_str);
        said.push(why.map_or_else(|| kstatus(pod, now).message, str::to_owned));
    }
    said.join("; ")
}

/// The newest set of replicas of a deployment: what keeps it from making pods is told of the set.
async fn replica_set(cluster: &dyn Cluster, object: &Object) -> Option<Object> {
    if !object.gvk().is("apps", "Deployment") {
        return None;
    }
    let labels = object.get(&["spec", "selector", "matchLabels"])?.as_object()?;
    let mut options = ListOptions::in_namespace(object.namespace().unwrap_or(""));
    for (key, value) in labels {
        options = options.labelled(key, value.as_str()?);
    }
    let (sets, _) = cluster.list(&Gvk::parse("apps/v1", "ReplicaSet")?, &options).await.ok()?;
    let revision = |it: &Object| {
        it.annotation("deployment.kubernetes.io/revision").and_then(|it| it.parse::<u64>().ok()).unwrap_or(0)
    };
    sets.into_iter().max_by_key(revision)
}

/// The last events about these objects, warnings before others.
async fn events(cluster: &dyn Cluster, about: &[Object]) -> Vec<String> {
    let mut found: Vec<(bool, String, String)> = Vec::new();
    for object in about {
        let listed = of(cluster, object).await.unwrap_or_default();
        found.extend(listed.iter().map(|event| {
            let text = |path: &[&str]| event.text(path).unwrap_or("");
            let at = [&["series", "lastObservedTime"][..], &["lastTimestamp"], &["eventTime"]];
            let at = at.iter().map(|it| text(it)).find(|it| !it.is_empty()).unwrap_or("");
            let is_warning = text(&["type"]) == "Warning";
            let message = scrub(text(&["message"]).trim(), object);
            (is_warning, at.to_owned(), format!("{}: {}: {message}", object.id(), text(&["reason"])))
        }));
    }
    found.sort();
    found.dedup_by(|a, b| a.2 == b.2);
    found.into_iter().rev().take(EVENTS).map(|(_, _, line)| format!("event of {line}")).collect()
}

async fn of(cluster: &dyn Cluster, object: &Object) -> Result<Vec<Object>, Error> {
    let Some((gvk, uid)) = Gvk::parse("v1", "Event").zip(object.uid()) else { return Ok(Vec::new()) };
    // Events about what has no namespace lie in `default`.
    let options = ListOptions::in_namespace(object.namespace().unwrap_or("default"));
    cluster.list(&gvk, &options.with_field("involvedObject.uid", uid)).await.map(|(events, _)| events)
}

/// At most as much as a line takes, and whole characters.
fn cut(text: &str) -> String {
    if text.len() <= FACT_BYTES {
        return text.to_owned();
    }
    let mut end = FACT_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(status: Value, expect: &str) {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}, "status": status});
        let pod = Object::new(pod, "test").unwrap();
        assert_eq!(says(&pod, "2026-01-01T00:00:00Z".parse().unwrap()), expect);
    }

    #[test]
    fn pods_say_why() {
        let container = |state: Value| json!({"phase": "Running", "containerStatuses": [state]});
        check(
            container(
                json!({"name": "main", "restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
                "lastState": {"terminated": {"exitCode": 1}}}),
            ),
            "container main: CrashLoopBackOff: back-off 5m0s; it ended with 1, 7 restarts",
        );
        check(
            container(
                json!({"name": "main", "restartCount": 0, "state": {"terminated": {"reason": "Error", "exitCode": 3}}}),
            ),
            "container main: Error (exit code 3)",
        );
        check(
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]}),
            "0/1 nodes are available",
        );
        check(json!({"phase": "Pending"}), "Pod is in the Pending phase");
    }

    #[test]
    fn long_facts_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = cut(&"ä".repeat(300));
        assert!(long.len() <= FACT_BYTES + 3 && long.ends_with('…'));
    }
}
