//! YAML text as go-yaml prints it.
//!
//! Everything goes straight into one string: no events, no buffers, no allocation a node. What decides about a text
//! is in `emit/text.rs`, how it is laid out in `emit/layout.rs`, and [`Writer`] knows where a node stands.

mod layout;
mod text;
mod writer;

use super::{
    Value, Version, natural,
    walk::{Step, Walk},
};

pub(super) use text::is_break;
pub use writer::Writer;

/// Prints `value` as go-yaml v2 does, and with it `sigs.k8s.io/yaml`, Helm's `toYaml` and Kustomize: two spaces, lists
/// not indented under their key, lines folded behind column 80, keys in natural order.
pub fn emit(value: &Value) -> String {
    let mut out = String::new();
    emit_into(value, &mut out);
    out
}

/// Appends what [`emit`] gives. `out` should be empty or end with a line.
pub fn emit_into(value: &Value, out: &mut String) {
    let mut writer = Writer::new(out, Version::V2);
    write(value, &mut writer);
    writer.finish();
}

/// Prints `value` as the encoder of go-yaml v3 with an indent of two, which is Helm's `toYamlPretty`: lists indented
/// under their key, nothing folded.
pub fn emit_pretty(value: &Value) -> String {
    let mut out = String::new();
    let mut writer = Writer::new(&mut out, Version::V3);
    write(value, &mut writer);
    writer.finish();
    out
}

/// Whether a text may stand on lines of its own, literal or folded.
pub(super) fn may_be_block(version: Version, text: &str) -> bool {
    text::Traits::of(version, text).block
}

/// Writes `value` where the writer stands.
pub fn write(value: &Value, writer: &mut Writer<'_>) {
    let version = writer.version();
    for step in Walk::new(value, |entries| natural::sort(version, entries, |(key, _)| key)) {
        match step {
            Step::Leaf(Value::Null) => writer.null(),
            Step::Leaf(Value::Bool(value)) => writer.bool(*value),
            Step::Leaf(Value::Int(value)) => writer.int(*value),
            Step::Leaf(Value::Uint(value)) => writer.uint(*value),
            Step::Leaf(Value::Float(value)) => writer.float(*value),
            Step::Leaf(Value::String(text)) => writer.text(text),
            Step::Leaf(Value::Seq(_)) => writer.empty_seq(),
            Step::Leaf(Value::Map(_)) => writer.empty_map(),
            Step::Seq => writer.begin_seq(),
            Step::Map => writer.begin_map(),
            Step::Key(key) => writer.key(key),
            Step::EndSeq | Step::EndMap => writer.end(),
        }
    }
}
