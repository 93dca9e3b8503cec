//! Git's own signatures: ed25519 SSH signatures on commits and annotated tags.
//!
//! They serve the sources that Flux objects name, never a channel. Who may sign comes from the trust root or the node's
//! configuration, in OpenSSH's `allowed_signers` form, never from the repository. Where `git verify-commit` and
//! `git verify-tag` are laxer, the reason is beside the check:
//!
//! - Git judges a key's validity at the time that the commit claims for itself; we judge at the later of clock and time
//!   floor, since whoever stole an expired key can write any date.
//! - Git looks a tag up by its ref and does not ask what the tag calls itself; we do, since refs are not signed.

mod allowed;
mod history;
mod object;
mod tree;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;

use super::{signers::plain, sshsig};
use crate::{
    bundle::KeyId,
    fault::{Class, Fault},
};

pub use allowed::{AllowedSigners, Line as AllowedLine, NotAllowedSigners};
pub use history::{Commits, descends};
pub use object::{Commit, Hash, Id, Kind, Object, Tag};
pub use tree::tree_id;

/// The namespace in which Git signs.
const NAMESPACE: &str = "git";

/// Who signed an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The key.
    pub key: KeyId,
    /// What the allowed signers call it.
    pub principals: String,
}

/// What the signature of an object is held against.
#[derive(Clone, Copy, Debug)]
pub struct GitPolicy<'a> {
    /// Who may sign.
    pub allowed: &'a AllowedSigners,
    /// Keys that count no more, whatever the list says.
    pub revoked: &'a [KeyId],
    /// The later of clock and time floor.
    pub time: Timestamp,
}

/// Why a Git object is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the sentence of each variant says what its fields are")]
pub enum GitRefusal {
    #[error("{what} is malformed: {why}")]
    Malformed { what: String, why: String },
    #[error("{what} hashes to {found}")]
    Altered { what: String, found: String },
    #[error("{what} carries a collision attack on SHA-1")]
    Collision { what: String },
    #[error("{what} is not signed")]
    Unsigned { what: String },
    #[error("{what} is signed in another form than SSH's, which this agent does not verify")]
    Form { what: String },
    #[error("{what} is not signed by a key that may sign it")]
    Signer { what: String },
    #[error("{what} is signed by key {}, which is revoked", key.fingerprint())]
    Revoked { what: String, key: KeyId },
    #[error("{what} is signed by key {}, which counts {window}, and it is {time}", key.fingerprint())]
    Validity { what: String, key: KeyId, window: String, time: Timestamp },
    #[error("tag `{found}` stands where `{wanted}` was asked for")]
    MovedTag { wanted: String, found: String },
    #[error("commit {new} does not descend from {old}, which was accepted before")]
    Rewritten { new: String, old: String },
    #[error("commit {id} is not here, so nobody can say what {new} descends from")]
    Shallow { id: String, new: String },
    #[error("between {old} and {new} lie more than {limit} commits")]
    TooFar { new: String, old: String, limit: usize },
    #[error("{path}: {why}")]
    Tree { path: String, why: &'static str },
}

impl Fault for GitRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "git_object",
            Self::Altered { .. } | Self::Collision { .. } => "tampered",
            Self::Unsigned { .. } | Self::Form { .. } => "unsigned",
            Self::Signer { .. } => "signer",
            Self::Revoked { .. } => "revoked",
            Self::Validity { .. } => "key_expired",
            Self::MovedTag { .. } => "moved_tag",
            Self::Rewritten { .. } => "rewritten",
            Self::Shallow { .. } | Self::TooFar { .. } => "shallow",
            Self::Tree { .. } => "git_tree",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Shallow { .. } => Class::Unavailable,
            _ => Class::Denied,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unsigned { .. } => "sign it: `git commit -S` or `git tag -s` with `gpg.format ssh`".into(),
            Self::Form { .. } => "sign it with an ed25519 key: `git config gpg.format ssh`".into(),
            Self::Signer { .. } | Self::Revoked { .. } | Self::Validity { .. } => {
                "ask whoever keeps the list of allowed signers; if the key is right, list it there".into()
            }
            Self::MovedTag { .. } => "a tag was moved: ask the people of the repository who did that".into(),
            Self::Rewritten { .. } => {
                "history was rewritten: ask the people of the repository; what runs stays".into()
            }
            Self::Shallow { .. } => "fetch the whole history: `git fetch --unshallow`".into(),
            Self::TooFar { .. } => "ask the people of the repository how it came to so many commits at once".into(),
            Self::Tree { .. } => "remove or rename it in the repository, and commit again; what runs stays".into(),
            Self::Malformed { .. } | Self::Altered { .. } | Self::Collision { .. } => {
                "the repository is damaged, or somebody tampers with it: ask its people; `git fsck` shows more".into()
            }
        })
    }
}

impl GitPolicy<'_> {
    /// Verifies a commit: its id, and whose signature it carries.
    ///
    /// # Errors
    /// When it is not the commit with that id, is malformed, or is not signed by a key that counts now.
    pub fn commit(&self, id: &Id, raw: &[u8]) -> Result<(Commit, Signed), GitRefusal> {
        let object = Object::checked(id, Kind::Commit, raw)?;
        let (commit, payload, armour) = object.commit()?;
        let signed = self.signature(&object.to_string(), &payload, armour.as_deref())?;
        Ok((commit, signed))
    }

    /// Verifies an annotated tag that was found under `name`: its id, what it calls itself, and whose signature it carries.
    ///
    /// # Errors
    /// As [`GitPolicy::commit`]; also when it calls itself otherwise.
    pub fn tag(&self, id: &Id, name: &str, raw: &[u8]) -> Result<(Tag, Signed), GitRefusal> {
        let object = Object::checked(id, Kind::Tag, raw)?;
        let (tag, payload, armour) = object.tag()?;
        let signed = self.signature(&object.to_string(), payload, armour)?;
        match tag.name == name {
            true => Ok((tag, signed)),
            false => Err(GitRefusal::MovedTag { wanted: name.to_owned(), found: tag.name }),
        }
    }

    fn signature(&self, what: &str, payload: &[u8], armour: Option<&[u8]>) -> Result<Signed, GitRefusal> {
        let Some(armour) = armour else { return Err(GitRefusal::Unsigned { what: what.to_owned() }) };
        let blob = unarmoured(armour).ok_or_else(|| GitRefusal::Form { what: what.to_owned() })?;
        let mut refused = None;
        for line in self.allowed.lines().filter(|it| it.may_sign_in(NAMESPACE)) {
            if !sshsig::verifies(&blob, &line.key, NAMESPACE, payload, plain) {
                continue;
            }
            let key = line.key.id();
            if self.revoked.contains(&key) {
                return Err(GitRefusal::Revoked { what: what.to_owned(), key });
            }
            if line.counts_at(self.time) {
                return Ok(Signed { key, principals: line.principals.clone() });
            }
            let (window, time) = (line.window(), self.time);
            refused = Some(GitRefusal::Validity { what: what.to_owned(), key, window, time });
        }
        Err(refused.unwrap_or_else(|| GitRefusal::Signer { what: what.to_owned() }))
    }
}

/// Reads a commit that nobody vouches for: it hashes to its name, and is one.
///
/// # Errors
/// When it does not, or is malformed.
pub fn read_commit(id: &Id, raw: &[u8]) -> Result<Commit, GitRefusal> {
    Ok(Object::checked(id, Kind::Commit, raw)?.commit()?.0)
}

/// Reads an annotated tag that nobody vouches for; its message is without the signature that may follow it.
///
/// # Errors
/// As [`read_commit`].
pub fn read_tag(id: &Id, raw: &[u8]) -> Result<Tag, GitRefusal> {
    Ok(Object::checked(id, Kind::Tag, raw)?.tag()?.0)
}

/// The bytes inside the armour of an SSH signature; none where it is another thing, or has something around it.
fn unarmoured(armour: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(armour).ok()?;
    let inner = text.strip_prefix("-----BEGIN SSH SIGNATURE-----\n")?;
    let (inner, rest) = inner.split_once("-----END SSH SIGNATURE-----")?;
    if !matches!(rest, "" | "\n") {
        return None;
    }
    let digits: String = inner.chars().filter(|it| *it != '\n').collect();
    BASE64_STANDARD.decode(digits).ok()
}
