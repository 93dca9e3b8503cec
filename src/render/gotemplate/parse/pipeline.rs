//! Pipelines, commands and what they are made of.

use super::{Parser, narrow};
use crate::{
    limits,
    render::gotemplate::{
        error::Error,
        lex::Token,
        strconv::quote,
        tree::{Form, Id},
    },
};

impl Parser<'_> {
    /// `declarations? command ('|' command)*` up to a closing token.
    pub(super) fn pipeline(&mut self, context: &str, end: Token) -> Result<Id, Error> {
        let at = self.peek_non_space().start;
        let mark = self.open.len();
        let assigns = self.declarations(context)?;
        let variables = self.close(mark);
        loop {
            let item = self.next_non_space();
            match item.token {
                token if token == end => break,
                Token::Bool
                | Token::CharConstant
                | Token::Complex
                | Token::Dot
                | Token::Field
                | Token::Identifier
                | Token::Number
                | Token::Nil
                | Token::RawString
                | Token::String
                | Token::Variable
                | Token::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    self.open.push(command);
                }
                _ => return Err(self.unexpected(&item, context)),
            }
        }
        let commands = self.close(mark);
        if commands.len == 0 {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (at, command) in self.unit.children(commands).iter().enumerate().skip(1) {
            // Only the first command can start with something that cannot be executed.
            if let Form::Command(args) = self.unit.node(*command).form
                && let Some(first) = self.unit.children(args).first()
                && matches!(
                    self.unit.node(*first).form,
                    Form::Bool(_) | Form::Dot | Form::Nil | Form::Number { .. } | Form::String { .. }
                )
            {
                return Err(self.error(format!("non executable command in pipeline stage {}", at + 1)));
            }
        }
        Ok(self.push(at, Form::Pipe { variables, commands, assigns }))
    }

    /// Opens the variables that a pipeline begins with, and says whether they are declared already.
    fn declarations(&mut self, context: &str) -> Result<bool, Error> {
        let mut found = 0;
        loop {
            let variable = self.peek_non_space();
            if variable.token != Token::Variable {
                return Ok(false);
            }
            self.next();
            // In `$x foo` the second word must be seen to know that `$x` is an argument; then both are put back, and
            // the space between them too.
            let after = self.peek();
            let next = self.peek_non_space();
            let comma = next.token == Token::Char && self.slice(&next) == b",";
            if matches!(next.token, Token::Assign | Token::Declare) || comma {
                self.next_non_space();
                let name = self.name(self.slice(&variable));
                self.tree.shadows_root |= name.0 == 0;
                self.tree.declare(name);
                let fields = self.no_fields();
                let node = self.push(variable.start, Form::Variable { name, fields });
                self.open.push(node);
                found += 1;
                if !comma {
                    return Ok(next.token == Token::Assign);
                }
                if context != "range" || found >= 2 {
                    return Err(self.error(format!("too many declarations in {context}")));
                }
                match self.peek_non_space().token {
                    Token::Variable | Token::RightDelim | Token::RightParen => continue,
                    _ => return Err(self.error("range can only initialize variables")),
                }
            }
            if after.token == Token::Space {
                self.backup3(variable, after);
            } else {
                self.backup2(variable);
            }
            return Ok(false);
        }
    }

    /// Operands up to a pipe, which is taken, or the end of the pipeline, which is not.
    fn command(&mut self) -> Result<Id, Error> {
        let at = self.peek_non_space().start;
        let mark = self.open.len();
        loop {
            self.peek_non_space();
            let operand = self.operand()?;
            self.open.extend(operand);
            let item = self.next();
            match item.token {
                Token::Space => continue,
                Token::RightDelim | Token::RightParen => self.backup(),
                Token::Pipe => (),
                _ => return Err(self.unexpected(&item, "operand")),
            }
            break;
        }
        let args = self.close(mark);
        if args.len == 0 {
            return Err(self.error("empty command"));
        }
        Ok(self.push(at, Form::Command(args)))
    }

    /// A term and the fields behind it.
    fn operand(&mut self) -> Result<Option<Id>, Error> {
        let Some(node) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.token != Token::Field {
            return Ok(Some(node));
        }
        let term = self.unit.node(node).form;
        // More fields of a field or variable make one node of both, which stands where the second field does; its own
        // are the last that there are.
        let mut fields = match term {
            Form::Field(fields) | Form::Variable { fields, .. } => fields,
            _ => self.no_fields(),
        };
        while self.peek().token == Token::Field {
            let item = self.next();
            fields = self.field(fields, &item);
        }
        let form = match term {
            Form::Field(_) => Form::Field(fields),
            Form::Variable { name, .. } => Form::Variable { name, fields },
            Form::Bool(_) | Form::String { .. } | Form::Number { .. } | Form::Nil | Form::Dot => {
                let term = quote(self.unit.show(node).as_bytes());
                return Err(self.error(format!("unexpected . after term {term}")));
            }
            _ => Form::Chain { of: node, fields },
        };
        Ok(Some(self.push(first.start, form)))
    }

    fn term(&mut self) -> Result<Option<Id>, Error> {
        let item = self.next_non_space();
        let (start, end) = (narrow(item.start), narrow(item.end));
        let form = match item.token {
            Token::Identifier => {
                let word = self.slice(&item);
                let name = self.name(word);
                let Some(callee) = self.callee(name) else {
                    return Err(self.error(format!("function {} not defined", quote(word))));
                };
                Form::Function { name, callee }
            }
            Token::Dot => Form::Dot,
            Token::Nil => Form::Nil,
            Token::Variable => {
                let word = self.slice(&item);
                let name = self.name(word);
                if !self.tree.is_declared(name) {
                    return Err(self.error(format!("undefined variable {}", quote(word))));
                }
                Form::Variable { name, fields: self.no_fields() }
            }
            Token::Field => {
                let fields = self.no_fields();
                Form::Field(self.field(fields, &item))
            }
            Token::Bool => Form::Bool(self.slice(&item) == b"true"),
            Token::CharConstant | Token::Complex | Token::Number => {
                let number = super::number::number(self.slice(&item), item.token);
                let number = number.map_err(|error| self.error(error))?;
                self.unit.numbers.push(number);
                Form::Number { number: narrow(self.unit.numbers.len() - 1), start, end }
            }
            Token::LeftParen => {
                if self.nesting >= limits::TEMPLATE_NESTING {
                    return Err(self.error("max expression depth exceeded"));
                }
                self.nesting += 1;
                let pipe = self.pipeline("parenthesized pipeline", Token::RightParen)?;
                self.nesting -= 1;
                return Ok(Some(pipe));
            }
            Token::String | Token::RawString => {
                let value = self.literal(&item)?;
                Form::String { value: self.name(&value), start, end }
            }
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        Ok(Some(self.push(item.start, form)))
    }
}
