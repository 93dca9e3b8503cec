//! The functions on time, and `time.Time` as templates see it.

mod object;

use super::{
    call::Out,
    cast::parse_decimal,
    clock::{Time, Zone},
    duration::{self, SECOND},
    environment::Environment,
    layout,
};
use crate::render::gotemplate::{
    Args, Context, Failure, Function, Type, Value,
    value::{IntKind, downcast, object},
};

const TEXT: Type = Type::String;

/// The type of times.
pub(super) const TIME: Type = Type::Object("time.Time");

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("now", &[], TIME, |context, _| Ok(object(Environment::of(context)?.now().clone()))),
    Function::new("ago", &[Type::Any], TEXT, ago),
    Function::new("date", &[TEXT, Type::Any], TEXT, |context, args| {
        shown(context, args.str(0)?, args.any(1), b"Local")
    }),
    Function::new("dateInZone", &[TEXT, Type::Any, TEXT], TEXT, in_zone),
    Function::new("date_in_zone", &[TEXT, Type::Any, TEXT], TEXT, in_zone),
    Function::new("htmlDate", &[Type::Any], TEXT, |context, args| shown(context, DAY, args.any(0), b"Local")),
    Function::new("htmlDateInZone", &[Type::Any, TEXT], TEXT, |context, args| {
        shown(context, DAY, args.any(0), args.str(1)?)
    }),
    Function::new("dateModify", &[TEXT, TIME], TIME, modify),
    Function::new("date_modify", &[TEXT, TIME], TIME, modify),
    Function::new("mustDateModify", &[TEXT, TIME], TIME, must_modify),
    Function::new("must_date_modify", &[TEXT, TIME], TIME, must_modify),
    Function::new("toDate", &[TEXT, TEXT], TIME, |_, args| {
        Ok(object(layout::parse(args.str(0)?, args.str(1)?).unwrap_or_else(|_| Time::zero())))
    }),
    Function::new("mustToDate", &[TEXT, TEXT], TIME, |_, args| {
        let parsed = layout::parse(args.str(0)?, args.str(1)?);
        Ok(object(parsed.map_err(|error| error.to_string())?))
    }),
    Function::new("unixEpoch", &[TIME], TEXT, |_, args| {
        Ok(args.object::<Time>(0)?.seconds.to_string().into())
    }),
    Function::new("duration", &[Type::Any], TEXT, |_, args| {
        let seconds = match args.any(0) {
            Value::Str(text) => parse_decimal(text),
            Value::Int(number, IntKind::Int64) => *number,
            _ => 0,
        };
        Ok(duration::format(seconds.wrapping_mul(SECOND)).into())
    }),
    Function::new("durationRound", &[Type::Any], TEXT, round),
];

const DAY: &[u8] = b"2006-01-02";

/// The instant that a value stands for: a time, or seconds since 1970 in one of the given types; `None` for another.
fn instant(value: &Value, kinds: &[IntKind]) -> Option<Time> {
    match value {
        Value::Int(seconds, kind) if kinds.contains(kind) => Some(Time::unix(*seconds)),
        value => downcast::<Time>(value).cloned(),
    }
}

fn shown(context: &mut dyn Context, layout: &[u8], date: &Value, zone: &[u8]) -> Out {
    let time = match instant(date, &[IntKind::Int, IntKind::Int32, IntKind::Int64]) {
        Some(time) => time,
        // Whatever is no date is now.
        None => Environment::of(context)?.now().clone(),
    };
    Ok(time.within(Zone::load(zone).unwrap_or(Zone::Utc)).format(layout).into())
}

fn in_zone(context: &mut dyn Context, args: Args<'_>) -> Out {
    shown(context, args.str(0)?, args.any(1), args.str(2)?)
}

fn modify(_: &mut dyn Context, args: Args<'_>) -> Out {
    let time = args.object::<Time>(1)?;
    Ok(object(duration::parse(args.str(0)?).map_or_else(|_| time.clone(), |it| time.add(it))))
}

fn must_modify(_: &mut dyn Context, args: Args<'_>) -> Out {
    let added = duration::parse(args.str(0)?)?;
    Ok(object(args.object::<Time>(1)?.add(added)))
}

fn ago(context: &mut dyn Context, args: Args<'_>) -> Out {
    let now = Environment::of(context)?.now().clone();
    let time = instant(args.any(0), &[IntKind::Int, IntKind::Int64]).unwrap_or_else(|| now.clone());
    Ok(duration::format(duration::round(now.since(&time), SECOND)).into())
}

/// One number and the largest unit that it is more than one of.
fn round(context: &mut dyn Context, args: Args<'_>) -> Out {
    const UNITS: [(u64, &str); 6] =
        [(365 * 86_400, "y"), (30 * 86_400, "mo"), (86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let length = match args.any(0) {
        Value::Str(text) => duration::parse(text).unwrap_or(0),
        Value::Int(nanos, IntKind::Int64) => *nanos,
        value => match downcast::<Time>(value) {
            Some(time) => Environment::of(context)?.now().since(time),
            None => 0,
        },
    };
    let size = length.unsigned_abs();
    let unit = UNITS.iter().map(|(seconds, name)| (seconds * SECOND.unsigned_abs(), name));
    let found = unit.into_iter().find(|(unit, _)| size > *unit);
    Ok(found.map_or_else(|| "0s".into(), |(unit, name)| format!("{}{name}", size / unit)).into())
}

/// Reads a duration that a method is given.
pub(super) fn nanos(value: &Value) -> Result<i64, Failure> {
    match value {
        Value::Int(nanos, _) => Ok(*nanos),
        Value::Object(it) => match it.underlying() {
            Some(Value::Int(nanos, _)) => Ok(nanos),
            _ => Err("this is no duration".into()),
        },
        _ => Err("this is no duration".into()),
    }
}
