//! What kind of thing went wrong. The class alone picks retry, condition reason and exit code.

/// The class of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

#[cfg(test)]
mod tests {
    use super::*;

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
