//! Where a repository's objects are kept, and what was accepted of it.
//!
//! ```text
//! <store>/git-v1/<32 digits of the address' hash>/
//!     lock              one conversation at a time
//!     accepted.json     the commits and tags that the gate took bundles from
//!     objects-sha1/     packs, or objects-sha256; a cache: what is lost is fetched again
//!     writing           is there while packs are written; what lies there after a power cut is not relied on
//! ```
//!
//! What was accepted survives its objects: a repository that is fetched anew must still contain it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{ErrorKind, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{Error, objects::Objects};
use crate::{
    digest::{Digest, hex},
    limits,
    source::Trouble,
};

/// The folder of the store below which repositories lie.
pub const FOLDER: &str = "git-v1";

/// Where repositories' folders lie.
#[derive(Clone)]
pub(super) enum Ground {
    /// Below a store.
    Kept(PathBuf),
    /// Somewhere, until nobody reads there any more.
    Fleeting(Arc<Fleeting>),
}

/// A folder that is gone with its last reader.
pub(super) struct Fleeting(PathBuf);

impl Fleeting {
    /// Makes one among the system's temporary files, which nobody else may enter.
    pub(super) fn new() -> Result<Self, Error> {
        let mut chance = [0; 16];
        let above = std::env::temp_dir();
        rustix::rand::getrandom(&mut chance, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Error::disk("make a folder in", &above)(error.into()))?;
        let path = above.join(format!("airlock-git-{}", hex(&chance)));
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(Error::disk("make", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Fleeting {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One repository's folder, held by one conversation.
pub(super) struct House {
    folder: PathBuf,
    ground: Ground,
    _lock: File,
}

/// What was accepted of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accepted {
    /// For each ref that was asked for, as it was written: the commit that the newest accepted bundle came from.
    #[serde(default)]
    pub(super) commits: BTreeMap<String, String>,
    /// What each tag named when a bundle of it was accepted.
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

impl House {
    /// Opens the folder of a repository, and waits until nobody else has it.
    pub(super) fn open(ground: &Ground, repository: &str) -> Result<Self, Error> {
        let store = match ground {
            Ground::Kept(path) => path,
            Ground::Fleeting(folder) => &folder.0,
        };
        let name: String = Digest::of(repository.as_bytes()).hex().chars().take(32).collect();
        let folder =
            std::path::absolute(store.join(FOLDER).join(name)).map_err(Error::disk("find", store))?;
        fs::create_dir_all(&folder).map_err(Error::disk("make", &folder))?;
        let lock = folder.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(Error::disk("open", &lock))?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|error| Error::disk("lock", &lock)(error.into()))?;
        Ok(Self { folder, ground: ground.clone(), _lock: file })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The objects of that kind. Begins anew where a power cut may have torn a pack, or too many have piled up.
    pub(super) fn objects(&self, hash: gix::hash::Kind) -> Result<Objects, Error> {
        let folder = self.folder.join(format!("objects-{hash}"));
        let packs = match fs::read_dir(folder.join("pack")) {
            Ok(names) => names.count() / 2,
            Err(_) => 0,
        };
        if self.writing().exists() || packs > limits::GIT_PACKS {
            for kind in [gix::hash::Kind::Sha1, gix::hash::Kind::Sha256] {
                let folder = self.folder.join(format!("objects-{kind}"));
                match fs::remove_dir_all(&folder) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(Error::disk("remove", folder)(error));
                    }
                    _ => (),
                }
            }
            self.settle()?;
        }
        Objects::open(&folder, hash, self.ground.clone())
    }

    /// How many bytes a pack may have so that it fits twice: as it comes, and as it stays.
    pub(super) fn room(&self, url: &str) -> Result<u64, Error> {
        let found = rustix::fs::statvfs(&self.folder);
        let found = found.map_err(|error| Error::disk("look at", &self.folder)(error.into()))?;
        let kept = found.f_blocks.saturating_mul(found.f_frsize) / 100 * limits::FREE_PERCENT;
        let free = found.f_bavail.saturating_mul(found.f_frsize).saturating_sub(kept) / 2;
        match free {
            0 => Err(Error::Full { url: url.to_owned(), path: self.folder.clone(), free }),
            free => Ok(free.min(limits::GIT_PACK_BYTES)),
        }
    }

    fn writing(&self) -> PathBuf {
        self.folder.join("writing")
    }

    /// Says, durably, that packs are being written.
    pub(super) fn begin(&self) -> Result<(), Error> {
        let path = self.writing();
        File::create(&path).and_then(|file| file.sync_all()).map_err(Error::disk("write", &path))?;
        self.sync_names()
    }

    /// Makes what was written durable, and says so.
    pub(super) fn settle(&self) -> Result<(), Error> {
        let opened = File::open(&self.folder).map_err(Error::disk("open", &self.folder))?;
        rustix::fs::syncfs(&opened).map_err(|error| Error::disk("sync", &self.folder)(error.into()))?;
        match fs::remove_file(self.writing()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::disk("remove", self.writing())(error))
            }
            _ => self.sync_names(),
        }
    }

    fn sync_names(&self) -> Result<(), Error> {
        let opened = File::open(&self.folder).and_then(|it| it.sync_all());
        opened.map_err(Error::disk("sync", &self.folder))
    }

    fn path(&self) -> PathBuf {
        self.folder.join("accepted.json")
    }

    /// What was accepted. A file that is damaged is an error: to believe that nothing was accepted is what somebody who
    /// rewrote history would like.
    pub(super) fn accepted(&self) -> Result<Accepted, Error> {
        let path = self.path();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Accepted::default()),
            Err(error) => return Err(Error::disk("read", path)(error)),
        };
        serde_json::from_slice(&bytes).map_err(|error| {
            Error::Network(Trouble::File {
                path,
                why: error.to_string(),
                fix: "remove it; the next bundle's own signatures and number are checked all the same".into(),
            })
        })
    }

    /// Keeps what was accepted, durably.
    pub(super) fn keep(&self, accepted: &Accepted) -> Result<(), Error> {
        let (path, fresh) = (self.path(), self.folder.join("accepted.json.new"));
        let bytes = serde_json::to_vec(accepted).unwrap_or_default();
        let written = File::create(&fresh).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
        written.map_err(Error::disk("write", &fresh))?;
        fs::rename(&fresh, &path).map_err(Error::disk("write", &path))?;
        self.sync_names()
    }
}
