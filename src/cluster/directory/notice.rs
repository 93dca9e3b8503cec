//! Noticing what people and other processes do, and telling it to watches.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use rustix::fs::inotify;
use tokio::net::unix::pipe;

use super::{
    Inner,
    core::selects,
    layout::{CLUSTER, HIDDEN, NAMESPACES},
    log::{Happened, Past},
};
use crate::{
    cluster::{Error, ListOptions, Metadata, ResourceVersion, WatchEvent, WatchSender},
    object::GroupKind,
};

/// Without an event everything is compared so often: a network file system tells nobody what others do.
const RESCAN: Duration = Duration::from_secs(5);

/// While time alone makes an object ready, it is looked at so often.
const TICK: Duration = Duration::from_millis(100);

/// An editor writes a file in several steps; one look after the last is enough.
const QUIET: Duration = Duration::from_millis(20);

/// A watch without changes says so often that it is up to date.
const BOOKMARK: Duration = Duration::from_secs(60);

/// Looks at the directory for as long as someone uses it.
pub(super) async fn notice(inner: Weak<Inner>) {
    let mut eyes = Eyes::open().ok().map(Arc::new);
    loop {
        let Some(strong) = inner.upgrade() else { return };
        let pause = if strong.waiting.load(Ordering::Relaxed) { TICK } else { RESCAN };
        let look = eyes.clone();
        // Folders first, so that nothing that happens after the comparison is missed. An error is the next operation's to tell.
        let compared = tokio::task::spawn_blocking(move || {
            if let Some(eyes) = look {
                eyes.drain();
                eyes.look_at(&strong.root);
            }
            strong.with(|core| core.scan())
        });
        let _ = compared.await;
        let seen = async {
            match &eyes {
                Some(eyes) => eyes.wait().await,
                None => std::future::pending().await,
            }
        };
        if let Ok(Err(_)) = tokio::time::timeout(pause, seen).await {
            // Without inotify (too many watches, say) the rescan remains.
            eyes = None;
        }
        tokio::time::sleep(QUIET).await;
    }
}

/// An inotify instance. It is no pipe, but the runtime waits for it, and it is read, as for one.
struct Eyes(pipe::Receiver);

impl Eyes {
    fn open() -> io::Result<Self> {
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        Ok(Self(pipe::Receiver::from_owned_fd_unchecked(inotify::init(flags)?)?))
    }

    /// Watches every folder of the tree. A watch that is there already is only confirmed; that of a folder that went, went with it.
    fn look_at(&self, root: &Path) {
        let mut folders = vec![root.to_owned(), root.join(HIDDEN)];
        let mut level = vec![root.join(CLUSTER), root.join(NAMESPACES)];
        for _ in 0..3 {
            let below = level.iter().flat_map(|it| std::fs::read_dir(it).into_iter().flatten().flatten());
            let below: Vec<PathBuf> =
                below.filter(|it| it.file_type().is_ok_and(|it| it.is_dir())).map(|it| it.path()).collect();
            folders.append(&mut level);
            level = below;
        }
        let wanted = inotify::WatchFlags::CLOSE_WRITE
            | inotify::WatchFlags::MOVED_TO
            | inotify::WatchFlags::MOVED_FROM
            | inotify::WatchFlags::CREATE
            | inotify::WatchFlags::DELETE
            | inotify::WatchFlags::MODIFY
            | inotify::WatchFlags::ONLYDIR;
        for folder in folders {
            // What cannot be watched is found by the rescan.
            let _ = inotify::add_watch(&self.0, &folder, wanted);
        }
    }

    async fn wait(&self) -> io::Result<()> {
        self.0.readable().await
    }

    /// Reads all events away; which they are does not matter.
    fn drain(&self) {
        let mut buffer = [0; 16 * 1024];
        while self.0.try_read(&mut buffer).is_ok_and(|read| read > 0) {}
    }
}

/// Tells a watch what happens, until nobody listens or the directory is closed.
pub(super) async fn tell(
    inner: Weak<Inner>,
    kind: GroupKind,
    options: ListOptions,
    mut from: u64,
    sender: WatchSender,
) {
    let Some(mut changed) = inner.upgrade().map(|it| it.version.subscribe()) else { return };
    loop {
        changed.mark_unchanged();
        let Some(strong) = inner.upgrade() else { return };
        let wanted = kind.clone();
        let since = tokio::task::spawn_blocking(move || {
            strong.with(|core| Ok((core.since(&wanted, from)?, core.log.state.version)))
        });
        let (past, version) = match since.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                sender.send(Err(error)).await;
                return;
            }
            Err(_) => return,
        };
        for past in past {
            if let Some(event) = event(&past, &options)
                && !sender.send(Ok(event)).await
            {
                return;
            }
        }
        from = version;
        tokio::select! {
            () = sender.closed() => return,
            done = changed.changed() => if done.is_err() { return },
            () = tokio::time::sleep(BOOKMARK) => {
                let bookmark = WatchEvent::Bookmark(ResourceVersion(version.to_string()));
                if !sender.send(Ok(bookmark)).await {
                    return;
                }
            }
        }
    }
}

/// A change as a watcher with these options sees it: what stops matching is gone for it, what begins to is new.
fn event(past: &Past, options: &ListOptions) -> Option<WatchEvent> {
    let is = past.happened != Happened::Deleted && selects(options, &past.object);
    let was = past.before.as_deref().is_some_and(|it| selects(options, it));
    let object = Metadata::of(&past.object);
    match (was, is) {
        (false, true) => Some(WatchEvent::Added(object)),
        (true, true) => Some(WatchEvent::Modified(object)),
        (true, false) => Some(WatchEvent::Deleted(object)),
        (false, false) => None,
    }
}

/// The version that a caller hands in.
pub(super) fn parse(version: &ResourceVersion) -> Result<u64, Error> {
    version.0.parse().map_err(|_| {
        super::core::refuse(400, "BadRequest", format!("invalid resource version: {:?}", version.0))
    })
}
