//! Opening a node as its configuration says, and the loop of the agent.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::{
    settings::{Activation, NodeRole, Settings, Target},
    socket,
};
use crate::{
    bundle::{AgentVersion, kubernetes_minor},
    cluster::{Cluster, directory::DirectoryCluster},
    fault::{Class, Report},
    reconcile::{Clock, Node, Profile, Status, Verdict},
    source::Watch,
    store::RealDisk,
};

/// How often a directory of media is asked where nothing is heard; also how long a stop may take to be noticed there.
const MEDIA_WAIT: Duration = Duration::from_secs(5);

/// A medium that was written to a moment ago is still being copied: file managers write `bundle.dsse` before `trust/`.
const QUIET: Duration = Duration::from_secs(2);

/// A node, opened as its configuration says.
pub struct Opened {
    /// The node.
    pub node: Arc<Node>,
    /// The configuration.
    pub settings: Settings,
}

/// Opens a node: store, trust, cluster. Takes the store's lock.
///
/// # Errors
/// When another process has the lock, nothing was begun, or what is there is not what was accepted.
pub fn open(settings: Settings, clock: Clock) -> Result<Opened, Report> {
    let disk = RealDisk::open(&settings.store).map_err(|error| {
        let path = settings.store.display();
        let hint = "`airlock trust init` begins a store; the directory must be there and ours";
        Report::new("disk", Class::System, format!("{path} cannot be opened: {error}"), Some(hint))
    })?;
    let store_id = read_store_id(&settings.store_id)?;
    let cluster: Option<Arc<dyn Cluster>> = match (&settings.target, settings.role) {
        (Some(Target::Directory(path)), NodeRole::Apply) => Some(Arc::new(DirectoryCluster::open(path)?)),
        _ => None,
    };
    let profile = profile(&settings);
    let node = Node::open(Arc::new(disk), store_id.as_deref(), profile, cluster, clock)?;
    if store_id.is_none() {
        // The state is there and the id is not: whoever made the state was stopped before it wrote the id.
        write_store_id(&settings.store_id, &node.store_id())?;
    }
    Ok(Opened { node: Arc::new(node), settings })
}

/// What a node is told by its configuration.
pub fn profile(settings: &Settings) -> Profile {
    let audiences = settings.clusters().map(|it| settings.audience(it)).collect();
    let kubernetes = settings.kubernetes.as_deref().and_then(kubernetes_minor);
    Profile {
        cluster: settings.cluster.clone(),
        terms: Profile::terms(audiences, AgentVersion::this(), settings.arch.clone(), kubernetes),
        site: settings.site.clone(),
        auto: settings.activate == Activation::Auto,
        budget: settings.deletion,
        keep: settings.keep,
    }
}

/// The store id of this node, where one was written.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_store_id(path: &Path) -> Result<Option<String>, Report> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Report::new(
            "disk",
            Class::System,
            format!("{} cannot be read: {error}", path.display()),
            None,
        )),
    }
}

/// Writes the store id of this node.
///
/// # Errors
/// When the directory is not there or not ours.
pub fn write_store_id(path: &Path, id: &str) -> Result<(), Report> {
    let write = || {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(path, format!("{id}\n"))
    };
    write().map_err(|error: std::io::Error| {
        let hint = "run the command as root, or set `storeId` in airlock.yaml to a place that is writable";
        Report::new(
            "disk",
            Class::System,
            format!("{} cannot be written: {error}", path.display()),
            Some(hint),
        )
    })
}

/// Runs the agent until it is told to stop: answers on the socket, takes in media, keeps the cluster.
///
/// # Errors
/// When the socket cannot be opened.
pub async fn run(opened: Opened) -> Result<(), Report> {
    let Opened { node, settings } = opened;
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
    tasks.spawn(crate::reconcile::follow(Arc::clone(&node)));
    let interval = settings.interval.0;
    tasks.spawn({
        let node = Arc::clone(&node);
        async move {
            node.wake();
            loop {
                let _ = tokio::time::timeout(interval, node.woken()).await;
                node.reconcile(None).await;
                tell(&node.status(node.now()));
            }
        }
    });
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(socket::serve(Arc::clone(&node), stream))),
                Err(error) => warn!("a client could not be heard: {error}"),
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    info!("stopping");
    node.stop();
    // What is being written is durable or does not count, so nothing has to be waited for but the pass under way.
    let _ = tokio::time::timeout(Duration::from_secs(20), node.idle()).await;
    tasks.abort_all();
    let _ = std::fs::remove_file(&settings.socket);
    Ok(())
}

/// One line for each thing that an operator would ask about.
fn tell(status: &Status) {
    for channel in &status.channels {
        if let Some(report) = &channel.waiting {
            warn!(channel = %channel.channel, code = report.code, "staged, and not active: {}", report.error);
        }
        if let Some(report) = &channel.failure {
            warn!(channel = %channel.channel, code = report.code, "{}", report.error);
        }
        for entry in &channel.entries {
            match &entry.failure {
                Some(report) => {
                    warn!(entry = %entry.entry, code = report.code, "{}: {}", entry.phase.as_str(), report.error)
                }
                None => tracing::debug!(entry = %entry.entry, "{}: {}", entry.phase.as_str(), entry.message),
            }
        }
    }
}

/// Takes in what is mounted or copied below a directory.
fn watch_media(node: &Arc<Node>, directory: &Path) {
    let mut watch = match Watch::new(directory) {
        Ok(watch) => watch,
        Err(error) => {
            warn!("{} is not watched: {error}", directory.display());
            return;
        }
    };
    let mut heard = true;
    while !node.is_stopped() {
        match watch.wait(Some(if heard { QUIET } else { MEDIA_WAIT })) {
            Ok(events) if !events.is_empty() => heard = true,
            // Nothing came for a while after something had: now it is whole, as far as anybody can tell.
            Ok(_) if heard => {
                heard = false;
                take_media(node, directory);
            }
            Ok(_) => (),
            Err(error) => {
                warn!("{} cannot be watched: {error}", directory.display());
                std::thread::sleep(MEDIA_WAIT);
            }
        }
    }
}

fn take_media(node: &Arc<Node>, directory: &Path) {
    let mounts = crate::source::mounts_below(directory).unwrap_or_default();
    let mut paths: Vec<std::path::PathBuf> = mounts.into_iter().map(|it| it.point).collect();
    if paths.is_empty() {
        paths.push(directory.to_owned());
    }
    for path in paths {
        if crate::source::find(&path).is_err() {
            continue;
        }
        let imported = node.import(&[path], node.now(), &(Arc::new(|_, _| ()) as _));
        for medium in &imported.media {
            match &medium.verdict {
                Verdict::Accepted(accepted) => {
                    info!(medium = medium.medium, outcome = accepted.word(), "taken in")
                }
                Verdict::Refused(report) => {
                    warn!(medium = medium.medium, code = report.code, "refused: {}", report.error)
                }
            }
            if let Some(want) = &medium.want {
                warn!(medium = medium.medium, "{want}");
            }
        }
        node.wake();
    }
}
