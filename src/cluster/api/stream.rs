//! Watches as they come: one JSON document a line.

use std::{hash::Hasher as _, time::Duration};

use http_body_util::BodyExt as _;
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value;

use super::{malformed, metadata};
use crate::{
    cluster::{Error, ResourceVersion, WatchEvent, WatchSender},
    object::Gvk,
};

/// The longest line: labels and annotations have a limit of 256 KiB, owners and their fields are not much longer.
const LINE: usize = 4 << 20;

/// How long a watch lives at least; client-go asks for the same.
const LIFE: Duration = Duration::from_secs(300);

/// How long the server is to keep a watch: five to ten minutes, and not the same for all kinds, so that they do not all begin anew at once.
pub(super) fn lifetime(gvk: &Gvk) -> Duration {
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    hasher.write(gvk.to_string().as_bytes());
    LIFE + Duration::from_secs(hasher.finish() % LIFE.as_secs())
}

/// The lines of an answer that goes on.
pub(super) struct Lines {
    body: Body,
    buffer: Vec<u8>,
    /// What was searched for an end of line already.
    searched: usize,
    /// How long it may be silent.
    idle: Duration,
}

impl Lines {
    pub(super) fn new(body: Body, idle: Duration) -> Self {
        Self { body, buffer: Vec::new(), searched: 0, idle }
    }

    /// The next line; nothing at the end. Half a line at the end is none.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            let rest = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(found) = rest.iter().position(|it| *it == b'\n') {
                let after = self.buffer.split_off(self.searched + found + 1);
                let line = std::mem::replace(&mut self.buffer, after);
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.searched > LINE {
                return Err(Error::Malformed(format!("more than {} MiB in one event", LINE >> 20)));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame = frame.map_err(|error| Error::Unavailable {
                reason: "a watch was cut off".to_owned(),
                status: None,
                source: Some(Box::new(error)),
            })?;
            if let Ok(data) = frame.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }
}

#[derive(Deserialize)]
struct Line {
    r#type: String,
    object: Value,
}

/// Hands the events of a watch on until it ends, is silent for too long, or nobody listens any more. A reader that is slow slows the
/// server down, which ends the watch when it has waited long enough: nothing piles up here.
pub(super) async fn tell(mut lines: Lines, gvk: Gvk, sender: WatchSender) {
    let idle = lines.idle;
    loop {
        let line = tokio::select! {
            () = sender.closed() => return,
            line = tokio::time::timeout(idle, lines.next()) => line,
        };
        let event = match line {
            Ok(Ok(Some(line))) => event(&gvk, &line),
            Ok(Ok(None)) | Err(_) => return,
            Ok(Err(error)) => Err(error),
        };
        let last = event.is_err();
        if !sender.send(event).await || last {
            return;
        }
    }
}

fn event(gvk: &Gvk, line: &[u8]) -> Result<WatchEvent, Error> {
    let Line { r#type, object } = serde_json::from_slice(line).map_err(malformed)?;
    match r#type.as_str() {
        "ADDED" => Ok(WatchEvent::Added(metadata(gvk, object)?)),
        "MODIFIED" => Ok(WatchEvent::Modified(metadata(gvk, object)?)),
        "DELETED" => Ok(WatchEvent::Deleted(metadata(gvk, object)?)),
        "BOOKMARK" => {
            let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
            let version = version.ok_or_else(|| malformed("a bookmark without a version"))?;
            Ok(WatchEvent::Bookmark(ResourceVersion(version.to_owned())))
        }
        "ERROR" => Err(Error::from_status(&object, None)),
        other => Err(malformed(format!("an event of type {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Lines {
        Lines::new(Body::from(text.as_bytes().to_vec()), Duration::from_secs(5))
    }

    #[tokio::test]
    async fn events() {
        let gvk = Gvk::parse("v1", "ConfigMap").unwrap();
        let text = concat!(
            r#"{"type":"ADDED","object":{"kind":"PartialObjectMetadata","metadata":{"name":"a","resourceVersion":"5","managedFields":[{}]}}}"#,
            "\n",
            r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}"#,
            "\n",
            r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#,
            "\n",
            r#"{"type":"ADDED","obj"#,
        );
        let (sender, mut watch) = crate::cluster::Watch::channel();
        tell(lines(text), gvk, sender).await;
        let Some(Ok(WatchEvent::Added(added))) = watch.next().await else { panic!() };
        assert_eq!((added.as_object().kind(), added.as_object().name()), ("ConfigMap", "a"));
        assert!(added.as_object().get(&["metadata", "managedFields"]).is_none());
        let Some(Ok(WatchEvent::Bookmark(version))) = watch.next().await else { panic!() };
        assert_eq!(version.0, "7");
        assert!(matches!(watch.next().await, Some(Err(Error::Gone(_)))));
        assert!(watch.next().await.is_none(), "nothing follows an error");
    }

    #[tokio::test]
    async fn half_a_line_is_none_and_an_endless_one_is_refused() {
        let mut half = lines("{\"a\": 1}\n{");
        assert_eq!(half.next().await.unwrap().as_deref(), Some(&b"{\"a\": 1}\n"[..]));
        assert!(half.next().await.unwrap().is_none());
        assert!(lines(&"x".repeat(LINE + 1)).next().await.is_err());
    }

    #[test]
    fn lives() {
        let of = |kind: &str| lifetime(&Gvk::parse("v1", kind).unwrap()).as_secs();
        assert!((300..600).contains(&of("ConfigMap")));
        assert_eq!(of("ConfigMap"), of("ConfigMap"));
        assert_ne!(of("ConfigMap"), of("Secret"));
    }
}
