//! `cargo xtask key`: keys that sign, and whoever holds them.
//!
//! A key of ours is an ed25519 key in a PKCS#8 file, encrypted with a passphrase. Wherever a key is asked for, an
//! OpenSSH private key or the `.pub` file of a key that an `ssh-agent` holds will do as well. A key inside a FIDO
//! authenticator signs through `ssh-keygen -Y sign`.

mod agent;
mod private;
mod public;
mod signer;
mod sshsig;

use std::path::{Path, PathBuf};

use airlock::bundle::PublicKey;
use anyhow::{Result, ensure};
use clap::Subcommand;
use ed25519_dalek::SigningKey;

pub use public::{label, line, parse, read};
pub use signer::Signer;
pub use sshsig::{armour, read_sshsig};

use crate::{World, disk};

/// Make keys and look at them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an ed25519 key: FILE holds the private half, FILE.pub the public one.
    New {
        /// Where the private half goes; it must not exist.
        file: PathBuf,
        /// Whose key it is, as root sheets will print it.
        #[arg(long)]
        label: String,
        /// Write the private half without a passphrase; for machines whose disk is the secret.
        #[arg(long)]
        unencrypted: bool,
    },
    /// Print the public half, the key id and the fingerprint that `ssh-keygen -l` prints.
    Show {
        /// A private key, or a .pub file.
        file: PathBuf,
    },
}

/// Does what the command line asks for, and returns what it prints.
///
/// # Errors
/// Whatever the task met.
pub fn run(command: &Command, world: &mut World) -> Result<String> {
    match command {
        Command::New { file, label, unencrypted } => {
            let key = new(file, label, *unencrypted, world)?;
            Ok(format!("{}private  {}\npublic   {}.pub\n", describe(&key), file.display(), file.display()))
        }
        Command::Show { file } => Ok(describe(&show(file, world)?)),
    }
}

/// Makes a key: the private half in `file`, the public one beside it in `file`.pub. Neither may exist.
///
/// # Errors
/// When a file exists or cannot be written, or nobody gives a passphrase that is worth the name.
pub fn new(file: &Path, label: &str, unencrypted: bool, world: &mut World) -> Result<PublicKey> {
    ensure!(!label.trim().is_empty(), "a key needs a label: whose it is");
    ensure!(!label.chars().any(char::is_control), "a label is one line of text");
    let beside = PathBuf::from(format!("{}.pub", file.display()));
    for path in [file, &beside] {
        ensure!(
            std::fs::symlink_metadata(path).is_err(),
            "{} exists; nothing is overwritten",
            path.display()
        );
    }
    let passphrase = match unencrypted {
        true => None,
        false => Some(world.passphrase.choose(&format!("the new key {}", file.display()))?),
    };
    let key = SigningKey::from_bytes(&*world.random::<32>()?);
    let pem = private::encode(&key, passphrase.as_deref().map(String::as_str), world)?;
    disk::make_private_parent(file)?;
    disk::write_new(file, pem.as_bytes(), 0o600)?;
    let public = Signer::held(key, airlock::bundle::Scheme::Raw, label.trim()).public().clone();
    disk::write_new(&beside, format!("{}\n", line(&public)).as_bytes(), 0o644)?;
    Ok(public)
}

/// The public half of a key file, private or public.
///
/// # Errors
/// When it is neither, or nobody knows the passphrase.
pub fn show(file: &Path, world: &World) -> Result<PublicKey> {
    match public::is_public(&disk::head(file)?) {
        true => read(file),
        false => Ok(Signer::open(file, world)?.public().clone()),
    }
}

/// A key in the words that people compare.
fn describe(key: &PublicKey) -> String {
    format!(
        "label    {}\nprint    {}\nid       {}\nline     {}\n",
        label(key),
        key.id().fingerprint(),
        key.id(),
        line(key)
    )
}
