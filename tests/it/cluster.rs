//! The cluster: one suite for every implementation of the port, and what is special about the directory.

mod api;
mod conformance;
mod directory;
mod execute;
mod record;
mod release;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use airlock::{
    cluster::{
        Cluster, Error, Reference,
        directory::{Clock, Ids},
    },
    fault::Fault,
    object::{Gvk, Object},
};
use jiff::Timestamp;
use serde_json::Value;

fn object(value: Value) -> Object {
    Object::new(value, "test").unwrap()
}

fn gvk(api_version: &str, kind: &str) -> Gvk {
    Gvk::parse(api_version, kind).unwrap()
}

/// The code of an error, or `ok`.
fn code<T>(result: &Result<T, Error>) -> &'static str {
    result.as_ref().map_or_else(Fault::code, |_| "ok")
}

/// Waits for what controllers do in their own time.
async fn eventually<T>(what: &str, mut tried: impl AsyncFnMut() -> Option<T>) -> T {
    // Controllers of a real cluster may be late on a busy machine.
    for _ in 0..2400 {
        if let Some(found) = tried().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {what}");
}

async fn gone(cluster: &dyn Cluster, reference: &Reference) {
    eventually(&format!("{reference} goes"), async || {
        let found = cluster.get(reference).await;
        found.is_err_and(|error| error.is_absent()).then_some(())
    })
    .await;
}

/// A clock that tests set.
struct SetClock(Mutex<Timestamp>);

impl SetClock {
    fn new() -> Self {
        Self(Mutex::new("2026-01-02T03:04:05Z".parse().unwrap()))
    }

    fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// UIDs that count.
#[derive(Default)]
struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn uid(&self) -> String {
        format!("00000000-0000-4000-8000-{:012}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}
