//! Calls of functions and methods.

use super::{Fail, State};
use crate::render::gotemplate::{
    builtin::{Builtin, prepared},
    error::Why,
    flow::Flow,
    function::{Args, Failure, Function},
    tree::{Callee, Id, Name},
    value::{Type, Value},
};

/// What is called.
#[derive(Clone, Copy)]
pub(super) enum Target<'v> {
    Function(&'static Function),
    /// The receiver goes before the arguments.
    Method(&'static Function, &'v Value),
    Builtin(Builtin),
}

impl Target<'_> {
    fn signature(self) -> (&'static [Type], bool) {
        match self {
            Self::Function(function) | Self::Method(function, _) => (function.params, function.variadic),
            Self::Builtin(builtin) => builtin.signature(),
        }
    }
}

impl State<'_, '_, '_> {
    #[expect(clippy::too_many_arguments, reason = "each is one of the parts of a command")]
    pub(super) fn function(
        &mut self,
        dot: &Flow,
        id: Id,
        name: Name,
        callee: Callee,
        command: Id,
        args: &[Id],
        last: Option<Flow>,
    ) -> Result<Flow, Fail> {
        self.at = id;
        match callee {
            Callee::Function(function) => {
                self.call(dot, Target::Function(function), command, function.name, args, last)
            }
            Callee::Builtin(builtin) => {
                let name = self.unit.name_of(name).to_text();
                self.call(dot, Target::Builtin(builtin), command, &name, args, last)
            }
        }
    }

    /// Evaluates the arguments and calls. The first of `args`, if there are any, is the word that is called; `last` is
    /// what came through the pipe, and is the last argument.
    pub(super) fn call(
        &mut self,
        dot: &Flow,
        target: Target<'_>,
        node: Id,
        name: &str,
        args: &[Id],
        last: Option<Flow>,
    ) -> Result<Flow, Fail> {
        let args = args.get(1..).unwrap_or(&[]);
        let (params, variadic) = target.signature();
        let given = args.len() + usize::from(last.is_some());
        let fixed = params.len().saturating_sub(usize::from(variadic));
        if variadic && given < fixed {
            let got = args.len();
            return Err(
                self.message(format!("wrong number of args for {name}: want at least {fixed} got {got}"))
            );
        }
        if !variadic && given != fixed {
            return Err(self.message(format!("wrong number of args for {name}: want {fixed} got {given}")));
        }
        // Of a variadic function every further argument has the type of the last parameter.
        let wanted =
            |at: usize| params.get(at.min(params.len().saturating_sub(1))).copied().unwrap_or(Type::Any);
        match target {
            Target::Builtin(builtin @ (Builtin::And | Builtin::Or)) => {
                let mut value = Flow::NOTHING;
                for arg in args {
                    value = self.argument(dot, Type::Reflect, *arg)?;
                    if value.value.is_true() == (builtin == Builtin::Or) {
                        return Ok(value);
                    }
                }
                Ok(last.unwrap_or(value))
            }
            Target::Builtin(builtin) => {
                let mut flows = Vec::with_capacity(given);
                for (at, arg) in args.iter().enumerate() {
                    flows.push(self.argument(dot, wanted(at), *arg)?);
                }
                let piped_name = last.as_ref().map(|it| piped_name(&it.value));
                if let Some(last) = last {
                    flows.push(self.validated(last, wanted(given - 1))?);
                }
                self.pay_for(node, flows.iter().map(|it| weight(&it.value)).sum())?;
                let result = match builtin {
                    Builtin::Call => {
                        let callee = args.first().map(|it| self.unit.show(*it)).or(piped_name);
                        self.dynamic_call(&callee.unwrap_or_default(), &flows)
                    }
                    _ => {
                        let room = self.render.meter.room();
                        builtin.call(&flows, room)
                    }
                };
                match result {
                    Ok(flow) => self.counted(node, flow),
                    Err(failure) => Err(self.failed(node, name, failure)),
                }
            }
            Target::Function(function) => {
                let values = self.render.spare.pop().unwrap_or_default();
                self.declared_call(dot, function, values, node, args, last)
            }
            Target::Method(function, receiver) => {
                let mut values = self.render.spare.pop().unwrap_or_default();
                values.push(receiver.clone());
                self.declared_call(dot, function, values, node, args, last)
            }
        }
    }

    /// Calls a function of Rust; `values` has the receiver, if it is a method.
    fn declared_call(
        &mut self,
        dot: &Flow,
        function: &'static Function,
        mut values: Vec<Value>,
        node: Id,
        args: &[Id],
        last: Option<Flow>,
    ) -> Result<Flow, Fail> {
        let wanted = |at: usize| {
            let at = at.min(function.params.len().saturating_sub(1));
            function.params.get(at).copied().unwrap_or(Type::Any)
        };
        for (at, arg) in args.iter().enumerate() {
            let flow = self.argument(dot, wanted(at), *arg)?;
            values.push(flow.value);
        }
        if let Some(last) = last {
            values.push(self.validated(last, wanted(args.len()))?.value);
        }
        self.pay_for(node, values.iter().map(weight).sum())?;
        let result = (function.body)(self.render, Args(&values));
        values.clear();
        self.render.spare.push(values);
        match result {
            Ok(value) => self.counted(node, Flow::of(value, function.result)),
            Err(failure) => Err(self.failed(node, function.name, failure)),
        }
    }

    /// Takes steps for a call, which is what an error names; else the node stays the one that was looked at last.
    fn pay_for(&mut self, node: Id, steps: u64) -> Result<(), Fail> {
        if let Err(exhausted) = self.render.meter.step(steps) {
            self.at = node;
            return Err(self.exhausted(exhausted));
        }
        Ok(())
    }

    fn failed(&mut self, node: Id, name: &str, failure: Failure) -> Fail {
        self.at = node;
        let used_up = self.used_up(&failure);
        used_up.unwrap_or_else(|| self.fail(Why::Call { function: name.to_owned(), failure }))
    }

    /// What a function returned. A text counts as output, whether it is written or kept.
    fn counted(&mut self, node: Id, flow: Flow) -> Result<Flow, Fail> {
        if let Value::Str(text) = &flow.value
            && let Err(exhausted) = self.render.meter.write(text.len())
        {
            self.at = node;
            return Err(self.exhausted(exhausted));
        }
        Ok(flow)
    }

    /// The builtin `call`: a function that is a value.
    fn dynamic_call(&mut self, name: &str, flows: &[Flow]) -> Result<Flow, Failure> {
        let Some((callee, args)) = flows.split_first() else { return Ok(Flow::NOTHING) };
        let function = match &callee.value {
            Value::Nil => return Err("call of nil".into()),
            Value::Func(function) => *function,
            other => {
                return Err(format!("non-function {name} of type {}", other.type_name()).into());
            }
        };
        let (params, got) = (function.params, args.len());
        let least = params.len().saturating_sub(usize::from(function.variadic));
        if function.variadic && got < least {
            return Err(format!("wrong number of args for {name}: got {got} want at least {least}").into());
        }
        if !function.variadic && got != least {
            return Err(format!("wrong number of args for {name}: got {got} want {least}").into());
        }
        let mut values = Vec::with_capacity(got);
        for (at, arg) in args.iter().enumerate() {
            let wanted = params.get(at.min(params.len().saturating_sub(1))).copied().unwrap_or(Type::Any);
            values.push(prepared(&arg.value, wanted).map_err(|error| format!("arg {at}: {error}"))?);
        }
        let value = (function.body)(self.render, Args(&values))?;
        Ok(Flow::of(value, function.result))
    }
}

/// What an argument costs in steps: most functions look at all of it.
fn weight(value: &Value) -> u64 {
    let weight = match value {
        Value::Str(text) | Value::Bytes(text) => text.len() / 64,
        Value::List(list) => list.len() / 16,
        Value::Map(map) => map.len() / 16,
        _ => 0,
    };
    weight as u64
}

/// What `reflect.Value.String` says of what came through the pipe to `call`.
fn piped_name(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_text().into_owned(),
        Value::Nil => "<invalid Value>".to_owned(),
        _ => format!("<{} Value>", value.type_name()),
    }
}
