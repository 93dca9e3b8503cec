//! Merging of maps after mergo 1.0.1, with all that follows from how it is written.
//!
//! What is empty counts as missing in the target: 0, false, the empty text, a list or map without elements, nil. Maps
//! are merged key by key, lists are taken or left whole. The target is changed where it stands, and what it had not is
//! shared with the source afterwards.

use crate::{
    limits,
    render::gotemplate::{Context, Failure, Kind, Map, Value},
};

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
/// In the original's words, and when maps lie too deep.
pub(super) fn merge(context: &mut dyn Context, into: &mut Map, from: &Map, mode: Mode) -> Result<(), Failure> {
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
) -> Result<(), Failure> {
    if depth > limits::TEMPLATE_PRINT_DEPTH {
        return Err(format!("maps lie more than {} deep", limits::TEMPLATE_PRINT_DEPTH).into());
    }
    context.charge(from.len() as u64 / 2 + 1)?;
    for (key, source) in from.to_vec() {
        let target = into.get(&key);
        if source.is_nil() {
            if mode == Mode::Overwrite {
                into.insert(key, source)?;
            }
            continue;
        }
        match (&source, &target) {
            (Value::Map(source), Some(Value::Map(target))) if !target.is_nil() => {
                merge_maps(context, target, source, mode, depth + 1)?;
            }
            (Value::Map(_), Some(target)) if target.kind() == Kind::Pointer && mode == Mode::Fill => {
                return Err("src and dst must be of same type".into());
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
                        into.insert(key, source)?;
                    }
                    continue;
                }
                (Value::Map(_), Value::Map(_)) => continue,
                _ => (),
            }
        }
        if mode == Mode::Overwrite || target.as_ref().is_none_or(is_empty) {
            into.insert(key, source)?;
        }
    }
    Ok(())
}

/// mergo's `isEmptyValue`: a struct never is, a pointer only where it is nil.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.underlying().is_some_and(|it| is_empty(&it)),
        value => !value.is_true(),
    }
}
