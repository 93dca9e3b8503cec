//! What `format` takes, and the words for what it does not take: those of `santhosh-tekuri/jsonschema` v6.

mod address;
mod moment;
mod number;

use std::error::Error as StdError;

use boon::{Compiler, Format};
use serde_json::Value as Json;

use crate::render::gotemplate::{sprig::regexp::Regexp, strconv::quote_rune};

/// Whether a text is of a form; if not, why.
type Check = fn(&str) -> Result<(), String>;

/// Makes a compiler use the original's formats. It would have some that the original does not know: those take everything.
pub(super) fn register(compiler: &mut Compiler) {
    let formats: [Format; 21] = [
        form("json-pointer", |it| of_text(it, number::json_pointer)),
        form("relative-json-pointer", |it| of_text(it, number::relative_json_pointer)),
        form("uuid", |it| of_text(it, number::uuid)),
        form("duration", |it| of_text(it, moment::duration)),
        form("period", |it| of_text(it, moment::period)),
        form("date", |it| of_text(it, moment::date)),
        form("time", |it| of_text(it, moment::time)),
        form("date-time", |it| of_text(it, moment::date_time)),
        form("ipv4", |it| of_text(it, address::ipv4)),
        form("ipv6", |it| of_text(it, address::ipv6)),
        form("hostname", |it| of_text(it, address::hostname)),
        form("email", |it| of_text(it, address::email)),
        form("uri", |it| of_text(it, address::uri)),
        form("iri", |it| of_text(it, address::uri)),
        form("uri-reference", |it| of_text(it, address::uri_reference)),
        form("iri-reference", |it| of_text(it, address::uri_reference)),
        form("uri-template", |it| of_text(it, address::uri_template)),
        form("semver", |it| of_text(it, number::semver)),
        form(REGEX, |it| of_text(it, regex)),
        form("idn-hostname", |_| Ok(())),
        form("idn-email", |_| Ok(())),
    ];
    for format in formats {
        compiler.register_format(format);
    }
}

/// What the validator does not let us replace gets another name.
const REGEX: &str = "airlock-regex";

/// What no validator takes for an expression, at the end of one that Go refuses: ours finds some mistakes only when it is
/// too late to say where. It is left out of what is told.
const REFUSED: &str = "\u{e000}(";

/// The words of an error without what only the validator was to see.
pub(super) fn shown(words: &str) -> String {
    words.replace("\\ue000(", "")
}

/// Prepares a schema for the validator: the formats that it has its own idea of are renamed, and expressions that Go does not
/// take are made such that nobody does. What is data and not schema is left alone.
pub(super) fn prepare(schema: &mut Json) {
    let refused = |text: &str| regex(text).is_err().then(|| format!("{text}{REFUSED}"));
    match schema {
        Json::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("pattern", Json::String(text)) => {
                        if let Some(refused) = refused(text) {
                            *text = refused;
                        }
                    }
                    ("patternProperties", Json::Object(named)) => {
                        let all = std::mem::take(named).into_iter().map(|(name, mut schema)| {
                            prepare(&mut schema);
                            (refused(&name).unwrap_or(name), schema)
                        });
                        *named = all.collect();
                    }
                    ("format", Json::String(name)) if name == "regex" => REGEX.clone_into(name),
                    ("const" | "enum" | "default" | "examples", _) => (),
                    (_, value) => prepare(value),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(prepare),
        _ => (),
    }
}

/// The name of a format, and what is wrong. Of expressions in schemas themselves the validator says its own words, and the
/// original says Go's.
pub(super) fn told(got: &Json, want: &str, why: &dyn StdError) -> (String, String) {
    let go = || {
        let text = got.as_str().unwrap_or_default();
        regex(text.strip_suffix(REFUSED).unwrap_or(text)).err()
    };
    match want {
        REGEX => ("regex".to_owned(), why.to_string()),
        "regex" => (want.to_owned(), go().unwrap_or_else(|| why.to_string())),
        _ => (want.to_owned(), why.to_string()),
    }
}

fn form(name: &'static str, func: fn(&Json) -> Result<(), Box<dyn StdError>>) -> Format {
    Format { name, func }
}

/// Only texts have a form.
fn of_text(value: &Json, check: Check) -> Result<(), Box<dyn StdError>> {
    match value {
        Json::String(text) => Ok(check(text)?),
        _ => Ok(()),
    }
}

fn regex(text: &str) -> Result<(), String> {
    match Regexp::compile(text.as_bytes()) {
        Ok(_) => Ok(()),
        Err(error) => Err(String::from_utf8_lossy(&error.text()).into_owned()),
    }
}

/// `invalid character %q`.
fn unexpected(c: char) -> String {
    format!("invalid character {}", quoted(c))
}

/// `%q` of a character.
fn quoted(c: char) -> String {
    String::from_utf8_lossy(&quote_rune(c.into())).into_owned()
}

fn must(holds: bool, why: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}
