//! Runes as Go's `unicode` package sorts and changes them: one rune to one rune, whatever Unicode's full mappings say.

mod tables;

use crate::render::gotemplate::strconv;
use tables::{ALIASES, ALTERNATES, CASES, CATEGORIES, LOWER, NUMBER, PUNCT, SCRIPTS, TITLE, UPPER};

/// `unicode.IsUpper`.
pub(crate) fn is_upper(rune: char) -> bool {
    if rune.is_ascii() { rune.is_ascii_uppercase() } else { within(UPPER, rune) }
}

/// `unicode.IsLower`.
pub(crate) fn is_lower(rune: char) -> bool {
    if rune.is_ascii() { rune.is_ascii_lowercase() } else { within(LOWER, rune) }
}

/// `unicode.IsTitle`.
pub(crate) fn is_title(rune: char) -> bool {
    within(TITLE, rune)
}

/// `unicode.IsLetter`.
pub(crate) fn is_letter(rune: char) -> bool {
    strconv::is_letter(u32::from(rune))
}

/// `unicode.IsDigit`.
pub(crate) fn is_digit(rune: char) -> bool {
    strconv::is_digit(u32::from(rune))
}

/// `unicode.IsNumber`.
pub(crate) fn is_number(rune: char) -> bool {
    if rune.is_ascii() { rune.is_ascii_digit() } else { within(NUMBER, rune) }
}

/// `unicode.IsPunct`.
pub(crate) fn is_punct(rune: char) -> bool {
    within(PUNCT, rune)
}

/// `unicode.IsSpace`.
pub(crate) fn is_space(rune: char) -> bool {
    matches!(
        rune,
        '\t'..='\r' | ' ' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}'
            | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// `unicode.ToUpper`.
pub(crate) fn to_upper(rune: char) -> char {
    if rune.is_ascii() { rune.to_ascii_uppercase() } else { to_case(rune, 0) }
}

/// `unicode.ToLower`.
pub(crate) fn to_lower(rune: char) -> char {
    if rune.is_ascii() { rune.to_ascii_lowercase() } else { to_case(rune, 1) }
}

/// `unicode.ToTitle`.
pub(crate) fn to_title(rune: char) -> char {
    if rune.is_ascii() { rune.to_ascii_uppercase() } else { to_case(rune, 2) }
}

/// A property that a regular expression may name between the braces of `\p{…}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    /// A general category, by its short name.
    Category(&'static str),
    /// A script, by its long name.
    Script(&'static str),
}

/// The property that Go's `regexp` finds under `name`, which is in the canonical form: first letter upper, rest lower case.
pub(crate) fn property(name: &str) -> Option<Property> {
    let find = |names: &'static [&str]| names.binary_search(&name).ok().and_then(|at| names.get(at)).copied();
    find(CATEGORIES).map(Property::Category).or_else(|| find(SCRIPTS).map(Property::Script)).or_else(|| {
        let at = ALIASES.binary_search_by_key(&name, |(alias, _)| alias).ok()?;
        ALIASES.get(at).map(|(_, category)| Property::Category(category))
    })
}

fn within(ranges: &[(u32, u32, u32)], rune: char) -> bool {
    let rune = u32::from(rune);
    let after = ranges.partition_point(|(first, ..)| *first <= rune);
    after
        .checked_sub(1)
        .and_then(|at| ranges.get(at))
        .is_some_and(|(first, last, step)| rune <= *last && (rune - first) % step == 0)
}

fn to_case(rune: char, case: usize) -> char {
    let code = u32::from(rune);
    let after = CASES.partition_point(|(first, ..)| *first <= code);
    let Some((first, last, upper, lower, title)) = after.checked_sub(1).and_then(|at| CASES.get(at)) else {
        return rune;
    };
    if code > *last {
        return rune;
    }
    let delta = match case {
        0 => *upper,
        1 => *lower,
        _ => *title,
    };
    let mapped = if delta == ALTERNATES {
        // Upper case stands at even distances from the first, lower case behind it.
        first + ((code - first) & !1) + u32::from(case == 1)
    } else {
        code.wrapping_add_signed(delta)
    };
    char::from_u32(mapped).unwrap_or(rune)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rune_to_one() {
        for (rune, upper, lower, title) in [
            ('a', 'A', 'a', 'A'),
            ('ß', 'ß', 'ß', 'ß'),
            ('ÿ', 'Ÿ', 'ÿ', 'Ÿ'),
            ('İ', 'İ', 'i', 'İ'),
            ('ı', 'I', 'ı', 'I'),
            ('ǆ', 'Ǆ', 'ǆ', 'ǅ'),
            ('ǅ', 'Ǆ', 'ǆ', 'ǅ'),
            ('Ā', 'Ā', 'ā', 'Ā'),
            ('ā', 'Ā', 'ā', 'Ā'),
            ('ŉ', 'ŉ', 'ŉ', 'ŉ'),
            ('ᾳ', 'ᾼ', 'ᾳ', 'ᾼ'),
            ('世', '世', '世', '世'),
        ] {
            assert_eq!((to_upper(rune), to_lower(rune), to_title(rune)), (upper, lower, title), "{rune}");
        }
        assert!(
            is_upper('É')
                && !is_upper('Ⓐ')
                && is_lower('é')
                && is_title('ǅ')
                && is_punct('_')
                && !is_punct('$')
        );
        assert!(is_number('²') && !is_digit('²') && is_digit('٣') && is_letter('世') && is_space('\u{2003}'));
    }
}
