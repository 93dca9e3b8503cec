//! Regular expressions as Go's `regexp` reads and runs them.
//!
//! Both are RE2's grammar and leftmost-first matching, so the engine is the `regex` crate; the pattern is translated for
//! it, since it reads classes, escapes and flags otherwise, and says other things about what it refuses. Text is bytes:
//! like Go, a byte that is no UTF-8 counts as one replacement character.

mod expand;
mod translate;

use std::{borrow::Cow, ops::Range};

use regex::bytes;

use crate::{
    limits,
    render::gotemplate::strconv::{can_backquote, quote},
};

pub use translate::Error;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Regexp {
    engine: bytes::Regex,
    /// The name of every group, the whole match included; unnamed ones are empty.
    names: Vec<String>,
    empty: bool,
}

/// Text to search, without bytes that are no UTF-8.
struct Haystack<'t> {
    text: &'t [u8],
    clean: Cow<'t, str>,
    /// Where each byte of `clean` stands in `text`; empty when they are the same.
    offsets: Vec<usize>,
}

impl Regexp {
    /// `regexp.Compile`.
    ///
    /// # Errors
    /// In Go's words.
    pub fn compile(pattern: &[u8]) -> Result<Self, Error> {
        let translated = translate::translate(pattern)?;
        let engine = bytes::RegexBuilder::new(&translated.pattern)
            .size_limit(limits::REGEXP_BYTES)
            .dfa_size_limit(limits::REGEXP_BYTES)
            .nest_limit(limits::REGEXP_DEPTH)
            .build()
            .map_err(|_| Error::large(pattern))?;
        Ok(Self { engine, names: translated.names, empty: pattern.is_empty() })
    }

    /// What `regexp.MustCompile` says when it panics.
    pub fn panic_text(pattern: &[u8], error: &Error) -> Vec<u8> {
        let quoted = match std::str::from_utf8(pattern) {
            Ok(text) if can_backquote(pattern) => format!("`{text}`"),
            _ => quote(pattern),
        };
        [b"regexp: Compile(", quoted.as_bytes(), b"): ", &error.text()].concat()
    }

    /// `MatchString`.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.first(&Haystack::new(text), 0).is_some()
    }

    /// `FindString`: the first match, empty when there is none.
    pub fn find<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let haystack = Haystack::new(text);
        self.first(&haystack, 0).map(|it| haystack.original(&it)).unwrap_or_default()
    }

    /// `FindAllString`: at most `count` matches, all when it is negative.
    pub fn find_all<'t>(&self, text: &'t [u8], count: i64) -> Vec<&'t [u8]> {
        let haystack = Haystack::new(text);
        self.matches(&haystack, count).iter().map(|it| haystack.original(it)).collect()
    }

    /// `Split`: at most `count` pieces, all when it is negative; `None` for none at all.
    pub fn split<'t>(&self, text: &'t [u8], count: i64) -> Option<Vec<&'t [u8]>> {
        if count == 0 {
            return None;
        }
        if !self.empty && text.is_empty() {
            return Some(vec![text]);
        }
        let haystack = Haystack::new(text);
        let mut pieces = Vec::new();
        let (mut start, mut end) = (0, 0);
        for found in self.matches(&haystack, count) {
            if count > 0 && i64::try_from(pieces.len()).is_ok_and(|it| it >= count - 1) {
                break;
            }
            end = found.start;
            if found.end != 0 {
                pieces.push(haystack.original(&(start..end)));
            }
            start = found.end;
        }
        if end != haystack.clean.len() {
            pieces.push(haystack.original(&(start..haystack.clean.len())));
        }
        Some(pieces)
    }

    /// `ReplaceAllString`: `$1` and `${name}` in the replacement stand for groups.
    pub fn replace_all(&self, text: &[u8], replacement: &[u8]) -> Vec<u8> {
        if !replacement.contains(&b'$') {
            return self.replace_all_literal(text, replacement);
        }
        let template = expand::Template::parse(replacement, &self.names);
        let mut locations = self.engine.capture_locations();
        self.replace(text, |haystack, found, out| {
            let searched = haystack.clean.as_bytes();
            // The engine finds the same match again, this time with its groups.
            let _ = self.engine.captures_read_at(&mut locations, searched, found.start);
            template.push(out, |group| {
                let (start, end) = locations.get(group)?;
                Some(haystack.original(&(start..end)))
            });
        })
    }

    /// `ReplaceAllLiteralString`.
    pub fn replace_all_literal(&self, text: &[u8], replacement: &[u8]) -> Vec<u8> {
        self.replace(text, |_, _, out| out.extend_from_slice(replacement))
    }

    fn replace<'t>(
        &self,
        text: &'t [u8],
        mut push: impl FnMut(&Haystack<'t>, &Range<usize>, &mut Vec<u8>),
    ) -> Vec<u8> {
        let haystack = Haystack::new(text);
        let mut out = Vec::with_capacity(text.len());
        let (mut last, mut from) = (0, 0);
        while let Some(found) = self.first(&haystack, from) {
            out.extend_from_slice(haystack.original(&(last..found.start)));
            // An empty match right behind another one is no match.
            if found.end > last || found.start == 0 {
                push(&haystack, &found, &mut out);
            }
            last = found.end;
            let width = haystack.width(from);
            from = if from + width > found.end {
                from + width
            } else if from + 1 > found.end {
                from + 1
            } else {
                found.end
            };
        }
        out.extend_from_slice(haystack.original(&(last..haystack.clean.len())));
        out
    }

    /// The matches one after the other, as Go counts them: none that is empty right behind another one.
    fn matches(&self, haystack: &Haystack<'_>, count: i64) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let (mut from, mut last) = (0, None);
        let most = usize::try_from(count).unwrap_or(usize::MAX);
        while found.len() < most {
            let Some(next) = self.first(haystack, from) else { break };
            let mut accept = true;
            if next.end == from {
                accept = last != Some(next.start);
                from += haystack.width(from).max(1);
            } else {
                from = next.end;
            }
            last = Some(next.end);
            if accept {
                found.push(next);
            }
        }
        found
    }

    /// The first match at or behind `from`.
    fn first(&self, haystack: &Haystack<'_>, from: usize) -> Option<Range<usize>> {
        let mut from = from;
        loop {
            if from > haystack.clean.len() {
                return None;
            }
            let found = self.engine.find_at(haystack.clean.as_bytes(), from)?.range();
            // `\B` holds between the bytes of one character, where Go never looks.
            if haystack.clean.is_char_boundary(found.start) {
                return Some(found);
            }
            from = found.start + 1;
        }
    }
}

impl<'t> Haystack<'t> {
    fn new(text: &'t [u8]) -> Self {
        if let Ok(clean) = std::str::from_utf8(text) {
            return Self { text, clean: Cow::Borrowed(clean), offsets: Vec::new() };
        }
        let (mut clean, mut offsets, mut at) = (String::with_capacity(text.len()), Vec::new(), 0);
        for chunk in text.utf8_chunks() {
            clean.push_str(chunk.valid());
            offsets.extend(at..at + chunk.valid().len());
            at += chunk.valid().len();
            for _ in chunk.invalid() {
                clean.push(char::REPLACEMENT_CHARACTER);
                offsets.extend([at; char::REPLACEMENT_CHARACTER.len_utf8()]);
                at += 1;
            }
        }
        offsets.push(at);
        Self { text, clean: Cow::Owned(clean), offsets }
    }

    /// The bytes that were searched, as they were given.
    fn original(&self, range: &Range<usize>) -> &'t [u8] {
        let offset =
            |at: usize| if self.offsets.is_empty() { Some(at) } else { self.offsets.get(at).copied() };
        offset(range.start)
            .zip(offset(range.end))
            .and_then(|(start, end)| self.text.get(start..end))
            .unwrap_or_default()
    }

    fn width(&self, at: usize) -> usize {
        self.clean.get(at..).and_then(|it| it.chars().next()).map_or(0, char::len_utf8)
    }
}

/// `regexp.QuoteMeta`.
pub fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}
