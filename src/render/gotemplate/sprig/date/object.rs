//! `time.Time`, `time.Duration` and their kin as objects with methods.

use super::super::{
    clock::{Date, Time, Zone},
    duration,
    layout::{MONTHS, WEEKDAYS},
};
use crate::render::gotemplate::{
    Args, Context, Failure, Function, Kind, Object, Str, Type, Value,
    value::{IntKind, downcast, object},
};

const TIME: Type = super::TIME;
const DURATION: Type = Type::Object("time.Duration");
const MONTH: Type = Type::Object("time.Month");
const WEEKDAY: Type = Type::Object("time.Weekday");

/// `time.Duration`.
#[derive(Clone, Copy, Debug)]
struct Duration(i64);

/// `time.Month` or `time.Weekday`: a number that has a name.
#[derive(Clone, Copy, Debug)]
struct Named {
    kind: &'static str,
    number: i64,
    name: &'static str,
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        METHODS.iter().find(|it| it.name == name)
    }

    fn text(&self) -> Option<Str> {
        Some(Self::text(self).into())
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        let other = other.as_any().downcast_ref::<Self>()?;
        let same = (self.seconds, self.nanos) == (other.seconds, other.nanos);
        let offset = |it: &Self| it.zone.at(it.seconds).1;
        Some(same && self.zone.name() == other.zone.name() && offset(self) == offset(other))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl Object for Duration {
    fn type_name(&self) -> &'static str {
        "time.Duration"
    }

    fn kind(&self) -> Kind {
        Kind::Int(IntKind::Int64)
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        DURATION_METHODS.iter().find(|it| it.name == name)
    }

    fn text(&self) -> Option<Str> {
        Some(duration::format(self.0).into())
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::int64(self.0))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        self.kind
    }

    fn kind(&self) -> Kind {
        Kind::Int(IntKind::Int)
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        NAMED_METHODS.iter().find(|it| it.name == name)
    }

    fn text(&self) -> Option<Str> {
        Some(self.name.into())
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::int(self.number))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn this(args: Args<'_>) -> Result<&Time, Failure> {
    args.object(0)
}

fn date(args: Args<'_>) -> Result<Date, Failure> {
    Ok(this(args)?.shown().0)
}

fn second_of_day(args: Args<'_>) -> Result<i64, Failure> {
    Ok(this(args)?.shown().1)
}

fn number(of: impl Into<i64>) -> Result<Value, Failure> {
    Ok(Value::int(of.into()))
}

fn length(args: Args<'_>) -> Result<i64, Failure> {
    Ok(args.object::<Duration>(0)?.0)
}

fn month(number: u32) -> Value {
    let name = MONTHS.get(number.saturating_sub(1) as usize).copied().unwrap_or_default();
    object(Named { kind: "time.Month", number: number.into(), name })
}

fn add_date(args: Args<'_>) -> Result<Value, Failure> {
    let time = this(args)?;
    let (date, second, _, offset) = time.shown();
    let months = (i64::from(date.month) - 1).wrapping_add(args.int(2)?);
    let year = date.year.wrapping_add(args.int(1)?).wrapping_add(months.div_euclid(12));
    if year.unsigned_abs() > 1_000_000 {
        return Err("this year is beyond every calendar".into());
    }
    let month = u32::try_from(months.rem_euclid(12)).unwrap_or(0) + 1;
    let leap = i64::from(super::super::clock::is_leap(year) && month > 2);
    let first = super::super::clock::days_before_year(year)
        + i64::from(super::super::clock::days_before_month(month))
        + leap;
    let day = first.wrapping_add(i64::from(date.day) - 1).wrapping_add(args.int(3)?);
    let local = day.wrapping_mul(86_400).wrapping_add(second);
    // The zone's offset at the new date may be another one.
    let guess = local.wrapping_sub(i64::from(offset));
    let seconds = local.wrapping_sub(i64::from(time.zone.at(guess).1));
    Ok(object(Time { seconds, nanos: time.nanos, zone: time.zone.clone() }))
}

/// The methods without arguments or with plain ones; each gets the time itself first.
static METHODS: &[Function] = &[
    Function::new("Format", &[Type::String], Type::String, |_, args| {
        Ok(this(args)?.format(args.str(1)?).into())
    }),
    Function::new("String", &[], Type::String, |_, args| Ok(Time::text(this(args)?).into())),
    Function::new("Unix", &[], Type::INT64, |_, args| Ok(Value::int64(this(args)?.seconds))),
    Function::new("UnixMilli", &[], Type::INT64, |_, args| Ok(Value::int64(scaled(this(args)?, 1_000)))),
    Function::new("UnixMicro", &[], Type::INT64, |_, args| Ok(Value::int64(scaled(this(args)?, 1_000_000)))),
    Function::new("UnixNano", &[], Type::INT64, |_, args| {
        Ok(Value::int64(scaled(this(args)?, 1_000_000_000)))
    }),
    Function::new("Year", &[], Type::INT, |_, args| number(date(args)?.year)),
    Function::new("YearDay", &[], Type::INT, |_, args| number(date(args)?.day_of_year)),
    Function::new("Month", &[], MONTH, |_, args| Ok(month(date(args)?.month))),
    Function::new("Day", &[], Type::INT, |_, args| number(date(args)?.day)),
    Function::new("Weekday", &[], WEEKDAY, |_, args| {
        let at = date(args)?.weekday;
        let name = WEEKDAYS.get(at).copied().unwrap_or_default();
        let number = i64::try_from(at).unwrap_or(0);
        Ok(object(Named { kind: "time.Weekday", number, name }))
    }),
    Function::new("Hour", &[], Type::INT, |_, args| number(second_of_day(args)? / 3600)),
    Function::new("Minute", &[], Type::INT, |_, args| number(second_of_day(args)? / 60 % 60)),
    Function::new("Second", &[], Type::INT, |_, args| number(second_of_day(args)? % 60)),
    Function::new("Nanosecond", &[], Type::INT, |_, args| number(this(args)?.nanos)),
    Function::new("UTC", &[], TIME, |_, args| Ok(object(this(args)?.within(Zone::Utc)))),
    Function::new("Local", &[], TIME, |_, args| Ok(object(this(args)?.within(Zone::Utc)))),
    Function::new("IsZero", &[], Type::Bool, |_, args| {
        let (time, zero) = (this(args)?, Time::zero());
        Ok(time.compare(&zero).is_eq().into())
    }),
    Function::new("After", &[TIME], Type::Bool, |_, args| {
        Ok(this(args)?.compare(args.object(1)?).is_gt().into())
    }),
    Function::new("Before", &[TIME], Type::Bool, |_, args| {
        Ok(this(args)?.compare(args.object(1)?).is_lt().into())
    }),
    Function::new("Equal", &[TIME], Type::Bool, |_, args| {
        Ok(this(args)?.compare(args.object(1)?).is_eq().into())
    }),
    Function::new(
        "Compare",
        &[TIME],
        Type::INT,
        |_, args| number(this(args)?.compare(args.object(1)?) as i8),
    ),
    Function::new("Sub", &[TIME], DURATION, |_, args| {
        Ok(object(Duration(this(args)?.since(args.object(1)?))))
    }),
    Function::new("Add", &[DURATION], TIME, |_, args| {
        Ok(object(this(args)?.add(super::nanos(args.any(1))?)))
    }),
    Function::new("AddDate", &[Type::INT, Type::INT, Type::INT], TIME, |_: &mut dyn Context, args| {
        add_date(args)
    }),
];

static DURATION_METHODS: &[Function] = &[
    Function::new("String", &[], Type::String, |_, args| Ok(duration::format(length(args)?).into())),
    Function::new("Nanoseconds", &[], Type::INT64, |_, args| Ok(Value::int64(length(args)?))),
    Function::new("Microseconds", &[], Type::INT64, |_, args| Ok(Value::int64(length(args)? / 1_000))),
    Function::new("Milliseconds", &[], Type::INT64, |_, args| Ok(Value::int64(length(args)? / 1_000_000))),
    Function::new("Seconds", &[], Type::FLOAT64, |_, args| units(length(args)?, 1_000_000_000)),
    Function::new("Minutes", &[], Type::FLOAT64, |_, args| units(length(args)?, 60_000_000_000)),
    Function::new("Hours", &[], Type::FLOAT64, |_, args| units(length(args)?, 3_600_000_000_000)),
    Function::new("Round", &[DURATION], DURATION, |_, args| {
        let unit = super::nanos(args.any(1))?;
        let rounded = if unit <= 0 { length(args)? } else { duration::round(length(args)?, unit) };
        Ok(object(Duration(rounded)))
    }),
    Function::new("Truncate", &[DURATION], DURATION, |_, args| {
        let (length, unit) = (length(args)?, super::nanos(args.any(1))?);
        Ok(object(Duration(if unit <= 0 { length } else { length - length % unit })))
    }),
];

static NAMED_METHODS: &[Function] = &[Function::new("String", &[], Type::String, |_, args| {
    Ok(downcast::<Named>(args.any(0)).map_or("", |it| it.name).into())
})];

/// Whole and part apart, as Go's `Hours` does, so that the sum is rounded once.
#[expect(clippy::cast_precision_loss, reason = "as the original")]
fn units(length: i64, unit: i64) -> Result<Value, Failure> {
    Ok(Value::float((length / unit) as f64 + (length % unit) as f64 / unit as f64))
}

fn scaled(time: &Time, per_second: i64) -> i64 {
    let part = i64::from(time.nanos) / (1_000_000_000 / per_second);
    time.seconds.wrapping_mul(per_second).wrapping_add(part)
}
