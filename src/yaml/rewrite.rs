//! What `kustomize build` prints of a document.
//!
//! Kustomize writes each resource with go-yaml v3, reads that text back, turns it into JSON, reads the JSON with v2
//! and prints it. The detour changes a few values, and those who depend on the output depend on that; [`rewritten`]
//! does what it does without writing anything.
//!
//! [`rewritten`]: Document::rewritten

use std::borrow::Cow;

use super::{
    Document, Error, Kind, NodeId, ScalarStyle, Style, Value, Version,
    emit::{emit_into, is_break, may_be_block},
    json::through_json,
    node::Node,
};

/// Prints a resource as `kustomize build` does, and nothing of an input that has no document.
///
/// # Errors
/// In the words of the original: for a root that is no mapping, a key that stands twice, what JSON cannot hold.
pub fn build(document: Document<'_>) -> Result<String, Error> {
    let mut out = String::new();
    build_into(document, &mut out)?;
    Ok(out)
}

/// Appends what [`build`] gives.
///
/// # Errors
/// As [`build`] does; `out` is then as it was.
pub fn build_into(document: Document<'_>, out: &mut String) -> Result<(), Error> {
    if document.is_empty() {
        return Ok(());
    }
    let document = document.rewritten();
    let value = match document.to_value(Version::V3)? {
        // Nothing at all leaves the mapping that the original decodes into as it was: empty.
        Value::Null if writes_nothing(&document) => Value::Map(super::Map::new()),
        value @ (Value::Map(_) | Value::Null) => value,
        _ => return Err(no_mapping(&document)),
    };
    emit_into(&through_json(value)?, out);
    Ok(())
}

/// Whether the root is the null that is written by writing nothing.
fn writes_nothing(document: &Document<'_>) -> bool {
    document.root().is_some_and(|root| {
        document.node(root).value.is_empty() && document.explicit_tag(root).is_none_or(|tag| tag == "!")
    })
}

fn no_mapping(document: &Document<'_>) -> Error {
    let Some(root) = document.root().map(|root| document.resolve_alias(root)) else {
        return Error::Values(Vec::new());
    };
    let (node, tag) = (document.node(root), document.tag(root));
    let value = match node.kind {
        Kind::Scalar => format!(" `{}`", excerpt(&node.value)),
        _ => String::new(),
    };
    let line = node.line;
    Error::Values(vec![format!("line {line}: cannot unmarshal {tag}{value} into map[string]interface {{}}")])
}

/// The first bytes of a text that is quoted in a message.
fn excerpt(text: &str) -> Cow<'_, str> {
    if text.len() <= 10 {
        return Cow::Borrowed(text);
    }
    let end = (0..=7).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Cow::Owned(format!("{}...", text.get(..end).unwrap_or_default()))
}

impl Document<'_> {
    /// The document as it is once go-yaml v3 wrote it and read it back. Two things are not the same then: texts in
    /// folded style gain line breaks, and what is written as nothing within brackets or as a key becomes empty text.
    ///
    /// Anchors must be expanded where that matters, as Kustomize does when it loads a resource: an alias is taken to
    /// stand where its anchor does.
    #[must_use]
    pub fn rewritten(mut self) -> Self {
        let may_change = |it: &Node<'_>| match it.style {
            Style::Scalar(ScalarStyle::Plain) => it.value.is_empty(),
            Style::Scalar(style) => style == ScalarStyle::Folded,
            _ => false,
        };
        // To look at all is far faster than to go through the tree.
        if !self.nodes.iter().any(may_change) {
            return self;
        }
        let mut left: Vec<(NodeId, bool, bool)> =
            self.root().map(|root| (root, false, false)).into_iter().collect();
        while let Some((id, in_flow, is_key)) = left.pop() {
            let (kind, style) = (self.node(id).kind, self.node(id).style);
            match kind {
                Kind::Scalar => self.rewrite_scalar(id, in_flow, is_key),
                Kind::Sequence | Kind::Mapping => {
                    let in_flow = in_flow || style == Style::Flow;
                    let keys = kind == Kind::Mapping;
                    let children = self.children(id).iter().enumerate();
                    left.extend(children.map(|(at, child)| (*child, in_flow, keys && at % 2 == 0)));
                }
                Kind::Alias => (),
            }
        }
        self
    }

    fn rewrite_scalar(&mut self, id: NodeId, in_flow: bool, is_key: bool) {
        let untagged = self.explicit_tag(id).is_none_or(|tag| tag == "!");
        let Some(node) = self.nodes.get_mut(id.index()) else { return };
        match node.style {
            Style::Scalar(ScalarStyle::Plain) if node.value.is_empty() && untagged && (in_flow || is_key) => {
                node.style = Style::Scalar(ScalarStyle::SingleQuoted);
            }
            Style::Scalar(ScalarStyle::Folded) => {
                // Within brackets, and as a short key in one line, it is written in quotes.
                let short_key = is_key && node.value.len() <= 128 && !node.value.contains(is_break);
                if in_flow || short_key {
                    return;
                }
                if let Cow::Owned(text) = folded_again(&node.value) {
                    node.value = Cow::Owned(text);
                }
            }
            _ => (),
        }
    }
}

/// What is read back of a `text` that go-yaml v3 wrote in folded style: it gains a line break wherever lines are
/// followed by more indented ones, and one at the end of a text that ends with an empty line.
pub fn folded_again(text: &str) -> Cow<'_, str> {
    if !text.contains(is_break) || !may_be_block(Version::V3, text) {
        return Cow::Borrowed(text);
    }
    let mut back = text.chars().rev();
    let chomping = match (back.next().is_some_and(is_break), back.next().is_none_or(is_break)) {
        (false, _) => Chomping::Strip,
        (true, false) => Chomping::Clip,
        (true, true) => Chomping::Keep,
    };
    Cow::Owned(read_folded(&write_folded(text), chomping))
}

enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// The lines that the emitter writes, without their indentation.
fn write_folded(text: &str) -> String {
    // The emitter means to look at the line that follows, but looks at the first line of the text each time.
    let first = text.chars().find(|c| !is_break(*c));
    let doubles = !matches!(first, None | Some(' ' | '\t' | '\0'));
    let mut lines = String::with_capacity(text.len() + 16);
    let (mut at_start, mut line_is_indented) = (true, true);
    for c in text.chars() {
        if is_break(c) {
            // Between two lines one break means a space, so two are needed.
            if !at_start && !line_is_indented && c == '\n' && doubles {
                lines.push('\n');
            }
            at_start = true;
        } else {
            if at_start {
                line_is_indented = is_blank(c);
            }
            at_start = false;
        }
        lines.push(c);
    }
    lines
}

/// What the scanner makes of such lines.
fn read_folded(lines: &str, chomping: Chomping) -> String {
    let mut text = String::with_capacity(lines.len());
    let mut previous_is_indented = false;
    // The break that ended the last line, and those of the empty lines below it.
    let mut pending = String::new();
    let mut rest = lines;
    loop {
        let content = rest.find(|c| !is_break(c)).unwrap_or(rest.len());
        let (breaks, tail) = rest.split_at_checked(content).unwrap_or((rest, ""));
        pending.push_str(breaks);
        if tail.is_empty() {
            break;
        }
        let is_indented = tail.starts_with(is_blank);
        match pending.strip_prefix('\n') {
            Some(more) if !text.is_empty() && !previous_is_indented && !is_indented => {
                text.push_str(if more.is_empty() { " " } else { more });
            }
            _ => text.push_str(&pending),
        }
        pending.clear();
        let end = tail.find(is_break).unwrap_or(tail.len());
        let (line, tail) = tail.split_at_checked(end).unwrap_or((tail, ""));
        text.push_str(line);
        previous_is_indented = is_indented;
        rest = tail;
    }
    match chomping {
        Chomping::Strip => (),
        Chomping::Clip => text.extend(pending.chars().next()),
        Chomping::Keep => text.push_str(&pending),
    }
    text
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}
