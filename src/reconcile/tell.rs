//! Events in the cluster: what changed and what failed, for whoever looks with `kubectl` or collects them.
//!
//! An entry has no object of its own there but its inventory, so that is what events are about.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use super::node::Node;
use crate::{
    bundle::Floor,
    cluster::{Cluster, Event, EventType},
    fault::Report,
    object::Object,
    plan::{Inventory, NAMESPACE},
    render::Owner,
};

/// Who says so.
const COMPONENT: &str = "airlock";

/// Under which key an event names the bundle.
const BUNDLE: &str = "airlock.dev/bundle";

/// What there is to tell of an entry.
pub(super) enum News<'a> {
    /// Objects were changed, in Flux's words.
    Changed(&'a BTreeMap<String, String>),
    /// It failed, otherwise than before.
    Failed(&'a Report),
}

impl Node {
    /// Writes an event, beside the work: one that is lost changes nothing.
    pub(super) fn tell(
        self: &Arc<Self>,
        cluster: &Arc<dyn Cluster>,
        owner: &Owner,
        bundle: Floor,
        news: &News<'_>,
    ) {
        // A directory would keep for ever what a server forgets after an hour.
        if self.candidate.is_none() {
            return;
        }
        let (event_type, reason, message) = match news {
            News::Changed(changes) => {
                let lines: Vec<String> = changes.iter().map(|(id, done)| format!("{id} {done}")).collect();
                // As kustomize-controller tells its changes.
                (EventType::Normal, "Progressing".to_owned(), lines.join("\n"))
            }
            News::Failed(report) => {
                let message = [vec![report.error.clone()], report.because.clone()].concat().join("\n");
                (EventType::Warning, reason(report), message)
            }
        };
        let name = Inventory::name(owner);
        let mut about = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}});
        if let Some((uid, version)) = self.inventory_seen(owner)
            && let Some(metadata) = about.pointer_mut("/metadata").and_then(|it| it.as_object_mut())
        {
            metadata.insert("uid".to_owned(), uid.into());
            metadata.insert("resourceVersion".to_owned(), version.into());
        }
        let Ok(about) = Object::new(about, "event") else { return };
        let (node, cluster) = (Arc::clone(self), Arc::clone(cluster));
        let annotations = BTreeMap::from([(BUNDLE.to_owned(), bundle.to_string())]);
        tokio::spawn(async move {
            if !node.leads() {
                return;
            }
            let event = Event {
                regarding: &about,
                event_type,
                reason: &reason,
                message: &message,
                component: COMPONENT,
                host: node.host(),
                annotations,
            };
            let _ = event.send(&*cluster, node.now()).await;
        });
    }
}

/// One word: Flux's where it has one, else the class of the fault.
fn reason(report: &Report) -> String {
    match report.code.as_str() {
        "unhealthy" => "HealthCheckFailed".to_owned(),
        "contested" => "Contested".to_owned(),
        _ => report.class.reason().to_owned(),
    }
}
