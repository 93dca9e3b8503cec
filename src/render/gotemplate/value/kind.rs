//! Kinds and types, as Go's `reflect` tells them apart and as its messages name them.

use std::fmt;

/// The signed integer types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntKind {
    /// `int`: what literals and `len` are.
    Int,
    /// `int8`.
    Int8,
    /// `int16`.
    Int16,
    /// `int32`, also `rune`.
    Int32,
    /// `int64`: what Sprig's arithmetic returns.
    Int64,
}

/// The unsigned integer types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UintKind {
    /// `uint`.
    Uint,
    /// `uint8`, also `byte`.
    Uint8,
    /// `uint16`.
    Uint16,
    /// `uint32`.
    Uint32,
    /// `uint64`.
    Uint64,
    /// `uintptr`.
    Uintptr,
}

/// The floating-point types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FloatKind {
    /// `float32`.
    Float32,
    /// `float64`: what every number of JSON is.
    Float64,
}

/// What `reflect.Kind` says of a value: the shape below its type's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// No value at all: untyped nil.
    Invalid,
    /// `bool`.
    Bool,
    /// A signed integer.
    Int(IntKind),
    /// An unsigned integer.
    Uint(UintKind),
    /// A float.
    Float(FloatKind),
    /// `complex128`.
    Complex,
    /// `string`.
    String,
    /// A slice.
    Slice,
    /// A map.
    Map,
    /// A struct.
    Struct,
    /// A pointer.
    Pointer,
    /// A function.
    Func,
    /// An interface that is no other value.
    Interface,
}

impl Kind {
    /// The name that `reflect.Kind.String` gives: `float64`, `slice`, `ptr`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int(kind) => kind.name(),
            Self::Uint(kind) => kind.name(),
            Self::Float(kind) => kind.name(),
            Self::Complex => "complex128",
            Self::String => "string",
            Self::Slice => "slice",
            Self::Map => "map",
            Self::Struct => "struct",
            Self::Pointer => "ptr",
            Self::Func => "func",
            Self::Interface => "interface",
        }
    }
}

impl IntKind {
    /// Its name in Go.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
        }
    }

    /// Cuts a number to the width of the type, as a conversion in Go does.
    pub fn wrap(self, number: i64) -> i64 {
        let unused = match self {
            Self::Int | Self::Int64 => 0,
            Self::Int8 => 56,
            Self::Int16 => 48,
            Self::Int32 => 32,
        };
        number << unused >> unused
    }
}

impl UintKind {
    /// Its name in Go.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Uintptr => "uintptr",
        }
    }

    /// Cuts a number to the width of the type, as a conversion in Go does.
    pub fn wrap(self, number: u64) -> u64 {
        let unused = match self {
            Self::Uint | Self::Uint64 | Self::Uintptr => 0,
            Self::Uint8 => 56,
            Self::Uint16 => 48,
            Self::Uint32 => 32,
        };
        number << unused >> unused
    }
}

impl FloatKind {
    /// Its name in Go.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }
}

/// The type of a slice: its name as `%T` prints it, and what it holds.
#[derive(Debug, PartialEq, Eq)]
pub struct ListType {
    /// `[]interface {}`, `[]string`, `common.VersionSet`.
    pub name: &'static str,
    /// The type of the elements; with [`Type::Any`] each is an interface around a value.
    pub element: Type,
}

/// `[]interface {}`: every list of JSON, and what Sprig's `list` makes.
pub static ANYS: ListType = ListType { name: "[]interface {}", element: Type::Any };
/// `[]string`: what Sprig's `keys` and `splitList` make.
pub static STRINGS: ListType = ListType { name: "[]string", element: Type::String };
/// `[]int`: what Sprig's `until` makes.
pub static INTS: ListType = ListType { name: "[]int", element: Type::Int(IntKind::Int) };
/// `[][]interface {}`: what Sprig's `chunk` makes.
pub static ANY_LISTS: ListType = ListType { name: "[][]interface {}", element: Type::List(&ANYS) };
/// `[]map[string]interface {}`.
pub static ANY_MAPS: ListType = ListType { name: "[]map[string]interface {}", element: Type::Map(&ANY_MAP) };

/// The type of a map with string keys: its name as `%T` prints it, and what it holds.
#[derive(Debug, PartialEq, Eq)]
pub struct MapType {
    /// `map[string]interface {}`, `common.Values`.
    pub name: &'static str,
    /// The type of the values; with [`Type::Any`] each is an interface around a value.
    pub element: Type,
}

/// `map[string]interface {}`: every object of JSON, and what Sprig's `dict` makes.
pub static ANY_MAP: MapType = MapType { name: "map[string]interface {}", element: Type::Any };
/// `map[string]string`.
pub static STRING_MAP: MapType = MapType { name: "map[string]string", element: Type::String };

impl ListType {
    /// Whether the type has a name of its own, so that Go lets it stand for another of the same shape only where that
    /// one has none.
    fn is_named(&self) -> bool {
        !self.name.starts_with("[]")
    }
}

impl MapType {
    fn is_named(&self) -> bool {
        !self.name.starts_with("map[")
    }
}

/// A static type: of a parameter, a result, an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`: anything, nil included.
    Any,
    /// `reflect.Value`: anything, as it stands. A parameter of this type sees nil where there is nothing.
    Reflect,
    /// `bool`.
    Bool,
    /// A signed integer.
    Int(IntKind),
    /// An unsigned integer.
    Uint(UintKind),
    /// A float.
    Float(FloatKind),
    /// `complex128`.
    Complex,
    /// `string`.
    String,
    /// `[]uint8`.
    Bytes,
    /// A slice.
    List(&'static ListType),
    /// A map with string keys.
    Map(&'static MapType),
    /// A type of [`Object`](super::Object) by its name: `time.Time`, `*semver.Version`.
    Object(&'static str),
    /// `error`.
    Error,
}

impl Type {
    /// `int`.
    pub const INT: Self = Self::Int(IntKind::Int);
    /// `int64`.
    pub const INT64: Self = Self::Int(IntKind::Int64);
    /// `float64`.
    pub const FLOAT64: Self = Self::Float(FloatKind::Float64);
    /// `map[string]interface {}`.
    pub const MAP: Self = Self::Map(&ANY_MAP);
    /// `[]interface {}`.
    pub const LIST: Self = Self::List(&ANYS);
    /// `[]string`.
    pub const STRINGS: Self = Self::List(&STRINGS);

    /// The name as Go prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::Bool => "bool",
            Self::Int(kind) => kind.name(),
            Self::Uint(kind) => kind.name(),
            Self::Float(kind) => kind.name(),
            Self::Complex => "complex128",
            Self::String => "string",
            Self::Bytes => "[]uint8",
            Self::List(list) => list.name,
            Self::Map(map) => map.name,
            Self::Object(name) => name,
            Self::Error => "error",
        }
    }

    /// Whether an untyped nil can stand for the type (Go: `canBeNil`).
    pub fn takes_nil(self) -> bool {
        match self {
            Self::Any | Self::Reflect | Self::Error | Self::Bytes | Self::List(_) | Self::Map(_) => true,
            Self::Object(name) => name.starts_with('*'),
            Self::Bool | Self::Int(_) | Self::Uint(_) | Self::Float(_) | Self::Complex | Self::String => {
                false
            }
        }
    }

    /// Whether a list of type `list` is assignable (Go: one of both has no name, and the shape is the same).
    pub(crate) fn takes_list(self, list: &'static ListType) -> bool {
        match self {
            Self::List(own) => {
                own.name == list.name || own.element == list.element && (!own.is_named() || !list.is_named())
            }
            _ => false,
        }
    }

    /// Whether a map of type `map` is assignable.
    pub(crate) fn takes_map(self, map: &'static MapType) -> bool {
        match self {
            Self::Map(own) => {
                own.name == map.name || own.element == map.element && (!own.is_named() || !map.is_named())
            }
            _ => false,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
