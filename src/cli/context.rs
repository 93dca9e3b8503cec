//! What every verb needs: the configuration, the agent or the store, a place to print.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use jiff::Timestamp;
use serde::Serialize;

use super::{output::Output, progress::Progress};
use crate::{
    daemon::{
        self, Opened, Settings,
        control::{OnProgress, Reply, Request, answer},
        socket,
    },
    fault::{Class, Report},
    name::ChannelName,
    reconcile::{Clock, Memory, Node, Status},
    store::{RealDisk, Store},
};

/// What every verb needs.
pub(super) struct Context {
    config: PathBuf,
    pub(super) output: Output,
    /// Whether only what matters is said.
    pub(super) quiet: bool,
    pub(super) progress: Arc<Progress>,
}

impl Context {
    pub(super) fn new(config: PathBuf, output: Output, quiet: bool) -> Self {
        Self { config, output, quiet, progress: Arc::new(Progress::on_terminal(quiet)) }
    }

    /// Reads the configuration.
    pub(super) fn settings(&self) -> Result<Settings, Report> {
        let file = self.config.display().to_string();
        let text = std::fs::read_to_string(&self.config).map_err(|error| {
            let hint = "`airlock generate config` prints one with every key explained; `--config` names another file";
            Report::new("config", Class::Invalid, format!("{file} cannot be read: {error}"), Some(hint))
        })?;
        Ok(Settings::parse(&file, &text, architecture())?)
    }

    /// Opens the node in this process, under the store's lock.
    pub(super) fn open(&self) -> Result<Opened, Report> {
        daemon::open(self.settings()?, clock())
    }

    /// Opens the store to read it, while an agent may run.
    pub(super) fn read(&self, settings: &Settings) -> Result<(Store, Memory), Report> {
        let disk = RealDisk::open(&settings.store).map_err(|error| {
            let path = settings.store.display();
            Report::new(
                "disk",
                Class::System,
                format!("{path} cannot be opened: {error}"),
                Some("`airlock trust init` begins a store"),
            )
        })?;
        let store_id = daemon::read_store_id(&settings.store_id)?;
        let (store, state, _) = Store::open_read(Arc::new(disk), store_id.as_deref())?;
        let memory = Memory::load(&store, state)?;
        Ok((store, memory))
    }

    /// Opens the node to read what it keeps, while an agent may run.
    pub(super) fn open_to_read(&self) -> Result<Node, Report> {
        let settings = self.settings()?;
        let (store, memory) = self.read(&settings)?;
        Ok(Node::over(store, memory, daemon::profile(&settings), None, clock(), Vec::new()))
    }

    /// Asks the agent, or does it here where none runs.
    pub(super) fn ask(&self, request: Request) -> Result<Reply, Report> {
        let settings = self.settings()?;
        runtime()?.block_on(async {
            let progress = self.on_progress();
            if let Some(answered) = socket::ask(&settings.socket, &request, Arc::clone(&progress)).await {
                self.progress.finish();
                return answered;
            }
            if matches!(request, Request::Status) {
                return Ok(Reply::Status(Box::new(self.status_at_rest(&settings)?)));
            }
            let node = self.open()?.node;
            let acts = wakes(&request);
            let answered = answer(&node, request, &who(), progress).await;
            self.progress.finish();
            if acts && answered.is_ok() {
                // No agent will come by, so what was decided is done here.
                node.reconcile(None).await;
                // The agent that is started next need not wait for the Lease.
                node.resign().await;
            }
            let mut status = node.status(node.now());
            // What this process did not look at stands where the last pass left it.
            if let Some(last) = daemon::read_status(&settings.socket) {
                status.take_entries(last);
            }
            daemon::write_status(&settings.socket, &status);
            answered
        })
    }

    /// How the node stands where no agent runs: what the store says, and of the entries what the last pass found.
    /// Nothing is written, and the store's lock is not needed.
    fn status_at_rest(&self, settings: &Settings) -> Result<Status, Report> {
        let node = self.open_to_read()?;
        let mut status = node.status(node.now());
        match daemon::read_status(&settings.socket) {
            Some(last) => {
                status.notices.push(format!("no agent runs; the entries are as of {}", last.at));
                status.take_entries(last);
            }
            None => status.notices.push("no agent runs; `airlock reconcile` looks at everything once".into()),
        }
        Ok(status)
    }

    pub(super) fn on_progress(&self) -> OnProgress {
        let progress = Arc::clone(&self.progress);
        Arc::new(move |what, done, total| progress.bytes(what, done, total))
    }

    /// The channel that was named, or the only one that this node follows.
    pub(super) fn channel(&self, named: Option<ChannelName>) -> Result<ChannelName, Report> {
        let settings = self.settings()?;
        match (named, settings.channels.as_slice()) {
            (Some(channel), known) if known.contains(&channel) => Ok(channel),
            (Some(channel), known) => {
                let names: Vec<&str> = known.iter().map(ChannelName::as_str).collect();
                let hint = format!("it follows: {}", names.join(", "));
                Err(Report::new(
                    "channel",
                    Class::Invalid,
                    format!("this node does not follow channel `{channel}`"),
                    Some(&hint),
                ))
            }
            (None, [only]) => Ok(only.clone()),
            (None, known) => {
                let names: Vec<&str> = known.iter().map(ChannelName::as_str).collect();
                let hint = format!("say which with `--channel`: {}", names.join(", "));
                Err(Report::new("channel", Class::Invalid, "this node follows several channels", Some(&hint)))
            }
        }
    }

    /// Prints data and ends well.
    pub(super) fn print<T: Serialize>(
        &self,
        data: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<ExitCode, Report> {
        match self.output.data(data, text) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            // Whoever read the beginning and closed the pipe has what he wanted.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
            Err(error) => Err(Report::new(
                "output",
                Class::System,
                format!("the output cannot be written: {error}"),
                None,
            )),
        }
    }
}

/// Whether something is to be done afterwards, which an agent would do by itself.
fn wakes(request: &Request) -> bool {
    matches!(
        request,
        Request::Import { .. }
            | Request::Pull { .. }
            | Request::Activate { .. }
            | Request::Rollback { .. }
            | Request::Approve { .. }
            | Request::Resume { .. }
    )
}

pub(super) fn clock() -> Clock {
    Arc::new(Timestamp::now)
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Report> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|error| {
        Report::new("runtime", Class::System, format!("threads cannot be started: {error}"), None)
    })
}

/// Who decides, for the receipts.
pub(super) fn who() -> String {
    let name = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER"));
    let uid = rustix::process::getuid().as_raw();
    match name {
        Ok(name) => format!("{name} (uid {uid})"),
        Err(_) => format!("uid {uid}"),
    }
}

/// This machine's architecture as Go names it.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
