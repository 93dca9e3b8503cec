//! Lines of hyphens between documents.

use memchr::memmem;

use crate::render::gotemplate::strconv::decode;

/// The documents of a text, without spaces before them; what ends the last one stays.
///
/// What stands behind the hyphens belongs to the next document, even on the same line, and of two lines of hyphens that
/// follow each other the second is text.
pub fn split(text: &[u8]) -> Vec<&[u8]> {
    let text = trim_start(text);
    let mut documents = Vec::new();
    let keep = |document: &[u8]| {
        let document = trim_start(document);
        // Spaces alone are no document.
        (!document.is_empty()).then_some(document.len())
    };
    let mut start = 0;
    if text.starts_with(b"---") {
        start = after_spaces(text, 3);
    }
    let mut at = start;
    while let Some(end) = next(text, at) {
        let mut before = end;
        while before > at && text.get(before - 1).copied().is_some_and(space) {
            before -= 1;
        }
        let document = text.get(start..before).unwrap_or(&[]);
        if let Some(len) = keep(document) {
            documents.extend(document.get(document.len() - len..));
        }
        start = after_spaces(text, end + 4);
        at = start;
    }
    let document = text.get(start..).unwrap_or(&[]);
    if let Some(len) = keep(document) {
        documents.extend(document.get(document.len() - len..));
    }
    documents
}

/// The next line end, from `at` on, that hyphens follow.
fn next(text: &[u8], at: usize) -> Option<usize> {
    Some(at + memmem::find(text.get(at..)?, b"\n---")?)
}

/// What a regular expression calls a space.
fn space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn after_spaces(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or(&[]);
    at.min(text.len()) + rest.iter().take_while(|byte| space(**byte)).count()
}

/// The text without what Unicode calls a space at its beginning.
pub(in crate::render::helm) fn trim_start(mut text: &[u8]) -> &[u8] {
    loop {
        let (rune, len) = decode(text);
        let is_space = char::from_u32(rune).is_some_and(char::is_whitespace);
        match text.get(len..) {
            Some(rest) if is_space && len > 0 => text = rest,
            _ => return text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        let found: Vec<&str> =
            split(text.as_bytes()).into_iter().map(|it| std::str::from_utf8(it).unwrap()).collect();
        assert_eq!(found, expect, "{text:?}");
    }

    #[test]
    fn hyphens_separate_and_spaces_go() {
        check("", &[]);
        check(" \n\t", &[]);
        check("a: 1", &["a: 1"]);
        check("---\na: 1\n\n", &["a: 1\n\n"]);
        check("a: 1\n\n---\nb: 2\n", &["a: 1", "b: 2\n"]);
        check("---\n---\na: 1", &["---\na: 1"]);
        check("---a: 1\n---b: 2", &["a: 1", "b: 2"]);
        check("a: 1\n--- # c\nb: 2", &["a: 1", "# c\nb: 2"]);
        check("a: x---y\n ---\nb: 2", &["a: x---y\n ---\nb: 2"]);
        check("\u{a0}\n---\na: 1\r\n---\r\nb: 2", &["a: 1", "b: 2"]);
        check("---\n\n---\n \n---\na: 1", &["---", "a: 1"]);
    }
}
