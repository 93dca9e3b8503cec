//! The methods of `.Values`, which few charts know of.

use crate::render::{
    gotemplate::{Args, Failure, Function, Map, Type, Value, value::ANY_MAP},
    helm::{
        funcs,
        values::{VALUES, new_map, table},
    },
};

/// The methods of `common.Values`.
pub(super) static METHODS: &[Function] = &[
    Function::new("AsMap", &[], Type::MAP, |_, args| {
        let map = this(args)?;
        Ok(if map.is_empty() { new_map() } else { map.clone().with_type(&ANY_MAP) }.into())
    }),
    Function::new("Table", &[Type::String], Type::Map(&VALUES), |_, args| {
        let found = table::table(this(args)?, &args.str(1)?.to_text())?;
        Ok(found.with_type(&VALUES).into())
    }),
    Function::new("PathValue", &[Type::String], Type::Any, |_, args| {
        let path = args.str(1)?.to_text();
        if path.is_empty() {
            return Err("YAML path cannot be empty".into());
        }
        Ok(table::path_value(this(args)?, &path)?)
    }),
    Function::new("YAML", &[], Type::String, |context, args| {
        let plain = this(args)?.clone().with_type(&ANY_MAP).into();
        let function =
            funcs::functions().find(|it| it.name == "mustToYaml").ok_or("there is no mustToYaml")?;
        match (function.body)(context, Args(&[plain]))? {
            Value::Str(text) => Ok([&*text, b"\n"].concat().into()),
            other => Ok(other),
        }
    }),
];

fn this(args: Args<'_>) -> Result<&Map, Failure> {
    match args.any(0) {
        Value::Map(map) => Ok(map),
        _ => Err("a method of values is called on something else".into()),
    }
}
