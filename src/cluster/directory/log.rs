//! What the directory remembers beside its files: one log, written ahead of every change.
//!
//! ```text
//! {"format":1,"version":40,"expired":12}            the first line: where this log begins, and what is forgotten before it
//! {"state":{"object":{…},"file":"sha256:…"}}        what was there then, one line an object
//! {"past":{"version":38,"event":"Deleted",…}}       what a watch may still ask for
//! {"change":{"version":41,"event":"Added",…}}       every change since, before its file is written
//! {"done":41}                                       … and after
//! ```
//!
//! A process that is killed between the two last lines leaves the change to the next one, which writes the file. A torn last line
//! was never a change.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::layout::{self, HIDDEN};
use crate::{
    digest::Digest,
    object::{Object, ObjectId},
};

/// The form of the log that this version writes.
const FORMAT: u32 = 1;

/// Changes that a watch can still ask for after the log was rewritten.
const PAST: usize = 1_000;

/// The log is rewritten when it has grown by so many changes, and by twice as many as there are objects.
const REWRITE: usize = 2_000;

/// One object and its file.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) object: Arc<Object>,
    /// What its file holds; nothing where it has none.
    pub(super) file: Option<Digest>,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Happened {
    Added,
    Modified,
    Deleted,
}

/// One change, as a watch tells it.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) version: u64,
    pub(super) happened: Happened,
    /// As it is; as it was last where it is gone.
    pub(super) object: Arc<Object>,
    pub(super) before: Option<Arc<Object>>,
}

/// Everything that is known.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) objects: BTreeMap<ObjectId, Stored>,
    pub(super) version: u64,
    /// Changes up to this version are forgotten.
    pub(super) expired: u64,
    pub(super) past: VecDeque<Past>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    version: u64,
    expired: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    State { object: Value, file: Option<Digest> },
    Past { version: u64, event: Happened, object: Value, before: Option<Value> },
    Change { version: u64, event: Happened, object: Value, file: Option<Digest>, was: Option<Digest> },
    Done(u64),
}

/// A change that may not have reached its file.
struct Unfinished {
    id: ObjectId,
    version: u64,
    happened: Happened,
    file: Option<Digest>,
    was: Option<Digest>,
}

/// The log of one directory, open.
pub(super) struct Log {
    root: PathBuf,
    file: File,
    inode: u64,
    offset: u64,
    changes: usize,
    pub(super) state: State,
    unfinished: Option<Unfinished>,
}

fn path(root: &Path) -> PathBuf {
    root.join(HIDDEN).join("log")
}

fn damaged(error: serde_json::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl Log {
    /// Opens the log of `root`, and begins one where there is none. The lock is held.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        if !path(root).try_exists()? {
            write_whole(root, &State::default())?;
        }
        let file = File::options().read(true).append(true).open(path(root))?;
        let inode = file.metadata()?.ino();
        let mut log = Self {
            root: root.to_owned(),
            file,
            inode,
            offset: 0,
            changes: 0,
            state: State::default(),
            unfinished: None,
        };
        log.read_on()?;
        log.finish()?;
        Ok(log)
    }

    /// Reads what other processes wrote since. The lock is held.
    pub(super) fn catch_up(&mut self) -> io::Result<()> {
        let there = std::fs::metadata(path(&self.root))?;
        if there.ino() != self.inode {
            *self = Self::open(&self.root)?;
        } else if there.len() != self.offset {
            self.read_on()?;
        }
        self.finish()
    }

    fn read_on(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.offset))?;
        let mut reader = BufReader::new(self.file.try_clone()?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                break;
            }
            if self.offset == 0 {
                let head: Head = serde_json::from_slice(&line).map_err(damaged)?;
                if head.format != FORMAT {
                    let text = format!("the log has format {}, this version knows {FORMAT}", head.format);
                    return Err(io::Error::new(io::ErrorKind::Unsupported, text));
                }
                (self.state.version, self.state.expired) = (head.version, head.expired);
            } else {
                self.take(serde_json::from_slice(&line).map_err(damaged)?)?;
            }
            self.offset += read as u64;
        }
        if !line.is_empty() {
            // The next line must not be glued to one that was torn.
            self.file.set_len(self.offset)?;
        }
        Ok(())
    }

    fn take(&mut self, line: Line) -> io::Result<()> {
        let object = |value| {
            Object::new(value, "log")
                .map(Arc::new)
                .map_err(|it| io::Error::new(io::ErrorKind::InvalidData, it))
        };
        match line {
            Line::State { object: value, file } => {
                let object = object(value)?;
                self.state.objects.insert(object.id(), Stored { object, file });
            }
            Line::Past { version, event, object: value, before } => {
                let (object, before) = (object(value)?, before.map(object).transpose()?);
                self.state.past.push_back(Past { version, happened: event, object, before });
            }
            Line::Change { version, event, object: value, file, was } => {
                let object = object(value)?;
                let id = object.id();
                self.unfinished = Some(Unfinished { id, version, happened: event, file, was });
                self.state.note(version, event, object, file);
                self.changes += 1;
            }
            Line::Done(version) => {
                self.unfinished.take_if(|it| it.version == version);
            }
        }
        Ok(())
    }

    /// Writes the file of a change whose process was killed, unless someone has written another since.
    fn finish(&mut self) -> io::Result<()> {
        let Some(Unfinished { id, version, happened, file, was }) = &self.unfinished else { return Ok(()) };
        if let Some(path) = layout::path(id) {
            let there = layout::load(&self.root.join(&path))?.map(|bytes| Digest::of(&bytes));
            if there == *was && there != *file {
                match self.state.objects.get(id).filter(|_| *happened != Happened::Deleted) {
                    Some(stored) => layout::replace(&self.root, &path, &layout::show(&stored.object))?,
                    None => layout::remove(&self.root, &path)?,
                }
            }
        }
        let done = Line::Done(*version);
        self.append(&done)?;
        self.unfinished = None;
        Ok(())
    }

    /// Makes a change: the log first, then the file. `shown` is what the file already holds when a person wrote it.
    pub(super) fn change(
        &mut self,
        happened: Happened,
        object: Arc<Object>,
        shown: Option<Digest>,
    ) -> io::Result<()> {
        let id = object.id();
        let path = layout::path(&id);
        let before = self.state.objects.get(&id);
        let was = before.and_then(|it| it.file);
        let version = self.state.version + 1;
        let shows = (happened != Happened::Deleted && path.is_some()).then(|| layout::show(&object));
        // A status, say, is not in the file: what a person wrote there, comments and all, stays.
        let same = before.is_some_and(|it| shows.as_ref() == Some(&layout::show(&it.object)));
        let bytes = shows.filter(|_| shown.is_none() && !(same && was.is_some()));
        let file = match &bytes {
            Some(bytes) => Some(Digest::of(bytes)),
            None if happened == Happened::Deleted => None,
            None => shown.or(was),
        };
        let line = Line::Change { version, event: happened, object: value(&object), file, was };
        self.append(&line)?;
        // Should the file fail, for want of space say, the next operation writes it.
        self.unfinished = Some(Unfinished { id, version, happened, file, was });
        self.state.note(version, happened, object, file);
        self.changes += 1;
        if let Some(path) = path {
            match bytes {
                Some(bytes) if file != was => layout::replace(&self.root, &path, &bytes)?,
                None if happened == Happened::Deleted => layout::remove(&self.root, &path)?,
                _ => {}
            }
        }
        self.append(&Line::Done(version))?;
        self.unfinished = None;
        if self.changes > REWRITE.max(2 * self.state.objects.len()) {
            self.rewrite()?;
        }
        Ok(())
    }

    /// Forgets all history but the newest, so that the log does not grow for ever.
    pub(super) fn rewrite(&mut self) -> io::Result<()> {
        while self.state.past.len() > PAST {
            self.state.forget_oldest();
        }
        write_whole(&self.root, &self.state)?;
        *self = Self::open(&self.root)?;
        Ok(())
    }

    /// Forgets all history: every watch that is not up to date has expired.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        self.state.past.clear();
        self.state.expired = self.state.version;
        self.rewrite()
    }

    fn append(&mut self, line: &Line) -> io::Result<()> {
        let bytes = json(line)?;
        self.file.write_all(&bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

impl State {
    fn note(&mut self, version: u64, happened: Happened, object: Arc<Object>, file: Option<Digest>) {
        self.version = version;
        let id = object.id();
        let before = match happened {
            Happened::Deleted => self.objects.remove(&id),
            _ => self.objects.insert(id, Stored { object: object.clone(), file }),
        };
        self.past.push_back(Past { version, happened, object, before: before.map(|it| it.object) });
        while self.past.len() > 2 * PAST {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.past.pop_front() {
            self.expired = oldest.version;
        }
    }
}

/// A new log in the place of the old one.
fn write_whole(root: &Path, state: &State) -> io::Result<()> {
    let mut lines = vec![json(&Head { format: FORMAT, version: state.version, expired: state.expired })?];
    for stored in state.objects.values() {
        lines.push(json(&Line::State { object: value(&stored.object), file: stored.file })?);
    }
    for past in &state.past {
        lines.push(json(&Line::Past {
            version: past.version,
            event: past.happened,
            object: value(&past.object),
            before: past.before.as_deref().map(value),
        })?);
    }
    let temporary = root.join(HIDDEN).join("log.new");
    let mut file = File::create(&temporary)?;
    file.write_all(&lines.concat())?;
    file.sync_data()?;
    std::fs::rename(&temporary, path(root))
}

fn value(object: &Object) -> Value {
    object.clone().into_value()
}

fn json(line: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line).map_err(damaged)?;
    bytes.push(b'\n');
    Ok(bytes)
}
