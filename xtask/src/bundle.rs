//! `cargo xtask bundle`: what a site receives, from a description to a stick.
//!
//! ```text
//! bundles/<name>/bundle.yaml ─ build ─▶ target/bundles/<name>/<epoch>-<sequence>/   a layout without signatures
//!               bundle.lock ◀────┘        │ request ─▶ sign, sign, … ─▶ attach        one file travels
//!                                         └ write ─▶ a directory, a tar, volumes      once enough have signed
//! ```

mod apis;
mod blobs;
mod build;
mod agent;
mod card;
mod collect;
mod description;
mod difference;
mod git;
mod image;
mod init;
mod inspect;
mod lock;
mod opened;
mod push;
mod registry;
mod sign;
mod tag;
mod write;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use airlock::{bundle::AgentVersion, name::BundleName, source::registry::Place};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};

pub use agent::agent;
pub use build::{Built, Options, build};
pub use card::card;
pub use description::{Bytes, Description, Says};
pub use difference::difference;
pub use init::init;
pub use inspect::inspect;
pub use lock::Lock;
pub use opened::Opened;
pub use push::{Pushed, Reach, push};
pub use sign::{DIFFERENCE, attach, bytes_to_sign, request, sign, standing};
pub use tag::{Tagged, tag};
pub use write::{Form, Holds, write};

use crate::{World, root::Named};

/// Build, sign and write bundles.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Begin a bundle: a description and a first manifest.
    Init {
        /// Its name.
        name: BundleName,
        /// Where descriptions lie.
        #[command(flatten)]
        places: Places,
    },
    /// Build a bundle, unsigned, and pin what it resolved to in bundle.lock.
    Build {
        /// Its name.
        name: BundleName,
        /// Make the next bundle of the channel out of what is here now.
        #[arg(long)]
        next: bool,
        /// With --next: from now on an entry looks elsewhere within its tree; this is how dev becomes prod.
        #[arg(long, value_name = "ENTRY=PATH")]
        path: Vec<Named<String>>,
        /// How registries are reached.
        #[command(flatten)]
        reach: Reach,
        /// Where things lie.
        #[command(flatten)]
        places: Places,
    },
    /// Put together what travels between signers: the envelope, the inventory and what changes.
    Request {
        /// The bundle: its name, or the directory that was built.
        bundle: String,
        /// The bundle that was signed last; the one that is named as the one before, where it still lies here.
        #[arg(long, value_name = "PATH")]
        last: Option<PathBuf>,
        /// Where the request goes.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// Where things lie.
        #[command(flatten)]
        places: Places,
    },
    /// Add one signature to a bundle, or to a request.
    Sign {
        /// The bundle: its name, or a directory.
        bundle: String,
        /// A private key, or the .pub file of a key that an ssh-agent holds.
        #[arg(long)]
        key: PathBuf,
        /// Where things lie.
        #[command(flatten)]
        places: Places,
    },
    /// Print the bytes that `ssh-keygen -Y sign -n airlock-bundle-v1` signs.
    Pae {
        /// The bundle: its name, or a path.
        bundle: String,
        /// Where things lie.
        #[command(flatten)]
        places: Places,
    },
    /// Take in a signature that was made elsewhere: a .sig file, or a request that came back.
    Attach {
        /// The bundle: its name, or a directory.
        bundle: String,
        /// The signature.
        signature: PathBuf,
        /// Where things lie.
        #[command(flatten)]
        places: Places,
    },
    /// Print what a bundle says and carries, and who signed it.
    Inspect {
        /// The bundle: its name, or a path.
        bundle: String,
        /// Where things lie.
        #[command(flatten)]
        places: Places,
    },
    /// Write a signed bundle onto media.
    Write {
        /// The bundle: its name, or a path.
        bundle: String,
        /// What is written.
        #[command(flatten)]
        medium: MediumArgs,
        /// What the site holds: a want-list that came back, or a bundle that was accepted there; may be repeated.
        #[arg(long, value_name = "PATH")]
        have: Vec<PathBuf>,
        /// Leave out what the bundle of that sequence, or that code (1-41-7f3a90b2), holds.
        #[arg(long, value_name = "SEQUENCE")]
        since: Option<String>,
        /// Where things lie.
        #[command(flatten)]
        places: Places,
    },
    /// Push a signed bundle into a registry, as one artifact; what is there is not sent again.
    Push {
        /// The bundle: its name, or a path.
        bundle: String,
        /// Where to: `oci://registry/path:tag`.
        #[arg(value_name = "OCI-URL")]
        to: Place,
        /// How the registry is reached.
        #[command(flatten)]
        reach: Reach,
        /// Send blobs in pieces: for proxies that take no large requests.
        #[arg(long)]
        chunked: bool,
        /// Make the images that it carries images of the registry, too, under their own paths and tags.
        #[arg(long)]
        images: bool,
        /// Where things lie.
        #[command(flatten)]
        places: Places,
    },
    /// Put a signed bundle into a Git repository: a commit with its files, and a tag that holds its envelope.
    Tag {
        /// The bundle: its name, or a path.
        bundle: String,
        /// The repository, on this machine.
        #[arg(long, value_name = "DIR")]
        repository: PathBuf,
        /// The branch whose newest commit the bundle's follows.
        #[arg(long, value_name = "NAME", default_value = "bundles")]
        branch: String,
        /// Who commits.
        #[arg(long, value_name = "NAME <ADDRESS>", default_value = "Airlock <airlock@localhost>")]
        by: String,
        /// Where things lie.
        #[command(flatten)]
        places: Places,
    },
    /// Make or sign the statement about the next agent, which a bundle brings to nodes that are too old to read it.
    Agent {
        /// The version of the programs.
        #[arg(long)]
        version: AgentVersion,
        /// An architecture and its program: `amd64=target/dist/airlock`; may be repeated.
        #[arg(long = "binary", value_name = "ARCH=PATH", required = true, value_parser = arch_and_path)]
        binaries: Vec<(String, PathBuf)>,
        /// A key of the agent role.
        #[arg(long)]
        key: PathBuf,
        /// Where the statement goes.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Where the trust roots lie.
        #[arg(long, value_name = "DIR", default_value = "trust")]
        trust: PathBuf,
    },
    /// Make or sign the latest card: a file for a QR code that says which bundle is the newest.
    Card {
        /// The bundle: its name, or a path.
        bundle: String,
        /// A key of the card role.
        #[arg(long)]
        key: PathBuf,
        /// Where the card goes.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Where things lie.
        #[command(flatten)]
        places: Places,
    },
}

/// `amd64=PATH`
fn arch_and_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((arch, path)) if !arch.is_empty() && !path.is_empty() => Ok((arch.to_owned(), path.into())),
        _ => Err("write it as `amd64=PATH`".to_owned()),
    }
}

/// Where things lie.
#[derive(Args, Clone, Debug)]
pub struct Places {
    /// Where descriptions lie
    #[arg(long, value_name = "DIR", default_value = "bundles")]
    pub bundles: PathBuf,
    /// Where trust roots lie; for a bundle that was built elsewhere, those that it carries
    #[arg(long, value_name = "DIR")]
    pub trust: Option<PathBuf>,
    /// Where bundles are built
    #[arg(long, value_name = "DIR", default_value = "target/bundles")]
    pub out: PathBuf,
}

/// One of the forms of a medium.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct MediumArgs {
    /// A directory, as on a stick
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// One tar
    #[arg(long, value_name = "FILE")]
    pub tar: Option<PathBuf>,
    /// Tars of a size, such as 4GB:discs
    #[arg(long, value_name = "SIZE:DIR", value_parser = volumes)]
    pub volumes: Option<(u64, PathBuf)>,
}

fn volumes(text: &str) -> Result<(u64, PathBuf), String> {
    let (size, path) = text.split_once(':').ok_or("write the size and the directory as 4GB:discs")?;
    Ok((size.parse::<Bytes>()?.0, path.into()))
}

impl Places {
    fn trust_or_default(&self) -> PathBuf {
        self.trust.clone().unwrap_or_else(|| "trust".into())
    }

    /// The directory of a bundle that is named by its name or its path.
    fn find(&self, bundle: &str) -> Result<PathBuf> {
        let path = PathBuf::from(bundle);
        if path.exists() {
            return Ok(path);
        }
        let Some(lock) = Lock::read(&self.bundles.join(bundle))? else {
            bail!(
                "{bundle} is neither a path nor a bundle that was built; `cargo xtask bundle build {bundle}` builds it"
            );
        };
        let built = self.out.join(bundle).join(lock.position().to_string());
        match built.exists() {
            true => Ok(built),
            false => bail!(
                "{} is gone; `cargo xtask bundle build {bundle}` builds it again, byte for byte",
                built.display()
            ),
        }
    }
}

/// Does what the command line asks for, and returns what it prints.
///
/// # Errors
/// Whatever the task met.
pub fn run(command: &Command, world: &World) -> Result<Vec<u8>> {
    let text = match command {
        Command::Init { name, places } => {
            let directory = init(&places.bundles, name)?;
            format!(
                "{0}\nnext: edit {0}/bundle.yaml, then `cargo xtask bundle build {name}`\n",
                directory.display()
            )
        }
        Command::Build { name, next, path, reach, places } => {
            let mut paths = BTreeMap::new();
            for Named { name, value } in path {
                paths.insert(name.parse()?, value.clone());
            }
            let built = build(
                &Options {
                    bundle: places.bundles.join(name.as_str()),
                    trust: places.trust_or_default(),
                    out: places.out.clone(),
                    next: *next,
                    paths,
                    reach: reach.clone(),
                },
                world,
            )?;
            let notes: String = built.notes.iter().map(|it| format!("note: {it}\n")).collect();
            let standing = standing(&built.directory, None)?;
            format!("{notes}{}\n{standing}", built.directory.display())
        }
        Command::Request { bundle, last, to, places } => {
            let built = places.find(bundle)?;
            let before = last.clone().or_else(|| before(&built));
            request(&built, before.as_deref(), to)?
        }
        Command::Sign { bundle, key, places } => {
            let path = places.find(bundle)?;
            // A signer sees what changes before the passphrase is asked for.
            if let Ok(text) = crate::disk::read_text(&path.join(DIFFERENCE), 64 * 1024 * 1024) {
                eprint(&format!("as the builder tells it:\n{text}\n"));
            }
            sign(&path, key, places.trust.as_deref(), world)?;
            standing(&path, places.trust.as_deref())?
        }
        Command::Pae { bundle, places } => return bytes_to_sign(&places.find(bundle)?),
        Command::Attach { bundle, signature, places } => {
            let path = places.find(bundle)?;
            attach(&path, signature, places.trust.as_deref())?;
            standing(&path, places.trust.as_deref())?
        }
        Command::Inspect { bundle, places } => inspect(&places.find(bundle)?, places.trust.as_deref())?,
        Command::Tag { bundle, repository, branch, by, places } => {
            let path = places.find(bundle)?;
            tag(&path, &Tagged { repository, branch, by }, places.trust.as_deref())?
        }
        Command::Write { bundle, medium, have, since, places } => {
            let path = places.find(bundle)?;
            let mut holds: Vec<Holds> = have.iter().cloned().map(Holds::File).collect();
            let above = path.parent().unwrap_or_else(|| Path::new(".")).to_owned();
            holds.extend(since.clone().map(|it| Holds::Since(it, above)));
            let form = match (&medium.directory, &medium.tar, &medium.volumes) {
                (Some(path), _, _) => Form::Directory(path.clone()),
                (_, Some(path), _) => Form::Tar(path.clone()),
                (_, _, Some((size, path))) => Form::Volumes(path.clone(), *size),
                _ => bail!("say where to: --directory, --tar or --volumes"),
            };
            let written = write(&path, &form, &holds, places.trust.as_deref())?;
            let paths: Vec<String> = written.paths.iter().map(|it| it.display().to_string()).collect();
            format!(
                "{}\n{} blobs and parts written, {} were there\n",
                paths.join("\n"),
                written.written,
                written.kept
            )
        }
        Command::Push { bundle, to, reach, chunked, images, places } => {
            let pushed = push(&places.find(bundle)?, to, reach, *chunked, *images, places.trust.as_deref())?;
            let images =
                if *images { format!(", {} images beside it", pushed.images) } else { String::new() };
            format!("{}\n{} blobs sent, {} were there{images}\n", pushed.place, pushed.sent, pushed.kept)
        }
        Command::Agent { version, binaries, key, to, trust } => {
            agent(*version, binaries, key, to, trust, world)?
        }
        Command::Card { bundle, key, to, places } => {
            card(&places.find(bundle)?, key, to, places.trust.as_deref(), world)?
        }
    };
    Ok(text.into_bytes())
}

/// The bundle before, where it still lies beside this one.
fn before(built: &Path) -> Option<PathBuf> {
    let opened = Opened::open(built).ok()?;
    let previous = opened.statement.previous.as_ref()?;
    let beside = built.parent()?.read_dir().ok()?;
    beside
        .flatten()
        .map(|it| it.path())
        .find(|it| Opened::open(it).is_ok_and(|it| it.envelope.digest() == previous.digest))
}

/// Tells a person beside the data on standard output. What came from another machine moves no cursor.
fn eprint(text: &str) {
    use std::io::Write;
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    // Where nobody reads along, nobody is told.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
