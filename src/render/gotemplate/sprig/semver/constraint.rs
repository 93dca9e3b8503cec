//! Constraints: alternatives of lists of operators and versions.

use std::{cmp::Ordering, fmt};

use super::{Error, Parts, Version, compare_prerelease};
use crate::render::gotemplate::strconv::quote;

/// The longest constraint that is read: the original's bound.
pub(super) const CONSTRAINT_BYTES: usize = 512;

/// The most alternatives that are read: the original's bound.
pub(super) const GROUPS: usize = 32;

/// What a version is checked against: `*semver.Constraints` of the original.
#[derive(Clone, Debug)]
pub struct Constraints {
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    constraints: Vec<Constraint>,
    /// One of the constraints names a pre-release, so all of them look at pre-releases.
    prereleases: bool,
}

#[derive(Clone, Debug)]
struct Constraint {
    operator: Operator,
    /// The operator as it was written.
    written: &'static str,
    /// The version as it was written.
    text: String,
    version: Version,
    /// Which of the numbers is missing or a wildcard.
    open: Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// The first number that is missing or a wildcard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    Major,
    Minor,
    Patch,
}

/// Why a version does not meet a constraint, in the original's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet(String);

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Constraints {
    /// Reads constraints as `semver.NewConstraint` does.
    ///
    /// # Errors
    /// In the original's words.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > CONSTRAINT_BYTES {
            return Err(Error::LongConstraint);
        }
        let text = rewrite_ranges(text);
        let parts: Vec<&str> = text.split("||").collect();
        if parts.len() > GROUPS {
            return Err(Error::Groups);
        }
        let groups = parts.into_iter().map(Group::parse).collect::<Result<_, _>>()?;
        Ok(Self { groups })
    }

    /// `Check`: whether `version` meets them.
    pub fn check(&self, version: &Version) -> bool {
        self.groups
            .iter()
            .any(|group| group.constraints.iter().all(|it| it.check(version, group.prereleases).is_ok()))
    }

    /// `Validate`: every reason why `version` does not meet them; none when it does.
    pub fn validate(&self, version: &Version) -> Vec<Unmet> {
        let mut reasons = Vec::new();
        let mut said = false;
        for group in &self.groups {
            let before = reasons.len();
            let mut met = true;
            for constraint in &group.constraints {
                if !group.prereleases && !version.prerelease.is_empty() {
                    if !said {
                        reasons.push(only_releases(version));
                    }
                    said = true;
                    met = false;
                } else if let Err(unmet) = constraint.check(version, group.prereleases) {
                    reasons.push(unmet);
                    met = false;
                }
            }
            if met && before == reasons.len() {
                return Vec::new();
            }
        }
        reasons
    }
}

impl fmt::Display for Constraints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, group) in self.groups.iter().enumerate() {
            if at > 0 {
                f.write_str(" || ")?;
            }
            for (at, constraint) in group.constraints.iter().enumerate() {
                let space = if at > 0 { " " } else { "" };
                write!(f, "{space}{}{}", constraint.written, constraint.text)?;
            }
        }
        Ok(())
    }
}

impl Group {
    /// Reads what stands between two `||`: constraints with spaces or one comma between them.
    fn parse(text: &str) -> Result<Self, Error> {
        let improper = || Error::Improper(quote(text.as_bytes()));
        let mut parts = Vec::new();
        let mut rest = text.trim_start_matches(space);
        loop {
            let (operator, written, after) = operator(rest).ok_or_else(improper)?;
            let version = Parts::scan(after.trim_start_matches(space), digit).ok_or_else(improper)?;
            parts.push((operator, written, version));
            let next = version.rest.trim_start_matches(space);
            if next.is_empty() {
                break;
            }
            rest = match next.strip_prefix(',') {
                Some(next) => next.trim_start_matches(space),
                None if next.len() < version.rest.len() => next,
                None => return Err(improper()),
            };
        }
        let read = |(operator, written, parts)| Constraint::of(operator, written, parts);
        let constraints: Vec<_> = parts.into_iter().map(read).collect::<Result<_, _>>()?;
        let prereleases = constraints.iter().any(|it| !it.version.prerelease.is_empty());
        Ok(Self { constraints, prereleases })
    }
}

impl Constraint {
    fn of(operator: Operator, written: &'static str, parts: Parts<'_>) -> Result<Self, Error> {
        let wild = |part: Option<&str>| matches!(part, None | Some("x" | "X" | "*"));
        let tail = parts.prerelease.map(|it| format!("-{it}")).unwrap_or_default();
        let (open, text) = match (parts.first, parts.second, parts.third) {
            (first, ..) if wild(Some(first)) => (Open::Major, format!("0.0.0{tail}")),
            (first, second, _) if wild(second) => (Open::Minor, format!("{first}.0.0{tail}")),
            (first, Some(second), third) if wild(third) => (Open::Patch, format!("{first}.{second}.0{tail}")),
            _ => (Open::Nothing, parts.whole.into()),
        };
        let version = Version::parse(&text).map_err(|_| Error::Constraint)?;
        Ok(Self { operator, written, text: parts.whole.into(), version, open })
    }

    fn check(&self, version: &Version, prereleases: bool) -> Result<(), Unmet> {
        if !version.prerelease.is_empty() && !prereleases {
            return Err(only_releases(version));
        }
        match self.operator {
            Operator::Equal if self.open == Open::Nothing => {
                let equal = version.compare(&self.version) == Ordering::Equal;
                self.require(equal, version, "is not equal to")
            }
            Operator::Equal | Operator::Tilde => self.tilde(version),
            Operator::NotEqual => self.require(self.differs(version), version, "is equal to"),
            Operator::Greater => self.require(self.greater(version), version, "is less than or equal to"),
            Operator::Less => {
                let less = version.compare(&self.version) == Ordering::Less;
                self.require(less, version, "is greater than or equal to")
            }
            Operator::GreaterEqual => {
                self.require(version.compare(&self.version) != Ordering::Less, version, "is less than")
            }
            Operator::LessEqual => self.require(self.less_or_equal(version), version, "is greater than"),
            Operator::Caret => self.caret(version),
        }
    }

    fn require(&self, holds: bool, version: &Version, says: &str) -> Result<(), Unmet> {
        if holds { Ok(()) } else { Err(Unmet(format!("\"{version}\" {says} \"{}\"", self.text))) }
    }

    fn differs(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if self.open == Open::Nothing {
            return version.compare(wanted) != Ordering::Equal;
        }
        if wanted.major != version.major {
            return true;
        }
        match self.open {
            // `!=*` and `!=1.2.x` alike: the minor number is compared unless it is the wildcard.
            _ if wanted.minor != version.minor && self.open != Open::Minor => true,
            Open::Minor => false,
            Open::Patch if !version.prerelease.is_empty() || !wanted.prerelease.is_empty() => {
                compare_prerelease(&version.prerelease, &wanted.prerelease) != Ordering::Equal
            }
            Open::Patch => false,
            _ if wanted.patch != version.patch => true,
            _ => version.compare(wanted) != Ordering::Equal,
        }
    }

    fn greater(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if self.open == Open::Nothing {
            return version.compare(wanted) == Ordering::Greater;
        }
        match (version.major.cmp(&wanted.major), self.open) {
            (Ordering::Greater, _) => true,
            (Ordering::Less, _) | (_, Open::Minor) => false,
            (_, Open::Patch) => version.minor > wanted.minor,
            _ => version.compare(wanted) == Ordering::Greater,
        }
    }

    fn less_or_equal(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if self.open == Open::Nothing {
            return version.compare(wanted) != Ordering::Greater;
        }
        let beyond_minor =
            version.major == wanted.major && version.minor > wanted.minor && self.open != Open::Minor;
        version.major <= wanted.major && !beyond_minor
    }

    fn tilde(&self, version: &Version) -> Result<(), Unmet> {
        let wanted = &self.version;
        self.require(version.compare(wanted) != Ordering::Less, version, "is less than")?;
        let zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0);
        if zero && !matches!(self.open, Open::Minor | Open::Patch) {
            return Ok(());
        }
        self.require(version.major == wanted.major, version, "does not have same major version as")?;
        let minor = version.minor == wanted.minor || self.open == Open::Minor;
        self.require(minor, version, "does not have same major and minor version as")
    }

    fn caret(&self, version: &Version) -> Result<(), Unmet> {
        const SAME_MAJOR: &str = "does not have same major version as";
        let wanted = &self.version;
        self.require(version.compare(wanted) != Ordering::Less, version, "is less than")?;
        if wanted.major > 0 || self.open == Open::Minor {
            return self.require(version.major == wanted.major, version, SAME_MAJOR);
        }
        self.require(version.major == 0, version, SAME_MAJOR)?;
        let unmet = |says: &str, then: &str| Unmet(format!("\"{version}\" {says} \"{}\"{then}", self.text));
        if wanted.minor > 0 || self.open == Open::Patch {
            if version.minor == wanted.minor {
                return Ok(());
            }
            let then = ". Expected minor versions to match when constraint major version is 0";
            return Err(unmet("does not have same minor version as", then));
        }
        self.require(version.minor == 0, version, "does not have same minor version as")?;
        if version.patch == wanted.patch {
            return Ok(());
        }
        let then = ". Expect version and constraint to equal when major and minor versions are 0";
        Err(unmet("does not equal", then))
    }
}

fn only_releases(version: &Version) -> Unmet {
    Unmet(format!(
        "\"{version}\" is a prerelease version and the constraint is only looking for release versions"
    ))
}

fn space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')
}

/// What the original lets a number of a constraint be made of; the bar is there by its mistake.
fn digit(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '|' | 'x' | 'X' | '*')
}

fn operator(text: &str) -> Option<(Operator, &'static str, &str)> {
    const OPERATORS: [(&str, Operator); 12] = [
        ("", Operator::Equal),
        ("=", Operator::Equal),
        ("!=", Operator::NotEqual),
        (">", Operator::Greater),
        ("<", Operator::Less),
        (">=", Operator::GreaterEqual),
        ("=>", Operator::GreaterEqual),
        ("<=", Operator::LessEqual),
        ("=<", Operator::LessEqual),
        ("~", Operator::Tilde),
        ("~>", Operator::Tilde),
        ("^", Operator::Caret),
    ];
    let end = text.find(|c| !matches!(c, '=' | '!' | '<' | '>' | '~' | '^')).unwrap_or(text.len());
    let (written, rest) = text.split_at(end);
    OPERATORS.iter().find(|(known, _)| *known == written).map(|(known, operator)| (*operator, *known, rest))
}

/// `1.2 - 3` becomes `>= 1.2, <= 3`, wherever it stands.
fn rewrite_ranges(text: &str) -> String {
    let mut out = text.to_owned();
    let mut start = 0;
    while let Some(from) = text.get(start..) {
        if let Some((low, high, rest)) = range(from) {
            let whole = from.get(..from.len() - rest.len()).unwrap_or_default();
            out = out.replacen(whole, &format!(">= {low}, <= {high} "), 1);
            start = text.len() - rest.len();
        } else {
            match from.chars().next() {
                Some(next) => start += next.len_utf8(),
                None => break,
            }
        }
    }
    out
}

fn range(text: &str) -> Option<(&str, &str, &str)> {
    let low = Parts::scan(text.trim_start_matches(space), digit)?;
    let dash = low.rest.trim_start_matches(space);
    let high = dash.strip_prefix('-')?;
    let number = high.trim_start_matches(space);
    if dash.len() == low.rest.len() || number.len() == high.len() {
        return None;
    }
    let high = Parts::scan(number, digit)?;
    Some((low.whole, high.whole, high.rest.trim_start_matches(space)))
}
