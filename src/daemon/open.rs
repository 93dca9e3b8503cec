//! Opening a node as its configuration says.

use std::{path::Path, sync::Arc};

use super::settings::{Activation, NodeRole, Settings, Target};
use crate::{
    bundle::{AgentVersion, kubernetes_minor},
    cluster::{
        Cluster,
        api::{Access, ApiServer},
        directory::DirectoryCluster,
    },
    fault::{Class, Report},
    reconcile::{Clock, Followed, Node, Profile},
    store::RealDisk,
};

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
        (None, _) | (_, NodeRole::Store) => None,
        (Some(Target::Directory(path)), NodeRole::Apply) => Some(Arc::new(DirectoryCluster::open(path)?)),
        (Some(Target::Kubeconfig(path)), NodeRole::Apply) => {
            Some(Arc::new(ApiServer::new(Access::Kubeconfig(path.clone()))))
        }
        (Some(Target::InCluster), NodeRole::Apply) => Some(Arc::new(ApiServer::new(Access::InCluster))),
    };
    let profile = profile(&settings);
    let alone = matches!(settings.target, None | Some(Target::Directory(_)));
    let node = Node::open(Arc::new(disk), store_id.as_deref(), profile, cluster, clock)?;
    let node = node.following(sources(&settings)).keeping(settings.store.clone());
    let identity = identity(&node);
    let node = if alone { node } else { node.elected_as(&identity) };
    if store_id.is_none() {
        // The state is there and the id is not: whoever made the state was stopped before it wrote the id.
        write_store_id(&settings.store_id, &node.store_id())?;
    }
    Ok(Opened { node: Arc::new(node), settings })
}

/// The places that the node asks. A file of credentials that is named without a directory is one that systemd loaded for
/// this process (`LoadCredential=`).
pub fn sources(settings: &Settings) -> Vec<Followed> {
    let loaded = std::env::var_os("CREDENTIALS_DIRECTORY").map(std::path::PathBuf::from);
    let mut sources = settings.sources.clone();
    for source in &mut sources {
        source.spec.objects = Some(settings.store.clone());
        if let (Some(path), Some(directory)) = (&source.spec.credentials, &loaded)
            && path.is_relative()
        {
            source.spec.credentials = Some(directory.join(path));
        }
    }
    sources
}

/// What a node calls itself in an election: a name for people, and the store's id, which no other node has.
fn identity(node: &Node) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}_{}", host.trim(), node.store_id())
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
