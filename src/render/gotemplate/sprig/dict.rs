//! The functions on maps.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    call::Out,
    merge::{self, Mode},
    text::string,
};
use crate::{
    limits,
    render::gotemplate::{Args, Context, Failure, Function, List, Map, Str, Type, Value, value::ANY_MAP},
};

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::variadic("dict", &[Type::Any], Type::MAP, dict),
    Function::new("get", &[Type::MAP, Type::String], Type::Any, |_, args| {
        Ok(args.map(0)?.get(args.str(1)?).unwrap_or_else(|| "".into()))
    }),
    Function::new("set", &[Type::MAP, Type::String, Type::Any], Type::MAP, |_, args| {
        args.map(0)?.insert(args.str(1)?.clone(), args.any(2).clone())?;
        Ok(as_declared(args.map(0)?).into())
    }),
    Function::new("unset", &[Type::MAP, Type::String], Type::MAP, |_, args| {
        drop(args.map(0)?.remove(args.str(1)?));
        Ok(as_declared(args.map(0)?).into())
    }),
    Function::new("hasKey", &[Type::MAP, Type::String], Type::Bool, |_, args| {
        Ok(args.map(0)?.contains(args.str(1)?).into())
    }),
    Function::variadic("pluck", &[Type::String, Type::MAP], Type::LIST, pluck),
    Function::variadic("keys", &[Type::MAP], Type::STRINGS, keys),
    Function::variadic("pick", &[Type::MAP, Type::String], Type::MAP, pick),
    Function::variadic("omit", &[Type::MAP, Type::String], Type::MAP, omit),
    Function::new("values", &[Type::MAP], Type::LIST, |context, args| {
        let map = args.map(0)?;
        context.charge(map.len() as u64 / 8)?;
        Ok(map.to_vec().into_iter().map(|(_, value)| value).collect())
    }),
    Function::variadic("merge", &[Type::MAP, Type::MAP], Type::Any, |context, args| {
        merge(context, args, Mode::Fill, false)
    }),
    Function::variadic("mustMerge", &[Type::MAP, Type::MAP], Type::Any, |context, args| {
        merge(context, args, Mode::Fill, true)
    }),
    Function::variadic("mergeOverwrite", &[Type::MAP, Type::MAP], Type::Any, |context, args| {
        merge(context, args, Mode::Overwrite, false)
    }),
    Function::variadic("mustMergeOverwrite", &[Type::MAP, Type::MAP], Type::Any, |context, args| {
        merge(context, args, Mode::Overwrite, true)
    }),
    Function::new("deepCopy", &[Type::Any], Type::Any, |context, args| deep_copy(context, args.any(0), 0)),
    Function::new("mustDeepCopy", &[Type::Any], Type::Any, |context, args| {
        deep_copy(context, args.any(0), 0)
    }),
    Function::variadic("dig", &[Type::Any], Type::Any, dig),
];

/// The same map under the type of the parameter, which is what Go gives back of a `common.Values`.
fn as_declared(map: &Map) -> Map {
    map.clone().with_type(&ANY_MAP)
}

fn dict(_: &mut dyn Context, args: Args<'_>) -> Out {
    let mut entries = BTreeMap::new();
    for pair in args.rest(0).chunks(2) {
        if let Some(key) = pair.first() {
            // A key without a value has the empty text.
            entries.insert(string(key)?, pair.get(1).cloned().unwrap_or_else(|| "".into()));
        }
    }
    Ok(Value::map(entries))
}

fn maps(values: &[Value]) -> impl Iterator<Item = &Map> {
    values.iter().filter_map(|it| match it {
        Value::Map(map) => Some(map),
        _ => None,
    })
}

fn pluck(_: &mut dyn Context, args: Args<'_>) -> Out {
    let key = args.str(0)?;
    Ok(maps(args.rest(1)).filter_map(|map| map.get(key)).collect())
}

/// The original gives them in an order of chance; ours is theirs.
fn keys(context: &mut dyn Context, args: Args<'_>) -> Out {
    context.charge(maps(args.rest(0)).map(|it| it.len() as u64 / 8).sum())?;
    Ok(Value::strings(maps(args.rest(0)).flat_map(Map::keys)))
}

fn texts(values: &[Value]) -> impl Iterator<Item = &Str> {
    values.iter().filter_map(|it| match it {
        Value::Str(text) => Some(text),
        _ => None,
    })
}

fn pick(_: &mut dyn Context, args: Args<'_>) -> Out {
    let map = args.map(0)?;
    Ok(texts(args.rest(1)).filter_map(|key| map.get(key).map(|value| (key.clone(), value))).collect())
}

fn omit(context: &mut dyn Context, args: Args<'_>) -> Out {
    let map = args.map(0)?;
    context.charge(map.len() as u64 / 8)?;
    let left_out: BTreeSet<&Str> = texts(args.rest(1)).collect();
    Ok(map.to_vec().into_iter().filter(|(key, _)| !left_out.contains(key)).collect())
}

/// Outside of the `must` functions an error of merging is an empty text; a panic is one everywhere.
fn merge(context: &mut dyn Context, args: Args<'_>, mode: Mode, must: bool) -> Out {
    let mut into = as_declared(args.map(0)?);
    for from in maps(args.rest(1)) {
        match merge::merge(context, &mut into, from, mode) {
            Ok(()) => (),
            Err(merge::Error::Types) if must => return Err("src and dst must be of same type".into()),
            Err(merge::Error::Types) => return Ok("".into()),
            Err(merge::Error::Failure(failure)) => return Err(failure),
        }
    }
    Ok(into.into())
}

/// `copystructure.Copy`: maps and lists anew, all else as it is.
fn deep_copy(context: &mut dyn Context, value: &Value, depth: usize) -> Out {
    if depth > limits::VALUE_DEPTH {
        return Err(format!("a value lies more than {} deep", limits::VALUE_DEPTH).into());
    }
    match value {
        Value::Map(map) => {
            context.charge(map.len() as u64 / 4 + 1)?;
            if map.is_nil() {
                return Ok(value.clone());
            }
            // Loops in place of iterators: they take less stack, of which each level needs some.
            let mut copied = BTreeMap::new();
            for (key, value) in map.to_vec() {
                copied.insert(key, deep_copy(context, &value, depth + 1)?);
            }
            Ok(Map::new(map.map_type(), copied).into())
        }
        Value::List(list) => {
            context.charge(list.len() as u64 / 4 + 1)?;
            if list.is_nil() {
                return Ok(value.clone());
            }
            let mut copied = Vec::with_capacity(list.len());
            for value in list.to_vec() {
                copied.push(deep_copy(context, &value, depth + 1)?);
            }
            Ok(List::new(list.list_type(), copied).into())
        }
        other => Ok(other.clone()),
    }
}

fn dig(_: &mut dyn Context, args: Args<'_>) -> Out {
    let (Some([keys @ .., default, map]), true) = (args.0.get(..), args.len() >= 3) else {
        return Err("dig needs at least three arguments".into());
    };
    let mut value = map.clone();
    let names = keys.iter().map(|key| match key {
        Value::Str(text) => Ok(text),
        other => Err(conversion(other, "string")),
    });
    as_map(&value)?;
    for key in names.collect::<Result<Vec<_>, _>>()? {
        match as_map(&value)?.get(key) {
            Some(next) => value = next,
            None => return Ok(default.clone()),
        }
    }
    Ok(value)
}

/// Only the very type will do: not even `common.Values` does.
fn as_map(value: &Value) -> Result<&Map, Failure> {
    match value {
        Value::Map(map) if value.type_name() == Type::MAP.name() => Ok(map),
        other => Err(conversion(other, Type::MAP.name())),
    }
}

fn conversion(value: &Value, wanted: &str) -> Failure {
    let found = match value {
        Value::Nil => "nil",
        value => value.type_name(),
    };
    format!("interface conversion: interface {{}} is {found}, not {wanted}").into()
}
