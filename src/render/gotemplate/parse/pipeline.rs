//! Pipelines, commands and what they are made of.

use super::{Parser, narrow};
use crate::{
    limits,
    render::gotemplate::{
        builtin::Builtin,
        error::Error,
        lex::Token,
        strconv::quote,
        tree::{Callee, Form, Id},
    },
};

impl Parser<'_> {
    /// `declarations? command ('|' command)*` up to a closing token.
    pub(super) fn pipeline(&mut self, context: &str, end: Token) -> Result<Id, Error> {
        let at = self.peek_non_space().start;
        let (variables, assigns) = self.declarations(context)?;
        let mut commands = Vec::new();
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
                    commands.push(self.command()?);
                }
                _ => return Err(self.unexpected(&item, context)),
            }
        }
        if commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (at, command) in commands.iter().enumerate().skip(1) {
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
        let variables = self.run(&variables);
        let commands = self.run(&commands);
        Ok(self.push(at, Form::Pipe { variables, commands, assigns }))
    }

    fn declarations(&mut self, context: &str) -> Result<(Vec<Id>, bool), Error> {
        let mut found = Vec::new();
        loop {
            let variable = self.peek_non_space();
            if variable.token != Token::Variable {
                return Ok((found, false));
            }
            self.next();
            // In `$x foo` the second word must be seen to know that `$x` is an argument; then both are put back, and
            // the space between them too.
            let after = self.peek();
            let next = self.peek_non_space();
            let comma = next.token == Token::Char && self.slice(&next) == b",";
            if matches!(next.token, Token::Assign | Token::Declare) || comma {
                self.next_non_space();
                let word = self.slice(&variable).to_vec();
                let name = self.name(&word);
                self.tree.shadows_root |= name.0 == 0;
                self.tree.declare(name);
                let fields = self.fields(&[]);
                found.push(self.push(variable.start, Form::Variable { name, fields }));
                if !comma {
                    return Ok((found, next.token == Token::Assign));
                }
                if context != "range" || found.len() >= 2 {
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
            return Ok((found, false));
        }
    }

    /// Operands up to a pipe, which is taken, or the end of the pipeline, which is not.
    fn command(&mut self) -> Result<Id, Error> {
        let at = self.peek_non_space().start;
        let mut args = Vec::new();
        loop {
            self.peek_non_space();
            args.extend(self.operand()?);
            let item = self.next();
            match item.token {
                Token::Space => continue,
                Token::RightDelim | Token::RightParen => self.backup(),
                Token::Pipe => (),
                _ => return Err(self.unexpected(&item, "operand")),
            }
            break;
        }
        if args.is_empty() {
            return Err(self.error("empty command"));
        }
        let args = self.run(&args);
        Ok(self.push(at, Form::Command(args)))
    }

    /// A term and the fields behind it.
    fn operand(&mut self) -> Result<Option<Id>, Error> {
        let Some(node) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.token != Token::Field {
            return Ok(Some(node));
        }
        let mut names = Vec::new();
        while self.peek().token == Token::Field {
            let item = self.next();
            let field = self.slice(&item).get(1..).unwrap_or(&[]).to_vec();
            names.push(self.name(&field));
        }
        // More fields of a field or variable make one node of both, which stands where the second field does.
        let form = match self.unit.node(node).form {
            Form::Field(fields) => {
                let all = [self.unit.fields(fields), &names].concat();
                Form::Field(self.fields(&all))
            }
            Form::Variable { name, fields } => {
                let all = [self.unit.fields(fields), &names].concat();
                Form::Variable { name, fields: self.fields(&all) }
            }
            Form::Bool(_) | Form::String { .. } | Form::Number { .. } | Form::Nil | Form::Dot => {
                let term = quote(self.unit.show(node).as_bytes());
                return Err(self.error(format!("unexpected . after term {term}")));
            }
            _ => Form::Chain { of: node, fields: self.fields(&names) },
        };
        Ok(Some(self.push(first.start, form)))
    }

    fn term(&mut self) -> Result<Option<Id>, Error> {
        let item = self.next_non_space();
        let (start, end) = (narrow(item.start), narrow(item.end));
        let form = match item.token {
            Token::Identifier => {
                let word = self.slice(&item).to_vec();
                let text = String::from_utf8_lossy(&word);
                let callee = match self.functions.find(&text) {
                    Some(function) => Some(Callee::Function(function)),
                    None => Builtin::find(&text).map(Callee::Builtin),
                };
                let Some(callee) = callee else {
                    return Err(self.error(format!("function {} not defined", quote(&word))));
                };
                Form::Function { name: self.name(&word), callee }
            }
            Token::Dot => Form::Dot,
            Token::Nil => Form::Nil,
            Token::Variable => {
                let word = self.slice(&item).to_vec();
                let name = self.name(&word);
                if !self.tree.is_declared(name) {
                    return Err(self.error(format!("undefined variable {}", quote(&word))));
                }
                Form::Variable { name, fields: self.fields(&[]) }
            }
            Token::Field => {
                let field = self.slice(&item).get(1..).unwrap_or(&[]).to_vec();
                let name = self.name(&field);
                Form::Field(self.fields(&[name]))
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
