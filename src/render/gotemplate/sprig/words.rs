//! Words and letters: what Go's `strings`, Masterminds/goutils 1.1.1 and huandu/xstrings 1.5.0 do to text.
//!
//! Text is bytes. Where the originals go rune by rune, a byte that is no UTF-8 becomes U+FFFD; where they go byte by
//! byte and take each for a rune, so does this.

mod case;

use std::iter;

use super::unicode::{
    is_digit, is_letter, is_lower, is_space, is_title, is_upper, to_lower, to_title, to_upper,
};

pub(super) use case::{kebab, pascal, snake};

/// The runes of a text with the number of their bytes.
pub(super) fn runes(text: &[u8]) -> impl Iterator<Item = (char, usize)> {
    text.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(|c| (c, c.len_utf8()));
        valid.chain(iter::repeat_n((char::REPLACEMENT_CHARACTER, 1), chunk.invalid().len()))
    })
}

/// `strings.Map`.
pub(super) fn map(text: &[u8], mut change: impl FnMut(char) -> char) -> Vec<u8> {
    let mut out = String::with_capacity(text.len());
    out.extend(runes(text).map(|(rune, _)| change(rune)));
    out.into_bytes()
}

/// `strings.ToUpper`.
pub(super) fn upper(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() { text.to_ascii_uppercase() } else { map(text, to_upper) }
}

/// `strings.ToLower`.
pub(super) fn lower(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() { text.to_ascii_lowercase() } else { map(text, to_lower) }
}

/// `strings.Title`.
pub(super) fn title(text: &[u8]) -> Vec<u8> {
    let mut before = ' ';
    map(text, |rune| {
        let starts = match before {
            '_' => false,
            c if c.is_ascii() => !c.is_ascii_alphanumeric(),
            c => !is_letter(c) && !is_digit(c) && is_space(c),
        };
        before = rune;
        if starts { to_title(rune) } else { rune }
    })
}

/// `goutils.Uncapitalize`.
pub(super) fn untitle(text: &[u8]) -> Vec<u8> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut starts = true;
    map(text, |rune| {
        let was = starts;
        starts = is_space(rune);
        if was && !starts { to_lower(rune) } else { rune }
    })
}

/// `goutils.SwapCase`: the first letter of a word gets title case.
pub(super) fn swap_case(text: &[u8]) -> Vec<u8> {
    let mut after_space = true;
    map(text, |rune| {
        if is_upper(rune) || is_title(rune) {
            after_space = false;
            to_lower(rune)
        } else if is_lower(rune) {
            let first = after_space;
            after_space = false;
            if first { to_title(rune) } else { to_upper(rune) }
        } else {
            after_space = is_space(rune);
            rune
        }
    })
}

/// `goutils.Initials`, which takes bytes for runes.
pub(super) fn initials(text: &[u8]) -> Vec<u8> {
    let mut after_space = true;
    let mut out = String::new();
    for rune in text.iter().map(|it| char::from(*it)) {
        if is_space(rune) {
            after_space = true;
        } else if after_space {
            out.push(rune);
            after_space = false;
        }
    }
    out.into_bytes()
}

/// `goutils.DeleteWhiteSpace`, which takes bytes for runes as soon as it finds one to delete.
pub(super) fn delete_space(text: &[u8]) -> Vec<u8> {
    if !text.iter().any(|it| is_space(char::from(*it))) {
        return text.to_vec();
    }
    let kept = text.iter().map(|it| char::from(*it)).filter(|it| !is_space(*it));
    kept.collect::<String>().into_bytes()
}

/// `goutils.AbbreviateFull`; empty where the original gives an error that Sprig drops.
pub(super) fn abbreviate(text: &[u8], offset: i64, width: i64) -> Vec<u8> {
    const DOTS: &[u8] = b"...";
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let part = |from: i64, to: i64| {
        let at = |it: i64| usize::try_from(it).unwrap_or(0).min(text.len());
        text.get(at(from)..at(to)).unwrap_or_default()
    };
    if text.is_empty() || width < 4 {
        return Vec::new();
    }
    if length <= width {
        return text.to_vec();
    }
    let mut offset = offset.min(length);
    if length.wrapping_sub(offset) < width - 3 {
        offset = length - (width - 3);
    }
    if offset <= 4 {
        return [part(0, width - 3), DOTS].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + width - 3 < length {
        return [DOTS, &abbreviate(part(offset, length), 0, width - 3)].concat();
    }
    [DOTS, part(length - (width - 3), length)].concat()
}

/// `goutils.WrapCustom`: lines of at most so many bytes, broken at spaces; longer words are cut when `cut` is set.
pub(super) fn wrap(text: &[u8], width: i64, separator: &[u8], cut: bool) -> Vec<u8> {
    let separator = if separator.is_empty() { b"\n" } else { separator };
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while rest.len() > width {
        if let Some(after) = rest.strip_prefix(b" ") {
            rest = after;
            continue;
        }
        let window = rest.get(..=width).unwrap_or(rest);
        let space = window.iter().rposition(|it| *it == b' ');
        let (line, skip) = match space {
            Some(space) => (space, 1),
            None if cut => (width, 0),
            None => {
                let behind = rest.get(width..).unwrap_or_default();
                match behind.iter().position(|it| *it == b' ') {
                    Some(space) => (width + space, 1),
                    None => {
                        out.extend_from_slice(rest);
                        return out;
                    }
                }
            }
        };
        let (line, after) = rest.split_at(line.min(rest.len()));
        out.extend_from_slice(line);
        out.extend_from_slice(separator);
        rest = after.get(skip..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// `strings.TrimSpace`.
pub(super) fn trim_space(text: &[u8]) -> &[u8] {
    trim(text, is_space)
}

/// `strings.Trim`: of the given runes.
pub(super) fn trim_all<'t>(text: &'t [u8], cutset: &[u8]) -> &'t [u8] {
    let cutset: Vec<char> = runes(cutset).map(|(rune, _)| rune).collect();
    trim(text, |rune| cutset.contains(&rune))
}

fn trim(text: &[u8], cut: impl Fn(char) -> bool) -> &[u8] {
    let start: usize = runes(text).take_while(|(rune, _)| cut(*rune)).map(|(_, width)| width).sum();
    let rest = text.get(start..).unwrap_or_default();
    let (mut end, mut at) = (0, 0);
    for (rune, width) in runes(rest) {
        at += width;
        if !cut(rune) {
            end = at;
        }
    }
    rest.get(..end).unwrap_or_default()
}

/// Where `needle` stands first.
pub(super) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    match needle {
        [] => Some(0),
        [byte] => text.iter().position(|it| it == byte),
        _ => text.windows(needle.len()).position(|it| it == needle),
    }
}

/// `strings.SplitN`; a negative count splits everywhere, and `None` is the nil that a count of zero gives.
pub(super) fn split<'t>(text: &'t [u8], separator: &[u8], count: i64) -> Option<Vec<&'t [u8]>> {
    let most = match count {
        0 => return None,
        count => usize::try_from(count).unwrap_or(usize::MAX),
    };
    let mut parts = Vec::new();
    let mut rest = text;
    if separator.is_empty() {
        for (_, width) in runes(text) {
            if parts.len() + 1 == most {
                break;
            }
            let (rune, after) = rest.split_at(width);
            parts.push(rune);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(rest);
        }
        return Some(parts);
    }
    while parts.len() + 1 < most {
        let Some(at) = find(rest, separator) else { break };
        let (part, after) = rest.split_at(at);
        parts.push(part);
        rest = after.get(separator.len()..).unwrap_or_default();
    }
    parts.push(rest);
    Some(parts)
}

/// `strings.ReplaceAll`.
pub(super) fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    if old.is_empty() {
        out.extend_from_slice(new);
        for (_, width) in runes(text) {
            let (rune, after) = rest.split_at(width);
            out.extend_from_slice(rune);
            out.extend_from_slice(new);
            rest = after;
        }
        return out;
    }
    while let Some(at) = find(rest, old) {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before);
        out.extend_from_slice(new);
        rest = after.get(old.len()..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}
