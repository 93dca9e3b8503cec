use std::fmt;

use sha2::{Digest as _, Sha256};

use super::GitRefusal;
use crate::digest::hex;

/// The lengths of names, in bytes.
const SHA1_BYTES: usize = 20;
const SHA256_BYTES: usize = 32;

/// Which hash names a repository's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hash {
    /// SHA-1, with the detection of collision attacks.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// The name of an object: what it hashes to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Vec<u8>);

impl Id {
    /// Reads a name: 40 or 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let nibble = |c: &u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        let pair = |pair: &[u8]| Some(nibble(pair.first()?)? << 4 | nibble(pair.get(1)?)?);
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
        bytes.filter(|it| matches!(it.len(), SHA1_BYTES | SHA256_BYTES)).map(Self)
    }

    /// Which hash made it.
    pub fn hash(&self) -> Hash {
        if self.0.len() == SHA1_BYTES { Hash::Sha1 } else { Hash::Sha256 }
    }

    /// The name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Names bytes as Git does: with their kind and length before them.
    ///
    /// # Errors
    /// When SHA-1 is asked for and the bytes carry a collision attack.
    pub(super) fn of(hash: Hash, kind: &str, bytes: &[u8]) -> Result<Self, GitRefusal> {
        let head = format!("{kind} {}\0", bytes.len());
        match hash {
            Hash::Sha1 => {
                let mut hasher = sha1dc::Hasher::new();
                hasher.update(head.as_bytes());
                hasher.update(bytes);
                let found =
                    hasher.finalize().map_err(|_| GitRefusal::Collision { what: format!("a {kind}") })?;
                Ok(Self(<[u8; SHA1_BYTES]>::from(found).to_vec()))
            }
            Hash::Sha256 => {
                let mut hasher = Sha256::new();
                hasher.update(head.as_bytes());
                hasher.update(bytes);
                Ok(Self(hasher.finalize().to_vec()))
            }
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tag => "tag",
        }
    }
}

/// An object whose bytes have the name that was asked for.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    id: Id,
    kind: Kind,
    raw: &'a [u8],
}

/// What an object says, the bytes that a signature covers, and the signature's armour.
type Read<T, B> = (T, B, Option<B>);

/// What a commit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its files.
    pub tree: Id,
    /// What it follows.
    pub parents: Vec<Id>,
}

/// What an annotated tag says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What it marks.
    pub target: Id,
    /// What kind of thing that is: `commit`, `tree`, `tag`, `blob`.
    pub kind: String,
    /// What it calls itself.
    pub name: String,
    /// Its message, without the signature.
    pub message: Vec<u8>,
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.id)
    }
}

impl<'a> Object<'a> {
    /// Takes an object whose bytes hash to its name.
    ///
    /// # Errors
    /// When they hash to another one.
    pub fn checked(id: &Id, kind: Kind, raw: &'a [u8]) -> Result<Self, GitRefusal> {
        let what = || format!("{} {id}", kind.word());
        let found =
            Id::of(id.hash(), kind.word(), raw).map_err(|_| GitRefusal::Collision { what: what() })?;
        match found == *id {
            true => Ok(Self { id: id.clone(), kind, raw }),
            false => Err(GitRefusal::Altered { what: what(), found: found.to_string() }),
        }
    }

    fn wrong(&self, why: impl Into<String>) -> GitRefusal {
        GitRefusal::Malformed { what: self.to_string(), why: why.into() }
    }

    /// Reads a commit.
    pub(super) fn commit(&self) -> Result<Read<Commit, Vec<u8>>, GitRefusal> {
        let own = match self.id.hash() {
            Hash::Sha1 => "gpgsig",
            Hash::Sha256 => "gpgsig-sha256",
        };
        let (mut payload, mut armour) = (Vec::new(), None);
        let (mut tree, mut parents, mut people) = (None, Vec::new(), Vec::new());
        let mut rest = self.raw;
        // What the lines that begin with a blank go on with.
        let mut current = "";
        loop {
            let (line, after) = self.line(rest)?;
            if line == b"\n" {
                payload.extend_from_slice(rest);
                break;
            }
            rest = after;
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            if let Some(more) = text.strip_prefix(b" ") {
                match current {
                    "" => return Err(self.wrong("it begins with a continuation")),
                    "own" => armour.get_or_insert_with(Vec::new).extend([more, b"\n"].concat()),
                    "other" => (),
                    _ => payload.extend_from_slice(line),
                }
                continue;
            }
            let (name, value) = self.header(text)?;
            current = "header";
            match name {
                name if name == own => {
                    if armour.is_some() {
                        // Git would take both together for one.
                        return Err(self.wrong("it is signed twice"));
                    }
                    armour = Some([value.as_bytes(), b"\n"].concat());
                    current = "own";
                    continue;
                }
                name if name.starts_with("gpgsig") => {
                    current = "other";
                    continue;
                }
                "tree" if tree.is_none() && payload.is_empty() => tree = Some(self.id_of(value)?),
                "parent" if tree.is_some() && people.is_empty() => parents.push(self.id_of(value)?),
                "author" | "committer" if tree.is_some() => people.push(name.to_owned()),
                "tree" | "parent" | "author" | "committer" => {
                    return Err(self.wrong(format!("`{name}` stands at the wrong place")));
                }
                _ if people.len() < 2 => return Err(self.wrong(format!("`{name}` stands before its people"))),
                _ => (),
            }
            payload.extend_from_slice(line);
        }
        let tree = tree.filter(|_| people == ["author", "committer"]);
        let tree = tree.ok_or_else(|| self.wrong("it lacks its tree, or its people, or has them twice"))?;
        // Git ends the armour with the line break of its last line.
        Ok((Commit { tree, parents }, payload, armour))
    }

    /// Reads an annotated tag.
    pub(super) fn tag(&self) -> Result<Read<Tag, &'a [u8]>, GitRefusal> {
        let mut rest = self.raw;
        let mut values = Vec::new();
        for wanted in ["object", "type", "tag", "tagger"] {
            let (line, after) = self.line(rest)?;
            let (name, value) = self.header(line.strip_suffix(b"\n").unwrap_or(line))?;
            if name != wanted {
                return Err(self.wrong(format!("`{wanted}` was due, and `{name}` is there")));
            }
            values.push(value.to_owned());
            rest = after;
        }
        let Some(body) = rest.strip_prefix(b"\n") else {
            return Err(self.wrong("it has headers that no tag has"));
        };
        // The last line that begins a signature begins the signature.
        let begins = |line: &[u8]| line.starts_with(b"-----BEGIN ");
        let mut at = None;
        let mut offset = 0;
        for line in body.split_inclusive(|it| *it == b'\n') {
            if begins(line) {
                at = Some(offset);
            }
            offset += line.len();
        }
        let signed = self.raw.len() - body.len();
        let (message, armour) = match at.and_then(|at| body.split_at_checked(at)) {
            Some((message, armour)) => (message, Some(armour)),
            None => (body, None),
        };
        let payload = self.raw.get(..signed + message.len()).unwrap_or_default();
        let [target, kind, name, _] =
            <[String; 4]>::try_from(values).map_err(|_| self.wrong("it is cut short"))?;
        let tag = Tag { target: self.id_of(&target)?, kind, name, message: message.to_vec() };
        Ok((tag, payload, armour))
    }

    fn line(&self, rest: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), GitRefusal> {
        let end =
            rest.iter().position(|it| *it == b'\n').ok_or_else(|| self.wrong("its header has no end"))?;
        rest.split_at_checked(end + 1).ok_or_else(|| self.wrong("its header has no end"))
    }

    fn header(&self, line: &'a [u8]) -> Result<(&'a str, &'a str), GitRefusal> {
        // Names of people may be in any encoding; names of headers are not.
        let end = line.iter().position(|it| *it == b' ').unwrap_or(line.len());
        let (name, value) = line.split_at_checked(end).unwrap_or((line, b""));
        let name = std::str::from_utf8(name).map_err(|_| self.wrong("a header has no name"))?;
        if line.contains(&0) {
            return Err(self.wrong("a header holds a zero byte"));
        }
        Ok((name, std::str::from_utf8(value.get(1..).unwrap_or_default()).unwrap_or_default()))
    }

    fn id_of(&self, text: &str) -> Result<Id, GitRefusal> {
        let id = Id::parse(text).filter(|it| it.hash() == self.id.hash());
        id.ok_or_else(|| self.wrong(format!("`{}` is no name of an object", text.escape_default())))
    }
}
