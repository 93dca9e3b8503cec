//! Snake, kebab and Pascal case after huandu/xstrings.

use super::{
    super::unicode::{is_letter, is_number, is_punct, is_space, is_upper, to_lower, to_upper},
    runes,
};

/// `xstrings.ToSnakeCase`.
pub(in super::super) fn snake(text: &[u8]) -> Vec<u8> {
    connected(text, '_')
}

/// `xstrings.ToKebabCase`.
pub(in super::super) fn kebab(text: &[u8]) -> Vec<u8> {
    connected(text, '-')
}

/// `xstrings.ToPascalCase`.
pub(in super::super) fn pascal(text: &[u8]) -> Vec<u8> {
    let mut out = String::with_capacity(text.len());
    let mut rest = runes(text).map(|(rune, _)| rune).peekable();
    // Connectors in front stay.
    let mut last = loop {
        match rest.next() {
            None => return out.into_bytes(),
            Some(rune) if !is_connector(rune) => break rune,
            Some(rune) if rest.peek().is_none() => {
                // The original writes a connector that is all of the text, or its last rune, twice.
                out.push(rune);
                out.push(rune);
                return out.into_bytes();
            }
            Some(rune) => out.push(rune),
        }
    };
    let mut after_upper = is_upper(last);
    last = to_upper(last);
    for mut rune in rest {
        let before = last;
        if is_connector(rune) && is_connector(before) {
            out.push(before);
            last = rune;
            continue;
        }
        if is_connector(before) {
            after_upper = is_upper(rune);
            rune = to_upper(rune);
        } else {
            if after_upper {
                if is_upper(rune) {
                    rune = to_lower(rune);
                } else {
                    after_upper = false;
                }
            }
            out.push(before);
        }
        last = rune;
    }
    out.push(last);
    out.into_bytes()
}

fn is_connector(rune: char) -> bool {
    rune == '-' || rune == '_' || is_space(rune)
}

/// A letter that is no ideograph, by the blocks that the original names.
fn is_alphabet(rune: char) -> bool {
    let ideograph =
        matches!(rune, '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}');
    is_letter(rune) && !ideograph
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Invalid,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punct,
    Other,
}

/// The text in lower case with `connector` between its words.
fn connected(text: &[u8], connector: char) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    let push = |out: &mut Vec<u8>, kind: Word, word: &[u8]| push_lower(out, kind, word, connector);
    let mut encoded = [0; 4];
    let connector_bytes = connector.encode_utf8(&mut encoded).as_bytes();
    let (mut kind, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if kind != Word::Connector {
            push(&mut out, kind, word);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Word::Number => {
                while matches!(kind, Word::Alphabet | Word::Number) {
                    push(&mut out, kind, word);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Word::Invalid | Word::Punct | Word::Connector) {
                    out.extend_from_slice(connector_bytes);
                }
            }
            Word::Connector => push(&mut out, before, last),
            Word::Punct => (),
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punct) {
                    out.extend_from_slice(connector_bytes);
                }
            }
            _ if rest.is_empty() => (),
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                // A number belongs to the word before it, unless letters in lower case follow.
                if kind != Word::Alphabet {
                    push(&mut out, Word::Number, number);
                    if !matches!(kind, Word::Connector | Word::Punct) {
                        out.extend_from_slice(connector_bytes);
                    }
                    continue;
                }
                out.extend_from_slice(connector_bytes);
                push(&mut out, Word::Number, number);
                while matches!(kind, Word::Alphabet | Word::Number) {
                    push(&mut out, kind, word);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Word::Invalid | Word::Connector | Word::Punct) {
                    out.extend_from_slice(connector_bytes);
                }
            }
        }
    }
    push(&mut out, kind, word);
    out
}

/// The next rune that is UTF-8 and the bytes up to its end; what comes before it belongs to the same word.
fn next_valid(text: &[u8]) -> Option<(char, usize)> {
    let mut size = 0;
    for (rune, width) in runes(text) {
        size += width;
        if rune != char::REPLACEMENT_CHARACTER {
            return Some((rune, size));
        }
    }
    None
}

fn next_word(text: &[u8]) -> (Word, &[u8], &[u8]) {
    if text.is_empty() {
        return (Word::Invalid, text, text);
    }
    let Some((first, size)) = next_valid(text) else {
        return (Word::Invalid, text, &[]);
    };
    // Bytes that are no UTF-8 at the end of the text go with whatever stands before them.
    let run = |from: usize, inside: &dyn Fn(char) -> bool| {
        let mut at = from;
        while let Some(rest) = text.get(at..).filter(|it| !it.is_empty()) {
            match next_valid(rest) {
                Some((rune, size)) if inside(rune) => at += size,
                None => at = text.len(),
                Some(_) => break,
            }
        }
        at
    };
    let small = |rune: char| is_alphabet(rune) && !is_upper(rune);
    let (kind, end) = if is_connector(first) {
        (Word::Connector, run(size, &is_connector))
    } else if is_punct(first) {
        (Word::Punct, run(size, &is_punct))
    } else if is_upper(first) {
        (Word::Upper, upper_word(text, size, &run))
    } else if is_alphabet(first) {
        (Word::Alphabet, run(size, &small))
    } else if is_number(first) {
        (Word::Number, run(size, &is_number))
    } else {
        let other =
            |rune: char| !is_connector(rune) && !is_alphabet(rune) && !is_number(rune) && !is_punct(rune);
        (Word::Other, run(size, &other))
    };
    let (word, rest) = text.split_at(end.min(text.len()));
    (kind, word, rest)
}

/// Where the runes end that something holds of, from a place on.
type Run<'r> = dyn Fn(usize, &dyn Fn(char) -> bool) -> usize + 'r;

/// `HTTPStatus` is `HTTP` and `Status`, so the last capital before a small letter begins the next word.
fn upper_word(text: &[u8], first: usize, run: &Run<'_>) -> usize {
    let Some((second, _)) = text.get(first..).and_then(next_valid) else { return run(first, &is_upper) };
    if is_upper(second) {
        let (mut end, mut last) = (first, 0);
        loop {
            match text.get(end..).filter(|it| !it.is_empty()).map(next_valid) {
                Some(Some((rune, size))) if is_upper(rune) => (end, last) = (end + size, size),
                // Bytes that are no UTF-8 belong to the capital that they precede, or to the word that they end.
                Some(Some((rune, _))) if is_alphabet(rune) => return end - last,
                Some(None) => return text.len(),
                _ => return end,
            }
        }
    }
    if is_alphabet(second) {
        return run(first, &|rune| is_alphabet(rune) && !is_upper(rune));
    }
    first
}

fn push_lower(out: &mut Vec<u8>, kind: Word, word: &[u8], connector: char) {
    if !matches!(kind, Word::Upper | Word::Connector) {
        out.extend_from_slice(word);
        return;
    }
    let mut text = String::with_capacity(word.len());
    for (rune, _) in runes(word) {
        text.push(if is_connector(rune) { connector } else { to_lower(rune) });
    }
    out.extend_from_slice(text.as_bytes());
}
