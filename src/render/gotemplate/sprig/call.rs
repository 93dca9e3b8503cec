//! What the functions' bodies share.

use crate::{
    limits,
    render::gotemplate::{Context, Exhausted, Failure, Value, fmt},
};

/// What a function's body gives.
pub(super) type Out = Result<Value, Failure>;

/// What Go says where something is asked of an untyped nil.
pub(super) const NIL_DEREFERENCE: &str = "runtime error: invalid memory address or nil pointer dereference";

/// `fmt.Sprint` of one value: `%v`.
pub(super) fn print(value: &Value) -> Result<Vec<u8>, Failure> {
    fmt::sprint(std::slice::from_ref(value))
}

/// Takes from the budget what so many bytes cost that a function is about to make.
pub(super) fn room(context: &mut dyn Context, bytes: usize) -> Result<(), Failure> {
    let bytes = bytes as u64;
    // More than a whole render may write is of no use to one.
    if bytes > limits::TEMPLATE_BYTES {
        return Err(Exhausted::Bytes(limits::TEMPLATE_BYTES).into());
    }
    context.charge(bytes / 64)
}
