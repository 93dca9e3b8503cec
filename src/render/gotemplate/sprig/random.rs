//! The functions that draw from the environment's generator.

use super::{
    call::{Out, room},
    encoding::base64,
    environment::Environment,
    words::runes,
};
use crate::render::gotemplate::{Args, Context, Function, Type};

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("randAlphaNum", &[Type::INT], Type::String, |context, args| {
        drawn(context, args, |it| it.is_ascii_alphanumeric())
    }),
    Function::new("randAlpha", &[Type::INT], Type::String, |context, args| {
        drawn(context, args, |it| it.is_ascii_alphabetic())
    }),
    Function::new("randNumeric", &[Type::INT], Type::String, |context, args| {
        drawn(context, args, |it| it.is_ascii_digit())
    }),
    Function::new("randAscii", &[Type::INT], Type::String, |context, args| drawn(context, args, |_| true)),
    Function::new("randBytes", &[Type::INT], Type::String, bytes),
    Function::new("shuffle", &[Type::String], Type::String, shuffle),
    Function::new("uuidv4", &[], Type::String, uuid),
];

/// So many of the printable characters of ASCII that `accept` takes. A count below zero gives nothing.
fn drawn(context: &mut dyn Context, args: Args<'_>, accept: fn(&u8) -> bool) -> Out {
    let count = usize::try_from(args.int(0)?).unwrap_or(0);
    room(context, count)?;
    context.charge(count as u64)?;
    let environment = Environment::of(context)?;
    let alphabet: Vec<u8> = (b' '..=b'~').filter(accept).collect();
    let mut out = Vec::with_capacity(count);
    while out.len() < count {
        let at = usize::try_from(environment.below(alphabet.len() as u64)).unwrap_or(0);
        out.extend(alphabet.get(at));
    }
    Ok(out.into())
}

fn bytes(context: &mut dyn Context, args: Args<'_>) -> Out {
    let Ok(count) = usize::try_from(args.int(0)?) else {
        return Err("runtime error: makeslice: len out of range".into());
    };
    room(context, count.saturating_mul(2))?;
    let mut bytes = vec![0; count];
    Environment::of(context)?.random().fill_bytes(&mut bytes);
    Ok(base64(&bytes).into())
}

fn shuffle(context: &mut dyn Context, args: Args<'_>) -> Out {
    let mut letters: Vec<char> = runes(args.str(0)?).map(|(rune, _)| rune).collect();
    context.charge(letters.len() as u64)?;
    let environment = Environment::of(context)?;
    for at in (1..letters.len()).rev() {
        let other = usize::try_from(environment.below(at as u64 + 1)).unwrap_or(at);
        letters.swap(at, other);
    }
    Ok(letters.into_iter().collect::<String>().into())
}

/// RFC 9562, version 4.
fn uuid(context: &mut dyn Context, _: Args<'_>) -> Out {
    let mut bytes = [0; 16];
    Environment::of(context)?.random().fill_bytes(&mut bytes);
    let value = u128::from_be_bytes(bytes);
    let value = value & !(0xf << 76) | 4 << 76;
    let value = value & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{value:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-").into())
}
