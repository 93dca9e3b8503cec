//! `values.schema.json`: what values a chart takes, in the words of the validator that Helm uses.

mod broken;
mod format;
mod message;
mod settled;

use std::error::Error as StdError;

use boon::{Compiler, Schemas, UrlLoader};
use serde_json::Value as Json;

use super::{Chart, Error, values};
use crate::render::gotemplate::{Map, Value};

/// Under which address a schema knows itself.
const URL: &str = "file:///values.schema.json";

/// Checks coalesced values against the schemas of a chart and of those within it.
///
/// # Errors
/// With all that does not hold.
pub fn validate(chart: &Chart, values: &Map) -> Result<(), Error> {
    let mut says = String::new();
    below(chart, values, &mut says);
    if says.is_empty() {
        return Ok(());
    }
    let why = "values don't meet the specifications of the schema(s) in the following chart(s)";
    Err(Error::Schema(format!("{why}:\n{says}")))
}

fn below(chart: &Chart, values: &Map, says: &mut String) {
    if let Some(schema) = &chart.files.schema
        && let Err(why) = one(schema, values)
    {
        says.push_str(&format!("{}:\n{why}", chart.name()));
    }
    for child in &chart.dependencies {
        match values.get(child.name().as_bytes()) {
            None | Some(Value::Nil) => (),
            Some(Value::Map(values)) => below(child, &values, says),
            Some(other) => {
                let (name, got) = (child.name(), other.type_name());
                says.push_str(&format!(
                    "{name}:\ninvalid type for values: expected object (map), got {got}\n"
                ));
            }
        }
    }
}

/// Checks values against one schema.
///
/// # Errors
/// In the original's words.
pub(super) fn one(schema: &[u8], values: &Map) -> Result<(), String> {
    let schema: Json = broken::read(schema)?;
    let mut compiler = Compiler::new();
    compiler.use_loader(Box::new(Elsewhere));
    format::register(&mut compiler);
    let mut schemas = Schemas::new();
    let wrong = |error| format::shown(&broken::told(&error));
    let mut ours = schema.clone();
    format::prepare(&mut ours);
    compiler.add_resource(URL, ours).map_err(wrong)?;
    let index = compiler.compile(URL, &mut schemas).map_err(wrong)?;
    let values: Json = values::to_yaml(&Value::Map(values.clone())).into();
    match schemas.validate(&values, index) {
        Ok(()) => Ok(()),
        Err(error) => match settled::settled(&error, &values) {
            // The outermost says only which schema it is.
            Some(fault) => Err(format!("{}\n", message::tree(&fault.causes, &schema))),
            None => Ok(()),
        },
    }
}

/// Schemas that are not part of the chart: nothing here has a network, and what a `urn` means nobody knows.
struct Elsewhere;

impl UrlLoader for Elsewhere {
    fn load(&self, url: &str) -> Result<Json, Box<dyn StdError>> {
        if url.starts_with("urn:") {
            // The original warns and lets everything pass.
            return Ok(Json::Bool(true));
        }
        Err(format!("schema {url} is not part of the chart, and nothing is fetched").into())
    }
}
