//! Pipelines, commands and variables.

use super::{Fail, State};
use crate::render::gotemplate::{
    flow::{Flow, Variable},
    tree::{Form, Id, Name, Number, Run},
    value::{FloatKind, Value},
};

impl State<'_, '_, '_> {
    /// The value of a pipeline. Variables that it declares stay until whoever began the block takes them away.
    pub(super) fn pipeline(&mut self, dot: &Flow, pipe: Id) -> Result<Flow, Fail> {
        self.at = pipe;
        let Form::Pipe { variables, commands, assigns } = self.unit.node(pipe).form else {
            return Ok(Flow::NOTHING);
        };
        let mut value = None;
        for command in self.unit.children(commands) {
            let mut flow = self.command(dot, *command, value)?;
            // Out of an interface, one level.
            flow.boxed = false;
            value = Some(flow);
        }
        let value = value.unwrap_or(Flow::NOTHING);
        for variable in self.unit.children(variables) {
            if assigns {
                self.assign(*variable, value.clone())?;
            } else if let Form::Variable { name, .. } = self.unit.node(*variable).form {
                self.render.variables.push(Variable { name: name.0, flow: value.clone() });
            }
        }
        Ok(value)
    }

    fn command(&mut self, dot: &Flow, command: Id, last: Option<Flow>) -> Result<Flow, Fail> {
        self.step()?;
        let Form::Command(run) = self.unit.node(command).form else { return Ok(Flow::NOTHING) };
        let args = self.unit.children(run);
        let Some(first) = args.first().copied() else { return Ok(Flow::NOTHING) };
        match self.unit.node(first).form {
            Form::Field(fields) => {
                self.at = first;
                self.chain(dot, dot, fields, first, args, last)
            }
            Form::Chain { of, fields } => self.chained(dot, first, of, fields, args, last),
            Form::Function { name, callee } => self.function(dot, first, name, callee, command, args, last),
            Form::Pipe { .. } => {
                self.check_no_arguments(args, &last)?;
                self.nested(dot, first)
            }
            Form::Variable { name, fields } => self.variable(dot, first, name, fields, args, last),
            literal => {
                self.at = first;
                self.check_no_arguments(args, &last)?;
                match literal {
                    Form::Dot => Ok(dot.clone()),
                    Form::Nil => Err(self.message("nil is not a command")),
                    _ => self.literal(first),
                }
            }
        }
    }

    /// A pipeline in parentheses.
    pub(super) fn nested(&mut self, dot: &Flow, pipe: Id) -> Result<Flow, Fail> {
        if let Err(exhausted) = self.render.meter.stack() {
            return Err(self.exhausted(exhausted));
        }
        self.pipeline(dot, pipe)
    }

    /// A literal where nothing asks for a type.
    pub(super) fn literal(&mut self, id: Id) -> Result<Flow, Fail> {
        match self.unit.node(id).form {
            Form::Bool(truth) => Ok(Flow::plain(Value::Bool(truth))),
            Form::String { value, .. } => Ok(Flow::plain(Value::Str(self.unit.name_of(value).clone()))),
            Form::Number { number, start, end } => {
                self.at = id;
                let value = match self.unit.number(number) {
                    Number { complex: Some((real, imaginary)), .. } => Value::Complex(real, imaginary),
                    Number { float: Some(float), looks_like_float: true, .. } => {
                        Value::Float(float, FloatKind::Float64)
                    }
                    Number { int: Some(int), .. } => Value::int(int),
                    _ => {
                        let text = String::from_utf8_lossy(self.unit.slice(start, end));
                        return Err(self.message(format!("{text} overflows int")));
                    }
                };
                Ok(Flow::plain(value))
            }
            _ => Err(self.message(format!("can't evaluate command {}", self.unit.show(id)))),
        }
    }

    pub(super) fn check_no_arguments(&self, args: &[Id], last: &Option<Flow>) -> Result<(), Fail> {
        if args.len() > 1 || last.is_some() {
            let first = args.first().map_or_else(String::new, |it| self.unit.show(*it));
            return Err(self.message(format!("can't give argument to non-function {first}")));
        }
        Ok(())
    }

    /// `$x`, or the fields of it.
    pub(super) fn variable(
        &mut self,
        dot: &Flow,
        id: Id,
        name: Name,
        fields: Run,
        args: &[Id],
        last: Option<Flow>,
    ) -> Result<Flow, Fail> {
        self.at = id;
        let value = self.value_of(name)?;
        if fields.len == 0 {
            self.check_no_arguments(args, &last)?;
            return Ok(value);
        }
        self.chain(dot, &value, fields, id, args, last)
    }

    fn value_of(&mut self, name: Name) -> Result<Flow, Fail> {
        let own = self.render.variables.get(self.base..).unwrap_or(&[]);
        if name.0 == 0
            && !self.shadows_root
            && let Some(root) = own.first()
        {
            return Ok(root.flow.clone());
        }
        let found = own.iter().rev().enumerate().find(|(_, it)| it.name == name.0);
        let (passed, value) = match found {
            Some((passed, variable)) => (passed, variable.flow.clone()),
            None => return Err(self.undefined(name)),
        };
        self.pay(passed as u64 / 16)?;
        Ok(value)
    }

    /// Gives a declared variable another value: the one that was declared last.
    pub(super) fn assign(&mut self, variable: Id, value: Flow) -> Result<(), Fail> {
        let Form::Variable { name, .. } = self.unit.node(variable).form else { return Ok(()) };
        let own = self.render.variables.get_mut(self.base..).unwrap_or(&mut []);
        match own.iter_mut().rev().enumerate().find(|(_, it)| it.name == name.0) {
            Some((passed, known)) => {
                known.flow = value;
                self.pay(passed as u64 / 16)
            }
            None => Err(self.undefined(name)),
        }
    }

    fn undefined(&self, name: Name) -> Fail {
        self.message(format!("undefined variable: {}", self.unit.name_of(name)))
    }
}
