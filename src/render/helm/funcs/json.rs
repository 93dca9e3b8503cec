//! `toJson` and `fromJson` as Helm has them.

use crate::render::gotemplate::{
    Function, List, Type, Value,
    sprig::json::{Style, decode_list, decode_map, encode},
};

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("toJson", &[Type::Any], Type::String, |context, args| {
        super::or_empty(encode(args.any(0), Style::COMPACT).and_then(|text| {
            context.charge(text.len() as u64 / 64)?;
            Ok(text.into())
        }))
    }),
    Function::new("mustToJson", &[Type::Any], Type::String, |context, args| {
        let text = encode(args.any(0), Style::COMPACT)?;
        context.charge(text.len() as u64 / 64)?;
        Ok(text.into())
    }),
    Function::new("fromJson", &[Type::String], Type::MAP, |context, args| {
        context.charge(args.str(0)?.len() as u64 / 64)?;
        Ok(match decode_map(args.str(0)?) {
            Ok(map) => map.into(),
            Err((error, map)) => {
                map.insert("Error".into(), error.to_string().into())?;
                map.into()
            }
        })
    }),
    Function::new("fromJsonArray", &[Type::String], Type::LIST, |context, args| {
        context.charge(args.str(0)?.len() as u64 / 64)?;
        Ok(match decode_list(args.str(0)?) {
            Ok(list) => List::into(list),
            Err(error) => Value::list(vec![error.to_string().into()]),
        })
    }),
];
