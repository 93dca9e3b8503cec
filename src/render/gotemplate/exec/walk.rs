//! Text, actions and blocks.

use super::{Fail, State};
use crate::render::gotemplate::{
    flow::{Flow, as_text},
    fmt,
    strconv::quote,
    tree::{Branch, Form, Id, Name},
    value::{IntKind, Value},
};

/// How a node ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Normal,
    Break,
    Continue,
}

impl State<'_, '_, '_> {
    pub(super) fn walk(&mut self, dot: &Flow, id: Id) -> Result<End, Fail> {
        self.at = id;
        if let Form::List(run) = self.unit.node(id).form {
            for child in self.unit.children(run) {
                let end = self.walk(dot, *child)?;
                if end != End::Normal {
                    return Ok(end);
                }
            }
            return Ok(End::Normal);
        }
        self.step()?;
        match self.unit.node(id).form {
            Form::Text { start, end } => {
                let text = self.unit.slice(start, end);
                self.write(text)?;
            }
            Form::Action(pipe) => {
                let value = self.pipeline(dot, pipe)?;
                if !self.declares(pipe) {
                    self.at = id;
                    self.print(&value, id)?;
                }
            }
            Form::If(branch) => return self.block(dot, branch, false),
            Form::With(branch) => return self.block(dot, branch, true),
            Form::Range(branch) => return self.range(dot, branch).map(|()| End::Normal),
            Form::Template { name, pipe } => self.template(dot, name, pipe)?,
            Form::Break => return Ok(End::Break),
            Form::Continue => return Ok(End::Continue),
            _ => return Err(self.message(format!("unknown node: {}", self.unit.show(id)))),
        }
        Ok(End::Normal)
    }

    fn declares(&self, pipe: Id) -> bool {
        matches!(self.unit.node(pipe).form, Form::Pipe { variables, .. } if variables.len > 0)
    }

    /// `if`, and `with`, which differs in that the value becomes the dot.
    fn block(&mut self, dot: &Flow, branch: Branch, moves_dot: bool) -> Result<End, Fail> {
        if let Err(exhausted) = self.render.meter.stack() {
            return Err(self.exhausted(exhausted));
        }
        let mark = self.render.variables.len();
        let value = self.pipeline(dot, branch.pipe)?;
        let end = if value.value.is_true() {
            self.walk(if moves_dot { &value } else { dot }, branch.list)?
        } else if let Some(otherwise) = branch.otherwise {
            self.walk(dot, otherwise)?
        } else {
            End::Normal
        };
        self.render.variables.truncate(mark);
        Ok(end)
    }

    fn template(&mut self, dot: &Flow, name: Name, pipe: Option<Id>) -> Result<(), Fail> {
        let name = self.unit.name_of(name);
        let Some(entry) = self.render.find(name) else {
            return Err(self.message(format!("template {} not defined", quote(name))));
        };
        let dot = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Flow::NOTHING,
        };
        self.render.enter(&entry, dot)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Fail> {
        if let Err(exhausted) = self.render.meter.write(bytes.len()) {
            return Err(self.exhausted(exhausted));
        }
        self.render.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Prints what an action comes to.
    fn print(&mut self, flow: &Flow, id: Id) -> Result<(), Fail> {
        if let Some(text) = as_text(&flow.value) {
            return self.write(text);
        }
        if let Value::Object(object) = &flow.value
            && let Some(text) = object.addressed_text()
        {
            return self.write(&text);
        }
        match &flow.value {
            Value::Nil => self.write(b"<no value>"),
            Value::Int(number, IntKind::Int | IntKind::Int64) => self.write(number.to_string().as_bytes()),
            Value::Func(_) => {
                let (node, kind) = (self.unit.show(id), flow.type_name());
                Err(self.message(format!("can't print {node} of type {kind}")))
            }
            value => {
                let start = self.render.out.len();
                let room = self.render.meter.room();
                let printed = fmt::print_followed(&mut self.render.out, std::slice::from_ref(value), room);
                let written = self.render.out.len() - start;
                match printed {
                    Ok(()) => match self.render.meter.write(written) {
                        Ok(()) => Ok(()),
                        Err(exhausted) => Err(self.exhausted(exhausted)),
                    },
                    Err(failure) => {
                        let used_up = self.used_up(&failure);
                        Err(used_up.unwrap_or_else(|| self.message(failure.to_string())))
                    }
                }
            }
        }
    }
}
