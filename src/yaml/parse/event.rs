//! Events: what a document consists of, in the order of its text.

use std::borrow::Cow;

use crate::yaml::scan::{Comment, Mark, Place, ScalarStyle};

/// An event and where it starts.
#[derive(Debug)]
pub(in crate::yaml) struct Event<'a> {
    pub(in crate::yaml) kind: EventKind<'a>,
    pub(in crate::yaml) start: Mark,
    pub(in crate::yaml) comments: Option<Box<Comments<'a>>>,
}

/// What happens.
#[derive(Debug)]
pub(in crate::yaml) enum EventKind<'a> {
    StreamStart,
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(&'a str),
    Scalar { value: Cow<'a, str>, style: ScalarStyle, properties: Properties<'a> },
    SequenceStart { flow: bool, properties: Properties<'a> },
    SequenceEnd,
    MappingStart { flow: bool, properties: Properties<'a> },
    MappingEnd,
}

/// What may stand before a node.
#[derive(Debug, Default)]
pub(in crate::yaml) struct Properties<'a> {
    pub(in crate::yaml) anchor: Option<&'a str>,
    /// With its handle replaced by the prefix that it stands for.
    pub(in crate::yaml) tag: Option<Box<Cow<'a, str>>>,
}

/// The comments of a node; empty text where there is none. Lines are joined by LF and keep their `#`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comments<'a> {
    /// The lines above, up to an empty one.
    pub head: Cow<'a, str>,
    /// What follows on the same line.
    pub line: Cow<'a, str>,
    /// The lines below, before an empty one.
    pub foot: Cow<'a, str>,
}

impl<'a> Comments<'a> {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.line.is_empty() && self.foot.is_empty()
    }

    /// Adds a comment to its side, on a line of its own.
    pub(in crate::yaml) fn add(&mut self, comment: Comment<'a>) {
        let side = match comment.place {
            Place::Head => &mut self.head,
            Place::Line => &mut self.line,
            Place::Foot => &mut self.foot,
        };
        if side.is_empty() {
            *side = comment.text;
        } else {
            let side = side.to_mut();
            side.push('\n');
            side.push_str(&comment.text);
        }
    }

    /// Takes the part of the head that an empty line divides from what follows: it belongs to the document.
    pub(in crate::yaml) fn split_document_head(&mut self) -> Option<Cow<'a, str>> {
        let (head, rest) = match self.head.strip_suffix('\n') {
            Some(head) => (head, ""),
            None => self.head.rsplit_once("\n\n")?,
        };
        let (head, rest) = (head.to_owned(), rest.to_owned());
        self.head = Cow::Owned(rest);
        Some(Cow::Owned(head))
    }

    /// The same, independent of the input.
    pub(in crate::yaml) fn into_owned(self) -> Comments<'static> {
        Comments {
            head: Cow::Owned(self.head.into_owned()),
            line: Cow::Owned(self.line.into_owned()),
            foot: Cow::Owned(self.foot.into_owned()),
        }
    }
}
