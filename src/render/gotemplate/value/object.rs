//! Things with methods and fields that are not plain data: a time, a version, a chart's files.

use std::{any::Any, rc::Rc};

use super::{Kind, Str, Value};
use crate::render::gotemplate::function::Function;

/// A Go value with methods or fields. Only the type's name and its kind are asked of every object.
pub trait Object: Any {
    /// The name of the type as `%T` prints it: `time.Time`, `*semver.Version`.
    fn type_name(&self) -> &'static str;

    /// What `reflect` calls its kind. For a pointer to a struct this is [`Kind::Pointer`].
    fn kind(&self) -> Kind {
        Kind::Struct
    }

    /// A method by name; its function gets the object itself as the first argument, ahead of those it declares.
    fn method(&self, _name: &str) -> Option<&'static Function> {
        None
    }

    /// An exported field by name.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// All fields in order, unexported ones too, for printing. Empty where [`text`](Self::text) says it.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// What its `String` or `Error` method gives, where it has one.
    fn text(&self) -> Option<Str> {
        None
    }

    /// What printing the value itself gives, and nothing else, where `String` is a method of the pointer to it alone.
    fn addressed_text(&self) -> Option<Str> {
        None
    }

    /// What its `GoString` method gives (`%#v`), where it has one.
    fn go_text(&self) -> Option<Str> {
        None
    }

    /// Where the type is a name for plain data (`time.Duration` for `int64`, `Files` for a map of bytes), that data: it
    /// decides truth, length, ranges, indexing and comparison.
    fn underlying(&self) -> Option<Value> {
        None
    }

    /// `==` with another object of the same type name; `None` where Go cannot compare the type.
    fn equals(&self, _other: &dyn Object) -> Option<bool> {
        None
    }

    /// For those who know the Rust type.
    fn as_any(&self) -> &dyn Any;
}

/// The object behind a value, as its Rust type.
pub fn downcast<T: Object>(value: &Value) -> Option<&T> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref(),
        _ => None,
    }
}

/// Wraps an object.
pub fn object(it: impl Object) -> Value {
    Value::Object(Rc::new(it))
}
