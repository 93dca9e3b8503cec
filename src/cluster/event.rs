//! Events in Kubernetes: what `kubectl describe` and `flux events` show.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::{Cluster, CreateOptions, Error};
use crate::object::{Object, ObjectError};

/// Whether something went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// It did.
    Normal,
    /// It did not.
    Warning,
}

/// One event about one object, as client-go's recorder writes it: `v1` `Event`, in the object's namespace or in `default`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// The object that it is about.
    pub regarding: &'a Object,
    /// Whether it went well.
    pub event_type: EventType,
    /// One word in upper camel case, at most 128 bytes.
    pub reason: &'a str,
    /// A sentence; the server takes at most 1,024 bytes.
    pub message: &'a str,
    /// Who says so: `kustomize-controller`.
    pub component: &'a str,
    /// On which node.
    pub host: &'a str,
    /// Flux puts the revision here.
    pub annotations: BTreeMap<String, String>,
}

/// What the server's validation takes.
const MESSAGE_BYTES: usize = 1024;

/// Names must stay below 253 bytes with the time behind them.
const NAME_BYTES: usize = 236;

impl Event<'_> {
    /// The event as an object. Its name ends in the time in hexadecimal nanoseconds, as client-go's does, so two in one nanosecond
    /// collide and the second is lost.
    ///
    /// # Errors
    /// Never for an object that came from a server.
    pub fn to_object(&self, now: Timestamp) -> Result<Object, ObjectError> {
        let about = self.regarding;
        let namespace = about.namespace().unwrap_or("default");
        let name = format!("{}.{:x}", cut(about.name(), NAME_BYTES), now.as_nanosecond());
        let seconds = format!("{:.0}", now);
        let event_type = match self.event_type {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        };
        let mut event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": about.api_version(),
                "kind": about.kind(),
                "name": about.name(),
                "namespace": about.namespace(),
                "uid": about.uid(),
                "resourceVersion": about.resource_version(),
            },
            "type": event_type,
            "reason": self.reason,
            "message": cut(self.message, MESSAGE_BYTES),
            "source": {"component": self.component, "host": self.host},
            "reportingComponent": self.component,
            "reportingInstance": self.host,
            "firstTimestamp": seconds,
            "lastTimestamp": seconds,
            "count": 1,
        });
        if let Some(involved) = event.get_mut("involvedObject").and_then(|it| it.as_object_mut()) {
            involved.retain(|_, value| !value.is_null());
        }
        let mut object = Object::new(event, "event")?;
        for (key, value) in &self.annotations {
            object.set_annotation(key, value);
        }
        Ok(object)
    }

    /// Writes it down. An event that is lost changes nothing, so callers may ignore the error.
    ///
    /// # Errors
    /// When the server does not take it.
    pub async fn send(&self, cluster: &dyn Cluster, now: Timestamp) -> Result<(), Error> {
        let object = self.to_object(now).map_err(|error| Error::Malformed(error.to_string()))?;
        cluster.create(&object, &CreateOptions::by(self.component)).await.map(|_| ())
    }
}

/// At most so many bytes, and whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}
