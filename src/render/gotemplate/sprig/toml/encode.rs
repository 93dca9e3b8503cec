//! Values as TOML: plain keys first, tables after them, each level indented by two spaces.

use super::{LOCAL, key};
use crate::{
    limits,
    render::gotemplate::{
        Failure, Object, Str, Value,
        sprig::{
            clock::{Time, Zone},
            semver::Version,
        },
        strconv::{self, FloatFormat},
        value::downcast,
    },
};

const NIL_ELEMENT: &str = "toml: cannot encode array with nil element";
const NO_KEY: &str = "toml: top-level values must be Go maps or structs";

/// Why a value was not written.
#[derive(Debug)]
pub enum Unwritten {
    /// The original's error.
    Error(String),
    /// The original's panic, or ours.
    Failure(Failure),
}

type Done = Result<(), Unwritten>;

/// Writes a value.
///
/// # Errors
/// In the original's words.
pub fn encode(value: &Value) -> Result<Vec<u8>, Unwritten> {
    if matches!(value, Value::Nil) {
        let panic = "reflect: call of reflect.Value.Type on zero Value";
        return Err(Unwritten::Failure(panic.into()));
    }
    let mut writer = Writer { out: Vec::new() };
    writer.encode(&[], value)?;
    Ok(writer.out)
}

fn error(text: impl Into<String>) -> Unwritten {
    Unwritten::Error(text.into())
}

/// What TOML makes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Nothing,
    Plain,
    Table,
    Tables,
}

fn form(value: &Value, depth: usize) -> Result<Form, Unwritten> {
    if depth > limits::VALUE_DEPTH {
        let text = format!("a value lies more than {} deep", limits::VALUE_DEPTH);
        return Err(Unwritten::Failure(text.into()));
    }
    Ok(match value {
        Value::Nil | Value::NilPointer(_) => Form::Nothing,
        Value::Map(map) if map.is_nil() => Form::Nothing,
        Value::List(list) if list.is_nil() => Form::Nothing,
        Value::Map(_) => Form::Table,
        Value::List(list) => {
            let mut tables = !list.is_empty();
            for item in list.items().iter() {
                match form(item, depth + 1)? {
                    Form::Nothing => return Err(error(NIL_ELEMENT)),
                    Form::Table => (),
                    _ => tables = false,
                }
            }
            if tables { Form::Tables } else { Form::Plain }
        }
        Value::Object(object) => match object.underlying() {
            Some(plain) => form(&plain, depth + 1)?,
            None if is_text(value) => Form::Plain,
            None => Form::Table,
        },
        Value::Func(_) | Value::Complex(..) => {
            return Err(error(format!("unsupported type: {}", value.kind().name())));
        }
        _ => Form::Plain,
    })
}

/// Whether the type has a text of its own for TOML.
fn is_text(value: &Value) -> bool {
    downcast::<Time>(value).is_some() || downcast::<Version>(value).is_some()
}

struct Writer {
    out: Vec<u8>,
}

impl Writer {
    fn encode(&mut self, key: &[Str], value: &Value) -> Done {
        match form(value, key.len())? {
            // At the top there is nothing to leave it out of.
            Form::Nothing if matches!(value, Value::List(_)) => self.entry(key, value, false),
            Form::Nothing => Ok(()),
            Form::Plain => self.entry(key, value, false),
            Form::Table => self.table(key, value),
            Form::Tables => self.tables(key, value),
        }
    }

    fn line(&mut self) {
        if !self.out.is_empty() {
            self.out.push(b'\n');
        }
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn indent(&mut self, key: &[Str]) {
        self.out.extend(std::iter::repeat_n(b' ', 2 * key.len().saturating_sub(1)));
    }

    fn entry(&mut self, key: &[Str], value: &Value, inline: bool) -> Done {
        let Some(last) = key.last() else { return self.element(value) };
        self.indent(key);
        self.out.extend(key::part(last));
        self.text(" = ");
        self.element(value)?;
        if !inline {
            self.line();
        }
        Ok(())
    }

    fn table(&mut self, key: &[Str], value: &Value) -> Done {
        if key.len() == 1 {
            self.line();
        }
        if !key.is_empty() {
            self.indent(key);
            self.out.push(b'[');
            self.out.extend(key::joined(key));
            self.text("]");
            self.line();
        }
        self.entries(key, &fields(value), false)
    }

    fn tables(&mut self, key: &[Str], value: &Value) -> Done {
        if key.is_empty() {
            return Err(error(NO_KEY));
        }
        let Value::List(list) = value.plain() else { return Ok(()) };
        for item in list.to_vec() {
            self.line();
            self.indent(key);
            self.text("[[");
            self.out.extend(key::joined(key));
            self.text("]]");
            self.line();
            self.entries(key, &fields(&item), false)?;
        }
        Ok(())
    }

    /// Writes entries, those that are no tables first. Within braces the original counts the ones that it leaves out
    /// when it sets commas, and so do we.
    fn entries(&mut self, key: &[Str], entries: &[(Str, Value)], inline: bool) -> Done {
        let (mut plain, mut tables) = (Vec::new(), Vec::new());
        for entry in entries {
            match form(&entry.1, key.len())? {
                Form::Table | Form::Tables => tables.push(entry),
                _ => plain.push(entry),
            }
        }
        if inline {
            self.text("{");
        }
        let follows = !tables.is_empty();
        for (group, follows) in [(plain, follows), (tables, false)] {
            let count = group.len();
            for (at, (name, value)) in group.into_iter().enumerate() {
                if value.is_nil() {
                    continue;
                }
                if inline {
                    self.entry(std::slice::from_ref(name), value, true)?;
                    if follows || at + 1 < count {
                        self.text(", ");
                    }
                } else {
                    let mut inner = key.to_vec();
                    inner.push(name.clone());
                    self.encode(&inner, value)?;
                }
            }
        }
        if inline {
            self.text("}");
        }
        Ok(())
    }

    fn element(&mut self, value: &Value) -> Done {
        match value {
            Value::Bool(truth) => self.text(if *truth { "true" } else { "false" }),
            Value::Int(number, _) => self.text(&number.to_string()),
            Value::Uint(number, _) => self.text(&number.to_string()),
            Value::Float(number, kind) => {
                let sign = if number.is_sign_negative() { "-" } else { "" };
                if number.is_nan() {
                    self.text(&format!("{sign}nan"));
                } else if number.is_infinite() {
                    self.text(&format!("{sign}inf"));
                } else {
                    let general = FloatFormat::General { upper: false };
                    let text = strconv::format_float(*number, general, None, *kind);
                    let whole = !text.contains(['e', '.']);
                    self.text(&text);
                    self.text(if whole { ".0" } else { "" });
                }
            }
            Value::Str(text) => self.out.extend(key::quoted(text)),
            Value::List(_) | Value::Bytes(_) => {
                let items = super::super::list::items(value).unwrap_or_default();
                self.text("[");
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.text(", ");
                    }
                    self.element(item)?;
                }
                self.text("]");
            }
            Value::Map(_) => return self.entries(&[], &fields(value), true),
            Value::Object(object) => return self.object(value, object.as_ref()),
            _ => return Err(error(format!("unexpected type: {}", value.type_name()))),
        }
        Ok(())
    }

    fn object(&mut self, value: &Value, object: &dyn Object) -> Done {
        if let Some(time) = downcast::<Time>(value) {
            let name = match &time.zone {
                Zone::Fixed { name, .. } => name.as_str(),
                _ => "",
            };
            let layout: &[u8] = match LOCAL.iter().position(|it| *it == name) {
                Some(0) => b"2006-01-02T15:04:05.999999999",
                Some(1) => b"2006-01-02",
                Some(_) => b"15:04:05.999999999",
                None => b"2006-01-02T15:04:05.999999999Z07:00",
            };
            self.out.extend(time.format(layout));
            return Ok(());
        }
        // A duration is a number whose text is written.
        if let (true, Some(text)) = (is_text(value) || object.type_name() == "time.Duration", object.text()) {
            self.out.extend(key::quoted(&text));
            return Ok(());
        }
        match object.underlying() {
            Some(plain) => self.element(&plain),
            None => self.entries(&[], &fields(value), true),
        }
    }
}

/// The entries of a map, or the exported fields of a struct.
fn fields(value: &Value) -> Vec<(Str, Value)> {
    match value {
        Value::Map(map) => map.to_vec(),
        Value::Object(object) => match object.underlying() {
            Some(plain) => fields(&plain),
            None => {
                let fields = object.fields().into_iter();
                let exported = fields.filter(|(name, _)| name.starts_with(|c: char| c.is_uppercase()));
                exported.map(|(name, field)| (name.into(), field)).collect()
            }
        },
        _ => Vec::new(),
    }
}
