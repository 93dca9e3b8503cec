//! The loop of the agent.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::{
    listen::listen,
    media::watch_media,
    metrics::Counters,
    open::Opened,
    poll,
    settings::Settings,
    socket,
    status::{tell, write_status},
    systemd::Systemd,
};
use crate::{
    fault::{Class, Report, Retry},
    reconcile::Node,
};

/// What fails again and again is tried so often at least; Flux' controllers end at the same length.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// While there is nothing to do, the loop gives a sign so often.
const BEAT: Duration = Duration::from_secs(10);

/// How often the site's answers are looked at while a bundle waits for better ones.
const SITE_LOOK: Duration = Duration::from_secs(2);

/// Runs the agent until it is told to stop: answers on the socket, takes in media, keeps the cluster.
///
/// # Errors
/// When the socket cannot be opened.
pub async fn run(opened: Opened, mut systemd: Systemd) -> Result<(), Report> {
    let Opened { node, settings } = opened;
    let given = systemd.take_listener();
    let systemd = Arc::new(systemd);
    let listener = socket::listen(&settings.socket).map_err(|error| {
        let hint = "the directory must be there and ours; `socket` in airlock.yaml names another one";
        Report::new(
            "socket",
            Class::System,
            format!("{} cannot be opened: {error}", settings.socket.display()),
            Some(hint),
        )
    })?;
    for notice in &node.status(node.now()).notices {
        warn!("{notice}");
    }
    let broken = |error: std::io::Error| {
        Report::new("signal", Class::System, format!("signals cannot be heard: {error}"), None)
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(broken)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(broken)?;
    info!(cluster = %settings.cluster, socket = %settings.socket.display(), "ready");

    let mut tasks = tokio::task::JoinSet::new();
    for directory in settings.media.clone() {
        let node = Arc::clone(&node);
        tasks.spawn_blocking(move || watch_media(&node, &directory));
    }
    for index in 0..node.sources() {
        tasks.spawn(poll::follow(Arc::clone(&node), index));
    }
    tasks.spawn(crate::reconcile::follow(Arc::clone(&node)));
    tasks.spawn(crate::reconcile::elect(Arc::clone(&node)));
    tasks.spawn(Arc::clone(&systemd).feed(Arc::clone(&node)));
    let counters = Arc::new(Mutex::new(Counters::default()));
    listen(&settings, given, &node, &counters, &mut tasks);
    let mut keeping = tokio::spawn(keep(Arc::clone(&node), settings.clone(), Arc::clone(&systemd), counters));
    systemd.ready();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(socket::serve(Arc::clone(&node), stream))),
                Err(error) => warn!("a client could not be heard: {error}"),
            },
            ended = &mut keeping => {
                // An agent that answers and keeps nothing would look as if all were well.
                let error = format!("the agent's own loop ended: {}", told(ended));
                return Err(Report::new("panic", Class::Bug, error, Some("systemd starts it again; please report this")));
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    info!("stopping");
    systemd.stopping();
    node.stop();
    // What is being written is durable or does not count, so nothing has to be waited for but the pass under way.
    let _ = tokio::time::timeout(Duration::from_secs(20), node.idle()).await;
    node.finish();
    node.resign().await;
    keeping.abort();
    tasks.abort_all();
    let _ = std::fs::remove_file(&settings.socket);
    Ok(())
}

fn told(ended: Result<(), tokio::task::JoinError>) -> String {
    ended.map_or_else(|error| error.to_string(), |()| "without a reason".to_owned())
}

/// Passes without end: when something wakes the node, when what failed may succeed, and at the interval.
async fn keep(node: Arc<Node>, settings: Settings, systemd: Arc<Systemd>, counters: Arc<Mutex<Counters>>) {
    let mut failed = 0;
    let mut told = None;
    node.wake();
    loop {
        let delay = pause(node.retry(), failed, settings.interval.0);
        wait(&node, delay, &settings.site).await;
        let began = Instant::now();
        node.reconcile(None).await;
        failed = if node.retry().is_some() { failed + 1 } else { 0 };
        counters.lock().unwrap_or_else(PoisonError::into_inner).pass(began.elapsed(), failed > 0);
        let status = node.status(node.now());
        tell(told.as_ref(), &status);
        write_status(&settings.socket, &status);
        systemd.status(&status);
        told = Some(status);
    }
}

/// How long until the next pass, after so many in a row that left something to be tried again.
fn pause(retry: Option<Retry>, failed: u32, interval: Duration) -> Duration {
    let first = match retry {
        None | Some(Retry::OnChange) => return interval,
        Some(Retry::Now) => Duration::from_millis(100),
        Some(Retry::Backoff) => Duration::from_secs(1),
    };
    let grown = first.saturating_mul(1 << failed.saturating_sub(1).min(16));
    grown.min(LONGEST_PAUSE).min(interval)
}

/// Waits for a call, at most so long; also for other answers of the site, where a bundle waits for them.
async fn wait(node: &Node, delay: Duration, site: &Path) {
    let before = stamp(site);
    let over = tokio::time::sleep(delay);
    tokio::pin!(over);
    loop {
        node.beat();
        tokio::select! {
            () = &mut over => return,
            () = node.woken() => return,
            () = tokio::time::sleep(BEAT) => (),
            () = tokio::time::sleep(SITE_LOOK), if node.awaits_site() => {
                if stamp(site) != before {
                    return;
                }
            }
        }
    }
}

/// What tells that a file was written again.
fn stamp(path: &Path) -> Option<(std::time::SystemTime, u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_is_tried_again_later_and_later() {
        let interval = Duration::from_secs(600);
        for (retry, failed, expect) in [
            (None, 0, interval),
            (None, 7, interval),
            (Some(Retry::OnChange), 1, interval),
            (Some(Retry::Now), 1, Duration::from_millis(100)),
            (Some(Retry::Now), 4, Duration::from_millis(800)),
            (Some(Retry::Backoff), 1, Duration::from_secs(1)),
            (Some(Retry::Backoff), 5, Duration::from_secs(16)),
            (Some(Retry::Backoff), 30, LONGEST_PAUSE),
        ] {
            assert_eq!(pause(retry, failed, interval), expect, "{retry:?} {failed}");
        }
        assert_eq!(pause(Some(Retry::Backoff), 9, Duration::from_secs(60)), Duration::from_secs(60));
    }
}
