//! Comments, which v3 keeps with the nodes that they are about.
//!
//! A comment is noted with the place of the token that it belongs to, and the parser collects it when it comes to
//! that token. Which token that is follows from blank lines and indentation, by the rules of go-yaml, whose quirks are
//! kept: a look ahead ends after 512 bytes, and CR LF counts as two lines there.

use std::{borrow::Cow, collections::HashMap};

use super::{
    Mark, Scanner,
    cursor::small,
    token::{Token, TokenKind},
};

/// How far the original looks ahead.
const LOOK_AHEAD: usize = 512;

/// A comment that no token has taken yet.
#[derive(Debug, Default)]
pub(in crate::yaml) struct Comment<'a> {
    /// Where the blank space began in which it was found.
    scan: Mark,
    /// The token that takes it is the first that does not stand before this.
    pub(in crate::yaml) token: Mark,
    start: Mark,
    end: Mark,
    pub(in crate::yaml) place: Place,
    pub(in crate::yaml) text: Cow<'a, str>,
}

/// Which side of its node a comment is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::yaml) enum Place {
    /// Above it.
    #[default]
    Head,
    /// On its line.
    Line,
    /// Below it.
    Foot,
}

impl<'a> Scanner<'a> {
    /// The next comment that a token at `index` takes. A token that ends a block takes no heads.
    #[inline]
    pub(in crate::yaml) fn next_comment(&mut self, index: u32, block_end: bool) -> Option<Comment<'a>> {
        let comment = self.comments.front()?;
        if index < comment.token.index || (block_end && comment.place == Place::Head) {
            return None;
        }
        self.comments.pop_front()
    }

    /// A comment on the same line, after a token at `token`.
    pub(super) fn scan_line_comment(&mut self, token: Mark) {
        if self.cursor.newlines > 0 {
            return;
        }
        let from = self.cursor.pos();
        let mut at = from;
        while at - from < LOOK_AHEAD && self.cursor.is_blank(at) {
            at += 1;
        }
        if at - from == LOOK_AHEAD || self.cursor.byte(at) != b'#' {
            return;
        }
        self.cursor.go_blank(at);
        let start = self.cursor.mark();
        let text = self.take_comment_line();
        self.comments.push_back(Comment {
            token,
            start,
            place: Place::Line,
            text: Cow::Borrowed(text),
            ..Comment::default()
        });
    }

    fn take_comment_line(&mut self) -> &'a str {
        let from = self.cursor.pos();
        let to = self.cursor.line_end(from);
        self.cursor.go(to);
        self.cursor.slice(from, to)
    }

    /// After `- #` what looked like a line comment is the head of what stands below.
    pub(super) fn turn_line_comment_to_head(&mut self) {
        let Some(comment) = self.comments.back_mut() else { return };
        if comment.place != Place::Line
            || !matches!(self.queue.last(), Some(Token { kind: TokenKind::BlockEntry, .. }))
            || !matches!(self.queue.second_last(), Some(Token { kind: TokenKind::BlockSequenceStart, .. }))
            || self.cursor.break_len(self.cursor.pos()) > 0
        {
            return;
        }
        comment.place = Place::Head;
        if comment.start.line + 1 == self.cursor.line() {
            comment.token = self.cursor.mark();
        }
    }

    /// Comments on lines of their own, from the `#` that stands here to the next token.
    pub(super) fn scan_comments(&mut self, mut scan: Mark) {
        let token = match self.queue.last() {
            Some(Token { kind: TokenKind::FlowEntry, .. }) if self.queue.len() > 1 => {
                self.queue.second_last()
            }
            last => last,
        };
        let after_value = matches!(token, Some(Token { kind: TokenKind::Value, .. }));
        let mut token = token.map_or_else(Mark::default, |token| token.start);
        let mut start = Mark::default();
        let next_indent = self.indent.max(0);
        let mut recent_empty = false;
        let mut first_empty = self.cursor.newlines <= 1;
        let (mut line, mut column) = (i64::from(self.cursor.line()), i64::from(self.cursor.column()));
        let mut text: Cow<'a, str> = Cow::Borrowed("");
        // Where a comment must start to be the foot of what stands before: on the line below.
        let mut foot_line = -1;
        if scan.line > 0 {
            foot_line = line - i64::from(self.cursor.newlines) + 1;
            if self.cursor.newlines == 0 && column > 1 {
                foot_line += 1;
            }
        }
        let mut peek = 0;
        while peek < LOOK_AHEAD {
            let at = self.cursor.pos() + peek;
            column += 1;
            peek += 1;
            if self.cursor.is_blank(at) {
                continue;
            }
            let byte = self.cursor.byte(at);
            let close_flow = self.flow_level > 0 && matches!(byte, b']' | b'}');
            let here = Mark { index: small(at), line: unsigned(line), column: unsigned(column) };
            let start_column = i64::from(start.column);
            if close_flow || self.cursor.is_break_or_end(at) {
                if close_flow || !recent_empty {
                    let below = i64::from(start.line) == foot_line && !after_value;
                    if close_flow || (first_empty && (below || start_column - 1 < next_indent)) {
                        // The part above the first empty line, or the last one in a flow collection, is a foot.
                        if !text.is_empty() {
                            if start_column - 1 < next_indent {
                                token = start;
                            }
                            self.push_foot(scan, token, start, here, std::mem::take(&mut text));
                            (scan, token) = (here, here);
                        }
                    } else if !text.is_empty() && byte != 0 {
                        text.to_mut().push('\n');
                    }
                }
                if byte == 0 || self.cursor.break_len(at) == 0 {
                    peek -= 1;
                    break;
                }
                first_empty = false;
                recent_empty = true;
                column = 0;
                line += 1;
                continue;
            }
            if !text.is_empty() && (close_flow || (column - 1 < next_indent && column != start_column)) {
                // Less indented than what comes next, so it is about what came before.
                self.push_foot(scan, token, start, here, std::mem::take(&mut text));
                (scan, token) = (here, here);
            }
            if byte != b'#' {
                peek -= 1;
                break;
            }
            if text.is_empty() {
                start = here;
            } else {
                text.to_mut().push('\n');
            }
            recent_empty = false;
            // Nothing but blanks and line breaks lies between.
            while self.cursor.pos() < at {
                if self.cursor.break_len(self.cursor.pos()) > 0 {
                    self.cursor.go_break();
                } else {
                    self.cursor.go_blank(self.cursor.pos() + 1);
                }
            }
            let comment = self.take_comment_line();
            if text.is_empty() {
                text = Cow::Borrowed(comment);
            } else {
                text.to_mut().push_str(comment);
            }
            // The original steps over the line break without counting its line.
            peek = 1;
            column = 0;
            line = i64::from(self.cursor.line());
        }
        if !text.is_empty() {
            let index = small(self.cursor.pos() + peek).saturating_sub(1);
            let end = Mark { index, line: unsigned(line), column: unsigned(column) };
            self.comments.push_back(Comment { scan, token: start, start, end, place: Place::Head, text });
        }
    }

    fn push_foot(&mut self, scan: Mark, token: Mark, start: Mark, end: Mark, text: Cow<'a, str>) {
        self.comments.push_back(Comment { scan, token, start, end, place: Place::Foot, text });
    }

    /// Closes the blocks that are deeper than `column`, each before the comments that have its indentation: those
    /// are the foot of what the block is in.
    pub(super) fn unroll_indent_before_comments(&mut self, column: i64, scan: Mark) {
        // The comments of this blank space, by column; of those with one column the first.
        let mut feet = HashMap::new();
        let mut stop = scan.index.saturating_sub(1);
        for comment in self.comments.iter().rev() {
            if comment.end.index < stop {
                break;
            }
            feet.insert(i64::from(comment.start.column), comment.start);
            stop = comment.scan.index;
        }
        let mut mark = Mark { index: scan.index.saturating_sub(1), ..scan };
        while self.indent > column {
            mark = feet.get(&(self.indent + 1)).copied().unwrap_or(mark);
            self.queue.push(Token { kind: TokenKind::BlockEnd, start: mark });
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }
}

fn unsigned(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
