//! The functions that every template has.

mod compare;
mod escape;
mod index;

use super::{
    flow::Flow,
    fmt,
    function::Failure,
    value::{Type, Value},
};

pub(super) use index::prepared;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    And,
    Call,
    Html,
    Index,
    Slice,
    Js,
    Len,
    Not,
    Or,
    Print,
    Printf,
    Println,
    UrlQuery,
    Eq,
    Ge,
    Gt,
    Le,
    Lt,
    Ne,
}

impl Builtin {
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "and" => Self::And,
            "call" => Self::Call,
            "html" => Self::Html,
            "index" => Self::Index,
            "slice" => Self::Slice,
            "js" => Self::Js,
            "len" => Self::Len,
            "not" => Self::Not,
            "or" => Self::Or,
            "print" => Self::Print,
            "printf" => Self::Printf,
            "println" => Self::Println,
            "urlquery" => Self::UrlQuery,
            "eq" => Self::Eq,
            "ge" => Self::Ge,
            "gt" => Self::Gt,
            "le" => Self::Le,
            "lt" => Self::Lt,
            "ne" => Self::Ne,
            _ => return None,
        })
    }

    /// The parameters, and whether the last one takes any number of arguments.
    pub(super) fn signature(self) -> (&'static [Type], bool) {
        match self {
            Self::And | Self::Or | Self::Call | Self::Index | Self::Slice | Self::Eq => {
                (&[Type::Reflect, Type::Reflect], true)
            }
            Self::Html | Self::Js | Self::UrlQuery | Self::Print | Self::Println => (&[Type::Any], true),
            Self::Printf => (&[Type::String, Type::Any], true),
            Self::Len | Self::Not => (&[Type::Reflect], false),
            Self::Ge | Self::Gt | Self::Le | Self::Lt | Self::Ne => (&[Type::Reflect, Type::Reflect], false),
        }
    }

    /// Calls it. `and`, `or` and `call` are the executor's own affair, and give nothing here.
    pub(super) fn call(self, args: &[Flow], room: u64) -> Result<Flow, Failure> {
        let [first, rest @ ..] = args else { return self.without_arguments(room) };
        let second = rest.first().unwrap_or(&Flow::NOTHING);
        let truth = |result: Result<bool, Failure>| result.map(|it| Flow::plain(Value::Bool(it)));
        match self {
            Self::And | Self::Or | Self::Call => Ok(Flow::NOTHING),
            Self::Index => index::index(first, rest),
            Self::Slice => index::slice(first, rest),
            Self::Len => index::len(first),
            Self::Not => truth(Ok(!first.value.is_true())),
            Self::Eq => truth(compare::eq(&first.value, rest)),
            Self::Ne => truth(compare::eq(&first.value, rest).map(|equal| !equal)),
            Self::Lt => truth(compare::lt(&first.value, &second.value)),
            Self::Le => truth(compare::le(&first.value, rest)),
            Self::Gt => truth(compare::le(&first.value, rest).map(|it| !it)),
            Self::Ge => truth(compare::lt(&first.value, &second.value).map(|it| !it)),
            Self::Html | Self::Js | Self::UrlQuery | Self::Print | Self::Printf | Self::Println => {
                let values: Vec<Value> = args.iter().map(|it| it.value.clone()).collect();
                self.text(&values, room)
            }
        }
    }

    fn text(self, values: &[Value], room: u64) -> Result<Flow, Failure> {
        let mut out = Vec::new();
        match (self, values) {
            (Self::Html, _) => out = escape::html(&escape::text(values, room)?),
            (Self::Js, _) => out = escape::js(&escape::text(values, room)?),
            (Self::UrlQuery, _) => out = escape::url_query(&escape::text(values, room)?),
            (Self::Printf, [Value::Str(format), rest @ ..]) => fmt::printf(&mut out, format, rest, room)?,
            (Self::Println, _) => fmt::println(&mut out, values, room)?,
            _ => fmt::print(&mut out, values, room)?,
        }
        Ok(Flow::plain(out.into()))
    }

    fn without_arguments(self, room: u64) -> Result<Flow, Failure> {
        match self {
            Self::Html | Self::Js | Self::UrlQuery | Self::Print | Self::Println => self.text(&[], room),
            // The others have at least one parameter, and the executor counted.
            _ => Ok(Flow::NOTHING),
        }
    }
}
