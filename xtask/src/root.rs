//! `cargo xtask root`: the document that says who may sign.
//!
//! Trust roots lie in one directory, `0001.root.dsse` and those that follow. `init` and `rotate` write the next one
//! unsigned; its holders sign one after another, on their own machines, and only that file travels between them.

mod chain;
mod edit;
mod sheet;

use std::path::{Path, PathBuf};

use airlock::{
    bundle::{AgentVersion, KeyId, Keyholders, PublicKey, Role, Roles, TrustRoot},
    digest,
};
use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;

use chain::Step;
pub use chain::{Chain, document, refusal};
pub use edit::{Change, Edit, Holders, Named, Words};
pub use sheet::sheet;

use crate::{
    World,
    envelope::{self, Envelope},
    key,
};

/// Begin, change, sign and print the trust root.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make version 1, unsigned.
    Init {
        /// Where trust roots lie.
        #[arg(default_value = "trust")]
        directory: PathBuf,
        /// What it should say.
        #[command(flatten)]
        edit: Box<Edit>,
    },
    /// Make the next version out of the newest one, unsigned.
    Rotate {
        /// Where trust roots lie.
        #[arg(default_value = "trust")]
        directory: PathBuf,
        /// What it should say.
        #[command(flatten)]
        edit: Box<Edit>,
        /// What should change.
        #[command(flatten)]
        change: Box<Change>,
    },
    /// Add one signature.
    Sign {
        /// The trust root, in its file.
        file: PathBuf,
        /// A private key, or the .pub file of a key that an ssh-agent holds.
        #[arg(long)]
        key: PathBuf,
    },
    /// Print the bytes that `ssh-keygen -Y sign -n airlock-root-v1` signs.
    Pae {
        /// The trust root, in its file.
        file: PathBuf,
    },
    /// Take in a signature that `ssh-keygen -Y sign` made elsewhere, or those of another copy of the file.
    Attach {
        /// The trust root, in its file.
        file: PathBuf,
        /// The .sig file, or the other copy.
        signature: PathBuf,
    },
    /// Print the page that sites compare before they trust it.
    Sheet {
        /// The trust root in its file, or the directory for its newest one.
        #[arg(default_value = "trust")]
        path: PathBuf,
    },
    /// Print what a trust root says, and who signed it.
    Show {
        /// The trust root in its file, or the directory for its newest one.
        #[arg(default_value = "trust")]
        path: PathBuf,
    },
    /// Walk the chain as a node would.
    Check {
        /// Where trust roots lie.
        #[arg(default_value = "trust")]
        directory: PathBuf,
    },
}

/// Does what the command line asks for, and returns what it prints.
///
/// # Errors
/// Whatever the task met.
pub fn run(command: &Command, world: &mut World) -> Result<Vec<u8>> {
    let text = match command {
        Command::Init { directory, edit } => begun(&init(directory, edit, world)?)?,
        Command::Rotate { directory, edit, change } => begun(&rotate(directory, edit, change, world)?)?,
        Command::Sign { file, key } => {
            sign(file, key, world)?;
            standing(file)?
        }
        Command::Pae { file } => {
            return Ok(airlock::bundle::pae(Role::Root, &Step::read(file)?.envelope.payload));
        }
        Command::Attach { file, signature } => {
            attach(file, signature)?;
            standing(file)?
        }
        Command::Sheet { path } => {
            let envelope = Envelope::read(&newest(path)?, Role::Root)?;
            sheet(&envelope, &document(&envelope)?)?
        }
        Command::Show { path } => {
            let file = newest(path)?;
            let root = document(&Envelope::read(&file, Role::Root)?)?;
            format!("{}\n\n{}", serde_json::to_string_pretty(&root)?, standing(&file)?)
        }
        Command::Check { directory } => check(directory)?,
    };
    Ok(text.into_bytes())
}

/// Makes version 1 in `directory`, unsigned, and returns its file.
///
/// # Errors
/// When there is a trust root already, or a node would refuse this one.
pub fn init(directory: &Path, edit: &Edit, world: &mut World) -> Result<PathBuf> {
    ensure!(
        Chain::read_any(directory)?.envelopes().is_empty(),
        "{} holds a trust root already; `cargo xtask root rotate` makes its next version",
        directory.display()
    );
    ensure!(edit.root.is_some(), "who signs trust roots? `--root 2:a.pub,b.pub,c.pub` says two of three");
    ensure!(!edit.channel.is_empty(), "who signs bundles? `--channel platform=2:d.pub,e.pub` says both");
    let issued = world.second();
    let mut root = TrustRoot {
        r#type: "root".into(),
        format: 1,
        needs: Vec::new(),
        domain: digest::hex(&*world.random::<16>()?).parse()?,
        version: 1,
        previous: None,
        epoch: 1,
        issued,
        expires: edit.expires(issued)?,
        min_agent: AgentVersion::this(),
        keys: Vec::new(),
        roles: Roles { root: Keyholders { threshold: 0, keys: Vec::new() }, agent: None, card: None },
        channels: Vec::new(),
        ext: None,
    };
    edit.apply(&mut root)?;
    write(directory, root, edit.single)
}

/// Makes the next version in `directory` out of the newest one, unsigned, and returns its file.
///
/// # Errors
/// When the newest one is not signed yet, or a node would refuse the next one.
pub fn rotate(directory: &Path, edit: &Edit, change: &Change, world: &World) -> Result<PathBuf> {
    let before = Chain::read(directory)?.newest().context("the newest trust root cannot be followed")?;
    let issued = world.second();
    ensure!(
        issued >= before.issued,
        "trust root {} was issued at {}, and this machine's clock says {issued}",
        before.version,
        before.issued
    );
    let mut root = (*before).clone();
    root.version += 1;
    root.previous = Some(before.digest());
    root.epoch += u32::from(change.new_epoch);
    root.issued = issued;
    root.expires = edit.expires(issued)?;
    change.apply(&mut root)?;
    edit.apply(&mut root)?;
    write(directory, root, edit.single)
}

fn write(directory: &Path, mut root: TrustRoot, single: bool) -> Result<PathBuf> {
    edit::finish(&mut root, single)?;
    let path = Chain::read_any(directory)?.path(root.version);
    ensure!(!path.exists(), "{} exists; nothing is overwritten", path.display());
    let envelope = Envelope::new(path, Role::Root, serde_json::to_vec(&root)?)?;
    envelope.write()?;
    Ok(envelope.path)
}

/// Signs the trust root in `file` with a key of its root role, or of the version's before it, and writes it back.
///
/// # Errors
/// When the root could not follow the one beside it, or the key does not count for it.
pub fn sign(file: &Path, key: &Path, world: &World) -> Result<()> {
    let Step { root, previous, .. } = Step::read(file)?;
    let admit = |_: &Envelope, key: &PublicKey| admits(&root, previous.as_ref(), key);
    envelope::sign_file(file, Role::Root, key, world, admit).map(|_| ())
}

/// Takes a signature that was made elsewhere into the trust root in `file`.
///
/// # Errors
/// When it is not one, is of other bytes, or the key does not count.
pub fn attach(file: &Path, signature: &Path) -> Result<()> {
    let Step { mut envelope, root, previous } = Step::read(file)?;
    let before = previous.as_ref();
    let known: Vec<&PublicKey> = root.keys.iter().chain(before.iter().flat_map(|it| &it.keys)).collect();
    envelope.merge(signature, &known, |key| admits(&root, before, key))?;
    envelope.write()
}

fn admits(root: &TrustRoot, previous: Option<&TrustRoot>, key: &PublicKey) -> Result<()> {
    let id = key.id();
    let counts = |it: &TrustRoot| it.roles.root.keys.contains(&id);
    if counts(root) || previous.is_some_and(counts) {
        return Ok(());
    }
    let before = root.version.saturating_sub(1);
    match previous {
        None if before > 0 => bail!(
            "key {} ({}) is not of the root role of trust root {}; if it is of version {before}'s, put that version's file beside this one",
            id.fingerprint(),
            key::label(key),
            root.version
        ),
        _ => bail!(
            "key {} ({}) is not of the root role, so its signature would not count",
            id.fingerprint(),
            key::label(key)
        ),
    }
}

/// Who signed the trust root in `file`, and who is still asked for.
///
/// # Errors
/// When it cannot be read.
pub fn standing(file: &Path) -> Result<String> {
    let Step { envelope, root, previous } = Step::read(file)?;
    let mut text = format!("{} {}\n", file.display(), envelope.digest());
    let mut asked: Vec<(&TrustRoot, u32)> = vec![(&root, root.version)];
    asked.extend(previous.as_ref().map(|it| (it, it.version)));
    for (judge, version) in asked {
        let keys: Vec<&PublicKey> = judge.keys_of(&judge.roles.root.keys).collect();
        let signed = envelope.signed_by(keys.iter().copied())?;
        let need = judge.roles.root.threshold;
        text.push_str(&format!("the root role of version {version}: {} of {need} signed\n", signed.len()));
        for key in keys {
            let mark = if signed.contains(&key.id()) { "signed" } else { "      " };
            text.push_str(&format!("  {mark}  {}  {}\n", key.id().fingerprint(), key::label(key)));
        }
    }
    if root.version > 1 && previous.is_none() {
        text.push_str("the version before it is not beside it, and its root role must sign, too\n");
    }
    Ok(text)
}

/// Walks the chain in `directory` as a node would, and tells of every step.
///
/// # Errors
/// At the first root that a node would refuse.
pub fn check(directory: &Path) -> Result<String> {
    let chain = Chain::read(directory)?;
    let label = |root: &TrustRoot, id: &KeyId| {
        root.keys.iter().find(|it| it.id() == *id).map_or_else(|| id.short(), key::label)
    };
    let mut text = String::new();
    let mut before: Option<TrustRoot> = None;
    for root in chain.walk()? {
        let judge = before.as_ref().unwrap_or(&root);
        let signers: Vec<String> = if before.is_none() {
            let first = chain.envelopes().get(&root.version).context("it was read a moment ago")?;
            first.signed_by(root.keys_of(&root.roles.root.keys))?.iter().map(|id| label(judge, id)).collect()
        } else {
            root.signers().iter().map(|id| label(judge, id)).collect()
        };
        text.push_str(&format!(
            "trust root {}  epoch {}  until {}  {}\n  signed by {}\n",
            root.version,
            root.epoch,
            root.expires,
            root.digest(),
            signers.join(", ")
        ));
        before = Some((*root).clone());
    }
    text.push_str("the chain holds: a node that anchors its first root believes its newest\n");
    Ok(text)
}

fn begun(file: &Path) -> Result<String> {
    let Step { root, previous, .. } = Step::read(file)?;
    let mut text = String::new();
    if let Some(before) = &previous {
        text = format!(
            "trust root {} against {}:\n{}\n",
            root.version,
            before.version,
            sheet::difference(before, &root)
        );
    }
    text.push_str(&standing(file)?);
    let role = &root.roles.root;
    if role.keys.len() == usize::try_from(role.threshold).unwrap_or(0) {
        text.push_str("note: if one of these keys is lost, the root can never change again; list one more than must sign\n");
    }
    text.push_str(&format!("next: cargo xtask root sign {} --key KEY\n", file.display()));
    Ok(text)
}

/// The file itself, or the newest trust root of a directory.
fn newest(path: &Path) -> Result<PathBuf> {
    match path.is_dir() {
        true => Ok(Chain::read(path)?.last()?.1.path.clone()),
        false => Ok(path.to_owned()),
    }
}
