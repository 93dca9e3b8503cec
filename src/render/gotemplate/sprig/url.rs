//! The functions on URLs, and Go's `net/url` behind them.

pub(crate) mod address;
mod escape;
mod parse;

use super::call::Out;
use crate::render::gotemplate::{Args, Context, Failure, Function, Kind, Map, Str, Type, Value};

pub(crate) use parse::{Url, User};

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("urlParse", &[Type::String], Type::MAP, parts),
    Function::new("urlJoin", &[Type::MAP], Type::String, join),
];

fn parts(_: &mut dyn Context, args: Args<'_>) -> Out {
    let url = Url::parse(args.str(0)?).map_err(|error| format!("unable to parse url: {error}"))?;
    let user = url.user.as_ref().map(User::text).unwrap_or_default();
    let hostname = url.hostname().to_vec();
    let parts = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", user),
    ];
    Ok(parts.into_iter().map(|(key, part)| (Str::from(key), Value::from(part))).collect())
}

fn join(_: &mut dyn Context, args: Args<'_>) -> Out {
    let map = args.map(0)?;
    let mut url = Url {
        scheme: part(map, "scheme")?,
        host: part(map, "host")?,
        path: part(map, "path")?,
        query: part(map, "query")?,
        opaque: part(map, "opaque")?,
        fragment: part(map, "fragment")?,
        ..Url::default()
    };
    let user = part(map, "userinfo")?;
    if !user.is_empty() {
        let whole = [b"proto://", user.as_slice(), b"@host"].concat();
        let parsed = Url::parse(&whole);
        url.user = parsed.map_err(|error| format!("unable to parse userinfo in dict: {error}"))?.user;
    }
    Ok(url.text().into())
}

fn part(map: &Map, key: &str) -> Result<Vec<u8>, Failure> {
    match map.get(key.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Str(text)) => Ok(text.to_vec()),
        Some(Value::Nil) => Err(super::call::NIL_DEREFERENCE.into()),
        Some(other) if other.kind() == Kind::String => Ok(super::text::string(&other.plain())?.to_vec()),
        Some(other) => {
            let kind = other.kind().name();
            Err(format!("unable to parse {key} key, must be of type string, but {kind} found").into())
        }
    }
}
