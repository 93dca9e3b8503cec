//! JSON as Go's `encoding/json` writes and reads it.

mod decode;
mod encode;

use super::call::{Out, room};
use crate::render::gotemplate::{Args, Context, Failure, Function, Type, Value};

pub use decode::{Error, decode, decode_first, decode_list, decode_map, mismatch};
pub use encode::{Style, encode};

const TEXT: Type = Type::String;

/// The functions of this family; Helm has its own `toJson`, `mustToJson` and `fromJson`.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("toJson", &[Type::Any], TEXT, |context, args| {
        forgive(written(context, args, Style::COMPACT))
    }),
    Function::new("mustToJson", &[Type::Any], TEXT, |context, args| written(context, args, Style::COMPACT)),
    Function::new("toPrettyJson", &[Type::Any], TEXT, |context, args| {
        forgive(written(context, args, Style::PRETTY))
    }),
    Function::new("mustToPrettyJson", &[Type::Any], TEXT, |context, args| {
        written(context, args, Style::PRETTY)
    }),
    Function::new("toRawJson", &[Type::Any], TEXT, |context, args| written(context, args, Style::RAW)),
    Function::new("mustToRawJson", &[Type::Any], TEXT, |context, args| written(context, args, Style::RAW)),
    Function::new("fromJson", &[TEXT], Type::Any, |context, args| {
        Ok(read(context, args)?.unwrap_or_else(|(_, partial)| partial))
    }),
    Function::new("mustFromJson", &[TEXT], Type::Any, |context, args| {
        Ok(read(context, args)?.map_err(|(error, _)| error.to_string())?)
    }),
];

/// Outside of the `must` functions what cannot be written is an empty text.
fn forgive(written: Out) -> Out {
    match written {
        Err(failure) if failure.exhausted().is_none() => Ok("".into()),
        written => written,
    }
}

fn written(context: &mut dyn Context, args: Args<'_>, style: Style) -> Out {
    let text = encode(args.any(0), style)?;
    room(context, text.len())?;
    Ok(text.into())
}

fn read(context: &mut dyn Context, args: Args<'_>) -> Result<Result<Value, (Error, Value)>, Failure> {
    let text = args.str(0)?;
    room(context, text.len())?;
    Ok(decode(text))
}
