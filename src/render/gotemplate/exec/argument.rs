//! Arguments, and whether they are of the type that is declared.

use super::{Fail, State};
use crate::render::gotemplate::{
    flow::Flow,
    tree::{Form, Id},
    value::{FloatKind, Type, Value},
};

impl State<'_, '_, '_> {
    /// The value of an operand as an argument of a type.
    pub(super) fn argument(&mut self, dot: &Flow, wanted: Type, id: Id) -> Result<Flow, Fail> {
        self.at = id;
        let value = match self.unit.node(id).form {
            Form::Dot => dot.clone(),
            Form::Nil if wanted.takes_nil() => return Ok(Flow::zero(wanted)),
            Form::Nil => return Err(self.message(format!("cannot assign nil to {wanted}"))),
            Form::Field(fields) => self.chain(dot, dot, fields, id, &[], None)?,
            Form::Variable { name, fields } => self.variable(dot, id, name, fields, &[], None)?,
            Form::Pipe { .. } => self.nested(dot, id)?,
            Form::Function { name, callee } => self.function(dot, id, name, callee, id, &[], None)?,
            Form::Chain { of, fields } => self.chained(dot, id, of, fields, &[], None)?,
            _ => return self.literal_argument(wanted, id),
        };
        self.validated(value, wanted)
    }

    /// A literal takes the type that is asked for, where it can.
    fn literal_argument(&mut self, wanted: Type, id: Id) -> Result<Flow, Fail> {
        let form = self.unit.node(id).form;
        let number = match form {
            Form::Number { number, .. } => Some(self.unit.number(number)),
            _ => None,
        };
        let (value, expected) = match wanted {
            Type::Any | Type::Reflect => return self.literal(id),
            Type::Bool => match form {
                Form::Bool(truth) => (Some(Value::Bool(truth)), "bool"),
                _ => (None, "bool"),
            },
            Type::String => match form {
                Form::String { value, .. } => (Some(Value::Str(self.unit.name_of(value).clone())), "string"),
                _ => (None, "string"),
            },
            Type::Int(kind) => {
                (number.and_then(|it| it.int).map(|it| Value::Int(kind.wrap(it), kind)), "integer")
            }
            Type::Uint(kind) => {
                let value = number.and_then(|it| it.uint).map(|it| Value::Uint(kind.wrap(it), kind));
                (value, "unsigned integer")
            }
            Type::Float(kind) => {
                #[expect(clippy::cast_possible_truncation, reason = "so does Go")]
                let fit = |it: f64| match kind {
                    FloatKind::Float32 => f64::from(it as f32),
                    FloatKind::Float64 => it,
                };
                (number.and_then(|it| it.float).map(|it| Value::Float(fit(it), kind)), "float")
            }
            Type::Complex => {
                (number.and_then(|it| it.complex).map(|(real, im)| Value::Complex(real, im)), "complex")
            }
            Type::Bytes | Type::List(_) | Type::Map(_) | Type::Object(_) | Type::Error => {
                let node = self.unit.show(id);
                return Err(self.message(format!("can't handle {node} for arg of type {wanted}")));
            }
        };
        value.map(Flow::plain).ok_or_else(|| {
            let node = self.unit.show(id);
            self.message(format!("expected {expected}; found {node}"))
        })
    }

    /// Go's `validateType`: the value, if it is assignable to the type.
    pub(super) fn validated(&self, flow: Flow, wanted: Type) -> Result<Flow, Fail> {
        if flow.is_nothing() {
            if wanted.takes_nil() {
                return Ok(Flow::zero(wanted));
            }
            return Err(self.message(format!("invalid value; expected {wanted}")));
        }
        if matches!(wanted, Type::Any | Type::Reflect) {
            return Ok(flow);
        }
        if flow.value.is_assignable_to(wanted) {
            return Ok(Flow::plain(flow.value));
        }
        // One pointer may be followed.
        if let (Type::Object(wanted), Value::Object(object)) = (wanted, &flow.value)
            && object.type_name().strip_prefix('*') == Some(wanted)
        {
            return Ok(flow);
        }
        let found = match flow.value {
            // Nil in an interface cannot be taken out of it.
            Value::Nil => flow.type_name(),
            _ => flow.value.type_name(),
        };
        Err(self.message(format!("wrong type for value; expected {wanted}; got {found}")))
    }
}
