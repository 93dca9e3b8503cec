//! How a text is laid out in each style: escapes, and where a line may be folded.

use super::{
    text::{is_break, is_printable},
    writer::Line,
};

/// Lays `text` out as it is. `fold` says that a line may go on below.
pub(super) fn plain(line: &mut Line<'_>, text: &str, indent: usize, fold: bool) {
    line.space();
    if !fold || line.fits(text) {
        line.push(text);
        return;
    }
    // A plain text has no breaks, and no spaces at its ends.
    let mut after_space = false;
    let mut rest = text;
    while let Some(at) = rest.find(' ') {
        let (word, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        line.push(word);
        after_space &= word.is_empty();
        rest = tail.strip_prefix(' ').unwrap_or(tail);
        if !after_space && line.is_over_width() && !rest.starts_with(' ') {
            line.start(indent);
        } else {
            line.push(" ");
        }
        after_space = true;
    }
    line.push(rest);
}

/// Lays `text` out in single quotes.
pub(super) fn single(line: &mut Line<'_>, text: &str, indent: usize, fold: bool) {
    line.space();
    line.push("'");
    let (mut after_space, mut after_break) = (false, false);
    let mut chars = text.chars();
    let mut first = true;
    while let Some(c) = chars.next() {
        let rest = chars.as_str();
        if c == ' ' {
            let inside = !first && !rest.is_empty();
            if fold && !after_space && line.is_over_width() && inside && !rest.starts_with(' ') {
                line.start(indent);
            } else {
                line.push(" ");
            }
            after_space = true;
        } else if is_break(c) {
            line.push_break(c);
            after_break = true;
        } else {
            if after_break {
                line.start(indent);
            }
            match c {
                '\'' => line.push("''"),
                c => line.push(c.encode_utf8(&mut [0; 4])),
            }
            (after_space, after_break) = (false, false);
        }
        first = false;
    }
    line.push("'");
}

/// Lays `text` out in double quotes; everything that is not printable is escaped.
pub(super) fn double(line: &mut Line<'_>, text: &str, indent: usize, fold: bool) {
    line.space();
    line.push("\"");
    // go-yaml asks whether the text begins with a mark of byte order, of every character.
    let escape_all = text.starts_with('\u{feff}');
    let mut after_space = false;
    let mut chars = text.chars();
    let mut first = true;
    while let Some(c) = chars.next() {
        let rest = chars.as_str();
        if escape_all || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
            escape(line, c);
            after_space = false;
        } else if c == ' ' {
            if fold && !after_space && line.is_over_width() && !first && !rest.is_empty() {
                line.start(indent);
                if rest.starts_with(' ') {
                    line.push("\\");
                }
            } else {
                line.push(" ");
            }
            after_space = true;
        } else {
            line.push(c.encode_utf8(&mut [0; 4]));
            after_space = false;
        }
        first = false;
    }
    line.push("\"");
}

/// Lays `text` out as it is on lines of its own.
pub(super) fn literal(line: &mut Line<'_>, text: &str, indent: usize) {
    line.space();
    line.push("|");
    if text.starts_with(|c| c == ' ' || is_break(c)) {
        line.push("2");
    }
    // Without a hint, a reader keeps one break at the end.
    let mut back = text.chars().rev();
    let (last, last_but_one) = (back.next().is_some_and(is_break), back.next());
    if !last {
        line.push("-");
    } else if last_but_one.is_none_or(is_break) {
        line.push("+");
    }
    line.push_break('\n');
    // Among what may stand in a block, only two characters beyond ASCII break lines; without them the search is short.
    let next = if text.is_ascii() { |rest: &str| rest.find('\n') } else { |rest: &str| rest.find(is_break) };
    let mut rest = text;
    while !rest.is_empty() {
        let (content, tail) = rest.split_at_checked(next(rest).unwrap_or(rest.len())).unwrap_or((rest, ""));
        if !content.is_empty() {
            line.start(indent);
            line.push_to_the_end(content);
        }
        let mut tail = tail.chars();
        if let Some(c) = tail.next() {
            line.push_break(c);
        }
        rest = tail.as_str();
    }
    line.end_literal();
}

fn escape(line: &mut Line<'_>, c: char) {
    let name = match c {
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{a0}' => "\\_",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ => {
            let code = u32::from(c);
            let text = match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
            line.push(&text);
            return;
        }
    };
    line.push(name);
}
