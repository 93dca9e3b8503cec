//! What kind of thing went wrong. The class alone picks retry, condition reason and exit code.

use serde::{Deserialize, Serialize};

/// The class of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A rule said no: a signature, a floor, an audience, a guard. Trying again changes nothing.
    Denied,
    /// The input is wrong. Someone must change it.
    Invalid,
    /// Something that is needed is not here yet: a disc, a dependency, a server. Trying again may help.
    Unavailable,
    /// Someone else changed the same thing at the same time. Trying again at once helps.
    Conflict,
    /// The machine failed us: a disk, a full volume, a permission.
    System,
    /// We were wrong.
    Bug,
}

/// What to do about a fault, as a function of its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before the input changes.
    OnChange,
    /// With a growing delay.
    Backoff,
    /// At once.
    Now,
}

impl Class {
    /// When the same thing is tried again.
    pub fn retry(self) -> Retry {
        match self {
            Self::Denied | Self::Invalid | Self::Bug => Retry::OnChange,
            Self::Unavailable | Self::System => Retry::Backoff,
            Self::Conflict => Retry::Now,
        }
    }

    /// The process' exit code. 2 is left to clap, which uses it for a wrong command line.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::System => 1,
            Self::Denied => 3,
            Self::Invalid => 4,
            Self::Unavailable => 5,
            Self::Conflict => 6,
            Self::Bug => 70,
        }
    }

    /// The reason of a condition, in the form that Kubernetes asks for.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Denied => "Denied",
            Self::Invalid => "Invalid",
            Self::Unavailable => "Unavailable",
            Self::Conflict => "Conflict",
            Self::System => "SystemError",
            Self::Bug => "InternalError",
        }
    }
}

/// An error that an operator can act on.
///
/// `Display` is the one sentence that names the thing; it never repeats its `source`.
pub trait Fault: std::error::Error {
    /// A stable name: `rollback`, `audience`, `tampered`. Scripts match on it, so it never changes.
    fn code(&self) -> &'static str;

    /// The class.
    fn class(&self) -> Class;

    /// The next step, where there is one.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// A fault in a form that travels: over the agent's socket, into a receipt, onto the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{error}")]
pub struct Report {
    /// The stable name.
    pub code: String,
    /// The class.
    pub class: Class,
    /// The one sentence.
    pub error: String,
    /// What lies behind it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// The next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Report {
    /// Writes down a fault and what lies behind it.
    pub fn of(fault: &dyn Fault) -> Self {
        let mut because = Vec::new();
        let mut source = fault.source();
        while let Some(error) = source {
            because.push(error.to_string());
            source = error.source();
        }
        let (code, class) = (fault.code().to_owned(), fault.class());
        Self { code, class, error: fault.to_string(), because, hint: fault.hint() }
    }

    /// Writes down several faults.
    pub fn each<'a, F: Fault + 'a>(faults: impl IntoIterator<Item = &'a F>) -> Vec<Self> {
        faults.into_iter().map(|fault| Self::of(fault)).collect()
    }

    /// Several reports as one: the first, with the others behind it.
    pub fn all_of(mut reports: Vec<Self>) -> Self {
        let rest: Vec<String> = reports.iter().skip(1).map(|it| it.error.clone()).collect();
        match reports.is_empty() {
            true => Self::new("refused", Class::Bug, "refused without a reason", None),
            false => {
                let mut first = reports.swap_remove(0);
                first.because.extend(rest);
                first
            }
        }
    }

    /// A fault that is known only by its parts.
    pub fn new(code: &str, class: Class, error: impl Into<String>, hint: Option<&str>) -> Self {
        let hint = hint.map(str::to_owned);
        Self { code: code.to_owned(), class, error: error.into(), because: Vec::new(), hint }
    }
}

impl<F: Fault> From<F> for Report {
    fn from(fault: F) -> Self {
        Self::of(&fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_reports_are_told_as_one() {
        let report = |text: &str| Report::new("x", Class::Denied, text, None);
        let told = Report::all_of(vec![report("a"), report("b"), report("c")]);
        assert_eq!((told.error.as_str(), told.because), ("a", vec!["b".to_owned(), "c".to_owned()]));
    }

    #[test]
    fn exit_codes_are_distinct_and_none_is_claps() {
        let all =
            [Class::Denied, Class::Invalid, Class::Unavailable, Class::Conflict, Class::System, Class::Bug];
        let mut codes: Vec<u8> = all.iter().map(|class| class.exit_code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all.len());
        assert!(!codes.contains(&0) && !codes.contains(&2));
    }
}
