//! Errors with Go's words, and the parts they are made of, since Helm puts them together in another way.

use std::fmt;

use super::{budget::Exhausted, function::Failure, strconv::quote};

/// Where something is in a template's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name under which the text was parsed: a file, not the `define` within it.
    pub name: String,
    /// The line, from 1.
    pub line: u32,
    /// Bytes before it on that line; errors of the parser do not have it.
    pub column: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.line)?;
        self.column.map_or(Ok(()), |column| write!(f, ":{column}"))
    }
}

/// Why a template was not parsed or not executed.
#[derive(Clone, Debug)]
pub enum Error {
    /// The text is no template.
    Parse {
        /// Where.
        place: Place,
        /// What is wrong.
        message: String,
    },
    /// A template failed. Boxed, since every step of the executor can return one.
    Execute(Box<ExecuteError>),
    /// There is no template of that name.
    NoTemplate {
        /// The name that was asked for.
        name: String,
        /// The name of the set.
        set: String,
    },
}

/// How the execution of a template failed.
#[derive(Clone, Debug)]
pub struct ExecuteError {
    /// Where; nothing where the template is not there at all.
    pub place: Option<Place>,
    /// The template that was executed, by the name of its definition.
    pub template: String,
    /// The source of the node, as the parser understood it.
    pub node: String,
    /// What went wrong there.
    pub why: Why,
}

/// What went wrong at a node.
#[derive(Clone, Debug)]
pub enum Why {
    /// The engine's own words.
    Message(String),
    /// A function failed.
    Call {
        /// Its name.
        function: String,
        /// What it failed with; a template's error where it executed one.
        failure: Failure,
    },
    /// The budget is used up.
    Exhausted(Exhausted),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, Link::Why(self))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, Link::Error(self))
    }
}

impl fmt::Display for ExecuteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, Link::Execute(self))
    }
}

/// What is written next of an error.
pub(super) enum Link<'e> {
    Error(&'e Error),
    Execute(&'e ExecuteError),
    Why(&'e Why),
    Failure(&'e Failure),
}

/// Writes an error and what lies behind it. Each only puts words before the next, so this is a loop: of templates that
/// include each other there may be thousands.
pub(super) fn write_chain(f: &mut fmt::Formatter<'_>, mut link: Link<'_>) -> fmt::Result {
    loop {
        link = match link {
            Link::Error(Error::Parse { place, message }) => return write!(f, "template: {place}: {message}"),
            Link::Error(Error::Execute(error)) => Link::Execute(error),
            Link::Error(Error::NoTemplate { name, set }) => {
                let (name, set) = (quote(name.as_bytes()), quote(set.as_bytes()));
                return write!(f, "template: no template {name} associated with template {set}");
            }
            Link::Execute(ExecuteError { place, template, node, why }) => {
                match place {
                    Some(place) => {
                        let quoted = quote(template.as_bytes());
                        write!(f, "template: {place}: executing {quoted} at <{node}>: ")?;
                    }
                    None => write!(f, "template: {template}: ")?,
                }
                Link::Why(why)
            }
            Link::Why(Why::Message(text)) => return f.write_str(text),
            Link::Why(Why::Exhausted(exhausted)) => return fmt::Display::fmt(exhausted, f),
            Link::Why(Why::Call { function, failure }) => {
                write!(f, "error calling {function}: ")?;
                Link::Failure(failure)
            }
            Link::Failure(Failure::Message(text)) => return f.write_str(text),
            Link::Failure(Failure::Exhausted(exhausted)) => return fmt::Display::fmt(exhausted, f),
            Link::Failure(Failure::Template(error)) => Link::Error(error),
            Link::Failure(Failure::Because { prefix, cause }) => {
                write!(f, "{prefix}: ")?;
                Link::Failure(cause)
            }
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// The template error that lies directly behind this one: where the template that a function executed failed.
    pub fn cause(&self) -> Option<&Self> {
        let Self::Execute(error) = self else { return None };
        let Why::Call { failure, .. } = &error.why else { return None };
        let mut failure = failure;
        loop {
            match failure {
                Failure::Because { cause, .. } => failure = cause,
                Failure::Template(error) => return Some(error),
                Failure::Message(_) | Failure::Exhausted(_) => return None,
            }
        }
    }

    /// The budget's word, where that lies behind it.
    pub fn exhausted(&self) -> Option<&Exhausted> {
        let mut error = self;
        loop {
            let Self::Execute(execute) = error else { return None };
            match &execute.why {
                Why::Exhausted(exhausted) => return Some(exhausted),
                Why::Message(_) => return None,
                Why::Call { failure, .. } => match error.cause() {
                    Some(cause) => error = cause,
                    None => return failure.exhausted(),
                },
            }
        }
    }
}
