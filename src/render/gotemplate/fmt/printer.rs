//! Values by verb.

use super::{ADDRESS, Stop, form::Flags};
use crate::{
    limits,
    render::gotemplate::{
        function::Failure,
        strconv::append_rune,
        value::{FloatKind, Kind, List, Map, Object, Type, Value},
    },
};

/// Prints to the end of a buffer.
pub(super) struct Printer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    room: u64,
    stop: Option<Stop>,
    pub(super) flags: Flags,
    /// Whether operands that are pointers stand for what they point to.
    pub(super) follows: bool,
    /// Set while a complaint is printed: methods are not called then.
    complaining: bool,
}

impl<'a> Printer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, room: u64) -> Self {
        let start = out.len();
        Self { out, start, room, stop: None, flags: Flags::default(), follows: false, complaining: false }
    }

    pub(super) fn finish(self) -> Result<(), Failure> {
        self.stop.map_or(Ok(()), |stop| Err(stop.into()))
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.is_some()
    }

    pub(super) fn clear_flags(&mut self) {
        self.flags = Flags::default();
    }

    /// Whether so many more bytes exceed the room; then nothing is written any more.
    pub(super) fn is_too_much(&mut self, count: usize) -> bool {
        if (self.out.len() - self.start + count) as u64 > self.room {
            self.stop.get_or_insert(Stop::Room(self.room));
        }
        self.stop.is_some()
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        if !self.is_too_much(bytes.len()) {
            self.out.extend_from_slice(bytes);
        }
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes(&[byte]);
    }

    pub(super) fn repeat(&mut self, byte: u8, count: usize) {
        if !self.is_too_much(count) {
            self.out.resize(self.out.len() + count, byte);
        }
    }

    /// `%!d` and why.
    pub(super) fn complain(&mut self, verb: char, why: &[u8]) {
        self.bytes(b"%!");
        let mut text = Vec::new();
        append_rune(&mut text, verb.into());
        self.bytes(&text);
        self.bytes(why);
    }

    /// `%!d(string=x)`: there is no such verb for the value.
    fn bad_verb(&mut self, value: &Value, verb: char) {
        let before = std::mem::replace(&mut self.complaining, true);
        self.complain(verb, b"(");
        self.typed(value);
        self.byte(b')');
        self.complaining = before;
    }

    /// `string=x`.
    pub(super) fn typed(&mut self, value: &Value) {
        if matches!(value, Value::Nil) {
            return self.bytes(b"<nil>");
        }
        self.bytes(value.type_name().as_bytes());
        self.byte(b'=');
        self.print_arg(value, 'v');
    }

    /// An operand.
    pub(super) fn print_arg(&mut self, value: &Value, verb: char) {
        match (verb, value) {
            ('T' | 'v', Value::Nil) => self.pad(b"<nil>"),
            (_, Value::Nil) => self.bad_verb(value, verb),
            ('T', _) => self.string(value.type_name().as_bytes()),
            ('p', _) => self.pointer(value, 'p'),
            (_, Value::Bytes(bytes)) => match verb {
                'v' | 'd' if self.flags.sharp_v => self.byte_elements(bytes, "[]byte", verb),
                _ => self.print_bytes(value, bytes, verb),
            },
            ('w', Value::List(_) | Value::Map(_) | Value::Object(_)) => self.bad_verb(value, verb),
            (_, Value::Object(object)) if self.method(object.as_ref(), verb) => (),
            _ => self.print_value(value, verb, 0),
        }
    }

    /// What `String`, `Error` or `GoString` say, where they are asked.
    fn method(&mut self, object: &dyn Object, verb: char) -> bool {
        if self.complaining {
            return false;
        }
        if self.flags.sharp_v {
            let Some(text) = object.go_text() else { return false };
            self.string(&text);
            return true;
        }
        if !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            return false;
        }
        let Some(text) = object.text() else { return false };
        self.text(&text, verb);
        true
    }

    fn print_value(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > limits::TEMPLATE_PRINT_DEPTH {
            self.stop.get_or_insert(Stop::Depth);
        }
        if self.stopped() {
            return;
        }
        match value {
            Value::Nil => self.bytes(b"<nil>"),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.pad(if *truth { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(number, _) => self.number(value, number.unsigned_abs(), *number < 0, verb),
            Value::Uint(number, _) => match verb {
                'v' if self.flags.sharp_v => self.hexadecimal(*number, true),
                _ => self.number(value, *number, false, verb),
            },
            Value::Float(number, kind) => {
                if !self.float_by_verb(*number, *kind, verb) {
                    self.bad_verb(value, verb);
                }
            }
            Value::Complex(real, imaginary) => {
                if !is_float_verb(verb) {
                    return self.bad_verb(value, verb);
                }
                let plus = self.flags.plus;
                self.byte(b'(');
                self.float_by_verb(*real, FloatKind::Float64, verb);
                self.flags.plus = true;
                self.float_by_verb(*imaginary, FloatKind::Float64, verb);
                self.bytes(b"i)");
                self.flags.plus = plus;
            }
            Value::Str(text) => {
                if !self.text(text, verb) {
                    self.bad_verb(value, verb);
                }
            }
            Value::Bytes(bytes) => self.print_bytes(value, bytes, verb),
            Value::List(list) => self.list(list, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Object(object) => self.object(value, object.as_ref(), verb, depth),
            Value::NilPointer(_) | Value::Func(_) => self.pointer(value, verb),
        }
    }

    fn text(&mut self, text: &[u8], verb: char) -> bool {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => self.string(text),
            'x' | 'X' => self.hexadecimal_bytes(text, verb == 'X'),
            'q' => self.quoted(text),
            _ => return false,
        }
        true
    }

    fn number(&mut self, value: &Value, magnitude: u64, negative: bool, verb: char) {
        // Characters are made of the bits, as Go's conversion does it.
        let bits = if negative { magnitude.wrapping_neg() } else { magnitude };
        match verb {
            'v' | 'd' => self.integer(magnitude, negative, 10, verb, false),
            'b' => self.integer(magnitude, negative, 2, verb, false),
            'o' | 'O' => self.integer(magnitude, negative, 8, verb, false),
            'x' | 'X' => self.integer(magnitude, negative, 16, verb, verb == 'X'),
            'c' => self.character(bits),
            'q' => self.quoted_character(bits),
            'U' => self.unicode(bits),
            _ => self.bad_verb(value, verb),
        }
    }

    fn float_by_verb(&mut self, number: f64, kind: FloatKind, verb: char) -> bool {
        match verb {
            'v' => self.float(number, kind, 'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.float(number, kind, verb, None),
            'f' | 'F' => self.float(number, kind, 'f', Some(6)),
            'e' | 'E' => self.float(number, kind, verb, Some(6)),
            _ => return false,
        }
        true
    }

    /// Bytes as a string where the verb is one of strings, else element by element.
    fn print_bytes(&mut self, value: &Value, bytes: &[u8], verb: char) {
        if verb == 'v' || !self.text(bytes, verb) {
            self.byte_elements(bytes, value.type_name(), verb);
        }
    }

    fn byte_elements(&mut self, bytes: &[u8], type_name: &str, verb: char) {
        self.open(type_name);
        for (at, byte) in bytes.iter().enumerate() {
            self.comma(at);
            let byte = Value::Uint(u64::from(*byte), crate::render::gotemplate::value::UintKind::Uint8);
            self.print_value(&byte, verb, 1);
        }
        self.byte(if self.flags.sharp_v { b'}' } else { b']' });
    }

    fn open(&mut self, type_name: &str) {
        if self.flags.sharp_v {
            self.bytes(type_name.as_bytes());
            self.byte(b'{');
        } else {
            self.byte(b'[');
        }
    }

    fn comma(&mut self, at: usize) {
        if at > 0 {
            self.bytes(if self.flags.sharp_v { b", " } else { b" " });
        }
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) {
        let kind = list.list_type();
        if self.flags.sharp_v && list.is_nil() {
            self.bytes(kind.name.as_bytes());
            return self.bytes(b"(nil)");
        }
        self.open(kind.name);
        for (at, item) in list.items().iter().enumerate() {
            self.comma(at);
            self.element(item, kind.element, verb, depth);
        }
        self.byte(if self.flags.sharp_v { b'}' } else { b']' });
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) {
        let kind = map.map_type();
        if !self.flags.sharp_v {
            self.bytes(b"map");
        } else if map.is_nil() {
            self.bytes(kind.name.as_bytes());
            return self.bytes(b"(nil)");
        }
        self.open(kind.name);
        let entries = map.entries();
        for (at, (key, value)) in entries.iter().flat_map(|it| it.iter()).enumerate() {
            self.comma(at);
            self.print_value(&Value::Str(key.clone()), verb, depth + 1);
            self.byte(b':');
            self.element(value, kind.element, verb, depth);
        }
        self.byte(if self.flags.sharp_v { b'}' } else { b']' });
    }

    /// What lies in a collection or a struct.
    fn element(&mut self, value: &Value, kind: Type, verb: char, depth: usize) {
        match value {
            Value::Nil if self.flags.sharp_v => {
                self.bytes(kind.name().as_bytes());
                self.bytes(b"(nil)");
            }
            Value::Object(object) if self.method(object.as_ref(), verb) => (),
            _ => self.print_value(value, verb, depth + 1),
        }
    }

    /// An object that has no method for the verb.
    fn object(&mut self, value: &Value, object: &dyn Object, verb: char, depth: usize) {
        if let Some(plain) = object.underlying() {
            let (Value::Int(..) | Value::Str(_)) = plain else {
                return self.print_value(&plain, verb, depth);
            };
            // Complaints name the type, not what it is made of.
            match (&plain, verb) {
                (Value::Int(number, _), 'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' | 'c' | 'q' | 'U') => {
                    self.number(&plain, number.unsigned_abs(), *number < 0, verb);
                }
                (Value::Str(text), 'v' | 's' | 'x' | 'X' | 'q') => _ = self.text(text, verb),
                _ => self.bad_verb(value, verb),
            }
            return;
        }
        if object.kind() == Kind::Pointer {
            if depth > 0 {
                return self.pointer(value, verb);
            }
            if !self.follows {
                self.byte(b'&');
            }
        }
        if self.flags.sharp_v {
            self.bytes(object.type_name().trim_start_matches('*').as_bytes());
        }
        self.byte(b'{');
        for (at, (name, field)) in object.fields().iter().enumerate() {
            self.comma(at);
            if self.flags.plus_v || self.flags.sharp_v {
                self.bytes(name.as_bytes());
                self.byte(b':');
            }
            self.element(field, Type::Any, verb, depth);
        }
        self.byte(b'}');
    }

    fn pointer(&mut self, value: &Value, verb: char) {
        if !matches!(value.kind(), Kind::Func | Kind::Map | Kind::Pointer | Kind::Slice) {
            return self.bad_verb(value, verb);
        }
        let address = if value.is_nil() { 0 } else { ADDRESS };
        match verb {
            'v' if self.flags.sharp_v => {
                self.byte(b'(');
                self.bytes(value.type_name().as_bytes());
                self.bytes(b")(");
                match address {
                    0 => self.bytes(b"nil"),
                    _ => self.hexadecimal(address, true),
                }
                self.byte(b')');
            }
            'v' if address == 0 => self.pad(b"<nil>"),
            'v' | 'p' => self.hexadecimal(address, !self.flags.sharp),
            'b' | 'o' | 'd' | 'x' | 'X' => self.number(value, address, false, verb),
            _ => self.bad_verb(value, verb),
        }
    }
}

fn is_float_verb(verb: char) -> bool {
    matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E')
}
