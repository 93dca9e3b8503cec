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
    /// A `*.tar` was closed after writing or renamed into place; or a `bundle.dsse` is there and a file of its layout
    /// was. Who copies `bundle.dsse` first, as file managers do, is heard again with every file after it, until the last
    /// one makes it whole: so wait for a little quiet before looking, and look again when there was something missing.
    Arrived(PathBuf),
    /// What was mounted there is gone.
    Gone(PathBuf),
}

/// Watches a directory below which sticks are mounted, and each stick inside.
///
/// The kernel tells of mounts through `mountinfo` and of files through inotify; nothing is asked at intervals. A watch
/// keeps no stick from being unmounted; an open [`DirectoryMedium`](super::DirectoryMedium) does.
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
    /// The directory that is a layout, or may become one.
    layout: PathBuf,
    /// Which directory of the layout it is: empty for the layout itself.
    part: &'static str,
    /// Whether the layout is the top of a stick, or the directory itself, which hold tars and further layouts.
    top: bool,
}

/// The directories of a layout, and what each is inside.
const PARTS: [(&str, &str, &str); 3] =
    [("", "trust", "trust/"), ("", "blobs", "blobs/"), ("blobs/", "sha256", "blobs/sha256/")];

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
        if !self.watch(path, "", true)? {
            return Ok(());
        }
        // Watched before it is read: what comes in between comes twice rather than never.
        let Ok(root) = Root::open(path) else { return Ok(()) };
        let names = root.names(limits::MEDIUM_CHILDREN).map_err(Error::io("read", path))?;
        let directories =
            names.iter().filter(|name| matches!(root.kind(name), Ok(Some(FileType::Directory))));
        for name in directories.take(limits::WATCHED_CHILDREN) {
            if !PARTS.iter().any(|(_, part, _)| name == part) {
                self.watch(&path.join(name), "", false)?;
            }
        }
        Ok(())
    }

    /// Watches one directory of a layout, and those of its directories that are there. False where it is gone already,
    /// or is none.
    fn watch(&mut self, layout: &Path, part: &'static str, top: bool) -> Result<bool, Error> {
        // A slash at the end would follow a link after all.
        let path = match part.strip_suffix('/') {
            Some(part) => layout.join(part),
            None => layout.to_owned(),
        };
        let flags = inotify::WatchFlags::CLOSE_WRITE
            | inotify::WatchFlags::MOVED_TO
            | inotify::WatchFlags::CREATE
            | inotify::WatchFlags::ONLYDIR
            | inotify::WatchFlags::DONT_FOLLOW;
        match inotify::add_watch(&self.inotify, &path, flags) {
            Ok(id) => self.watched.insert(id, Watched { layout: layout.to_owned(), part, top }),
            // Another's directory on the stick, or one that has just gone, is no reason to stop watching the others.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(false),
            // Nor are the kernel's last watches, where the stick itself is watched.
            Err(Errno::NOSPC) if !top || !part.is_empty() => return Ok(false),
            Err(error) => return Err(Error::io("watch", path)(error.into())),
        };
        for (within, _, inner) in PARTS {
            if within == part {
                self.watch(layout, inner, top)?;
            }
        }
        Ok(true)
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
        let Watched { layout, part, top } = watched;
        if events.contains(inotify::ReadFlags::ISDIR) {
            // A directory that came with its files in it says nothing of them.
            match PARTS.iter().find(|(within, name_of, _)| (*within, *name_of) == (part, name)) {
                Some((.., inner)) if self.watch(&layout, inner, top)? => self.arrived(&layout),
                None if top && part.is_empty() => {
                    let layout = layout.join(name);
                    if self.watch(&layout, "", false)? {
                        self.arrived(&layout);
                    }
                }
                _ => (),
            }
            return Ok(());
        }
        let written = inotify::ReadFlags::CLOSE_WRITE | inotify::ReadFlags::MOVED_TO;
        if !events.intersects(written) {
            return Ok(());
        }
        if Item::parse(&format!("{part}{name}")).is_some() {
            self.arrived(&layout);
        } else if top && part.is_empty() && name.ends_with(".tar") {
            self.pending.push(Event::Arrived(layout.join(name)));
        }
        Ok(())
    }

    /// Something of a layout came. Without its `bundle.dsse` it is none yet.
    fn arrived(&mut self, layout: &Path) {
        let bundle = layout.join(Item::Bundle.to_string());
        if std::fs::symlink_metadata(&bundle).is_ok_and(|it| it.is_file()) {
            self.pending.push(Event::Arrived(bundle));
        }
    }
}
