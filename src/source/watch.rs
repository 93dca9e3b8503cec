use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, inotify},
    io::Errno,
};

use super::{Error, Root, mounts_below};
use crate::{bundle::Item, limits};

/// Something happened where sticks are mounted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// A stick was mounted there, or more happened there than could be followed: look at all of it.
    Look(PathBuf),
    /// A `bundle.dsse` or a `*.tar` was closed after writing, or renamed into place. Whoever copies `bundle.dsse` first
    /// makes this come too early; sizes and digests say so, and every later file of the layout says nothing.
    Arrived(PathBuf),
    /// What was mounted there is gone.
    Gone(PathBuf),
}

/// Watches a directory below which sticks are mounted, and each stick inside.
///
/// The kernel tells of mounts through `mountinfo` and of files through inotify; nothing is asked at intervals. A watch
/// keeps no stick from being unmounted.
#[derive(Debug)]
pub struct Watch {
    directory: PathBuf,
    mountinfo: File,
    inotify: OwnedFd,
    /// What is mounted below, by mount id.
    mounted: BTreeMap<u64, PathBuf>,
    /// What each watch is on.
    watched: HashMap<i32, Watched>,
    pending: Vec<Event>,
}

#[derive(Clone, Debug)]
struct Watched {
    path: PathBuf,
    /// The top of a stick, or the directory itself; otherwise one level below.
    top: bool,
}

impl Watch {
    /// Starts watching. The first events tell to look at the directory itself and at what is mounted already.
    ///
    /// # Errors
    /// When the directory is not there, or the kernel has no watches left.
    pub fn new(directory: &Path) -> Result<Self, Error> {
        let directory = std::fs::canonicalize(directory).map_err(Error::io("open", directory))?;
        let io = |error: Errno| Error::io("watch", &directory)(error.into());
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        let inotify = inotify::init(flags).map_err(io)?;
        // Opened before the first look at it, so that no change falls in between.
        let mountinfo =
            File::open("/proc/self/mountinfo").map_err(Error::io("open", "/proc/self/mountinfo"))?;
        let mut watch = Self {
            directory: directory.clone(),
            mountinfo,
            inotify,
            mounted: BTreeMap::new(),
            watched: HashMap::new(),
            pending: Vec::new(),
        };
        watch.watch_top(&directory)?;
        watch.pending.push(Event::Look(directory));
        watch.look_at_mounts()?;
        Ok(watch)
    }

    /// Waits until something happens, at most so long. An empty list says that the time has passed, or that what
    /// happened concerns nobody.
    ///
    /// # Errors
    /// When the kernel says no.
    pub fn wait(&mut self, at_most: Option<Duration>) -> Result<Vec<Event>, Error> {
        if self.pending.is_empty() {
            let timeout = at_most.and_then(|it| Timespec::try_from(it).ok());
            let mut fds =
                [PollFd::new(&self.mountinfo, PollFlags::PRI), PollFd::new(&self.inotify, PollFlags::IN)];
            match poll(&mut fds, timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => (),
                Err(error) => return Err(Error::io("watch", &self.directory)(error.into())),
            }
            let [mounts, files] = fds.map(|fd| !fd.revents().is_empty());
            if mounts {
                self.look_at_mounts()?;
            }
            if files {
                self.read_inotify()?;
            }
        }
        let mut events = std::mem::take(&mut self.pending);
        // One stick mounted may have come three ways; the order of what remains is the order of coming.
        let mut seen = std::collections::HashSet::new();
        events.retain(|event| seen.insert(event.clone()));
        Ok(events)
    }

    fn look_at_mounts(&mut self) -> Result<(), Error> {
        let now: BTreeMap<u64, PathBuf> =
            mounts_below(&self.directory)?.into_iter().map(|it| (it.id, it.point)).collect();
        let gone = self.mounted.iter().filter(|(id, point)| now.get(id) != Some(point));
        self.pending.extend(gone.map(|(_, point)| Event::Gone(point.clone())));
        let came: Vec<PathBuf> = now
            .iter()
            .filter(|(id, point)| self.mounted.get(id) != Some(point))
            .map(|(_, point)| point.clone())
            .collect();
        self.mounted = now;
        for point in came {
            self.watch_top(&point)?;
            self.pending.push(Event::Look(point));
        }
        Ok(())
    }

    /// Watches the top of a stick, and the directories in it.
    fn watch_top(&mut self, path: &Path) -> Result<(), Error> {
        if !self.watch(path, true)? {
            return Ok(());
        }
        // Watched before it is read: what comes in between comes twice rather than never.
        let Ok(root) = Root::open(path) else { return Ok(()) };
        let names = root.names(limits::MEDIUM_CHILDREN).map_err(Error::io("read", path))?;
        for name in names {
            if matches!(root.kind(&name), Ok(Some(FileType::Directory))) {
                self.watch(&path.join(name), false)?;
            }
        }
        Ok(())
    }

    /// Watches one directory. False where it is gone already, or is none.
    fn watch(&mut self, path: &Path, top: bool) -> Result<bool, Error> {
        let flags = inotify::WatchFlags::CLOSE_WRITE
            | inotify::WatchFlags::MOVED_TO
            | inotify::WatchFlags::CREATE
            | inotify::WatchFlags::ONLYDIR
            | inotify::WatchFlags::DONT_FOLLOW;
        match inotify::add_watch(&self.inotify, path, flags) {
            Ok(id) => {
                self.watched.insert(id, Watched { path: path.to_owned(), top });
                Ok(true)
            }
            // Another's directory on the stick, or one that has just gone, is no reason to stop watching the others.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => Ok(false),
            Err(error) => Err(Error::io("watch", path)(error.into())),
        }
    }

    fn read_inotify(&mut self) -> Result<(), Error> {
        let mut happened = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().and_then(|name| name.to_str().ok()).map(str::to_owned);
                    happened.push((event.wd(), event.events(), name));
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => (),
                Err(error) => return Err(Error::io("watch", &self.directory)(error.into())),
            }
        }
        for (id, events, name) in happened {
            self.happened(id, events, name.as_deref())?;
        }
        Ok(())
    }

    fn happened(&mut self, id: i32, events: inotify::ReadFlags, name: Option<&str>) -> Result<(), Error> {
        if events.contains(inotify::ReadFlags::QUEUE_OVERFLOW) {
            let places: Vec<PathBuf> =
                std::iter::once(&self.directory).chain(self.mounted.values()).cloned().collect();
            for place in places {
                self.watch_top(&place)?;
                self.pending.push(Event::Look(place));
            }
            return Ok(());
        }
        if events.contains(inotify::ReadFlags::IGNORED) {
            self.watched.remove(&id);
            return Ok(());
        }
        let (Some(watched), Some(name)) = (self.watched.get(&id).cloned(), name) else { return Ok(()) };
        let path = watched.path.join(name);
        if events.contains(inotify::ReadFlags::ISDIR) {
            // A directory that came with its files in it says nothing of them.
            if watched.top && self.watch(&path, false)? {
                let bundle = path.join(Item::Bundle.to_string());
                if std::fs::symlink_metadata(&bundle).is_ok_and(|it| it.is_file()) {
                    self.pending.push(Event::Arrived(bundle));
                }
            }
            return Ok(());
        }
        let written = inotify::ReadFlags::CLOSE_WRITE | inotify::ReadFlags::MOVED_TO;
        let ours = name == Item::Bundle.to_string() || (watched.top && name.ends_with(".tar"));
        if events.intersects(written) && ours {
            self.pending.push(Event::Arrived(path));
        }
        Ok(())
    }
}
