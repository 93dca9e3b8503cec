//! Fields, keys and methods.

use super::{Fail, State, call::Target};
use crate::render::gotemplate::{
    flow::Flow,
    set::MissingKey,
    strconv::quote,
    tree::{Form, Id, Name, Run},
    value::{Map, Value},
};

impl State<'_, '_, '_> {
    /// `.a.b.c` of a receiver; if the last is a method it gets the arguments.
    pub(super) fn chain(
        &mut self,
        dot: &Flow,
        receiver: &Flow,
        fields: Run,
        node: Id,
        args: &[Id],
        last: Option<Flow>,
    ) -> Result<Flow, Fail> {
        let unit = self.unit;
        let Some((final_name, names)) = unit.fields(fields).split_last() else { return Ok(receiver.clone()) };
        let mut holder;
        let mut receiver = receiver;
        for name in names {
            holder = self.field(dot, *name, node, &[], None, receiver)?;
            receiver = &holder;
        }
        self.field(dot, *final_name, node, args, last, receiver)
    }

    /// `(pipeline).a.b`.
    pub(super) fn chained(
        &mut self,
        dot: &Flow,
        node: Id,
        of: Id,
        fields: Run,
        args: &[Id],
        last: Option<Flow>,
    ) -> Result<Flow, Fail> {
        self.at = node;
        let receiver = match self.unit.node(of).form {
            Form::Nil => {
                let chain = self.unit.show(node);
                return Err(self.message(format!("indirection through explicit nil in {chain}")));
            }
            Form::Function { name, callee } => self.function(dot, of, name, callee, of, &[], None)?,
            _ => {
                self.at = of;
                self.nested(dot, of)?
            }
        };
        self.chain(dot, &receiver, fields, node, args, last)
    }

    fn field(
        &mut self,
        dot: &Flow,
        name: Name,
        node: Id,
        args: &[Id],
        last: Option<Flow>,
        receiver: &Flow,
    ) -> Result<Flow, Fail> {
        let has_arguments = args.len() > 1 || last.is_some();
        let unit = self.unit;
        let key = unit.name_of(name);
        if let Value::Map(map) = &receiver.value {
            let kind = map.map_type().name;
            if !kind.starts_with("map[")
                && let Some(method) = self.render.templates.functions().method(kind, &key.to_text())
            {
                return self.call(
                    dot,
                    Target::Method(method, &receiver.value),
                    node,
                    method.name,
                    args,
                    last,
                );
            }
            return self.entry(map, name, has_arguments);
        }
        if let Value::List(list) = &receiver.value
            && let Some(method) =
                self.render.templates.functions().method(list.list_type().name, &key.to_text())
        {
            return self.call(dot, Target::Method(method, &receiver.value), node, method.name, args, last);
        }
        if receiver.is_nothing() {
            if self.render.templates.on_missing_key() == MissingKey::Error {
                return Err(self.message(format!("nil data; no entry for key {}", quote(key))));
            }
            return Ok(Flow::NOTHING);
        }
        let kind = receiver.type_name();
        if receiver.is_nil_pointer() {
            return Err(self.message(format!("nil pointer evaluating {kind}.{key}")));
        }
        if let Value::Object(object) = &receiver.value {
            let text = key.to_text();
            if let Some(method) = object.method(&text) {
                let target = Target::Method(method, &receiver.value);
                return self.call(dot, target, node, &text, args, last);
            }
            if let Some(value) = object.field(&text) {
                if has_arguments {
                    let message = format!("{text} has arguments but cannot be invoked as function");
                    return Err(self.message(message));
                }
                return Ok(Flow::plain(value));
            }
            if let Some(Value::Map(map)) = object.underlying() {
                return self.entry(&map, name, has_arguments);
            }
        }
        Err(self.message(format!("can't evaluate field {key} in type {kind}")))
    }

    fn entry(&self, map: &Map, name: Name, has_arguments: bool) -> Result<Flow, Fail> {
        let key = self.unit.name_of(name);
        if has_arguments {
            return Err(self.message(format!("{key} is not a method but has arguments")));
        }
        let element = map.map_type().element;
        match map.get(key) {
            Some(value) => Ok(Flow::of(value, element)),
            None => match self.render.templates.on_missing_key() {
                MissingKey::Default => Ok(Flow::NOTHING),
                MissingKey::Zero => Ok(Flow::zero(element)),
                MissingKey::Error => Err(self.message(format!("map has no entry for key {}", quote(key)))),
            },
        }
    }
}
