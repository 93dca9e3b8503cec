//! The functions that `tests/oracle/gotemplate` has too, one for each kind of parameter.

use airlock::render::gotemplate::{
    Args, Context, Failure, Function, RunError, Table, Type, Value,
    fmt::sprintf,
    strconv::quote,
    value::{STRINGS, UintKind},
};

type Outcome = Result<Value, Failure>;

const ANY: Type = Type::Any;
const STRING: Type = Type::String;
const UINT8: Type = Type::Uint(UintKind::Uint8);

pub static ALL: [Function; 18] = [
    Function::variadic("list", &[ANY], Type::LIST, |_, args| Ok(args.rest(0).iter().cloned().collect())),
    Function::variadic("strings", &[STRING], Type::STRINGS, |_, args| {
        Ok(airlock::render::gotemplate::List::new(&STRINGS, args.rest(0).to_vec()).into())
    }),
    Function::variadic("dict", &[ANY], Type::MAP, dict),
    Function::new("set", &[Type::MAP, STRING, ANY], Type::MAP, |_, args| {
        args.map(0)?.insert(args.str(1)?.clone(), args.any(2).clone())?;
        Ok(args.any(0).clone())
    }),
    Function::new("upper", &[STRING], STRING, |_, args| Ok(args.str(0)?.to_text().to_uppercase().into())),
    Function::new("repeat", &[Type::INT, STRING], STRING, |_, args| {
        let count = usize::try_from(args.int(0)?).map_err(|_| "strings: negative Repeat count")?;
        Ok(args.str(1)?.repeat(count).into())
    }),
    Function::new("wide", &[Type::INT64], Type::INT64, |_, args| Ok(args.any(0).clone())),
    Function::new("narrow", &[UINT8], UINT8, |_, args| Ok(args.any(0).clone())),
    Function::new("half", &[Type::FLOAT64], Type::FLOAT64, |_, args| Ok(Value::float(args.float(0)? / 2.0))),
    Function::new("negate", &[Type::Bool], Type::Bool, |_, args| Ok(Value::Bool(!args.bool(0)?))),
    Function::new("any", &[ANY], ANY, |_, args| Ok(args.any(0).clone())),
    Function::new("typeOf", &[ANY], STRING, |_, args| Ok(sprintf(b"%T", args.rest(0))?.into())),
    Function::new("join", &[STRING, Type::STRINGS], STRING, |_, args| {
        let items: Vec<String> = args
            .list(1)?
            .items()
            .iter()
            .map(|it| match it {
                Value::Str(text) => text.to_text().into_owned(),
                other => panic!("{other:?} among strings"),
            })
            .collect();
        Ok(items.join(&args.str(0)?.to_text()).into())
    }),
    Function::variadic("lengths", &[Type::LIST, Type::MAP], Type::INT, |_, args| {
        let count = args.list(0)?.len() + args.rest(1).len();
        Ok(Value::int(i64::try_from(count).unwrap()))
    }),
    Function::new("fail", &[STRING], STRING, |_, args| Err(args.str(0)?.to_text().into_owned().into())),
    Function::new("wrap", &[STRING], STRING, |_, args| {
        Err(Failure::because("wrapped", args.str(0)?.to_text().into_owned()))
    }),
    Function::new("include", &[STRING, ANY], STRING, |context, args| {
        Ok(context.execute(args.str(0)?, args.any(1))?.into())
    }),
    Function::new("tpl", &[STRING, ANY], STRING, tpl),
];

pub fn table() -> Table {
    Table::new(ALL.iter().chain([&super::objects::STAMP]))
}

fn dict(_: &mut dyn Context, args: Args<'_>) -> Outcome {
    let mut out = std::collections::BTreeMap::new();
    for pair in args.rest(0).chunks_exact(2) {
        let [Value::Str(key), value] = pair else {
            let dynamic = if matches!(pair[0], Value::Nil) { "nil" } else { pair[0].type_name() };
            return Err(format!("interface conversion: interface {{}} is {dynamic}, not string").into());
        };
        out.insert(key.clone(), value.clone());
    }
    Ok(Value::map(out))
}

fn tpl(context: &mut dyn Context, args: Args<'_>) -> Outcome {
    let text = args.str(0)?;
    let quoted = quote(text);
    match context.run("t", text, args.any(1)) {
        Ok(out) => Ok(out.into()),
        Err(RunError::Parse(cause)) => {
            Err(Failure::because(format!("cannot parse template {quoted}"), cause))
        }
        Err(RunError::Execute(cause)) => {
            Err(Failure::because(format!("error during tpl function execution for {quoted}"), cause))
        }
    }
}
