//! `range`.

use super::{Fail, State, walk::End};
use crate::{
    limits,
    render::gotemplate::{
        flow::Flow,
        fmt,
        tree::{Branch, Form, Id, Run},
        value::{UintKind, Value},
    },
};

/// What each iteration needs to know of its `range`.
struct Loop {
    pipe: Id,
    list: Id,
    variables: Run,
    assigns: bool,
    /// Where the variables of the body begin.
    mark: usize,
}

impl State<'_, '_, '_> {
    pub(super) fn range(&mut self, dot: &Flow, branch: Branch) -> Result<(), Fail> {
        if let Err(exhausted) = self.render.meter.stack() {
            return Err(self.exhausted(exhausted));
        }
        let outer = self.render.variables.len();
        let over = self.pipeline(dot, branch.pipe)?;
        let Form::Pipe { variables, assigns, .. } = self.unit.node(branch.pipe).form else { return Ok(()) };
        let mark = self.render.variables.len();
        let it = Loop { pipe: branch.pipe, list: branch.list, variables, assigns, mark };
        if !self.each(&over, &it)?
            && let Some(otherwise) = branch.otherwise
        {
            self.walk(dot, otherwise)?;
        }
        self.render.variables.truncate(outer);
        Ok(())
    }

    /// Executes the body for each element; false where there is none.
    fn each(&mut self, over: &Flow, it: &Loop) -> Result<bool, Fail> {
        match &over.value.plain() {
            Value::Int(count, kind) => {
                self.check_one_variable(over, it)?;
                for number in 0..*count {
                    let number = Flow::plain(Value::Int(number, *kind));
                    if !self.iteration(Flow::NOTHING, number, it)? {
                        break;
                    }
                }
                Ok(*count > 0)
            }
            Value::Uint(count, kind) => {
                self.check_one_variable(over, it)?;
                for number in 0..*count {
                    let number = Flow::plain(Value::Uint(number, *kind));
                    if !self.iteration(Flow::NOTHING, number, it)? {
                        break;
                    }
                }
                Ok(*count > 0)
            }
            Value::List(list) => {
                let element = list.list_type().element;
                for at in 0..list.len() {
                    // The array is looked at each time, since the body may write to it.
                    let Some(value) = list.get(at) else { break };
                    if !self.iteration(index(at), Flow::of(value, element), it)? {
                        break;
                    }
                }
                Ok(!list.is_empty())
            }
            Value::Bytes(bytes) => {
                for (at, byte) in bytes.iter().enumerate() {
                    let byte = Flow::plain(Value::Uint(u64::from(*byte), UintKind::Uint8));
                    if !self.iteration(index(at), byte, it)? {
                        break;
                    }
                }
                Ok(!bytes.is_empty())
            }
            Value::Map(map) => {
                let element = map.map_type().element;
                // Keys and values as they are now, whatever the body does to the map; a body that breaks at once paid
                // for all of them.
                self.pay(map.len() as u64)?;
                let entries = map.to_vec();
                let any = !entries.is_empty();
                for (key, value) in entries {
                    if !self.iteration(Flow::plain(Value::Str(key)), Flow::of(value, element), it)? {
                        break;
                    }
                }
                Ok(any)
            }
            Value::Nil => Ok(false),
            _ => {
                let shown = shown(&over.value);
                Err(self.message(format!("range can't iterate over {shown}")))
            }
        }
    }

    fn check_one_variable(&self, over: &Flow, it: &Loop) -> Result<(), Fail> {
        if it.variables.len > 1 {
            let shown = shown(&over.value);
            return Err(self.message(format!("can't use {shown} to iterate over more than one variable")));
        }
        Ok(())
    }

    /// One turn; false where it is the last one by the body's own word.
    fn iteration(&mut self, index: Flow, element: Flow, it: &Loop) -> Result<bool, Fail> {
        if let Err(exhausted) = self.render.meter.step(1) {
            self.at = it.pipe;
            return Err(self.exhausted(exhausted));
        }
        match self.unit.children(it.variables) {
            [] => (),
            [one] if it.assigns => self.assign(*one, element.clone())?,
            [one, two] if it.assigns => {
                self.assign(*one, index)?;
                self.assign(*two, element.clone())?;
            }
            declared => {
                // The element is the variable that was declared last.
                self.set_top(it.mark, 1, element.clone());
                if declared.len() > 1 {
                    self.set_top(it.mark, 2, index);
                }
            }
        }
        let end = self.walk(&element, it.list)?;
        self.render.variables.truncate(it.mark);
        Ok(end != End::Break)
    }

    fn set_top(&mut self, mark: usize, back: usize, flow: Flow) {
        if let Some(variable) = mark.checked_sub(back).and_then(|it| self.render.variables.get_mut(it)) {
            variable.flow = flow;
        }
    }
}

fn index(at: usize) -> Flow {
    Flow::plain(Value::int(i64::try_from(at).unwrap_or(i64::MAX)))
}

/// A value as messages show it.
fn shown(value: &Value) -> String {
    let mut text = Vec::new();
    // What does not fit is cut, and good enough for a message.
    _ = fmt::print_followed(&mut text, std::slice::from_ref(value), limits::TEMPLATE_MESSAGE_BYTES);
    String::from_utf8_lossy(&text).into_owned()
}
