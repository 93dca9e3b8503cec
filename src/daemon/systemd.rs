//! Telling systemd how the agent is: ready, alive, stopping (`sd_notify(3)`).

use std::{
    os::{linux::net::SocketAddrExt, unix::net::SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tracing::warn;

use crate::reconcile::{Node, Status};

/// The service manager, where there is one that listens.
#[derive(Debug, Default)]
pub struct Systemd {
    socket: Option<(std::os::unix::net::UnixDatagram, SocketAddr)>,
    /// How often it must hear that the agent is alive, before it kills it.
    watchdog: Option<Duration>,
    /// A socket that it holds for the mirror, from `airlock-mirror.socket`.
    listener: Option<std::net::TcpListener>,
}

/// What a service manager says to the processes that it starts.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `NOTIFY_SOCKET`
    pub notify_socket: Option<String>,
    /// `WATCHDOG_USEC`
    pub watchdog_usec: Option<String>,
    /// `WATCHDOG_PID`
    pub watchdog_pid: Option<String>,
}

impl Environment {
    /// What was said to this process.
    pub fn of_process() -> Self {
        let get = |name| std::env::var(name).ok();
        Self {
            notify_socket: get("NOTIFY_SOCKET"),
            watchdog_usec: get("WATCHDOG_USEC"),
            watchdog_pid: get("WATCHDOG_PID"),
        }
    }
}

impl Systemd {
    /// Finds the manager. `pid` is this process: what another one was promised does not count.
    pub fn find(environment: &Environment, pid: u32) -> Self {
        let address = environment.notify_socket.as_deref().and_then(|name| match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok(),
            None => SocketAddr::from_pathname(Path::new(name)).ok(),
        });
        let socket = std::os::unix::net::UnixDatagram::unbound().ok().zip(address);
        let ours = environment.watchdog_pid.as_ref().is_none_or(|it| it.parse() == Ok(pid));
        let micros = environment.watchdog_usec.as_deref().and_then(|it| it.parse().ok());
        Self { socket, watchdog: micros.filter(|_| ours).map(Duration::from_micros), listener: None }
    }

    /// Takes the sockets that the manager holds for this process (`sd_listen_fds(3)`). One process, once.
    #[must_use]
    pub fn with_listeners(mut self) -> Self {
        self.listener = listenfd::ListenFd::from_env().take_tcp_listener(0).ok().flatten();
        self
    }

    /// The mirror's socket, where the manager holds one.
    pub(super) fn take_listener(&mut self) -> Option<std::net::TcpListener> {
        self.listener.take()
    }

    /// Everything is open and answers.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// One line for `systemctl status`.
    pub fn status(&self, status: &Status) {
        let words: Vec<String> = status
            .channels
            .iter()
            .filter(|it| it.cluster == status.cluster)
            .map(|channel| {
                let Some(active) = channel.active else {
                    return format!("{}: nothing runs", channel.channel);
                };
                let bad = channel.entries.iter().filter(|it| it.failure.is_some()).count();
                let good = channel.last_good.is_some_and(|it| it.digest == active.digest);
                let health = match (bad, good) {
                    (0, true) => "healthy".to_owned(),
                    (0, false) => "not yet healthy".to_owned(),
                    (bad, _) => format!("{bad} of {} entries failed", channel.entries.len()),
                };
                format!("{} {}: {health}", channel.channel, active.position)
            })
            .collect();
        let words = if words.is_empty() { "no bundle was accepted yet".to_owned() } else { words.join("; ") };
        self.tell(&format!("STATUS={words}"));
    }

    /// The agent was told to stop.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Says that the agent is alive for as long as it is: its loop goes on, and its memory can be had. Without end.
    pub async fn feed(self: Arc<Self>, node: Arc<Node>) {
        let Some(watchdog) = self.watchdog else { return std::future::pending().await };
        let every = watchdog / 3;
        loop {
            let probed = Arc::clone(&node);
            // A lock that nobody gives back holds this thread, and no other.
            let probe = tokio::task::spawn_blocking(move || drop(probed.store_id()));
            let alive = tokio::time::timeout(every, probe).await.is_ok_and(|it| it.is_ok());
            match alive && !node.is_stuck() {
                true => self.tell("WATCHDOG=1"),
                false => warn!("the agent's loop is stuck; systemd will start it anew"),
            }
            tokio::time::sleep(every).await;
        }
    }

    fn tell(&self, words: &str) {
        if let Some((socket, address)) = &self.socket {
            // A manager that does not listen any more does not want to know.
            let _ = socket.send_to_addr(words.as_bytes(), address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_to_another_process_is_none_to_us() {
        let environment = |pid: Option<&str>| Environment {
            watchdog_usec: Some("3000000".into()),
            watchdog_pid: pid.map(str::to_owned),
            ..Environment::default()
        };
        let watchdog = |pid| Systemd::find(&environment(pid), 7).watchdog;
        assert_eq!(watchdog(None), Some(Duration::from_secs(3)));
        assert_eq!(watchdog(Some("7")), Some(Duration::from_secs(3)));
        assert_eq!(watchdog(Some("8")), None);
        assert_eq!(watchdog(Some("x")), None);
    }
}
