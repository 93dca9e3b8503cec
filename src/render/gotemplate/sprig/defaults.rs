//! The functions on what is empty and what stands in for it.

use super::call::Out;
use crate::render::gotemplate::{Args, Context, Function, Kind, Type, Value};

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::variadic("default", &[Type::Any, Type::Any], Type::Any, default),
    Function::new("empty", &[Type::Any], Type::Bool, |_, args| Ok(is_empty(args.any(0)).into())),
    Function::variadic("coalesce", &[Type::Any], Type::Any, |_, args| {
        Ok(args.rest(0).iter().find(|it| !is_empty(it)).cloned().unwrap_or_default())
    }),
    Function::variadic("all", &[Type::Any], Type::Bool, |_, args| {
        Ok((!args.rest(0).iter().any(is_empty)).into())
    }),
    Function::variadic("any", &[Type::Any], Type::Bool, |_, args| {
        Ok(args.rest(0).iter().any(|it| !is_empty(it)).into())
    }),
    Function::new("ternary", &[Type::Any, Type::Any, Type::Bool], Type::Any, |_, args| {
        Ok(args.any(usize::from(!args.bool(2)?)).clone())
    }),
];

/// Sprig's `empty`: nil, false, 0, and what has no elements. Structs never are.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) if object.kind() == Kind::Struct => false,
        value => !value.is_true(),
    }
}

fn default(_: &mut dyn Context, args: Args<'_>) -> Out {
    let given = args.any(1);
    Ok(if is_empty(given) { args.any(0) } else { given }.clone())
}
