//! Patterns of `.Files.Glob`: `*` and `?` stop at a slash, `**` does not, `[a-z]`, `[!abc]`, `{a,b}`.

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<char>),
    /// `?`
    Single,
    /// `*`
    Any,
    /// `**`
    Super,
    Range {
        low: char,
        high: char,
        negated: bool,
    },
    List {
        chars: Vec<char>,
        negated: bool,
    },
    Either(Vec<Vec<Self>>),
}

/// A text that is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoPattern;

/// More steps than any honest pattern takes on a path; beyond them nothing matches.
const STEPS: u32 = 1_000_000;

/// The longest pattern, in characters: four times the longest name.
const PATTERN: usize = 1_000;

impl Glob {
    /// What takes everything.
    pub(super) const ALL: Self = Self(Vec::new());

    pub(super) fn parse(text: &str) -> Result<Self, NoPattern> {
        let text: Vec<char> = text.chars().collect();
        // Each sign may be a step of recursion.
        if text.len() > PATTERN {
            return Err(NoPattern);
        }
        let mut parser = Parser { text, at: 0, level: 0 };
        let parts = parser.parts()?;
        // An alternative that is not closed ends with the text.
        Ok(Self(if parts.is_empty() { vec![Part::Text(Vec::new())] } else { parts }))
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let name: Vec<char> = name.chars().collect();
        // The original looks at both ends by themselves here, so that they may share what they take.
        if let [Part::Text(first), Part::Super, Part::Text(last)] = self.0.as_slice() {
            return name.starts_with(first) && name.ends_with(last);
        }
        let open: Vec<&Part> = self.0.iter().rev().collect();
        matched(&open, &name, &mut { STEPS })
    }
}

/// Whether the parts, the next of which is the last of the list, take the whole text.
fn matched(open: &[&Part], text: &[char], steps: &mut u32) -> bool {
    *steps = steps.saturating_sub(1);
    if *steps == 0 {
        return false;
    }
    let Some((part, rest)) = open.split_last() else { return text.is_empty() };
    let one =
        |fits: bool, steps: &mut u32| fits && text.get(1..).is_some_and(|text| matched(rest, text, steps));
    match part {
        Part::Text(wanted) => {
            text.strip_prefix(wanted.as_slice()).is_some_and(|text| matched(rest, text, steps))
        }
        Part::Single => one(text.first().is_some_and(|c| *c != '/'), steps),
        Part::Range { low, high, negated } => {
            one(text.first().is_some_and(|c| (low <= c && c <= high) != *negated), steps)
        }
        Part::List { chars, negated } => {
            one(text.first().is_some_and(|c| chars.contains(c) != *negated), steps)
        }
        Part::Any | Part::Super => {
            let stops = **part == Part::Any;
            for at in 0..=text.len() {
                if text.get(at..).is_some_and(|text| matched(rest, text, steps)) {
                    return true;
                }
                if stops && text.get(at) == Some(&'/') {
                    return false;
                }
            }
            false
        }
        Part::Either(ways) => ways.iter().any(|way| {
            let mut open = rest.to_vec();
            open.extend(way.iter().rev());
            matched(&open, text, steps)
        }),
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
    /// Braces that are open.
    level: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn parts(&mut self) -> Result<Vec<Part>, NoPattern> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                ',' | '}' if self.level > 0 => return Ok(parts),
                '{' => {
                    self.at += 1;
                    parts.push(self.either()?);
                }
                '[' => {
                    self.at += 1;
                    parts.push(self.class()?);
                }
                '?' => {
                    self.at += 1;
                    parts.push(Part::Single);
                }
                '*' => {
                    self.at += 1;
                    if self.peek() == Some('*') {
                        self.at += 1;
                        parts.push(Part::Super);
                    } else {
                        parts.push(Part::Any);
                    }
                }
                _ => {
                    let stop: &[char] =
                        if self.level > 0 { &['?', '*', '[', '{', '}', ','] } else { &['?', '*', '[', '{'] };
                    let text = self.text(stop);
                    if !text.is_empty() {
                        parts.push(Part::Text(text));
                    }
                }
            }
        }
        Ok(parts)
    }

    fn text(&mut self, stop: &[char]) -> Vec<char> {
        let mut text = Vec::new();
        while let Some(c) = self.peek() {
            if stop.contains(&c) {
                break;
            }
            self.at += 1;
            match c {
                '\\' => text.extend(self.next()),
                c => text.push(c),
            }
        }
        text
    }

    fn either(&mut self) -> Result<Part, NoPattern> {
        // Deeper braces than this are no pattern of anybody's.
        if self.level > 50 {
            return Err(NoPattern);
        }
        self.level += 1;
        let mut ways = vec![self.parts()?];
        while let Some(c) = self.next() {
            if c == '}' {
                break;
            }
            ways.push(self.parts()?);
        }
        self.level -= 1;
        Ok(Part::Either(ways))
    }

    fn class(&mut self) -> Result<Part, NoPattern> {
        let mut negated = false;
        if self.peek() == Some('!') {
            negated = true;
            self.at += 1;
        }
        let low = self.peek().ok_or(NoPattern)?;
        let part = if self.text.get(self.at + 1) == Some(&'-') {
            self.at += 2;
            let high = self.next().ok_or(NoPattern)?;
            if high < low {
                return Err(NoPattern);
            }
            Part::Range { low, high, negated }
        } else {
            let chars = self.text(&[']']);
            if chars.is_empty() {
                return Err(NoPattern);
            }
            Part::List { chars, negated }
        };
        match self.next() {
            Some(']') => Ok(part),
            _ => Err(NoPattern),
        }
    }
}

/// Which of the names a pattern takes; nothing for a text that is none.
pub fn glob<'n>(pattern: &str, names: &[&'n str]) -> Option<Vec<&'n str>> {
    let glob = Glob::parse(pattern).ok()?;
    Some(names.iter().copied().filter(|name| glob.matches(name)).collect())
}
