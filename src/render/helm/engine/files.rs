//! `.Files`.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::glob::Glob;
use crate::{
    render::gotemplate::{Args, Failure, Function, Map, Str, Type, Value, value::MapType},
    yaml::{self, emit, json},
};

/// The type of `.Files`: a map of bytes with methods.
pub(super) static FILES: MapType = MapType { name: "engine.files", element: Type::Bytes };

/// What templates see as `.Files`.
pub(super) fn files<'f>(files: impl Iterator<Item = (&'f str, &'f Str)>) -> Map {
    Map::new(&FILES, files.map(|(name, data)| (Str::from(name), Value::Bytes(data.clone()))).collect())
}

/// The methods of `.Files`.
pub(super) static METHODS: &[Function] = &[
    Function::new("Get", &[Type::String], Type::String, |_, args| {
        Ok(get(args)?.map_or_else(|| "".into(), Value::Str))
    }),
    Function::new("GetBytes", &[Type::String], Type::Bytes, |_, args| {
        Ok(Value::Bytes(get(args)?.unwrap_or_default()))
    }),
    Function::new("Glob", &[Type::String], Type::Map(&FILES), |context, args| {
        let files = args.map(0)?;
        context.charge(files.len() as u64)?;
        // What is no pattern takes everything.
        let glob = Glob::parse(&args.str(1)?.to_text()).unwrap_or(Glob::ALL);
        let mut taken = files.to_vec();
        taken.retain(|(name, _)| glob.matches(&name.to_text()));
        Ok(Map::new(&FILES, taken.into_iter().collect()).into())
    }),
    Function::new("AsConfig", &[], Type::String, |context, args| {
        let text = written(args.map(0)?, |data| data.to_text().into_owned())?;
        context.charge(text.len() as u64 / 64)?;
        Ok(text.into())
    }),
    Function::new("AsSecrets", &[], Type::String, |context, args| {
        let text = written(args.map(0)?, |data| STANDARD.encode(data))?;
        context.charge(text.len() as u64 / 64)?;
        Ok(text.into())
    }),
    Function::new("Lines", &[Type::String], Type::STRINGS, |context, args| {
        let Some(data) = get(args)? else { return Ok(Value::strings([])) };
        context.charge(data.len() as u64 / 16)?;
        if data.is_empty() {
            return Err("runtime error: index out of range [-1]".into());
        }
        let data = data.strip_suffix(b"\n").unwrap_or(&data);
        Ok(Value::strings(data.split(|byte| *byte == b'\n').map(Str::from)))
    }),
];

fn get(args: Args<'_>) -> Result<Option<Str>, Failure> {
    Ok(match args.map(0)?.get(args.str(1)?) {
        Some(Value::Bytes(data)) => Some(data),
        _ => None,
    })
}

/// YAML of base names to texts; of two files with one base name the later path wins.
fn written(files: &Map, text: impl Fn(&Str) -> String) -> Result<String, Failure> {
    let base = |name: &Str| name.to_text().rsplit('/').next().unwrap_or_default().to_owned();
    let mut map = yaml::Map::new();
    for (name, data) in files.to_vec() {
        if let Value::Bytes(data) = data {
            map.insert(base(&name), yaml::Value::String(text(&data)));
        }
    }
    let value = json::through_json(yaml::Value::Map(map)).map_err(|error| error.to_string())?;
    let mut text = emit::emit(&value);
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}
