//! The grammar of `--set` and its relatives: `a.b[0]=x,c={y,z}`.

mod literal;

use crate::{
    limits,
    render::gotemplate::{
        List, Map, Value,
        sprig::json::decode_first,
        strconv::{atoi, quote, quote_rune},
    },
};

/// Reads a file for `--set-file`.
pub type Reader<'r> = &'r dyn Fn(&str) -> Result<Vec<u8>, String>;

/// What becomes of the text behind `=`.
#[derive(Clone, Copy)]
pub enum Kind<'r> {
    /// `--set`: truth values, null and whole numbers are what they look like.
    Typed,
    /// `--set-string`.
    Text,
    /// `--set-json`, in the form of keys and values.
    Json,
    /// `--set-file`: it names a file.
    File(Reader<'r>),
    /// `--set-literal`: everything behind the first `=`, as it stands.
    Literal,
}

/// Puts what a text says into `into`.
///
/// # Errors
/// In the original's words. What stands before the mistake is in `into` already.
pub fn set(kind: Kind<'_>, text: &str, into: &Map) -> Result<(), String> {
    let mut parser = Parser { text: text.chars().collect(), at: 0, kind, indexes: 0 };
    loop {
        let result = match kind {
            Kind::Literal => parser.literal_key(into, 0),
            _ => parser.key(into, 0),
        };
        match result {
            Ok(()) => (),
            // The original takes a text that ends too early inside an index for one that is complete.
            Err(Fail::End) => return Ok(()),
            Err(Fail::Text(text)) => return Err(text),
        }
    }
}

enum Fail {
    /// Nothing is left.
    End,
    Text(String),
}

impl From<String> for Fail {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

type Outcome<T> = Result<T, Fail>;

struct Parser<'r> {
    text: Vec<char>,
    at: usize,
    /// Indexes behind indexes that are open.
    indexes: usize,
    kind: Kind<'r>,
}

/// What stands before one of several signs, and which it was; none at the end of the text.
type Found = (String, Option<char>);

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.text.get(self.at).copied()?;
        self.at += 1;
        Some(next)
    }

    fn until(&mut self, stop: &[char], escapes: bool) -> Found {
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                c if stop.contains(&c) => return (text, Some(c)),
                '\\' if escapes => match self.next() {
                    Some(c) => text.push(c),
                    None => return (text, None),
                },
                c => text.push(c),
            }
        }
        (text, None)
    }

    fn key(&mut self, data: &Map, mut level: usize) -> Outcome<()> {
        let (key, last) = self.until(&['=', '[', ',', '.'], true);
        match last {
            None if key.is_empty() => Err(Fail::End),
            None => Err(format!("key {} has no value", quote(key.as_bytes())).into()),
            Some('[') => {
                let index = self.index(true)?;
                self.listed(data, &key, index, level)
            }
            Some('=') => {
                if let Kind::Json = self.kind {
                    let value = self.json()?;
                    put(data, &key, value);
                    self.skip_empty();
                    return Ok(());
                }
                match self.values()? {
                    Values::List(items) => put(data, &key, Value::list(items)),
                    Values::Nothing => {
                        put(data, &key, "".into());
                        return Err(Fail::End);
                    }
                    Values::One => {
                        let text = self.until(&[','], true).0;
                        match self.value(text) {
                            Ok(value) => put(data, &key, value),
                            Err(error) => {
                                put(data, &key, Value::Nil);
                                return Err(error);
                            }
                        }
                    }
                }
                Ok(())
            }
            Some(',') => {
                put(data, &key, "".into());
                Err(format!("key {} has no value (cannot end with ,)", quote(key.as_bytes())).into())
            }
            Some(_) => {
                level = deeper(level)?;
                let inner = map_at(data, &key)?;
                let result = self.key(&inner, level);
                close(data, &key, inner, result)
            }
        }
    }

    /// An element of the list under a key.
    fn listed(&mut self, data: &Map, key: &str, index: i64, level: usize) -> Outcome<()> {
        let known = list_at(data, key)?;
        let (items, result) = self.item(elements(known.as_ref()), index, level);
        put(data, key, stored(known, items));
        result
    }

    /// The number in brackets.
    fn index(&mut self, escapes: bool) -> Outcome<i64> {
        let (text, last) = self.until(&[']'], escapes);
        if last.is_none() {
            return Err(Fail::End);
        }
        atoi(&text).map_err(|why| format!("error parsing index: {why}").into())
    }

    /// What stands behind an index. The list comes back in any case, since the original sets it in any case.
    fn item(&mut self, mut list: Vec<Value>, index: i64, level: usize) -> (Vec<Value>, Outcome<()>) {
        let Ok(at) = usize::try_from(index) else {
            return (list, Err(format!("negative {index} index not allowed").into()));
        };
        let literal = matches!(self.kind, Kind::Literal);
        let (key, last) = self.until(&['[', '.', '='], !literal);
        if !key.is_empty() {
            let runes: Vec<String> =
                key.chars().map(|c| String::from_utf8_lossy(&quote_rune(c.into())).into_owned()).collect();
            let runes = runes.join(" ");
            return (list, Err(format!("unexpected data at end of array index: [{runes}]").into()));
        }
        let value = match last {
            None => Err(Fail::End),
            Some('=') if literal => Ok(self.until(&[], false).0.into()),
            Some('=') => self.item_value(),
            Some('[') => self.nested_item(list.get(at), level, !literal),
            Some(_) => {
                let inner = match list.get_mut(at) {
                    Some(Value::Map(map)) => map.clone(),
                    Some(other) => {
                        let map = super::new_map();
                        *other = map.clone().into();
                        map
                    }
                    None => super::new_map(),
                };
                let result = if literal { self.literal_key(&inner, level) } else { self.key(&inner, level) };
                result.map(|()| inner.into())
            }
        };
        let value = match value {
            Ok(value) => value,
            Err(error) => return (list, Err(error)),
        };
        if at > limits::SET_INDEX {
            let limit = limits::SET_INDEX;
            let why = format!("index of {index} is greater than maximum supported index of {limit}");
            return (list, Err(why.into()));
        }
        if list.len() <= at {
            list.resize(at + 1, Value::Nil);
        }
        if let Some(place) = list.get_mut(at) {
            *place = value;
        }
        let result = match self.kind {
            Kind::Json if last == Some('=') => {
                self.skip_empty();
                Ok(())
            }
            _ => Ok(()),
        };
        (list, result)
    }

    fn item_value(&mut self) -> Outcome<Value> {
        if let Kind::Json = self.kind {
            return self.json();
        }
        Ok(match self.values()? {
            Values::List(items) => Value::list(items),
            Values::Nothing => "".into(),
            Values::One => {
                let text = self.until(&[','], true).0;
                self.value(text)?
            }
        })
    }

    /// An index behind an index.
    fn nested_item(&mut self, known: Option<&Value>, level: usize, escapes: bool) -> Outcome<Value> {
        let index = self.index(escapes)?;
        let known = match known {
            None | Some(Value::Nil) => None,
            Some(Value::List(list)) => Some(list.clone()),
            Some(other) => return Err(conversion(other, "[]interface {}").into()),
        };
        let inner = elements(known.as_ref());
        if self.indexes >= limits::SET_INDEXES {
            return Err(format!("more than {} indexes stand behind each other", limits::SET_INDEXES).into());
        }
        self.indexes += 1;
        let (inner, result) = self.item(inner, index, level);
        self.indexes -= 1;
        result.map(|()| stored(known, inner))
    }

    /// Whether nothing stands before the next comma; spaces and that comma are taken.
    fn skip_empty(&mut self) -> bool {
        while let Some(c) = self.next() {
            if c == ',' {
                return true;
            }
            if !c.is_whitespace() {
                self.at -= 1;
                return false;
            }
        }
        true
    }

    fn json(&mut self) -> Outcome<Value> {
        if self.skip_empty() {
            // The comma stays for whoever skips it again.
            if self.text.get(self.at.wrapping_sub(1)) == Some(&',') && self.at > 0 {
                self.at -= 1;
            }
            return Ok(Value::Nil);
        }
        let rest: String = self.text.get(self.at..).unwrap_or(&[]).iter().collect();
        let (value, taken) = decode_first(rest.as_bytes()).map_err(|error| error.to_string())?;
        self.at += rest.get(..taken).unwrap_or(&rest).chars().count();
        Ok(value)
    }

    fn values(&mut self) -> Outcome<Values> {
        match self.next() {
            None => return Ok(Values::Nothing),
            Some('{') => (),
            Some(_) => {
                self.at -= 1;
                return Ok(Values::One);
            }
        }
        let mut items = Vec::new();
        loop {
            let (text, last) = self.until(&[',', '}'], true);
            match last {
                None => return Err("list must terminate with '}'".to_owned().into()),
                Some(sign) => {
                    if sign == '}' && self.text.get(self.at) == Some(&',') {
                        self.at += 1;
                    }
                    items.push(self.value(text)?);
                    if sign == '}' {
                        return Ok(Values::List(items));
                    }
                }
            }
        }
    }

    fn value(&self, text: String) -> Outcome<Value> {
        Ok(match self.kind {
            Kind::Typed => typed(text),
            Kind::File(read) => read(&text)?.into(),
            Kind::Text | Kind::Json | Kind::Literal => text.into(),
        })
    }
}

/// What stands behind `=`.
enum Values {
    /// `{…}`.
    List(Vec<Value>),
    /// The end of the text.
    Nothing,
    /// Anything else, which is not read yet.
    One,
}

fn typed(text: String) -> Value {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") || is("false") {
        return is("true").into();
    }
    if is("null") {
        return Value::Nil;
    }
    if text == "0" {
        return Value::int64(0);
    }
    // A number with a zero in front is more often a mode of a file or a telephone number.
    if !text.is_empty()
        && !text.starts_with('0')
        && let Ok(number) = text.parse()
    {
        return Value::int64(number);
    }
    text.into()
}

/// An empty key is not set.
fn put(data: &Map, key: &str, value: Value) {
    if !key.is_empty() {
        super::put(data, key, value);
    }
}

fn close(data: &Map, key: &str, inner: Map, result: Outcome<()>) -> Outcome<()> {
    if inner.is_empty() {
        return match result {
            Ok(()) => Err(format!("key map {} has no value", quote(key.as_bytes())).into()),
            error => error,
        };
    }
    put(data, key, inner.into());
    result
}

fn deeper(level: usize) -> Outcome<usize> {
    let limit = limits::SET_DEPTH;
    if level < limit {
        return Ok(level + 1);
    }
    let why = "value name nested level is greater than maximum supported nested level of";
    Err(format!("{why} {limit}").into())
}

/// What Go's panic says, which the original turns into an error.
fn conversion(found: &Value, wanted: &str) -> String {
    let found = if matches!(found, Value::Nil) { "nil" } else { found.type_name() };
    format!("unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}")
}

fn map_at(data: &Map, key: &str) -> Outcome<Map> {
    match data.get(key.as_bytes()) {
        None => Ok(super::new_map()),
        Some(Value::Map(map)) => Ok(map),
        Some(other) => Err(conversion(&other, "map[string]interface {}").into()),
    }
}

fn elements(list: Option<&List>) -> Vec<Value> {
    list.map(List::to_vec).unwrap_or_default()
}

/// A list that does not grow is written in place, and whoever shares it sees that.
fn stored(known: Option<List>, items: Vec<Value>) -> Value {
    match known.filter(|it| it.len() == items.len()) {
        Some(list) => {
            items.into_iter().enumerate().for_each(|(at, item)| list.set(at, item));
            list.into()
        }
        None => Value::list(items),
    }
}

fn list_at(data: &Map, key: &str) -> Outcome<Option<List>> {
    match data.get(key.as_bytes()) {
        None => Ok(None),
        Some(Value::List(list)) => Ok(Some(list)),
        Some(other) => Err(conversion(&other, "[]interface {}").into()),
    }
}
