//! The functions on types and kinds.

use super::equal::deep_equal;
use crate::render::gotemplate::{Function, Type};

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("typeOf", &[Type::Any], Type::String, |_, args| Ok(args.any(0).type_name().into())),
    Function::new("typeIs", &[Type::String, Type::Any], Type::Bool, |_, args| {
        Ok((args.str(0)?.as_bytes() == args.any(1).type_name().as_bytes()).into())
    }),
    Function::new("typeIsLike", &[Type::String, Type::Any], Type::Bool, |_, args| {
        let (wanted, name) = (args.str(0)?, args.any(1).type_name().as_bytes());
        Ok((wanted.as_bytes() == name || name.strip_prefix(b"*") == Some(wanted)).into())
    }),
    Function::new("kindOf", &[Type::Any], Type::String, |_, args| Ok(args.any(0).kind().name().into())),
    Function::new("kindIs", &[Type::String, Type::Any], Type::Bool, |_, args| {
        Ok((args.str(0)?.as_bytes() == args.any(1).kind().name().as_bytes()).into())
    }),
    Function::new("deepEqual", &[Type::Any, Type::Any], Type::Bool, |_, args| {
        Ok(deep_equal(args.any(0), args.any(1))?.into())
    }),
];
