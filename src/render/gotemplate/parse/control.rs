//! Lists of text and actions, and the actions that begin with a word.

use super::{Parser, Tree};
use crate::{
    limits,
    render::gotemplate::{
        error::Error,
        lex::{Item, Token},
        strconv::unquote,
        tree::{Branch, Form, Id, Name},
    },
};

impl Parser<'_> {
    /// Up to `{{end}}` or `{{else}}`, which is returned beside the list.
    pub(super) fn item_list(&mut self) -> Result<(Id, Id), Error> {
        let at = self.peek_non_space().start;
        self.deeper()?;
        let mark = self.open.len();
        while self.peek_non_space().token != Token::Eof {
            let node = self.text_or_action()?;
            if matches!(self.unit.node(node).form, Form::End | Form::Else) {
                self.nesting -= 1;
                let run = self.close(mark);
                return Ok((self.push(at, Form::List(run)), node));
            }
            self.open.push(node);
        }
        Err(self.error("unexpected EOF"))
    }

    fn deeper(&mut self) -> Result<(), Error> {
        self.nesting += 1;
        if self.nesting > limits::TEMPLATE_NESTING {
            let limit = limits::TEMPLATE_NESTING;
            return Err(self.error(format!("blocks are nested more than {limit} deep")));
        }
        Ok(())
    }

    pub(super) fn text_or_action(&mut self) -> Result<Id, Error> {
        let item = self.next_non_space();
        match item.token {
            Token::Text => {
                let (start, end) = (super::narrow(item.start), super::narrow(item.end));
                Ok(self.push(item.start, Form::Text { start, end }))
            }
            Token::LeftDelim => {
                self.tree.action_line = item.line;
                let node = self.action();
                // An error was worded with the line already.
                self.tree.action_line = 0;
                node
            }
            _ => Err(self.unexpected(&item, "input")),
        }
    }

    fn action(&mut self) -> Result<Id, Error> {
        let item = self.next_non_space();
        match item.token {
            Token::Block => self.block(),
            Token::Break => self.leave(&item, "{{break}}", Form::Break),
            Token::Continue => self.leave(&item, "{{continue}}", Form::Continue),
            Token::Else => self.otherwise(),
            Token::End => {
                let delim = self.expect(Token::RightDelim, "end")?;
                Ok(self.push(delim.start, Form::End))
            }
            Token::If => self.branch("if"),
            Token::Range => self.branch("range"),
            Token::Template => self.template(),
            Token::With => self.branch("with"),
            _ => {
                self.backup();
                let first = self.peek();
                // Variables that it declares stay until the end of the block.
                let pipe = self.pipeline("command", Token::RightDelim)?;
                Ok(self.push(first.start, Form::Action(pipe)))
            }
        }
    }

    /// `{{break}}` and `{{continue}}`.
    fn leave(&mut self, item: &Item, source: &str, form: Form) -> Result<Id, Error> {
        let next = self.next_non_space();
        if next.token != Token::RightDelim {
            return Err(self.unexpected(&next, source));
        }
        if self.tree.ranges == 0 {
            return Err(self.error(format!("{source} outside {{{{range}}}}")));
        }
        Ok(self.push(item.start, form))
    }

    /// `{{else}}`. Of `{{else if …}}` and `{{else with …}}` the second word is left to whoever began the block.
    fn otherwise(&mut self) -> Result<Id, Error> {
        let next = self.peek_non_space();
        if matches!(next.token, Token::If | Token::With) {
            return Ok(self.push(next.start, Form::Else));
        }
        let delim = self.expect(Token::RightDelim, "else")?;
        Ok(self.push(delim.start, Form::Else))
    }

    /// `if`, `range` and `with`, after the word.
    fn branch(&mut self, word: &str) -> Result<Id, Error> {
        let variables = self.tree.variables.len();
        let pipe = self.pipeline(word, Token::RightDelim)?;
        let is_range = word == "range";
        self.tree.ranges += usize::from(is_range);
        let (list, next) = self.item_list()?;
        self.tree.ranges -= usize::from(is_range);
        let mut otherwise = None;
        if matches!(self.unit.node(next).form, Form::Else) {
            let chained = match self.peek().token {
                Token::If => word == "if",
                Token::With => word == "with",
                _ => false,
            };
            if chained {
                // As if it were {{else}}{{if}} …, whose end is the end of both.
                self.next();
                self.deeper()?;
                let inner = self.branch(word)?;
                self.nesting -= 1;
                let mark = self.open.len();
                self.open.push(inner);
                let run = self.close(mark);
                otherwise = Some(self.push(self.at(next), Form::List(run)));
            } else {
                let (list, end) = self.item_list()?;
                if !matches!(self.unit.node(end).form, Form::End) {
                    return Err(self.error(format!("expected end; found {}", self.unit.show(end))));
                }
                otherwise = Some(list);
            }
        }
        self.tree.forget(variables);
        let branch = Branch { pipe, list, otherwise };
        let form = match word {
            "if" => Form::If(branch),
            "range" => Form::Range(branch),
            _ => Form::With(branch),
        };
        Ok(self.push(self.at(pipe), form))
    }

    /// `{{block "name" pipeline}}`: a definition and its use.
    fn block(&mut self) -> Result<Id, Error> {
        const CONTEXT: &str = "block clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Token::RightDelim)?;
        let outer = std::mem::replace(&mut self.tree, Tree::new(Name(0)));
        let text = self.unit.name_of(name).clone();
        let (root, end) = self.item_list()?;
        if !matches!(self.unit.node(end).form, Form::End) {
            // The complaint is the outer template's, and has the line where that stands.
            self.tree = outer;
            return Err(self.error(format!("unexpected {} in {CONTEXT}", self.unit.show(end))));
        }
        self.define(text, root)?;
        self.tree = outer;
        Ok(self.push(item.start, Form::Template { name, pipe: Some(pipe) }))
    }

    fn template(&mut self) -> Result<Id, Error> {
        const CONTEXT: &str = "template clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, CONTEXT)?;
        let mut pipe = None;
        if self.next_non_space().token != Token::RightDelim {
            self.backup();
            pipe = Some(self.pipeline(CONTEXT, Token::RightDelim)?);
        }
        Ok(self.push(item.start, Form::Template { name, pipe }))
    }

    fn template_name(&mut self, item: &Item, context: &str) -> Result<Name, Error> {
        if !matches!(item.token, Token::String | Token::RawString) {
            return Err(self.unexpected(item, context));
        }
        let name = self.literal(item)?;
        Ok(self.name(&name))
    }

    /// The value of a string literal.
    pub(super) fn literal(&self, item: &Item) -> Result<Vec<u8>, Error> {
        unquote(self.slice(item)).map_err(|error| self.error(error.to_string()))
    }
}
