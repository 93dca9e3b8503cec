//! Media: directories, tars, volumes of either, and media in memory that change under the reader's hands.

use std::{
    collections::BTreeMap,
    io::{self, Cursor, Read},
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use airlock::{
    bundle::{Item, Medium, Opened, Role},
    digest::Digest,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::kit::{self, first_root},
    Place,
    bytes::{Bytes, Edit, edit},
    cargo,
    document::{self, Document, Sealed},
    tar::{self, Entry},
};

/// A bundle on one medium or on several volumes. What it does not say is good.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// The chain that lies on it: the fleet's first root where it says nothing.
    pub roots: Option<Vec<Document>>,
    pub bundle: Document,
    pub cargo: cargo::Recipe,
    /// `directory` where it says nothing; `tar`; `memory`.
    pub form: Option<String>,
    /// Over how many volumes it is shared out.
    pub volumes: Option<usize>,
    /// Changes of what lies on it, or on each volume.
    pub ops: Vec<Op>,
    /// Changes of what lies on one volume, by its number.
    pub on: BTreeMap<usize, Vec<Op>>,
    /// Changes of the tar as a file.
    pub file: Vec<Edit>,
}

/// A change of what lies on a medium. Files go by their names, blobs by `tree`, `blob 0`, `part 0.1`, `inventory`
/// and `release`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Op {
    Remove(String),
    Edit {
        file: String,
        with: Vec<Edit>,
    },
    Rename {
        file: String,
        to: Bytes,
    },
    /// What one file has lies under another's name as well.
    Copy {
        file: String,
        to: String,
    },
    Swap {
        file: String,
        with: String,
    },
    Put {
        name: Bytes,
        bytes: Bytes,
    },
    /// A tar: the entry comes once more, right after itself, or at the end.
    Repeat {
        file: String,
        #[serde(default)]
        last: bool,
    },
    /// A tar: the entry stands before another one, or at the end.
    Move {
        file: String,
        before: Option<String>,
    },
    /// A tar: what the entry's header says.
    Entry {
        file: String,
        says: Entry,
    },
    /// A directory: a symbolic link instead of the file.
    Link {
        file: String,
        to: String,
    },
    /// A directory: something else that is no file: `fifo`, `directory`.
    Make {
        file: String,
        what: String,
    },
    /// A directory: the file has that size and holes.
    Sparse {
        file: String,
        size: u64,
    },
    /// In memory: from the n-th opening on it has other bytes.
    Later {
        file: String,
        from: usize,
        with: Vec<Edit>,
    },
    /// In memory: it goes on for ever.
    Endless(String),
    /// In memory: reading fails after so many bytes.
    Fails {
        file: String,
        after: usize,
    },
    /// In memory: it ends after so many bytes, whatever size it said to have.
    Short {
        file: String,
        after: usize,
    },
}

/// What lies under one name.
#[derive(Clone, Debug)]
struct File {
    name: Vec<u8>,
    bytes: Vec<u8>,
    what: What,
    entry: Entry,
}

#[derive(Clone, Debug)]
enum What {
    Plain,
    Link(String),
    Made(String),
    Sparse(u64),
    Later(usize, Vec<u8>),
    Endless,
    Fails(usize),
    Short(usize),
}

/// A medium that is done, or its volumes.
#[derive(Clone, Debug)]
pub struct Made {
    pub roots: Vec<(u32, Sealed)>,
    pub bundle: Sealed,
    pub cargo: cargo::Made,
    volumes: Vec<Vec<File>>,
    form: String,
    file: Vec<Edit>,
}

impl Recipe {
    pub fn make(&self, place: &Place) -> Made {
        let usual = vec![Document::default()];
        let roots = document::chain(self.roots.as_ref().unwrap_or(&usual), place);
        let cargo = self.cargo.make(place);
        let newest = roots.last().map_or_else(|| json!(first_root()), |(_, it)| it.document.clone());
        let bundle = statement(&self.bundle, &newest, &cargo, place);
        let count = self.volumes.unwrap_or(1);
        let mut volumes: Vec<Vec<File>> =
            (1..=count).map(|number| lay_out(&roots, &bundle, &cargo, number, count)).collect();
        for op in &self.ops {
            let concerned = volumes.iter_mut().filter_map(|files| op.apply(files, &cargo, place)).count();
            assert!(concerned > 0, "no volume has what {op:?} speaks of");
        }
        for (number, ops) in &self.on {
            for op in ops {
                let concerned = op.apply(&mut volumes[number - 1], &cargo, place);
                assert!(concerned.is_some(), "volume {number} has nothing that {op:?} speaks of");
            }
        }
        let form = self.form.clone().unwrap_or_else(|| "directory".into());
        Made { volumes, roots, bundle, cargo, form, file: self.file.clone() }
    }
}

/// The statement that `cargo xtask bundle` would make for the newest root, before its own patch.
fn statement(bundle: &Document, root: &Value, cargo: &cargo::Made, place: &Place) -> Sealed {
    let sequence = bundle.sequence.unwrap_or(1);
    let mut good = json!(kit::statement(&first_root(), sequence, &kit::Cargo::of(b"", 0, &[])));
    good["domain"] = root["domain"].clone();
    good["epoch"] = root["epoch"].clone();
    good["rollback_floor"] = json!({"epoch": root["epoch"], "sequence": 1});
    good["inventory"] = cargo.sums.clone();
    good["release"] = json!({"digest": Digest::of(&cargo.release), "size": cargo.release.len()});
    bundle.seal(&good, Role::Bundle, &["bea", "ben"], place)
}

/// What one volume of a good bundle has, in the order of a tar.
fn lay_out(
    roots: &[(u32, Sealed)],
    bundle: &Sealed,
    cargo: &cargo::Made,
    number: usize,
    count: usize,
) -> Vec<File> {
    let file = |name: String, bytes: &[u8]| File {
        name: name.into_bytes(),
        bytes: bytes.to_vec(),
        what: What::Plain,
        entry: Entry::default(),
    };
    let mut files: Vec<File> =
        roots.iter().map(|(version, it)| file(Item::Root(*version).to_string(), &it.bytes)).collect();
    files.push(file("bundle.dsse".into(), &bundle.bytes));
    files.push(file("oci-layout".into(), b"{\"imageLayoutVersion\":\"1.0.0\"}"));
    files.push(file("index.json".into(), b"{\"schemaVersion\":2,\"manifests\":[]}"));
    if count > 1 {
        let label = json!({"volume": number, "volumes": count, "bundle": bundle.digest(), "label": "fleet"});
        files.push(file("volume.json".into(), &serde_json::to_vec(&label).unwrap()));
    }
    let blob = |bytes: &[u8]| file(Item::Blob(Digest::of(bytes)).to_string(), bytes);
    files.push(blob(&cargo.inventory));
    files.push(blob(&cargo.release));
    let pieces: BTreeMap<Digest, &Vec<u8>> = cargo.pieces.values().map(|it| (Digest::of(it), it)).collect();
    files.extend(
        pieces.values().enumerate().filter(|(at, _)| at % count == number - 1).map(|(_, it)| blob(it)),
    );
    files
}

impl Made {
    /// The name of a file as a medium has it.
    fn name(cargo: &cargo::Made, name: &str) -> Vec<u8> {
        let blob = |bytes: &[u8]| Item::Blob(Digest::of(bytes)).to_string().into_bytes();
        match (name, cargo.pieces.get(name)) {
            ("inventory", _) => blob(&cargo.inventory),
            ("release", _) => blob(&cargo.release),
            (_, Some(bytes)) => blob(bytes),
            _ => name.as_bytes().to_vec(),
        }
    }

    /// The name that a case uses for a blob or a part.
    pub fn called(&self, digest: &Digest) -> String {
        let found = self.cargo.pieces.iter().find(|(_, bytes)| Digest::of(bytes) == *digest);
        found.map_or_else(|| digest.to_string(), |(name, _)| name.clone())
    }

    pub fn is_in_memory(&self) -> bool {
        self.form == "memory"
    }

    /// Writes the volumes below `folder` and says where they lie.
    pub fn write(&self, folder: &Path, stem: &str, place: &Place) -> Vec<PathBuf> {
        let many = self.volumes.len() > 1;
        let mut paths = Vec::new();
        for (number, files) in (1..).zip(&self.volumes) {
            let stem = if many { format!("{stem}-{number}") } else { stem.to_owned() };
            paths.push(match self.form.as_str() {
                "directory" => write_directory(&folder.join(stem), files),
                "tar" => {
                    let path = folder.join(format!("{stem}.tar"));
                    let mut bytes = Vec::new();
                    for file in files {
                        file.entry.write_one(&file.name, &file.bytes, &mut bytes, place);
                    }
                    tar::end(&mut bytes);
                    edit(&mut bytes, &self.file, place);
                    std::fs::write(&path, bytes).unwrap();
                    path
                }
                other => panic!("`{other}` is no form of a medium that lies somewhere"),
            });
        }
        paths
    }

    /// The volumes in memory.
    pub fn in_memory(&self) -> Vec<Arc<dyn Medium>> {
        let medium = |files: &Vec<File>| {
            let files = files
                .iter()
                .map(|it| (String::from_utf8(it.name.clone()).unwrap(), (it.clone(), AtomicUsize::new(0))));
            Arc::new(Scripted { files: files.collect() }) as Arc<dyn Medium>
        };
        self.volumes.iter().map(medium).collect()
    }
}

fn write_directory(folder: &Path, files: &[File]) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    for file in files {
        let path = folder.join(std::ffi::OsStr::from_bytes(&file.name));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match &file.what {
            What::Plain => std::fs::write(path, &file.bytes).unwrap(),
            What::Link(to) => symlink(to, path).unwrap(),
            What::Made(what) if what == "directory" => std::fs::create_dir(path).unwrap(),
            What::Made(what) if what == "fifo" => {
                let mode = rustix::fs::Mode::from_raw_mode(0o644);
                rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
            }
            What::Sparse(size) => {
                std::fs::write(&path, &file.bytes).unwrap();
                std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(*size).unwrap();
            }
            other => panic!("a directory cannot have {other:?}"),
        }
    }
    folder.to_owned()
}

impl Op {
    /// Makes the change; none where the volume does not have the file.
    fn apply(&self, files: &mut Vec<File>, cargo: &cargo::Made, place: &Place) -> Option<()> {
        let find = |files: &[File], name: &str| {
            let name = Made::name(cargo, name);
            files.iter().position(|it| it.name == name)
        };
        let set = |files: &mut [File], file: &str, what: What| {
            files[find(files, file)?].what = what;
            Some(())
        };
        match self {
            Self::Remove(file) => {
                let at = find(files, file)?;
                files.remove(at);
            }
            Self::Put { name, bytes } => {
                let (name, bytes) = (name.make(place), bytes.make(place));
                files.retain(|it| it.name != name);
                files.push(File { name, bytes, what: What::Plain, entry: Entry::default() });
            }
            Self::Edit { file, with } => {
                let at = find(files, file)?;
                edit(&mut files[at].bytes, with, place);
            }
            Self::Rename { file, to } => {
                let at = find(files, file)?;
                files[at].name = to.make(place);
            }
            Self::Copy { file, to } => {
                let copy = File { name: Made::name(cargo, to), ..files[find(files, file)?].clone() };
                match find(files, to) {
                    Some(at) => files[at] = copy,
                    None => files.push(copy),
                }
            }
            Self::Swap { file, with } => {
                let (a, b) = (find(files, file)?, find(files, with)?);
                let bytes = std::mem::take(&mut files[a].bytes);
                files[a].bytes = std::mem::replace(&mut files[b].bytes, bytes);
            }
            Self::Repeat { file, last } => {
                let at = find(files, file)?;
                let copy = files[at].clone();
                files.insert(if *last { files.len() } else { at + 1 }, copy);
            }
            Self::Move { file, before } => {
                let at = find(files, file)?;
                let moved = files.remove(at);
                let at = before.as_ref().map_or(Some(files.len()), |it| find(files, it))?;
                files.insert(at, moved);
            }
            Self::Entry { file, says } => {
                let at = find(files, file)?;
                files[at].entry = says.clone();
            }
            Self::Link { file, to } => set(files, file, What::Link(to.clone()))?,
            Self::Make { file, what } => set(files, file, What::Made(what.clone()))?,
            Self::Sparse { file, size } => set(files, file, What::Sparse(*size))?,
            Self::Later { file, from, with } => {
                let mut bytes = files[find(files, file)?].bytes.clone();
                edit(&mut bytes, with, place);
                set(files, file, What::Later(*from, bytes))?;
            }
            Self::Endless(file) => set(files, file, What::Endless)?,
            Self::Fails { file, after } => set(files, file, What::Fails(*after))?,
            Self::Short { file, after } => set(files, file, What::Short(*after))?,
        }
        Some(())
    }
}

/// A medium that does what a thief of a courier would make it do.
struct Scripted {
    files: BTreeMap<String, (File, AtomicUsize)>,
}

impl Medium for Scripted {
    fn label(&self) -> String {
        "stick".into()
    }

    fn open(&self, item: Item) -> io::Result<Option<Opened>> {
        let Some((file, openings)) = self.files.get(&item.to_string()) else { return Ok(None) };
        let opening = openings.fetch_add(1, Ordering::SeqCst) + 1;
        let bytes = match &file.what {
            What::Later(from, bytes) if opening >= *from => bytes.clone(),
            _ => file.bytes.clone(),
        };
        let size = bytes.len() as u64;
        let reader: Box<dyn Read + Send> = match &file.what {
            What::Endless => Box::new(Cursor::new(bytes).chain(io::repeat(b' '))),
            What::Fails(after) => Box::new(Cursor::new(bytes).take(*after as u64).chain(Broken)),
            What::Short(after) => Box::new(Cursor::new(bytes).take(*after as u64)),
            _ => Box::new(Cursor::new(bytes)),
        };
        Ok(Some(Opened { size, reader }))
    }

    fn roots(&self) -> io::Result<Vec<u32>> {
        let roots = self.files.keys().filter_map(|name| match Item::parse(name) {
            Some(Item::Root(version)) => Some(version),
            _ => None,
        });
        Ok(roots.collect())
    }
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::from_raw_os_error(5))
    }
}
