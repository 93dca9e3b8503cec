//! `.Files`.

use std::{any::Any, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::glob::Glob;
use crate::{
    render::gotemplate::{
        Args, Failure, Function, Kind, Map, Object, Str, Type, Value,
        value::{MapType, object},
    },
    yaml::{self, emit, json},
};

/// The files of a chart that are none of its templates: a map of bytes with methods.
#[derive(Clone, Debug)]
pub(super) struct Files(pub(super) BTreeMap<Str, Str>);

static FILES: MapType = MapType { name: "engine.files", element: Type::Bytes };
const TYPE: Type = Type::Object("engine.files");

impl Object for Files {
    fn type_name(&self) -> &'static str {
        FILES.name
    }

    fn kind(&self) -> Kind {
        Kind::Map
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        METHODS.iter().find(|it| it.name == name)
    }

    fn underlying(&self) -> Option<Value> {
        let entries = self.0.iter().map(|(name, data)| (name.clone(), Value::Bytes(data.clone())));
        Some(Map::new(&FILES, entries.collect()).into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

static METHODS: &[Function] = &[
    Function::new("Get", &[Type::String], Type::String, |_, args| {
        Ok(get(args)?.map_or_else(|| "".into(), |data| data.clone().into()))
    }),
    Function::new("GetBytes", &[Type::String], Type::Bytes, |_, args| {
        Ok(Value::Bytes(get(args)?.cloned().unwrap_or_default()))
    }),
    Function::new("Glob", &[Type::String], TYPE, |context, args| {
        let Files(files) = this(args)?;
        context.charge(files.len() as u64)?;
        // What is no pattern takes everything.
        let glob = Glob::parse(&args.str(1)?.to_text()).unwrap_or(Glob::ALL);
        let taken = files.iter().filter(|(name, _)| glob.matches(&name.to_text()));
        Ok(object(Files(taken.map(|(name, data)| (name.clone(), data.clone())).collect())))
    }),
    Function::new("AsConfig", &[], Type::String, |context, args| {
        let text = |data: &Str| data.to_text().into_owned();
        written(this(args)?, text).and_then(|text| {
            context.charge(text.len() as u64 / 64)?;
            Ok(text.into())
        })
    }),
    Function::new("AsSecrets", &[], Type::String, |context, args| {
        written(this(args)?, |data| STANDARD.encode(data)).and_then(|text| {
            context.charge(text.len() as u64 / 64)?;
            Ok(text.into())
        })
    }),
    Function::new("Lines", &[Type::String], Type::STRINGS, |context, args| {
        let Some(data) = get(args)? else { return Ok(Value::strings([])) };
        context.charge(data.len() as u64 / 16)?;
        if data.is_empty() {
            return Err("runtime error: index out of range [-1]".into());
        }
        let data = data.strip_suffix(b"\n").unwrap_or(data);
        Ok(Value::strings(data.split(|byte| *byte == b'\n').map(Str::from)))
    }),
];

fn this(args: Args<'_>) -> Result<&Files, Failure> {
    args.object(0)
}

fn get<'a>(args: Args<'a>) -> Result<Option<&'a Str>, Failure> {
    Ok(this(args)?.0.get(args.str(1)?.as_bytes()))
}

/// YAML of base names to texts; of two files with one base name the later path wins.
fn written(Files(files): &Files, text: impl Fn(&Str) -> String) -> Result<String, Failure> {
    let base = |name: &Str| name.to_text().rsplit('/').next().unwrap_or_default().to_owned();
    let map: yaml::Map =
        files.iter().map(|(name, data)| (base(name), yaml::Value::String(text(data)))).collect();
    let value = json::through_json(yaml::Value::Map(map)).map_err(|error| error.to_string())?;
    let mut text = emit::emit(&value);
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}
