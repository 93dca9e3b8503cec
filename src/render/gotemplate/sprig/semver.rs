//! Versions and their constraints as Masterminds/semver v3.5.0 reads and compares them.
//!
//! It takes much that semver.org does not: a leading `v`, missing parts, leading zeros. No other library agrees with it
//! about which pre-releases a range holds, so this is written after its behaviour and tested against its output.

mod constraint;

use std::{cmp::Ordering, fmt};

pub use constraint::{Constraints, Unmet};

/// The longest version that is read: the original's bound.
const VERSION_BYTES: usize = 256;

/// Why a text is no version or no constraint, in the original's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text has another form.
    #[error("invalid semantic version")]
    Invalid,
    /// Nothing was given where the strict form is asked for.
    #[error("version string empty")]
    Empty,
    /// A part of a strict version has other characters than digits.
    #[error("invalid characters in version")]
    Characters,
    /// A number has a zero in front where none may be.
    #[error("version segment starts with 0")]
    LeadingZero,
    /// What follows `+` has another form.
    #[error("invalid metadata string")]
    Metadata,
    /// What follows `-` has another form.
    #[error("invalid prerelease string")]
    Prerelease,
    /// The text is longer than the original reads.
    #[error("version string is too long (max {VERSION_BYTES} bytes)")]
    Long,
    /// A number needs more than 64 bits.
    #[error("error parsing version segment: strconv.ParseUint: parsing \"{0}\": value out of range")]
    Range(String),
    /// The same in the strict form, which does not wrap the error.
    #[error("strconv.ParseUint: parsing \"{0}\": value out of range")]
    StrictRange(String),
    /// A strict version with nothing where a number should be.
    #[error("strconv.ParseUint: parsing \"\": invalid syntax")]
    StrictSyntax,
    /// A constraint is longer than the original reads.
    #[error("constraint string is too long (max {} bytes)", constraint::CONSTRAINT_BYTES)]
    LongConstraint,
    /// A constraint has more alternatives than the original reads.
    #[error("too many constraint groups (max {})", constraint::GROUPS)]
    Groups,
    /// A part between two `||` is no list of constraints; the part is quoted as Go quotes.
    #[error("improper constraint: {0}")]
    Improper(String),
    /// A constraint whose version cannot be read.
    #[error("constraint parser error")]
    Constraint,
}

/// A version: `*semver.Version` of the original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number, 0 where there is none.
    pub minor: u64,
    /// The third number, 0 where there is none.
    pub patch: u64,
    /// What follows `-`, without it.
    pub prerelease: String,
    /// What follows `+`, without it.
    pub metadata: String,
    /// The text that was read.
    pub original: String,
}

impl Version {
    /// Reads a version as `semver.NewVersion` does.
    ///
    /// # Errors
    /// In the original's words.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > VERSION_BYTES {
            return Err(Error::Long);
        }
        let parts = Parts::scan(text, |c| c.is_ascii_digit()).filter(|it| it.rest.is_empty());
        let Some(parts) = parts else { return Err(Error::Invalid) };
        let number = |digits: Option<&str>| match digits {
            None => Ok(0),
            Some(digits) => digits.parse().map_err(|_| Error::Range(digits.into())),
        };
        let version = Self {
            major: number(Some(parts.first))?,
            minor: number(parts.second)?,
            patch: number(parts.third)?,
            prerelease: parts.prerelease.unwrap_or_default().into(),
            metadata: parts.metadata.unwrap_or_default().into(),
            original: text.into(),
        };
        if parts.prerelease.is_some() {
            check_prerelease(&version.prerelease)?;
        }
        Ok(version)
    }

    /// Reads a version as `semver.StrictNewVersion` does.
    ///
    /// # Errors
    /// In the original's words.
    pub fn parse_strict(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Empty);
        }
        if text.len() > VERSION_BYTES {
            return Err(Error::Long);
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::Invalid);
        };
        let (rest, metadata) = match rest.split_once('+') {
            Some((rest, metadata)) => {
                check_metadata(metadata)?;
                (rest, metadata)
            }
            None => (rest, ""),
        };
        let (patch, prerelease) = match rest.split_once('-') {
            Some((patch, prerelease)) => {
                check_prerelease(prerelease)?;
                (patch, prerelease)
            }
            None => (rest, ""),
        };
        for part in [major, minor, patch] {
            if !part.bytes().all(|c| c.is_ascii_digit()) {
                return Err(Error::Characters);
            }
            if part.len() > 1 && part.starts_with('0') {
                return Err(Error::LeadingZero);
            }
        }
        let number = |part: &str| match part {
            // The original lets an empty part through its checks and then fails to read the number.
            "" => Err(Error::StrictSyntax),
            part => part.parse().map_err(|_| Error::StrictRange(part.into())),
        };
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
            patch: number(patch)?,
            prerelease: prerelease.into(),
            metadata: metadata.into(),
            original: text.into(),
        })
    }

    /// `Compare`: build metadata does not count.
    pub fn compare(&self, other: &Self) -> Ordering {
        let numbers = |it: &Self| (it.major, it.minor, it.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prerelease(&self.prerelease, &other.prerelease),
            }
        })
    }

    /// `IncPatch`: the release of a pre-release, else the next patch. `None` where the number would overflow.
    pub fn next_patch(&self) -> Option<Self> {
        let patch = if self.prerelease.is_empty() { self.patch.checked_add(1)? } else { self.patch };
        Some(self.with_numbers(self.major, self.minor, patch))
    }

    /// `IncMinor`. `None` where the number would overflow.
    pub fn next_minor(&self) -> Option<Self> {
        Some(self.with_numbers(self.major, self.minor.checked_add(1)?, 0))
    }

    /// `IncMajor`. `None` where the number would overflow.
    pub fn next_major(&self) -> Option<Self> {
        Some(self.with_numbers(self.major.checked_add(1)?, 0, 0))
    }

    /// `SetPrerelease`.
    ///
    /// # Errors
    /// When the text is no pre-release.
    pub fn with_prerelease(&self, prerelease: &str) -> Result<Self, Error> {
        if !prerelease.is_empty() {
            check_prerelease(prerelease)?;
        }
        Ok(self.renamed(Self { prerelease: prerelease.into(), ..self.clone() }))
    }

    /// `SetMetadata`.
    ///
    /// # Errors
    /// When the text is no build metadata.
    pub fn with_metadata(&self, metadata: &str) -> Result<Self, Error> {
        if !metadata.is_empty() {
            check_metadata(metadata)?;
        }
        Ok(self.renamed(Self { metadata: metadata.into(), ..self.clone() }))
    }

    fn with_numbers(&self, major: u64, minor: u64, patch: u64) -> Self {
        let (prerelease, metadata, original) = Default::default();
        self.renamed(Self { major, minor, patch, prerelease, metadata, original })
    }

    /// A changed version keeps the leading `v` of what was read.
    fn renamed(&self, mut changed: Self) -> Self {
        let v = if self.original.starts_with('v') { "v" } else { "" };
        changed.original = format!("{v}{changed}");
        changed
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

/// The parts of what looks like a version, and what follows it.
#[derive(Clone, Copy, Debug)]
struct Parts<'a> {
    /// All of it, up to `rest`.
    whole: &'a str,
    first: &'a str,
    second: Option<&'a str>,
    third: Option<&'a str>,
    prerelease: Option<&'a str>,
    metadata: Option<&'a str>,
    rest: &'a str,
}

impl<'a> Parts<'a> {
    /// Takes as much as possible of the beginning of `text`; `digit` says what a number may be made of. Every part may
    /// be absent but the first, so that taking as much as possible is also the only way to end before a space.
    fn scan(text: &'a str, digit: impl Fn(char) -> bool) -> Option<Self> {
        let run = |text: &'a str, accept: &dyn Fn(char) -> bool| {
            let end = text.find(|c| !accept(c)).unwrap_or(text.len());
            (end > 0).then(|| text.split_at(end))
        };
        let after_v = text.strip_prefix('v').unwrap_or(text);
        let (first, mut rest) = run(after_v, &digit)?;
        let dotted = |rest: &mut &'a str| {
            let (part, after) = run(rest.strip_prefix('.')?, &digit)?;
            *rest = after;
            Some(part)
        };
        let second = dotted(&mut rest);
        let third = second.and_then(|_| dotted(&mut rest));
        let identifiers = |rest: &mut &'a str, mark: char| {
            let start = rest.strip_prefix(mark)?;
            let mut after = run(start, &identifier)?.1;
            while let Some((_, next)) = after.strip_prefix('.').and_then(|it| run(it, &identifier)) {
                after = next;
            }
            *rest = after;
            start.get(..start.len() - after.len())
        };
        let prerelease = identifiers(&mut rest, '-');
        let metadata = identifiers(&mut rest, '+');
        let whole = text.get(..text.len() - rest.len())?;
        Some(Self { whole, first, second, third, prerelease, metadata, rest })
    }
}

fn identifier(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

fn check_prerelease(text: &str) -> Result<(), Error> {
    for part in text.split('.') {
        if part.is_empty() || !part.chars().all(identifier) {
            return Err(Error::Prerelease);
        }
        if part.len() > 1 && part.starts_with('0') && part.bytes().all(|c| c.is_ascii_digit()) {
            return Err(Error::LeadingZero);
        }
    }
    Ok(())
}

fn check_metadata(text: &str) -> Result<(), Error> {
    let good = text.split('.').all(|part| !part.is_empty() && part.chars().all(identifier));
    if good { Ok(()) } else { Err(Error::Metadata) }
}

fn compare_prerelease(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => (a.unwrap_or_default(), b.unwrap_or_default()),
        };
        let order = compare_part(a, b);
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Numbers stand before words, a missing part before both.
fn compare_part(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    if a.is_empty() || b.is_empty() {
        return a.len().cmp(&b.len());
    }
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| !text.starts_with('+'));
    match (number(a), number(b)) {
        (None, None) => a.cmp(b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        // Two spellings of one number: the original calls the left one smaller.
        (Some(a), Some(b)) => a.cmp(&b).then(Ordering::Less),
    }
}
