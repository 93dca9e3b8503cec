//! Regular expressions as Go reads them: RE2's grammar, in which classes like `\d` are ASCII and a brace that counts
//! nothing is text.

use std::iter::Peekable;

use regex::{Regex, RegexBuilder};

use super::Error;
use crate::limits;

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// Exactly this text: most selectors have nothing special in them.
    Text(String),
    Expression(Regex),
}

impl Pattern {
    /// An expression that must match from the beginning to the end.
    pub(super) fn whole(pattern: &str) -> Result<Self, Error> {
        if pattern.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | ':' | ' ')) {
            return Ok(Self::Text(pattern.to_owned()));
        }
        Self::new(&format!("^(?:{pattern})$"))
    }

    /// An expression that may match anywhere.
    pub(super) fn new(pattern: &str) -> Result<Self, Error> {
        let translated = translate(pattern);
        let expression = RegexBuilder::new(&translated).size_limit(limits::KUSTOMIZE_PATTERN_BYTES).build();
        expression.map(Self::Expression).map_err(|error| Error::new(complaint(pattern, &error)))
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Text(wanted) => wanted == text,
            Self::Expression(expression) => expression.is_match(text),
        }
    }
}

/// The same expression for the `regex` crate.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, false, &mut out),
            '[' => class(&mut chars, &mut out),
            '{' if !counts(&mut chars.clone()) => out.push_str("\\{"),
            c => out.push(c),
        }
    }
    out
}

type Chars<'p> = Peekable<std::str::Chars<'p>>;

fn escape(chars: &mut Chars<'_>, in_class: bool, out: &mut String) {
    let Some(c) = chars.next() else {
        out.push('\\');
        return;
    };
    let ascii = match c {
        'd' => Some(("0-9", false)),
        'D' => Some(("0-9", true)),
        'w' => Some(("0-9A-Za-z_", false)),
        'W' => Some(("0-9A-Za-z_", true)),
        's' => Some(("\\t\\n\\f\\r ", false)),
        'S' => Some(("\\t\\n\\f\\r ", true)),
        _ => None,
    };
    match (c, ascii) {
        (_, Some((set, false))) if in_class => out.push_str(set),
        (_, Some((set, negated))) => {
            out.push_str(if negated { "[^" } else { "[" });
            out.push_str(set);
            out.push(']');
        }
        ('b', None) if !in_class => out.push_str("(?-u:\\b)"),
        ('Q', None) if !in_class => {
            let mut text = String::new();
            while let Some(c) = chars.next() {
                if c == '\\' && chars.peek() == Some(&'E') {
                    chars.next();
                    break;
                }
                text.push(c);
            }
            out.push_str(&regex::escape(&text));
        }
        // A word's start and end to the crate, a character to Go.
        ('<' | '>', None) => out.push(c),
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
}

fn class(chars: &mut Chars<'_>, out: &mut String) {
    out.push('[');
    if chars.peek() == Some(&'^') {
        out.extend(chars.next());
    }
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            ']' if !first => {
                out.push(']');
                return;
            }
            ']' => out.push_str("\\]"),
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' => out.push_str("\\["),
            '\\' => escape(chars, true, out),
            // Two of them are an operation on sets to the crate.
            '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '-' if first || chars.peek() == Some(&']') => out.push_str("\\-"),
            c => out.push(c),
        }
        first = false;
    }
}

/// Whether what follows a brace is `n}`, `n,}` or `n,m}`.
fn counts(chars: &mut Chars<'_>) -> bool {
    let mut text = String::new();
    for c in chars {
        match c {
            '}' => {
                let (low, high) = text.split_once(',').unwrap_or((&text, "0"));
                let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                return !low.is_empty() && digits(low) && digits(high);
            }
            '0'..='9' | ',' => text.push(c),
            _ => return false,
        }
    }
    false
}

/// What Go says of an expression that it does not take, for the mistakes that are made.
fn complaint(pattern: &str, error: &regex::Error) -> String {
    let last_open = || pattern.rfind('[').and_then(|at| pattern.get(at..)).unwrap_or(pattern);
    let (what, part) = match error {
        regex::Error::CompiledTooBig(_) => ("expression too large", pattern),
        regex::Error::Syntax(text) if text.contains("unclosed character class") => {
            ("missing closing ]", last_open())
        }
        regex::Error::Syntax(text) if text.contains("unclosed group") => ("missing closing )", pattern),
        regex::Error::Syntax(text) if text.contains("unopened group") => ("unexpected )", pattern),
        regex::Error::Syntax(text) if text.contains("repetition operator missing expression") => {
            let operator = pattern.find(['*', '+', '?']).and_then(|at| pattern.get(at..=at));
            ("missing argument to repetition operator", operator.unwrap_or(pattern))
        }
        _ => ("invalid expression", pattern),
    };
    format!("error parsing regexp: {what}: `{part}`")
}
