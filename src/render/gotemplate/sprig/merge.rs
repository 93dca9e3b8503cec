//! Merging of maps after mergo 1.0.1, with all that follows from how it is written.
//!
//! What is empty counts as missing in the target: 0, false, the empty text, a list or map without elements, nil. Maps
//! are merged key by key, lists are taken or left whole. The target is changed where it stands, and what it had not is
//! shared with the source afterwards.

use crate::{
    limits,
    render::gotemplate::{Context, Failure, Kind, Map, Str, Type, Value},
};

/// Why maps were not merged.
#[derive(Debug)]
pub(super) enum Error {
    /// The original's error.
    Types,
    /// The original's panic, or ours.
    Failure(Failure),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// What wins where both have something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The target: `merge`.
    Fill,
    /// The source: `mergeOverwrite`.
    Overwrite,
}

/// Merges `from` into `into`, which is replaced where it is the nil map.
///
/// # Errors
/// [`Error::Types`] where the original gives an error, and a failure where it panics or maps lie too deep.
pub(super) fn merge(context: &mut dyn Context, into: &mut Map, from: &Map, mode: Mode) -> Result<(), Error> {
    if into.is_nil() && !from.is_nil() {
        *into = Map::new(into.map_type(), Default::default());
    }
    merge_maps(context, into, from, mode, 0)
}

fn merge_maps(
    context: &mut dyn Context,
    into: &Map,
    from: &Map,
    mode: Mode,
    depth: usize,
) -> Result<(), Error> {
    if depth > limits::VALUE_DEPTH {
        let message = format!("maps lie more than {} deep", limits::VALUE_DEPTH);
        return Err(Error::Failure(message.into()));
    }
    context.charge(from.len() as u64 / 2 + 1)?;
    for (key, source) in from.to_vec() {
        let target = into.get(&key);
        if source.is_nil() {
            if mode == Mode::Overwrite {
                put(into, key, source, from)?;
            }
            continue;
        }
        match (&source, &target) {
            (Value::Map(source), Some(Value::Map(target))) if !target.is_nil() => {
                merge_maps(context, target, source, mode, depth + 1)?;
            }
            (Value::Map(_), Some(target)) if target.kind() == Kind::Pointer && mode == Mode::Fill => {
                return Err(Error::Types);
            }
            _ => (),
        }
        if let Some(target) = &target
            && !is_empty(target)
        {
            match (&source, target) {
                // A list of the source takes the place of whatever is there, when it may.
                (Value::List(_) | Value::Bytes(_), _) => {
                    if mode == Mode::Overwrite {
                        put(into, key, source, from)?;
                    }
                    continue;
                }
                (Value::Map(_), Value::Map(_)) => continue,
                _ => (),
            }
        }
        if mode == Mode::Overwrite || target.as_ref().is_none_or(is_empty) {
            put(into, key, source, from)?;
        }
    }
    Ok(())
}

/// Puts an entry into a map, whose type may take only text.
fn put(into: &Map, key: Str, value: Value, from: &Map) -> Result<(), Error> {
    let (wanted, given) = (into.map_type().element, from.map_type().element);
    if wanted != Type::Any && wanted != given {
        return Err(Error::Failure(Failure::from(format!(
            "reflect.Value.SetMapIndex: value of type {given} is not assignable to type {wanted}"
        ))));
    }
    into.insert(key, value).map_err(|error| Error::Failure(error.into()))
}

/// mergo's `isEmptyValue`: a struct never is, a pointer only where it is nil.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.underlying().is_some_and(|it| is_empty(&it)),
        value => !value.is_true(),
    }
}
