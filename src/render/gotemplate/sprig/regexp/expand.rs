//! The templates of replacements: `$1`, `$name`, `${name}`, `$$`.

use super::super::unicode::{is_digit, is_letter};

/// A replacement, read once.
pub(super) struct Template<'t> {
    pieces: Vec<Piece<'t>>,
}

enum Piece<'t> {
    Text(&'t [u8]),
    /// The groups that a name or number may mean; the first that takes part in the match counts.
    Groups(Vec<usize>),
}

impl<'t> Template<'t> {
    /// Reads a replacement; `names` are those of the groups.
    pub(super) fn parse(template: &'t [u8], names: &[String]) -> Self {
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some(dollar) = rest.iter().position(|it| *it == b'$') {
            let (text, from) = rest.split_at(dollar);
            pieces.push(Piece::Text(text));
            let (sign, after) = from.split_at(1);
            rest = after;
            if let Some(after) = rest.strip_prefix(b"$") {
                pieces.push(Piece::Text(sign));
                rest = after;
            } else if let Some((name, after)) = reference(rest) {
                pieces.push(Piece::Groups(groups(name, names)));
                rest = after;
            } else {
                // What is no reference is text, the sign included.
                pieces.push(Piece::Text(sign));
            }
        }
        pieces.push(Piece::Text(rest));
        Self { pieces }
    }

    /// Appends the replacement; `group` gives what a group matched.
    pub(super) fn push<'m>(&self, out: &mut Vec<u8>, group: impl Fn(usize) -> Option<&'m [u8]>) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Groups(groups) => {
                    out.extend_from_slice(groups.iter().find_map(|it| group(*it)).unwrap_or_default());
                }
            }
        }
    }
}

/// The name that `text` begins with, with or without braces, and what follows.
fn reference(text: &[u8]) -> Option<(&str, &[u8])> {
    let (braces, text) = match text.strip_prefix(b"{") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let valid = text.utf8_chunks().next().map(|it| it.valid()).unwrap_or_default();
    let end = valid.find(|c| !is_letter(c) && !is_digit(c) && c != '_').unwrap_or(valid.len());
    let name = valid.get(..end).filter(|it| !it.is_empty())?;
    let rest = text.get(end..)?;
    let rest = if braces { rest.strip_prefix(b"}")? } else { rest };
    Some((name, rest))
}

fn groups(name: &str, names: &[String]) -> Vec<usize> {
    let number = name.bytes().all(|it| it.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    // Beyond nine digits the original takes it for a name.
    if number && name.len() <= 9 {
        return name.parse().into_iter().collect();
    }
    names.iter().enumerate().filter(|(_, it)| *it == name).map(|(at, _)| at).collect()
}
