//! `json.Unmarshal` into an `interface {}`.

use std::collections::BTreeMap;

use crate::render::gotemplate::{
    List, Map, Str, Type, Value, strconv,
    value::{ANY_MAP, ANYS},
};

/// The deepest nesting that the original reads.
const DEPTH: usize = 10_000;

/// Why a text was not read, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text ends too early.
    #[error("unexpected end of JSON input")]
    End,
    /// A stream of texts ends too early.
    #[error("unexpected EOF")]
    Eof,
    /// A byte that may not stand where it does.
    #[error("invalid character {0} {1}")]
    Character(String, String),
    /// Too much inside each other.
    #[error("exceeded max depth")]
    Depth,
    /// The text is in order, but not what was asked for.
    #[error("json: cannot unmarshal {found} into Go value of type {wanted}")]
    Type {
        /// What stands there.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
}

/// Reads a text.
///
/// # Errors
/// In Go's words, with what was read all the same: a number that is too large is nil, the rest is there.
pub fn decode(text: &[u8]) -> Result<Value, (Error, Value)> {
    let mut reader = Reader { text, at: 0, too_large: None };
    let value = reader.document().map_err(|error| (error, Value::Nil))?;
    match reader.too_large {
        None => Ok(value),
        Some(number) => {
            let wanted = Type::FLOAT64.name();
            Err((Error::Type { found: format!("number {number}"), wanted }, value))
        }
    }
}

/// Reads the first of several texts, as a `json.Decoder` does, and says how many bytes it took.
///
/// # Errors
/// In Go's words.
pub fn decode_first(text: &[u8]) -> Result<(Value, usize), Error> {
    let mut reader = Reader { text, at: 0, too_large: None };
    match reader.first() {
        Ok(value) => match reader.too_large {
            None => Ok((value, reader.at)),
            Some(number) => {
                Err(Error::Type { found: format!("number {number}"), wanted: Type::FLOAT64.name() })
            }
        },
        // The space that ends other texts does not end a stream.
        Err(Error::Character(..)) if reader.at > text.len() => Err(Error::Eof),
        Err(Error::End) => Err(Error::Eof),
        Err(error) => Err(error),
    }
}

/// Reads an object, as into a `map[string]interface {}`: `null` is the nil map.
///
/// # Errors
/// In Go's words; what was read of an object all the same comes along.
pub fn decode_map(text: &[u8]) -> Result<Map, (Error, Map)> {
    let (value, error) = match decode(text) {
        Ok(value) => (value, None),
        Err((error @ Error::Type { .. }, value)) => (value, Some(error)),
        Err((error, _)) => return Err((error, Map::new(&ANY_MAP, BTreeMap::new()))),
    };
    let map = match value {
        Value::Map(map) => map,
        Value::Nil if error.is_none() => Map::nil(&ANY_MAP),
        other => {
            return Err((mismatch(&other, ANY_MAP.name), Map::new(&ANY_MAP, BTreeMap::new())));
        }
    };
    error.map_or(Ok(map.clone()), |error| Err((error, map)))
}

/// Reads an array, as into a `[]interface {}`: `null` is the nil slice.
///
/// # Errors
/// In Go's words.
pub fn decode_list(text: &[u8]) -> Result<List, Error> {
    match decode(text) {
        Ok(Value::List(list)) => Ok(list),
        Ok(Value::Nil) => Ok(List::nil(&ANYS)),
        Ok(other) | Err((Error::Type { .. }, other)) if !matches!(other, Value::List(_)) => {
            Err(mismatch(&other, ANYS.name))
        }
        Ok(_) => Ok(List::nil(&ANYS)),
        Err((error, _)) => Err(error),
    }
}

/// What is said of a value, not null, where one of another type was due.
pub fn mismatch(found: &Value, wanted: &'static str) -> Error {
    let found = match found {
        Value::Map(_) => "object",
        Value::List(_) => "array",
        Value::Str(_) => "string",
        Value::Bool(_) => "bool",
        _ => "number",
    };
    Error::Type { found: found.into(), wanted }
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    /// The first number that no float holds.
    too_large: Option<String>,
}

/// What is open around the place that is read.
enum Open {
    List(Vec<Value>),
    /// The entries so far and the key whose value comes.
    Map(BTreeMap<Str, Value>, Str),
}

impl Reader<'_> {
    /// A text that is all there is.
    fn document(&mut self) -> Result<Value, Error> {
        let value = self.first()?;
        match self.peek() {
            None => Ok(value),
            Some(byte) => Err(self.invalid(byte, "after top-level value")),
        }
    }

    /// A text, whatever comes behind it.
    fn first(&mut self) -> Result<Value, Error> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let Some(mut value) = self.begin(&mut open)? else { continue };
            // A value is whole: it goes into what is open, which may be whole by that too.
            loop {
                match open.pop() {
                    None => return Ok(value),
                    Some(Open::List(mut items)) => {
                        items.push(value);
                        match self.take()? {
                            b',' => {
                                open.push(Open::List(items));
                                break;
                            }
                            b']' => value = Value::list(items),
                            byte => return Err(self.invalid(byte, "after array element")),
                        }
                    }
                    Some(Open::Map(mut entries, key)) => {
                        entries.insert(key, value);
                        match self.take()? {
                            b',' => {
                                let key = self.key(false)?.unwrap_or_default();
                                open.push(Open::Map(entries, key));
                                break;
                            }
                            b'}' => value = Value::map(entries),
                            byte => return Err(self.invalid(byte, "after object key:value pair")),
                        }
                    }
                }
            }
        }
    }

    /// Reads a value; what has elements is opened and gives nothing yet, unless it is empty.
    fn begin(&mut self, open: &mut Vec<Open>) -> Result<Option<Value>, Error> {
        let byte = self.take()?;
        let value = match byte {
            b'{' | b'[' if open.len() >= DEPTH => return Err(Error::Depth),
            b'{' => match self.key(true)? {
                None => Value::map(BTreeMap::new()),
                Some(key) => {
                    open.push(Open::Map(BTreeMap::new(), key));
                    return Ok(None);
                }
            },
            b'[' => {
                if self.peek() == Some(b']') {
                    self.at += 1;
                    Value::list(Vec::new())
                } else {
                    open.push(Open::List(Vec::new()));
                    return Ok(None);
                }
            }
            b'"' => Value::Str(self.string()?),
            b't' => self.literal("true", Value::Bool(true))?,
            b'f' => self.literal("false", Value::Bool(false))?,
            b'n' => self.literal("null", Value::Nil)?,
            b'-' | b'0'..=b'9' => self.number(byte)?,
            byte => return Err(self.invalid(byte, "looking for beginning of value")),
        };
        Ok(Some(value))
    }

    /// A key and its colon; nothing where the object may end and does.
    fn key(&mut self, may_end: bool) -> Result<Option<Str>, Error> {
        match self.take()? {
            b'}' if may_end => return Ok(None),
            b'"' => (),
            byte => return Err(self.invalid(byte, "looking for beginning of object key string")),
        }
        let key = self.string()?;
        match self.take()? {
            b':' => Ok(Some(key)),
            byte => Err(self.invalid(byte, "after object key")),
        }
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn take(&mut self) -> Result<u8, Error> {
        let byte = self.peek().ok_or(Error::End)?;
        self.at += 1;
        Ok(byte)
    }

    /// The very next byte. The original ends every text with a space, which is wrong within words and numbers.
    fn raw(&mut self) -> u8 {
        let byte = self.text.get(self.at).copied().unwrap_or(b' ');
        self.at += 1;
        byte
    }

    fn invalid(&self, byte: u8, says: &str) -> Error {
        let quoted = match byte {
            b'\'' => r"'\''".into(),
            b'"' => "'\"'".into(),
            // The byte is taken for a rune.
            byte => {
                let quoted = strconv::quote(char::from(byte).encode_utf8(&mut [0; 4]).as_bytes());
                format!("'{}'", quoted.trim_matches('"'))
            }
        };
        Error::Character(quoted, says.into())
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, Error> {
        for wanted in word.chars().skip(1) {
            let byte = self.raw();
            if char::from(byte) != wanted {
                return Err(self.invalid(byte, &format!("in literal {word} (expecting '{wanted}')")));
            }
        }
        Ok(value)
    }

    fn number(&mut self, first: u8) -> Result<Value, Error> {
        let start = self.at - 1;
        let mut digit = first;
        if digit == b'-' {
            digit = self.raw();
            if !digit.is_ascii_digit() {
                return Err(self.invalid(digit, "in numeric literal"));
            }
        }
        if digit != b'0' {
            self.digits();
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            let byte = self.raw();
            if !byte.is_ascii_digit() {
                return Err(self.invalid(byte, "after decimal point in numeric literal"));
            }
            self.digits();
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            let mut byte = self.raw();
            if matches!(byte, b'+' | b'-') {
                byte = self.raw();
            }
            if !byte.is_ascii_digit() {
                return Err(self.invalid(byte, "in exponent of numeric literal"));
            }
            self.digits();
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::float(number)),
            _ => {
                self.too_large.get_or_insert_with(|| text.into_owned());
                Ok(Value::Nil)
            }
        }
    }

    fn digits(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    /// The rest of a string whose quote was read.
    fn string(&mut self) -> Result<Str, Error> {
        let mut out = Vec::new();
        loop {
            match self.text.get(self.at).ok_or(Error::End)? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    self.escape(&mut out)?;
                    continue;
                }
                byte @ 0..b' ' => return Err(self.invalid(*byte, "in string literal")),
                byte => out.push(*byte),
            }
            self.at += 1;
        }
        self.at += 1;
        // Bytes that are no UTF-8 become replacement characters, one each.
        if std::str::from_utf8(&out).is_ok() {
            return Ok(out.into());
        }
        let mut clean = String::with_capacity(out.len());
        for chunk in out.utf8_chunks() {
            clean.push_str(chunk.valid());
            clean.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        }
        Ok(clean.into())
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let byte = self.raw();
        out.push(match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let rune = self.unicode()?;
                out.extend_from_slice(rune.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            byte => return Err(self.invalid(byte, "in string escape code")),
        });
        Ok(())
    }

    /// Four digits, or twice four for a pair of surrogates; a lone one is the replacement character.
    fn unicode(&mut self) -> Result<char, Error> {
        let first = self.hexadecimal()?;
        if (0xD800..0xDC00).contains(&first)
            && self.text.get(self.at..).is_some_and(|it| it.starts_with(b"\\u"))
        {
            let place = self.at;
            self.at += 2;
            let second = self.hexadecimal()?;
            if (0xDC00..0xE000).contains(&second) {
                let rune = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(rune).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            // The second escape stands for itself.
            self.at = place;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hexadecimal(&mut self) -> Result<u32, Error> {
        let mut value = 0;
        for _ in 0..4 {
            let byte = self.raw();
            let digit = char::from(byte).to_digit(16);
            let says = "in \\u hexadecimal character escape";
            value = value * 16 + digit.ok_or_else(|| self.invalid(byte, says))?;
        }
        Ok(value)
    }
}
