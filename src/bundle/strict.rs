//! Strict JSON: one meaning for one text.
//!
//! Two readers of a signed document must not be able to disagree, so a repeated name is an error at any depth, even
//! inside a part that this agent ignores, and nesting is bounded before anything is built.

use std::{collections::BTreeSet, fmt};

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Malformed;
use crate::limits;

/// Parses one JSON document into `T`. `what` names it in the error.
///
/// # Errors
/// When it is not JSON, repeats a name, nests deeper than [`limits::JSON_DEPTH`], goes on after its end, or is no `T`.
pub fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::new(what, "it is not UTF-8"))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    Shape { depth: 0 }
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| Malformed::new(what, error))?;
    serde_json::from_str(text).map_err(|error| Malformed::new(what, error))
}

/// Walks a document and keeps nothing of it.
#[derive(Clone, Copy)]
struct Shape {
    depth: usize,
}

impl Shape {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.depth + 1 {
            depth if depth > limits::JSON_DEPTH => Err(E::custom("it nests too deeply")),
            depth => Ok(Self { depth }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut names = BTreeSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            entries.next_value_seed(inner)?;
            if let Some(name) = names.replace(name) {
                return Err(Error::custom(format_args!("the name `{name}` is repeated")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let result = parse::<serde_json::Value>("it", text.as_bytes());
        match result {
            Ok(_) => assert_eq!(expect, "ok"),
            Err(error) => assert!(error.why.contains(expect) && expect != "ok", "{error}"),
        }
    }

    #[test]
    fn one_text_has_one_meaning() {
        check(r#"{"a":1,"b":[{"a":2}]}"#, "ok");
        check(r#"{"a":1,"a":1}"#, "`a` is repeated");
        check(r#"{"a":{"b":1,"b":2}}"#, "`b` is repeated");
        check(r#"[{"a":1,"\u0061":2}]"#, "`a` is repeated");
        check(r#"{"a":1} {"#, "trailing");
        check(r#"{"a":1}x"#, "trailing");
        check(r#"{"a":NaN}"#, "expected");
        check(r#"{"a":1e999}"#, "number out of range");
        check("\"\u{feff}\"", "ok");
        check("\u{feff}{}", "expected value");
        check(&"[".repeat(100_000), "nests too deeply");
        check(&format!("{}{}", "[".repeat(64), "]".repeat(64)), "ok");
        check(&format!("{}{}", "[".repeat(65), "]".repeat(65)), "nests too deeply");
        check("", "EOF");
        assert!(parse::<serde_json::Value>("it", b"\"\xff\"").unwrap_err().why.contains("UTF-8"));
    }
}
