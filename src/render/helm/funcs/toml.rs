//! `toToml` and `fromToml`.

use std::collections::BTreeMap;

use crate::render::gotemplate::{
    Function, Type, Value,
    sprig::toml::{Unwritten, decode, encode},
};

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("toToml", &[Type::Any], Type::String, |context, args| match encode(args.any(0)) {
        Ok(text) => {
            context.charge(text.len() as u64 / 64)?;
            Ok(text.into())
        }
        // An error is the text, a panic is a panic.
        Err(Unwritten::Error(error)) => Ok(error.into()),
        Err(Unwritten::Failure(failure)) => Err(failure),
    }),
    Function::new("mustToToml", &[Type::Any], Type::String, |context, args| match encode(args.any(0)) {
        Ok(text) => {
            context.charge(text.len() as u64 / 64)?;
            Ok(text.into())
        }
        Err(Unwritten::Error(error)) => Err(error.into()),
        Err(Unwritten::Failure(failure)) => Err(failure),
    }),
    Function::new("fromToml", &[Type::String], Type::MAP, |context, args| {
        context.charge(args.str(0)?.len() as u64 / 16)?;
        Ok(match decode(args.str(0)?) {
            Ok(map) => map.into(),
            Err(error) => Value::map(BTreeMap::from([("Error".into(), error.to_string().into())])),
        })
    }),
];
