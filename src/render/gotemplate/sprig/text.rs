//! The functions on text: trimming, cutting, cases, quotes, joining and splitting.

use std::collections::BTreeMap;

use super::{
    call::{Out, print, room},
    words,
};
use crate::render::gotemplate::{
    Args, Context, Failure, Function, List, Map, Str, Type, Value, strconv,
    value::{STRING_MAP, STRINGS},
};

const TEXT: Type = Type::String;

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("hello", &[], TEXT, |_, _| Ok("Hello!".into())),
    Function::new("abbrev", &[Type::INT, TEXT], TEXT, abbrev),
    Function::new("abbrevboth", &[Type::INT, Type::INT, TEXT], TEXT, abbrev_both),
    Function::new("trunc", &[Type::INT, TEXT], TEXT, trunc),
    Function::new("trim", &[TEXT], TEXT, |_, args| Ok(words::trim_space(args.str(0)?).to_vec().into())),
    Function::new("upper", &[TEXT], TEXT, |_, args| Ok(words::upper(args.str(0)?).into())),
    Function::new("lower", &[TEXT], TEXT, |_, args| Ok(words::lower(args.str(0)?).into())),
    Function::new("title", &[TEXT], TEXT, |_, args| Ok(words::title(args.str(0)?).into())),
    Function::new("untitle", &[TEXT], TEXT, |_, args| Ok(words::untitle(args.str(0)?).into())),
    Function::new("swapcase", &[TEXT], TEXT, |_, args| Ok(words::swap_case(args.str(0)?).into())),
    Function::new("snakecase", &[TEXT], TEXT, |_, args| Ok(words::snake(args.str(0)?).into())),
    Function::new("camelcase", &[TEXT], TEXT, |_, args| Ok(words::pascal(args.str(0)?).into())),
    Function::new("kebabcase", &[TEXT], TEXT, |_, args| Ok(words::kebab(args.str(0)?).into())),
    Function::new("nospace", &[TEXT], TEXT, |_, args| Ok(words::delete_space(args.str(0)?).into())),
    Function::new("initials", &[TEXT], TEXT, |_, args| Ok(words::initials(args.str(0)?).into())),
    Function::new("substr", &[Type::INT, Type::INT, TEXT], TEXT, substring),
    Function::new("repeat", &[Type::INT, TEXT], TEXT, repeat),
    Function::new("trimall", &[TEXT, TEXT], TEXT, trim_all),
    Function::new("trimAll", &[TEXT, TEXT], TEXT, trim_all),
    Function::new("trimSuffix", &[TEXT, TEXT], TEXT, |_, args| {
        let text = args.str(1)?;
        Ok(text.strip_suffix(args.str(0)?.as_bytes()).map_or_else(|| text.clone(), Str::from).into())
    }),
    Function::new("trimPrefix", &[TEXT, TEXT], TEXT, |_, args| {
        let text = args.str(1)?;
        Ok(text.strip_prefix(args.str(0)?.as_bytes()).map_or_else(|| text.clone(), Str::from).into())
    }),
    Function::new("wrap", &[Type::INT, TEXT], TEXT, |context, args| {
        wrap(context, args.int(0)?, b"", args.str(1)?, false)
    }),
    Function::new("wrapWith", &[Type::INT, TEXT, TEXT], TEXT, |context, args| {
        wrap(context, args.int(0)?, args.str(1)?, args.str(2)?, true)
    }),
    Function::new("contains", &[TEXT, TEXT], Type::Bool, |_, args| {
        Ok(words::find(args.str(1)?, args.str(0)?).is_some().into())
    }),
    Function::new("hasPrefix", &[TEXT, TEXT], Type::Bool, |_, args| {
        Ok(args.str(1)?.starts_with(args.str(0)?).into())
    }),
    Function::new("hasSuffix", &[TEXT, TEXT], Type::Bool, |_, args| {
        Ok(args.str(1)?.ends_with(args.str(0)?).into())
    }),
    Function::variadic("quote", &[Type::Any], TEXT, quote),
    Function::variadic("squote", &[Type::Any], TEXT, single_quote),
    Function::variadic("cat", &[Type::Any], TEXT, cat),
    Function::new("indent", &[Type::INT, TEXT], TEXT, |context, args| {
        Ok(indent(context, args.int(0)?, args.str(1)?, b"")?.into())
    }),
    Function::new("nindent", &[Type::INT, TEXT], TEXT, |context, args| {
        Ok(indent(context, args.int(0)?, args.str(1)?, b"\n")?.into())
    }),
    Function::new("replace", &[TEXT, TEXT, TEXT], TEXT, replace),
    Function::new("plural", &[TEXT, TEXT, Type::INT], TEXT, |_, args| {
        Ok(args.str(usize::from(args.int(2)? != 1))?.clone().into())
    }),
    Function::new("toString", &[Type::Any], TEXT, |_, args| Ok(string(args.any(0))?.into())),
    Function::new("toStrings", &[Type::Any], Type::STRINGS, |_, args| Ok(strings(args.any(0))?.into())),
    Function::new("join", &[TEXT, Type::Any], TEXT, join),
    Function::new("sortAlpha", &[Type::Any], Type::STRINGS, sort_alpha),
    Function::new("split", &[TEXT, TEXT], Type::Map(&STRING_MAP), |context, args| {
        split_map(context, args.str(1)?, args.str(0)?, -1)
    }),
    Function::new("splitn", &[TEXT, Type::INT, TEXT], Type::Map(&STRING_MAP), |context, args| {
        split_map(context, args.str(2)?, args.str(0)?, args.int(1)?)
    }),
    Function::new("splitList", &[TEXT, TEXT], Type::STRINGS, |context, args| {
        context.charge(args.str(1)?.len() as u64 / 16)?;
        let parts = words::split(args.str(1)?, args.str(0)?, -1).unwrap_or_default();
        Ok(Value::strings(parts.into_iter().map(Str::from)))
    }),
];

/// Sprig's `strval`: text as it is, what has a text of its own, and `%v` of the rest.
pub(super) fn string(value: &Value) -> Result<Str, Failure> {
    match value {
        Value::Str(text) | Value::Bytes(text) => Ok(text.clone()),
        Value::Object(object) => match object.text() {
            Some(text) => Ok(text),
            None => Ok(print(value)?.into()),
        },
        value => Ok(print(value)?.into()),
    }
}

/// Sprig's `strslice`: a `[]string` as it is, the elements of other lists without the nils, and a list of anything else.
pub(super) fn strings(value: &Value) -> Result<List, Failure> {
    let of = |items: &[Value]| {
        let texts = items.iter().filter(|it| !matches!(it, Value::Nil)).map(|it| string(it).map(Value::Str));
        Ok(List::new(&STRINGS, texts.collect::<Result<_, Failure>>()?))
    };
    match value {
        Value::List(list) if list.list_type() == &STRINGS => Ok(list.clone()),
        Value::List(list) => of(&list.items()),
        Value::Bytes(_) => of(&super::list::items(value).unwrap_or_default()),
        Value::Nil => Ok(List::new(&STRINGS, Vec::new())),
        value => of(std::slice::from_ref(value)),
    }
}

fn abbrev(_: &mut dyn Context, args: Args<'_>) -> Out {
    let (width, text) = (args.int(0)?, args.str(1)?);
    if width < 4 {
        return Ok(text.clone().into());
    }
    Ok(words::abbreviate(text, 0, width).into())
}

fn abbrev_both(_: &mut dyn Context, args: Args<'_>) -> Out {
    let (left, right, text) = (args.int(0)?, args.int(1)?, args.str(2)?);
    if right < 4 || left > 0 && right < 7 {
        return Ok(text.clone().into());
    }
    Ok(words::abbreviate(text, left, right).into())
}

fn trunc(_: &mut dyn Context, args: Args<'_>) -> Out {
    let (count, text) = (args.int(0)?, args.str(1)?);
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let part = match count < 0 {
        true => text.len().checked_sub(size).and_then(|from| text.get(from..)),
        false => text.get(..size),
    };
    Ok(part.map_or_else(|| text.clone(), Str::from).into())
}

fn substring(_: &mut dyn Context, args: Args<'_>) -> Out {
    let (start, end, text) = (args.int(0)?, args.int(1)?, args.str(2)?);
    let length = text.len();
    let at = |number: i64| usize::try_from(number).ok().filter(|it| *it <= length);
    let beyond = |what: String| format!("runtime error: slice bounds out of range [{what}");
    let part = if start < 0 {
        at(end).and_then(|end| text.get(..end)).ok_or_else(|| match end < 0 {
            true => beyond(format!(":{end}]")),
            false => beyond(format!(":{end}] with length {length}")),
        })
    } else if at(end).is_none() {
        at(start).and_then(|start| text.get(start..)).ok_or_else(|| beyond(format!("{start}:{length}]")))
    } else {
        at(start)
            .zip(at(end))
            .and_then(|(start, end)| text.get(start..end))
            .ok_or_else(|| beyond(format!("{start}:{end}]")))
    };
    Ok(Str::from(part?).into())
}

fn repeat(context: &mut dyn Context, args: Args<'_>) -> Out {
    repeated(context, args.str(1)?, args.int(0)?).map(Value::from)
}

/// `strings.Repeat`.
fn repeated(context: &mut dyn Context, text: &[u8], count: i64) -> Result<Vec<u8>, Failure> {
    let Ok(count) = usize::try_from(count) else {
        return Err("strings: negative Repeat count".into());
    };
    let Some(size) = text.len().checked_mul(count).filter(|it| i64::try_from(*it).is_ok()) else {
        return Err("strings: Repeat output length overflow".into());
    };
    room(context, size)?;
    Ok(text.repeat(count))
}

fn trim_all(_: &mut dyn Context, args: Args<'_>) -> Out {
    Ok(words::trim_all(args.str(1)?, args.str(0)?).to_vec().into())
}

fn wrap(context: &mut dyn Context, width: i64, separator: &[u8], text: &[u8], cut: bool) -> Out {
    let lines = text.len() / usize::try_from(width).unwrap_or(1).max(1);
    room(context, text.len().saturating_add(lines.saturating_mul(separator.len())))?;
    Ok(words::wrap(text, width, separator, cut).into())
}

fn quote(_: &mut dyn Context, args: Args<'_>) -> Out {
    let quoted = args
        .rest(0)
        .iter()
        .filter(|it| !matches!(it, Value::Nil))
        .map(|it| Ok(strconv::quote(string(it)?.as_bytes())));
    Ok(quoted.collect::<Result<Vec<_>, Failure>>()?.join(" ").into())
}

fn single_quote(_: &mut dyn Context, args: Args<'_>) -> Out {
    let mut out = Vec::new();
    for value in args.rest(0).iter().filter(|it| !matches!(it, Value::Nil)) {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.push(b'\'');
        out.extend(print(value)?);
        out.push(b'\'');
    }
    Ok(out.into())
}

fn cat(_: &mut dyn Context, args: Args<'_>) -> Out {
    let mut out = Vec::new();
    for (at, value) in args.rest(0).iter().filter(|it| !matches!(it, Value::Nil)).enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend(print(value)?);
    }
    Ok(out.into())
}

fn indent(context: &mut dyn Context, spaces: i64, text: &[u8], before: &[u8]) -> Result<Vec<u8>, Failure> {
    let pad = repeated(context, b" ", spaces)?;
    let lines = text.iter().filter(|it| **it == b'\n').count() + 1;
    let size = pad.len().saturating_mul(lines).saturating_add(text.len());
    room(context, size)?;
    let mut out = Vec::with_capacity(size + before.len());
    out.extend_from_slice(before);
    for line in text.split_inclusive(|it| *it == b'\n') {
        out.extend_from_slice(&pad);
        out.extend_from_slice(line);
    }
    // What ends with a line break, or is nothing at all, has one more line, which is empty.
    if text.is_empty() || text.ends_with(b"\n") {
        out.extend_from_slice(&pad);
    }
    Ok(out)
}

fn replace(context: &mut dyn Context, args: Args<'_>) -> Out {
    let (old, new, text) = (args.str(0)?, args.str(1)?, args.str(2)?);
    let most = text.len() / old.len().max(1) + 1;
    if new.len() > old.len() {
        room(context, text.len().saturating_add(most.saturating_mul(new.len())))?;
    }
    Ok(words::replace(text, old, new).into())
}

fn join(context: &mut dyn Context, args: Args<'_>) -> Out {
    let (separator, list) = (args.str(0)?, strings(args.any(1))?);
    let items = list.items();
    room(context, items.len().saturating_mul(separator.len()))?;
    let mut out = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(separator);
        }
        if let Value::Str(text) = item {
            out.extend_from_slice(text);
        }
    }
    Ok(out.into())
}

/// A `[]string` is sorted where it stands: the original does not copy it.
fn sort_alpha(_: &mut dyn Context, args: Args<'_>) -> Out {
    let list = match args.any(0) {
        list @ (Value::List(_) | Value::Bytes(_)) => strings(list)?,
        value => List::new(&STRINGS, vec![string(value)?.into()]),
    };
    list.sort_by(|a, b| match (a, b) {
        (Value::Str(a), Value::Str(b)) => a.cmp(b),
        _ => std::cmp::Ordering::Equal,
    });
    Ok(list.into())
}

fn split_map(context: &mut dyn Context, text: &[u8], separator: &[u8], count: i64) -> Out {
    context.charge(text.len() as u64 / 16)?;
    let parts = words::split(text, separator, count).unwrap_or_default();
    let entries = parts.into_iter().enumerate();
    let entries: BTreeMap<Str, Value> =
        entries.map(|(at, part)| (Str::from(format!("_{at}")), Value::Str(part.into()))).collect();
    Ok(Map::new(&STRING_MAP, entries).into())
}
