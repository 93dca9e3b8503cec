//! Nodes to values and back.

use std::{borrow::Cow, collections::HashSet};

use super::{
    Error,
    node::{Kind, Node, NodeId, Nodes, Style, Tag, resolved},
};
use crate::yaml::{
    self, Value, Version, float,
    resolve::{Scalar, resolve},
    rewrite::folded_again,
    value::Map,
};

/// What a scalar means once it was written and read back. `in_flow` says that it stands within brackets, `is_key`
/// that it is a key.
pub(super) fn meaning<'n>(
    nodes: &'n Nodes<'_>,
    id: NodeId,
    in_flow: bool,
    is_key: bool,
) -> Result<Scalar<'n>, Error> {
    let node = &nodes[id];
    let text: Cow<'n, str> = Cow::Borrowed(&node.value);
    let in_quotes = matches!(node.style, Style::Single | Style::Double | Style::Literal | Style::Folded);
    let one_line = !text.contains('\n');
    match node.tag {
        Tag::Str if !node.tagged && (node.style != Style::Folded || one_line) => {
            return Ok(Scalar::String(text));
        }
        Tag::None if in_quotes && node.style != Style::Folded => return Ok(Scalar::String(text)),
        _ => (),
    }
    let plain = !in_quotes && one_line;
    // Nothing, where a value cannot be nothing, is written as an empty text.
    if plain && text.is_empty() && (in_flow || is_key) && !node.tagged {
        return Ok(Scalar::String(text));
    }
    // In brackets and as a short key in one line, a folded text is written in quotes.
    let text = if node.style == Style::Folded && !in_flow && !(is_key && one_line && text.len() <= 128) {
        match text {
            Cow::Borrowed(text) => folded_again(text),
            owned @ Cow::Owned(_) => owned,
        }
    } else {
        text
    };
    let tag = match node.tag {
        Tag::None => None,
        tag if node.tagged => nodes.tag_text(tag),
        Tag::Str => return Ok(Scalar::String(text)),
        // A tag that the text has by itself is not written.
        tag if resolved(&node.value) == tag => None,
        tag => nodes.tag_text(tag),
    };
    resolve(Version::V3, tag, plain, text).map_err(|problem| Error::new(format!("yaml: {problem}")))
}

/// The value of a node as JSON has it, as kyaml's `MarshalJSON` makes it: written, read, and made JSON.
pub(super) fn to_value(nodes: &Nodes<'_>, id: NodeId) -> Result<Value, Error> {
    read(nodes, id, false)
}

/// The value of a node as it is, as kyaml's `Map` makes it.
pub(super) fn to_value_directly(nodes: &Nodes<'_>, id: NodeId) -> Result<Value, Error> {
    read(nodes, id, true)
}

fn read(nodes: &Nodes<'_>, id: NodeId, directly: bool) -> Result<Value, Error> {
    let mut reader = Reader { nodes, directly, root: id, errors: Vec::new(), json: None };
    let value = match nodes[id].kind {
        Kind::Mapping => reader.mapping(id, false, true)?,
        _ => reader.any(id, false)?,
    };
    if !reader.errors.is_empty() {
        return Err(yaml::Error::Values(reader.errors).into());
    }
    reader.json.map_or(Ok(value), Err)
}

struct Reader<'n, 'a> {
    nodes: &'n Nodes<'a>,
    directly: bool,
    root: NodeId,
    errors: Vec<String>,
    json: Option<Error>,
}

impl<'n> Reader<'n, '_> {
    fn any(&mut self, id: NodeId, in_flow: bool) -> Result<Value, Error> {
        let node = &self.nodes[id];
        let in_flow = in_flow || node.style == Style::Flow;
        match node.kind {
            Kind::None => Ok(Value::Null),
            Kind::Scalar => {
                let scalar = self.meaning(id, in_flow, false)?;
                Ok(self.scalar(scalar))
            }
            Kind::Sequence => node
                .content
                .iter()
                .map(|child| self.any(*child, in_flow))
                .collect::<Result<_, _>>()
                .map(Value::Seq),
            Kind::Mapping => self.mapping(id, in_flow, false),
        }
    }

    /// A mapping. The outermost one is read into text keys, any other one into what its keys are.
    fn mapping(&mut self, id: NodeId, in_flow: bool, outermost: bool) -> Result<Value, Error> {
        let in_flow = in_flow || self.nodes[id].style == Style::Flow;
        let mut map = Map::new();
        let mut seen = HashSet::new();
        for (key, value) in self.nodes.entries(id) {
            let node = &self.nodes[key];
            if node.kind != Kind::Scalar {
                self.errors.push(format!(
                    "cannot unmarshal {} into string",
                    if node.kind == Kind::Mapping { "!!map" } else { "!!seq" }
                ));
                continue;
            }
            if !seen.insert(&*node.value) {
                self.report_twice(id, key);
                continue;
            }
            let scalar = self.meaning(key, in_flow, true)?;
            let key = match scalar {
                Scalar::Null if outermost => continue,
                Scalar::String(text) => text.into_owned(),
                _ if outermost => node.value.clone().into_owned(),
                _ => {
                    let text = "json: unsupported type: map[interface {}]interface {}";
                    self.json.get_or_insert_with(|| Error::new(text));
                    node.value.clone().into_owned()
                }
            };
            let value = self.any(value, in_flow)?;
            map.insert(key, value);
        }
        Ok(Value::Map(map))
    }

    fn meaning(&self, id: NodeId, in_flow: bool, is_key: bool) -> Result<Scalar<'n>, Error> {
        if !self.directly {
            return meaning(self.nodes, id, in_flow, is_key);
        }
        let node = &self.nodes[id];
        let text = Cow::Borrowed(&*node.value);
        let in_quotes = !matches!(node.style, Style::Plain | Style::Flow);
        if node.tag == Tag::Str || (node.tag == Tag::None && in_quotes) {
            return Ok(Scalar::String(text));
        }
        resolve(Version::V3, self.nodes.tag_text(node.tag), !in_quotes, text)
            .map_err(|problem| Error::new(format!("yaml: {problem}")))
    }

    /// A key that stands twice, with the lines of the text that the original wrote.
    fn report_twice(&mut self, mapping: NodeId, key: NodeId) {
        let lines = super::text::key_lines(self.nodes, self.root);
        let line = |key: NodeId| lines.get(&key).copied().unwrap_or(0);
        let name = &self.nodes[key].value;
        let first = self.nodes.entries(mapping).find(|(known, _)| self.nodes[*known].value == *name);
        let first = first.map_or(0, |(known, _)| line(known));
        let name = super::text::quote(name);
        self.errors.push(format!("line {}: mapping key {name} already defined at line {first}", line(key)));
    }

    fn scalar(&mut self, scalar: Scalar<'_>) -> Value {
        match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Int(value) => Value::Int(value),
            Scalar::Uint(value) => Value::Uint(value),
            Scalar::Float(value) => Value::Float(value),
            Scalar::String(text) => Value::String(text.into_owned()),
            Scalar::Binary(bytes) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
            Scalar::Timestamp(instant) => {
                if let Err(error) = instant.to_json() {
                    self.json.get_or_insert_with(|| Error::new(error));
                }
                Value::String(instant.to_string())
            }
            Scalar::Merge => Value::String("<<".to_owned()),
        }
    }
}

/// How values become nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As if JSON text had been read as YAML: texts in quotes, collections in brackets.
    Json,
    /// As if go-yaml had printed a Go map that was read from JSON: numbers are floats, texts are in quotes where
    /// they must be.
    Go,
}

/// Adds what a value is, as if it had been written and read.
pub(super) fn from_value(nodes: &mut Nodes<'_>, value: &Value, form: Form) -> NodeId {
    let collection = if form == Form::Json { Style::Flow } else { Style::Plain };
    let node = match value {
        Value::Null => plain(Tag::Null, "null"),
        Value::Bool(value) => plain(Tag::Bool, if *value { "true" } else { "false" }),
        #[expect(clippy::cast_precision_loss, reason = "what Go reads from JSON is a float")]
        Value::Int(value) if form == Form::Go => number(*value as f64, form),
        #[expect(clippy::cast_precision_loss, reason = "what Go reads from JSON is a float")]
        Value::Uint(value) if form == Form::Go => number(*value as f64, form),
        Value::Int(value) => plain(Tag::Int, value.to_string()),
        Value::Uint(value) => plain(Tag::Int, value.to_string()),
        Value::Float(value) => number(*value, form),
        Value::String(text) => text_node(text, form),
        Value::Seq(items) => {
            let content = items.iter().map(|item| from_value(nodes, item, form)).collect();
            Node { kind: Kind::Sequence, tag: Tag::Seq, style: collection, content, ..Node::default() }
        }
        Value::Map(map) => {
            let mut content = Vec::with_capacity(map.len() * 2);
            for (key, value) in map.iter() {
                let key = nodes.add(text_node(key, form));
                let value = from_value(nodes, value, form);
                content.extend([key, value]);
            }
            Node { kind: Kind::Mapping, tag: Tag::Map, style: collection, content, ..Node::default() }
        }
    };
    nodes.add(node)
}

fn plain<'a>(tag: Tag, value: impl Into<Cow<'static, str>>) -> Node<'a> {
    Node { kind: Kind::Scalar, tag, value: value.into(), ..Node::default() }
}

fn number<'a>(value: f64, form: Form) -> Node<'a> {
    let mut text = String::new();
    match form {
        Form::Json => float::push_json(&mut text, value),
        Form::Go => float::push_general(&mut text, value),
    }
    plain(resolved(&text), text)
}

fn text_node<'a>(text: &str, form: Form) -> Node<'a> {
    let style = match form {
        Form::Json => Style::Double,
        Form::Go if text.contains('\n') => Style::Literal,
        Form::Go if text.is_empty() || super::text::needs_quotes(text) => Style::Double,
        Form::Go => Style::Plain,
    };
    Node { kind: Kind::Scalar, tag: Tag::Str, style, value: Cow::Owned(text.to_owned()), ..Node::default() }
}

/// `%#v` of what a node was decoded to, which stands before what JSON says of it.
pub(super) fn go_syntax(nodes: &Nodes<'_>, id: NodeId, outermost: bool) -> String {
    let node = &nodes[id];
    match node.kind {
        Kind::None => "interface {}(nil)".to_owned(),
        Kind::Scalar => match meaning(nodes, id, false, false) {
            Ok(Scalar::String(text)) => super::text::quote(&text),
            Ok(Scalar::Bool(value)) => value.to_string(),
            Ok(Scalar::Int(value)) => value.to_string(),
            Ok(Scalar::Uint(value)) => format!("{value:#x}"),
            Ok(Scalar::Float(value)) if value.is_nan() => "NaN".to_owned(),
            Ok(Scalar::Float(value)) if value.is_infinite() => {
                if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
            }
            Ok(Scalar::Float(value)) => {
                let mut text = String::new();
                float::push_general(&mut text, value);
                text
            }
            Ok(Scalar::Null) => "interface {}(nil)".to_owned(),
            _ => super::text::quote(&node.value),
        },
        Kind::Sequence => {
            let items: Vec<String> = node.content.iter().map(|item| go_syntax(nodes, *item, false)).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Kind::Mapping => {
            let is_text =
                |key: NodeId| outermost || matches!(meaning(nodes, key, false, true), Ok(Scalar::String(_)));
            let all_text = nodes.entries(id).all(|(key, _)| is_text(key));
            let mut entries: Vec<(bool, String, String)> = nodes
                .entries(id)
                .map(|(key, value)| {
                    let text = is_text(key);
                    let name = if text {
                        super::text::quote(&nodes[key].value)
                    } else {
                        nodes[key].value.to_string()
                    };
                    (!text, name, go_syntax(nodes, value, false))
                })
                .collect();
            entries.sort();
            let entries: Vec<String> =
                entries.into_iter().map(|(_, key, value)| format!("{key}:{value}")).collect();
            let keys = if all_text { "string" } else { "interface {}" };
            format!("map[{keys}]interface {{}}{{{}}}", entries.join(", "))
        }
    }
}
