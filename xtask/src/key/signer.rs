use std::path::{Path, PathBuf};

use airlock::bundle::{Algorithm, PublicKey, Role, Scheme, Signature, pae};
use anyhow::{Context, Result};
use ed25519_dalek::{Signer as _, SigningKey};

use super::{agent, private, public, sshsig};
use crate::{World, disk};

/// Somebody who can sign.
pub struct Signer {
    public: PublicKey,
    hand: Hand,
}

enum Hand {
    /// The key is here, and leaves memory with this.
    Held { key: Box<SigningKey>, scheme: Scheme },
    /// An `ssh-agent` holds it.
    Agent(PathBuf),
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("public", &self.public).finish_non_exhaustive()
    }
}

impl Signer {
    /// Opens a key: a private key of ours, one of OpenSSH's, or the `.pub` file of one that an agent holds.
    ///
    /// # Errors
    /// When the file is none of these, nobody knows the passphrase, or there is no agent.
    pub fn open(path: &Path, world: &World) -> Result<Self> {
        let what = || format!("failed to open the key {}", path.display());
        if public::is_public(&disk::head(path).with_context(what)?) {
            let public = public::read(path)?;
            let socket = world.agent.clone().with_context(|| {
                format!(
                    "{} is the public half, so an ssh-agent must hold the private one, and SSH_AUTH_SOCK names none",
                    path.display()
                )
            })?;
            return Ok(Self { public, hand: Hand::Agent(socket) });
        }
        let pem = disk::read_secret(path).with_context(what)?;
        let private = private::decode(path, &pem, &world.passphrase).with_context(what)?;
        // An SSH key also logs in somewhere, so what it signs always says what it is for.
        let scheme = if private.openssh { Scheme::Sshsig } else { Scheme::Raw };
        let beside = path.with_file_name(format!(
            "{}.pub",
            path.file_name().and_then(|it| it.to_str()).unwrap_or_default()
        ));
        let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or("key");
        let label = public::read(&beside).map_or_else(|_| stem.to_owned(), |key| key.label);
        Ok(Self::held(private.key, scheme, &label))
    }

    /// A signer whose key is in memory already.
    pub fn held(key: SigningKey, scheme: Scheme, label: &str) -> Self {
        let public = PublicKey {
            alg: Algorithm::Ed25519,
            public: key.verifying_key().to_bytes(),
            application: None,
            label: label.to_owned(),
        };
        Self { public, hand: Hand::Held { key: Box::new(key), scheme } }
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a payload for a role.
    ///
    /// # Errors
    /// When the agent does not.
    pub fn sign(&self, role: Role, payload: &[u8]) -> Result<Signature> {
        let message = pae(role, payload);
        let data = || sshsig::signed_data(role, &message);
        let (scheme, bytes) = match &self.hand {
            Hand::Held { key, scheme: Scheme::Raw } => (Scheme::Raw, key.sign(&message).to_vec()),
            Hand::Held { key, scheme: Scheme::Sshsig } => {
                let made = ssh_key::Signature::new(ssh_key::Algorithm::Ed25519, key.sign(&data()?).to_vec())?;
                (Scheme::Sshsig, sshsig::blob(&self.public, role, made)?)
            }
            Hand::Agent(socket) => {
                let made = agent::sign(socket, &self.public.wire(), &data()?)?;
                (Scheme::Sshsig, sshsig::blob(&self.public, role, made)?)
            }
        };
        Ok(Signature {
            alg: Some(self.public.alg),
            scheme: Some(scheme),
            keyid: Some(self.public.id()),
            bytes,
        })
    }
}
