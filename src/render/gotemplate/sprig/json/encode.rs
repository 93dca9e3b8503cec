//! `json.Marshal`, `json.MarshalIndent` and an `Encoder` without HTML escapes.

use crate::{
    limits,
    render::gotemplate::{
        Failure, Kind, Object, Value,
        sprig::{clock::Time, encoding::base64, semver::Version},
        strconv::{self, FloatFormat},
        value::{FloatKind, downcast},
    },
};

/// How JSON is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// `<`, `>` and `&` are escaped.
    html: bool,
    /// One element a line, two spaces a level.
    pretty: bool,
}

impl Style {
    /// `json.Marshal`.
    pub const COMPACT: Self = Self { html: true, pretty: false };
    /// `json.MarshalIndent` with two spaces.
    pub const PRETTY: Self = Self { html: true, pretty: true };
    /// An encoder with `SetEscapeHTML(false)`.
    pub const RAW: Self = Self { html: false, pretty: false };
}

/// Writes a value.
///
/// # Errors
/// In Go's words, for what JSON cannot say.
pub fn encode(value: &Value, style: Style) -> Result<Vec<u8>, Failure> {
    let mut writer = Writer { out: Vec::new(), style };
    writer.value(value, 0)?;
    Ok(writer.out)
}

struct Writer {
    out: Vec<u8>,
    style: Style,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Failure> {
        if depth > limits::VALUE_DEPTH {
            return Err(format!("a value lies more than {} deep", limits::VALUE_DEPTH).into());
        }
        match value {
            Value::Nil | Value::NilPointer(_) => self.text("null"),
            Value::Bool(truth) => self.text(if *truth { "true" } else { "false" }),
            Value::Int(number, _) => self.text(&number.to_string()),
            Value::Uint(number, _) => self.text(&number.to_string()),
            Value::Float(number, kind) => self.float(*number, *kind)?,
            Value::Str(text) => self.string(text),
            Value::Bytes(bytes) => {
                self.out.push(b'"');
                self.out.extend(base64(bytes));
                self.out.push(b'"');
            }
            Value::List(list) if list.is_nil() => self.text("null"),
            Value::List(list) => {
                self.open(b'[');
                for (at, item) in list.items().iter().enumerate() {
                    self.next(at, depth + 1);
                    self.value(item, depth + 1)?;
                }
                self.close(b']', list.is_empty(), depth);
            }
            Value::Map(map) => {
                let Some(entries) = map.entries() else {
                    self.text("null");
                    return Ok(());
                };
                self.open(b'{');
                for (at, (key, item)) in entries.iter().enumerate() {
                    self.next(at, depth + 1);
                    self.key(key);
                    self.value(item, depth + 1)?;
                }
                self.close(b'}', entries.is_empty(), depth);
            }
            Value::Object(object) => return self.object(value, object.as_ref(), depth),
            Value::Complex(..) | Value::Func(_) => {
                return Err(format!("json: unsupported type: {}", value.type_name()).into());
            }
        }
        Ok(())
    }

    fn object(&mut self, value: &Value, object: &dyn Object, depth: usize) -> Result<(), Failure> {
        if let Some(time) = downcast::<Time>(value) {
            let year = time.shown().0.year;
            if !(0..=9999).contains(&year) {
                let says = "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: ";
                return Err(format!("{says}year outside of range [0,9999]").into());
            }
            self.string(&time.format(b"2006-01-02T15:04:05.999999999Z07:00"));
        } else if let Some(version) = downcast::<Version>(value) {
            self.string(version.to_string().as_bytes());
        } else if let Some(plain) = object.underlying() {
            return self.value(&plain, depth);
        } else if object.kind() == Kind::Func {
            return Err(format!("json: unsupported type: {}", object.type_name()).into());
        } else {
            self.open(b'{');
            let fields = object.fields();
            let exported = fields.iter().filter(|(name, _)| name.starts_with(|c: char| c.is_uppercase()));
            let mut empty = true;
            for (at, (name, field)) in exported.enumerate() {
                self.next(at, depth + 1);
                self.key(name.as_bytes());
                self.value(field, depth + 1)?;
                empty = false;
            }
            self.close(b'}', empty, depth);
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn key(&mut self, key: &[u8]) {
        self.string(key);
        self.text(if self.style.pretty { ": " } else { ":" });
    }

    fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
    }

    fn next(&mut self, at: usize, depth: usize) {
        if at > 0 {
            self.out.push(b',');
        }
        self.line(depth);
    }

    fn close(&mut self, bracket: u8, empty: bool, depth: usize) {
        if !empty {
            self.line(depth);
        }
        self.out.push(bracket);
    }

    fn line(&mut self, depth: usize) {
        if self.style.pretty {
            self.out.push(b'\n');
            self.out.extend(std::iter::repeat_n(b' ', 2 * depth));
        }
    }

    fn float(&mut self, number: f64, kind: FloatKind) -> Result<(), Failure> {
        if !number.is_finite() {
            let name = strconv::format_float(number, FloatFormat::General { upper: false }, None, kind);
            return Err(format!("json: unsupported value: {name}").into());
        }
        let size = number.abs();
        let plain = size == 0.0
            || match kind {
                FloatKind::Float64 => (1e-6..1e21).contains(&size),
                #[allow(clippy::cast_possible_truncation, reason = "the float is one of 32 bits")]
                FloatKind::Float32 => (1e-6_f32..1e21_f32).contains(&(size as f32)),
            };
        let format = if plain { FloatFormat::Plain } else { FloatFormat::Exponent { upper: false } };
        let text = strconv::format_float(number, format, None, kind);
        // `1e-09` is written `1e-9`; positive exponents have two digits from the start.
        match text.split_once("e-0") {
            Some((mantissa, digit)) => self.text(&format!("{mantissa}e-{digit}")),
            None => self.text(&text),
        }
        Ok(())
    }

    fn string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for chunk in text.utf8_chunks() {
            for c in chunk.valid().chars() {
                self.character(c);
            }
            for _ in chunk.invalid() {
                self.text("\\ufffd");
            }
        }
        self.out.push(b'"');
    }

    fn character(&mut self, c: char) {
        match c {
            '"' => self.text("\\\""),
            '\\' => self.text("\\\\"),
            '\u{8}' => self.text("\\b"),
            '\u{c}' => self.text("\\f"),
            '\n' => self.text("\\n"),
            '\r' => self.text("\\r"),
            '\t' => self.text("\\t"),
            '\0'..' ' | '\u{2028}' | '\u{2029}' => self.text(&format!("\\u{:04x}", u32::from(c))),
            '<' | '>' | '&' if self.style.html => self.text(&format!("\\u{:04x}", u32::from(c))),
            c => self.text(c.encode_utf8(&mut [0; 4])),
        }
    }
}
