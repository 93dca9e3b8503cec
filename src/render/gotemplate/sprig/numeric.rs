//! The functions on numbers.

use super::{
    call::{Out, print, room},
    cast::{parse_decimal, parse_octal, to_float, to_int},
    decimal::Decimal,
    environment::Environment,
};
use crate::render::gotemplate::{Args, Context, Failure, Function, List, Type, Value, value::INTS};

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("atoi", &[Type::String], Type::INT, |_, args| Ok(Value::int(parse_decimal(args.str(0)?)))),
    Function::new("int", &[Type::Any], Type::INT, |_, args| Ok(Value::int(to_int(args.any(0))))),
    Function::new("int64", &[Type::Any], Type::INT64, |_, args| Ok(Value::int64(to_int(args.any(0))))),
    Function::new("float64", &[Type::Any], Type::FLOAT64, |_, args| Ok(Value::float(to_float(args.any(0))))),
    Function::new("toDecimal", &[Type::Any], Type::INT64, |_, args| {
        Ok(Value::int64(parse_octal(&print(args.any(0))?).unwrap_or(0)))
    }),
    Function::variadic("seq", &[Type::INT], Type::String, seq),
    Function::new("until", &[Type::INT], Type::List(&INTS), |context, args| {
        let count = args.int(0)?;
        Ok(ints(until_step(context, 0, count, if count < 0 { -1 } else { 1 })?))
    }),
    Function::new("untilStep", &[Type::INT, Type::INT, Type::INT], Type::List(&INTS), |context, args| {
        Ok(ints(until_step(context, args.int(0)?, args.int(1)?, args.int(2)?)?))
    }),
    Function::new("add1", &[Type::Any], Type::INT64, |_, args| {
        Ok(Value::int64(to_int(args.any(0)).wrapping_add(1)))
    }),
    Function::variadic("add", &[Type::Any], Type::INT64, |_, args| {
        Ok(Value::int64(args.rest(0).iter().map(to_int).fold(0, i64::wrapping_add)))
    }),
    Function::new("sub", &[Type::Any, Type::Any], Type::INT64, |_, args| {
        Ok(Value::int64(to_int(args.any(0)).wrapping_sub(to_int(args.any(1)))))
    }),
    Function::new("div", &[Type::Any, Type::Any], Type::INT64, |_, args| divide(args, i64::wrapping_div)),
    Function::new("mod", &[Type::Any, Type::Any], Type::INT64, |_, args| divide(args, i64::wrapping_rem)),
    Function::variadic("mul", &[Type::Any, Type::Any], Type::INT64, |_, args| {
        Ok(Value::int64(args.rest(0).iter().map(to_int).fold(1, i64::wrapping_mul)))
    }),
    Function::new("randInt", &[Type::INT, Type::INT], Type::INT, random_int),
    Function::new("add1f", &[Type::Any], Type::FLOAT64, |_, args| {
        decimal(to_float(args.any(0)), &[Value::int(1)], |a, b| Ok(a.add(b)))
    }),
    Function::variadic("addf", &[Type::Any], Type::FLOAT64, |_, args| {
        decimal(0.0, args.rest(0), |a, b| Ok(a.add(b)))
    }),
    Function::variadic("subf", &[Type::Any, Type::Any], Type::FLOAT64, |_, args| {
        decimal(to_float(args.any(0)), args.rest(1), |a, b| Ok(a.sub(b)))
    }),
    Function::variadic("divf", &[Type::Any, Type::Any], Type::FLOAT64, |_, args| {
        decimal(to_float(args.any(0)), args.rest(1), Decimal::div)
    }),
    Function::variadic("mulf", &[Type::Any, Type::Any], Type::FLOAT64, |_, args| {
        decimal(to_float(args.any(0)), args.rest(1), |a, b| Ok(a.mul(b)))
    }),
    Function::variadic("biggest", &[Type::Any, Type::Any], Type::INT64, |_, args| max(args)),
    Function::variadic("max", &[Type::Any, Type::Any], Type::INT64, |_, args| max(args)),
    Function::variadic("min", &[Type::Any, Type::Any], Type::INT64, |_, args| {
        Ok(Value::int64(args.rest(0).iter().map(to_int).min().unwrap_or(0)))
    }),
    Function::variadic("maxf", &[Type::Any, Type::Any], Type::FLOAT64, |_, args| {
        Ok(extreme(args, |a, b| a > b || a == b && b.is_sign_negative(), f64::INFINITY))
    }),
    Function::variadic("minf", &[Type::Any, Type::Any], Type::FLOAT64, |_, args| {
        Ok(extreme(args, |a, b| a < b || a == b && b.is_sign_positive(), f64::NEG_INFINITY))
    }),
    Function::new("ceil", &[Type::Any], Type::FLOAT64, |_, args| {
        Ok(Value::float(to_float(args.any(0)).ceil()))
    }),
    Function::new("floor", &[Type::Any], Type::FLOAT64, |_, args| {
        Ok(Value::float(to_float(args.any(0)).floor()))
    }),
    Function::variadic("round", &[Type::Any, Type::INT, Type::FLOAT64], Type::FLOAT64, round),
];

fn ints(numbers: Vec<i64>) -> Value {
    List::new(&INTS, numbers.into_iter().map(Value::int).collect()).into()
}

fn until_step(context: &mut dyn Context, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, Failure> {
    let ahead = if stop < start { step < 0 } else { step > 0 && start < stop };
    if !ahead {
        return Ok(Vec::new());
    }
    let distance = stop.abs_diff(start);
    let count = distance.div_ceil(step.unsigned_abs());
    context.charge(count)?;
    room(context, usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(size_of::<Value>()))?;
    let numbers = (0..count).map(|at| start.wrapping_add(step.wrapping_mul(at.cast_signed())));
    Ok(numbers.collect())
}

fn seq(context: &mut dyn Context, args: Args<'_>) -> Out {
    let number = |at: usize| args.int(at);
    let sign = |ahead: bool| if ahead { 1 } else { -1 };
    let numbers = match args.len() {
        1 => {
            let step = sign(number(0)? >= 1);
            until_step(context, 1, number(0)?.wrapping_add(step), step)?
        }
        2 => {
            let step = sign(number(1)? >= number(0)?);
            until_step(context, number(0)?, number(1)?.wrapping_add(step), step)?
        }
        3 => {
            let (start, step, end) = (number(0)?, number(1)?, number(2)?);
            if end < start && step > 0 {
                return Ok("".into());
            }
            until_step(context, start, end.wrapping_add(sign(end >= start)), step)?
        }
        _ => Vec::new(),
    };
    Ok(numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ").into())
}

fn divide(args: Args<'_>, how: fn(i64, i64) -> i64) -> Out {
    match to_int(args.any(1)) {
        0 => Err("runtime error: integer divide by zero".into()),
        divisor => Ok(Value::int64(how(to_int(args.any(0)), divisor))),
    }
}

fn random_int(context: &mut dyn Context, args: Args<'_>) -> Out {
    let (low, high) = (args.int(0)?, args.int(1)?);
    let span = high.wrapping_sub(low);
    if span <= 0 {
        return Err("invalid argument to Intn".into());
    }
    let drawn = Environment::of(context)?.below(span.unsigned_abs());
    Ok(Value::int(low.wrapping_add(drawn.cast_signed())))
}

fn max(args: Args<'_>) -> Out {
    Ok(Value::int64(args.rest(0).iter().map(to_int).max().unwrap_or(0)))
}

/// `math.Max` or `math.Min` of all: one infinity wins over everything, what is no number over the rest, and the zeros
/// differ by their sign.
fn extreme(args: Args<'_>, better: fn(f64, f64) -> bool, wins: f64) -> Value {
    let mut numbers = args.rest(0).iter().map(to_float);
    let first = numbers.next().unwrap_or(0.0);
    Value::float(numbers.fold(first, |a, b| {
        if a == wins || b == wins {
            wins
        } else if a.is_nan() || b.is_nan() {
            f64::NAN
        } else if better(a, b) {
            a
        } else {
            b
        }
    }))
}

fn decimal(first: f64, others: &[Value], how: impl Fn(&Decimal, &Decimal) -> Result<Decimal, String>) -> Out {
    let mut sum = Decimal::of(first)?;
    for other in others {
        sum = how(&sum, &Decimal::of(to_float(other))?)?;
    }
    Ok(Value::float(sum.to_float()))
}

fn round(_: &mut dyn Context, args: Args<'_>) -> Out {
    let half = if args.len() > 2 { args.float(2)? } else { 0.5 };
    #[expect(clippy::cast_precision_loss, reason = "nobody rounds to that many places")]
    let power = 10_f64.powf(args.int(1)? as f64);
    let digit = power * to_float(args.any(0));
    let rounded = if digit.fract() >= half { digit.ceil() } else { digit.floor() };
    Ok(Value::float(rounded / power))
}
