//! The functions on regular expressions. Those that are no `must` functions panic on what is no expression, save
//! `regexMatch`.

use std::rc::Rc;

use super::{
    call::Out,
    environment::Environment,
    regexp::{Regexp, quote_meta},
};
use crate::render::gotemplate::{Args, Context, Failure, Function, List, Str, Type, Value, value::STRINGS};

const TEXT: Type = Type::String;

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("regexMatch", &[TEXT, TEXT], Type::Bool, |context, args| {
        let text = args.str(1)?;
        Ok(compiled(context, args, Panic::No)?.is_ok_and(|it| it.is_match(text)).into())
    }),
    Function::new("mustRegexMatch", &[TEXT, TEXT], Type::Bool, |context, args| {
        Ok(compiled(context, args, Panic::No)??.is_match(args.str(1)?).into())
    }),
    Function::new("regexFind", &[TEXT, TEXT], TEXT, |context, args| find(context, args, Panic::Yes)),
    Function::new("mustRegexFind", &[TEXT, TEXT], TEXT, |context, args| find(context, args, Panic::No)),
    Function::new("regexFindAll", &[TEXT, TEXT, Type::INT], Type::STRINGS, |context, args| {
        find_all(context, args, Panic::Yes)
    }),
    Function::new("mustRegexFindAll", &[TEXT, TEXT, Type::INT], Type::STRINGS, |context, args| {
        find_all(context, args, Panic::No)
    }),
    Function::new("regexReplaceAll", &[TEXT, TEXT, TEXT], TEXT, |context, args| {
        replace(context, args, Panic::Yes, Regexp::replace_all)
    }),
    Function::new("mustRegexReplaceAll", &[TEXT, TEXT, TEXT], TEXT, |context, args| {
        replace(context, args, Panic::No, Regexp::replace_all)
    }),
    Function::new("regexReplaceAllLiteral", &[TEXT, TEXT, TEXT], TEXT, |context, args| {
        replace(context, args, Panic::Yes, Regexp::replace_all_literal)
    }),
    Function::new("mustRegexReplaceAllLiteral", &[TEXT, TEXT, TEXT], TEXT, |context, args| {
        replace(context, args, Panic::No, Regexp::replace_all_literal)
    }),
    Function::new("regexSplit", &[TEXT, TEXT, Type::INT], Type::STRINGS, |context, args| {
        split(context, args, Panic::Yes)
    }),
    Function::new("mustRegexSplit", &[TEXT, TEXT, Type::INT], Type::STRINGS, |context, args| {
        split(context, args, Panic::No)
    }),
    Function::new("regexQuoteMeta", &[TEXT], TEXT, |_, args| Ok(quote_meta(args.str(0)?).into())),
];

/// Whether the original panics on a bad expression, which shows in its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panic {
    Yes,
    No,
}

/// The expression that is the first argument. Searching costs in proportion to the second.
fn compiled(
    context: &mut dyn Context,
    args: Args<'_>,
    panic: Panic,
) -> Result<Result<Rc<Regexp>, Failure>, Failure> {
    context.charge(args.str(1)?.len() as u64 / 16 + 1)?;
    Ok(match Environment::of(context)?.regexp(args.str(0)?) {
        Ok(regexp) => Ok(regexp),
        Err(error) => {
            let text = match panic {
                Panic::Yes => Regexp::panic_text(args.str(0)?, &error),
                Panic::No => error.text(),
            };
            Err(String::from_utf8_lossy(&text).into_owned().into())
        }
    })
}

fn find(context: &mut dyn Context, args: Args<'_>, panic: Panic) -> Out {
    Ok(Str::from(compiled(context, args, panic)??.find(args.str(1)?)).into())
}

fn find_all(context: &mut dyn Context, args: Args<'_>, panic: Panic) -> Out {
    let regexp = compiled(context, args, panic)??;
    let found = regexp.find_all(args.str(1)?, args.int(2)?);
    // Nothing found is the nil slice.
    Ok(if found.is_empty() { List::nil(&STRINGS).into() } else { texts(found) })
}

fn split(context: &mut dyn Context, args: Args<'_>, panic: Panic) -> Out {
    let regexp = compiled(context, args, panic)??;
    Ok(regexp.split(args.str(1)?, args.int(2)?).map_or_else(|| List::nil(&STRINGS).into(), texts))
}

fn texts(found: Vec<&[u8]>) -> Value {
    Value::strings(found.into_iter().map(Str::from))
}

fn replace(
    context: &mut dyn Context,
    args: Args<'_>,
    panic: Panic,
    how: fn(&Regexp, &[u8], &[u8]) -> Vec<u8>,
) -> Out {
    let regexp = compiled(context, args, panic)??;
    let replaced = how(&regexp, args.str(1)?, args.str(2)?);
    context.charge(replaced.len() as u64 / 16)?;
    Ok(replaced.into())
}
