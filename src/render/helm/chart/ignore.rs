//! `.helmignore`, with the quirks of the original.

use super::pattern;

/// The rules of a `.helmignore`.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    pattern: String,
    negated: bool,
    /// Only directories match.
    directory: bool,
    /// Which part of a path is held against the pattern.
    whole: bool,
}

/// What every chart leaves out: files below `templates/` whose names begin with a dot.
const DEFAULT: &str = "templates/.?*";

impl Rules {
    /// Reads the rules, and adds the one that all charts have.
    ///
    /// # Errors
    /// In the original's words, for a pattern that is none.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut rules = Self::default();
        let text = String::from_utf8_lossy(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text));
        for line in text.split('\n').chain([DEFAULT]) {
            rules.add(line.trim())?;
        }
        Ok(rules)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line.contains("**") {
            return Err("double-star (**) syntax is not supported".into());
        }
        pattern::matches(line, "abc").map_err(|error| error.to_string())?;
        let (negated, line) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (directory, line) = match line.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let whole = line.contains('/');
        let pattern = line.strip_prefix('/').unwrap_or(line).to_owned();
        self.0.push(Rule { pattern, negated, directory, whole });
        Ok(())
    }

    /// Whether a path is left out. Rules are asked in order and the first that knows decides; a negated rule leaves out
    /// whatever it does not match, and that ends it.
    pub fn ignores(&self, path: &str, is_directory: bool) -> bool {
        if matches!(path, "" | "." | "./") {
            return false;
        }
        for rule in &self.0 {
            let applies = !rule.directory || is_directory;
            if rule.negated {
                if !applies || !rule.matches(path) {
                    return true;
                }
            } else if applies && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        let text = if self.whole { path } else { path.rsplit('/').next().unwrap_or(path) };
        // What was a pattern with its first sign may be none without it.
        pattern::matches(&self.pattern, text).unwrap_or(false)
    }
}
