//! The record of an input, in the form in which tests/oracle/yamlread prints that of the originals.

use std::{fmt::Write as _, ops::ControlFlow};

use airlock::{
    digest::Digest,
    yaml::{self, Document, Error, Kind, NodeId, ScalarStyle, Style, Value, Version, json},
};

/// Everything that the readers make of one input.
pub fn record(input: &[u8]) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: Result<String, String>| {
        let value = value.unwrap_or_else(|error| format!("error {}", quote(error.as_bytes())));
        writeln!(out, "{name} {}", clip(value, 1000)).unwrap();
    };
    let first = |version, value: fn(&Document<'_>) -> Result<Value, Error>| {
        let document = yaml::parse_first(input, version).map_err(|error| error.to_string())?;
        let value = value(&document).map_err(|error| error.to_string())?;
        json::to_json(&value).map_err(|error| error.to_string())
    };
    line("json", first(Version::V2, |document| document.to_value(Version::V2)));
    line("strict", first(Version::V2, |document| document.to_value_strict()));
    line("object", first(Version::V3, |document| document.to_value(Version::V3)));
    line("v2", v2_documents(input).map(|count| count.to_string()));
    nodes(input, &mut out);
    out
}

fn v2_documents(input: &[u8]) -> Result<usize, String> {
    let (mut count, mut wrong) = (0, None);
    let read = yaml::each(input, Version::V2, |document| {
        match document.to_value(Version::V2) {
            Ok(_) | Err(Error::Json(_)) => count += 1,
            Err(error) => {
                wrong = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    });
    match read.err().or(wrong) {
        Some(error) => Err(error.to_string()),
        None => Ok(count),
    }
}

fn nodes(input: &[u8], out: &mut String) {
    let read = yaml::each(input, Version::V3, |document| {
        let mut tree = String::from("document");
        push_comments(document.document_comments(), &mut tree);
        dump(&document, document.root().unwrap(), 1, &mut tree);
        writeln!(out, "v3\n{}", clip(tree, 4000)).unwrap();
        ControlFlow::Continue(())
    });
    if let Err(error) = read {
        writeln!(out, "v3 error {}", quote(error.to_string().as_bytes())).unwrap();
    }
}

fn dump(document: &Document<'_>, id: NodeId, depth: usize, out: &mut String) {
    let node = document.node(id);
    out.push('\n');
    for _ in 0..depth {
        out.push(' ');
    }
    match node.kind {
        Kind::Sequence => out.push_str("sequence"),
        Kind::Mapping => out.push_str("mapping"),
        Kind::Alias => write!(out, "*{}", node.value).unwrap(),
        Kind::Scalar => out.push_str(&quote(node.value.as_bytes())),
    }
    out.push_str(match node.style {
        Style::Scalar(ScalarStyle::DoubleQuoted) => " double",
        Style::Scalar(ScalarStyle::SingleQuoted) => " single",
        Style::Scalar(ScalarStyle::Literal) => " literal",
        Style::Scalar(ScalarStyle::Folded) => " folded",
        Style::Flow => " flow",
        Style::Scalar(ScalarStyle::Plain) | Style::Block => "",
    });
    if document.explicit_tag(id).is_some_and(|tag| tag != "!") {
        out.push_str(" tagged");
    }
    if node.kind != Kind::Alias {
        write!(out, " {}", quote(document.tag(id).as_bytes())).unwrap();
    }
    if let Some(anchor) = document.anchor(id) {
        write!(out, " &{anchor}").unwrap();
    }
    write!(out, " {}:{}", node.line, node.column).unwrap();
    if let Some(comments) = document.comments(id) {
        push_comments(comments, out);
    }
    for child in document.children(id) {
        dump(document, *child, depth + 1, out);
    }
}

/// A text that is too long for a fixture is known by its digest.
fn clip(text: String, limit: usize) -> String {
    if text.len() <= limit { text } else { Digest::of(text.as_bytes()).to_string() }
}

fn push_comments(comments: &yaml::Comments<'_>, out: &mut String) {
    for (name, text) in [("head", &comments.head), ("line", &comments.line), ("foot", &comments.foot)] {
        if !text.is_empty() {
            write!(out, " {name}={}", quote(text.as_bytes())).unwrap();
        }
    }
}

/// Bytes on one line: what is visible as it is, the rest escaped.
pub fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    let escape = |out: &mut String, bytes: &[u8]| {
        for byte in bytes {
            write!(out, "\\x{byte:02x}").unwrap();
        }
    };
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => out.extend(['\\', character]),
                '\n' => out.push_str("\\n"),
                ' '..='~' => out.push(character),
                '\u{2028}' | '\u{2029}' | '\u{feff}' | ..'\u{a1}' => {
                    escape(&mut out, character.to_string().as_bytes());
                }
                _ => out.push(character),
            }
        }
        escape(&mut out, chunk.invalid());
    }
    out.push('"');
    out
}

/// The bytes that [`quote`] wrote. `\*7{text}` is text that stands seven times.
pub fn unquote(text: &str) -> Vec<u8> {
    let mut bytes = text.strip_prefix('"').unwrap().strip_suffix('"').unwrap().bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next().unwrap() {
                b'n' => b'\n',
                b'*' => {
                    let count: Vec<u8> = bytes.by_ref().take_while(|byte| *byte != b'{').collect();
                    let again: Vec<u8> = bytes.by_ref().take_while(|byte| *byte != b'}').collect();
                    out.extend(again.repeat(std::str::from_utf8(&count).unwrap().parse().unwrap()));
                    continue;
                }
                b'x' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            },
            byte => byte,
        });
    }
    out
}
