//! Texts as Go writes them into messages.

use std::{borrow::Cow, collections::HashMap, fmt::Write as _};

use super::node::{Kind, NodeId, Nodes, Style, Tag};
use crate::yaml::{Value, Version, emit::emit_pretty, parse_first, resolve::is_text};

/// `%q`: text in quotes with Go's escapes.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            c if c.is_control() && u32::from(c) < 0x80 => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `%v` of a list of texts.
pub(super) fn list<T: AsRef<str>>(items: &[T]) -> String {
    let mut out = String::from("[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(' ');
        }
        out.push_str(item.as_ref());
    }
    out.push(']');
    out
}

/// Whether go-yaml v3 puts a text in quotes so that it stays text.
pub(super) fn needs_quotes(text: &str) -> bool {
    !is_text(Version::V3, text) || !is_text(Version::V2, text)
}

/// kyaml's `IsValueNonString`: whether a text, written plain and read by go-yaml v2, is anything but text.
pub(super) fn is_no_text(text: &str) -> bool {
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'/');
    if text.bytes().all(plain) && !text.starts_with('-') {
        return !is_text(Version::V2, text);
    }
    match parse_first(text.as_bytes(), Version::V2).and_then(|document| document.to_value(Version::V2)) {
        Ok(Value::String(_)) | Err(_) => false,
        Ok(_) => true,
    }
}

/// A node as kyaml prints it: in its own order.
pub(super) fn print(nodes: &Nodes<'_>, id: NodeId) -> String {
    let mut out = String::new();
    let node = &nodes[id];
    if node.kind == Kind::Scalar || node.style == Style::Flow || node.content.is_empty() {
        flow(nodes, id, &mut out);
        out.push('\n');
        return out;
    }
    block(nodes, id, 0, &mut Printer { out: &mut out, keys: None });
    out
}

/// The lines at which the keys of a node stand when it is printed, from 1.
pub(super) fn key_lines(nodes: &Nodes<'_>, id: NodeId) -> HashMap<NodeId, usize> {
    let mut out = String::new();
    let mut keys = Keys::default();
    block(nodes, id, 0, &mut Printer { out: &mut out, keys: Some(&mut keys) });
    keys.lines
}

struct Printer<'p> {
    out: &'p mut String,
    keys: Option<&'p mut Keys>,
}

#[derive(Default)]
struct Keys {
    lines: HashMap<NodeId, usize>,
    /// How much was counted, and how many line breaks were in it.
    counted: usize,
    breaks: usize,
}

impl Printer<'_> {
    /// Notes that a key comes.
    fn mark(&mut self, key: NodeId) {
        let Some(keys) = &mut self.keys else { return };
        let new = self.out.get(keys.counted..).unwrap_or("");
        keys.breaks += new.bytes().filter(|byte| *byte == b'\n').count();
        keys.counted = self.out.len();
        keys.lines.insert(key, keys.breaks + 1);
    }
}

/// Collections in block style, lists not indented under their key.
fn block(nodes: &Nodes<'_>, id: NodeId, indent: usize, printer: &mut Printer<'_>) {
    let pad = " ".repeat(indent);
    match nodes[id].kind {
        Kind::Mapping => {
            for (at, (key, value)) in nodes.entries(id).enumerate() {
                if at > 0 {
                    printer.out.push_str(&pad);
                }
                printer.mark(key);
                scalar(nodes, key, printer.out);
                printer.out.push(':');
                child(nodes, value, indent, true, printer);
            }
        }
        Kind::Sequence => {
            for (at, item) in nodes[id].content.iter().enumerate() {
                if at > 0 {
                    printer.out.push_str(&pad);
                }
                printer.out.push('-');
                child(nodes, *item, indent, false, printer);
            }
        }
        _ => {
            scalar(nodes, id, printer.out);
            printer.out.push('\n');
        }
    }
}

fn child(nodes: &Nodes<'_>, id: NodeId, indent: usize, under_key: bool, printer: &mut Printer<'_>) {
    let node = &nodes[id];
    match node.kind {
        Kind::Mapping | Kind::Sequence if node.content.is_empty() || node.style == Style::Flow => {
            printer.out.push(' ');
            flow(nodes, id, printer.out);
            printer.out.push('\n');
        }
        Kind::Mapping if under_key => {
            printer.out.push('\n');
            printer.out.push_str(&" ".repeat(indent + 2));
            block(nodes, id, indent + 2, printer);
        }
        Kind::Sequence if under_key => {
            printer.out.push('\n');
            printer.out.push_str(&" ".repeat(indent));
            block(nodes, id, indent, printer);
        }
        Kind::Mapping | Kind::Sequence => {
            printer.out.push(' ');
            block(nodes, id, indent + 2, printer);
        }
        _ if node.value.contains('\n') && !matches!(node.style, Style::Single | Style::Double) => {
            let folded = node.style == Style::Folded;
            literal(&node.value, indent + 2, folded, printer.out);
        }
        _ => {
            let before = printer.out.len();
            printer.out.push(' ');
            scalar(nodes, id, printer.out);
            if printer.out.len() == before + 1 {
                printer.out.truncate(before);
            }
            printer.out.push('\n');
        }
    }
}

fn literal(text: &str, indent: usize, folded: bool, out: &mut String) {
    out.push(' ');
    out.push(if folded { '>' } else { '|' });
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text.ends_with("\n\n") || text == "\n" {
        out.push('+');
    }
    out.push('\n');
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn flow(nodes: &Nodes<'_>, id: NodeId, out: &mut String) {
    let node = &nodes[id];
    match node.kind {
        Kind::Mapping => {
            out.push('{');
            for (at, (key, value)) in nodes.entries(id).enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                scalar(nodes, key, out);
                out.push_str(": ");
                flow(nodes, value, out);
            }
            out.push('}');
        }
        Kind::Sequence => {
            out.push('[');
            for (at, item) in node.content.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                flow(nodes, *item, out);
            }
            out.push(']');
        }
        _ => scalar(nodes, id, out),
    }
}

/// A scalar on one line.
fn scalar(nodes: &Nodes<'_>, id: NodeId, out: &mut String) {
    let node = &nodes[id];
    let value: Cow<'_, str> = Cow::Borrowed(&node.value);
    let text = node.tag == Tag::Str || node.tag == Tag::None;
    match node.style {
        Style::Single => {
            out.push('\'');
            out.push_str(&value.replace('\'', "''"));
            out.push('\'');
        }
        Style::Double => out.push_str(&quote(&value)),
        _ if text && node.tag == Tag::Str && needs_quotes(&value) => out.push_str(&quote(&value)),
        _ if text && needs_quotes(&value) => out.push_str(&value),
        _ if text => {
            let printed = emit_pretty(&Value::String(value.into_owned()));
            out.push_str(printed.trim_end_matches('\n'));
        }
        _ => out.push_str(&value),
    }
}
