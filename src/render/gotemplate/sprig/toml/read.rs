//! The grammar: tables, keys, values.

mod number;
mod string;

use super::{
    Read,
    key::is_bare,
    scan::{Error, Scanner},
    tree::{Tree, new_map},
};
use crate::{
    limits,
    render::gotemplate::{Map, Str, Value, strconv},
};

/// Reads a document.
pub(super) fn document(text: &[u8]) -> Result<Map, Error> {
    let text = [&b"\xff\xfe"[..], b"\xfe\xff", b"\xef\xbb\xbf"]
        .into_iter()
        .find_map(|mark| text.strip_prefix(mark))
        .unwrap_or(text);
    let mut reader = Reader { scanner: Scanner::new(text), tree: Tree::new(), depth: 0 };
    if text.iter().take(6).any(|it| *it == 0) {
        let message = "files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8";
        return Err(reader.scanner.fail(message));
    }
    reader.run()?;
    Ok(reader.tree.root)
}

struct Reader<'t> {
    scanner: Scanner<'t>,
    tree: Tree,
    depth: usize,
}

/// A character as Go's `%q` shows it; the end of the text is the character 0.
fn shown(c: Option<char>) -> String {
    String::from_utf8_lossy(&strconv::quote_rune(c.map_or(0, u32::from))).into_owned()
}

fn named(c: Option<char>) -> String {
    c.map_or_else(|| "end of file".into(), |c| format!("'{c}'"))
}

impl Reader<'_> {
    fn run(&mut self) -> Result<(), Error> {
        loop {
            match self.scanner.next()? {
                None => return Ok(()),
                Some(' ' | '\t' | '\r' | '\n') => (),
                Some('#') => self.comment()?,
                Some('[') => {
                    self.table()?;
                    self.end_of_line()?;
                }
                Some(c) => {
                    self.scanner.at -= c.len_utf8();
                    self.entry()?;
                    self.end_of_line()?;
                }
            }
        }
    }

    /// Reads up to the end of the line.
    fn comment(&mut self) -> Result<(), Error> {
        while let Some(c) = self.scanner.peek()? {
            if matches!(c, '\r' | '\n') {
                break;
            }
            self.scanner.at += c.len_utf8();
        }
        Ok(())
    }

    fn end_of_line(&mut self) -> Result<(), Error> {
        loop {
            match self.scanner.next()? {
                Some(' ' | '\t') => (),
                Some('#') => return self.comment(),
                None | Some('\r' | '\n') => return Ok(()),
                got => {
                    let expected =
                        "expected a top-level item to end with a newline, comment, or EOF, but got";
                    return Err(self.scanner.fail_after(format!("{expected} {} instead", shown(got)), got));
                }
            }
        }
    }

    /// `[a.b]` or `[[a.b]]`.
    fn table(&mut self) -> Result<(), Error> {
        let array = self.scanner.accept('[')?;
        let mut key = Vec::new();
        loop {
            self.scanner.skip_space()?;
            let part = match self.scanner.peek()? {
                None | Some(']') => {
                    let message = "unexpected end of table name (table names cannot be empty)";
                    return Err(self.scanner.fail(message));
                }
                Some('.') => {
                    return Err(self
                        .scanner
                        .fail("unexpected table separator (table names cannot be empty)"));
                }
                Some('"' | '\'') => self.quoted_name()?,
                Some(_) => self.bare_name()?,
            };
            if key.is_empty() {
                self.tree.line = self.scanner.line();
            }
            key.push(part);
            self.scanner.skip_space()?;
            match self.scanner.next()? {
                Some('.') => (),
                Some(']') => break,
                got => {
                    let message =
                        format!("expected '.' or ']' to end table name, but got {} instead", shown(got));
                    return Err(self.scanner.fail_after(message, got));
                }
            }
        }
        if array {
            let got = self.scanner.next()?;
            if got != Some(']') {
                let expected = "expected end of table array name delimiter ']', but got";
                return Err(self.scanner.fail_after(format!("{expected} {} instead", shown(got)), got));
            }
        }
        self.tree.enter(&mut self.scanner, &key, array)?;
        self.tree.note(&self.scanner, false);
        Ok(())
    }

    fn bare_name(&mut self) -> Result<Str, Error> {
        let start = self.scanner.at;
        while let Some(c) = self.scanner.peek()? {
            if !is_bare(c) {
                break;
            }
            self.scanner.at += 1;
        }
        Ok(self.scanner.since(start).into())
    }

    fn quoted_name(&mut self) -> Result<Str, Error> {
        match self.scanner.next()? {
            Some('"') => self.string(),
            _ => self.raw_string(),
        }
    }

    /// The parts of a key and its sign.
    fn key(&mut self) -> Result<Vec<Str>, Error> {
        self.scanner.skip_space()?;
        match self.scanner.peek()? {
            None | Some('=') => return Err(self.scanner.fail("unexpected '=': key name appears blank")),
            Some('.') => return Err(self.scanner.fail("unexpected '.': keys cannot start with a '.'")),
            Some(_) => (),
        }
        let mut key = Vec::new();
        loop {
            self.scanner.skip_space()?;
            let part = match self.scanner.peek()? {
                None | Some('=') => return Err(self.scanner.fail("unexpected '='")),
                Some('.') => return Err(self.scanner.fail("unexpected '.'")),
                Some('"' | '\'') => self.quoted_name()?,
                Some(_) => self.bare_name()?,
            };
            if key.is_empty() {
                self.tree.line = self.scanner.line();
            }
            key.push(part);
            self.scanner.skip_space()?;
            match self.scanner.next()? {
                Some('.') => (),
                Some('=') => return Ok(key),
                None => {
                    return Err(self.scanner.fail_after("unexpected EOF; expected key separator '='", None));
                }
                got => {
                    let message = format!("expected '.' or '=', but got {} instead", shown(got));
                    return Err(match got {
                        Some('\n') => self.scanner.fail_before(message),
                        got => self.scanner.fail_after(message, got),
                    });
                }
            }
        }
    }

    /// A key and its value, in the table that is being filled.
    fn entry(&mut self) -> Result<(Vec<Str>, Value), Error> {
        let outer = self.scanner.context.clone();
        let key = self.key()?;
        if let Some((last, parents)) = key.split_last() {
            self.scanner.current = last.clone();
            for parent in parents {
                let mut inner = self.scanner.context.clone();
                inner.push(parent.clone());
                self.tree.imply(&inner);
                self.tree.enter(&mut self.scanner, &inner, false)?;
            }
        }
        let (value, is_array) = self.value(false)?;
        let current = self.scanner.current.clone();
        self.tree.set(&self.scanner, &current, value.clone())?;
        self.tree.note(&self.scanner, is_array);
        self.scanner.context = outer;
        self.scanner.current = Str::default();
        Ok((key, value))
    }

    fn value(&mut self, in_array: bool) -> Result<Read, Error> {
        self.scanner.skip_space()?;
        let start = self.scanner.at;
        let got = self.scanner.next()?;
        let plain = |value: Value| Ok((value, false));
        match got {
            Some('0'..='9' | '-' | '+') => {
                self.scanner.at = start;
                plain(self.number()?)
            }
            Some('[') => self.array().map(|it| (it, true)),
            Some('{') => self.inline_table(in_array).map(|it| (it, false)),
            Some('"') => plain(self.any_string('"')?.into()),
            Some('\'') => plain(self.any_string('\'')?.into()),
            Some('.') => Err(self.scanner.fail_after("floats must start with a digit, not '.'", got)),
            Some(c) if strconv::is_letter(u32::from(c)) => plain(self.word(start, c)?),
            None => Err(self.scanner.fail_after("unexpected EOF; expected value", None)),
            got => {
                let message = format!("expected value but found {} instead", shown(got));
                Err(match got {
                    Some('\n') => self.scanner.fail_before(message),
                    got => self.scanner.fail_after(message, got),
                })
            }
        }
    }

    /// `true`, `false`, `inf` and `nan`; what is none of them is named in the error.
    fn word(&mut self, start: usize, first: char) -> Result<Value, Error> {
        if matches!(first, 'i' | 'n') {
            let infinite = self.scanner.accept('n')? && self.scanner.accept('f')?;
            if infinite || self.scanner.accept('a')? && self.scanner.accept('n')? {
                return self.float(self.scanner.since(start));
            }
            // The original goes back by one character only.
            self.scanner.at -= 1;
        } else {
            self.scanner.at = start;
        }
        let start = self.scanner.at;
        while let Some(c) = self.scanner.peek()? {
            if !strconv::is_letter(u32::from(c)) {
                break;
            }
            self.scanner.at += c.len_utf8();
        }
        match self.scanner.since(start) {
            b"true" => Ok(true.into()),
            b"false" => Ok(false.into()),
            other => {
                let message = format!("expected value but found {} instead", strconv::quote(other));
                Err(self.scanner.fail(message))
            }
        }
    }

    fn deeper(&mut self) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > limits::TOML_DEPTH {
            return Err(self.scanner.fail(format!("values lie more than {} deep", limits::TOML_DEPTH)));
        }
        Ok(())
    }

    /// Whether an item begins here, not the end of what is open.
    fn begins(&mut self, end: char) -> Result<bool, Error> {
        loop {
            match self.scanner.next()? {
                Some(' ' | '\t' | '\r' | '\n') => (),
                Some('#') => self.comment()?,
                Some(',') => return Err(self.scanner.fail("unexpected comma")),
                Some(c) if c == end => return Ok(false),
                Some(c) => {
                    self.scanner.at -= c.len_utf8();
                    return Ok(true);
                }
                None => return Ok(true),
            }
        }
    }

    fn array(&mut self) -> Result<Value, Error> {
        self.deeper()?;
        self.tree.note(&self.scanner, true);
        let mut items = Vec::new();
        while self.begins(']')? {
            items.push(self.value(true)?.0);
            if !self.more_items()? {
                break;
            }
        }
        self.depth -= 1;
        Ok(Value::list(items))
    }

    /// Whether a comma follows, not the end of the array.
    fn more_items(&mut self) -> Result<bool, Error> {
        loop {
            match self.scanner.next()? {
                Some(' ' | '\t' | '\r' | '\n') => (),
                Some('#') => self.comment()?,
                Some(',') => return Ok(true),
                Some(']') => return Ok(false),
                got => {
                    let expected = "expected a comma (',') or array terminator (']'), but got";
                    return Err(self.scanner.fail_after(format!("{expected} {}", named(got)), got));
                }
            }
        }
    }

    fn inline_table(&mut self, in_array: bool) -> Result<Value, Error> {
        self.deeper()?;
        let table = new_map();
        let (outer, outer_key) = (self.scanner.context.clone(), self.scanner.current.clone());
        let mut context = outer.clone();
        context.push(outer_key.clone());
        self.scanner.current = Str::default();
        self.tree.imply(&context);
        self.scanner.context = context.clone();
        self.tree.enter(&mut self.scanner, &context, in_array)?;
        while self.begins('}')? {
            let (key, value) = self.entry()?;
            self.put(&table, &key, value, &context)?;
            // The key stays the last one until the next is read.
            self.scanner.context = context.clone();
            self.scanner.current = key.last().cloned().unwrap_or_default();
            if !self.more_entries()? {
                break;
            }
        }
        self.scanner.context = outer;
        self.scanner.current = outer_key;
        self.depth -= 1;
        Ok(table.into())
    }

    /// Puts a value under a key of many parts.
    fn put(&self, table: &Map, key: &[Str], value: Value, context: &[Str]) -> Result<(), Error> {
        let Some((last, parents)) = key.split_last() else { return Ok(()) };
        let mut at = table.clone();
        for part in parents {
            let next = at.get(part).unwrap_or_else(|| new_map().into());
            let _ = at.insert(part.clone(), next.clone());
            at = match next {
                Value::Map(map) => map,
                _ => {
                    let name = strconv::quote(&super::key::joined(context));
                    return Err(self.scanner.fail_at(format!("{name} is not a table"), self.tree.line));
                }
            };
        }
        let _ = at.insert(last.clone(), value);
        Ok(())
    }

    /// Whether a comma follows, not the end of the table.
    fn more_entries(&mut self) -> Result<bool, Error> {
        loop {
            match self.scanner.next()? {
                Some(' ' | '\t' | '\r' | '\n') => (),
                Some('#') => self.comment()?,
                Some(',') => {
                    self.scanner.skip_space()?;
                    if self.scanner.peek()? != Some('}') {
                        return Ok(true);
                    }
                }
                Some('}') => return Ok(false),
                got => {
                    let expected = "expected a comma or an inline table terminator '}', but got";
                    return Err(self.scanner.fail_after(format!("{expected} {} instead", named(got)), got));
                }
            }
        }
    }
}
