//! A value on its way through a pipeline.

use super::value::{Str, Type, Value};

/// What Go's executor holds as a `reflect.Value`: a value, and whether it still is inside an `interface {}`.
///
/// Nil inside an interface is Go's nil interface; nil outside of one is no value at all, as a key that is missing gives
/// it. Some errors and rules tell them apart, and messages name the type `interface {}` where the value is inside.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) value: Value,
    pub(super) boxed: bool,
}

impl Flow {
    /// No value at all.
    pub(super) const NOTHING: Self = Self { value: Value::Nil, boxed: false };

    pub(super) fn plain(value: Value) -> Self {
        Self { value, boxed: false }
    }

    /// A value whose static type is known.
    pub(super) fn of(value: Value, of: Type) -> Self {
        Self { value, boxed: matches!(of, Type::Any | Type::Error) }
    }

    /// The zero value of a type.
    pub(super) fn zero(of: Type) -> Self {
        Self::of(Value::zero(of), of)
    }

    pub(super) fn is_nothing(&self) -> bool {
        !self.boxed && matches!(self.value, Value::Nil)
    }

    /// Nil inside an interface, or a nil pointer: what Go's `indirect` stops at.
    pub(super) fn is_nil_pointer(&self) -> bool {
        self.boxed && matches!(self.value, Value::Nil) || matches!(self.value, Value::NilPointer(_))
    }

    /// The name of the type as messages give it.
    pub(super) fn type_name(&self) -> &'static str {
        if self.boxed { "interface {}" } else { self.value.type_name() }
    }
}

/// A variable and its value.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// The number of its name in the unit whose template declared it.
    pub(super) name: u32,
    pub(super) flow: Flow,
}

/// The text of a value that is printed alone, where nothing has to be formatted.
pub(super) fn as_text(value: &Value) -> Option<&Str> {
    match value {
        Value::Str(text) => Some(text),
        _ => None,
    }
}
