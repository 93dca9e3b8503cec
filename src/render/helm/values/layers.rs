//! Values of several sources, in the order and with the oddities of Flux's helm-controller (`fluxcd/pkg/chartutil`).

use super::{Kind, new_map, put, set};
use crate::render::{
    gotemplate::{Map, Value},
    helm::chart::decode::mapping,
};

/// One source of values.
#[derive(Clone, Debug)]
pub enum Layer {
    /// A document of values.
    Document(Vec<u8>),
    /// Values that were read already.
    Table(Map),
    /// One value, as `--set` reads it; in quotes, or where it is literal, it is text.
    Set {
        /// Where to.
        path: String,
        /// The value.
        text: String,
        /// Whether nothing is read into it.
        literal: bool,
    },
    /// One value that was read already.
    Put {
        /// Where to.
        path: String,
        /// The value.
        value: serde_json::Value,
    },
}

/// All layers, each above those before it, and `own` above them all.
///
/// One value at a path is set on top of `own`, and `own` is merged over the whole once more at the end. Tables are shared
/// and not copied, as in the original, so the value survives that where it stands in a table of `own`, and does not where it
/// is a key of the topmost one.
///
/// # Errors
/// In the words of the original, for the first layer that cannot be read, with its place in the list.
pub fn layered(layers: &[Layer], own: &Map) -> Result<Map, (usize, String)> {
    let mut all = new_map();
    for (at, layer) in layers.iter().enumerate() {
        let wrong = |error: String| (at, error);
        match layer {
            Layer::Document(text) => {
                let map = mapping(text, "common.Values").map_err(wrong)?.unwrap_or_default();
                all = merged(&all, &super::from_map(&map));
            }
            Layer::Table(map) => all = merged(&all, map),
            Layer::Set { path, text, literal } => {
                all = merged(&all, own);
                let quoted = |c: char| text.starts_with(c) && text.ends_with(c);
                let (kind, text) = match (literal, quoted('\'') || quoted('"')) {
                    (true, _) => (Kind::Text, escaped(text)),
                    (false, true) => (Kind::Text, text.trim_matches(['\'', '"']).to_owned()),
                    (false, false) => (Kind::Typed, text.clone()),
                };
                set(kind, &format!("{path}={text}"), &all).map_err(wrong)?;
            }
            Layer::Put { path, value } => {
                all = merged(&all, own);
                set(Kind::Json, &format!("{path}={value}"), &all).map_err(wrong)?;
            }
        }
    }
    Ok(merged(&all, own))
}

/// Every sign that the parser of `--set` reads something into.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | ',' | '[' | ']' | '{' | '}') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// `over` above `base`, in a new map whose tables are those of the two, except where both have one.
fn merged(base: &Map, over: &Map) -> Map {
    let out = new_map();
    for (key, value) in base.to_vec() {
        put(&out, key, value);
    }
    for (key, value) in over.to_vec() {
        let value = match (out.get(&key), value) {
            (Some(Value::Map(base)), Value::Map(over)) => merged(&base, &over).into(),
            (_, value) => value,
        };
        put(&out, key, value);
    }
    out
}
