//! What people do to the files: every file is compared with what was written, and a difference is a change by a foreign manager.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    core::Core,
    layout::{self, CLUSTER, NAMESPACES},
    log::Happened,
    managed::{self, Manager, Write},
    serve,
    write::namespace_id,
};
use crate::{
    cluster::{Error, PropagationPolicy},
    digest::Digest,
    object::{GroupKind, Object, ObjectId},
};

/// Who owns what a person wrote into a file.
pub(super) const FOREIGN: &str = "file";

/// A file that changed less than this ago may change again within the same tick of the file system's clock.
const TICK: Duration = Duration::from_millis(100);

/// A file that holds no object and changed less than this ago is being written: editors empty a file before they fill it.
const WRITING: Duration = Duration::from_secs(1);

/// What a file looked like when its content was last compared, so that most need not be read.
pub(super) type Stamps = BTreeMap<PathBuf, (Stamp, Digest)>;

/// Inode, size, and the time of the last change in nanoseconds, which nobody can set.
type Stamp = (u64, u64, i64, i64);

impl Core {
    /// Compares every file.
    pub(super) fn scan(&mut self) -> Result<(), Error> {
        self.unfinished = false;
        let mut found = BTreeSet::new();
        self.scan_kinds(&PathBuf::from(CLUSTER), "", &mut found)?;
        for namespace in self.folders(Path::new(NAMESPACES))? {
            self.scan_kinds(&Path::new(NAMESPACES).join(&namespace), &namespace, &mut found)?;
        }
        let with_files = self.log.state.objects.iter().filter(|(_, it)| it.file.is_some());
        let gone: Vec<ObjectId> =
            with_files.filter(|(id, _)| !found.contains(*id)).map(|(id, _)| id.clone()).collect();
        for id in gone {
            self.removed_by_hand(&id)?;
        }
        self.settle()
    }

    fn scan_kinds(
        &mut self,
        base: &Path,
        namespace: &str,
        found: &mut BTreeSet<ObjectId>,
    ) -> Result<(), Error> {
        for folder in self.folders(base)? {
            let kind = layout::folder_kind(&folder);
            if !serve::any_version(&self.log.state, &kind) {
                continue;
            }
            for file in self.files(&base.join(&folder))? {
                let path = base.join(&folder).join(&file);
                if let Some(id) = self.scan_file(&path, namespace, &kind, &file)? {
                    found.insert(id);
                }
            }
        }
        Ok(())
    }

    fn scan_file(
        &mut self,
        path: &Path,
        namespace: &str,
        kind: &GroupKind,
        file: &str,
    ) -> Result<Option<ObjectId>, Error> {
        // The name is in the file's name but for the longest; those are found by their content.
        let name = file.trim_end_matches(".yaml").to_owned();
        let id = ObjectId { namespace: namespace.to_owned(), name, group_kind: kind.clone() };
        let recorded = self.stored(&id).and_then(|it| it.file);
        let stamp = self.stamp(path);
        if let (Some(recorded), Some(stamp), Some((known, digest))) = (recorded, stamp, self.stamps.get(path))
            && *known == stamp
            && *digest == recorded
        {
            return Ok(Some(id));
        }
        let Some(bytes) = layout::load(&self.root.join(path)).map_err(|error| self.disk(error))? else {
            return Ok(None);
        };
        let Some(id) = layout::identify(&bytes, namespace, kind, file) else {
            let kept = recorded.is_some() && self.is_in_hand(stamp.as_ref());
            return Ok(kept.then_some(id));
        };
        self.compare(&id, &bytes)?;
        if let Some(stamp) = stamp.filter(is_old) {
            self.stamps.insert(path.to_owned(), (stamp, Digest::of(&bytes)));
        }
        Ok(Some(id))
    }

    /// Compares the file of one object, and that of its namespace.
    pub(super) fn scan_one(&mut self, id: &ObjectId) -> Result<(), Error> {
        if !id.namespace.is_empty() {
            self.scan_one(&namespace_id(&id.namespace))?;
        }
        let Some(path) = layout::path(id) else { return Ok(()) };
        match layout::load(&self.root.join(path)).map_err(|error| self.disk(error))? {
            Some(bytes) => self.compare(id, &bytes)?,
            None if self.stored(id).is_some_and(|it| it.file.is_some()) => self.removed_by_hand(id)?,
            None => {}
        }
        self.settle()
    }

    fn compare(&mut self, id: &ObjectId, bytes: &[u8]) -> Result<(), Error> {
        let digest = Digest::of(bytes);
        let before = self.stored(id).cloned();
        if before.as_ref().is_some_and(|it| it.file == Some(digest)) {
            return Ok(());
        }
        let live = before.map(|it| it.object);
        match layout::read(bytes, id, live.as_deref()) {
            Some(object) => self.written_by_hand(id, &object, live.as_deref(), digest),
            None if live.is_some() && self.is_in_hand(self.stamp_of(id).as_ref()) => Ok(()),
            // What is no object any more is gone, as far as a cluster can tell.
            None if live.is_some() => self.removed_by_hand(id),
            None => Ok(()),
        }
    }

    fn written_by_hand(
        &mut self,
        id: &ObjectId,
        object: &Object,
        live: Option<&Object>,
        digest: Digest,
    ) -> Result<(), Error> {
        let Ok(kind) = self.kind(object.gvk()) else { return Ok(()) };
        if live.is_none()
            && (self.admits(&kind, id).is_err() || kind.resource.namespaced == id.namespace.is_empty())
        {
            return Ok(());
        }
        let time = self.now_text();
        let who = Manager { name: FOREIGN.to_owned(), applies: false, subresource: String::new() };
        let write = Write { who, api_version: object.api_version(), time: &time };
        let new = object.clone().into_value();
        let mut base = live.map_or_else(|| serde_json::json!({}), |it| it.clone().into_value());
        if let (Some(fields), Some(version)) = (base.as_object_mut(), new.get("apiVersion")) {
            fields.insert("apiVersion".to_owned(), version.clone());
        }
        let mut new = managed::update(&base, &new, &kind.schema(), &write);
        let happened = if let Some(live) = live {
            self.count(&kind, live, &mut new);
            Happened::Modified
        } else {
            self.make(&kind, id, &mut new);
            Happened::Added
        };
        let stored = self.change_shown(happened, new, Some(digest))?;
        self.wrote(&stored)
    }

    fn removed_by_hand(&mut self, id: &ObjectId) -> Result<(), Error> {
        self.begin_deletion(id, PropagationPolicy::Background)?;
        // It has finalizers, or a content, and stays until they are gone: so does its file.
        if let Some(live) = self.live(id) {
            let path = layout::path(id).filter(|path| !self.root.join(path).exists());
            if let Some(path) = path {
                layout::replace(&self.root, &path, &layout::show(&live)).map_err(|error| self.disk(error))?;
            }
        }
        Ok(())
    }

    fn folders(&self, path: &Path) -> Result<Vec<String>, Error> {
        self.names(path, |it| it.is_dir())
    }

    fn files(&self, path: &Path) -> Result<Vec<String>, Error> {
        let mut names = self.names(path, |it| it.is_file())?;
        names.retain(|name| name.ends_with(".yaml"));
        Ok(names)
    }

    fn names(&self, path: &Path, wanted: fn(&std::fs::FileType) -> bool) -> Result<Vec<String>, Error> {
        let entries = match std::fs::read_dir(self.root.join(path)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.disk(error)),
        };
        let name = |entry: std::fs::DirEntry| {
            entry.file_type().ok().filter(wanted)?;
            entry.file_name().into_string().ok()
        };
        let mut names: Vec<String> = entries.flatten().filter_map(name).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Whether a file that holds no object may hold one in a moment; then it is looked at again soon.
    fn is_in_hand(&mut self, stamp: Option<&Stamp>) -> bool {
        let fresh = stamp.is_some_and(|it| !is_older(it, WRITING));
        self.unfinished |= fresh;
        fresh
    }

    fn stamp_of(&self, id: &ObjectId) -> Option<Stamp> {
        self.stamp(&layout::path(id)?)
    }

    fn stamp(&self, path: &Path) -> Option<Stamp> {
        let it = std::fs::symlink_metadata(self.root.join(path)).ok()?;
        Some((it.ino(), it.size(), it.ctime(), it.ctime_nsec()))
    }
}

/// Whether a later change would show in the stamp.
fn is_old(stamp: &Stamp) -> bool {
    is_older(stamp, TICK)
}

fn is_older((_, _, seconds, nanoseconds): &Stamp, than: Duration) -> bool {
    let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(*seconds), u32::try_from(*nanoseconds)) else {
        return false;
    };
    let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    SystemTime::now().duration_since(changed).is_ok_and(|age| age > than)
}
