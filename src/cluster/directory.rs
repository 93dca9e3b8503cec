//! A directory that stands in for a cluster, for the demo, for tests, and to see what a bundle would put there.
//!
//! ```text
//! namespaces/web/Deployment.apps/frontend.yaml      one file an object, as a person would write it
//! cluster/Namespace/web.yaml                        the same for what lives in no namespace
//! .airlock/                                         what an API server keeps to itself:
//!     log                                               uid, versions, owners of fields, status, and the history for watches
//!     health.yaml                                       what controllers would report; see below
//!     lock                                              one process writes at a time
//! ```
//!
//! It keeps the API server's promises: server-side apply with field owners, versions and watches that expire, generations, dry-runs that
//! write nothing, preconditions, finalizers, owners, namespaces and definitions that take their content along, immutable fields, and
//! the rights of service accounts. A file that is edited, added or removed by hand is a change by the manager `file`. Events are kept
//! in the log alone, and no controller runs: a Deployment makes no pods, and is well at once unless `health.yaml` declares otherwise:
//!
//! ```yaml
//! - {object: Deployment/web/*, status: Current, after: 5s}
//! - {object: Job/web/migrate, status: Failed, message: the database refuses the password}
//! ```
//!
//! A change by hand is noticed at once while something is watched; otherwise when the object, its kind, or the directory is looked at
//! next.
//!
//! Nothing is defaulted, and definitions are checked for types, required fields and enumerations only. After a kill everything goes
//! on where it was; after a power cut the last seconds may look as if someone had edited the files.

mod access;
mod collect;
mod core;
mod declared;
mod field_set;
mod json_patch;
mod layout;
mod log;
mod managed;
mod merge;
mod notice;
mod scan;
mod schema;
mod serve;
mod validate;
mod write;

use std::{
    fs::{DirBuilder, File},
    io::{self, Read as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

use self::{
    access::Asked,
    core::Core,
    log::Log,
    write::{By, Part},
};
use super::{
    ApplyOptions, Cluster, CreateOptions, DeleteOptions, Error, ListOptions, Metadata, Reference, Resource,
    ResourceVersion, ServerVersion, UpdateOptions, Watch,
};
use crate::{
    object::{Gvk, Object},
    render::ServiceAccount,
};

/// What time it is.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Where UIDs come from.
pub trait Ids: Send + Sync {
    /// A new one, in the form of a UUID.
    fn uid(&self) -> String;
}

/// The machine's clock and randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Ids for System {
    fn uid(&self) -> String {
        let mut bytes = [0; 16];
        let random = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
        if random.is_err() {
            // No two objects of one directory are made in the same nanosecond, since one process writes at a time.
            bytes = Timestamp::now().as_nanosecond().to_le_bytes();
        }
        let value = u128::from_be_bytes(bytes) & !(0xf << 76) | (4 << 76);
        let value = value & !(0xc << 60) | (8 << 60);
        let hex = format!("{value:032x}");
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or("");
        format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
    }
}

/// A directory as a cluster. Clones are the same cluster.
#[derive(Clone)]
pub struct DirectoryCluster {
    inner: Arc<Inner>,
    account: Option<ServiceAccount>,
}

struct Inner {
    root: PathBuf,
    core: Mutex<Core>,
    lock: File,
    /// The newest version, for watches.
    version: tokio::sync::watch::Sender<u64>,
    noticing: AtomicBool,
    /// Time alone will change something.
    waiting: AtomicBool,
}

/// The namespaces that every cluster has.
const NAMESPACES: [&str; 3] = ["default", "kube-public", "kube-system"];

/// The version that it answers with: that of the tables it was made from.
const VERSION: (&str, &str, &str) = ("1", "37", "v1.37.0+airlock-directory");

impl DirectoryCluster {
    /// Opens a directory, or makes an empty cluster of one that is empty or not there.
    ///
    /// # Errors
    /// When it cannot be read or written, or is something else.
    pub fn open(root: &Path) -> Result<Self, Error> {
        Self::open_with(root, Arc::new(System), Arc::new(System))
    }

    /// The same with a clock and UIDs of one's own.
    ///
    /// # Errors
    /// As [`DirectoryCluster::open`].
    pub fn open_with(root: &Path, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, Error> {
        let disk = |source: io::Error| Error::Disk { path: root.display().to_string(), source };
        let hidden = root.join(layout::HIDDEN);
        let fresh = !hidden.join("log").exists();
        if fresh && !hidden.exists() && root.read_dir().is_ok_and(|mut it| it.next().is_some()) {
            let text = "the directory is not empty, and no cluster";
            return Err(disk(io::Error::new(io::ErrorKind::DirectoryNotEmpty, text)));
        }
        // Secrets lie in it as plainly as in an API server's storage, so it is its owner's alone.
        for folder in [root, &hidden, &root.join(layout::CLUSTER), &root.join(layout::NAMESPACES)] {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(disk)?;
        }
        let lock = File::options().create(true).truncate(false).write(true).open(hidden.join("lock"));
        let lock = lock.map_err(disk)?;
        lock.lock().map_err(disk)?;
        let log = Log::open(root);
        lock.unlock().map_err(disk)?;
        let core = Core {
            root: root.to_owned(),
            log: log.map_err(disk)?,
            clock,
            ids,
            declared: declared::Declared::default(),
            stamps: scan::Stamps::new(),
            unsettled: true,
            unfinished: false,
        };
        let version = tokio::sync::watch::Sender::new(core.log.state.version);
        let (core, noticing, waiting) = (Mutex::new(core), AtomicBool::new(false), AtomicBool::new(false));
        let inner = Arc::new(Inner { root: root.to_owned(), core, lock, version, noticing, waiting });
        if fresh {
            inner.with(|core| {
                for name in NAMESPACES {
                    let namespace =
                        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
                    let namespace = Object::new(namespace, "namespace").expect("it has a kind and a name");
                    match core.create(&namespace, By { manager: "kube-apiserver", dry_run: false }) {
                        Ok(_) | Err(Error::AlreadyExists(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            })?;
        }
        // What people did while nobody looked.
        inner.with(Core::scan)?;
        Ok(Self { inner, account: None })
    }

    /// Forgets all history, as an API server's storage does from time to time: watches that are behind have expired.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn compact(&self) -> Result<(), Error> {
        self.inner.with(|core| {
            let forgotten = core.log.forget();
            forgotten.map_err(|error| core.disk(error))
        })
    }

    /// Runs one operation on a thread that may wait for the disk.
    async fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Core) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = self.inner.clone();
        match tokio::task::spawn_blocking(move || inner.with(operation)).await {
            Ok(result) => result,
            Err(error) => Err(Error::Unavailable {
                reason: "it was stopped".to_owned(),
                status: None,
                source: Some(error.into()),
            }),
        }
    }

    /// A check of the account's rights, to be made under the lock.
    fn authorized(
        &self,
        gvk: &Gvk,
        verb: &'static str,
        subresource: &'static str,
        namespace: &str,
        name: &str,
    ) -> impl FnOnce(&Core) -> Result<(), Error> + Send + 'static {
        let (account, gvk) = (self.account.clone(), gvk.clone());
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        move |core| {
            let Some(account) = account else { return Ok(()) };
            let kind = core.kind(&gvk)?;
            core.authorize(&account, &kind, Asked { verb, subresource, namespace: &namespace, name: &name })
        }
    }

    fn on(
        &self,
        reference: &Reference,
        verb: &'static str,
        subresource: &'static str,
    ) -> impl FnOnce(&Core) -> Result<(), Error> + Send + 'static {
        self.authorized(&reference.gvk, verb, subresource, &reference.namespace, &reference.name)
    }
}

impl Inner {
    /// Runs one operation under the lock, after everything that others did, and with all that follows from it.
    fn with<T>(&self, operation: impl FnOnce(&mut Core) -> Result<T, Error>) -> Result<T, Error> {
        // Whoever panicked did so between two changes of the log, which is all that counts.
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        self.lock.lock().map_err(|error| core.disk(error))?;
        let whole = || {
            core.log.catch_up().map_err(|error| core.disk(error))?;
            core.declare_due()?;
            core.settle()?;
            let result = operation(&mut core);
            core.settle()?;
            result
        };
        let result = whole();
        let unlocked = self.lock.unlock();
        self.waiting.store(core.declared.is_waiting() || core.unfinished, Ordering::Relaxed);
        let version = core.log.state.version;
        self.version.send_if_modified(|it| std::mem::replace(it, version) != version);
        unlocked.map_err(|error| core.disk(error))?;
        result
    }
}

#[async_trait]
impl Cluster for DirectoryCluster {
    async fn version(&self) -> Result<ServerVersion, Error> {
        let (major, minor, git_version) = VERSION;
        Ok(ServerVersion {
            major: major.to_owned(),
            minor: minor.to_owned(),
            git_version: git_version.to_owned(),
        })
    }

    async fn resources(&self) -> Result<Vec<Resource>, Error> {
        self.run(|core| {
            core.scan()?;
            Ok(serve::resources(&core.log.state))
        })
        .await
    }

    async fn resource(&self, gvk: &Gvk) -> Result<Resource, Error> {
        let gvk = gvk.clone();
        self.run(move |core| Ok(core.kind(&gvk)?.resource)).await
    }

    fn impersonate(&self, account: &ServiceAccount) -> Arc<dyn Cluster> {
        Arc::new(Self { inner: self.inner.clone(), account: Some(account.clone()) })
    }

    async fn get(&self, reference: &Reference) -> Result<Object, Error> {
        let (allowed, reference) = (self.on(reference, "get", ""), reference.clone());
        self.run(move |core| {
            allowed(core)?;
            core.get(&reference)
        })
        .await
    }

    async fn list(&self, gvk: &Gvk, options: &ListOptions) -> Result<(Vec<Object>, ResourceVersion), Error> {
        let namespace = options.namespace.as_deref().unwrap_or("");
        let allowed = self.authorized(gvk, "list", "", namespace, "");
        let (gvk, options) = (gvk.clone(), options.clone());
        self.run(move |core| {
            allowed(core)?;
            let objects = core.list(&gvk, &options)?;
            Ok((objects, ResourceVersion(core.log.state.version.to_string())))
        })
        .await
    }

    async fn list_metadata(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
    ) -> Result<(Vec<Metadata>, ResourceVersion), Error> {
        let (objects, version) = self.list(gvk, options).await?;
        Ok((objects.iter().map(Metadata::of).collect(), version))
    }

    async fn watch_metadata(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
        from: &ResourceVersion,
    ) -> Result<Watch, Error> {
        let namespace = options.namespace.as_deref().unwrap_or("");
        let allowed = self.authorized(gvk, "watch", "", namespace, "");
        let (from, kind) = (notice::parse(from)?, gvk.clone());
        self.run(move |core| {
            allowed(core)?;
            core.kind(&kind)?;
            core.since(&kind.group_kind(), from).map(|_| ())
        })
        .await?;
        if !self.inner.noticing.swap(true, Ordering::Relaxed) {
            tokio::spawn(notice::notice(Arc::downgrade(&self.inner)));
        }
        let (sender, watch) = Watch::channel();
        let weak = Arc::downgrade(&self.inner);
        tokio::spawn(notice::tell(weak, gvk.group_kind(), options.clone(), from, sender));
        Ok(watch)
    }

    async fn apply(&self, object: &Object, options: &ApplyOptions) -> Result<Object, Error> {
        let allowed = self.on(&Reference::of(object), "patch", "");
        let (object, options) = (object.clone(), options.clone());
        self.run(move |core| {
            allowed(core)?;
            core.apply(&object, &options, Part::Main)
        })
        .await
    }

    async fn apply_status(&self, object: &Object, options: &ApplyOptions) -> Result<Object, Error> {
        let allowed = self.on(&Reference::of(object), "patch", "status");
        let (object, options) = (object.clone(), options.clone());
        self.run(move |core| {
            allowed(core)?;
            core.apply(&object, &options, Part::Status)
        })
        .await
    }

    async fn create(&self, object: &Object, options: &CreateOptions) -> Result<Object, Error> {
        let allowed = self.on(&Reference::of(object), "create", "");
        let (object, options) = (object.clone(), options.clone());
        self.run(move |core| {
            allowed(core)?;
            core.create(&object, By { manager: &options.field_manager, dry_run: options.dry_run })
        })
        .await
    }

    async fn update(&self, object: &Object, options: &UpdateOptions) -> Result<Object, Error> {
        let allowed = self.on(&Reference::of(object), "update", "");
        let (object, options) = (object.clone(), options.clone());
        self.run(move |core| {
            allowed(core)?;
            core.update(&object, By { manager: &options.field_manager, dry_run: options.dry_run }, Part::Main)
        })
        .await
    }

    async fn update_status(&self, object: &Object, options: &UpdateOptions) -> Result<Object, Error> {
        let allowed = self.on(&Reference::of(object), "update", "status");
        let (object, options) = (object.clone(), options.clone());
        self.run(move |core| {
            allowed(core)?;
            core.update(
                &object,
                By { manager: &options.field_manager, dry_run: options.dry_run },
                Part::Status,
            )
        })
        .await
    }

    async fn patch(
        &self,
        reference: &Reference,
        operations: &[Value],
        options: &UpdateOptions,
    ) -> Result<Object, Error> {
        let allowed = self.on(reference, "patch", "");
        let (reference, operations, options) = (reference.clone(), operations.to_vec(), options.clone());
        self.run(move |core| {
            allowed(core)?;
            core.patch(
                &reference,
                &operations,
                By { manager: &options.field_manager, dry_run: options.dry_run },
            )
        })
        .await
    }

    async fn delete(&self, reference: &Reference, options: &DeleteOptions) -> Result<(), Error> {
        let allowed = self.on(reference, "delete", "");
        let (reference, options) = (reference.clone(), options.clone());
        self.run(move |core| {
            allowed(core)?;
            core.delete(&reference, &options)
        })
        .await
    }
}
