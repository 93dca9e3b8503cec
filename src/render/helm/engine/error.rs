//! What Helm 4 makes of a template's error: where it happened, in which template, and what, line by line.

use super::functions::{END, START};
use crate::render::{
    gotemplate::{Error as Failed, Failure, Why},
    helm::Error,
};

/// A template that is none.
pub(super) fn parse(path: &str, failed: &Failed) -> Error {
    let text = failed.to_string();
    let tokens: Vec<&str> = text.split(": ").collect();
    Error::Template(match (tokens.get(1), tokens.last()) {
        (Some(place), Some(message)) => format!("parse error at ({place}): {message}"),
        _ => format!("parse error in ({path}): {text}"),
    })
}

/// A template that fails.
pub(super) fn execute(path: &str, failed: &Failed) -> Error {
    if let Some(exhausted) = failed.exhausted() {
        return Error::Limit(format!("{path}: {exhausted}: {failed}"));
    }
    let text = failed.to_string();
    let mut tokens = text.splitn(3, ": ");
    let (Some(_), Some(place), Some(rest)) = (tokens.next(), tokens.next(), tokens.next()) else {
        return Error::Template(format!("execution error in ({path}): {text}"));
    };
    if let Some(message) = said(rest) {
        return Error::Template(format!("execution error at ({place}): {message}"));
    }
    Error::Template(trace(failed).unwrap_or(text))
}

/// What the chart's author says with `fail` or `required`.
fn said(text: &str) -> Option<&str> {
    let (_, after) = text.split_once(START)?;
    let (message, _) = after.rsplit_once(END)?;
    Some(message)
}

/// A level of the chain of templates that led to the failure.
#[derive(PartialEq)]
struct Level<'a> {
    place: &'a str,
    executing: String,
    message: &'a str,
}

/// The chain, if each of its levels is a template's.
fn trace(failed: &Failed) -> Option<String> {
    let mut texts = Vec::new();
    let mut at = Some(failed);
    while let Some(error) = at {
        texts.push(error.to_string());
        at = match error {
            Failed::Execute(execute) => match &execute.why {
                Why::Call { failure: Failure::Template(cause), .. } => Some(cause),
                // The error of a function has no place, and with it the original gives up.
                Why::Call { .. } => return None,
                Why::Message(_) | Why::Exhausted(_) => None,
            },
            Failed::Parse { .. } | Failed::NoTemplate { .. } => None,
        };
    }
    let mut levels: Vec<Level<'_>> = Vec::new();
    for text in &texts {
        let level = level(text)?;
        if levels.last() != Some(&level) {
            levels.push(level);
        }
    }
    let mut out = String::new();
    for Level { place, executing, message } in levels {
        for (text, end) in [(place, "\n  "), (executing.as_str(), "\n    "), (message, "\n")] {
            if !text.is_empty() {
                out.push_str(text);
                out.push_str(end);
            }
        }
    }
    Some(out.trim().to_owned())
}

/// Takes a text apart as the original does, which knows no more than the text.
fn level(text: &str) -> Option<Level<'_>> {
    let rest = text.strip_prefix("template: ")?;
    if rest.starts_with("no template ") {
        return Some(Level { place: "", executing: String::new(), message: text });
    }
    executing(rest).or_else(|| {
        let (place, message) = rest.rsplit_once(": ")?;
        Some(Level { place, executing: String::new(), message: cut(message) })
    })
}

fn executing(rest: &str) -> Option<Level<'_>> {
    let (place, after) = rest.split_once(": executing ")?;
    let (name, after) = after.strip_prefix('"')?.split_once('"')?;
    let (node, message) = after.strip_prefix(" at <")?.split_once(">: ")?;
    Some(Level { place, executing: format!("executing \"{name}\" at <{node}>:"), message: cut(message) })
}

/// The message without the next level's.
fn cut(message: &str) -> &str {
    message.split_once(" template:").map_or(message, |(message, _)| message)
}
