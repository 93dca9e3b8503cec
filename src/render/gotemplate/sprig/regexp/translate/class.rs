//! Classes: brackets, `\d` and its like, `\p{…}`, `[:alpha:]`.

use super::{
    super::super::unicode::{Property, property},
    ATOM, Error, Translator, check_utf8, consumed, push_rune,
};

/// The last code point.
pub(super) const LAST: u32 = 0x10_FFFF;

/// A class that no rune is in.
pub(super) const NOTHING: &str = r"[^\x{0}-\x{10FFFF}]";

const EVERYTHING: &str = r"\x{0}-\x{10FFFF}";

impl Translator<'_> {
    /// Writes a class of the given items.
    pub(super) fn bracket(&mut self, negative: bool, items: &str) -> Result<(), Error> {
        let start = self.out.len();
        let fold = self.flags.fold;
        if fold {
            self.out.push_str("(?i:");
        }
        match (negative, items.is_empty()) {
            (false, true) => self.out.push_str(NOTHING),
            (true, true) => self.out.push_str(&format!("[{EVERYTHING}]")),
            (negative, false) => {
                self.out.push_str(if negative { "[^" } else { "[" });
                self.out.push_str(items);
                self.out.push(']');
            }
        }
        if fold {
            self.out.push(')');
        }
        self.push(start, ATOM)
    }

    pub(super) fn class(&mut self) -> Result<(), Error> {
        let whole = self.rest;
        self.rest = whole.get(1..).unwrap_or_default();
        let negative = self.rest.starts_with(b"^");
        if negative {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        let mut items = String::new();
        // A bracket that comes first is a member.
        let mut first = true;
        while first || !self.rest.starts_with(b"]") {
            first = false;
            if self.posix_class(&mut items)? || self.unicode_class(&mut items)? || self.perl_class(&mut items)
            {
                continue;
            }
            let range = self.rest;
            let low = self.class_rune(whole)?;
            let mut high = low;
            if matches!(self.rest, [b'-', next, ..] if *next != b']') {
                self.rest = self.rest.get(1..).unwrap_or_default();
                high = self.class_rune(whole)?;
                if high < low {
                    return Err(Error::new("invalid character class range", consumed(range, self.rest)));
                }
            }
            push_range(&mut items, low, high);
        }
        self.rest = self.rest.get(1..).unwrap_or_default();
        self.bracket(negative, &items)
    }

    fn class_rune(&mut self, whole: &[u8]) -> Result<u32, Error> {
        if self.rest.is_empty() {
            return Err(Error::new("missing closing ]", whole));
        }
        if self.rest.starts_with(b"\\") {
            return self.escaped_rune();
        }
        self.next_rune().map(u32::from)
    }

    /// `\d`, `\s`, `\w` and their opposites, all of ASCII.
    pub(super) fn perl_class(&mut self, items: &mut String) -> bool {
        let Some([b'\\', letter]) = self.rest.get(..2) else { return false };
        let members = match letter.to_ascii_lowercase() {
            b'd' => "0-9",
            b's' => r"\t\n\x{C}\r\x{20}",
            b'w' => "0-9A-Za-z_",
            _ => return false,
        };
        if letter.is_ascii_uppercase() {
            items.push_str(&format!("[^{members}]"));
        } else {
            items.push_str(members);
        }
        self.rest = self.rest.get(2..).unwrap_or_default();
        true
    }

    /// `[:alpha:]` and its like, all of ASCII as in the engine.
    fn posix_class(&mut self, items: &mut String) -> Result<bool, Error> {
        const NAMES: [&[u8]; 14] = [
            b"alnum", b"alpha", b"ascii", b"blank", b"cntrl", b"digit", b"graph", b"lower", b"print",
            b"punct", b"space", b"upper", b"word", b"xdigit",
        ];
        let Some(inner) = self.rest.strip_prefix(b"[:") else { return Ok(false) };
        let Some(end) = inner.windows(2).position(|it| it == b":]") else { return Ok(false) };
        let (name, after) = inner.split_at(end);
        let after = after.get(2..).unwrap_or_default();
        let whole = consumed(self.rest, after);
        if !NAMES.contains(&name.strip_prefix(b"^").unwrap_or(name)) {
            return Err(Error::new("invalid character class range", whole));
        }
        items.push_str(&String::from_utf8_lossy(whole));
        self.rest = after;
        Ok(true)
    }

    /// `\pL`, `\p{Greek}`, `\P{…}`, `\p{^…}`.
    pub(super) fn unicode_class(&mut self, items: &mut String) -> Result<bool, Error> {
        let start = self.rest;
        let Some([b'\\', letter @ (b'p' | b'P')]) = start.get(..2) else { return Ok(false) };
        let mut negative = *letter == b'P';
        self.rest = start.get(2..).unwrap_or_default();
        if self.rest.is_empty() {
            return Err(Error::new("invalid character class range", start));
        }
        let rune = self.next_rune()?;
        let mut name = consumed(start, self.rest).get(2..).unwrap_or_default();
        if rune == '{' {
            let Some(end) = self.rest.iter().position(|it| *it == b'}') else {
                check_utf8(start)?;
                return Err(Error::new("invalid character class range", start));
            };
            let (inner, after) = self.rest.split_at(end);
            name = inner;
            self.rest = after.get(1..).unwrap_or_default();
            check_utf8(name)?;
        }
        let whole = consumed(start, self.rest);
        if let Some(rest) = name.strip_prefix(b"^") {
            negative = !negative;
            name = rest;
        }
        let unknown = || Error::new("invalid character class range", whole);
        let name = canonical(name);
        let class = match name.as_str() {
            "Any" => "any".into(),
            "Assigned" => "assigned".into(),
            "Ascii" => "ascii".into(),
            // No text holds half of a surrogate pair.
            "Cs" | "Surrogate" => {
                if negative {
                    items.push_str(EVERYTHING);
                }
                return Ok(true);
            }
            "Lc" => "gc=LC".into(),
            name => match property(name).ok_or_else(unknown)? {
                Property::Category(name) => format!("gc={name}"),
                Property::Script(name) => format!("sc={name}"),
            },
        };
        items.push_str(&format!(r"\{}{{{class}}}", if negative { 'P' } else { 'p' }));
        Ok(true)
    }
}

fn push_range(items: &mut String, low: u32, high: u32) {
    // The engine knows no halves of surrogate pairs.
    for (low, high) in [(low, high.min(0xD7FF)), (low.max(0xE000), high)] {
        if low > high {
            continue;
        }
        push_rune(items, low);
        if high > low {
            items.push('-');
            push_rune(items, high);
        }
    }
}

/// The form in which the original looks names up: the first letter upper, the rest lower case, no separators.
fn canonical(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for c in String::from_utf8_lossy(name).chars().filter(|c| !matches!(c, '_' | '-' | ' ')) {
        out.push(if out.is_empty() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
    }
    out
}
