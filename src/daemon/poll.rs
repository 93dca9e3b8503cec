//! Asking places on the network, each in its own time.

use std::{sync::Arc, time::Duration};

use tracing::{info, warn};

use crate::{fault::Report, reconcile::Node};

/// The longest that the first question waits, so that nodes that start together do not ask together.
const SPREAD: Duration = Duration::from_secs(2);

/// Asks one place for as long as the agent runs. Whatever it does, nothing else waits for it.
pub(super) async fn follow(node: Arc<Node>, index: usize) {
    let mut told: Option<Report> = None;
    let mut pause = SPREAD.mul_f64(chance());
    while !node.is_stopped() {
        tokio::select! {
            () = tokio::time::sleep(pause) => (),
            () = node.lacks_a_bundle() => (),
        }
        let asking = Arc::clone(&node);
        // What panics here is the fault of one answer.
        let news = tokio::task::spawn_blocking(move || asking.poll(index)).await.unwrap_or(false);
        if news {
            node.wake();
        }
        if let Some(status) = node.status(node.now()).sources.into_iter().nth(index) {
            match &status.failure {
                Some(report) if told.as_ref() != Some(report) => {
                    warn!(source = status.url, code = report.code, "{}", report.error);
                }
                None if told.is_some() || news => {
                    let bundle = status.bundle.map(|it| it.to_string()).unwrap_or_default();
                    info!(source = status.url, bundle, "answers");
                }
                _ => (),
            }
            told = status.failure;
        }
        // A tenth more or less keeps the nodes of a cluster apart.
        pause = node.source_pause(index).mul_f64(0.9 + 0.2 * chance());
    }
}

/// A number from 0 to 1.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Where there is no chance, everybody asks at the same time, and that is no harm.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
