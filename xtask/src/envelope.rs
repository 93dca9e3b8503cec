//! Envelopes on their way between signers: read, one signature more, written whole.

use std::path::{Path, PathBuf};

use airlock::{
    bundle::{KeyId, Keyholders, PublicKey, Role, Signature, Unverified, encode},
    digest::Digest,
    limits, trust,
};
use anyhow::{Context, Result, ensure};

use crate::{
    World, disk,
    key::{self, Signer},
};

/// An envelope in a file.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The file.
    pub path: PathBuf,
    /// What it is for.
    pub role: Role,
    /// What is signed.
    pub payload: Vec<u8>,
    /// The signatures so far.
    pub signatures: Vec<Signature>,
}

impl Envelope {
    /// An envelope that nobody signed yet. [`Envelope::write`] brings it to the disk.
    ///
    /// # Errors
    /// When the payload is larger than a node reads.
    pub fn new(path: PathBuf, role: Role, payload: Vec<u8>) -> Result<Self> {
        ensure!(
            payload.len() <= limits::PAYLOAD_BYTES,
            "{} would have {} bytes, and what is signed has at most {}",
            path.display(),
            payload.len(),
            limits::PAYLOAD_BYTES
        );
        Ok(Self { path, role, payload, signatures: Vec::new() })
    }

    /// With the signatures of the file, when it is there already.
    ///
    /// # Errors
    /// When the file says something else.
    pub fn continued(self) -> Result<Self> {
        if !self.path.exists() {
            return Ok(self);
        }
        let there = Self::read(&self.path, self.role)?;
        ensure!(
            there.payload == self.payload,
            "{} is there already and says something else; name another file, or delete that one",
            self.path.display()
        );
        Ok(there)
    }

    /// Reads an envelope of this role.
    ///
    /// # Errors
    /// When it is not there, is malformed, or is of another role.
    pub fn read(path: &Path, role: Role) -> Result<Self> {
        Self::parse(path, role, disk::read(path, limits::ENVELOPE_BYTES)?)
    }

    /// Reads an envelope of this role from bytes that lay at `path`.
    ///
    /// # Errors
    /// When it is malformed, or is of another role.
    pub fn parse(path: &Path, role: Role, bytes: Vec<u8>) -> Result<Self> {
        let (found, payload, signatures) = Unverified::read(&path.display().to_string(), bytes)?.into_parts();
        ensure!(
            found == role.payload_type(),
            "{} is of type `{}`, and a document of role `{}` was due",
            path.display(),
            found.escape_default(),
            role.name()
        );
        Ok(Self { path: path.to_owned(), role, payload, signatures })
    }

    /// The identity of what is signed.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.payload)
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        encode(self.role, &self.payload, &self.signatures)
    }

    /// As a node would read it.
    ///
    /// # Errors
    /// When no node would.
    pub fn unverified(&self) -> Result<Unverified> {
        Ok(Unverified::read(&self.path.display().to_string(), self.encode())?)
    }

    /// Which of these keys signed it.
    ///
    /// # Errors
    /// When no node would read it.
    pub fn signed_by<'a>(&self, keys: impl IntoIterator<Item = &'a PublicKey>) -> Result<Vec<KeyId>> {
        Ok(trust::signers(&self.unverified()?, self.role, keys).into_iter().collect())
    }

    /// Signs it, in memory.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(&mut self, signer: &Signer) -> Result<()> {
        let signature = signer.sign(self.role, &self.payload)?;
        self.attach(signer.public(), signature)
    }

    /// Signs it, in memory, with a key of those that count.
    ///
    /// # Errors
    /// When the key is none of them, or does not sign.
    pub fn sign_for(&mut self, holders: &Keyholders, signer: &Signer) -> Result<()> {
        let key = signer.public();
        ensure!(
            holders.keys.contains(&key.id()),
            "key {} ({}) is not of the {} role, so its signature would not count",
            key.id().fingerprint(),
            key.label,
            self.role.name()
        );
        self.sign(signer)
    }

    /// Takes in a signature that somebody made, in place of an older one of the same key.
    ///
    /// # Errors
    /// When the key did not sign this payload, or there are too many signatures.
    pub fn attach(&mut self, key: &PublicKey, signature: Signature) -> Result<()> {
        let signature = Signature { keyid: Some(key.id()), ..signature };
        let alone = Self { signatures: vec![signature.clone()], ..self.clone() };
        ensure!(
            !alone.signed_by([key])?.is_empty(),
            "the signature of {} is not one of {}; it was made over other bytes, or in another namespace",
            key.id().fingerprint(),
            self.path.display()
        );
        self.signatures.retain(|it| it.keyid != Some(key.id()));
        self.signatures.push(signature);
        // Signers sign in any order, and one set of signatures makes one file.
        self.signatures.sort_by_key(|it| (it.keyid, it.bytes.clone()));
        ensure!(
            self.signatures.len() <= limits::SIGNATURES,
            "an envelope has at most {} signatures",
            limits::SIGNATURES
        );
        Ok(())
    }

    /// Takes in what somebody signed elsewhere: a `.sig` file of `ssh-keygen -Y sign`, or the signatures of another
    /// copy of this envelope. `known` are the keys whose signatures could count; `admit` says whether one does.
    ///
    /// # Errors
    /// When it is neither, is of another payload, or nothing in it counts.
    pub fn merge(
        &mut self,
        file: &Path,
        known: &[&PublicKey],
        admit: impl Fn(&PublicKey) -> Result<()>,
    ) -> Result<()> {
        let bytes = disk::read(file, limits::ENVELOPE_BYTES)?;
        let what = || format!("failed to attach {}", file.display());
        if bytes.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
            let (key, signature) = key::read_sshsig(&bytes, self.role).with_context(what)?;
            // The label is the root's, since a signature carries none.
            let key = known.iter().find(|it| it.id() == key.id()).copied().unwrap_or(&key);
            admit(key).and_then(|()| self.attach(key, signature)).with_context(what)?;
            return Ok(());
        }
        let other = Self::read(file, self.role).with_context(what)?;
        ensure!(
            other.payload == self.payload,
            "{} signs {}, and this is {}",
            file.display(),
            other.digest(),
            self.digest()
        );
        let mut taken = 0;
        for key in known.iter().filter(|key| admit(key).is_ok()) {
            for signature in &other.signatures {
                taken += usize::from(self.attach(key, signature.clone()).is_ok());
            }
        }
        ensure!(taken > 0, "{} holds no signature that counts", file.display());
        Ok(())
    }

    /// Writes it back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<()> {
        disk::replace(&self.path, &self.encode())
    }
}

/// Opens a key, signs the envelope in `path`, and writes it back. `admit` sees it before it is signed.
///
/// # Errors
/// Whatever `admit` says, or when the key does not sign.
pub fn sign_file(
    path: &Path,
    role: Role,
    key: &Path,
    world: &World,
    admit: impl FnOnce(&Envelope, &PublicKey) -> Result<()>,
) -> Result<Envelope> {
    let mut envelope = Envelope::read(path, role)?;
    let signer = Signer::open(key, world)?;
    admit(&envelope, signer.public())?;
    envelope.sign(&signer).with_context(|| format!("failed to sign {}", path.display()))?;
    envelope.write()?;
    Ok(envelope)
}
