use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use gix::objs::{Exists as _, Find as _, FindHeader as _};

use super::{Error, house::Ground};
use crate::{
    limits,
    trust::git::{Commits, Id},
};

/// The objects of one repository, in packs below a directory. There are no refs, no configuration, no replacements, no
/// grafts, no shallow ends and no borrowed objects here: whatever has a name is here under it, or is not here.
#[derive(Clone)]
pub(super) struct Objects {
    folder: PathBuf,
    hash: gix::hash::Kind,
    store: Arc<gix::odb::Store>,
    /// What they lie on stays while somebody reads them.
    _ground: Ground,
}

/// What an object is, and how many bytes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) kind: gix::objs::Kind,
    pub(super) size: u64,
}

impl Objects {
    /// Opens the objects below a folder, of which there may be none yet.
    pub(super) fn open(folder: &Path, hash: gix::hash::Kind, ground: Ground) -> Result<Self, Error> {
        let packs = folder.join("pack");
        fs::create_dir_all(&packs).map_err(Error::disk("make", &packs))?;
        let options = gix::odb::store::init::Options {
            slots: gix::odb::store::init::Slots::Given(SLOTS),
            use_multi_pack_index: false,
            alloc_limit_bytes: Some(limits::GIT_ALLOCATION_BYTES),
            // Paths are whole ones, so nothing is relative to a directory of the moment.
            current_dir: Some(PathBuf::from("/")),
            ..Default::default()
        };
        let store = gix::odb::Store::at_opts(folder.to_owned(), hash, &mut std::iter::empty(), options);
        let store = Arc::new(store.map_err(Error::disk("open", folder))?);
        Ok(Self { folder: folder.to_owned(), hash, store, _ground: ground })
    }

    pub(super) fn hash(&self) -> gix::hash::Kind {
        self.hash
    }

    /// Where packs lie.
    pub(super) fn packs(&self) -> PathBuf {
        self.folder.join("pack")
    }

    /// A view for one thread.
    pub(super) fn handle(&self) -> gix::odb::HandleArc {
        self.store.to_cache_arc()
    }

    /// Whether an object is here.
    pub(super) fn has(&self, id: &gix::oid) -> bool {
        self.handle().exists(id)
    }

    /// What an object is; none where it is not here.
    pub(super) fn look(&self, id: &gix::oid) -> std::io::Result<Option<Seen>> {
        let found = self.handle().try_header(id).map_err(|error| told(&error))?;
        Ok(found.map(|it| Seen { kind: it.kind, size: it.size }))
    }

    /// The bytes of an object of that kind; none where it is not here, or is of another one.
    pub(super) fn read(
        &self,
        id: &gix::oid,
        kind: gix::objs::Kind,
        limit: u64,
    ) -> std::io::Result<Option<Vec<u8>>> {
        match self.look(id)? {
            Some(seen) if seen.kind == kind && seen.size <= limit => (),
            Some(seen) if seen.kind == kind => {
                let why = format!("object {id} has {} bytes, and at most {limit} are read", seen.size);
                return Err(std::io::Error::new(ErrorKind::InvalidData, why));
            }
            _ => return Ok(None),
        }
        let mut bytes = Vec::new();
        let found = self.handle().try_find(id, &mut bytes).map_err(|error| told(&error))?.is_some();
        Ok(found.then_some(bytes))
    }
}

/// Packs that there may be at once; [`super::house`] begins anew long before.
const SLOTS: u16 = 512;

fn told(error: &gix::Error) -> std::io::Error {
    std::io::Error::new(ErrorKind::InvalidData, error.to_string())
}

/// The name of an object as the library has it.
pub(super) fn oid(id: &Id) -> Option<gix::ObjectId> {
    gix::ObjectId::from_hex(id.to_string().as_bytes()).ok()
}

/// And as we have it.
pub(super) fn id(oid: &gix::oid) -> Option<Id> {
    Id::parse(&oid.to_string())
}

impl Commits for Objects {
    fn read(&self, id: &Id) -> Option<Vec<u8>> {
        let oid = oid(id)?;
        Self::read(self, &oid, gix::objs::Kind::Commit, limits::GIT_DOCUMENT_BYTES).ok()?
    }
}
