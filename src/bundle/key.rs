use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::digest::Digest;

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// Plain ed25519, raw or through SSHSIG.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// An ed25519 key inside a FIDO authenticator, through SSHSIG only.
    #[serde(rename = "sk-ssh-ed25519")]
    SkEd25519,
}

/// The fingerprint of a public key: the SHA-256 of its OpenSSH wire form, which `ssh-keygen -l` prints too.
///
/// It finds a key; it never stands for one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Digest);

impl KeyId {
    /// The fingerprint as `ssh-keygen -l` prints it: `SHA256:` and base64 without padding.
    pub fn fingerprint(&self) -> String {
        let padded = BASE64_STANDARD.encode(self.0.as_bytes());
        format!("SHA256:{}", padded.trim_end_matches('='))
    }

    /// The first eight digits, for lists that people read.
    pub fn short(&self) -> String {
        self.0.hex().chars().take(8).collect()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.hex())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = crate::digest::NotADigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Digest::from_hex(text).map(Self)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A public key as a trust root lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    /// How it signs.
    pub alg: Algorithm,
    /// The 32 bytes of the curve point.
    #[serde(with = "point")]
    pub public: [u8; 32],
    /// The FIDO application, usually `ssh:`; for [`Algorithm::SkEd25519`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Whose it is, for people.
    pub label: String,
}

impl PublicKey {
    /// The key's fingerprint.
    pub fn id(&self) -> KeyId {
        KeyId(Digest::of(&self.wire()))
    }

    /// The OpenSSH wire form (RFC 4253 section 6.6 strings; for FIDO keys, OpenSSH's PROTOCOL.u2f).
    pub fn wire(&self) -> Vec<u8> {
        let mut wire = Vec::with_capacity(128);
        let mut string = |bytes: &[u8]| {
            wire.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            wire.extend(bytes);
        };
        match self.alg {
            Algorithm::Ed25519 => string(b"ssh-ed25519"),
            Algorithm::SkEd25519 => string(b"sk-ssh-ed25519@openssh.com"),
        }
        string(&self.public);
        if self.alg == Algorithm::SkEd25519 {
            string(self.application.as_deref().unwrap_or_default().as_bytes());
        }
        wire
    }
}

mod point {
    use super::{BASE64_STANDARD, Deserialize, Deserializer, Engine, Serializer, de};

    pub(super) fn serialize<S: Serializer>(point: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(point))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text.as_bytes()).map_err(de::Error::custom)?;
        bytes.try_into().map_err(|_| de::Error::custom("a public key has 32 bytes"))
    }
}
