//! The functions on lists.

use super::{
    call::{NIL_DEREFERENCE, Out, room},
    cast::{to_int, truncate},
    defaults::is_empty,
    equal::deep_equal,
};
use crate::render::gotemplate::{
    Args, Context, Failure, Function, List, Type, Value,
    value::{ANY_LISTS, ANYS, UintKind},
};

const LISTS: Type = Type::List(&ANY_LISTS);

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::variadic("list", &[Type::Any], Type::LIST, list),
    Function::variadic("tuple", &[Type::Any], Type::LIST, list),
    Function::new("append", &[Type::Any, Type::Any], Type::LIST, push),
    Function::new("push", &[Type::Any, Type::Any], Type::LIST, push),
    Function::new("mustAppend", &[Type::Any, Type::Any], Type::LIST, push),
    Function::new("mustPush", &[Type::Any, Type::Any], Type::LIST, push),
    Function::new("prepend", &[Type::Any, Type::Any], Type::LIST, prepend),
    Function::new("mustPrepend", &[Type::Any, Type::Any], Type::LIST, prepend),
    Function::new("first", &[Type::Any], Type::Any, first),
    Function::new("mustFirst", &[Type::Any], Type::Any, first),
    Function::new("last", &[Type::Any], Type::Any, last),
    Function::new("mustLast", &[Type::Any], Type::Any, last),
    Function::new("rest", &[Type::Any], Type::LIST, rest),
    Function::new("mustRest", &[Type::Any], Type::LIST, rest),
    Function::new("initial", &[Type::Any], Type::LIST, initial),
    Function::new("mustInitial", &[Type::Any], Type::LIST, initial),
    Function::new("reverse", &[Type::Any], Type::LIST, reverse),
    Function::new("mustReverse", &[Type::Any], Type::LIST, reverse),
    Function::new("compact", &[Type::Any], Type::LIST, compact),
    Function::new("mustCompact", &[Type::Any], Type::LIST, compact),
    Function::new("uniq", &[Type::Any], Type::LIST, uniq),
    Function::new("mustUniq", &[Type::Any], Type::LIST, uniq),
    Function::variadic("without", &[Type::Any, Type::Any], Type::LIST, without),
    Function::variadic("mustWithout", &[Type::Any, Type::Any], Type::LIST, without),
    Function::new("has", &[Type::Any, Type::Any], Type::Bool, has),
    Function::new("mustHas", &[Type::Any, Type::Any], Type::Bool, has),
    Function::variadic("slice", &[Type::Any, Type::Any], Type::Any, slice),
    Function::variadic("mustSlice", &[Type::Any, Type::Any], Type::Any, slice),
    Function::variadic("concat", &[Type::Any], Type::Any, concat),
    Function::new("chunk", &[Type::INT, Type::Any], LISTS, chunk),
    Function::new("mustChunk", &[Type::INT, Type::Any], LISTS, chunk),
];

/// The elements of a slice of any type; `None` for what is none.
pub(super) fn items(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::List(list) => Some(list.to_vec()),
        Value::Bytes(bytes) => {
            Some(bytes.iter().map(|it| Value::Uint(u64::from(*it), UintKind::Uint8)).collect())
        }
        Value::Object(object) => object.underlying().as_ref().and_then(items),
        _ => None,
    }
}

/// The elements of a list argument, or what the original says of another one: its words, then the kind.
fn elements(value: &Value, says: &str) -> Result<Vec<Value>, Failure> {
    match items(value) {
        Some(items) => Ok(items),
        None if matches!(value, Value::Nil) => Err(NIL_DEREFERENCE.into()),
        None => Err(format!("{says} {}", value.kind().name()).into()),
    }
}

fn list(_: &mut dyn Context, args: Args<'_>) -> Out {
    Ok(Value::list(args.rest(0).to_vec()))
}

fn push(context: &mut dyn Context, args: Args<'_>) -> Out {
    let mut items = elements(args.any(0), "Cannot push on type")?;
    context.charge(items.len() as u64 / 8)?;
    items.push(args.any(1).clone());
    Ok(Value::list(items))
}

fn prepend(context: &mut dyn Context, args: Args<'_>) -> Out {
    let mut items = elements(args.any(0), "Cannot prepend on type")?;
    context.charge(items.len() as u64 / 8)?;
    items.insert(0, args.any(1).clone());
    Ok(Value::list(items))
}

fn first(_: &mut dyn Context, args: Args<'_>) -> Out {
    if let Value::List(list) = args.any(0) {
        return Ok(list.get(0).unwrap_or_default());
    }
    Ok(elements(args.any(0), "Cannot find first on type")?.first().cloned().unwrap_or_default())
}

fn last(_: &mut dyn Context, args: Args<'_>) -> Out {
    if let Value::List(list) = args.any(0) {
        return Ok(list.items().last().cloned().unwrap_or_default());
    }
    Ok(elements(args.any(0), "Cannot find last on type")?.last().cloned().unwrap_or_default())
}

fn rest(context: &mut dyn Context, args: Args<'_>) -> Out {
    let mut items = elements(args.any(0), "Cannot find rest on type")?;
    context.charge(items.len() as u64 / 8)?;
    if items.is_empty() {
        return Ok(List::nil(&ANYS).into());
    }
    items.remove(0);
    Ok(Value::list(items))
}

fn initial(context: &mut dyn Context, args: Args<'_>) -> Out {
    let mut items = elements(args.any(0), "Cannot find initial on type")?;
    context.charge(items.len() as u64 / 8)?;
    if items.pop().is_none() {
        return Ok(List::nil(&ANYS).into());
    }
    Ok(Value::list(items))
}

fn reverse(context: &mut dyn Context, args: Args<'_>) -> Out {
    let mut items = elements(args.any(0), "Cannot find reverse on type")?;
    context.charge(items.len() as u64 / 8)?;
    items.reverse();
    Ok(Value::list(items))
}

fn compact(context: &mut dyn Context, args: Args<'_>) -> Out {
    let mut items = elements(args.any(0), "Cannot compact on type")?;
    context.charge(items.len() as u64 / 8)?;
    items.retain(|it| !is_empty(it));
    Ok(Value::list(items))
}

fn uniq(context: &mut dyn Context, args: Args<'_>) -> Out {
    let items = elements(args.any(0), "Cannot find uniq on type")?;
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in items {
        context.charge(kept.len() as u64 / 8 + 1)?;
        if !contains(&kept, &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn without(context: &mut dyn Context, args: Args<'_>) -> Out {
    let mut kept = Vec::new();
    for item in elements(args.any(0), "Cannot find without on type")? {
        context.charge(args.len() as u64 / 8 + 1)?;
        if !contains(args.rest(1), &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn has(context: &mut dyn Context, args: Args<'_>) -> Out {
    if matches!(args.any(1), Value::Nil) {
        return Ok(false.into());
    }
    let items = elements(args.any(1), "Cannot find has on type")?;
    context.charge(items.len() as u64 / 8)?;
    Ok(contains(&items, args.any(0))?.into())
}

fn contains(items: &[Value], wanted: &Value) -> Result<bool, Failure> {
    for item in items {
        if deep_equal(wanted, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn slice(_: &mut dyn Context, args: Args<'_>) -> Out {
    let given = args.any(0);
    let length = match given {
        Value::Nil => return Err(NIL_DEREFERENCE.into()),
        Value::List(list) => list.len(),
        Value::Bytes(bytes) => bytes.len(),
        other => {
            return Err(format!("list should be type of slice or array but {}", other.kind().name()).into());
        }
    };
    if length == 0 {
        return Ok(Value::Nil);
    }
    let at = |at: usize| usize::try_from(to_int(args.any(at))).ok();
    let start = if args.len() > 1 { at(1) } else { Some(0) };
    let end = if args.len() > 2 { at(2) } else { Some(length) };
    let part = start.zip(end).and_then(|(start, end)| match given {
        Value::List(list) => list.slice(start, end, list.capacity()).map(Value::List),
        Value::Bytes(bytes) => bytes.get(start..end).map(|it| Value::Bytes(it.into())),
        _ => None,
    });
    part.ok_or_else(|| "reflect.Value.Slice: slice index out of bounds".into())
}

fn concat(context: &mut dyn Context, args: Args<'_>) -> Out {
    let mut all = Vec::new();
    for list in args.rest(0) {
        let Some(items) = items(list) else {
            if matches!(list, Value::Nil) {
                return Err(NIL_DEREFERENCE.into());
            }
            return Err(format!("Cannot concat type {} as list", list.kind().name()).into());
        };
        context.charge(items.len() as u64 / 8)?;
        all.extend(items);
    }
    if all.is_empty() {
        return Ok(List::nil(&ANYS).into());
    }
    Ok(Value::list(all))
}

/// The original counts in floating point, which decides what sizes below one do.
#[expect(clippy::cast_precision_loss, reason = "as the original")]
fn chunk(context: &mut dyn Context, args: Args<'_>) -> Out {
    let size = args.int(0)?;
    let items = elements(args.any(1), "Cannot chunk type")?;
    let (length, width) = (items.len() as f64, size as f64);
    let count = truncate(((length - 1.0) / width).floor() + 1.0);
    let Ok(count) = usize::try_from(count) else {
        return Err("runtime error: makeslice: len out of range".into());
    };
    context.charge(items.len() as u64 / 8)?;
    room(context, count.saturating_mul(size_of::<Value>()))?;
    let mut chunks = Vec::with_capacity(count);
    for at in 0..count {
        let mut wanted = size;
        if at + 1 == count {
            wanted = truncate((length % width).floor());
            if wanted == 0 {
                wanted = size;
            }
        }
        let wanted = usize::try_from(wanted).map_err(|_| "runtime error: makeslice: len out of range")?;
        let start = usize::try_from(size).unwrap_or(0).saturating_mul(at);
        let part = items.get(start..start.saturating_add(wanted));
        let part = part.ok_or("reflect: slice index out of range")?;
        chunks.push(Value::list(part.to_vec()));
    }
    Ok(List::new(&ANY_LISTS, chunks).into())
}
