//! The values that templates work on: Go's, as far as `text/template`, Sprig and Helm can make or meet them.
//!
//! Three things differ from JSON and are kept apart because output depends on them. Numbers have Go's types: `80` from a
//! values file is a `float64`, a literal an `int`, and `eq` refuses to compare them. Maps and lists are references: `set`
//! on one is seen through all. Strings are bytes.
//!
//! A [`Value`] is what Go calls a concrete value, or [`Value::Nil`]. Whether it came out of an `interface {}` (an element
//! of `map[string]interface {}`), which some of Go's messages and nil rules depend on, is known to the executor only.

mod kind;
mod list;
mod map;
mod object;
mod sink;
mod text;

use std::{collections::BTreeMap, fmt, rc::Rc};

pub use kind::{
    ANY_LISTS, ANY_MAP, ANY_MAPS, ANYS, FloatKind, INTS, IntKind, Kind, ListType, MapType, STRING_MAP,
    STRINGS, Type, UintKind,
};
pub use list::{Items, List};
pub use map::{Map, NilMap};
pub use object::{Object, downcast, object};
pub use text::Str;

use super::function::Function;

/// A value. Cloning is cheap and never copies what a map or list holds.
#[derive(Clone, Default)]
pub enum Value {
    /// Untyped nil.
    #[default]
    Nil,
    /// `bool`.
    Bool(bool),
    /// A signed integer with its type.
    Int(i64, IntKind),
    /// An unsigned integer with its type.
    Uint(u64, UintKind),
    /// A float with its type; a `float32` is held as the `float64` of the same number.
    Float(f64, FloatKind),
    /// `complex128`: real and imaginary part.
    Complex(f64, f64),
    /// `string`.
    Str(Str),
    /// `[]uint8`.
    Bytes(Str),
    /// A slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// A thing with methods and fields.
    Object(Rc<dyn Object>),
    /// A nil pointer, with the name of its type: `*semver.Version`. The original tells a field that the type has from
    /// one that it has not; here each is a nil pointer's.
    NilPointer(&'static str),
    /// A function, for `call`.
    Func(&'static Function),
}

impl Value {
    /// An `int`.
    pub fn int(number: i64) -> Self {
        Self::Int(number, IntKind::Int)
    }

    /// An `int64`.
    pub fn int64(number: i64) -> Self {
        Self::Int(number, IntKind::Int64)
    }

    /// A `float64`.
    pub fn float(number: f64) -> Self {
        Self::Float(number, FloatKind::Float64)
    }

    /// A `string`.
    pub fn str(text: impl Into<Str>) -> Self {
        Self::Str(text.into())
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::new(&ANYS, items))
    }

    /// A `[]string`.
    pub fn strings(items: impl IntoIterator<Item = Str>) -> Self {
        Self::List(List::new(&STRINGS, items.into_iter().map(Self::Str).collect()))
    }

    /// A `map[string]interface {}`.
    pub fn map(entries: BTreeMap<Str, Self>) -> Self {
        Self::Map(Map::new(&ANY_MAP, entries))
    }

    /// The kind: the shape below the type's name.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nil => Kind::Invalid,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_, kind) => Kind::Int(*kind),
            Self::Uint(_, kind) => Kind::Uint(*kind),
            Self::Float(_, kind) => Kind::Float(*kind),
            Self::Complex(..) => Kind::Complex,
            Self::Str(_) => Kind::String,
            Self::Bytes(_) | Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Object(object) => object.kind(),
            Self::NilPointer(_) => Kind::Pointer,
            Self::Func(_) => Kind::Func,
        }
    }

    /// The name of the type as `%T` prints it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_, kind) => kind.name(),
            Self::Uint(_, kind) => kind.name(),
            Self::Float(_, kind) => kind.name(),
            Self::Complex(..) => "complex128",
            Self::Str(_) => "string",
            Self::Bytes(_) => "[]uint8",
            Self::List(list) => list.list_type().name,
            Self::Map(map) => map.map_type().name,
            Self::Object(object) => object.type_name(),
            Self::NilPointer(name) => name,
            Self::Func(function) => function.type_name,
        }
    }

    /// Whether it is nil, untyped or of any type that has one.
    pub fn is_nil(&self) -> bool {
        match self {
            Self::Nil | Self::NilPointer(_) => true,
            Self::List(list) => list.is_nil(),
            Self::Map(map) => map.is_nil(),
            _ => false,
        }
    }

    /// Go templates' truth: not the zero value of its type. Structs are always true.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil | Self::NilPointer(_) => false,
            Self::Bool(truth) => *truth,
            Self::Int(number, _) => *number != 0,
            Self::Uint(number, _) => *number != 0,
            Self::Float(number, _) => *number != 0.0,
            Self::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Self::Str(text) | Self::Bytes(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => object.underlying().is_none_or(|it| it.is_true()),
            Self::Func(_) => true,
        }
    }

    /// The plain data behind an object whose type is a name for some; anything else is itself.
    pub fn plain(&self) -> Self {
        match self {
            Self::Object(object) => object.underlying().unwrap_or_else(|| self.clone()),
            _ => self.clone(),
        }
    }

    /// The zero value of a type.
    pub fn zero(of: Type) -> Self {
        match of {
            Type::Any | Type::Reflect | Type::Error => Self::Nil,
            Type::Bool => Self::Bool(false),
            Type::Int(kind) => Self::Int(0, kind),
            Type::Uint(kind) => Self::Uint(0, kind),
            Type::Float(kind) => Self::Float(0.0, kind),
            Type::Complex => Self::Complex(0.0, 0.0),
            Type::String => Self::Str(Str::default()),
            Type::Bytes => Self::Bytes(Str::default()),
            Type::List(kind) => Self::List(List::nil(kind)),
            Type::Map(kind) => Self::Map(Map::nil(kind)),
            Type::Object(name) => Self::NilPointer(name),
        }
    }

    /// Whether the value may stand where `wanted` is declared, without conversion (Go: `AssignableTo`).
    pub fn is_assignable_to(&self, wanted: Type) -> bool {
        match (wanted, self) {
            (Type::Any | Type::Reflect, _) | (Type::Bool, Self::Bool(_)) => true,
            (Type::Int(wanted), Self::Int(_, kind)) => wanted == *kind,
            (Type::Uint(wanted), Self::Uint(_, kind)) => wanted == *kind,
            (Type::Float(wanted), Self::Float(_, kind)) => wanted == *kind,
            (Type::Complex, Self::Complex(..))
            | (Type::String, Self::Str(_))
            | (Type::Bytes, Self::Bytes(_)) => true,
            (Type::List(_), Self::List(list)) => wanted.takes_list(list.list_type()),
            (Type::Map(_), Self::Map(map)) => wanted.takes_map(map.map_type()),
            (Type::Object(wanted), Self::Object(object)) => wanted == object.type_name(),
            (Type::Object(wanted), Self::NilPointer(name)) => wanted == *name,
            (Type::Error, Self::Object(object)) => object.method("Error").is_some(),
            _ => false,
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Self {
        Self::Str(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Str(bytes.into())
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

/// A `[]interface {}`.
impl FromIterator<Self> for Value {
    fn from_iter<I: IntoIterator<Item = Self>>(items: I) -> Self {
        Self::list(items.into_iter().collect())
    }
}

/// A `map[string]interface {}`.
impl FromIterator<(Str, Self)> for Value {
    fn from_iter<I: IntoIterator<Item = (Str, Self)>>(entries: I) -> Self {
        Self::map(entries.into_iter().collect())
    }
}

/// For messages of tests: scalars as they are, collections by type and length, since they may contain themselves.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Int(number, kind) => write!(f, "{}({number})", kind.name()),
            Self::Uint(number, kind) => write!(f, "{}({number})", kind.name()),
            Self::Float(number, kind) => write!(f, "{}({number:?})", kind.name()),
            Self::Complex(real, imaginary) => write!(f, "complex128({real:?}, {imaginary:?})"),
            Self::Str(text) => write!(f, "{text:?}"),
            Self::Bytes(text) => write!(f, "[]uint8({text:?})"),
            Self::List(list) => write!(f, "{list:?}"),
            Self::Map(map) => write!(f, "{map:?}"),
            Self::Object(object) => f.write_str(object.type_name()),
            Self::NilPointer(name) => write!(f, "({name})(nil)"),
            Self::Func(function) => f.write_str(function.name),
        }
    }
}
